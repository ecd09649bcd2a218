package billing

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/money/plan"
	"sluice/money/quota"
)

// noon is when the plans of these tests begin.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// version is a version of a plan for the model m, 2 cents a month for each rank.
func version(t testing.TB, id, name string, rank int, windows ...quota.Window) *plan.Version {
	t.Helper()
	v, err := plan.Publish(id, plan.Draft{
		Plan: name, Name: name, Rank: rank, Currency: usd, Models: []string{"m"}, Windows: windows,
		Prices: map[plan.Cycle]sluice.Amount{plan.Monthly: {Nano: int64(rank) * monthly}}, EffectiveAt: noon.Add(-time.Hour),
	}, noon.Add(-time.Hour), time.LoadLocation)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// hours5 is a window of five hours from its first use.
func hours5(unit quota.Unit, limit int64) quota.Window {
	return quota.Window{Name: "5h", Kind: quota.Anchored, Unit: unit, Limit: limit, Minutes: 300}
}

const monthly = 20_000_000 // nano, of a month of rank 1

// subscribe sells a version to org, who pays it from 100 nano more than it costs.
func subscribe(t testing.TB, l *Ledger, v *plan.Version) plan.Subscription {
	t.Helper()
	fund(t, l, monthly+100)
	l.UsePlans([]*plan.Version{v}, nil)
	s, err := l.Subscribe(context.Background(), func(r *plan.Rules) (plan.Subscription, []sluice.Tx, error) {
		return r.Start("sub_1", org, v, plan.Monthly, false, sluice.AccountPrepaid, noon)
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// planned asks for a call whose prompt and first slice are so many tokens.
func planned(call string, prompt, output int64) sluice.HoldRequest {
	req := request(call, 30, 1)
	req.Model, req.At, req.Prompt, req.Estimate = "m", noon, true, sluice.Usage{prompt, 0, 0, output, 0}
	return req
}

// used is the end of a call of so many tokens.
func used(call string, prompt, output int64) sluice.Event {
	ev := event(call, 7)
	ev.Usage, ev.AdmittedAt, ev.EndedAt = sluice.Usage{prompt, 0, 0, output, 0}, noon, noon.Add(time.Second)
	ev.List = sluice.Pico(prompt + output)
	return ev
}

func wantUsed(t testing.TB, l *Ledger, used, reserved int64) {
	t.Helper()
	m := l.PlanMeter(org, "m", noon.Add(time.Minute))
	if m == nil {
		t.Fatal("there is no plan")
	}
	if w := m.Windows[0]; w.Used != used*quota.Milli || w.Reserved != reserved*quota.Milli {
		t.Errorf("used %d and reserved %d thousandths, want %d and %d", w.Used, w.Reserved, used*quota.Milli, reserved*quota.Milli)
	}
}

// A call under a plan moves no money: it counts what it really used.
func TestPlanServes(t *testing.T) {
	db := sqliteStore(t)
	v := version(t, "plan_1", "lite", 1, hours5(quota.Tokens, 1000))
	if err := db.PublishPlan(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	l := start(t, db, Options{})
	subscribe(t, l, v)
	wantBalance(t, l, 100, 0)
	h, err := l.Hold(t.Context(), planned("call_1", 300, 100))
	if err != nil || h.Plan == nil || h.Plan.Plan != "lite" || h.Plan.Windows[0].Reserved != 400*quota.Milli {
		t.Fatalf("%+v, %v", h, err)
	}
	wantUsed(t, l, 0, 400)
	wantBalance(t, l, 100, 0)
	ev, err := l.Settle(t.Context(), used("call_1", 250, 120))
	if err != nil || ev.Charge != 0 || ev.List != 370 || ev.Subscription != "sub_1" || ev.PlanVersion != "plan_1" || ev.Cost != (sluice.Cost{370_000}) {
		t.Errorf("%+v, %v", ev, err)
	}
	wantUsed(t, l, 370, 0)
	_, err = l.Hold(t.Context(), planned("call_2", 600, 31))
	wantRefused(t, err, noon.Add(5*time.Hour))
	if _, err := l.Hold(t.Context(), planned("call_3", 600, 30)); err != nil {
		t.Error(err)
	}
	l.Release("call_3")
	wantUsed(t, l, 370, 0)
	other := planned("call_4", 1, 1)
	other.Model = "other"
	_, err = l.Hold(t.Context(), other)
	wantCode(t, err, sluice.CodeModelNotInPlan)
	l.Close()
	l = start(t, db, Options{})
	wantUsed(t, l, 370, 0) // the snapshot came with the settlement
	wantVerified(t, db)
}

func wantRefused(t testing.TB, err error, at time.Time) {
	t.Helper()
	r, ok := errors.AsType[*sluice.QuotaRefusal](err)
	if sluice.CodeOf(err) != sluice.CodeQuotaExhausted || !ok || !r.At.Equal(at) || sluice.ErrorOf(err).RetryAfter != at.Sub(noon) {
		t.Errorf("error %v, refusal %+v; want one until %v", err, r, at)
	}
}

// What the plan refuses is paid from the balance only if its owner says so.
func TestFallBack(t *testing.T) {
	l := start(t, newMemory(), Options{})
	subscribe(t, l, version(t, "plan_1", "lite", 1, hours5(quota.Requests, 0)))
	_, err := l.Hold(t.Context(), planned("call_1", 1, 1))
	wantCode(t, err, sluice.CodeQuotaExhausted)
	if s, err := l.Change(t.Context(), "sub_1", plan.SetFallBack(true)); err != nil || !s.FallBack {
		t.Fatal(s, err)
	}
	h, err := l.Hold(t.Context(), planned("call_1", 1, 1))
	if err != nil || h.Plan != nil || h.Granted != 30_000 {
		t.Fatalf("%+v, %v", h, err)
	}
	wantBalance(t, l, 70, 30)
	ev, err := l.Settle(t.Context(), event("call_1", 20))
	if err != nil || ev.Charge != 20_000 || ev.Subscription != "" {
		t.Errorf("%+v, %v", ev, err)
	}
	if _, err := l.Change(t.Context(), "sub_1", plan.SetFallBack(false)); err != nil {
		t.Fatal(err)
	}
	_, err = l.Hold(t.Context(), planned("call_2", 1, 1))
	wantCode(t, err, sluice.CodeQuotaExhausted)
}

// At the edge of a window a thousand calls at once admit exactly what fits:
// those that running calls keep out wait for them.
func TestPlanEdge(t *testing.T) {
	db := newMemory()
	l := start(t, db, Options{})
	subscribe(t, l, version(t, "plan_1", "lite", 1, hours5(quota.Tokens, 5000),
		quota.Window{Name: "week", Kind: quota.Sliding, Unit: quota.Requests, Limit: 700, Minutes: 7 * 24 * 60}))
	var admitted, refused atomic.Int64
	var wg sync.WaitGroup
	for i := range 1000 {
		wg.Go(func() {
			// Each reserves 20 tokens and uses 10: 500 fit in the end.
			_, err := l.Hold(t.Context(), planned(callID(i), 10, 10))
			switch sluice.CodeOf(err) {
			case "":
				admitted.Add(1)
				if _, err := l.Settle(t.Context(), used(callID(i), 5, 5)); err != nil {
					t.Error(err)
				}
			case sluice.CodeQuotaExhausted:
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	// The last one fits while 20 tokens are free: 499 calls leave 10.
	if admitted.Load() != 499 || refused.Load() != 501 {
		t.Errorf("admitted %d and refused %d, want 499 and 501", admitted.Load(), refused.Load())
	}
	wantUsed(t, l, 4990, 0)
	var sum int64
	for _, ev := range db.events {
		sum += ev.Cost[0]
	}
	if sum != 4990*quota.Milli {
		t.Errorf("the events sum to %d", sum)
	}
	if n := l.Holds(); n != 0 {
		t.Errorf("%d holds are left", n)
	}
}

// A wait for running calls ends with them, with the caller or with HoldWait.
func TestPlanWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, newMemory(), Options{})
		subscribe(t, l, version(t, "plan_1", "lite", 1, hours5(quota.Requests, 1)))
		hold := func(ctx context.Context, call string) chan error {
			done := make(chan error, 1)
			go func() {
				_, err := l.Hold(ctx, planned(call, 1, 1))
				done <- err
			}()
			synctest.Wait()
			return done
		}
		if err := <-hold(t.Context(), "call_1"); err != nil {
			t.Fatal(err)
		}
		leaving, leave := context.WithCancel(t.Context())
		left, next, last := hold(leaving, "call_2"), hold(t.Context(), "call_3"), hold(t.Context(), "call_4")
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("left with %v", err)
		}
		l.Release("call_1")
		if err := <-next; err != nil {
			t.Error(err)
		}
		began := time.Now()
		err := <-last
		if r, ok := errors.AsType[*sluice.QuotaRefusal](err); !ok || !r.Running || time.Since(began) != 30*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		waiting := hold(t.Context(), "call_5")
		if _, err := l.Settle(t.Context(), used("call_3", 1, 1)); err != nil {
			t.Error(err)
		}
		wantCode(t, <-waiting, sluice.CodeQuotaExhausted)
		waiting = hold(t.Context(), "call_6")
		if err := <-waiting; sluice.CodeOf(err) != sluice.CodeQuotaExhausted {
			t.Error(err)
		}
		if err := l.ResetQuota(t.Context(), "sub_1", "5h"); err != nil {
			t.Fatal(err)
		}
		if err := <-hold(t.Context(), "call_7"); err != nil {
			t.Error(err)
		}
		wantCode(t, l.ResetQuota(t.Context(), "sub_1", "year"), sluice.CodeNotFound)
		l.Release("call_7")
	})
}

// One that waited for the plan falls back to the balance when the plan is used up.
func TestPlanWaitFallsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, newMemory(), Options{})
		subscribe(t, l, version(t, "plan_1", "lite", 1, hours5(quota.Requests, 1)))
		if _, err := l.Change(t.Context(), "sub_1", plan.SetFallBack(true)); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Hold(t.Context(), planned("call_1", 1, 1)); err != nil {
			t.Fatal(err)
		}
		fell := make(chan sluice.Hold, 1)
		go func() {
			h, err := l.Hold(t.Context(), planned("call_2", 1, 1))
			if err != nil {
				t.Error(err)
			}
			fell <- h
		}()
		synctest.Wait()
		if _, err := l.Settle(t.Context(), used("call_1", 1, 1)); err != nil {
			t.Error(err)
		}
		if h := <-fell; h.Plan != nil || h.Granted != 30_000 {
			t.Errorf("%+v", h)
		}
		wantBalance(t, l, 70, 30)
		l.Release("call_2")
	})
}

// An answer grows as far as the windows have room, and leaves checkpoints.
// After a crash the last of them counts.
func TestPlanExtendAndRecover(t *testing.T) {
	db := sqliteStore(t)
	v := version(t, "plan_1", "lite", 1, hours5(quota.Tokens, 1000))
	if err := db.PublishPlan(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	dying := start(t, db, Options{})
	subscribe(t, dying, v)
	if _, err := dying.Hold(t.Context(), planned("call_1", 100, 400)); err != nil {
		t.Fatal(err)
	}
	if got := dying.Extend("call_1", 400, used("call_1", 100, 300)); got != 400 {
		t.Errorf("granted %d tokens, want 400", got)
	}
	wantUsed(t, dying, 0, 900)
	if got := dying.Extend("call_1", 400, used("call_1", 100, 700)); got != 0 {
		t.Errorf("granted %d tokens beyond the window", got)
	}
	fund(t, dying, 1) // waits for the checkpoint before it
	for range 2 {     // it died: whoever opens the store next knows nothing of its memory
		l := start(t, db, Options{})
		wantUsed(t, l, 800, 0)
		wantBalance(t, l, 101, 0)
		l.Close()
	}
	got := events(t, db)["call_1"]
	if got.Status != sluice.StatusRecovered || got.Charge != 0 || got.Cost != (sluice.Cost{800_000}) {
		t.Errorf("%+v", got)
	}
	wantVerified(t, db)
}

// A spool that comes back does not take the use back that came after it.
func TestPlanSpool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newMemory()
		v := version(t, "plan_1", "lite", 1, hours5(quota.Requests, 10))
		s.versions = []*plan.Version{v}
		path := filepath.Join(t.TempDir(), "spool")
		l := start(t, s, Options{Spool: path})
		subscribe(t, l, v)
		call := func(id string) {
			t.Helper()
			if _, err := l.Hold(t.Context(), planned(id, 1, 1)); err != nil {
				t.Fatal(err)
			}
			if _, err := l.Settle(t.Context(), used(id, 1, 1)); err != nil {
				t.Fatal(err)
			}
		}
		s.set(func(s *memory) { s.away = true })
		call("call_1") // to the spool
		spooled, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s.set(func(s *memory) { s.away = false })
		time.Sleep(time.Minute)
		call("call_2")
		l.Close()
		if err := os.WriteFile(path, spooled, 0o600); err != nil {
			t.Fatal(err)
		}
		l = start(t, s, Options{Spool: path})
		wantUsed(t, l, 2, 0)
	})
}
