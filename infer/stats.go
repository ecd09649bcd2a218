package infer

// Stats are what a model does at the moment, and what it did since it was
// loaded.
type Stats struct {
	// Running and Waiting are sequences.
	Running, Waiting int
	// Used is the share of the cache that running sequences use, 0 to 1; Room
	// is how many tokens the cache holds.
	Used float64
	Room int
	// Computed are tokens that went through the model; Repeated are those of
	// them that had gone through it before, and were given up for lack of
	// memory; Generated are tokens that were chosen, delivered or not.
	Computed, Repeated, Generated int64
	// Queried are tokens of prompts that were looked for in the cache, Found
	// those that were there.
	Queried, Found int64
	// Preempted is how often a sequence gave way for lack of memory.
	Preempted int64
}

// Stats returns the state of the moment.
func (m *Model) Stats() Stats {
	s := &m.server
	s.mu.Lock()
	defer s.mu.Unlock()
	running, waiting := s.scheduler.Load()
	c := s.scheduler.Counters()
	return Stats{
		Running: running, Waiting: waiting, Used: s.scheduler.Used(), Room: s.scheduler.Room(),
		Computed: c.Computed, Repeated: c.Repeated, Generated: s.generated,
		Queried: c.Queried, Found: c.Found, Preempted: c.Preempted,
	}
}
