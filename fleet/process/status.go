package process

import (
	"slices"
	"time"

	"sluice"
)

// Status is how an engine's process is.
type Status struct {
	State State
	Since time.Time
	Until time.Time // of a failed one: when it is started again; zero otherwise
	Error string    // why it failed last; empty since it is ready
	Cause string    // of the start under way or to come, in words

	PID      int // zero: it does not run
	URL      string
	Starts   int // since the server's start
	Failures int // in a row

	Command []string // as it was run last, with what was added
	Added   []string // what its operator did not say

	Start *sluice.EngineStart // the last one; nil before the first
}

// Status returns how the process of each engine is, by id.
func (s *Supervisor) Status() map[string]Status {
	all := map[string]Status{}
	for id, k := range s.all() {
		if st, ok := k.state(); ok {
			all[id] = st
		}
	}
	return all
}

// state is how the engine is; ok is false before it is defined.
func (k *keeper) state() (st Status, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.engine.ID == "" {
		return Status{}, false
	}
	l := &k.life
	st = Status{
		State: l.state, Since: l.since, Error: l.why, Cause: l.cause, Starts: l.starts, Failures: l.failures,
		URL: k.url(""), Start: k.job,
	}
	if l.state == Failed {
		st.Until = l.until
	}
	if k.child != nil {
		st.PID = k.child.pid()
	}
	if k.program != nil {
		st.Command, st.Added = slices.Clone(k.program.argv), slices.Clone(k.program.added)
	}
	return st, true
}
