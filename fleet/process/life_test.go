package process

import (
	"slices"
	"testing"
	"time"
)

// at is an instant of the tests: so many seconds after the beginning.
func at(seconds float64) time.Time {
	return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(seconds * float64(time.Second)))
}

// newLife is an engine that is stopped, and of which the goal is g.
func newLife(g goal) *life {
	return &life{state: Stopped, since: at(0), goal: g, rules: rules{
		idleAfter: time.Minute, hung: 30 * time.Second, drain: 10 * time.Minute, stop: 20 * time.Second, doze: time.Minute,
		healthy: 2 * time.Minute, backoff: time.Second, longest: 10 * time.Second,
	}}
}

// expect holds what a life wants done, and its state, against what they should be.
func expect(t *testing.T, what string, l *life, got []act, state State, want ...act) {
	t.Helper()
	if !slices.Equal(got, want) || l.state != state {
		t.Fatalf("%s: %v, %s; it should be %v, %s", what, got, l.state, want, state)
	}
}

// ready brings a life to Ready at that instant.
func ready(t *testing.T, l *life, now time.Time) {
	t.Helper()
	if l.state != Starting {
		t.Fatalf("it is %s and not starting", l.state)
	}
	l.launched(now, time.Hour)
	expect(t, "well", l, l.heard(now, now, true), Ready, doTell, doSucceed)
	if !l.open {
		t.Fatal("it is ready and takes no calls")
	}
}

func TestLifeAlways(t *testing.T) {
	l := newLife(goalRun)
	expect(t, "at first", l, l.settle(at(0)), Starting, doStart)
	expect(t, "unwell while it starts", l, l.heard(at(1), at(1), false), Starting)
	ready(t, l, at(2))
	expect(t, "nobody asks for it", l, l.idle(at(9999), at(2)), Ready)
	expect(t, "a call waits", l, l.want(at(9999)), Ready)
	expect(t, "its end", l, l.exited(at(10), "it broke"), Failed, doTell)
	if l.open || l.failures != 1 || l.why != "it broke" {
		t.Errorf("after its end: %+v", l)
	}
	expect(t, "in the pause", l, l.tick(at(10.9), true), Failed)
	expect(t, "a call in the pause", l, l.want(at(10.9)), Failed)
	expect(t, "after the pause", l, l.tick(at(11), false), Starting, doStart)
}

// TestLifeBackoff shows that pauses grow, have a longest, and are forgotten by an
// engine that was ready for long.
func TestLifeBackoff(t *testing.T) {
	l := newLife(goalRun)
	now := at(0)
	l.settle(now)
	for i, want := range []time.Duration{1, 2, 4, 8, 10, 10} {
		l.launched(now, time.Hour)
		expect(t, "failing at its start", l, l.exited(now, "no"), Failed, doFail)
		if got := l.until.Sub(now); got != want*time.Second {
			t.Errorf("pause %d is %v, not %v s", i, got, want)
		}
		now = l.until
		expect(t, "after a pause", l, l.tick(now, false), Starting, doStart)
	}
	ready(t, l, now)
	now = now.Add(119 * time.Second)
	l.tick(now, false)
	l.exited(now, "no")
	if l.failures != 7 {
		t.Errorf("after a short while of being ready, %d failures in a row", l.failures)
	}
	now = l.until
	l.tick(now, false)
	ready(t, l, now)
	l.exited(now.Add(2*time.Minute), "no")
	if l.failures != 1 {
		t.Errorf("after a long while of being ready, %d failures in a row", l.failures)
	}
	for l.failures < 100 { // no shift is too far
		l.tick(l.until, false)
		l.refused(l.since, "no")
	}
	if l.until.Sub(l.since) != 10*time.Second {
		t.Errorf("pause %v", l.until.Sub(l.since))
	}
}

func TestLifeDemand(t *testing.T) {
	l := newLife(goalDemand)
	expect(t, "at first", l, l.settle(at(0)), Stopped)
	expect(t, "time passes", l, l.tick(at(5), false), Stopped)
	expect(t, "a call", l, l.want(at(6)), Starting, doStart)
	expect(t, "another call", l, l.want(at(7)), Starting)
	ready(t, l, at(10))
	expect(t, "idle for less", l, l.idle(at(69), at(5)), Ready)
	expect(t, "idle since lately", l, l.idle(at(100), at(50)), Ready)
	expect(t, "idle", l, l.idle(at(110), at(50)), Draining, doTell)
	expect(t, "a call meanwhile", l, l.want(at(110)), Ready, doTell)
	expect(t, "idle again", l, l.idle(at(200), at(120)), Draining, doTell)
	expect(t, "drained", l, l.drained(at(201)), Stopping, doEnd)
	expect(t, "a call meanwhile", l, l.want(at(202)), Stopping)
	expect(t, "its end", l, l.exited(at(203), "as asked"), Starting, doStart)
	if l.why != "" || l.failures != 0 {
		t.Errorf("ending as asked counts as a failure: %+v", l)
	}
	ready(t, l, at(204))
	expect(t, "it ends by itself", l, l.exited(at(210), "it broke"), Failed, doTell)
	expect(t, "nobody waits", l, l.tick(at(212), false), Stopped)
	expect(t, "a call", l, l.want(at(213)), Starting, doStart)
	expect(t, "refused", l, l.refused(at(214), "no memory"), Failed, doFail)
	expect(t, "somebody waits", l, l.tick(at(220), true), Starting, doStart)
}

func TestLifeSleep(t *testing.T) {
	l := newLife(goalDemand)
	l.rules.sleeps = true
	l.want(at(0))
	ready(t, l, at(1))
	l.idle(at(100), at(1))
	expect(t, "drained", l, l.drained(at(101)), Draining, doSleep)
	expect(t, "drained again", l, l.drained(at(102)), Draining)
	expect(t, "a call while it falls asleep", l, l.want(at(102)), Draining)
	expect(t, "asleep", l, l.slept(at(103), ""), Starting, doWake)
	expect(t, "well, but not awake", l, l.heard(at(104), at(104), true), Starting)
	expect(t, "awake", l, l.woken(at(105), ""), Ready, doTell)

	l.idle(at(300), at(105))
	l.drained(at(300))
	expect(t, "asleep", l, l.slept(at(301), ""), Asleep)
	expect(t, "a call", l, l.want(at(302)), Starting, doWake)
	expect(t, "it does not wake", l, l.woken(at(303), "503"), Stopping, doKill)
	expect(t, "its end", l, l.exited(at(304), "killed"), Failed)

	l.tick(at(306), true)
	ready(t, l, at(307))
	l.idle(at(500), at(307))
	l.drained(at(500))
	expect(t, "it does not sleep", l, l.slept(at(501), "404"), Stopping, doEnd)
	expect(t, "its end", l, l.exited(at(502), ""), Stopped)

	l.want(at(510))
	ready(t, l, at(511))
	l.idle(at(700), at(511))
	l.drained(at(700))
	expect(t, "it says nothing to that", l, l.tick(at(761), false), Stopping, doEnd)
	l.exited(at(762), "")

	l.want(at(800))
	ready(t, l, at(801))
	l.idle(at(1000), at(801))
	l.drained(at(1000))
	expect(t, "stopped while it falls asleep", l, l.order(at(1001), goalStop), Draining)
	expect(t, "asleep", l, l.slept(at(1002), ""), Stopping, doEnd)
	l.exited(at(1003), "")

	l.order(at(1100), goalDemand)
	l.want(at(1100))
	ready(t, l, at(1101))
	l.idle(at(1300), at(1101))
	l.drained(at(1300))
	l.slept(at(1301), "")
	expect(t, "its end in its sleep", l, l.exited(at(1302), "it broke"), Failed)
	expect(t, "nobody waits", l, l.tick(at(1310), false), Stopped)
}

func TestLifeHung(t *testing.T) {
	l := newLife(goalRun)
	l.settle(at(0))
	ready(t, l, at(1))
	expect(t, "unanswered", l, l.heard(at(20), at(10), false), Ready)
	expect(t, "unanswered for less than it may", l, l.heard(at(39), at(30), false), Ready)
	expect(t, "answered, if late", l, l.heard(at(49), at(39), true), Ready)
	expect(t, "unanswered again", l, l.heard(at(60), at(50), false), Ready)
	expect(t, "for as long as it may", l, l.heard(at(80), at(70), false), Stopping, doTell, doKill)
	expect(t, "an answer too late", l, l.heard(at(81), at(80.5), true), Stopping)
	expect(t, "its end", l, l.exited(at(82), "killed"), Failed)
	expect(t, "after the pause", l, l.tick(at(83), false), Starting, doStart)
	l.launched(at(83), time.Minute)
	expect(t, "an answer to a question of before", l, l.heard(at(84), at(82), true), Starting)
	expect(t, "too late", l, l.tick(at(143), false), Stopping, doFail, doKill)
	expect(t, "it does not die", l, l.tick(at(163), false), Stopping, doKill)
	expect(t, "its end", l, l.exited(at(164), "killed"), Failed)
	if l.why != "it was not ready in time" {
		t.Errorf("it failed because %q", l.why)
	}
}

func TestLifeStop(t *testing.T) {
	l := newLife(goalRun)
	l.settle(at(0))
	ready(t, l, at(1))
	expect(t, "stop", l, l.order(at(2), goalStop), Draining, doTell, doDrain)
	expect(t, "a call", l, l.want(at(3)), Draining)
	expect(t, "drained", l, l.drained(at(4)), Stopping, doEnd)
	expect(t, "time passes", l, l.tick(at(23), true), Stopping)
	expect(t, "it does not hear", l, l.tick(at(24), true), Stopping, doKill)
	expect(t, "its end", l, l.exited(at(25), "killed"), Stopped)
	for range 3 {
		expect(t, "a call", l, l.want(at(30)), Stopped)
		expect(t, "begin", l, l.begin(at(30), "x"), Stopped)
		expect(t, "restart", l, l.restart(at(30), "x"), Stopped)
		expect(t, "time passes", l, l.tick(at(31), true), Stopped)
	}
	expect(t, "let go", l, l.order(at(40), goalRun), Starting, doStart)
	expect(t, "stopped before it runs", l, l.order(at(41), goalStop), Stopping, doFail)
	expect(t, "let go again", l, l.order(at(42), goalRun), Stopping)
	expect(t, "now it runs", l, l.launched(at(43), time.Hour), Stopping, doEnd)
	expect(t, "its end", l, l.exited(at(44), ""), Starting, doStart)
	expect(t, "stopped before it is checked", l, l.order(at(45), goalStop), Stopping, doFail)
	expect(t, "refused", l, l.refused(at(46), "no memory"), Stopped)

	l.order(at(50), goalRun)
	l.refused(at(51), "no memory")
	expect(t, "stopped in a pause", l, l.order(at(51), goalStop), Stopped)
	l.order(at(52), goalRun)
	ready(t, l, at(53))
	l.order(at(54), goalStop)
	expect(t, "calls do not end", l, l.tick(at(54+600), true), Stopping, doEnd)
	l.exited(at(700), "")

	l.order(at(800), goalRun)
	ready(t, l, at(801))
	l.order(at(802), goalStop)
	expect(t, "in a hurry", l, l.hurry(at(803)), Stopping, doEnd)
}

func TestLifeRestart(t *testing.T) {
	l := newLife(goalRun)
	l.settle(at(0))
	ready(t, l, at(1))
	expect(t, "restart", l, l.restart(at(2), "why"), Draining, doTell, doDrain)
	l.drained(at(3))
	expect(t, "its end", l, l.exited(at(4), "as asked"), Starting, doStart)
	if l.cause != "why" || l.failures != 0 {
		t.Errorf("started again: %+v", l)
	}
	l.launched(at(5), time.Hour)
	expect(t, "restart while it starts", l, l.restart(at(6), "again"), Stopping, doFail, doEnd)
	expect(t, "its end", l, l.exited(at(7), ""), Starting, doStart)
	l.refused(at(8), "no")
	expect(t, "restart in a pause", l, l.restart(at(8), "now"), Starting, doStart)
	l.refused(at(9), "no")
	expect(t, "begin in a pause", l, l.begin(at(9), "now"), Starting, doStart)

	l = newLife(goalDemand)
	expect(t, "begin one that calls start", l, l.begin(at(0), "now"), Starting, doStart)
	ready(t, l, at(1))
	l.idle(at(100), at(1))
	expect(t, "restart while it becomes idle", l, l.restart(at(101), "why"), Draining)
	l.drained(at(102))
	expect(t, "its end", l, l.exited(at(103), ""), Starting, doStart)
}

// TestLifeCalls shows that what calls do never ends an engine nor starts one
// again: whatever its state, want at most begins what is idle.
func TestLifeCalls(t *testing.T) {
	for _, g := range []goal{goalRun, goalDemand, goalStop} {
		for _, s := range []State{Stopped, Starting, Ready, Draining, Stopping, Asleep, Failed} {
			for _, p := range []purpose{forStop, forIdleness, forRestart, forFailure} {
				l := newLife(g)
				l.enter(at(0), s, time.Minute)
				l.purpose, l.runs, l.open = p, s != Stopped && s != Failed, s == Ready
				was := *l
				acts := l.want(at(1))
				begins := g == goalDemand && (s == Stopped || s == Asleep || s == Draining && p == forIdleness)
				if len(acts) > 0 != begins || slices.ContainsFunc(acts, func(a act) bool { return a == doEnd || a == doKill || a == doSleep || a == doDrain }) {
					t.Errorf("goal %d, %s, purpose %d: a call does %v", g, s, p, acts)
				}
				if !begins && (l.state != was.state || l.until != was.until || l.failures != was.failures) {
					t.Errorf("goal %d, %s, purpose %d: a call changes %+v to %+v", g, s, p, was, *l)
				}
			}
		}
	}
}
