package billing

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/money/plan"
	"sluice/money/quota"
)

const day = 24 * time.Hour

// renewing sells v now to org, who has nano beside its price, and lets Renew run.
func renewing(t *testing.T, s *memory, nano int64, v ...*plan.Version) *Ledger {
	t.Helper()
	s.versions = v
	l := start(t, s, Options{})
	fund(t, l, monthly+nano)
	if _, err := l.Subscribe(t.Context(), func(r *plan.Rules) (plan.Subscription, []sluice.Tx, error) {
		return r.Start("sub_1", org, v[0], plan.Monthly, false, sluice.AccountPrepaid, time.Now())
	}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.Renew(ctx)
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return l
}

func wantStatus(t testing.TB, l *Ledger, status plan.Status) plan.Subscription {
	t.Helper()
	s, err := l.Subscription("sub_1")
	if err != nil || s.Status != status {
		t.Errorf("at %v: %+v, %v; want %s", time.Now(), s, err, status)
	}
	return s
}

// wantAccounts checks what is deferred and what plans earned, in nano.
func wantAccounts(t testing.TB, l *Ledger, deferred, earned int64) {
	t.Helper()
	d := l.Free(sluice.AccountID{Owner: org, Kind: sluice.AccountDeferred, Currency: usd})
	e := l.Free(sluice.AccountID{Owner: sluice.Operator, Kind: sluice.AccountRevenuePlan, Currency: usd})
	if d.Nano != deferred || e.Nano != earned {
		t.Errorf("deferred %d and earned %d, want %d and %d", d.Nano, e.Nano, deferred, earned)
	}
}

// A period is earned by the day, renewed from the prepaid balance as long as
// that lasts, and then suspended and cancelled. The windows begin anew with what
// is paid, and with nothing else.
func TestRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newMemory()
		l := renewing(t, s, monthly+5, version(t, "plan_1", "lite", 1, quota.Window{Name: "month", Kind: quota.Period, Unit: quota.Requests, Limit: 1}))
		call := func(id string, want sluice.Code) {
			t.Helper()
			req := planned(id, 1, 1)
			req.At = time.Now()
			_, err := l.Hold(t.Context(), req)
			wantCode(t, err, want)
			if err == nil {
				ev := used(id, 1, 1)
				ev.AdmittedAt, ev.EndedAt = req.At, req.At
				_, err = l.Settle(t.Context(), ev)
				wantCode(t, err, "")
			}
		}
		call("call_1", "")
		call("call_2", sluice.CodeQuotaExhausted)
		time.Sleep(31*day - time.Second) // January 2000
		wantAccounts(t, l, monthly-monthly*30/31, monthly*30/31)
		call("call_3", sluice.CodeQuotaExhausted)
		time.Sleep(2 * time.Second)
		wantStatus(t, l, plan.Active)
		wantAccounts(t, l, monthly, monthly)
		wantBalance(t, l, 5, 0)
		call("call_4", "")
		time.Sleep(29 * day)
		wantStatus(t, l, plan.PastDue)
		call("call_5", sluice.CodeQuotaExhausted) // the unpaid period has no quota of its own
		time.Sleep(3 * day)
		wantStatus(t, l, plan.Suspended)
		call("call_6", sluice.CodeInsufficientFunds)
		time.Sleep(11 * day)
		wantStatus(t, l, plan.Cancelled)
		wantAccounts(t, l, 0, 2*monthly)
		if l.Planned(org) {
			t.Error("there is still a plan")
		}
	})
}

// What is past due is paid as soon as money comes in.
func TestMoneyComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := renewing(t, newMemory(), 0, version(t, "plan_1", "lite", 1, hours5(quota.Requests, 1)))
		time.Sleep(32 * day)
		wantStatus(t, l, plan.PastDue)
		fund(t, l, monthly-1)
		synctest.Wait()
		wantStatus(t, l, plan.PastDue)
		fund(t, l, 1)
		synctest.Wait()
		s := wantStatus(t, l, plan.Active)
		if !s.Period.Start.Equal(time.Date(2000, 2, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("the period is %+v", s.Period)
		}
		wantBalance(t, l, 0, 0)
	})
}

// Upgrades take effect at once, also in the windows; downgrades and
// cancellations with the period; sales can be paused.
func TestChangePlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newMemory()
		lite, pro := version(t, "plan_1", "lite", 1, hours5(quota.Requests, 1)), version(t, "plan_2", "pro", 2, hours5(quota.Requests, 5))
		l := renewing(t, s, 10*monthly, lite, pro)
		upgrade := func(r *plan.Rules, s plan.Subscription) (plan.Subscription, []sluice.Tx, error) {
			return r.Upgrade(s, pro, plan.Monthly, sluice.AccountPrepaid, time.Now())
		}
		l.UsePlans(nil, []string{"pro"})
		_, err := l.Change(t.Context(), "sub_1", upgrade)
		wantCode(t, err, sluice.CodeUnavailable)
		l.UsePlans(nil, nil)
		next, txs, err := l.Preview("sub_1", upgrade)
		if err != nil || next.Terms.Plan != "pro" || len(txs) != 1 {
			t.Errorf("%+v, %v, %v", next, txs, err)
		}
		wantBalance(t, l, 10*monthly, 0)
		req := planned("call_1", 1, 1)
		req.At = time.Now()
		if _, err := l.Hold(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Change(t.Context(), "sub_1", upgrade); err != nil {
			t.Fatal(err)
		}
		wantBalance(t, l, 9*monthly, 0) // twice the price, and the unused month back
		if m := l.PlanMeter(org, "m", time.Now()); m.Plan != "pro" || m.Windows[0].Limit != 5000 || m.Windows[0].Reserved != 1000 {
			t.Errorf("%+v", m)
		}
		l.Release("call_1")
		if _, err := l.Change(t.Context(), "sub_1", func(r *plan.Rules, s plan.Subscription) (plan.Subscription, []sluice.Tx, error) {
			return r.Downgrade(s, lite, plan.Monthly, time.Now())
		}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(31*day + time.Second)
		if got := wantStatus(t, l, plan.Active); got.Terms.Plan != "lite" {
			t.Errorf("%+v", got)
		}
		wantBalance(t, l, 8*monthly, 0)
		if _, err := l.Change(t.Context(), "sub_1", func(r *plan.Rules, s plan.Subscription) (plan.Subscription, []sluice.Tx, error) {
			return r.Cancel(s, time.Now())
		}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(29 * day)
		wantStatus(t, l, plan.Cancelled)
		wantAccounts(t, l, 0, 3*monthly)
		_, err = l.Change(t.Context(), "sub_2", upgrade)
		wantCode(t, err, sluice.CodeNotFound)
	})
}

// An organisation has one subscription, which it can pay, also while many ask at once.
func TestSubscribeOnce(t *testing.T) {
	l := start(t, newMemory(), Options{})
	v := version(t, "plan_1", "lite", 1, hours5(quota.Requests, 1))
	l.UsePlans([]*plan.Version{v}, nil)
	begin := func(id string) error {
		_, err := l.Subscribe(t.Context(), func(r *plan.Rules) (plan.Subscription, []sluice.Tx, error) {
			return r.Start(id, org, v, plan.Monthly, false, sluice.AccountPrepaid, noon)
		})
		return err
	}
	fund(t, l, 2*monthly-1)
	done := make(chan error, 20)
	for i := range cap(done) {
		go func() { done <- begin(callID(i)) }()
	}
	sold := 0
	for range cap(done) {
		if err := <-done; err == nil {
			sold++
		} else {
			wantCode(t, err, sluice.CodeConflict)
		}
	}
	if sold != 1 || len(l.Subscriptions(org)) != 1 {
		t.Errorf("%d were sold", sold)
	}
	wantBalance(t, l, monthly-1, 0)
}

// What was used lives on over an upgrade and a restart right after it, though
// the windows were stored before it.
func TestChangeAndRestart(t *testing.T) {
	s := newMemory()
	lite, pro := version(t, "plan_1", "lite", 1, hours5(quota.Requests, 1)), version(t, "plan_2", "pro", 2, hours5(quota.Requests, 5))
	s.versions = []*plan.Version{lite, pro}
	l := start(t, s, Options{})
	subscribe(t, l, lite)
	if _, err := l.Hold(t.Context(), planned("call_1", 1, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Settle(t.Context(), used("call_1", 1, 1)); err != nil {
		t.Fatal(err)
	}
	fund(t, l, monthly)
	if _, err := l.Change(t.Context(), "sub_1", func(r *plan.Rules, s plan.Subscription) (plan.Subscription, []sluice.Tx, error) {
		return r.Upgrade(s, pro, plan.Monthly, sluice.AccountPrepaid, noon)
	}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		m := l.PlanMeter(org, "m", noon.Add(time.Minute))
		if m == nil || m.Plan != "pro" || m.Version != "plan_2" || m.Windows[0].Used != 1000 || m.Windows[0].Limit != 5000 {
			t.Errorf("%+v", m)
		}
		l.Close()
		l = start(t, s, Options{})
	}
}

// While the store is away a change waits for it, others of the same
// subscription are refused, and calls go on under the plan as it was.
func TestChangeWhileAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newMemory()
		l := start(t, s, Options{})
		subscribe(t, l, version(t, "plan_1", "lite", 1, hours5(quota.Requests, 2)))
		s.set(func(s *memory) { s.away = true })
		done := make(chan error, 1)
		go func() {
			_, err := l.Change(t.Context(), "sub_1", plan.SetFallBack(true))
			done <- err
		}()
		time.Sleep(time.Minute)
		_, err := l.Change(t.Context(), "sub_1", plan.SetFallBack(false))
		wantCode(t, err, sluice.CodeConflict)
		if got, err := l.Subscription("sub_1"); err != nil || got.FallBack {
			t.Errorf("it took effect before it was durable: %+v, %v", got, err)
		}
		if _, err := l.Hold(t.Context(), planned("call_1", 1, 1)); err != nil {
			t.Error(err)
		}
		l.Release("call_1")
		s.set(func(s *memory) { s.away = false })
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got, err := l.Subscription("sub_1"); err != nil || !got.FallBack {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
