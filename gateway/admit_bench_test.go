package gateway

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"sluice"
	"sluice/billing"
	"sluice/money/ledger"
	"sluice/money/plan"
	"sluice/money/quota"
	"sluice/store"
)

// BenchmarkAdmit takes a call's place under three limits of its key and three
// of its project, reserves it in the four windows of a plan and gives both back.
func BenchmarkAdmit(b *testing.B) {
	ctx, now := context.Background(), time.Now()
	db, err := store.Open(ctx, "sqlite:"+filepath.Join(b.TempDir(), "sluice.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	l, err := billing.Open(ctx, db, billing.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	v, err := plan.Publish("plan_1", plan.Draft{
		Plan: "lite", Name: "Lite", Currency: "USD", Prices: map[plan.Cycle]sluice.Amount{plan.Monthly: {Nano: sluice.NanoPerUnit}}, Models: []string{"m"},
		Windows: []quota.Window{
			{Name: "5h", Kind: quota.Anchored, Unit: quota.Prompts, Limit: 1 << 40, Minutes: 300, Weights: []quota.Weight{{Model: "x*", Times: 3000}, {Model: "m", Times: 2000}}},
			{Name: "week", Kind: quota.Sliding, Unit: quota.Tokens, Limit: 1 << 40, Minutes: 7 * 24 * 60},
			{Name: "day", Kind: quota.Calendar, Unit: quota.Requests, Limit: 1 << 40, Span: quota.Day},
			{Name: "period", Kind: quota.Period, Unit: quota.Credits, Limit: 1 << 40},
		},
	}, now, time.LoadLocation)
	if err != nil {
		b.Fatal(err)
	}
	pay, err := ledger.Payment(sluice.Tx{ID: "tx_1", At: now}, "org_1", "USD", sluice.Amount{Nano: sluice.NanoPerUnit})
	if err == nil {
		err = l.Post(ctx, pay)
	}
	if err != nil {
		b.Fatal(err)
	}
	l.UsePlans([]*plan.Version{v}, nil)
	if _, err := l.Subscribe(ctx, func(r *plan.Rules) (plan.Subscription, []sluice.Tx, error) {
		return r.Start("sub_1", "org_1", v, plan.Monthly, false, sluice.AccountPrepaid, now)
	}); err != nil {
		b.Fatal(err)
	}
	limits := sluice.Limits{RequestsPerMinute: 1 << 40, TokensPerMinute: 1 << 40, Concurrent: 1 << 40}
	who := &sluice.Principal{Key: &sluice.Key{ID: "key_1", Limits: limits}, Project: &sluice.Project{ID: "proj_1", Limits: limits}}
	all := limiter{gauges: map[string]*gauge{}}
	req := sluice.HoldRequest{CallID: "call_1", Org: "org_1", Key: "key_1", Currency: "USD", Want: 1, Model: "m", At: now, Prompt: true, Estimate: sluice.Usage{1000, 0, 0, 2048, 0}}
	b.ReportAllocs()
	for b.Loop() {
		pass, err := all.enter(who, 3048, now)
		if err == nil {
			_, err = l.Hold(ctx, req)
		}
		if err != nil {
			b.Fatal(err)
		}
		l.Release("call_1")
		pass.leave(3048)
	}
}
