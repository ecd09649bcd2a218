package fleet

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
)

// A call for a model whose engine sleeps has it started, and is held until it is ready.
func TestACallWaitsForAnEngineThatSleeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var wanted []string
		f := applied(t, Options{
			Asleep: func(e sluice.Engine) bool { return e.ID == "a" },
			Wanted: func(id string) {
				mu.Lock()
				defer mu.Unlock()
				wanted = append(wanted, id)
			},
			StartLimit: func(sluice.Engine) time.Duration { return time.Minute },
		}, simulated("a"))
		if s := statusOf(f, "a"); s.Health != HealthAsleep {
			t.Errorf("status %+v", s)
		}
		began := time.Now()
		if since, idle := f.Idle("a"); !idle || !since.Equal(began) {
			t.Errorf("idle %v since %v", idle, since)
		}
		time.AfterFunc(40*time.Second, func() { f.SetReady("a", true) })
		var waits sync.WaitGroup
		waits.Go(func() {
			time.Sleep(time.Second)
			if _, idle := f.Idle("a"); idle {
				t.Error("idle while a call waits")
			}
		})
		r, err := f.Route(t.Context(), sluice.RouteRequest{Model: "m", Wait: time.Second})
		if err != nil || time.Since(began) != 40*time.Second {
			t.Fatalf("after %v: %v", time.Since(began), err)
		}
		waits.Wait()
		mu.Lock()
		if !slices.Contains(wanted, "a") {
			t.Errorf("wanted %v", wanted)
		}
		mu.Unlock()
		if _, idle := f.Idle("a"); idle {
			t.Error("idle with a call in flight")
		}
		time.Sleep(time.Second)
		f.Done(r, sluice.OutcomeServed, sluice.Usage{})
		if since, idle := f.Idle("a"); !idle || time.Since(began) != 41*time.Second || !since.Equal(time.Now()) {
			t.Errorf("idle %v since %v", idle, since)
		}

		// It sleeps again: no failure of it, and whoever leaves or has no more time is let go.
		f.SetReady("a", false)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, err := f.Route(ctx, sluice.RouteRequest{Model: "m", Wait: time.Second}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a client that left: %v", err)
		}
		began = time.Now()
		if _, err := f.Route(t.Context(), sluice.RouteRequest{Model: "m", Wait: time.Second}); sluice.CodeOf(err) != sluice.CodeUnavailable || time.Since(began) != time.Minute {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}
