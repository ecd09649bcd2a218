package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"sluice"
)

// tick is how often Run looks for something to do.
const tick = time.Second

// Run probes the engines and closes idle connections until ctx ends. It
// returns when the last probe has ended.
func (f *Fleet) Run(ctx context.Context) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var probes sync.WaitGroup
	defer probes.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			f.expire(now)
			for _, r := range f.due(now) {
				probes.Go(func() { f.probe(ctx, r) })
			}
			for _, r := range f.unread(now) {
				probes.Go(func() { f.readLoad(ctx, r) })
			}
		}
	}
}

// expire closes connections that were idle for too long.
func (f *Fleet) expire(now time.Time) {
	f.mu.Lock()
	replicas := f.replicas // replaced as a whole, never changed
	f.mu.Unlock()
	for _, r := range replicas {
		r.transport.expire(now)
	}
}

// due marks and returns the replicas that are to be probed now.
func (f *Fleet) due(now time.Time) []*replica {
	f.mu.Lock()
	defer f.mu.Unlock()
	var due []*replica
	for _, r := range f.replicas {
		if !r.probing && !r.asleep && f.policy.probeDue(r.condition, now, r.heard, f.o.ProbeInterval) {
			r.probing = true
			due = append(due, r)
		}
	}
	return due
}

// probe asks one engine whether it is well and draws the conclusion.
func (f *Fleet) probe(ctx context.Context, r *replica) {
	f.mu.Lock()
	paths := r.grant.driver.Health
	f.mu.Unlock()
	within, cancel := context.WithTimeout(ctx, f.o.ProbeTimeout)
	err := askHealth(within, r.transport, paths)
	cancel()
	if ctx.Err() != nil {
		err = ctx.Err()
	} else if err != nil {
		r.note(fmt.Errorf("probe: %w", err))
	}
	if r := f.probed(r, err, time.Now()); r != nil {
		f.retire(r)
	}
}

// probed books the end of a probe. Like ended it returns a replica to close.
func (f *Fleet) probed(r *replica, err error, now time.Time) *replica {
	f.mu.Lock()
	defer f.mu.Unlock()
	r.probing = false
	r.heard = now
	if !r.gone && !r.asleep && !errors.Is(err, context.Canceled) {
		f.change(r, f.policy.probed(r.condition, err == nil, now, rand.Float64()))
		f.serve(r, now)
	}
	return f.drained(r)
}

// askHealth returns nil if the engine is well. The first of the paths that it
// has decides (llama.cpp says 503 at /health while it loads); where it has none,
// any answer to /v1/models that is no server error will do.
func askHealth(ctx context.Context, t transport, paths []string) error {
	for _, path := range paths {
		status, err := get(ctx, t, path)
		switch {
		case err != nil:
			return err
		case status < 300:
			return nil
		case status >= 500 && status != http.StatusNotImplemented:
			return fmt.Errorf("%s answers %d", path, status)
		}
	}
	status, err := get(ctx, t, "/v1/models")
	switch {
	case err != nil:
		return err
	case status >= 500:
		return fmt.Errorf("/v1/models answers %d", status)
	}
	return nil
}

// get asks for a path and returns the status.
func get(ctx context.Context, t transport, path string) (int, error) {
	reply, err := t.send(ctx, &sluice.EngineRequest{Path: path})
	if err != nil {
		return 0, err
	}
	defer reply.Body.Close()
	// Read to the end, within reason, so that the connection can be kept.
	if _, err := io.Copy(io.Discard, io.LimitReader(reply.Body, 1<<20)); err != nil {
		return 0, err
	}
	return reply.Status, nil
}
