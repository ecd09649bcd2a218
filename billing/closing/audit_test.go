package closing_test

import (
	"context"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/billing/closing"
	"sluice/store/storetest"
)

// closedDay is a store with a closed day of calls that have something in every
// column, on which a day follows that was closed, opened again and closed.
func closedDay(t *testing.T) (w *world, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "ledger.db")
	w = openWorld(t, path)
	at := start().Add(90 * time.Minute)
	w.book(t, start().Add(time.Minute), at, at.Add(time.Minute))
	lot := &sluice.Lot{ID: "lot_1", Org: "org_1", Kind: sluice.AccountPromotional, Currency: "USD", Amount: sluice.Amount{Nano: 50}, Models: []string{"glm"}, CreatedAt: at}
	from := sluice.AccountID{Owner: sluice.Operator, Kind: sluice.AccountPromotion, Currency: "USD"}
	err := w.store.Commit(t.Context(), sluice.Batch{Postings: []sluice.Posting{
		{Tx: sluice.Tx{ID: "tx_lot", Kind: sluice.TxGrant, At: at, Memo: "a gift", Lot: lot, Entries: []sluice.Entry{{Account: from, Amount: sluice.Amount{Nano: -50}}, {Account: lot.Account(), Amount: lot.Amount}}}},
		{Tx: sluice.Tx{ID: "tx_back", Kind: sluice.TxCorrection, At: at, Corrects: "call_00001", Entries: []sluice.Entry{{Account: from, Amount: sluice.Amount{Nano: -1}}, {Account: lot.Account(), Amount: sluice.Amount{Nano: 1}}}}},
		{Tx: sluice.Tx{ID: "call_odd", Kind: sluice.TxUsage, At: at}, Event: &sluice.Event{
			CallID: "call_odd", Org: "org_1", Project: "proj_1", Key: "key_1", Model: "glm", Engine: "eng_1", Endpoint: "/v1/chat/completions", AdmittedAt: at, FirstAt: at, EndedAt: at,
			Batch: true, ServiceTier: "flex", Thinking: true, Status: sluice.StatusCancelled, Usage: sluice.Usage{1, 2, 3, 4, 5, 6}, Estimated: true, Simulated: true, Currency: "USD", Book: "book_1",
			List: 7, Steps: []sluice.StepUse{{Class: "input", Period: "day", Start: start(), Units: 1}}, Refund: 1, Subscription: "sub_1", PlanVersion: "plan_1", Cost: sluice.Cost{1, 2},
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	w.pass(t, start().Add(25*time.Hour))
	must := func(_ *closing.Day, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(w.Close(t.Context(), monday, "me"))
	w.book(t, start().Add(2*time.Hour)) // late
	w.pass(t, start().Add(27*time.Hour))
	must(w.Reopen(t.Context(), monday, "me", "a call came late"))
	must(w.Close(t.Context(), monday, "me"))
	w.whole(t)
	return w, path
}

// TestEveryByte alters one bit of each column of what is sealed and closed, and of
// what follows from it: each is found, and no other state is.
func TestEveryByte(t *testing.T) {
	w, path := closedDay(t)
	cells := storetest.Cells(t, path, []string{
		"tx", "usage_event", "entry", "account", "lot", "correction", "seal", "seal_page", "seal_segment", "rollup", "entry_sum", "day_rollup", "day_entry", "day_caller", "day_close",
	},
		"entry.line", "rollup.n", "entry_sum.n", // they say an order alone, which stays
		"account.nano", "account.carry", // balances, which the proof of the ledger is about
		"seal.floor",                             // of the last seal, below; of others it says nothing any more
		"seal_segment.hour", "seal_segment.page", // it is not read any more, and what is read in its place is checked
	)
	byColumn := map[string][]storetest.Cell{}
	for _, c := range cells {
		byColumn[c.Table+"."+c.Column] = append(byColumn[c.Table+"."+c.Column], c)
	}
	found := func() bool {
		faults, err := w.Audit(context.Background(), time.Time{}, time.Time{}, false)
		return err != nil || len(faults) > 0
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	columns := slices.Sorted(maps.Keys(byColumn))
	if raced { // another part of them each time
		random.Shuffle(len(columns), func(i, j int) { columns[i], columns[j] = columns[j], columns[i] })
		columns = columns[:20]
	}
	for _, column := range columns {
		altered := false
		for range 20 { // until a row takes it
			of := byColumn[column]
			c, at := of[random.IntN(len(of))], random.IntN(1<<20)
			mend, ok := c.Alter(t, at)
			if !ok {
				continue
			}
			if !found() {
				t.Errorf("%s was altered (%d), and nobody sees it", c, at)
			}
			mend()
			altered = true
			break
		}
		if !altered {
			t.Errorf("%s was never altered", column)
		}
	}
	if found() {
		t.Error("all is mended, and something is found")
	}
}

// TestFloor alters where sealing goes on: transactions that would then be in no seal
// are found, and what is only read once more is no fault.
func TestFloor(t *testing.T) {
	w, path := closedDay(t)
	w.book(t, start().Add(27*time.Hour+time.Minute)) // not sealed
	var floor storetest.Cell
	for _, c := range storetest.Cells(t, path, []string{"seal"}) {
		if c.Column == "floor" { // the last one is that of the last hour
			floor = c
		}
	}
	for by, faults := range map[int64]int{-3: 0, 1: 1} {
		mend, _ := floor.Set(t, floor.Row["floor"].(int64)+by)
		found, err := w.Audit(t.Context(), time.Time{}, time.Time{}, false)
		if err != nil || len(found) != faults {
			t.Errorf("%d more: %+v, %v", by, found, err)
		}
		mend()
	}
}

// TestRewrite alters what statements are made of: an audit finds it, and makes it
// again from what was sealed.
func TestRewrite(t *testing.T) {
	w, path := closedDay(t)
	for _, c := range storetest.Cells(t, path, []string{"rollup", "entry_sum", "day_rollup", "seal_segment"}) {
		if c.Column != "calls" && c.Column != "entries" && c.Column != "data" {
			continue
		}
		if _, ok := c.Alter(t, 5); !ok {
			t.Fatalf("%s cannot be altered", c)
		}
	}
	found, err := w.Audit(t.Context(), time.Time{}, time.Time{}, true)
	if err != nil || len(found) == 0 {
		t.Fatal(found, err)
	}
	for _, f := range found {
		if !f.Copy && !strings.Contains(f.What, "closed with other sums") {
			t.Errorf("%+v", f)
		}
	}
	w.whole(t)
}

// TestCurrencies closes a day in two currencies, each by itself; an event that says
// another one than the ledger booked keeps its day open.
func TestCurrencies(t *testing.T) {
	w := newWorld(t)
	post := func(id string, at time.Time, booked, says sluice.Currency) {
		t.Helper()
		account := func(owner string, kind sluice.AccountKind) sluice.AccountID {
			return sluice.AccountID{Owner: owner, Kind: kind, Currency: booked}
		}
		org := "org_" + string(booked)
		wallet, clearing := account(org, sluice.AccountPrepaid), account(sluice.Operator, sluice.AccountClearing)
		err := w.store.Commit(t.Context(), sluice.Batch{Postings: []sluice.Posting{
			{Tx: sluice.Tx{ID: "tx_" + id, Kind: sluice.TxPayment, At: at, Entries: []sluice.Entry{{Account: clearing, Amount: sluice.Amount{Nano: -1}}, {Account: wallet, Amount: sluice.Amount{Nano: 1}}}}},
			{
				Tx:    sluice.Tx{ID: id, Kind: sluice.TxUsage, At: at, Entries: []sluice.Entry{{Account: wallet, Amount: sluice.Amount{Nano: -1}}, {Account: account(sluice.Operator, sluice.AccountRevenueAPI), Amount: sluice.Amount{Nano: 1}}}},
				Event: &sluice.Event{CallID: id, Org: org, Key: "key_1", Model: "glm", Engine: "eng_1", AdmittedAt: at, EndedAt: at, Status: sluice.StatusCompleted, Currency: says, List: 1000, Charge: 1000},
			},
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	post("call_1", start(), "USD", "USD")
	post("call_2", start(), "CNY", "CNY")
	post("call_3", start().Add(24*time.Hour), "USD", "CNY")
	w.pass(t, start().Add(49*time.Hour))
	day, err := w.Close(t.Context(), monday, "me")
	if err != nil || len(day.Sums) != 2 || day.Sums[0].Currency != "CNY" || day.Sums[0].Charge != day.Sums[1].Charge {
		t.Errorf("%+v, %v", day, err)
	}
	_, err = w.Close(t.Context(), "2026-11-17", "me")
	wants(t, "an event in another currency", err, sluice.CodeConflict, "earned:USD")
	wants(t, "an event in another currency", err, sluice.CodeConflict, "drawn:CNY")
	w.whole(t)
}
