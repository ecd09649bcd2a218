package fleet

import (
	"testing"

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
