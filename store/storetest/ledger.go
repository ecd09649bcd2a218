package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice"
	"sluice/store"
)

// start is the instant at which every test begins.
func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func wallet(org string) sluice.AccountID {
	return sluice.AccountID{Owner: org, Kind: sluice.AccountPrepaid, Currency: "USD"}
}

func operator(kind sluice.AccountKind) sluice.AccountID {
	return sluice.AccountID{Owner: sluice.Operator, Kind: kind, Currency: "USD"}
}

// payment is money that came in for an organisation.
func payment(id, org string, amount sluice.Amount) sluice.Posting {
	return sluice.Posting{Tx: sluice.Tx{
		ID: id, Kind: sluice.TxPayment, At: start(), Memo: "paid",
		Entries: transfer(operator(sluice.AccountClearing), wallet(org), amount),
	}}
}

// usage is a settled call.
func usage(id, org, key string, charge sluice.Pico) sluice.Posting {
	return sluice.Posting{
		Tx: sluice.Tx{
			ID: id, Kind: sluice.TxUsage, At: start().Add(2 * time.Second),
			Entries: transfer(wallet(org), operator(sluice.AccountRevenueAPI), charge.Amount()),
		},
		Event: event(id, org, key, charge),
	}
}

func event(id, org, key string, charge sluice.Pico) *sluice.Event {
	return &sluice.Event{
		CallID: id, Org: org, Project: "proj_1", Key: key, Model: "glm", Engine: "eng_1", Endpoint: "/v1/chat/completions",
		AdmittedAt: start(), FirstAt: start().Add(123456 * time.Microsecond), EndedAt: start().Add(2 * time.Second),
		Status: sluice.StatusCompleted, Usage: sluice.Usage{10, 20, 30, 40, 50}, Estimated: true,
		Currency: "USD", Book: "book_1", List: charge + 5, Charge: charge,
	}
}

// transfer is the two entries that move an amount.
func transfer(from, to sluice.AccountID, amount sluice.Amount) []sluice.Entry {
	neg, err := amount.Neg()
	if err != nil {
		panic(err) // the test gave an amount without a negative
	}
	return []sluice.Entry{{Account: from, Amount: neg}, {Account: to, Amount: amount}}
}

func commit(t testing.TB, db *store.DB, postings ...sluice.Posting) {
	t.Helper()
	if err := db.Commit(t.Context(), sluice.Batch{Postings: postings}); err != nil {
		t.Fatal(err)
	}
}

// state is all that Commit may change.
type state struct {
	Accounts    []sluice.Account
	Spend       map[string]sluice.Amount
	Used        map[string]time.Time
	Checkpoints []sluice.Event
	Booked      map[string]bool
}

func read(t testing.TB, db *store.DB, ids ...string) state {
	t.Helper()
	var s state
	var errs [5]error
	s.Accounts, errs[0] = db.Accounts(t.Context())
	s.Spend, errs[1] = db.KeySpend(t.Context())
	s.Used, errs[2] = db.KeysLastUsed(t.Context())
	s.Checkpoints, errs[3] = db.Checkpoints(t.Context())
	s.Booked, errs[4] = db.Committed(t.Context(), ids)
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func testCommit(t *testing.T, db *store.DB) {
	commit(t, db, payment("tx_1", "org_a", sluice.Amount{Nano: 1000}), usage("call_1", "org_a", "key_a", 1500))
	later := usage("call_2", "org_a", "key_a", 2700)
	later.Event.AdmittedAt = start().Add(time.Minute)
	commit(t, db, later)
	commit(t, db, usage("call_3", "org_a", "key_b", 0))

	want := state{
		Accounts: []sluice.Account{
			{AccountID: operator(sluice.AccountClearing), Balance: sluice.Amount{Nano: -1000}},
			{AccountID: wallet("org_a"), Balance: sluice.Amount{Nano: 995, Carry: 800}},
			{AccountID: operator(sluice.AccountRevenueAPI), Balance: sluice.Amount{Nano: 4, Carry: 200}},
		},
		Spend:  map[string]sluice.Amount{"key_a": {Nano: 4, Carry: 200}, "key_b": {}},
		Used:   map[string]time.Time{"key_a": start().Add(time.Minute), "key_b": start()},
		Booked: map[string]bool{"tx_1": true, "call_1": true, "call_2": true, "call_3": true},
	}
	got := read(t, db, "tx_1", "call_1", "call_2", "call_3", "call_4")
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("after three batches (-want +got):\n%s", d)
	}
}

func testCommitNothing(t *testing.T, db *store.DB) {
	commit(t, db)
	if d := cmp.Diff(state{Spend: map[string]sluice.Amount{}, Used: map[string]time.Time{}, Booked: map[string]bool{}}, read(t, db)); d != "" {
		t.Errorf("an empty batch left (-want +got):\n%s", d)
	}
}

func testConflict(t *testing.T, db *store.DB) {
	commit(t, db, payment("tx_1", "org_a", sluice.Amount{Nano: 1000}), usage("call_1", "org_a", "key_a", 1500))
	ids := []string{"tx_1", "call_1", "call_2", "call_3"}
	before := read(t, db, ids...)
	err := db.Commit(t.Context(), sluice.Batch{
		Postings:    []sluice.Posting{usage("call_2", "org_new", "key_a", 0), usage("call_1", "org_a", "key_a", 1500), usage("call_3", "org_a", "key_a", 1)},
		Checkpoints: []sluice.Event{*event("call_9", "org_a", "key_a", 1)},
	})
	if sluice.CodeOf(err) != sluice.CodeConflict {
		t.Errorf("a booked id: got %v, want a conflict", err)
	}
	if d := cmp.Diff(before, read(t, db, ids...)); d != "" {
		t.Errorf("the refused batch left (-want +got):\n%s", d)
	}
	commit(t, db, usage("call_2", "org_new", "key_a", 0), usage("call_3", "org_a", "key_a", 1))
	if got := read(t, db, ids...).Booked; len(got) != 4 {
		t.Errorf("after the rest was committed, booked are %v", got)
	}
}

func testOverdraft(t *testing.T, db *store.DB) {
	commit(t, db, payment("tx_1", "org_a", sluice.Amount{Nano: 10}))
	before := read(t, db, "call_1", "call_2")
	err := db.Commit(t.Context(), sluice.Batch{
		Postings:    []sluice.Posting{usage("call_1", "org_a", "key_a", 9_999), usage("call_2", "org_a", "key_a", 2)},
		Checkpoints: []sluice.Event{*event("call_9", "org_a", "key_a", 1)},
	})
	if sluice.CodeOf(err) != sluice.CodeInsufficientFunds {
		t.Errorf("one pico too much: got %v, want insufficient funds", err)
	}
	if d := cmp.Diff(before, read(t, db, "call_1", "call_2")); d != "" {
		t.Errorf("the refused batch left (-want +got):\n%s", d)
	}
	commit(t, db, usage("call_1", "org_a", "key_a", 9_999), usage("call_2", "org_a", "key_a", 1))

	err = db.Commit(t.Context(), sluice.Batch{Postings: []sluice.Posting{usage("call_3", "org_without", "key_a", 1)}})
	if sluice.CodeOf(err) != sluice.CodeInsufficientFunds {
		t.Errorf("no wallet yet: got %v, want insufficient funds", err)
	}
}

func testUnbalanced(t *testing.T, db *store.DB) {
	one := sluice.Amount{Nano: 1}
	neg := sluice.Amount{Nano: -1}
	euro := wallet("org_a")
	euro.Currency = "EUR"
	good := payment("tx_0", "org_a", one)
	for name, p := range map[string]sluice.Posting{
		"one pico off": {Tx: sluice.Tx{ID: "tx_1", Kind: sluice.TxPayment, Entries: []sluice.Entry{
			{Account: operator(sluice.AccountClearing), Amount: neg}, {Account: wallet("org_a"), Amount: sluice.Amount{Nano: 1, Carry: 1}},
		}}},
		"two currencies": {Tx: sluice.Tx{ID: "tx_1", Kind: sluice.TxPayment, Entries: transfer(operator(sluice.AccountClearing), euro, one)}},
		"carry of 1000": {Tx: sluice.Tx{ID: "tx_1", Kind: sluice.TxPayment, Entries: []sluice.Entry{
			{Account: operator(sluice.AccountClearing), Amount: neg}, {Account: wallet("org_a"), Amount: sluice.Amount{Carry: 1000}},
		}}},
		"no id":                    {Tx: sluice.Tx{Kind: sluice.TxPayment}},
		"usage without an event":   {Tx: sluice.Tx{ID: "tx_1", Kind: sluice.TxUsage}},
		"payment with an event":    {Tx: sluice.Tx{ID: "tx_1", Kind: sluice.TxPayment}, Event: event("tx_1", "org_a", "key_a", 0)},
		"an event of another call": {Tx: sluice.Tx{ID: "call_1", Kind: sluice.TxUsage}, Event: event("call_2", "org_a", "key_a", 0)},
		"twice in the batch":       good,
	} {
		t.Run(name, func(t *testing.T) {
			err := db.Commit(t.Context(), sluice.Batch{Postings: []sluice.Posting{good, p}})
			if sluice.CodeOf(err) != sluice.CodeInternal {
				t.Errorf("got %v, want an internal error", err)
			}
		})
	}
	if got := read(t, db, "tx_0", "tx_1"); len(got.Accounts)+len(got.Booked) != 0 {
		t.Errorf("refused batches left %v", got)
	}
}

func testCheckpoints(t *testing.T, db *store.DB) {
	commit(t, db, payment("tx_1", "org_a", sluice.Amount{Nano: 1000}))
	first, second := *event("call_1", "org_a", "key_a", 10), *event("call_1", "org_a", "key_a", 20)
	other := *event("call_2", "org_a", "key_a", 30)
	other.FirstAt, other.Estimated, other.Simulated = time.Time{}, false, true
	put := func(b sluice.Batch, want ...sluice.Event) {
		t.Helper()
		if err := db.Commit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, read(t, db).Checkpoints); d != "" {
			t.Errorf("checkpoints (-want +got):\n%s", d)
		}
	}
	put(sluice.Batch{Checkpoints: []sluice.Event{first}}, first)
	put(sluice.Batch{Checkpoints: []sluice.Event{first, other, second}}, second, other)
	put(sluice.Batch{Postings: []sluice.Posting{usage("call_1", "org_a", "key_a", 20)}, Closed: []string{"call_1", "call_7"}}, other)
	put(sluice.Batch{Checkpoints: []sluice.Event{other}, Closed: []string{"call_2"}})
}

// testLargeBatch crosses all sizes of statements.
func testLargeBatch(t *testing.T, db *store.DB) {
	b := sluice.Batch{Postings: []sluice.Posting{payment("tx_0", "org_0", sluice.Amount{Nano: 1_000_000})}}
	ids := []string{"tx_0"}
	for i := range 700 {
		id := fmt.Sprintf("call_%03d", i)
		ids = append(ids, id)
		b.Postings = append(b.Postings, usage(id, "org_0", fmt.Sprintf("key_%d", i%300), sluice.Pico(i)))
		b.Postings = append(b.Postings, payment("tx"+id, fmt.Sprintf("org_%d", 1+i%400), sluice.Amount{Nano: 1, Carry: 1}))
	}
	if err := db.Commit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	got := read(t, db, ids...)
	if len(got.Booked) != 701 || len(got.Spend) != 300 || len(got.Accounts) != 403 {
		t.Fatalf("%d booked, %d keys, %d accounts; want 701, 300 and 403", len(got.Booked), len(got.Spend), len(got.Accounts))
	}
	for _, a := range got.Accounts {
		if a.AccountID == wallet("org_0") && a.Balance != (sluice.Amount{Nano: 1_000_000 - 245, Carry: 350}) {
			t.Errorf("the wallet has %v", a.Balance)
		}
	}
	var sum sluice.Amount
	for _, a := range got.Accounts {
		var err error
		if sum, err = sum.Add(a.Balance); err != nil {
			t.Fatal(err)
		}
	}
	if sum.Sign() != 0 {
		t.Errorf("all balances sum to %v", sum)
	}
}

// testAmountEdges books at the ends of 64 bits: exact, or refused, never wrapped.
func testAmountEdges(t *testing.T, db *store.DB) {
	most := sluice.Amount{Nano: 1<<63 - 1}
	commit(t, db, payment("tx_1", "org_a", most))
	before := read(t, db, "tx_1", "tx_2")
	if err := db.Commit(t.Context(), sluice.Batch{Postings: []sluice.Posting{payment("tx_2", "org_a", sluice.Amount{Nano: 1})}}); err == nil {
		t.Error("a balance beyond 64 bits was booked")
	}
	if d := cmp.Diff(before, read(t, db, "tx_1", "tx_2")); d != "" {
		t.Errorf("the refused batch left (-want +got):\n%s", d)
	}
	commit(t, db, usage("call_1", "org_a", "key_a", 1<<63-1))
	commit(t, db, payment("tx_3", "org_a", sluice.Amount{Nano: 1}))
}

// testConcurrent books from many goroutines against a balance for half of the
// calls, and reads meanwhile: every state that is read is of whole batches.
func testConcurrent(t *testing.T, db *store.DB) {
	const writers, each = 8, 10
	commit(t, db, payment("tx_1", "org_a", sluice.Amount{Nano: writers * each / 2}))
	var group sync.WaitGroup
	var booked, refused atomic.Int64
	for w := range writers {
		group.Go(func() {
			for i := range each {
				err := db.Commit(t.Context(), sluice.Batch{Postings: []sluice.Posting{usage(fmt.Sprintf("call_%d_%d", w, i), "org_a", "key_a", 1000)}})
				switch sluice.CodeOf(err) {
				case "":
					booked.Add(1)
				case sluice.CodeInsufficientFunds:
					refused.Add(1)
				default:
					t.Error(err)
				}
			}
		})
	}
	group.Go(func() {
		for range each {
			accounts, err := db.Accounts(t.Context())
			if err != nil {
				t.Error(err)
			}
			var sum int64
			for _, a := range accounts {
				sum += a.Balance.Nano
				if a.Kind.Wallet() && a.Balance.Sign() < 0 {
					t.Errorf("the wallet has %v", a.Balance)
				}
			}
			if sum != 0 {
				t.Errorf("balances sum to %d", sum)
			}
		}
	})
	group.Wait()
	if booked.Load() != writers*each/2 || refused.Load() != writers*each/2 {
		t.Errorf("%d booked and %d refused, want half of %d each", booked.Load(), refused.Load(), writers*each)
	}
}
