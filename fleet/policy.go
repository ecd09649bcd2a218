package fleet

import (
	"time"

	"sluice"
)

// policy decides. Its methods are pure: the instant and the dice are passed
// in, and a condition goes in and comes out by value.
type policy struct {
	failures  int           // in a row, of calls or of probes, that eject an engine
	ejection  time.Duration // the first one; each further one lasts twice as long
	longest   time.Duration // where the doubling ends
	slowStart time.Duration // how long an engine that came back takes to full share
	pause     time.Duration // how long one that said it is full is not asked, doubled with each in a row
}

// slowest is the share of the calls with which an engine comes back.
const slowest = 0.1

// condition is what is known about an engine's health.
type condition struct {
	failures  int      // calls in a row that failed by the engine's fault
	suspects  suspects // beside them, those that may have failed by their own
	probes    int      // failed probes in a row
	refusals  int      // in a row
	ejections int      // in a row, with no good spell between them

	ejectedUntil time.Time // zero while it serves; once past, one trial or probe may bring it back
	trial        bool      // the one trial call is under way
	recoveredAt  time.Time // where the slow start began
	fullUntil    time.Time // it said that it is full: not asked until then

	// generation counts ejections, trials and recoveries. The outcome of a call that
	// was begun in an earlier generation says nothing about the present one: calls
	// that hung on a dead host must not eject the engine that took its place.
	generation int
}

// candidate is one engine that serves the model asked for.
type candidate struct {
	inFlight, limit int64 // limit zero is none
	condition       *condition
	tried           bool // this call has failed on it
	asleep          bool // it is not ready
	busy            bool // it has enough to read: see readAhead
}

// verdict is why no engine could be picked.
type verdict uint8

const (
	picked        verdict = iota
	allTried              // each has failed this call
	allAsleep             // each that was not tried is not ready
	allEjected            // each that is ready is ejected
	allAtTheLimit         // at least one is well and has no room
	deferred              // calls of its class are to wait: see Options.Deferred
)

// pick returns the index of the candidate with the fewest calls in relation
// to its share; dice chooses among equals. With a verdict other than picked the index
// is -1 and wait is how long until an ejected one may be asked again.
func (p policy) pick(now time.Time, candidates []candidate, dice uint32) (index int, why verdict, wait time.Duration) {
	best, equals := 0.0, uint32(0)
	why, wait = allTried, -1
	for _, c := range candidates {
		cost, v := p.cost(now, c)
		switch {
		case v == picked && (equals == 0 || cost < best):
			best, equals = cost, 1
		case v == picked && cost == best:
			equals++
		case v == allEjected:
			if left := c.condition.ejectedUntil.Sub(now); wait < 0 || left < wait {
				wait = max(0, left)
			}
		}
		why = max(why, v)
	}
	if equals == 0 {
		return -1, why, max(0, wait)
	}
	nth := dice % equals
	for i, c := range candidates {
		if cost, v := p.cost(now, c); v == picked && cost == best {
			if nth == 0 {
				return i, picked, 0
			}
			nth--
		}
	}
	return -1, why, 0 // not reached: the second pass sees what the first saw
}

// lastResort returns the ejected candidate that is back the soonest and has no
// trial under way, or -1. It is asked where no other can be: a model is never
// without an engine, but only one call at a time tries one that is ejected.
func lastResort(candidates []candidate) int {
	soonest := -1
	for i, c := range candidates {
		if c.tried || c.asleep || !c.condition.ejected() || c.condition.trial {
			continue
		}
		if soonest < 0 || c.condition.ejectedUntil.Before(candidates[soonest].condition.ejectedUntil) {
			soonest = i
		}
	}
	return soonest
}

// cost is the load the candidate would have with this call, over its share.
// A verdict other than picked excludes it.
func (p policy) cost(now time.Time, c candidate) (float64, verdict) {
	switch {
	case c.tried:
		return 0, allTried
	case c.asleep:
		return 0, allAsleep
	case c.condition.ejected() && (c.condition.trial || now.Before(c.condition.ejectedUntil)):
		return 0, allEjected
	case c.busy || c.limit > 0 && c.inFlight >= c.limit || now.Before(c.condition.fullUntil):
		return 0, allAtTheLimit
	}
	return float64(c.inFlight+1) / p.share(now, c.condition), picked
}

// share is the part of an equal share of calls that the engine gets: all of
// it, or less for a while after it came back, growing linearly.
func (p policy) share(now time.Time, c *condition) float64 {
	if c.ejected() {
		return slowest
	}
	if c.recoveredAt.IsZero() {
		return 1
	}
	since := now.Sub(c.recoveredAt)
	if since >= p.slowStart {
		return 1
	}
	return slowest + (1-slowest)*float64(since)/float64(p.slowStart)
}

// ejected reports whether the engine is out, or out and due for a trial.
func (c *condition) ejected() bool { return !c.ejectedUntil.IsZero() }

// begun is the condition once a call was given to the engine: if it is
// ejected and due, that call is the trial.
func (p policy) begun(c condition) condition {
	if c.ejected() {
		c.trial = true
		c.generation++
	}
	return c
}

// ended is the condition after a call of this generation, of that origin. jitter is in [0, 1).
func (p policy) ended(c condition, o sluice.Outcome, from origin, now time.Time, jitter float64) condition {
	switch o {
	case sluice.OutcomeServed:
		if c.ejected() {
			return p.recovered(c, now, 0)
		}
		c.failures, c.suspects, c.probes, c.refusals = 0, suspects{}, 0, 0
		c.fullUntil = time.Time{}
		if c.ejections > 0 && now.Sub(c.recoveredAt) >= p.slowStart {
			c.ejections = 0
		}
	case sluice.OutcomeFailed:
		if from == 0 {
			c.failures++
		} else {
			c.suspects = c.suspects.add(from)
		}
		if c.ejected() || p.guilty(&c) {
			return p.eject(c, now, jitter)
		}
	case sluice.OutcomeRefused:
		c.fullUntil = now.Add(p.pause << min(c.refusals, 3))
		c.refusals++
		c.trial = false
	case sluice.OutcomeLeft:
		c.trial = false
	}
	return c
}

// guilty reports whether an engine is to be ejected for the calls that failed.
// A failure that may be the request's own weighs less: those of one tenant count
// only beside a surer one, or when twice as many different requests failed in a
// row and none was served.
func (p policy) guilty(c *condition) bool {
	switch n := c.suspects.n; {
	case c.failures >= p.failures, n >= 2*p.failures:
		return true
	default:
		return c.failures+n >= p.failures && c.suspects.several()
	}
}

// suspicious reports whether calls failed so often that the engine is to be asked itself.
func (p policy) suspicious(c *condition) bool {
	return c.suspects.n > 0 && c.failures+c.suspects.n >= p.failures-1
}

// compared is the condition after it is known how a call that failed on the
// engine went elsewhere: served there, the engine was at fault, and otherwise the call.
func (p policy) compared(c condition, from origin, served bool, now time.Time, jitter float64) condition {
	var counted bool
	if c.suspects, counted = c.suspects.remove(from); !counted || !served {
		return c // what is not counted any more is settled
	}
	if c.failures++; p.guilty(&c) {
		return p.eject(c, now, jitter)
	}
	return c
}

// probed is the condition after a probe. A good probe brings an ejected
// engine back on parole: the next failed call ejects it again.
func (p policy) probed(c condition, ok bool, now time.Time, jitter float64) condition {
	switch {
	case ok && c.ejected():
		return p.recovered(c, now, p.failures-1)
	case ok:
		c.probes = 0
	default:
		c.probes++
		if c.ejected() || c.probes >= p.failures || p.suspicious(&c) {
			return p.eject(c, now, jitter)
		}
	}
	return c
}

// probeDue reports whether a probe would teach something: the engine is
// ejected and its time is up, calls failed that may have done so by themselves, or
// nothing was heard from it for the interval.
func (p policy) probeDue(c condition, now, heard time.Time, interval time.Duration) bool {
	if c.ejected() {
		return !now.Before(c.ejectedUntil)
	}
	if p.suspicious(&c) {
		interval = min(interval, p.pause)
	}
	return now.Sub(heard) >= interval
}

func (p policy) recovered(c condition, now time.Time, failures int) condition {
	return condition{
		failures:    failures,
		ejections:   c.ejections,
		recoveredAt: now,
		generation:  c.generation + 1,
	}
}

// eject doubles the time with each ejection in a row and spreads it by a
// quarter either way, so that engines that fell together are not asked together.
func (p policy) eject(c condition, now time.Time, jitter float64) condition {
	d := p.ejection
	for range c.ejections {
		if d >= p.longest/2 {
			d = p.longest
			break
		}
		d *= 2
	}
	d = min(d, p.longest)
	return condition{
		failures:     c.failures + c.suspects.n,
		probes:       c.probes,
		ejections:    c.ejections + 1,
		ejectedUntil: now.Add(time.Duration(float64(d) * (0.75 + jitter/2))),
		generation:   c.generation + 1,
	}
}
