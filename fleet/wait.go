package fleet

import (
	"context"
	"time"

	"sluice"
)

// wait holds a call until an engine can take it, its time is up, or the client
// leaves; refused is why none could at first.
func (f *Fleet) wait(ctx context.Context, req *sluice.RouteRequest, t *trip, refused error) (sluice.Route, error) {
	limit := req.Wait
	asleep := f.asleep(req)
	if asleep != nil && f.o.StartLimit != nil {
		limit = max(limit, f.o.StartLimit(*asleep))
	}
	if limit <= 0 || sluice.ErrorOf(refused).RetryAfter == 0 {
		return sluice.Route{}, refused
	}
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	f.mu.Lock()
	f.waiting[req.Model]++
	room := f.room
	f.mu.Unlock()
	defer f.waited(req.Model)
	again := time.NewTicker(tick)
	defer again.Stop()
	for {
		if asleep != nil && f.o.Wanted != nil {
			f.o.Wanted(asleep.ID)
		}
		select {
		case <-ctx.Done():
			return sluice.Route{}, ctx.Err()
		case <-timeout.C:
			return sluice.Route{}, refused
		case <-room:
		case <-again.C:
		}
		f.mu.Lock()
		room = f.room
		f.mu.Unlock()
		route, err := f.pick(req, t)
		if err == nil || sluice.ErrorOf(err).RetryAfter == 0 {
			return route, err
		}
		refused = err
		asleep = f.asleep(req)
	}
}

// asleep returns the first engine of the model, if none is ready.
func (f *Fleet) asleep(req *sluice.RouteRequest) *sluice.Engine {
	f.mu.Lock()
	defer f.mu.Unlock()
	targets := f.models[req.Model]
	for _, t := range targets {
		if !t.replica.asleep {
			return nil
		}
	}
	if len(targets) == 0 {
		return nil
	}
	e := targets[0].replica.grant.engine
	return &e
}

// waited books the end of a wait.
func (f *Fleet) waited(model string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waiting[model]--; f.waiting[model] == 0 {
		delete(f.waiting, model)
	}
}

// roomMade wakes those that wait. f.mu is held.
func (f *Fleet) roomMade() {
	if len(f.waiting) > 0 {
		close(f.room)
		f.room = make(chan struct{})
	}
}
