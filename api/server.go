package api

import (
	"cmp"
	"context"
	_ "embed"
	"hash/maphash"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"sluice"
	"sluice/api/browser"
	"sluice/fleet"
	"sluice/fleet/chip"
	"sluice/fleet/offer"
	"sluice/product/account"
)

// Prefix is where the operations stand.
const Prefix = "/api/v1"

// PathHead is where everybody may read where the chains of seals and closes stand.
const PathHead = "/ledger/head"

// openAPI is what GET /api/v1/openapi.yaml answers.
//
//go:embed openapi.yaml
var openAPI []byte

// Identity knows the keys that are in use.
type Identity interface {
	// Identify returns who has the key with that hash. Whether the key may be used
	// now is asked of the key itself.
	Identify(hash sluice.KeyHash) (*sluice.Principal, bool)
}

// Fleet knows the live state of the engines.
type Fleet interface {
	Status() []fleet.EngineStatus
	Queues() []fleet.QueueStatus
}

// Settings keeps small values by name.
type Settings interface {
	Setting(ctx context.Context, name string) (string, error)
	PutSetting(ctx context.Context, name, value string) error
}

// Options are what a Server works with. All but Accounts, Browser, URL, Version, Now and Log are required.
type Options struct {
	Tenants      Tenants
	Keys         Keys
	Catalogue    Catalogue
	Processes    Processes
	EngineStarts EngineStarts
	Prober       Prober
	Prices       Prices
	Books        Books
	Series       Series
	Requests     Requests
	Traffic      Traffic
	Costs        Costs // nil: nothing is known of what serving costs
	Sealer       Sealer
	Settings     Settings
	Invoices     Invoices
	Printer      InvoicePrinter
	Ledger       Ledger
	Payments     Payments
	Credits      Credits
	Plans        Plans
	PlanStore    PlanStore
	Notifier     Notifier
	Budgets      Budgeting
	Closing      Closing
	SealedHours  SealedHours
	Statements   Statements
	Power        Power
	Files        Files
	Batches      Batches
	Fleet        Fleet
	Identity     Identity

	Chats       Chats
	Answers     Answers
	SharedChats SharedChats
	Inference   Inference
	Journal     Journal
	Accounts    *account.Service // nil: nobody signs in
	Browser     *browser.Browser // default: of URL, behind no proxy

	// Reload makes the server take up what the store says now. It runs after each
	// change and before its answer, one at a time. An error leaves what was.
	Reload func(ctx context.Context) error

	// Offers looks for engines of this machine that could be used; nil: there are none.
	Offers func(ctx context.Context) ([]offer.Offer, error)

	// ModelFolder is where files of models are found; nil: there is none.
	ModelFolder ModelFolder

	// Chips looks for the accelerators of this machine. Default: with [chip.Scan].
	Chips func(ctx context.Context) *chip.Report

	// Calendar reports whether there is a calendar of the name, for plans to weigh
	// by. Nil: there is none.
	Calendar func(name string) bool

	URL     string // where browsers reach the server
	Version string
	Now     func() time.Time // default time.Now
	Log     *slog.Logger     // default: discarded
}

// Server is the management API. It answers everything below Prefix, for callers
// with a key or a session; Local is the same for the
// operator of this machine.
type Server struct {
	opt     Options
	handler http.Handler
	browser *browser.Browser
	huma    huma.API
	routes  []route // all operations, as they were registered
	mux     *http.ServeMux

	versions  map[string]*versioned // of addresses, below Prefix, as patterns
	addresses addresses

	changing sync.Mutex // one change of the configuration at a time
	started  time.Time
	repeated repetitions
	watched  watched // get-today

	models   kept[[]PublicModel]
	statuses kept[*PublicStatus]
	ranked   kept[*Rankings]
	past     kept[*history]
	chips    kept[Chips]
	spent    kept[map[sluice.Currency]sluice.Amount]
}

// New returns the server.
func New(o Options) *Server {
	o.Version = cmp.Or(o.Version, "unknown")
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Chips == nil {
		o.Chips = func(ctx context.Context) *chip.Report { return chip.Scan(ctx, chip.Options{Usage: true}) }
	}
	if o.Calendar == nil {
		o.Calendar = func(string) bool { return false }
	}
	if o.Browser == nil {
		o.Browser = browser.New(o.URL, nil)
	}
	mux := http.NewServeMux()
	s := &Server{opt: o, browser: o.Browser, started: o.Now(), mux: mux, addresses: addresses{seed: maphash.MakeSeed()}}
	s.huma = humago.NewWithPrefix(mux, Prefix, config())
	s.registerOrganisations()
	s.registerBalances()
	s.registerPayments()
	s.registerProjects()
	s.registerKeys()
	s.registerModels()
	s.registerModelFiles()
	s.registerEngines()
	s.registerEngineLife()
	s.registerChips()
	s.registerOffers()
	s.registerPrices()
	s.registerPlans()
	s.registerSubscriptions()
	s.registerFiles()
	s.registerChats()
	s.registerInference()
	s.registerBatches()
	s.registerUsage()
	s.registerInvoices()
	s.registerWebhooks()
	s.registerBudgets()
	s.registerLedger()
	s.registerClosing()
	s.registerHours()
	s.registerStatements()
	s.registerPower()
	s.registerApply()
	s.registerStatus()
	s.registerSession()
	s.registerSelf()
	s.registerPasskeys()
	s.registerUsers()
	s.registerMembers()
	s.registerAudit()
	complete(s.huma.OpenAPI(), s.routes)
	s.versions = findVersioned(s.huma.OpenAPI(), s.routes)

	mux.HandleFunc("GET "+Prefix+"/openapi.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+yaml")
		_, _ = w.Write(openAPI) // a caller who left
	})
	mux.HandleFunc("GET "+PathHead, s.publishHead)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, sluice.Errorf(sluice.CodeNotFound, "There is no %s %s.", r.Method, r.URL.Path))
	})

	s.handler = browser.Guard(s.tagged(mux), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, sluice.Errorf(sluice.CodeForbidden, "A page of another origin may not ask for this."))
	}))
	return s
}

// EndStreams ends what would last as long as its caller stays, for the server to stop.
func (s *Server) EndStreams() { s.watched.stop() }

// ServeHTTP answers callers with a key in the Authorization header, and users
// whose browser holds a session.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.serve(w, r, nil)
}

// Local answers the operator of this machine, who needs no key. It must only
// be reached through a Unix socket that nobody else can open.
func (s *Server) Local() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.serve(w, r, &caller{role: sluice.RoleOwner, local: true})
	})
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request, local *caller) {
	defer func() {
		fault := recover()
		if fault == nil {
			return
		}
		if fault != http.ErrAbortHandler { //nolint:errorlint // what was panicked with, not an error chain
			s.opt.Log.ErrorContext(r.Context(), "the management API panicked", "method", r.Method, "path", r.URL.Path, "fault", fault)
		}
		panic(http.ErrAbortHandler) // the answer may have begun: end the connection
	}()
	w.Header().Set("Cache-Control", "no-store") // answers hold secrets, balances and what may change at once
	w.Header().Set("X-Content-Type-Options", "nosniff")
	s.handler.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), localKey{}, local)))
}

// change runs fn, which writes to the store, and then Reload. One change runs
// at a time, so that what fn read is still so when it writes, and a caller who
// leaves does not stop it halfway.
func (s *Server) change(ctx context.Context, fn func(context.Context) error) error {
	ctx = context.WithoutCancel(ctx)
	s.changing.Lock()
	defer s.changing.Unlock()
	if err := fn(ctx); err != nil {
		return err
	}
	if err := s.opt.Reload(ctx); err != nil {
		return &sluice.Error{
			Code: sluice.CodeUnavailable, Err: err,
			Message: "The change is stored, but the server could not take it up and goes on as before. It will with the next change or restart.",
		}
	}
	return nil
}
