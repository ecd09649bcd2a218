package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice"
	"sluice/store"
)

// testEvents books seven calls a minute apart, of two organisations, and some
// that end at the same instant.
func testEvents(t *testing.T, db *store.DB) {
	var all []sluice.Event // in the order they are booked
	for i := range 7 {
		p := usage(fmt.Sprintf("call_%d", i), fmt.Sprintf("org_%d", i%2), fmt.Sprintf("key_%d", i%3), 0)
		p.Event.EndedAt = start().Add(time.Duration(i/2) * time.Minute)
		if i == 6 {
			p.Event.Model, p.Event.Status, p.Event.Project = "other", sluice.StatusFailed, "proj_2"
		}
		commit(t, db, p)
		all = append(all, *p.Event)
	}
	pick := func(order ...int) (events []sluice.Event) {
		for _, i := range order {
			events = append(events, all[i])
		}
		return events
	}
	for name, c := range map[string]struct {
		q    store.EventQuery
		want []sluice.Event
	}{
		"all":          {store.EventQuery{}, pick(6, 5, 4, 3, 2, 1, 0)},
		"organisation": {store.EventQuery{Org: "org_0"}, pick(6, 4, 2, 0)},
		"key":          {store.EventQuery{Key: "key_0"}, pick(6, 3, 0)},
		"key of one":   {store.EventQuery{Org: "org_1", Key: "key_0"}, pick(3)},
		"model":        {store.EventQuery{Model: "other"}, pick(6)},
		"status":       {store.EventQuery{Org: "org_0", Status: sluice.StatusCompleted}, pick(4, 2, 0)},
		"project":      {store.EventQuery{Project: "proj_2"}, pick(6)},
		"call":         {store.EventQuery{Call: "call_3"}, pick(3)},
		"call of none": {store.EventQuery{Org: "org_0", Call: "call_3"}, nil},
		"since":        {store.EventQuery{Org: "org_0", Since: start().Add(time.Minute)}, pick(6, 4, 2)},
		"until":        {store.EventQuery{Until: start().Add(time.Minute)}, pick(1, 0)},
		"nobody":       {store.EventQuery{Org: "org_2"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, next, err := db.Events(t.Context(), c.q)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got); d != "" || next != "" {
				t.Errorf("next %q, events (-want +got):\n%s", next, d)
			}
			for limit := 1; limit < 4; limit++ {
				if d := cmp.Diff(c.want, pages(t, db, c.q, limit)); d != "" {
					t.Errorf("in pages of %d (-want +got):\n%s", limit, d)
				}
			}
		})
	}
	_, _, err := db.Events(t.Context(), store.EventQuery{After: "nonsense"})
	fails(t, "a cursor of no one's", err, sluice.CodeInvalid)
}

func pages(t *testing.T, db *store.DB, q store.EventQuery, limit int) (all []sluice.Event) {
	t.Helper()
	q.Limit = limit
	for {
		events, next, err := db.Events(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) > limit || (next != "" && len(events) < limit) {
			t.Fatalf("a page of %d has %d events", limit, len(events))
		}
		all = append(all, events...)
		if next == "" {
			return all
		}
		q.After = next
	}
}

func testTx(t *testing.T, db *store.DB) {
	postings := []sluice.Posting{payment("tx_1", "org_a", sluice.Amount{Nano: 1000, Carry: 1}), usage("call_1", "org_a", "key_a", 1500)}
	free := usage("call_2", "org_a", "key_a", 0)
	free.Tx.Entries = nil
	postings = append(postings, free)
	commit(t, db, postings...)
	for _, p := range postings {
		got, err := db.Tx(t.Context(), p.Tx.ID)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(&p.Tx, got); d != "" {
			t.Errorf("transaction (-want +got):\n%s", d)
		}
	}
	_, err := db.Tx(t.Context(), "tx_2")
	fails(t, "an id never booked", err, sluice.CodeNotFound)
}

func testTxs(t *testing.T, db *store.DB) {
	var all []sluice.Tx
	for i := range 8 {
		id, at := fmt.Sprintf("tx_%d", i), start().Add(time.Duration(i/3)*time.Minute)
		p := payment(id, "org_a", sluice.Amount{Nano: 1000})
		if i%2 == 1 {
			p = usage(id, "org_a", "key_a", 1)
			p.Event.EndedAt = at
		}
		p.Tx.At = at
		all = append(all, p.Tx)
		other := payment("other"+id, "org_b", sluice.Amount{Nano: 1})
		other.Tx.At = at
		commit(t, db, p, other)
	}
	pick := func(order ...int) (txs []sluice.Tx) {
		for _, i := range order {
			txs = append(txs, all[i])
		}
		return txs
	}
	for name, c := range map[string]struct {
		q    store.TxQuery
		want []sluice.Tx
	}{
		"all":              {store.TxQuery{Org: "org_a"}, pick(7, 6, 5, 4, 3, 2, 1, 0)},
		"other than usage": {store.TxQuery{Org: "org_a", OtherThanUsage: true}, pick(6, 4, 2, 0)},
		"since":            {store.TxQuery{Org: "org_a", Since: start().Add(time.Minute)}, pick(7, 6, 5, 4, 3)},
		"until":            {store.TxQuery{Org: "org_a", Until: start().Add(time.Minute)}, pick(2, 1, 0)},
		"nobody":           {store.TxQuery{Org: "org_c"}, pick()},
	} {
		t.Run(name, func(t *testing.T) {
			for _, limit := range []int{0, 1, 3} {
				var got []sluice.Tx
				c.q.Limit, c.q.After = limit, ""
				for {
					txs, next, err := db.Txs(t.Context(), c.q)
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, txs...)
					if next == "" {
						break
					}
					c.q.After = next
				}
				if d := cmp.Diff(c.want, slices.Clip(got)); d != "" {
					t.Errorf("in pages of %d (-want +got):\n%s", limit, d)
				}
			}
		})
	}
	operators, _, err := db.Txs(t.Context(), store.TxQuery{Org: sluice.Operator})
	if err != nil || len(operators) != 12 {
		t.Errorf("the operator has %d transactions beside usage, want 12 (%v)", len(operators), err)
	}
	_, _, err = db.Txs(t.Context(), store.TxQuery{Org: "org_a", After: "1.x y"})
	fails(t, "a cursor of no one's", err, sluice.CodeInvalid)
}
