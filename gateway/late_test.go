package gateway_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/fleet/fleettest"
)

// hasty gives streams five seconds to begin.
func hasty(e *sluice.Engine) { e.FirstByteTimeout = 5 * time.Second }

// A stream that does not begin in time is asked of another engine, whether the
// engine is silent altogether or has only said that it will answer.
func TestLateStreamGoesElsewhere(t *testing.T) {
	for name, late := range map[string]func() *fleettest.Script{
		"silent":    fleettest.Stall,
		"head only": func() *fleettest.Script { return fleettest.Stream("a").PauseAt(0, fleettest.NewPause()) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, setup{engines: 2, engine: hasty, machine: inTurn(late(), fleettest.Stream("b").Usage(3, 1, 0))})
				start := time.Now()
				a := r.post(chatPath, streamed)
				if took := time.Since(start); a.StatusCode != 200 || text(t, a.body) != "b" || took != 5*time.Second {
					t.Errorf("%d after %v: %s", a.StatusCode, took, a.body)
				}
				wantUsage(t, r.event(), sluice.Usage{sluice.ClassInput: 3, sluice.ClassOutput: 1}, sluice.StatusCompleted, false)
				var failed, served int64
				for _, s := range r.fleet.Status() {
					failed, served = failed+s.Failed, served+s.Served
				}
				if failed != 1 || served != 1 {
					t.Errorf("%d failed and %d served", failed, served)
				}
			})
		})
	}
}

// Where no engine begins in time the client hears that, and pays nothing.
func TestLateStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, setup{engines: 2, engine: hasty})
		for _, e := range r.engines {
			e.Default(fleettest.Stall())
		}
		a := r.post(chatPath, streamed)
		if !strings.Contains(a.body, "took too long to begin") {
			t.Errorf("%d: %s", a.StatusCode, a.body)
		}
		r.wantFree(1)
	})
}

// The limit is on a stream's beginning: neither a long stream nor a long answer in
// one piece is ended by it.
func TestLateIsOnlyTheBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, setup{engine: hasty})
		for body, at := range map[string]int{streamed: 1, plainCall: 0} {
			pause := fleettest.NewPause()
			r.engines[0].Next(fleettest.Stream("a", "b").PauseAt(at, pause))
			time.AfterFunc(50*time.Second, pause.Release)
			if a := r.post(chatPath, body); a.StatusCode != 200 || !strings.Contains(a.body, "b") {
				t.Errorf("%d: %s", a.StatusCode, a.body)
			}
		}
		if n := len(r.events()); n != 2 {
			t.Errorf("%d events", n)
		}
	})
}
