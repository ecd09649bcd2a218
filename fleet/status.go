package fleet

import (
	"time"

	"sluice"
	"sluice/fleet/driver"
)

// Health is an engine's state in words.
type Health string

// The states.
const (
	HealthServing    Health = "serving"
	HealthRecovering Health = "recovering" // back, with a share that grows to its full size
	HealthEjected    Health = "ejected"    // gets no calls
	HealthTrial      Health = "trial"      // its time is up: one call or a probe decides
	HealthDraining   Health = "draining"   // no longer in the set, finishing its calls
	HealthAsleep     Health = "asleep"     // not running: started when a call wants it
	HealthParked     Health = "parked"     // well, and spared: see Park
)

// EngineStatus is what the management API shows of an engine.
type EngineStatus struct {
	ID       string            `json:"id"`
	Name     string            `json:"name"`
	Kind     sluice.EngineKind `json:"kind"`
	Health   Health            `json:"health"`
	InFlight int64             `json:"in_flight"`

	// Limit is how many calls it takes at once, as given or as it has shown; zero is none.
	Limit int64 `json:"limit,omitempty"`

	Failures     int       `json:"failures"`      // failed calls in a row, those that may be the requests' own fault once each
	FailedProbes int       `json:"failed_probes"` // in a row
	EjectedUntil time.Time `json:"ejected_until,omitzero"`
	LastError    string    `json:"last_error,omitempty"` // may hold addresses: for the operator
	LastErrorAt  time.Time `json:"last_error_at,omitzero"`

	// Load is what its metrics say, at the instant LoadAt; nil when they say nothing.
	Load   *driver.Load `json:"load,omitempty"`
	LoadAt time.Time    `json:"load_at,omitzero"`

	// Counted is the tokens that it has counted since it was started, at LoadAt; nil
	// when it does not say.
	Counted *driver.Counted `json:"counted,omitempty"`

	// Calls given back since the engine joined the set, by outcome.
	Served  int64 `json:"served"`
	Failed  int64 `json:"failed"`
	Left    int64 `json:"left"`
	Refused int64 `json:"refused"`
}

// Status returns the state of each engine in the order of the last Apply,
// and after them those that drain.
func (f *Fleet) Status() []EngineStatus {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]EngineStatus, 0, len(f.replicas)+len(f.leaving))
	for _, r := range f.replicas {
		all = append(all, f.status(r, now))
	}
	for _, r := range f.leaving {
		all = append(all, f.status(r, now))
	}
	return all
}

func (f *Fleet) status(r *replica, now time.Time) EngineStatus {
	c, e := &r.condition, &r.grant.engine
	s := EngineStatus{
		ID:           e.ID,
		Name:         e.Name,
		Kind:         e.Kind,
		Health:       HealthServing,
		InFlight:     r.inFlight,
		Limit:        r.limit.of(e.Concurrent),
		Failures:     c.failures + c.suspects.n,
		FailedProbes: c.probes,
		EjectedUntil: c.ejectedUntil,
		Served:       r.outcomes[sluice.OutcomeServed],
		Failed:       r.outcomes[sluice.OutcomeFailed],
		Left:         r.outcomes[sluice.OutcomeLeft],
		Refused:      r.outcomes[sluice.OutcomeRefused],
	}
	if last := r.fault.Load(); last != nil {
		s.LastError, s.LastErrorAt = last.text, last.at
	}
	if !r.load.at.IsZero() {
		said := r.load.said
		s.Load, s.LoadAt, s.Counted = &said, r.load.at, r.load.counted
	}
	switch {
	case r.gone:
		s.Health = HealthDraining
	case r.asleep:
		s.Health = HealthAsleep
	case c.ejected() && now.Before(c.ejectedUntil):
		s.Health = HealthEjected
	case c.ejected():
		s.Health = HealthTrial
	case r.parked:
		s.Health = HealthParked
	case f.policy.share(now, c) < 1:
		s.Health = HealthRecovering
	}
	return s
}
