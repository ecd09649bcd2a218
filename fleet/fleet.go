package fleet

import (
	"context"
	"crypto/tls"
	"errors"
	"hash/maphash"
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
	"sluice/fleet/queue"
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

	Queue queue.Limits // of the calls that wait; default: none

	// Deferred reports whether calls of the class batch are to wait although engines
	// could take them, such as where the site may not draw more power. It is called
	// with locks held and must not call the Fleet. nil: they are not.
	Deferred func() bool

	Log *slog.Logger // default: discarded
}

// Fleet is the set of engines. Its methods are safe for concurrent use.
type Fleet struct {
	o      Options
	policy policy
	memory memory // its slots are guarded by mu
	seed   maphash.Seed

	applying sync.Mutex // one Apply at a time; taken before mu

	mu       sync.Mutex
	models   map[string][]target       // by public name
	replicas []*replica                // in the order of the last Apply
	leaving  []*replica                // gone from the set, with calls in flight
	queue    *queue.Queue              // calls that wait, each the item of a waiter
	waits    map[string]*waits         // what became of calls that could not go at once, by model
	looking  bool                      // look is on its way
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
	reading   int64     // those calls
	fill      router.Fill
	paces     map[string]*pace // by its own names of models
	load      load
	limit     limit
	turn      queue.Turn // in serving those that wait
	serves    []string   // the public names of its models, in order
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
	f := &Fleet{
		o: o,
		policy: policy{
			failures:  o.Failures,
			ejection:  o.Ejection,
			longest:   o.LongestEjection,
			slowStart: o.SlowStart,
			pause:     fullPause,
		},
		grants: make(map[*sluice.Engine]*grant),
		queue:  queue.New(o.Queue), waits: make(map[string]*waits), seed: maphash.MakeSeed(),
		memory: memory{hasher: router.NewHasher(), table: router.NewTable(tableBlocks), began: time.Now()},
	}
	f.queue.Held = func(r queue.Rank) bool { return f.defers(r.Class()) }
	return f
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
	reply, err := g.replica.transport.send(ctx, req)
	if err != nil && errors.Is(err, errUnreachable) {
		f.unreachable(route)
	}
	return reply, err
}

// unreachable books that nobody listens at an engine, of which no request is the cause.
func (f *Fleet) unreachable(route sluice.Route) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if g := f.grants[route.Engine]; g != nil && g == g.replica.grant && !g.replica.condition.ejected() {
		f.change(g.replica, f.policy.ended(g.replica.condition, sluice.OutcomeFailed, 0, time.Now(), rand.Float64()))
	}
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
		f.arrive(t, usage)
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
	r.outcomes[outcome]++
	switch outcome {
	case sluice.OutcomeServed:
		r.heard = now
		r.limit = r.limit.ended(r.inFlight + 1)
	case sluice.OutcomeFailed:
		r.blame(now)
	case sluice.OutcomeRefused:
		r.limit = r.limit.refused(r.inFlight)
	case sluice.OutcomeLeft: // says nothing of how it is
	}
	if g == r.grant && !r.gone {
		f.change(r, f.policy.ended(r.condition, outcome, route.Origin, now, rand.Float64()))
	} else if g.calls == 0 {
		delete(f.grants, &g.engine)
	}
	f.serve(r, now)
	return f.drained(r)
}

// Compared tells how a call went on that failed on those routes, which were
// given back: another engine served it, and so they were at fault, or none did,
// and it is the call that no engine can serve.
func (f *Fleet) Compared(failed []sluice.Route, served bool) {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, route := range failed {
		if r := f.replica(route.Engine.ID); r != nil && !r.condition.ejected() {
			f.change(r, f.policy.compared(r.condition, route.Origin, served, now, rand.Float64()))
		}
	}
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
