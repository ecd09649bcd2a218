package fleet

import (
	"context"
	"crypto/tls"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sluice"
	"sluice/fleet/driver"
	"sluice/fleet/router"
)

// Options configure a Fleet. Zero fields take their default.
type Options struct {
	// Local makes the handler of an engine that is not reached by URL. If the
	// handler is an io.Closer it is closed once the engine has left and drained.
	// Without Local such engines are refused.
	Local func(sluice.Engine) (http.Handler, error)

	// Timeouts gives an engine's own; nil is the defaults for all.
	Timeouts func(sluice.Engine) Timeouts

	Dial        func(ctx context.Context, network, address string) (net.Conn, error) // default: net.Dialer
	TLS         *tls.Config                                                          // for https; default: the system's roots
	IdleConns   int                                                                  // idle connections kept per engine; default 256
	IdleTimeout time.Duration                                                        // how long; default 30 seconds

	Failures        int           // in a row that eject an engine; default 3
	Ejection        time.Duration // the first one, doubled with each in a row; default 2 seconds
	LongestEjection time.Duration // default 30 seconds
	SlowStart       time.Duration // default 10 seconds
	ProbeInterval   time.Duration // between probes of an engine that is not heard of otherwise; default 10 seconds
	ProbeTimeout    time.Duration // default 5 seconds
	LoadInterval    time.Duration // between two looks at an engine's metrics; default 5 seconds

	// Asleep reports whether an engine that joins the set is not ready yet: it is
	// routed to once SetReady says so. nil: all are ready.
	Asleep func(sluice.Engine) bool

	// Wanted is told the id of an engine that is not ready when a call waits for a
	// model of which none is. It is called again while the call waits, without
	// locks held, and must not block.
	Wanted func(engineID string)

	// StartLimit is how long a call may wait for such an engine, where that is
	// longer than it waits otherwise; nil: no longer.
	StartLimit func(sluice.Engine) time.Duration

	Log *slog.Logger // default: discarded
}

// fullPause is how long an engine that refused a call is asked last, and the
// least that a caller is told to wait.
const fullPause = time.Second

// coldPause is what a caller is told to wait when each engine of a model sleeps.
const coldPause = 10 * time.Second

// Fleet is the set of engines. Its methods are safe for concurrent use.
type Fleet struct {
	o      Options
	policy policy
	memory memory // its slots are guarded by mu

	applying sync.Mutex // one Apply at a time; taken before mu

	mu       sync.Mutex
	models   map[string][]target       // by public name
	replicas []*replica                // in the order of the last Apply
	leaving  []*replica                // gone from the set, with calls in flight
	waiting  map[string]int            // calls that wait, by model
	room     chan struct{}             // closed when there may be room
	grants   map[*sluice.Engine]*grant // every engine pointer that a Route may hold
}

// target is one engine under which a model can be had.
type target struct {
	replica *replica
	name    string // the engine's own name for the model
}

// replica is one engine at one address, with its connections, its health and
// its counters. All but transport and fault are guarded by Fleet.mu.
type replica struct {
	transport transport
	fault     atomic.Pointer[fault]

	grant     *grant // what new routes get
	condition condition
	inFlight  int64
	outcomes  [4]int64  // by sluice.Outcome
	heard     time.Time // when it last served a call or was probed
	slot      int       // in the table of prompts, or noSlot; fixed once it is in the set
	placed    bool      // a slot was looked for
	backlog   int64     // prompt tokens that it has still to read, of calls with a trip
	fill      router.Fill
	paces     map[string]*pace // by its own names of models
	load      load
	probing   bool
	asked     int // requests of Sluice's own under way
	gone      bool
	asleep    bool      // not ready: see SetReady
	parked    bool      // spared: see Park
	idleSince time.Time // when its last call ended
}

// grant is an engine's definition as handed out in routes during one
// generation of its condition. Its address is what tells the generations apart when the
// route comes back.
type grant struct {
	engine  sluice.Engine
	driver  *driver.Driver
	replica *replica
	calls   int64 // in flight
}

// fault is an engine's last error.
type fault struct {
	text string
	at   time.Time
}

// New returns a Fleet without engines.
func New(o Options) *Fleet {
	if o.Dial == nil {
		o.Dial = (&net.Dialer{KeepAlive: 30 * time.Second}).DialContext
	}
	if o.Timeouts == nil {
		o.Timeouts = func(sluice.Engine) Timeouts { return Timeouts{} }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.IdleConns = orDefault(o.IdleConns, 256)
	o.IdleTimeout = orDefault(o.IdleTimeout, 30*time.Second)
	o.Failures = orDefault(o.Failures, 3)
	o.Ejection = orDefault(o.Ejection, 2*time.Second)
	o.LongestEjection = orDefault(o.LongestEjection, 30*time.Second)
	o.SlowStart = orDefault(o.SlowStart, 10*time.Second)
	o.ProbeInterval = orDefault(o.ProbeInterval, 10*time.Second)
	o.ProbeTimeout = orDefault(o.ProbeTimeout, 5*time.Second)
	o.LoadInterval = orDefault(o.LoadInterval, 5*time.Second)
	return &Fleet{
		o: o,
		policy: policy{
			failures:  o.Failures,
			ejection:  o.Ejection,
			longest:   o.LongestEjection,
			slowStart: o.SlowStart,
			pause:     fullPause,
		},
		grants:  make(map[*sluice.Engine]*grant),
		waiting: make(map[string]int), room: make(chan struct{}),
		memory: memory{hasher: router.NewHasher(), table: router.NewTable(tableBlocks), began: time.Now()},
	}
}

// Route picks an engine for one attempt of a call: the one that will give the
// prompt its first token soonest (package router) or, where the prompt is not
// known, the one with the fewest calls in flight in relation to its share. The
// route must be given back with Done, exactly once.
//
// Errors: CodeModelNotFound when no engine has the model; CodeOverloaded,
// with RetryAfter, when each that could is at its limit of concurrent calls;
// CodeUnavailable when each is ejected or tried.
func (f *Fleet) Route(ctx context.Context, req sluice.RouteRequest) (sluice.Route, error) {
	f.mu.Lock()
	targets := f.models[req.Model] // replaced as a whole, never changed
	f.mu.Unlock()
	t := f.read(targets, &req)
	route, err := f.pick(&req, t)
	if err != nil {
		route, err = f.wait(ctx, &req, t, err)
	}
	if err != nil || t == nil {
		return route, err
	}
	f.memory.remember(t)
	route.Trip = t
	return route, nil
}

// pick takes one of the engines for a call.
func (f *Fleet) pick(req *sluice.RouteRequest, t *trip) (sluice.Route, error) {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	targets := f.models[req.Model]
	if len(targets) == 0 {
		return sluice.Route{}, sluice.Errorf(sluice.CodeModelNotFound, "No engine serves the model %q.", req.Model)
	}
	var room [16]candidate // most models have fewer engines: no allocation
	candidates := room[:0]
	for _, t := range targets {
		e := &t.replica.grant.engine
		candidates = append(candidates, candidate{
			inFlight:  t.replica.inFlight,
			limit:     e.Concurrent,
			condition: &t.replica.condition,
			asleep:    t.replica.asleep || t.replica.parked,
			tried:     slices.Contains(req.Tried, e.ID),
		})
	}
	i, why, wait := f.policy.pick(now, candidates, rand.Uint32())
	if i < 0 && why != allAtTheLimit && unpark(targets, candidates) {
		i, why, wait = f.policy.pick(now, candidates, rand.Uint32())
	}
	if i < 0 {
		return sluice.Route{}, refusal(req.Model, why, wait)
	}
	if t != nil {
		if soonest := f.soonest(now, targets, candidates, t); soonest >= 0 {
			i = soonest
		}
		f.begin(t, targets[i], now)
	}
	r := targets[i].replica
	f.change(r, f.policy.begun(r.condition))
	r.inFlight++
	r.grant.calls++
	return sluice.Route{Engine: &r.grant.engine, Model: targets[i].name}, nil
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

// refusal is what a caller is told when no engine can be picked.
func refusal(model string, why verdict, wait time.Duration) error {
	switch why {
	case allAtTheLimit:
		e := sluice.Errorf(sluice.CodeOverloaded, "All engines of the model %q are at their limit of concurrent calls.", model)
		e.RetryAfter = fullPause
		return e
	case allAsleep:
		e := sluice.Errorf(sluice.CodeUnavailable, "No engine of the model %q is running at the moment.", model)
		e.RetryAfter = coldPause
		return e
	case allEjected:
		e := sluice.Errorf(sluice.CodeUnavailable, "No engine of the model %q is healthy at the moment.", model)
		e.RetryAfter = max(fullPause, wait)
		return e
	default:
		return sluice.Errorf(sluice.CodeUnavailable, "Every engine of the model %q has failed this call.", model)
	}
}

// Send asks the route's engine and returns once the head of its answer is
// there, whatever its status. ctx governs the reply's body too: cancelling it stops the
// engine's work.
//
// Errors: CodeEngineFailed when the engine refused the connection, broke off
// or sent nonsense; CodeTimeout; the context's error when it was cancelled.
// Reading the body gives the same ones.
func (f *Fleet) Send(ctx context.Context, route sluice.Route, req *sluice.EngineRequest) (*sluice.EngineReply, error) {
	f.mu.Lock()
	g := f.grants[route.Engine]
	f.mu.Unlock()
	if g == nil {
		return nil, sluice.Errorf(sluice.CodeInternal, "the route was given back before the call was sent")
	}
	if !g.driver.Allows(req.Path) {
		return notServed(g.driver, req.Path)
	}
	return g.replica.transport.send(ctx, req)
}

// note keeps an engine's failure for Status.
func (r *replica) note(err error) {
	r.fault.Store(&fault{text: err.Error(), at: time.Now()})
}

// blame notes that a call failed, unless it is known how: what an engine said
// that was of no use is known to the caller alone.
func (r *replica) blame(now time.Time) {
	if last := r.fault.Load(); last == nil || now.Sub(last.at) > time.Second {
		r.fault.Store(&fault{text: "its answer was of no use: the server's log says why", at: now})
	}
}

// Done gives a route back and says what came of it, and what the engine says
// that the call used; the zero value when it does not say.
func (f *Fleet) Done(route sluice.Route, outcome sluice.Outcome, usage sluice.Usage) {
	if r := f.ended(route, outcome, &usage, time.Now()); r != nil {
		f.retire(r)
	}
}

// retire closes an engine that is gone and no longer in use.
func (f *Fleet) retire(r *replica) {
	r.transport.close()
	f.leaveSlot(r)
}

// ended books the end of a call. It returns the replica if that was the last
// thing it was kept for: closing it may take time, so not under mu.
func (f *Fleet) ended(route sluice.Route, outcome sluice.Outcome, usage *sluice.Usage, now time.Time) *replica {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t, ok := route.Trip.(*trip); ok {
		t.arrive(usage)
	}
	g := f.grants[route.Engine]
	if g == nil || g.calls == 0 || int(outcome) >= len(g.replica.outcomes) {
		return nil
	}
	r := g.replica
	g.calls--
	if r.inFlight--; r.inFlight == 0 {
		r.idleSince = now
	}
	f.roomMade()
	r.outcomes[outcome]++
	switch outcome {
	case sluice.OutcomeServed:
		r.heard = now
	case sluice.OutcomeFailed:
		r.blame(now)
	case sluice.OutcomeLeft, sluice.OutcomeRefused: // say nothing of how it is
	}
	if g == r.grant && !r.gone {
		f.change(r, f.policy.ended(r.condition, outcome, now, rand.Float64()))
	} else if g.calls == 0 {
		delete(f.grants, &g.engine)
	}
	return f.drained(r)
}

// drained returns the replica if it has left the set and nothing uses it any more.
func (f *Fleet) drained(r *replica) *replica {
	if !r.gone || r.inFlight > 0 || r.probing || r.asked > 0 {
		return nil
	}
	f.leaving = slices.DeleteFunc(f.leaving, func(l *replica) bool { return l == r })
	return r
}

// change sets a replica's condition. A new generation gets a new grant, so
// that the outcomes of older calls are known as such.
func (f *Fleet) change(r *replica, c condition) {
	was := r.condition
	r.condition = c
	if c.generation == was.generation {
		return
	}
	f.regrant(r, r.grant.engine)
	if c.ejected() && !c.trial {
		f.o.Log.Warn("engine ejected", "engine", r.grant.engine.ID, "until", c.ejectedUntil, "failures", c.failures, "failed_probes", c.probes)
	} else if was.ejected() && !c.ejected() {
		f.o.Log.Info("engine recovered", "engine", r.grant.engine.ID)
	}
}

// regrant makes new routes carry the definition at a new address.
func (f *Fleet) regrant(r *replica, e sluice.Engine) {
	if old := r.grant; old != nil && old.calls == 0 {
		delete(f.grants, &old.engine)
	}
	r.grant = &grant{engine: e, driver: driver.Of(&e), replica: r}
	f.grants[&r.grant.engine] = r.grant
}
