// Package apitest runs a management API over a real store, ledger and fleet,
// for tests of the API and of what speaks to it.
package apitest

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice"
	"sluice/api"
	"sluice/api/browser"
	"sluice/api/client"
	"sluice/api/signin"
	"sluice/billing"
	"sluice/billing/budgeting"
	"sluice/billing/closing"
	"sluice/billing/credit"
	"sluice/billing/invoicing"
	"sluice/billing/local"
	"sluice/billing/payment"
	"sluice/billing/statements"
	"sluice/fleet"
	"sluice/fleet/chip"
	"sluice/fleet/power"
	"sluice/fleet/process"
	"sluice/fleet/simulator"
	"sluice/gateway/tally"
	"sluice/money/whatif"
	"sluice/plug/blob"
	"sluice/plug/passkey"
	"sluice/plug/pdf"
	"sluice/plug/webhook"
	"sluice/product/account"
	"sluice/product/assist"
	"sluice/product/batch"
	"sluice/product/file"
	"sluice/product/notify"
	"sluice/store"
)

// World is a server with everything behind it, all of it the test's own.
type World struct {
	Tally *tally.Tally // of requests; a test counts them in it

	Chips *chip.Report // what the machine has

	Store     *store.DB
	Blobs     *blob.Folder
	Accounts  *account.Service
	Browser   *browser.Browser
	Ledger    *billing.Ledger
	Fleet     *fleet.Fleet
	Processes *process.Supervisor
	Power     *power.Service
	API       *api.Server
	URL       string         // of the server, over TCP
	Local     *client.Client // the operator's, over the Unix socket

	// Receiver answers what is posted to webhooks, whatever their URL; by default
	// with 200.
	Receiver http.Handler

	t       testing.TB
	known   atomic.Pointer[map[sluice.KeyHash]*sluice.Principal]
	ahead   atomic.Int64 // nanoseconds that the clock is ahead of the real one
	Reloads atomic.Int64
	Probes  atomic.Int64 // how often an engine was to be asked
}

// New starts a world on SQLite in a folder of the test's, in which people can
// sign in by the sources. It ends with the test.
func New(t testing.TB, sources ...*account.Source) *World {
	t.Helper()
	w := &World{t: t}
	w.Fleet = fleet.New(fleet.Options{Local: simulated, Asleep: func(e sluice.Engine) bool { return w.Processes.Asleep(e) }})
	folder, err := os.MkdirTemp("", "api") //nolint:usetesting // a socket's path must be short
	w.must(err)
	t.Cleanup(func() { w.check(os.RemoveAll(folder)) })
	w.Store, err = store.Open(t.Context(), "sqlite:"+filepath.Join(folder, "sluice.db"))
	w.must(err)
	t.Cleanup(func() { w.check(w.Store.Close()) })
	w.Processes, err = process.Open(t.Context(), process.Options{Folder: filepath.Join(folder, "engines"), Fleet: w.Fleet, Starts: w.Store, Tick: 10 * time.Millisecond})
	w.must(err)
	t.Cleanup(w.Processes.Close)
	go w.Processes.Run(t.Context())
	w.Ledger, err = billing.Open(t.Context(), w.Store, billing.Options{Budgets: w.Store})
	w.must(err)
	t.Cleanup(w.Ledger.Close)

	w.Tally = tally.New(tally.Options{Store: w.Store, Now: w.Now})
	w.Receiver = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	notifier := notify.New(notify.Options{
		Webhooks: w.Store, Outbox: w.Store, Sealer: unsealed{}, Mailer: w,
		Poster: webhook.New(webhook.Options{Doer: w}), Now: w.Now,
	})
	blobs, err := blob.Open(filepath.Join(folder, "blobs"))
	w.must(err)
	t.Cleanup(func() { w.check(blobs.Close()) })
	w.Blobs = blobs
	files := file.New(file.Options{Store: w.Store, Blobs: blobs, Now: w.Now})
	printer, err := pdf.New(nil)
	w.must(err)
	w.Accounts = account.New(account.Options{
		Sources: sources, Party: passkey.New(func() string { return "http://sluice.test" }),
		Store: w.Store, Sealer: thinSealer{}, URL: func() string { return "http://sluice.test" }, Now: w.Now,
		Argon2: account.Argon2{Memory: 64, Passes: 1, Threads: 1}, // quick
	})
	w.Browser = browser.New("http://sluice.test", nil)
	books := statements.New(statements.Options{Books: w.Store, Nodes: w.Store, Kept: w.Store, Power: w.Store, Engines: w.Store.Engines, Now: w.Now, Rerate: w.rerate})
	t.Cleanup(books.Close)
	w.Power, err = power.New(t.Context(), power.Options{Engines: func() []power.Engine { return nil }, Store: w.Store, Settings: w.Store, Now: w.Now})
	w.must(err)
	chats := assist.New(assist.Options{Chats: w.Store, Messages: w.Store, Models: inference{}, Now: w.Now})
	t.Cleanup(chats.Close)
	closes := closing.New(closing.Options{Hours: w.Store, Days: w.Store, Notes: w.Store, Invoices: w.Store, Local: w.Store, Costs: books.Keep, Flush: w.Ledger.Flush, Now: w.Now})
	w.Chips = &chip.Report{Cards: []chip.Card{}, Tools: []chip.Tool{}}
	w.API = api.New(api.Options{
		Power:    w.Power,
		Chips:    func(context.Context) *chip.Report { return w.Chips },
		Accounts: w.Accounts, Browser: w.Browser, Journal: w.Store,
		Invoices: invoicing.New(w.Store, w.Ledger, w.Now, slog.New(slog.DiscardHandler)), Printer: printer,
		Tenants: w.Store, Keys: w.Store, Catalogue: w.Store, Processes: w.Processes, EngineStarts: w.Store, Prober: w, Prices: w.Store, Books: w.Store, Series: w.Store, Requests: w.Store, Traffic: traffic{w.Tally}, Sealer: unsealed{}, Settings: w.Store,
		Ledger: w.Ledger, Plans: w.Ledger, PlanStore: w.Store, Payments: payment.New(payment.Options{Store: w.Store, Ledger: w.Ledger, Now: w.Now}),
		Credits: credit.New(credit.Options{Store: w.Store, Ledger: w.Ledger, Now: w.Now}), Notifier: notifier,
		Budgets: budgeting.New(w.Store, w.Ledger, notifier, w.Now, slog.New(slog.DiscardHandler)), Fleet: w.Fleet, Identity: w, Reload: w.Reload, Now: w.Now,
		Statements: api.Statements{Maker: books, Nodes: books, Costs: books, Questions: books, Deployments: local.New(local.Options{Store: w.Store, Ledger: w.Ledger, Now: w.Now}), Printer: printer},
		Closing:    closes, SealedHours: closes,
		Files: files, Batches: batch.New(batch.Options{Jobs: w.Store, Lines: w.Store, Files: files, Blobs: blobs, Now: w.Now}),
		Chats: chats, Answers: chats, SharedChats: chats, Inference: inference{},
		Version: "test", URL: "http://sluice.test",
	})
	w.must(w.Reload(t.Context()))
	mux := http.NewServeMux()
	mux.Handle("/", w.API)
	pages := signin.New(signin.Options{Accounts: w.Accounts, Browser: w.Browser, Now: w.Now, Log: slog.New(slog.DiscardHandler)})
	for _, path := range pages.Paths() {
		mux.Handle(path, pages)
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	w.URL = server.URL

	socket := filepath.Join(folder, "socket")
	listener, err := net.Listen("unix", socket)
	w.must(err)
	local := &http.Server{Handler: w.API.Local(), ReadHeaderTimeout: time.Minute}
	go func() { _ = local.Serve(listener) }() // until Close
	t.Cleanup(func() { w.check(local.Close()) })
	w.Local = client.Local(socket)
	return w
}

// inference answers every call with an empty object, and bills nothing.
type inference struct{}

func (inference) Infer(w http.ResponseWriter, _ *http.Request, _ string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, "{}")
}

func (i inference) Complete(w http.ResponseWriter, r *http.Request, org, _ string) {
	i.Infer(w, r, org)
}

func (inference) Booked(_ context.Context, call string) (*sluice.Event, error) {
	return nil, sluice.Errorf(sluice.CodeNotFound, "There is no call %q.", call)
}

// Do lets the Receiver answer a webhook.
func (w *World) Do(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	w.Receiver.ServeHTTP(rec, r)
	return rec.Result(), nil
}

// ProbeNow counts that an engine was to be asked.
func (w *World) ProbeNow(context.Context, string) error {
	w.Probes.Add(1)
	return nil
}

// Mail takes any e-mail.
func (w *World) Mail(context.Context, string, string, string, string) error { return nil }

// traffic is what the tally counted, of a gateway that nobody calls.
type traffic struct{ *tally.Tally }

// Running is how many calls are under way: none.
func (traffic) Running() int64 { return 0 }

// LimitUse is that of a key that nobody called with lately.
func (traffic) LimitUse(_ string, limits sluice.Limits) sluice.LimitUse {
	return sluice.LimitUse{RequestsLeft: limits.RequestsPerMinute, TokensLeft: limits.TokensPerMinute}
}

// thinSealer seals so that cookies can hold it, and nobody is kept from reading it.
type thinSealer struct{}

func (thinSealer) Seal(name, secret string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(name + "\x00" + secret))
}

func (thinSealer) Open(name, sealed string) (string, error) {
	text, err := base64.RawURLEncoding.DecodeString(sealed)
	whose, secret, ok := strings.Cut(string(text), "\x00")
	if err != nil || !ok || whose != name {
		return "", errors.New("it was sealed for something else")
	}
	return secret, nil
}

// unsealed keeps secrets as they are.
type unsealed struct{}

func (unsealed) Seal(_, secret string) string          { return secret }
func (unsealed) Open(_, sealed string) (string, error) { return sealed, nil }

func simulated(e sluice.Engine) (http.Handler, error) {
	if strings.HasPrefix(e.URL, sluice.FilePrefix) {
		return http.NotFoundHandler(), nil // a file, which nobody asks here
	}
	c, err := simulator.Parse(e.URL)
	if err != nil {
		return nil, err
	}
	return simulator.New(c)
}

func (w *World) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *World) check(err error) {
	if err != nil {
		w.t.Error(err)
	}
}

// Now is the world's clock.
func (w *World) Now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

// Advance sets the clock forward.
func (w *World) Advance(d time.Duration) { w.ahead.Add(int64(d)) }

// Reload takes up keys and engines from the store, as a server does.
func (w *World) Reload(ctx context.Context) error {
	engines, err := w.Store.Engines(ctx)
	if err != nil {
		return err
	}
	set := make([]sluice.Engine, len(engines))
	for i, e := range engines {
		if set[i], err = w.Processes.Place(*e); err != nil {
			return err
		}
	}
	if err := w.Fleet.Apply(set); err != nil {
		return err
	}
	w.Processes.Apply(set)
	orgs, err := w.Store.Organisations(ctx)
	if err != nil {
		return err
	}
	byID := map[string]*sluice.Organisation{}
	for _, o := range orgs {
		byID[o.ID] = o
	}
	keys, err := w.Store.Keys(ctx)
	if err != nil {
		return err
	}
	known := make(map[sluice.KeyHash]*sluice.Principal, len(keys))
	for _, k := range keys {
		known[k.Hash] = &sluice.Principal{Key: k, Org: byID[k.Org]}
	}
	w.known.Store(&known)
	versions, err := w.Store.PlanVersions(ctx)
	if err != nil {
		return err
	}
	paused, err := api.PausedPlans(ctx, w.Store)
	if err != nil {
		return err
	}
	w.Ledger.UsePlans(versions, paused)
	w.Reloads.Add(1)
	return nil
}

// rerate rates a period again.
func (w *World) rerate(ctx context.Context, r *whatif.Rerater, since, until time.Time, progress func(done, total int64)) (whatif.Result, error) {
	return closing.Rerate(ctx, w.Store, r, since, until, progress)
}

// Identify finds a key by its hash, as of the last Reload.
func (w *World) Identify(hash sluice.KeyHash) (*sluice.Principal, bool) {
	p, ok := (*w.known.Load())[hash]
	return p, ok
}

// Client returns a client over TCP.
func (w *World) Client(key string) *client.Client {
	w.t.Helper()
	c, err := client.New(w.URL, key)
	w.must(err)
	return c
}

// Org makes an organisation in USD.
func (w *World) Org(name string) api.Organisation {
	w.t.Helper()
	o, err := w.Local.CreateOrganisation(w.t.Context(), api.CreateOrganisation{Name: name, Currency: "USD"})
	w.must(err)
	return o
}

// Key makes a key; org is empty for the operator's roles.
func (w *World) Key(role sluice.Role, org string) api.NewKey {
	w.t.Helper()
	k, err := w.Local.CreateKey(w.t.Context(), api.CreateKey{Organisation: org, Role: role, Name: string(role)})
	w.must(err)
	return k
}

// Credit pays an amount into an organisation's balance.
func (w *World) Credit(org, amount string) {
	w.t.Helper()
	a, err := sluice.ParseAmount(amount)
	w.must(err)
	_, err = w.Local.AddCredit(w.t.Context(), org, sluice.NewID("test", w.Now()), api.CreateCredit{Amount: a, Kind: sluice.TxPayment})
	w.must(err)
}

// Call settles a call of an organisation for a charge, as the gateway does.
func (w *World) Call(ev sluice.Event) sluice.Event {
	w.t.Helper()
	ev.CallID = sluice.NewID(sluice.PrefixCall, w.Now())
	if ev.AdmittedAt.IsZero() {
		ev.AdmittedAt = w.Now().UTC()
	}
	if ev.EndedAt.IsZero() {
		ev.EndedAt = ev.AdmittedAt.Add(1500 * time.Millisecond)
	}
	ev.Currency, ev.Status, ev.Endpoint = "USD", sluice.StatusCompleted, "/v1/chat/completions"
	_, err := w.Ledger.Hold(w.t.Context(), sluice.HoldRequest{CallID: ev.CallID, Org: ev.Org, Key: ev.Key, Currency: "USD", Want: ev.List, Least: ev.List})
	w.must(err)
	ev, err = w.Ledger.Settle(w.t.Context(), ev)
	w.must(err)
	return ev
}

// Passphrase is every User's password.
const Passphrase = "correct horse battery"

// User makes a user with the Passphrase, a role for the operator, if any, and
// memberships.
func (w *World) User(email string, operator sluice.Role, members ...sluice.Membership) *sluice.User {
	w.t.Helper()
	u, err := w.Accounts.CreateUser(w.t.Context(), account.NewUser{Email: email, Operator: operator, Password: Passphrase})
	w.must(err)
	for _, m := range members {
		m.User, m.CreatedAt = u.ID, w.Now()
		w.must(w.Store.PutMember(w.t.Context(), m))
	}
	return u
}

// SignIn signs a user in and returns the session's token.
func (w *World) SignIn(u *sluice.User) string {
	w.t.Helper()
	e, err := w.Accounts.SignIn(w.t.Context(), account.Attempt{Email: u.Email, Password: Passphrase, From: account.From{Address: "192.0.2.1"}})
	w.must(err)
	return e.Token
}
