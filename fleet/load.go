package fleet

import (
	"context"
	"fmt"
	"io"
	"time"

	"sluice"
	"sluice/fleet/driver"
)

const (
	loadPause = time.Minute      // before another look where there was nothing to see
	loadStale = 30 * time.Second // when what was seen is no longer believed
	loadBytes = 4 << 20          // of metrics that are read
)

// load is what an engine's metrics said last.
type load struct {
	said    driver.Load
	counted *driver.Counted // nil where it counts no tokens
	at      time.Time       // zero: nothing was said yet
	next    time.Time       // when to look again
	reading bool
}

// cache is how many tokens an engine's cache should keep and how many it holds,
// for the router: as estimated from what it was given, and at least what it says
// its running requests use. Room is zero where it does not say.
//
// What it says of its load is old by seconds, and all calls of those seconds
// would run to the engine that was idle; so it never lowers an estimate.
func (l *load) cache(now time.Time, estimate float64) (tokens, room float64) {
	if l.at.IsZero() || now.Sub(l.at) > loadStale || l.said.Room <= 0 {
		return estimate, 0
	}
	return max(estimate, l.said.KV*l.said.Room), l.said.Room
}

// unread marks and returns the replicas whose metrics are to be looked at now.
func (f *Fleet) unread(now time.Time) []*replica {
	f.mu.Lock()
	defer f.mu.Unlock()
	var due []*replica
	for _, r := range f.replicas {
		if r.load.reading || now.Before(r.load.next) || r.asleep || r.condition.ejected() || r.grant.driver.Metrics.Path == "" {
			continue
		}
		r.load.reading = true
		r.asked++
		due = append(due, r)
	}
	return due
}

// readLoad looks at an engine's metrics.
func (f *Fleet) readLoad(ctx context.Context, r *replica) {
	defer f.answered(r)
	f.mu.Lock()
	d, e := r.grant.driver, r.grant.engine
	f.mu.Unlock()
	version := ""
	if e.Probe.Holds(&e) {
		version = e.Probe.Version
	}
	within, cancel := context.WithTimeout(ctx, f.o.ProbeTimeout)
	text, err := fetch(within, r.transport, d.Metrics.Path)
	cancel()
	said, ok := d.Read(text, version)
	counted, counts := d.Count(text)
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	r.load.reading = false
	if err != nil || !ok {
		r.load.next = now.Add(loadPause)
		return
	}
	r.load.said, r.load.at, r.load.next = said, now, now.Add(f.o.LoadInterval)
	if r.load.counted = nil; counts {
		r.load.counted = &counted
	}
	r.limit = r.limit.measured(r.inFlight, int64(said.Waiting))
	f.serve(r, now)
}

// fetch gets a text, of which it reads the beginning.
func fetch(ctx context.Context, t transport, path string) ([]byte, error) {
	reply, err := t.send(ctx, &sluice.EngineRequest{Path: path})
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	if reply.Status != 200 {
		return nil, fmt.Errorf("%s answers %d", path, reply.Status)
	}
	return io.ReadAll(io.LimitReader(reply.Body, loadBytes))
}
