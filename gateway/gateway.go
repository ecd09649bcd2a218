// Package gateway is the data plane: what happens between a client's request
// and the engine's last byte. One request's life is the page live, in this
// file; each of its six steps has a file of its own:
//
//	identify    key -> principal, from a snapshot in memory
//	understand  bytes -> what must be known of the request
//	admit       limits and a hold on the balance
//	route       an engine replica, and the engine's first bytes
//	relay       bytes engine -> client, watched as they pass
//	settle      usage event and ledger entries, durable before the last bytes
package gateway

import (
	"context"
	"hash/maphash"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"sluice"
	"sluice/wire/chat"
	"sluice/wire/meter"
	"sluice/wire/openai"
)

// Ledger decides about money. All methods are safe for concurrent use.
type Ledger interface {
	// Hold reserves for a call: in its organisation's plan, or money. Errors:
	// CodeQuotaExhausted (with a *sluice.QuotaRefusal), CodeModelNotInPlan,
	// CodeInsufficientFunds, CodeSpendingCap, CodeUnavailable.
	Hold(ctx context.Context, req sluice.HoldRequest) (sluice.Hold, error)

	// Extend asks for more in the middle of a call and leaves a checkpoint that is
	// billed if the process dies. It returns what was granted, which may be zero.
	Extend(callID string, more sluice.Pico, checkpoint sluice.Event) sluice.Pico

	// Settle bills the call and returns the event as booked, once it is durable.
	Settle(ctx context.Context, ev sluice.Event) (sluice.Event, error)

	// Release ends a call that is not billed.
	Release(callID string)

	// Planned reports whether an organisation has a plan.
	Planned(org string) bool

	// PlanMeter returns what an organisation's plan shows, with the multipliers for
	// a model at the instant; nil when it has none.
	PlanMeter(org, model string, at time.Time) *sluice.PlanMeter
}

// Fleet finds and asks engines.
type Fleet interface {
	// Route picks an engine for a call, other than those it tried, and waits for one
	// where all are full. Errors: CodeModelNotFound, CodeUnavailable, CodeOverloaded,
	// CodeConcurrency, or the context's. Every route is given back by Done.
	Route(ctx context.Context, req sluice.RouteRequest) (sluice.Route, error)

	// Send asks the engine and returns the head of its answer. Errors:
	// CodeEngineFailed, CodeTimeout, or the context's.
	Send(ctx context.Context, route sluice.Route, req *sluice.EngineRequest) (*sluice.EngineReply, error)

	// Began tells that the engine's first token came.
	Began(route sluice.Route)

	// Done gives a route back and tells what came of it, and what the engine
	// counted; the zero value when it did not.
	Done(route sluice.Route, outcome sluice.Outcome, usage sluice.Usage)

	// Compared tells whether another engine served a call that failed on those routes.
	Compared(failed []sluice.Route, served bool)
}

// Observer hears of every call once, after its end. It must not block.
type Observer interface {
	CallEnded(report sluice.Report)
}

// Options set up a Gateway. Ledger and Fleet are required.
type Options struct {
	Ledger   Ledger
	Fleet    Fleet
	Observer Observer         // default: nobody
	Log      *slog.Logger     // default: slog.Default
	Now      func() time.Time // default: time.Now

	// Dialects are served besides the engines' own, each at its path.
	Dialects []chat.Dialect

	Fetcher    Fetcher    // of what requests name by URL; nil refuses such
	Files      Files      // that requests name by id; nil refuses such
	Links      Links      // to images, for clients that want them by URL; nil refuses that
	Moderation Moderation // how /v1/moderations answers

	MaxBody     int64         // of a request, in bytes; default 32 MiB
	BodyMemory  int64         // of all bodies beyond 1 MiB together, in bytes; default 1 GiB
	BodyTimeout time.Duration // a request's body must have arrived by then; default 30 s
	KeepAlive   time.Duration // a silent stream gets a comment so often; default 10 s, negative: never
	DrainLimit  time.Duration // how long a left call is drained under LeaveDrain; default 2 min
	Attempts    int           // engines tried before a call fails; default 3
	Slice       int64         // output tokens that a hold covers at a time; default 2048
	VideoPoll   time.Duration // how often an engine is asked how far a video is; default 2 s

	// Waits is how long calls of each queue class wait for an engine; all zero:
	// 30 s, 2 min and 10 min.
	Waits [sluice.QueueClasses]time.Duration
}

// Gateway serves the inference API.
type Gateway struct {
	Options
	directory atomic.Pointer[Directory]
	limits    limiter
	shadows   shadows
	parser    openai.Parser
	bodies    buffers // of requests and whole answers
	reads     buffers // of streams, all small: one is held as long as a stream lasts
	running   atomic.Int64
	large     atomic.Int64 // bytes that large bodies have
}

// New makes a gateway with an empty directory.
func New(opt Options) *Gateway {
	g := &Gateway{
		Options: opt,
		limits:  limiter{gauges: map[string]*gauge{}},
		shadows: shadows{seed: maphash.MakeSeed()},
		bodies:  buffers{most: maxKept},
		reads:   buffers{most: smallRead},
	}
	setDefault(&g.BodyTimeout, 30*time.Second)
	setDefault(&g.KeepAlive, 10*time.Second)
	setDefault(&g.DrainLimit, 2*time.Minute)
	setDefault(&g.MaxBody, 32<<20)
	setDefault(&g.BodyMemory, 1<<30)
	setDefault(&g.Attempts, 3)
	setDefault(&g.Slice, 2048)
	setDefault(&g.VideoPoll, 2*time.Second)
	setDefault(&g.Waits, defaultWaits())
	if g.Now == nil {
		g.Now = time.Now
	}
	if g.Log == nil {
		g.Log = slog.Default()
	}
	g.directory.Store(&Directory{})
	return g
}

// Use replaces the configuration. Running calls keep the one they began with.
func (g *Gateway) Use(d *Directory) {
	g.directory.Store(d)
	g.limits.forget(d.limited())
}

// Directory returns the configuration in use.
func (g *Gateway) Directory() *Directory { return g.directory.Load() }

// Running returns how many calls are under way.
func (g *Gateway) Running() int64 { return g.running.Load() }

// Handler returns the inference API.
func (g *Gateway) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, e := range []openai.Endpoint{openai.Chat(), openai.Completions(), openai.Embeddings()} {
		mux.HandleFunc("POST "+e.Path, func(w http.ResponseWriter, r *http.Request) { g.serve(w, r, e) })
		mux.HandleFunc(e.Path, g.wrongMethod(http.MethodPost))
	}
	for _, path := range openai.MediaPaths() {
		serve := func(w http.ResponseWriter, r *http.Request) { g.serveMedia(w, r, path) }
		if path == openai.PathModerations {
			serve = g.serveModerations
		}
		mux.HandleFunc("POST "+path, serve)
		mux.HandleFunc(path, g.wrongMethod(http.MethodPost))
	}
	for _, d := range g.Dialects {
		mux.HandleFunc("POST "+d.Path(), func(w http.ResponseWriter, r *http.Request) { g.ServeDialect(w, r, d) })
		mux.HandleFunc(d.Path(), g.wrongMethod(http.MethodPost))
		if n, ok := d.(Counter); ok {
			mux.HandleFunc("POST "+n.CountPath(), func(w http.ResponseWriter, r *http.Request) { g.countTokens(w, r, n) })
			mux.HandleFunc(n.CountPath(), g.wrongMethod(http.MethodPost))
		}
	}
	mux.HandleFunc("GET "+openai.PathModels, g.listModels)
	mux.HandleFunc(openai.PathModels, g.wrongMethod("GET, HEAD"))
	mux.HandleFunc("GET "+openai.PathModels+"/{id...}", g.getModel)
	mux.HandleFunc(openai.PathModels+"/{id...}", g.wrongMethod("GET, HEAD"))
	mux.HandleFunc("GET "+meter.PathZai, g.planUsage)
	mux.HandleFunc("/", g.noRoute)
	return mux
}

// serve answers a request in the engines' own dialect.
func (g *Gateway) serve(w http.ResponseWriter, r *http.Request, e openai.Endpoint) {
	g.begin(w, r, e, nil).live()
}

// ServeDialect answers a request in another dialect.
func (g *Gateway) ServeDialect(w http.ResponseWriter, r *http.Request, d chat.Dialect) {
	g.begin(w, r, openai.Chat(), d).live()
}

// live is one request's life.
func (c *call) live() {
	defer c.end()

	err := c.identify()
	if err == nil {
		err = c.understand()
	}
	if err == nil {
		err = c.admit()
	}
	if err == nil {
		err = c.route()
	}
	if err != nil {
		err = c.fallBack(err)
	}
	if err == nil {
		err = c.relay()
	}
	c.settle(err)
}

// noRoute answers a path that the API does not have.
func (g *Gateway) noRoute(w http.ResponseWriter, r *http.Request) {
	id := g.name(w, g.Now(), "")
	e := openai.NoRoute(r)
	if l := g.listerFor(r.Header); l != nil {
		l.WriteError(w, e, id)
		return
	}
	openai.WriteError(w, e)
}

// wrongMethod answers a path of the API under a method that it does not have.
func (g *Gateway) wrongMethod(allowed string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		g.name(w, g.Now(), "")
		openai.WriteWrongMethod(w, r, allowed)
	}
}

// name gives a request its id, unless it has one, and tells the client, who may cite it.
func (g *Gateway) name(w http.ResponseWriter, now time.Time, id string) string {
	if id == "" {
		id = sluice.NewID(sluice.PrefixCall, now)
	}
	h, values := w.Header(), []string{id}
	h["X-Request-Id"], h["Request-Id"] = values, values // as OpenAI's clients read it, and as Anthropic's do
	return id
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
