package fleet

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"sluice"
	"sluice/fleet/queue"
)

// lookAgain is how often those that wait are looked at beside each end of a
// call: an engine that was full or ejected is asked again without a word from it.
const lookAgain = 100 * time.Millisecond

// Bounds of what a caller is told to wait. SDKs do not heed more than a minute
// or two; all who are turned away at once are not to come back at once.
const (
	leastRetry  = time.Second
	mostRetry   = time.Minute
	retrySpread = 0.25
)

// waiter is a call that waits.
type waiter struct {
	item   queue.Item
	req    *sluice.RouteRequest
	trip   *trip
	result chan result // of which there is one
}

// result is what a waiter's waiting comes to.
type result struct {
	route sluice.Route
	err   error
}

// wait queues a call that no engine can take, and waits for its turn. f.mu is
// held, and is let go.
func (f *Fleet) wait(ctx context.Context, now time.Time, req *sluice.RouteRequest, t *trip, why verdict, left time.Duration) (sluice.Route, error) {
	limit := f.patience(req, why)
	if limit <= 0 || why == allTried {
		f.mu.Unlock()
		return sluice.Route{}, refusal(req.Model, why, left)
	}
	if t == nil {
		t = &trip{}
	}
	kept := *req // so that calls which need not wait stay off the heap
	w := &waiter{req: &kept, trip: t, result: make(chan result, 1)}
	t.waited = w
	w.item = queue.Item{
		Model: req.Model, Tenant: req.Tenant, Weight: req.Weight, Rank: queue.RankOf(req.Class, req.Free),
		Tokens: req.Tokens + req.Output, Until: f.since(now) + limit, Again: req.Again || len(req.Tried) > 0, Call: w,
	}
	err := f.enqueue(w, now)
	if !f.looking {
		f.looking = true
		time.AfterFunc(lookAgain, f.look)
	}
	f.mu.Unlock()
	if err != nil {
		return sluice.Route{}, err
	}
	return f.await(ctx, w, limit)
}

// patience is how long a call may wait: longer where an engine has to be started
// first, and not at all where none will be.
func (f *Fleet) patience(req *sluice.RouteRequest, why verdict) time.Duration {
	if why != allAsleep || f.o.StartLimit == nil {
		return req.Wait
	}
	limit := f.startLimit(req.Model)
	if limit <= 0 {
		return 0
	}
	return max(req.Wait, limit)
}

// startLimit is how long a call may wait until one of the model's engines is
// started; zero: none is being started, nor will be. f.mu is held.
func (f *Fleet) startLimit(model string) (limit time.Duration) {
	for _, t := range f.models[model] {
		limit = max(limit, f.o.StartLimit(t.replica.grant.engine))
	}
	return limit
}

// enqueue queues a call, or says why it cannot wait. f.mu is held.
func (f *Fleet) enqueue(w *waiter, now time.Time) error {
	verdict, shed := f.queue.Push(&w.item, f.since(now))
	for _, it := range shed {
		f.noteShed(it, shedDisplaced)
		it.Call.(*waiter).result <- result{err: f.busy(it, now, "Calls that go first have taken this one's place in the queue for the model %q.")}
	}
	switch verdict {
	case queue.Full:
		f.noteShed(&w.item, shedFull)
		return f.busy(&w.item, now, "Too many calls wait for an engine, and this one, for the model %q, cannot wait beside them.")
	case queue.TenantFull:
		f.noteShed(&w.item, shedTenant)
		e := f.busy(&w.item, now, "Too many calls of your organisation wait for an engine, this one for the model %q. Send fewer at once.")
		e.Code = sluice.CodeConcurrency
		return e
	case queue.TooLate:
		f.noteShed(&w.item, shedLate)
		return f.busy(&w.item, now, "The engines of the model %q are so busy that the call would wait longer than it may.")
	case queue.Waits:
	}
	return nil
}

// busy is what a caller is told whose call cannot wait, or not any longer. f.mu is held.
func (f *Fleet) busy(it *queue.Item, now time.Time, format string) *sluice.Error {
	e := sluice.Errorf(sluice.CodeOverloaded, format, it.Model)
	wait, _ := f.queue.Estimate(it, f.since(now))
	wait = time.Duration(float64(wait) * (1 + retrySpread*(2*rand.Float64()-1)))
	e.RetryAfter = min(max(wait, leastRetry), mostRetry)
	return e
}

// await waits for a queued call's turn.
func (f *Fleet) await(ctx context.Context, w *waiter, limit time.Duration) (sluice.Route, error) {
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	var again <-chan time.Time
	if f.o.Wanted != nil {
		f.want(w.req.Model)
		ticker := time.NewTicker(tick)
		defer ticker.Stop()
		again = ticker.C
	}
	for {
		select {
		case r := <-w.result:
			return r.route, r.err
		case <-ctx.Done():
			if f.giveUp(w, shedLeft) {
				return sluice.Route{}, ctx.Err()
			}
			r := <-w.result
			if r.err == nil {
				f.Done(r.route, sluice.OutcomeLeft, sluice.Usage{})
			}
			return sluice.Route{}, ctx.Err()
		case <-timeout.C:
			if f.giveUp(w, shedExpired) {
				return sluice.Route{}, f.expired(w, limit)
			}
		case <-again:
			f.want(w.req.Model)
			if err := f.hopeless(w); err != nil {
				return sluice.Route{}, err
			}
		}
	}
}

// hopeless gives up a call that waits for engines of which none is being started,
// since that has failed, and returns what its caller is told; nil while there is hope.
func (f *Fleet) hopeless(w *waiter) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.o.StartLimit == nil || f.sleeper(w.req.Model) == "" || f.startLimit(w.req.Model) > 0 || !f.queue.Remove(&w.item) {
		return nil
	}
	f.noteShed(&w.item, shedExpired)
	return refusal(w.req.Model, allAsleep, 0)
}

// giveUp takes a call out of the queue, if it is still there.
func (f *Fleet) giveUp(w *waiter, why shedding) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.queue.Remove(&w.item) {
		return false
	}
	f.noteShed(&w.item, why)
	return true
}

// expired is what a caller is told whose call waited for as long as it may.
func (f *Fleet) expired(w *waiter, limit time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sleeper(w.req.Model) != "" {
		e := sluice.Errorf(sluice.CodeUnavailable, "The model %q is still being started.", w.req.Model)
		e.RetryAfter = coldPause
		return e
	}
	e := f.busy(&w.item, time.Now(), "No engine of the model %q became free")
	e.Message += " within " + limit.Round(100*time.Millisecond).String() + "."
	return e
}

// want has an engine of the model started where none is ready.
func (f *Fleet) want(model string) {
	f.mu.Lock()
	id := f.sleeper(model)
	f.mu.Unlock()
	if id != "" {
		f.o.Wanted(id)
	}
}

// sleeper is the id of the model's first engine, if none is ready. f.mu is held.
func (f *Fleet) sleeper(model string) string {
	targets := f.models[model]
	if len(targets) == 0 || slices.ContainsFunc(targets, func(t target) bool { return !t.replica.asleep }) {
		return ""
	}
	return targets[0].replica.grant.engine.ID
}

// look gives those that wait what may have become free by itself, and comes
// again while any waits.
func (f *Fleet) look() {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.serveAll(now)
	if f.looking = f.queue.Len() > 0; f.looking {
		time.AfterFunc(lookAgain, f.look)
	}
}

// serveAll gives every engine what it can take. f.mu is held.
func (f *Fleet) serveAll(now time.Time) {
	for _, r := range f.replicas {
		f.serve(r, now)
	}
}

// serve gives an engine calls that wait, for as long as it can take one. Which
// call is next is the engine's turn; which engine gets it is chosen among all that
// could take it now, as for a call that comes. f.mu is held.
func (f *Fleet) serve(r *replica, now time.Time) {
	for f.queue.Len() > 0 && !r.gone {
		may := func(it *queue.Item) bool {
			req := it.Call.(*waiter).req
			return !slices.Contains(req.Tried, r.grant.engine.ID) && !f.defers(req.Class)
		}
		it := f.queue.Next(f.open(r, now), &r.turn, may, f.since(now))
		if it == nil {
			return
		}
		w := it.Call.(*waiter)
		route, why, _ := f.pick(now, w.req, w.trip)
		if why != picked { // the engine could, so this is not to be
			it.Again = true
			f.queue.Push(it, f.since(now))
			return
		}
		f.noteServed(it, now)
		w.result <- result{route: route}
	}
}

// open returns the models of which the engine can take a call now: all that it
// serves or, if it is ejected or parked, those that no engine serves which goes
// before it. f.mu is held.
func (f *Fleet) open(r *replica, now time.Time) []string {
	_, why := f.policy.cost(now, r.candidate(nil))
	ejected := why == allEjected && !r.condition.trial
	switch {
	case why != picked && !ejected:
		return nil
	case !ejected && !r.parked:
		return r.serves
	}
	before := func(t target) bool {
		other := t.replica
		return !other.asleep && !other.condition.ejected() && (!other.parked || ejected)
	}
	var last []string
	for _, model := range r.serves {
		if !slices.ContainsFunc(f.models[model], func(t target) bool { return t.replica != r && before(t) }) {
			last = append(last, model)
		}
	}
	return last
}

// since counts instants from when the fleet began.
func (f *Fleet) since(now time.Time) time.Duration { return now.Sub(f.memory.began) }
