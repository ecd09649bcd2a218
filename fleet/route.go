package fleet

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"sluice"
)

// fullPause is how long an engine that refused a call is not asked, and the
// least that a caller is told to wait.
const fullPause = time.Second

// coldPause is what a caller is told to wait when each engine of a model sleeps.
const coldPause = 10 * time.Second

// readAhead is how long an engine without a limit may have to read what it was
// given. It loses nothing by not having more, and what waits here has its order.
const (
	readAhead      = 2 * time.Second
	readAheadCalls = 4 // or so many calls, however slow it seems to be
)

// Route picks an engine for one attempt of a call: the one that will give the
// prompt its first token soonest (package router) or, where the prompt is not
// known, the one with the fewest calls in flight in relation to its share. Where
// each that could is full, the call waits for its turn (package queue). The route
// must be given back with Done, exactly once.
//
// Errors: CodeModelNotFound when no engine has the model; CodeOverloaded, with
// RetryAfter, when it cannot wait, or not any longer, for one of those that are
// full; CodeConcurrency when too many of its tenant's wait; CodeUnavailable when
// each engine is ejected, asleep or tried; the context's when the client left.
func (f *Fleet) Route(ctx context.Context, req sluice.RouteRequest) (sluice.Route, error) {
	f.mu.Lock()
	targets := f.models[req.Model] // replaced as a whole, never changed
	f.mu.Unlock()
	if len(targets) == 0 {
		return sluice.Route{}, sluice.Errorf(sluice.CodeModelNotFound, "No engine serves the model %q.", req.Model)
	}
	t := f.read(targets, &req)
	now := time.Now()
	f.mu.Lock()
	var route sluice.Route
	why, left := deferred, time.Duration(0)
	if !f.defers(req.Class) {
		route, why, left = f.pick(now, &req, t)
	}
	if why != picked {
		var err error
		if route, err = f.wait(ctx, now, &req, t, why, left); err != nil { // which lets mu go
			return route, err
		}
		t, _ = route.Trip.(*trip)
	} else {
		f.mu.Unlock()
	}
	if t != nil {
		f.memory.remember(t)
	}
	return route, nil
}

// pick takes one of the engines for a call. left is how long until one that is
// ejected may be asked again. f.mu is held.
func (f *Fleet) pick(now time.Time, req *sluice.RouteRequest, t *trip) (_ sluice.Route, why verdict, left time.Duration) {
	targets := f.models[req.Model]
	var room [16]candidate // most models have fewer engines: no allocation
	candidates := room[:0]
	for _, t := range targets {
		c := t.replica.candidate(req.Tried)
		c.asleep = c.asleep || t.replica.parked
		candidates = append(candidates, c)
	}
	i, why, left := f.policy.pick(now, candidates, rand.Uint32())
	if i < 0 && why != allAtTheLimit && unpark(targets, candidates) {
		i, why, left = f.policy.pick(now, candidates, rand.Uint32())
	}
	if i < 0 && why == allEjected {
		i = lastResort(candidates)
	}
	if i < 0 {
		return sluice.Route{}, why, left
	}
	if t.reads() {
		if soonest := f.soonest(now, targets, candidates, t); soonest >= 0 {
			i = soonest
		}
		f.begin(t, targets[i], now)
	}
	r := targets[i].replica
	f.change(r, f.policy.begun(r.condition))
	r.inFlight++
	r.grant.calls++
	route := sluice.Route{Engine: &r.grant.engine, Model: targets[i].name, Origin: originOf(f.seed, req)}
	if t != nil {
		route.Trip = t
	}
	return route, picked, 0
}

// defers reports whether calls of a class are to wait whatever engines could take.
func (f *Fleet) defers(class sluice.QueueClass) bool {
	return class == sluice.QueueBatch && f.o.Deferred != nil && f.o.Deferred()
}

// unpark makes candidates of engines that are only parked, and reports whether
// there are any: parking refuses nobody.
func unpark(targets []target, candidates []candidate) (any bool) {
	for i, t := range targets {
		if t.replica.parked && !t.replica.asleep {
			candidates[i].asleep, any = false, true
		}
	}
	return any
}

// candidate is the engine as the policy sees it, for a call that has failed on those.
func (r *replica) candidate(tried []string) candidate {
	e := &r.grant.engine
	return candidate{
		inFlight:  r.inFlight,
		limit:     r.limit.of(e.Concurrent),
		condition: &r.condition,
		tried:     slices.Contains(tried, e.ID),
		asleep:    r.asleep,
		busy:      e.Concurrent == 0 && r.reading >= readAheadCalls && r.behind() > readAhead,
	}
}

// behind is how long the engine needs for what it has still to read, were it
// all of the model that it reads the slowest.
func (r *replica) behind() time.Duration {
	slowest := 0.0
	for _, p := range r.paces {
		_, each := p.speed.Line()
		slowest = max(slowest, each)
	}
	return time.Duration(slowest * float64(r.backlog) * float64(time.Second))
}

// refusal is what a caller is told when no engine can be picked.
func refusal(model string, why verdict, wait time.Duration) *sluice.Error {
	switch why {
	case allAtTheLimit:
		e := sluice.Errorf(sluice.CodeOverloaded, "All engines of the model %q are at their limit of concurrent calls.", model)
		e.RetryAfter = fullPause
		return e
	case deferred:
		e := sluice.Errorf(sluice.CodeOverloaded, "Calls of the class batch for the model %q wait: the site is not to draw more power at the moment.", model)
		e.RetryAfter = mostRetry
		return e
	case allAsleep:
		e := sluice.Errorf(sluice.CodeUnavailable, "No engine of the model %q is running at the moment.", model)
		e.RetryAfter = coldPause
		return e
	case allEjected:
		e := sluice.Errorf(sluice.CodeUnavailable, "No engine of the model %q is healthy at the moment.", model)
		e.RetryAfter = max(fullPause, wait)
		return e
	case picked, allTried:
	}
	return sluice.Errorf(sluice.CodeUnavailable, "Every engine of the model %q has failed this call.", model)
}
