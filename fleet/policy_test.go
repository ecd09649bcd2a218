package fleet

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice"
)

func testPolicy() policy {
	return policy{failures: 3, ejection: 2 * time.Second, longest: 30 * time.Second, slowStart: 10 * time.Second, pause: time.Second}
}

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func TestPickTakesTheLeastLoaded(t *testing.T) {
	p, now := testPolicy(), noon()
	well := &condition{}
	back := &condition{recoveredAt: now} // a tenth of a share
	half := &condition{recoveredAt: now.Add(-5 * time.Second)}
	out := &condition{ejectedUntil: now.Add(7 * time.Second)}
	later := &condition{ejectedUntil: now.Add(9 * time.Second)}
	due := &condition{ejectedUntil: now}
	trial := &condition{ejectedUntil: now, trial: true}
	full := &condition{fullUntil: now.Add(time.Second)}
	for _, test := range []struct {
		name string
		in   []candidate
		want int
		why  verdict
		wait time.Duration
	}{
		{"fewest calls", []candidate{{inFlight: 3, condition: well}, {inFlight: 2, condition: well}, {inFlight: 4, condition: well}}, 1, picked, 0},
		{"not the one that is out", []candidate{{condition: out}, {inFlight: 9, condition: well}}, 1, picked, 0},
		{"not the one that was tried", []candidate{{condition: well, tried: true}, {inFlight: 9, condition: well}}, 1, picked, 0},
		{"not the one at its limit", []candidate{{inFlight: 2, limit: 2, condition: well}, {inFlight: 9, condition: well}}, 1, picked, 0},
		{"slow start gets less", []candidate{{inFlight: 0, condition: back}, {inFlight: 8, condition: well}}, 1, picked, 0},
		{"slow start gets something", []candidate{{inFlight: 0, condition: back}, {inFlight: 10, condition: well}}, 0, picked, 0},
		{"slow start grows", []candidate{{inFlight: 1, condition: half}, {inFlight: 3, condition: well}}, 0, picked, 0},
		{"a full one is last", []candidate{{inFlight: 0, condition: full}, {inFlight: 500, condition: well}}, 1, picked, 0},
		{"a full one is not asked", []candidate{{inFlight: 0, condition: full}, {condition: out}}, -1, allAtTheLimit, 7 * time.Second},
		{"one that has enough to read is not asked", []candidate{{busy: true, condition: well}}, -1, allAtTheLimit, 0},
		{"nor one that sleeps", []candidate{{asleep: true, condition: well}, {tried: true, condition: well}}, -1, allAsleep, 0},
		{"one that is due gets a trial", []candidate{{condition: due}, {condition: out}}, 0, picked, 0},
		{"and no second one", []candidate{{condition: trial}, {condition: out}}, -1, allEjected, 0},
		{"all out", []candidate{{condition: later}, {condition: out}, {tried: true, condition: well}}, -1, allEjected, 7 * time.Second},
		{"all tried", []candidate{{condition: out, tried: true}, {condition: well, tried: true}}, -1, allTried, 0},
		{"one has no room", []candidate{{condition: out}, {inFlight: 1, limit: 1, condition: well}}, -1, allAtTheLimit, 7 * time.Second},
		{"nobody", nil, -1, allTried, 0},
	} {
		got, why, wait := p.pick(now, test.in, 0)
		if got != test.want || why != test.why || wait != test.wait {
			t.Errorf("%s: got %d, %v, %v; want %d, %v, %v", test.name, got, why, wait, test.want, test.why, test.wait)
		}
	}
}

func TestPickSpreadsEquals(t *testing.T) {
	p := testPolicy()
	c := []candidate{{inFlight: 1}, {inFlight: 5}, {inFlight: 1}, {inFlight: 1}}
	for i := range c {
		c[i].condition = &condition{}
	}
	var got [4]int
	for dice := range uint32(300) {
		i, _, _ := p.pick(noon(), c, dice)
		got[i]++
	}
	if got != [4]int{100, 0, 100, 100} {
		t.Errorf("300 throws over three equals gave %v", got)
	}
}

// Whatever happens to an engine, it stays out only for a bounded time, and
// every change that makes older calls meaningless starts a generation.
func TestConditionInvariants(t *testing.T) {
	p := testPolicy()
	rapid.Check(t, func(t *rapid.T) {
		var c condition
		now := noon()
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 20_000).Draw(t, "ms")) * time.Millisecond)
			jitter := rapid.Float64Range(0, 0.999).Draw(t, "jitter")
			was := c
			one := []candidate{{condition: &c}}
			switch rapid.IntRange(0, 6).Draw(t, "what") {
			case 0:
				if i, _, _ := p.pick(now, one, 0); i == 0 {
					c = p.begun(c)
				}
			case 1:
				c = p.probed(c, true, now, jitter)
			case 2:
				c = p.probed(c, false, now, jitter)
			case 3:
				c = p.ended(c, sluice.OutcomeServed, 0, now, jitter)
			case 4:
				c = p.ended(c, sluice.OutcomeFailed, 0, now, jitter)
			case 5:
				c = p.ended(c, sluice.OutcomeLeft, 0, now, jitter)
			case 6:
				c = p.ended(c, sluice.OutcomeRefused, 0, now, jitter)
			}
			if c.ejectedUntil.Sub(now) > p.longest*5/4 {
				t.Fatalf("ejected for %v", c.ejectedUntil.Sub(now))
			}
			if (was.ejectedUntil != c.ejectedUntil || !was.trial && c.trial) && c.generation == was.generation {
				t.Fatalf("from %+v to %+v in one generation", was, c)
			}
			if c.trial && !c.ejected() {
				t.Fatalf("a trial of one that serves: %+v", c)
			}
			if share := p.share(now, &c); share < slowest || share > 1 {
				t.Fatalf("share %v", share)
			}
		}
	})
}

func TestEjectionGrowsAndHeals(t *testing.T) {
	p, now := testPolicy(), noon()
	var c condition
	for i := range 2 {
		if c = p.ended(c, sluice.OutcomeFailed, 0, now, 0.5); c.ejected() {
			t.Fatalf("ejected after %d failures", i+1)
		}
	}
	c = p.ended(c, sluice.OutcomeServed, 0, now, 0.5)
	for range 3 {
		c = p.ended(c, sluice.OutcomeFailed, 0, now, 0.5)
	}
	for i, want := range []time.Duration{2, 4, 8, 16, 30, 30} {
		if got := c.ejectedUntil.Sub(now); got != want*time.Second {
			t.Fatalf("ejection %d lasts %v, want %v", i+1, got, want*time.Second)
		}
		now = c.ejectedUntil
		c = p.ended(p.begun(c), sluice.OutcomeFailed, 0, now, 0.5)
	}
	if low, high := p.eject(condition{}, now, 0), p.eject(condition{}, now, 0.9999); low.ejectedUntil.Sub(now) != 1500*time.Millisecond ||
		high.ejectedUntil.Sub(now) < 2490*time.Millisecond {
		t.Errorf("the jitter is not a quarter either way")
	}

	// A probe brings it back on parole: one failure is enough to eject it again, for
	// as long as the slow start lasts with the doubled time.
	now = c.ejectedUntil
	c = p.probed(c, true, now, 0.5)
	if again := p.ended(c, sluice.OutcomeFailed, 0, now, 0.5); again.ejectedUntil.Sub(now) != 30*time.Second {
		t.Errorf("a failure on parole ejects for %v", again.ejectedUntil.Sub(now))
	}
	c = p.ended(c, sluice.OutcomeServed, 0, now.Add(time.Second), 0.5)
	if c.failures != 0 || c.ejections == 0 {
		t.Errorf("served during the slow start: %+v", c)
	}
	c = p.ended(c, sluice.OutcomeServed, 0, now.Add(p.slowStart), 0.5)
	if c.ejections != 0 {
		t.Errorf("served after the slow start: %+v", c)
	}
}

func TestFailedProbesEject(t *testing.T) {
	p, now := testPolicy(), noon()
	c := p.probed(condition{}, false, now, 0)
	c = p.probed(c, false, now, 0)
	if c = p.probed(c, true, now, 0); c.probes != 0 || c.generation != 0 {
		t.Fatalf("a good probe leaves %+v", c)
	}
	for range 3 {
		c = p.probed(c, false, now, 0)
	}
	if !c.ejected() {
		t.Fatalf("three failed probes leave %+v", c)
	}
}

func TestProbeDue(t *testing.T) {
	p, now := testPolicy(), noon()
	out := condition{ejectedUntil: now.Add(time.Second)}
	if p.probeDue(out, now, time.Time{}, time.Second) || !p.probeDue(out, now.Add(time.Second), now, time.Minute) {
		t.Error("an ejected engine is probed when its time is up, and not before")
	}
	if p.probeDue(condition{}, now, now.Add(-9*time.Second), 10*time.Second) || !p.probeDue(condition{}, now, now.Add(-10*time.Second), 10*time.Second) {
		t.Error("an engine is probed when nothing was heard from it for the interval")
	}
}
