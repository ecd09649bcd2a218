package storetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice"
	"sluice/store"
)

// model is what the store should hold of one space: the accounts, keys and ids
// that carry its name, so that every run has the store to itself.
type model struct {
	space       string
	balances    map[sluice.AccountID]sluice.Amount
	spends      map[string]sluice.Amount
	checkpoints map[string]sluice.Event
	booked      map[string]bool
	calls       int
}

func newModel(space string) *model {
	return &model{space, map[sluice.AccountID]sluice.Amount{}, map[string]sluice.Amount{}, map[string]sluice.Event{}, map[string]bool{}, 0}
}

func (m *model) name(s string) string { return m.space + s }

// operator is an account of the space's own operator.
func (m *model) operator(kind sluice.AccountKind) sluice.AccountID {
	return sluice.AccountID{Owner: m.name("operator"), Kind: kind, Currency: "USD"}
}

// apply returns the code that Commit should return, and changes the model when
// there is none.
func (m *model) apply(b sluice.Batch) sluice.Code {
	balances, spends := maps.Clone(m.balances), maps.Clone(m.spends)
	for _, p := range b.Postings {
		if m.booked[p.Tx.ID] {
			return sluice.CodeConflict
		}
		for _, e := range p.Tx.Entries {
			balances[e.Account], _ = balances[e.Account].Add(e.Amount)
		}
		if p.Event != nil {
			spends[p.Event.Key], _ = spends[p.Event.Key].Add(p.Event.Charge.Amount())
		}
	}
	for id, balance := range balances {
		if id.Kind.Wallet() && balance.Sign() < 0 {
			return sluice.CodeInsufficientFunds
		}
	}
	m.balances, m.spends = balances, spends
	for _, p := range b.Postings {
		m.booked[p.Tx.ID] = true
	}
	for _, c := range b.Checkpoints {
		m.checkpoints[c.CallID] = c
	}
	for _, id := range b.Closed {
		delete(m.checkpoints, id)
	}
	return ""
}

// compare compares the store's part of the space with the model.
func (m *model) compare(t *rapid.T, ctx context.Context, db *store.DB) {
	accounts, err := db.Accounts(ctx)
	spends, err2 := db.KeySpend(ctx)
	checkpoints, err3 := db.Checkpoints(ctx)
	booked, err4 := db.Committed(ctx, slices.Collect(maps.Keys(m.booked)))
	for _, err := range []error{err, err2, err3, err4} {
		if err != nil {
			t.Fatal(err)
		}
	}
	got := newModel(m.space)
	for _, a := range accounts {
		if strings.HasPrefix(a.Owner, m.space) {
			got.balances[a.AccountID] = a.Balance
		}
	}
	for key, amount := range spends {
		if strings.HasPrefix(key, m.space) {
			got.spends[key] = amount
		}
	}
	for _, c := range checkpoints {
		if strings.HasPrefix(c.CallID, m.space) {
			got.checkpoints[c.CallID] = c
		}
	}
	got.booked, got.calls = booked, m.calls
	if d := cmp.Diff(m, got, cmp.AllowUnexported(model{})); d != "" {
		t.Fatalf("store differs from the model (-want +got):\n%s", d)
	}
}

// draw makes a random posting: money that comes in, or a rated call.
func (m *model) draw(t *rapid.T) sluice.Posting {
	org := m.name(rapid.SampledFrom([]string{"org_a", "org_b", "org_c"}).Draw(t, "org"))
	m.calls++
	id := m.name(fmt.Sprintf("tx_%d", m.calls))
	if rapid.IntRange(0, 9).Draw(t, "old id") == 0 {
		id = m.name(fmt.Sprintf("tx_%d", rapid.IntRange(1, m.calls).Draw(t, "id")))
	}
	if rapid.Bool().Draw(t, "paid") {
		p := payment(id, org, sluice.Pico(rapid.Int64Range(0, 1<<20).Draw(t, "amount")).Amount())
		p.Tx.Entries[0].Account = m.operator(sluice.AccountClearing)
		return p
	}
	p := rated(id, org, m.name(rapid.SampledFrom([]string{"key_a", "key_b"}).Draw(t, "key")),
		rapid.Int64Range(0, 2000).Draw(t, "prompt"), rapid.Int64Range(0, 2000).Draw(t, "output"))
	// The wallet may have ended before the answer did.
	p.Event.Charge = sluice.Pico(rapid.Int64Range(0, int64(p.Event.List)).Draw(t, "charge"))
	p.Tx.Entries = transfer(wallet(org), m.operator(sluice.AccountRevenueAPI), p.Event.Charge.Amount())
	return p
}

// testRandomBatches runs random batches on the store and on a model of it. At
// the end the books of all runs together must be sound.
func testRandomBatches(t *testing.T, db *store.DB) {
	if err := db.PublishBook(t.Context(), book(t, "book_1")); err != nil {
		t.Fatal(err)
	}
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		m := newModel(fmt.Sprintf("run%d_", run))
		for range rapid.IntRange(1, 8).Draw(rt, "batches") {
			var b sluice.Batch
			ids := map[string]bool{}
			for range rapid.IntRange(0, 6).Draw(rt, "postings") {
				if p := m.draw(rt); !ids[p.Tx.ID] {
					ids[p.Tx.ID] = true
					b.Postings = append(b.Postings, p)
				}
			}
			for range rapid.IntRange(0, 3).Draw(rt, "checkpoints") {
				id := m.name(rapid.SampledFrom([]string{"call_a", "call_b"}).Draw(rt, "call"))
				b.Checkpoints = append(b.Checkpoints, *event(id, "org_a", "key_a", sluice.Pico(rapid.Int64().Draw(rt, "charge"))))
			}
			if rapid.Bool().Draw(rt, "close") {
				b.Closed = []string{m.name("call_a")}
			}
			want := m.apply(b)
			if err := db.Commit(t.Context(), b); sluice.CodeOf(err) != want {
				rt.Fatalf("commit: got %v, want %q", err, want)
			}
		}
		m.compare(rt, t.Context(), db)
	})
	wantViolations(t, db)
}

// testAnyOrder books the same postings in two orders, cut into batches in two
// ways, and compares the balances.
func testAnyOrder(t *testing.T, db *store.DB) {
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		type call struct {
			org, key string
			charge   sluice.Pico
		}
		calls := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) call {
			return call{
				rapid.SampledFrom([]string{"org_a", "org_b"}).Draw(t, "org"), rapid.SampledFrom([]string{"key_a", "key_b"}).Draw(t, "key"),
				sluice.Pico(rapid.Int64Range(0, 5000).Draw(t, "charge")),
			}
		}), 1, 30).Draw(rt, "calls")
		order := make([]int, len(calls))
		for i := range order {
			order[i] = i
		}
		var got [2]map[string]sluice.Amount
		for side := range got {
			m := newModel(fmt.Sprintf("run%d_%d_", run, side))
			fund := []sluice.Posting{payment(m.name("a"), m.name("org_a"), sluice.Amount{Nano: 1000}), payment(m.name("b"), m.name("org_b"), sluice.Amount{Nano: 1000})}
			for i := range fund {
				fund[i].Tx.Entries[0].Account = m.operator(sluice.AccountClearing)
			}
			commitAll(rt, t.Context(), db, fund)
			var batch []sluice.Posting
			for _, i := range rapid.Permutation(order).Draw(rt, "order") {
				c := calls[i]
				p := usage(m.name(fmt.Sprintf("call_%d", i)), m.name(c.org), m.name(c.key), c.charge)
				p.Tx.Entries[1].Account = m.operator(sluice.AccountRevenueAPI)
				batch = append(batch, p)
				if rapid.Bool().Draw(rt, "cut") {
					commitAll(rt, t.Context(), db, batch)
					batch = nil
				}
			}
			commitAll(rt, t.Context(), db, batch)
			got[side] = m.sums(rt, t.Context(), db)
		}
		if d := cmp.Diff(got[0], got[1]); d != "" {
			rt.Errorf("two orders of the same calls differ:\n%s", d)
		}
	})
}

func commitAll(t *rapid.T, ctx context.Context, db *store.DB, postings []sluice.Posting) {
	if err := db.Commit(ctx, sluice.Batch{Postings: postings}); err != nil {
		t.Fatal(err)
	}
}

// sums returns the space's balances and spends by names without the space.
func (m *model) sums(t *rapid.T, ctx context.Context, db *store.DB) map[string]sluice.Amount {
	accounts, err := db.Accounts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	spends, err := db.KeySpend(ctx)
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]sluice.Amount{}
	for _, a := range accounts {
		if owner, ok := strings.CutPrefix(a.Owner, m.space); ok {
			sums[owner+" "+string(a.Kind)] = a.Balance
		}
	}
	for key, amount := range spends {
		if key, ok := strings.CutPrefix(key, m.space); ok {
			sums[key] = amount
		}
	}
	return sums
}
