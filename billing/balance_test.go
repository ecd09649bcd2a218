package billing

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"sluice"
)

func TestTenCallsOnSQLite(t *testing.T) {
	testTenCalls(t, func(t testing.TB) Store { return sqliteStore(t) })
}

// testTenCalls lets 1,000 calls at once ask for a balance that pays for 10:
// 10 are served and the others hear that there is no money, whether a call
// holds what it costs or more.
func testTenCalls(t *testing.T, fresh func(testing.TB) Store) {
	const charge, served, calls = 1_000_000, 10, 1000
	for _, held := range []int64{charge, charge * 3 / 2, 3 * charge, 10 * charge, 100 * charge} {
		t.Run(fmt.Sprintf("holding %d%%", held*100/charge), func(t *testing.T) {
			t.Parallel()
			l := start(t, fresh(t), Options{})
			fund(t, l, served*charge)
			var mu sync.Mutex
			got := map[sluice.Code]int{}
			var wg sync.WaitGroup
			for n := range calls {
				wg.Go(func() {
					_, err := l.Hold(t.Context(), request(callID(n), held, charge))
					if err == nil {
						var ev sluice.Event
						if ev, err = l.Settle(t.Context(), event(callID(n), charge)); err == nil && ev.Charge != charge*1000 {
							t.Errorf("call %d was charged %d pico", n, ev.Charge)
						}
					}
					if b, _ := l.Balance(org, usd); b.Available.Sign() < 0 || b.Held.Sign() < 0 {
						t.Errorf("available %s, held %s", b.Available, b.Held)
					}
					mu.Lock()
					got[sluice.CodeOf(err)]++
					mu.Unlock()
				})
			}
			wg.Wait()
			if got[""] != served || got[sluice.CodeInsufficientFunds] != calls-served {
				t.Errorf("answers by code: %v", got)
			}
			wantBalance(t, l, 0, 0)
			if spent := l.Spent(key); spent != (sluice.Amount{Nano: served * charge}) {
				t.Errorf("the key spent %s", spent)
			}
		})
	}
}

func TestSettle(t *testing.T) {
	s := newMemory()
	l := start(t, s, Options{})
	fund(t, l, 100)
	mustHold(t, l, "call_1", 60)
	wantBalance(t, l, 40, 60)

	mustSettle(t, l, "call_1", 10) // less than held
	wantBalance(t, l, 90, 0)
	_, err := l.Settle(t.Context(), event("call_1", 10))
	wantCode(t, err, sluice.CodeNotFound)
	_, err = l.Settle(t.Context(), event("call_2", 10))
	wantCode(t, err, sluice.CodeNotFound)
	wantBalance(t, l, 90, 0)

	mustHold(t, l, "call_3", 10)
	mustSettle(t, l, "call_3", 30) // more than held, and free
	wantBalance(t, l, 60, 0)

	mustHold(t, l, "call_4", 10)
	mustHold(t, l, "call_5", 30)
	ev, err := l.Settle(t.Context(), event("call_4", 50)) // more than held and free together
	if err != nil || ev.Charge != 30_000 || ev.List != 50_000 {
		t.Errorf("charged %d of %d pico, %v; want 30000: the hold and what was free", ev.Charge, ev.List, err)
	}
	wantBalance(t, l, 0, 30)
	l.Release("call_5")
	l.Release("call_5")
	wantBalance(t, l, 30, 0)
	if n := s.count(s.events); n != 3 {
		t.Errorf("%d events are booked, want 3", n)
	}
}

func TestSettleAnotherCall(t *testing.T) {
	l := start(t, newMemory(), Options{})
	fund(t, l, 100)
	mustHold(t, l, "call_1", 60)
	for name, change := range map[string]func(*sluice.Event){
		"organisation": func(ev *sluice.Event) { ev.Org = "org_b" },
		"key":          func(ev *sluice.Event) { ev.Key = "key_b" },
		"currency":     func(ev *sluice.Event) { ev.Currency = "CNY" },
		"amount":       func(ev *sluice.Event) { ev.List = -1 },
	} {
		ev := event("call_1", 10)
		change(&ev)
		if _, err := l.Settle(t.Context(), ev); err == nil {
			t.Errorf("a call was settled with another %s than it was held for", name)
		}
	}
	wantBalance(t, l, 40, 60)
}

func TestGrantIsBurntFirst(t *testing.T) {
	s := newMemory()
	l := start(t, s, Options{})
	fund(t, l, 100)
	grant := payment("tx_grant", org, 50)
	grant.Kind, grant.Entries[1].Account.Kind = sluice.TxGrant, sluice.AccountPromotional
	if err := l.Post(t.Context(), grant); err != nil {
		t.Fatal(err)
	}
	mustHold(t, l, "call_1", 150)
	mustSettle(t, l, "call_1", 60)
	if left := s.accounts[sluice.AccountID{Owner: org, Kind: sluice.AccountPrepaid, Currency: usd}]; left.Nano != 90 {
		t.Errorf("%d nano of the payment are left, want 90: the grant goes first", left.Nano)
	}
}

func TestSimulatedIsNoRevenue(t *testing.T) {
	s := newMemory()
	l := start(t, s, Options{})
	fund(t, l, 100)
	mustHold(t, l, "call_1", 10)
	ev := event("call_1", 10)
	ev.Simulated = true
	if _, err := l.Settle(t.Context(), ev); err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[sluice.AccountKind]int64{sluice.AccountRevenueAPI: 0, sluice.AccountSimulated: 10} {
		if got := s.accounts[sluice.AccountID{Owner: sluice.Operator, Kind: kind, Currency: usd}]; got.Nano != want {
			t.Errorf("%s has %d nano, want %d", kind, got.Nano, want)
		}
	}
}

func TestExtend(t *testing.T) {
	s := newMemory()
	l := start(t, s, Options{})
	fund(t, l, 100)
	mustHold(t, l, "call_1", 40)
	for _, want := range []sluice.Pico{40_000, 20_000, 0} { // of 60 that are free
		if got := l.Extend("call_1", 40_000, event("call_1", 1)); got != want {
			t.Errorf("granted %d pico more, want %d", got, want)
		}
	}
	wantBalance(t, l, 0, 100)
	if got := l.Extend("call_2", 1, event("call_2", 1)); got != 0 {
		t.Errorf("a call without a hold was granted %d", got)
	}
	mustSettle(t, l, "call_1", 90)
	wantBalance(t, l, 10, 0)
	if s.count(s.checkpoints) != 0 {
		t.Errorf("checkpoints of ended calls are left")
	}
}

func TestSpendingCap(t *testing.T) {
	l := start(t, newMemory(), Options{})
	fund(t, l, 1000)
	limit := sluice.Amount{Nano: 100}
	capped := func(call string, want, least int64) sluice.HoldRequest {
		r := request(call, want, least)
		r.Cap = &limit
		return r
	}
	if _, err := l.Hold(t.Context(), capped("call_1", 60, 60)); err != nil {
		t.Fatal(err)
	}
	if got := l.Extend("call_1", 60_000, event("call_1", 1)); got != 40_000 {
		t.Errorf("granted %d pico more, want 40000: the cap's end", got)
	}
	mustSettle(t, l, "call_1", 70)
	h, err := l.Hold(t.Context(), capped("call_2", 60, 10)) // nobody runs: what is left
	if err != nil || h.Granted != 30_000 {
		t.Errorf("granted %d pico, %v; want 30000", h.Granted, err)
	}
	mustSettle(t, l, "call_2", 30)
	_, err = l.Hold(t.Context(), capped("call_3", 60, 10))
	wantCode(t, err, sluice.CodeSpendingCap)
	limit = sluice.Amount{Nano: -9_000_000_000_000_000_000}
	_, err = l.Hold(t.Context(), capped("call_3", 60, 10))
	wantCode(t, err, sluice.CodeSpendingCap)
	mustHold(t, l, "call_3", 60) // another key's cap, or none, is another matter
	l.Release("call_3")
}

func TestHoldTwice(t *testing.T) {
	l := start(t, newMemory(), Options{})
	fund(t, l, 100)
	mustHold(t, l, "call_1", 10)
	_, err := l.Hold(t.Context(), request("call_1", 10, 10))
	wantCode(t, err, sluice.CodeConflict)
	_, err = l.Hold(t.Context(), request("call_2", -10, -10))
	wantCode(t, err, sluice.CodeInvalid)
	wantBalance(t, l, 90, 10)
	mustSettle(t, l, "call_1", 10)
}

// A free model needs no balance.
func TestHoldNothing(t *testing.T) {
	l := start(t, newMemory(), Options{})
	mustHold(t, l, "call_1", 0)
	mustSettle(t, l, "call_1", 0)
	_, err := l.Hold(context.Background(), request("call_2", 1, 0))
	wantCode(t, err, sluice.CodeInsufficientFunds)
}
