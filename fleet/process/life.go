package process

import (
	"cmp"
	"time"
)

// State is where an engine is in its life.
type State string

// The states.
const (
	Stopped  State = "stopped"
	Starting State = "starting" // runs or is about to, and takes no calls yet
	Ready    State = "ready"
	Draining State = "draining" // finishes its calls and gets no new ones
	Stopping State = "stopping" // was told to end
	Asleep   State = "asleep"   // runs, without the memory of its accelerators
	Failed   State = "failed"   // ended, and is started again after a pause
)

// goal is what an engine should be doing.
type goal uint8

const (
	goalRun    goal = iota // always
	goalDemand             // when calls ask for it
	goalStop               // never: its operator has stopped it, or it is removed
)

// rules are what the lives of an engine keep to.
type rules struct {
	idleAfter time.Duration // nobody has asked for it
	sleeps    bool          // when idle, and does not end
	hung      time.Duration // without an answer about its health until it is killed
	drain     time.Duration // the longest that its calls are waited for
	stop      time.Duration // between the request to end and being killed
	doze      time.Duration // to fall asleep, until it is ended instead
	healthy   time.Duration // of being ready, after which earlier failures are forgotten
	backoff   time.Duration // after the first failure, doubled with each in a row
	longest   time.Duration // pause
}

// purpose is what a process is ended for.
type purpose uint8

const (
	forStop purpose = iota
	forIdleness
	forRestart
	forFailure // of its own: a pause follows
)

// act is something that a life wants done.
type act uint8

const (
	doStart   act = iota // check, and run the program
	doTell               // that it takes calls, or no longer does: life.open
	doDrain              // tell it to finish what it does, where it can be told
	doSleep              // have it sleep
	doWake               // have it wake up
	doEnd                // ask it to end
	doKill               // end it
	doSucceed            // the start came to its end
	doFail               // likewise, and life.why says why
)

// life is one engine's life as far as anything is decided by it. It is told what
// happens by its methods, with the instant, and each returns what is to be done.
type life struct {
	rules rules
	goal  goal

	state    State
	since    time.Time // of the state
	until    time.Time // the end of its patience; zero: there is none
	purpose  purpose   // of Draining and Stopping
	launches bool      // it is being checked and run, until launched or refused
	runs     bool      // there is a process
	waking   bool      // it is Starting from Asleep
	dozing   bool      // it is Draining and was told to sleep
	open     bool      // it takes calls
	wanted   bool      // somebody waits for it
	cause    string    // of its last start, in words
	why      string    // it failed last
	failures int       // in a row
	starts   int       // of its process
	silent   time.Time // since when nothing is heard about its health; zero: it is well
}

// enter changes the state.
func (l *life) enter(now time.Time, s State, patience time.Duration) {
	l.state, l.since, l.until = s, now, time.Time{}
	if patience > 0 {
		l.until = now.Add(patience)
	}
}

// late reports whether the state's patience is at its end.
func (l *life) late(now time.Time) bool { return !l.until.IsZero() && !now.Before(l.until) }

// tick lets time pass. waited says whether a call waits for the engine or is on its way.
func (l *life) tick(now time.Time, waited bool) []act {
	switch l.state {
	case Failed:
		if !l.late(now) {
			return nil
		}
		if l.goal == goalDemand && !waited {
			l.wanted = false
		}
		l.enter(now, Stopped, 0)
		return l.settle(now)
	case Starting:
		if l.late(now) {
			what := "it was not ready in time"
			if l.waking {
				what = "it did not wake up in time"
			}
			return l.end(now, forFailure, what)
		}
	case Draining:
		if l.late(now) && l.dozing {
			return l.slept(now, "it did not answer")
		}
		if l.late(now) {
			return l.drained(now)
		}
	case Stopping:
		if l.late(now) {
			l.enter(now, Stopping, l.rules.stop)
			return []act{doKill}
		}
	case Ready:
		if now.Sub(l.since) >= l.rules.healthy {
			l.failures = 0
		}
	case Stopped, Asleep:
	}
	return nil
}

// settle does what the goal asks for in the state.
func (l *life) settle(now time.Time) []act {
	needed := l.goal == goalRun || l.goal == goalDemand && l.wanted
	switch l.state {
	case Stopped:
		if needed {
			l.start(now)
			return []act{doStart}
		}
	case Asleep:
		switch {
		case l.goal == goalStop:
			return l.end(now, forStop, "")
		case needed:
			l.enter(now, Starting, 0)
			l.waking = true
			return []act{doWake}
		}
	case Starting:
		if l.goal == goalStop {
			return l.end(now, forStop, "")
		}
	case Ready:
		if l.goal == goalStop {
			return l.leave(now, forStop)
		}
	case Draining:
		if l.goal == goalStop {
			l.purpose = forStop
		} else if l.purpose == forIdleness && needed && !l.dozing {
			l.enter(now, Ready, 0)
			l.wanted = false
			return l.tell(true)
		}
	case Failed:
		if l.goal == goalStop {
			l.enter(now, Stopped, 0)
		}
	case Stopping:
		if l.goal == goalStop && l.purpose != forRestart {
			l.purpose = forStop
		}
	}
	return nil
}

// start enters Starting. Its deadline comes with launched.
func (l *life) start(now time.Time) {
	l.enter(now, Starting, 0)
	l.launches, l.waking, l.silent = true, false, time.Time{}
	l.starts++
	if l.cause == "" {
		l.cause = "it is to run"
		if l.goal == goalDemand {
			l.cause = "a call waits"
		}
	}
}

// tell says whether it takes calls.
func (l *life) tell(open bool) []act {
	if l.open == open {
		return nil
	}
	l.open = open
	return []act{doTell}
}

// leave begins to drain.
func (l *life) leave(now time.Time, p purpose) []act {
	l.purpose = p
	l.enter(now, Draining, l.rules.drain)
	acts := l.tell(false)
	if p != forIdleness {
		acts = append(acts, doDrain)
	}
	return acts
}

// end asks the process to end, or kills one that failed: it was late or did not
// answer, and would not hear the request.
func (l *life) end(now time.Time, p purpose, why string) []act {
	acts := l.tell(false)
	if l.state == Starting && !l.waking {
		acts = append(acts, doFail)
		why = cmp.Or(why, "it was told to end before it was ready")
	}
	if why != "" {
		l.why = why
	}
	l.purpose, l.dozing = p, false
	if l.launches {
		l.enter(now, Stopping, 0) // launched or refused goes on
		return acts
	}
	if !l.runs {
		return append(acts, l.gone(now)...)
	}
	l.enter(now, Stopping, l.rules.stop)
	if p == forFailure {
		return append(acts, doKill)
	}
	return append(acts, doEnd)
}

// want says that a call waits for the engine. It starts one that is idle, and
// changes nothing else.
func (l *life) want(now time.Time) []act {
	if l.goal != goalDemand || l.state == Ready {
		return nil
	}
	l.wanted = true
	if l.state == Stopped {
		l.cause = "a call waits"
	}
	return l.settle(now)
}

// order gives it another goal.
func (l *life) order(now time.Time, g goal) []act {
	l.goal = g
	return l.settle(now)
}

// begin starts it now at its operator's request, without a pause that it may be
// in and also when no call asks for it.
func (l *life) begin(now time.Time, cause string) []act {
	if l.goal == goalStop {
		return nil
	}
	l.wanted = true
	if l.state == Failed {
		l.enter(now, Stopped, 0)
	}
	if l.state == Stopped {
		l.failures, l.cause = 0, cause
	}
	return l.settle(now)
}

// restart ends it, once its calls have finished, and starts it again.
func (l *life) restart(now time.Time, cause string) []act {
	if l.goal == goalStop {
		return nil
	}
	l.cause, l.wanted = cause, true
	switch l.state {
	case Ready:
		return l.leave(now, forRestart)
	case Starting, Asleep:
		return l.end(now, forRestart, "")
	case Draining, Stopping:
		l.purpose = forRestart
		return nil
	case Failed, Stopped:
	}
	return l.begin(now, cause)
}

// hurry cuts draining short.
func (l *life) hurry(now time.Time) []act {
	if l.state != Draining || l.dozing {
		return nil
	}
	return l.drained(now)
}

// launched says that the program runs, and has so long to become ready.
func (l *life) launched(now time.Time, patience time.Duration) []act {
	l.launches, l.runs = false, true
	if l.state != Starting { // it was told to end meanwhile
		l.enter(now, Stopping, l.rules.stop)
		return []act{doEnd}
	}
	l.until = now.Add(patience)
	return nil
}

// refused says that the program could not be started, and why.
func (l *life) refused(now time.Time, why string) []act {
	var acts []act
	l.launches = false
	if l.state == Starting {
		l.purpose = forFailure
		acts = append(acts, doFail)
	}
	l.why = why
	return append(acts, l.gone(now)...)
}

// exited says that the process has ended, and how.
func (l *life) exited(now time.Time, how string) []act {
	l.runs, l.dozing = false, false
	var acts []act
	switch l.state {
	case Starting:
		if !l.waking {
			acts = append(acts, doFail)
		}
		l.purpose, l.why = forFailure, how
	case Ready, Asleep:
		if l.state == Ready && now.Sub(l.since) >= l.rules.healthy {
			l.failures = 0
		}
		acts = l.tell(false)
		l.purpose, l.why = forFailure, how
		l.wanted = l.wanted || l.state == Ready // it was in use
	case Draining, Stopping, Stopped, Failed: // as it was told
	}
	return append(acts, l.gone(now)...)
}

// gone goes on without a process.
func (l *life) gone(now time.Time) []act {
	p := l.purpose
	l.silent = time.Time{}
	if l.goal == goalStop {
		l.wanted = false
		l.enter(now, Stopped, 0)
		return nil
	}
	if p == forFailure {
		l.failures++
		l.cause = "it failed: " + l.why
		l.enter(now, Failed, l.pause())
		return nil
	}
	l.enter(now, Stopped, 0)
	return l.settle(now)
}

// pause is how long a failed engine is left alone.
func (l *life) pause() time.Duration {
	return min(l.rules.backoff<<min(l.failures-1, 30), l.rules.longest)
}

// heard says whether the engine said that it is well; asked is when it was asked.
func (l *life) heard(now, asked time.Time, well bool) []act {
	if asked.Before(l.since) { // of an earlier state
		return nil
	}
	if !well {
		if l.silent.IsZero() {
			l.silent = asked
		}
		if l.state == Ready && now.Sub(l.silent) >= l.rules.hung {
			return l.end(now, forFailure, "it did not answer about its health for "+l.rules.hung.String())
		}
		return nil
	}
	l.silent = time.Time{}
	if l.state != Starting || !l.runs || l.waking {
		return nil
	}
	l.ready(now)
	return append(l.tell(true), doSucceed)
}

// ready enters Ready.
func (l *life) ready(now time.Time) {
	l.enter(now, Ready, 0)
	l.wanted, l.waking, l.cause, l.why = false, false, "", ""
}

// woken says that a sleeping engine is awake, or why not.
func (l *life) woken(now time.Time, why string) []act {
	if l.state != Starting || !l.waking {
		return nil
	}
	if why != "" {
		return l.end(now, forFailure, "it did not wake up: "+why)
	}
	l.ready(now)
	return l.tell(true)
}

// idle says that nothing is in flight and nobody waits, since when.
func (l *life) idle(now, since time.Time) []act {
	if l.state != Ready || l.goal != goalDemand || l.wanted || now.Sub(since) < l.rules.idleAfter || now.Sub(l.since) < l.rules.idleAfter {
		return nil
	}
	return l.leave(now, forIdleness)
}

// drained says that nothing is in flight any more.
func (l *life) drained(now time.Time) []act {
	if l.state != Draining || l.dozing {
		return nil
	}
	if l.purpose == forIdleness && l.rules.sleeps {
		l.enter(now, Draining, l.rules.doze)
		l.dozing = true
		return []act{doSleep}
	}
	return l.end(now, l.purpose, "")
}

// slept says that the engine sleeps, or why not: then it is ended.
func (l *life) slept(now time.Time, why string) []act {
	if !l.dozing {
		return nil
	}
	l.dozing = false
	if why != "" || l.purpose != forIdleness {
		return l.end(now, l.purpose, "")
	}
	l.enter(now, Asleep, 0)
	return l.settle(now)
}
