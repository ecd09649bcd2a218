package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sluice/api"
	"sluice/billing"
	"sluice/billing/budgeting"
	"sluice/billing/closing"
	"sluice/billing/counting"
	"sluice/billing/credit"
	"sluice/billing/invoicing"
	"sluice/billing/letter"
	"sluice/billing/payment"
	"sluice/billing/statements"
	"sluice/cmd/sluice/config"
	"sluice/fleet"
	"sluice/fleet/power"
	"sluice/fleet/process"
	"sluice/gateway"
	"sluice/plug/blob"
	"sluice/plug/mail"
	"sluice/plug/pdf"
	"sluice/product/account"
	"sluice/product/assist"
	"sluice/product/batch"
	"sluice/product/file"
	"sluice/product/job"
	"sluice/product/link"
	"sluice/product/notify"
	"sluice/product/responses"
	"sluice/store"
	"sluice/wire/meter"
	"sluice/wire/zai"
)

// server is a running Sluice. Its fields are set in the order of boot.
type server struct {
	cfg        config.Config
	log        *slog.Logger
	store      *store.DB
	fleet      *fleet.Fleet
	processes  *process.Supervisor
	prober     *prober
	power      *power.Service
	seen       *observers
	ledger     *billing.Ledger
	payments   *payment.Service
	credits    *credit.Service
	invoices   *invoicing.Invoices
	printer    *pdf.Printer
	notifier   *notify.Service
	mailer     *mail.Mailer // nil: there is no mail server
	letters    *letter.Service
	budgets    *budgeting.Service
	closing    *closing.Service
	statements *statements.Service
	counting   *counting.Service
	models     *modelFolder
	embedded   sync.Map // engines of this process that count, by their ids
	gateway    *gateway.Gateway
	blobs      *blob.Folder
	files      *file.Service
	batches    *batch.Service
	links      *link.Service
	jobs       *job.Service
	responses  *responses.Service
	inferring  *inferring
	chats      *assist.Service
	accounts   *account.Service
	engines    *catalogue
	salt       []byte

	reloads   atomic.Int64              // how often the configuration was taken up
	reloading sync.Mutex                // one reload at a time, so that the last one read the most
	calendars atomic.Pointer[calendars] // that plans may weigh by

	first welcome
	calls *drain                // the inference calls under way
	url   string                // where clients reach it
	warm  func(context.Context) // writes the public pages, so that the first visitor does not wait
}

// serve boots a server, says when it is ready, and runs until ctx ends; then
// it drains, which the end of hurry cuts short. This function is the boot
// sequence, from top to bottom.
func serve(ctx, hurry context.Context, cfg config.Config, announce func(ready) error, logTo io.Writer) (err error) {
	s := &server{cfg: cfg, log: newLogger(cfg, logTo)}
	defer func() { err = errors.Join(err, s.close()) }()

	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return fmt.Errorf("making the data folder: %w", err)
	}
	if s.store, err = store.Open(ctx, cfg.DSN()); err != nil {
		return err
	}
	if s.engines, err = newCatalogue(s.store, cfg.Data, s.log); err != nil {
		return err
	}
	if s.seen, err = newObservers(ctx, cfg, s.store, s.log); err != nil {
		return err
	}
	if err := s.loadCalendars(ctx); err != nil {
		return err
	}
	if err := s.notifying(); err != nil {
		return err
	}
	s.ledger, err = billing.Open(ctx, s.store, billing.Options{
		HoldWait: cfg.HoldWait, Spool: filepath.Join(cfg.Data, "spool.jsonl"), Log: s.log, OnCommit: s.seen.commit,
		InForce: s.inForce, Volumes: s.store, Budgets: s.store, OnSubscription: s.letters.Subscription,
	})
	if err != nil {
		return err
	}
	s.credits = credit.New(credit.Options{Store: s.store, Ledger: s.ledger, Log: s.log})
	if s.payments, err = s.newPayments(); err == nil {
		err = s.invoicing(ctx)
	}
	if err != nil {
		return err
	}
	s.budgets = s.newBudgets()
	s.newBooks()
	if s.salt, err = s.secret(ctx, "cache_salt"); err != nil {
		return err
	}
	if err := s.newGateway(ctx); err != nil {
		return err
	}
	if err := errors.Join(s.newPower(ctx), s.newBatches(), s.newResponses(ctx), s.newJobs(ctx), s.newAssist(ctx), s.newAccounts()); err != nil {
		return err
	}
	s.calls = newDrain(s.inference())
	if s.first, err = s.welcome(ctx); err != nil {
		return fmt.Errorf("setting up a first model: %w", err)
	}
	if err := s.reload(ctx); err != nil {
		return err
	}
	s.seen.watch(s)
	stop, err := s.work(ctx)
	if err != nil {
		return err
	}
	defer stop()

	doors, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer background(ctx, watchMemory)()
	defer background(ctx, s.warm)()
	if err := announce(s.ready(ctx)); err != nil {
		return errors.Join(err, doors.close())
	}
	return doors.serveUntil(ctx, hurry, cfg.StopTimeout, s.log)
}

// newGateway makes the fleet, and over it the gateway with the dialects that it speaks.
func (s *server) newGateway(ctx context.Context) error {
	if err := s.newFleet(ctx); err != nil {
		return err
	}
	dialects, err := s.dialects(ctx)
	if err != nil {
		return err
	}
	fetcher, err := s.newFetcher()
	if err != nil {
		return err
	}
	s.gateway = gateway.New(gateway.Options{
		Ledger: s.ledger, Fleet: s.fleet, Observer: s.seen, Log: s.log, Dialects: dialects,
		Fetcher: fetcher, Files: lateFiles{s}, Links: lateLinks{s}, Moderation: gateway.Moderation{Model: s.cfg.ModerationModel, Guard: s.cfg.ModerationGuard},
		MaxBody: s.cfg.MaxBody, BodyTimeout: s.cfg.BodyTimeout, KeepAlive: s.cfg.KeepAlive,
		DrainLimit: s.cfg.DrainLimit, Attempts: int(s.cfg.Attempts), Slice: s.cfg.Slice, Waits: s.cfg.QueueWaits(),
	})
	return nil
}

// close ends what runs, in the reverse order of boot.
func (s *server) close() error {
	var errs []error
	if s.processes != nil {
		s.processes.Close()
	}
	if s.fleet != nil {
		errs = append(errs, s.fleet.Close())
	}
	if s.ledger != nil {
		s.ledger.Close()
	}
	if s.seen != nil {
		errs = append(errs, s.seen.close())
	}
	if s.blobs != nil {
		errs = append(errs, s.blobs.Close())
	}
	if s.statements != nil {
		s.statements.Close()
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	return errors.Join(errs...)
}

// reload reads the configuration from the store and gives it to the fleet and
// the gateway. The management API calls it after each change.
func (s *server) reload(ctx context.Context) error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	c := gateway.Config{SaltSecret: s.salt}
	var err error
	read := func(what string, load func() error) {
		if err == nil {
			if loadErr := load(); loadErr != nil {
				err = fmt.Errorf("loading %s: %w", what, loadErr)
			}
		}
	}
	read("organisations", func() (err error) { c.Organisations, err = s.store.Organisations(ctx); return })
	read("projects", func() (err error) { c.Projects, err = s.store.Projects(ctx); return })
	read("keys", func() (err error) { c.Keys, err = s.store.Keys(ctx); return })
	read("models", func() (err error) { c.Models, err = s.store.Models(ctx); return })
	read("engines", func() (err error) { c.Engines, err = s.engines.Engines(ctx); return })
	read("price books", func() (err error) { c.Books, err = s.store.Books(ctx); return })
	read("calendars", func() error { return s.usePrices(c.Books) })
	read("plans", func() error { return s.loadPlans(ctx) })
	if err != nil {
		return err
	}
	directory, err := gateway.NewDirectory(c)
	if err != nil {
		return err
	}
	engines := s.place(c.Engines)
	if err := s.fleet.Apply(engines); err != nil {
		return fmt.Errorf("starting the engines: %w", err)
	}
	s.processes.Apply(engines)
	s.gateway.Use(directory)
	s.reloads.Add(1)
	return nil
}

// handler is everything that the TCP address serves.
func (s *server) handler(management *api.Server) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/v1/", s.calls)
	mux.Handle(meter.PathZai, s.calls)
	for _, prefix := range zai.Prefixes() {
		mux.Handle(prefix+"/", s.calls)
	}
	mux.Handle("/api/v1/", management)
	s.paymentHooks(mux)
	mux.Handle(api.PathHead, management)
	s.console(mux)
	s.pages(mux)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", s.metrics())
	s.publicPages(mux, management)
	return mux
}

// work begins what runs beside the calls, until the server has stopped and not
// only until ctx ends. The function that is returned ends it, the last first.
func (s *server) work(ctx context.Context) (stop func(), err error) {
	if err := s.jobs.Recover(ctx); err != nil {
		return nil, fmt.Errorf("taking up the jobs of before: %w", err)
	}
	if err := s.responses.Start(ctx); err != nil {
		return nil, err
	}
	letGo := context.AfterFunc(ctx, s.responses.Drain)
	ctx = context.WithoutCancel(ctx)
	stops := []func(){
		background(ctx, s.fleet.Run),
		background(ctx, s.processes.Run),
		background(ctx, s.seen.tally.Run),
		background(ctx, s.prober.run),
		background(ctx, s.watchPower),
		background(ctx, s.finishPayments),
		background(ctx, s.notifier.Run),
		background(ctx, s.budgets.Run),
		background(ctx, s.closing.Run),
		background(ctx, s.counting.Run),
		background(ctx, s.removeOld),
		background(ctx, s.letters.Run),
		background(ctx, s.ledger.Renew),
		background(ctx, s.ledger.Expire),
		background(ctx, s.files.Run),
		background(ctx, s.batches.Run),
		background(ctx, s.jobs.Serve),
		func() { letGo(); s.responses.Close() },
		s.accounts.Wait,
		s.chats.Close,
	}
	return func() {
		for _, stop := range slices.Backward(stops) {
			stop()
		}
	}, nil
}

// background runs something beside the server. The function that is returned
// ends it and waits for it.
func background(ctx context.Context, run func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(ctx)
	}()
	return func() { cancel(); <-done }
}

// newLogger writes JSON lines.
func newLogger(cfg config.Config, w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
		level = slog.LevelInfo // Check refused it before
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
}

// clock is the server's clock, in one place.
func clock() time.Time { return time.Now().UTC() }
