package billing

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"sluice"
	"sluice/money/quota"
)

// BenchmarkSettle settles calls on SQLite that syncs every commit, from many
// goroutines: an operation is a hold and its durable settlement.
func BenchmarkSettle(b *testing.B) {
	for _, goroutines := range []int{256, 1024} {
		b.Run(fmt.Sprint(goroutines), func(b *testing.B) {
			const orgs = 100
			groups, postings := atomic.Int64{}, atomic.Int64{}
			l := start(b, sqliteStore(b), Options{OnCommit: func(n int, _ time.Duration) {
				groups.Add(1)
				postings.Add(int64(n))
			}})
			owner := func(n int64) string { return fmt.Sprintf("org_%026d", n%orgs) }
			for n := range int64(orgs) {
				if err := l.Post(b.Context(), payment(sluice.NewID(sluice.PrefixTx, time.Now()), owner(n), 1e15)); err != nil {
					b.Fatal(err)
				}
			}
			groups.Store(0)
			postings.Store(0)
			var next atomic.Int64
			b.ReportAllocs()
			b.SetParallelism(goroutines / runtime.GOMAXPROCS(0))
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					n := next.Add(1)
					req, ev := request(sluice.NewID(sluice.PrefixCall, time.Now()), 20, 10), sluice.Event{}
					req.Org, req.Key = owner(n), "key_"+owner(n)
					_, err := l.Hold(b.Context(), req)
					if err == nil {
						ev = event(req.CallID, 7)
						ev.Org, ev.Key = req.Org, req.Key
						_, err = l.Settle(b.Context(), ev)
					}
					if err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
			b.ReportMetric(float64(postings.Load())/float64(max(groups.Load(), 1)), "calls/commit")
		})
	}
}

// BenchmarkPlan reserves a call in four windows, tells what they show and gives
// the reservation back.
func BenchmarkPlan(b *testing.B) {
	l := start(b, newMemory(), Options{})
	weights := []quota.Weight{{Model: "x*", Times: 3000}, {Model: "m", Times: 2000}}
	subscribe(b, l, version(b, "plan_1", "lite", 1,
		quota.Window{Name: "5h", Kind: quota.Anchored, Unit: quota.Prompts, Limit: 1 << 40, Minutes: 300, Weights: weights},
		quota.Window{Name: "week", Kind: quota.Sliding, Unit: quota.Tokens, Limit: 1 << 40, Minutes: 7 * 24 * 60, Weights: weights},
		quota.Window{Name: "day", Kind: quota.Calendar, Unit: quota.Requests, Limit: 1 << 40, Span: quota.Day, Zone: "Asia/Shanghai"},
		quota.Window{Name: "month", Kind: quota.Period, Unit: quota.Credits, Limit: 1 << 40},
	))
	req := planned("call_1", 1000, 2048)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Hold(b.Context(), req); err != nil {
			b.Fatal(err)
		}
		l.Release("call_1")
	}
}

// BenchmarkHold is the same without a plan.
func BenchmarkHold(b *testing.B) {
	l := start(b, newMemory(), Options{})
	fund(b, l, 1000)
	req := request("call_1", 20, 10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Hold(b.Context(), req); err != nil {
			b.Fatal(err)
		}
		l.Release("call_1")
	}
}
