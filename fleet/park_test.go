package fleet

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
)

// A parked engine is spared while another is well, and takes calls when none is:
// nobody is refused for it. A call does not spill over from a full engine.
func TestPark(t *testing.T) {
	full := simulated("b")
	full.Concurrent = 1
	f := applied(t, Options{Failures: 1}, simulated("a"), full)
	f.Park("a", true)
	f.Park("nobody", true)
	if s := statusOf(f, "a"); s.Health != HealthParked {
		t.Errorf("status %+v", s)
	}
	request := sluice.RouteRequest{Model: "m"}
	taken, err := f.Route(t.Context(), request)
	if err != nil || taken.Engine.ID != "b" {
		t.Fatalf("%v, %v", taken.Engine, err)
	}
	if _, err := f.Route(t.Context(), request); sluice.CodeOf(err) != sluice.CodeOverloaded {
		t.Errorf("a call spilled over: %v", err)
	}
	f.Done(taken, sluice.OutcomeFailed, sluice.Usage{}) // which ejects it
	taken, err = f.Route(t.Context(), request)
	if err != nil || taken.Engine.ID != "a" {
		t.Fatalf("%v, %v", taken.Engine, err)
	}
	f.Done(taken, sluice.OutcomeServed, sluice.Usage{})
	f.SetReady("a", false)
	if last, err := f.Route(t.Context(), request); err != nil || last.Engine.ID != "b" {
		t.Errorf("not the last one that runs was asked, but %v, %v", last.Engine, err)
	} else {
		f.Done(last, sluice.OutcomeLeft, sluice.Usage{})
	}
	f.SetReady("a", true)
	f.Park("a", false)
	if s := statusOf(f, "a"); s.Health != HealthServing {
		t.Errorf("status %+v", s)
	}
}

// Calls of the class batch wait while they are deferred, others do not, and go on
// by themselves when they no longer are.
func TestDeferred(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var scarce atomic.Bool
		scarce.Store(true)
		f := applied(t, Options{Deferred: scarce.Load}, simulated("a"))
		batch := sluice.RouteRequest{Model: "m", Class: sluice.QueueBatch}
		if _, err := f.Route(t.Context(), batch); sluice.CodeOf(err) != sluice.CodeOverloaded || !strings.Contains(err.Error(), "power") {
			t.Errorf("one that cannot wait: %v", err)
		}
		taken, err := f.Route(t.Context(), sluice.RouteRequest{Model: "m"})
		if err != nil {
			t.Fatal(err)
		}
		f.Done(taken, sluice.OutcomeServed, sluice.Usage{})
		began := time.Now()
		time.AfterFunc(time.Minute, func() { scarce.Store(false) })
		batch.Wait = time.Hour
		if taken, err = f.Route(t.Context(), batch); err != nil || time.Since(began) < time.Minute || time.Since(began) > time.Minute+time.Second {
			t.Fatalf("after %v: %v", time.Since(began), err)
		}
		f.Done(taken, sluice.OutcomeServed, sluice.Usage{})
	})
}
