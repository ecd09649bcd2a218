package plan_test

import (
	"testing"
	"time"

	"sluice"
	"sluice/money/ledger"
	"sluice/money/plan"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// books is what a history has posted.
type books struct {
	ids      map[string]bool
	balances map[sluice.AccountKind]int64 // nano
	last     time.Time
}

// post checks and books transactions.
func (b *books) post(t *rapid.T, txs []sluice.Tx, now time.Time) {
	for i := range txs {
		tx := &txs[i]
		if err := ledger.Check(tx); err != nil {
			t.Fatal(err)
		}
		if b.ids[tx.ID] {
			t.Fatalf("%s is posted twice", tx.ID)
		}
		if tx.At.After(now) || tx.At.Before(b.last) {
			t.Fatalf("%s takes effect at %v, after one at %v, now %v", tx.ID, tx.At, b.last, now)
		}
		b.ids[tx.ID], b.last = true, tx.At
		for _, e := range tx.Entries {
			if e.Amount.Carry != 0 || e.Amount.Sign() == 0 {
				t.Fatalf("%s: %+v", tx.ID, e)
			}
			if e.Account.Kind == sluice.AccountRevenuePlan && e.Amount.Sign() < 0 {
				t.Fatalf("%s takes revenue back", tx.ID)
			}
			b.balances[e.Account.Kind] += e.Amount.Nano
		}
	}
}

// TestHistories: over any history the deferred account has exactly what of the
// running period is not earned, what was paid is earned, given back or rounded,
// by half a fen at most for each change, and nothing is posted twice.
func TestHistories(t *testing.T) {
	versions := []*plan.Version{lite(t), pro(t), publish(t, "odd-1", glm(t, "odd", 3, "0.01", "99.99", "9999999.97", 1, 1))}
	cycles := []plan.Cycle{plan.Monthly, plan.Quarterly, plan.Yearly}
	sources := []sluice.AccountKind{sluice.AccountPrepaid, sluice.AccountClearing}
	r := rules(t)
	rapid.Check(t, func(t *rapid.T) {
		now := start.Add(time.Duration(rapid.Int64Range(0, int64(3*365*24*time.Hour)).Draw(t, "start"))).Truncate(time.Microsecond)
		b := &books{ids: map[string]bool{}, balances: map[sluice.AccountKind]int64{}}
		version := rapid.SampledFrom(versions)
		cycle, source := rapid.SampledFrom(cycles), rapid.SampledFrom(sources)
		s, txs, err := r.Start("s", "o", version.Draw(t, "version"), cycle.Draw(t, "cycle"), rapid.Bool().Draw(t, "trial"), source.Draw(t, "source"), now)
		if err != nil {
			t.Fatal(err)
		}
		b.post(t, txs, now)
		changes := int64(0)
		step := func(name string, next plan.Subscription, txs []sluice.Tx, err error) {
			if err != nil {
				if diff := cmp.Diff(s, next); diff != "" || txs != nil {
					t.Fatalf("%s failed and changed\n%s", name, diff)
				}
				return
			}
			if name == "upgrade" || name == "refund" {
				changes++
			}
			s = next
			b.post(t, txs, now)
		}
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) { checkDeferred(t, &s, b) },
			"time": func(t *rapid.T) {
				span := rapid.OneOf(rapid.Int64Range(0, int64(26*time.Hour)), rapid.Int64Range(0, int64(40*24*time.Hour))).Draw(t, "span")
				middle, end := now.Add(time.Duration(span/3)), now.Add(time.Duration(span))
				once, all, err := r.Advance(s, end)
				if err != nil {
					t.Fatal(err)
				}
				half, first, err := r.Advance(s, middle)
				if err != nil {
					t.Fatal(err)
				}
				twice, second, err := r.Advance(half, end)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(once, twice) + cmp.Diff(len(all), len(first)+len(second)); diff != "" {
					t.Fatalf("in two steps\n%s", diff)
				}
				now = end
				step("advance", once, all, nil)
				if at := r.NextAt(s); !at.IsZero() && !at.After(now) {
					t.Fatalf("after %v the next is %v", now, at)
				}
			},
			"pay": func(t *rapid.T) {
				next, txs, err := r.Pay(s, source.Draw(t, "source"), now)
				step("pay", next, txs, err)
			},
			"upgrade": func(t *rapid.T) {
				next, txs, err := r.Upgrade(s, version.Draw(t, "version"), cycle.Draw(t, "cycle"), source.Draw(t, "source"), now)
				step("upgrade", next, txs, err)
			},
			"downgrade": func(t *rapid.T) {
				next, txs, err := r.Downgrade(s, version.Draw(t, "version"), cycle.Draw(t, "cycle"), now)
				step("downgrade", next, txs, err)
			},
			"cancel": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "seldom") > 0 {
					t.Skip("seldom")
				}
				next, txs, err := r.Cancel(s, now)
				step("cancel", next, txs, err)
			},
			"resume": func(t *rapid.T) {
				next, txs, err := r.Resume(s, now)
				step("resume", next, txs, err)
			},
			"refund": func(t *rapid.T) {
				if rapid.IntRange(0, 19).Draw(t, "seldom") > 0 {
					t.Skip("seldom")
				}
				next, txs, err := r.Refund(s, now)
				step("refund", next, txs, err)
			},
		})
		const fen = sluice.NanoPerUnit / 100
		if rounding := b.balances[sluice.AccountRounding]; max(rounding, -rounding) > changes*(fen/2+1) {
			t.Fatalf("%d changes were rounded by %d nano", changes, rounding)
		}
	})
}

// checkDeferred compares the deferred account with the running period.
func checkDeferred(t *rapid.T, s *plan.Subscription, b *books) {
	var want int64
	if s.Paid && s.Status != plan.Cancelled {
		days := int64((s.Period.End.Sub(s.Period.Start) + 12*time.Hour) / (24 * time.Hour))
		want = s.Terms.Price.Nano - s.Terms.Price.Nano*s.Earned/days
	}
	if got := b.balances[sluice.AccountDeferred]; got != want {
		t.Fatalf("%d nano are deferred, want %d: %+v", got, want, s)
	}
	var sum int64
	for _, n := range b.balances {
		sum += n
	}
	if sum != 0 {
		t.Fatalf("the books sum to %d", sum)
	}
}
