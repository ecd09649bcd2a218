package job_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"sluice"
	"sluice/billing"
	"sluice/fleet"
	"sluice/fleet/simulator"
	"sluice/gateway"
	"sluice/money/ledger"
	"sluice/money/price"
	"sluice/plug/blob"
	"sluice/product/job"
	"sluice/product/link"
	"sluice/store"
	"sluice/wire/openai"
	"sluice/wire/zai"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const perSecond = 100_000_000 // pico for a second of video

// rig is a server of jobs: a gateway over a real ledger and a simulated engine.
// It can be stopped and started again over what it keeps.
type rig struct {
	t       *testing.T
	dir     string
	engine  http.Handler
	secrets map[string]string // by organisation
	books   []*price.Book

	meanwhile func()          // before jobs are recovered
	notes     func() job.Jobs // in place of the store
	deferred  atomic.Int64    // percent of the places

	told   []sluice.Notification
	toldMu sync.Mutex

	store   *store.DB
	ledger  *billing.Ledger
	fleet   *fleet.Fleet
	gateway *gateway.Gateway
	jobs    *job.Service
	mux     *http.ServeMux
	halt    func()
}

func newRig(t *testing.T, engine string) *rig {
	r := &rig{t: t, dir: t.TempDir(), secrets: map[string]string{"org_a": sluice.NewSecret(), "org_b": sluice.NewSecret()}}
	r.engine = simulated(t, engine)
	r.start()
	t.Cleanup(func() {
		r.stop()
	})
	for org := range r.secrets {
		r.credit(org, 10_000_000)
	}
	return r
}

func simulated(t *testing.T, url string) http.Handler {
	cfg, err := simulator.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	s, err := simulator.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// start boots as the server does: jobs are recovered before anybody calls.
func (r *rig) start() {
	r.t.Helper()
	ctx, quiet := context.Background(), slog.New(slog.DiscardHandler)
	var err error
	r.store, err = store.Open(ctx, "sqlite:"+filepath.Join(r.dir, "sluice.db"))
	r.must(err)
	r.ledger, err = billing.Open(ctx, r.store, billing.Options{Log: quiet})
	r.must(err)
	r.fleet = fleet.New(fleet.Options{Local: func(sluice.Engine) (http.Handler, error) { return r.engine, nil }})
	r.gateway = gateway.New(gateway.Options{Ledger: r.ledger, Fleet: r.fleet, Log: quiet, Links: fakeLinks{}})
	r.configure()
	blobs, err := blob.Open(filepath.Join(r.dir, "blobs"))
	r.must(err)
	links := link.New(link.Options{Blobs: blobs, Secret: []byte("s"), Base: func() string { return "http://here" }})
	run := http.NewServeMux()
	run.HandleFunc("POST "+openai.PathVideos, r.gateway.ServeVideo)
	run.Handle("/", r.gateway.Handler())
	var jobs job.Jobs = r.store
	if r.notes != nil {
		jobs = r.notes()
	}
	r.jobs = job.New(job.Options{
		Jobs: jobs, Work: r.store, Blobs: blobs, Gateway: r.gateway, Notifier: r, Links: links, Run: run, Log: quiet,
		Deferred: r.deferred.Load,
		Errand: func(ctx context.Context, j *sluice.Job, run *job.Run) context.Context {
			e := gateway.Errand{Key: j.Key, CallID: j.CallID, Batch: j.OffPeak, At: j.CreatedAt, Held: true, Granted: j.Held, Maker: run}
			if j.Kind != sluice.JobVideo {
				e.Keep = run
			}
			return gateway.WithErrand(ctx, e)
		},
	})
	if r.meanwhile != nil {
		r.meanwhile()
	}
	r.must(r.jobs.Recover(ctx))
	r.mount(links)
	serving, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); r.jobs.Serve(serving) }()
	r.halt = func() {
		cancel()
		<-ended
		r.must(r.fleet.Close())
		r.ledger.Close()
		report, err := r.store.Verify(ctx)
		if err != nil || !report.OK() {
			r.t.Errorf("the books: %+v, %v", report, err)
		}
		r.must(r.store.Close())
		r.must(blobs.Close())
	}
}

func (r *rig) stop() { r.halt() }

type fakeLinks struct{}

func (fakeLinks) Link(_ context.Context, org string, data []byte) (string, error) {
	return fmt.Sprintf("http://here/%s/%d", org, len(data)), nil
}

// Tell implements job.Notifier.
func (r *rig) Tell(_ context.Context, n sluice.Notification) error {
	r.toldMu.Lock()
	defer r.toldMu.Unlock()
	r.told = append(r.told, n)
	return nil
}

func (r *rig) events() (types []string) {
	r.toldMu.Lock()
	defer r.toldMu.Unlock()
	for _, n := range r.told {
		types = append(types, n.Type)
	}
	return types
}

// mount makes the routes that the server has.
func (r *rig) mount(links http.Handler) {
	r.mux = http.NewServeMux()
	commission := func(kind sluice.JobKind, path, prefix string, read func(string, []byte) (gateway.Order, error)) http.HandlerFunc {
		cm := &gateway.Commission{Kind: kind, Path: path, Prefix: prefix, Read: read, Desk: r.jobs}
		return func(w http.ResponseWriter, req *http.Request) { r.gateway.ServeCommission(w, req, cm) }
	}
	r.mux.Handle("/", r.jobs.Handler())
	r.mux.Handle(link.Path, links)
	r.mux.Handle("POST "+openai.PathVideos, commission(sluice.JobVideo, openai.PathVideos, sluice.PrefixVideo, func(contentType string, body []byte) (gateway.Order, error) {
		detail, err := openai.ReadVideo(contentType, body)
		return gateway.Order{Body: body, ContentType: contentType, Detail: detail}, err
	}))
	for path, c := range map[string]struct {
		kind sluice.JobKind
		to   string
		read func([]byte) (zai.Order, error)
	}{
		zai.PathVideos: {sluice.JobVideo, openai.PathVideos, zai.Video},
		zai.PathImages: {sluice.JobImage, openai.PathImages, zai.Image},
		zai.PathChat:   {sluice.JobChat, openai.PathChat, zai.Chat},
	} {
		r.mux.Handle("POST /v4"+path, commission(c.kind, c.to, sluice.PrefixTask, func(_ string, body []byte) (gateway.Order, error) {
			o, err := c.read(body)
			return gateway.Order{Body: o.Body, ContentType: "application/json", OffPeak: o.OffPeak, Detail: o.Detail}, err
		}))
	}
}

// configure sets up two organisations with a key each, and one model.
func (r *rig) configure() {
	ctx := context.Background()
	var c gateway.Config
	for org, secret := range r.secrets {
		o := &sluice.Organisation{ID: org, Name: org, Currency: "USD"}
		if err := r.store.CreateOrganisation(ctx, o); err != nil && sluice.CodeOf(err) != sluice.CodeConflict {
			r.t.Fatal(err)
		}
		c.Organisations = append(c.Organisations, o)
		c.Keys = append(c.Keys, &sluice.Key{ID: "key_" + org, Org: org, Role: sluice.RoleDeveloper, Hash: sluice.HashKey(secret)})
	}
	c.Models = []*sluice.Model{{Name: "m"}}
	c.Engines = []*sluice.Engine{{ID: "eng_1", Name: "one", Kind: sluice.EngineCommand, Models: map[string]string{"m": "own"}, OnLeave: sluice.LeaveCancel}}
	if r.books == nil {
		r.publish("book_1", perSecond)
	}
	c.Books = r.books
	d, err := gateway.NewDirectory(c)
	r.must(err)
	r.gateway.Use(d)
	r.must(r.fleet.Apply([]sluice.Engine{*c.Engines[0]}))
}

// publish puts a book in force from now on.
func (r *rig) publish(id string, second sluice.Pico) {
	draft := price.Draft{Currency: "USD", EffectiveAt: time.Now(), Rules: []price.Rule{
		{Model: "m", Class: sluice.ClassVideoSecond, Price: second},
		{Model: "m", Class: sluice.ClassVideoSecond, Price: second / 2, Conditions: price.Conditions{Batch: true}},
		{Model: "m", Class: sluice.ClassImage, Price: 7},
		{Model: "m", Class: sluice.ClassInput, Price: 1},
		{Model: "m", Class: sluice.ClassOutput, Price: 2},
	}}
	book, err := price.Publish(id, draft, time.Now())
	r.must(err)
	r.must(r.store.PublishBook(context.Background(), book))
	r.books = append(r.books, book)
}

func (r *rig) credit(org string, nano int64) {
	now := time.Now()
	tx, err := ledger.Payment(sluice.Tx{ID: sluice.NewID(sluice.PrefixTx, now), At: now}, org, "USD", sluice.Amount{Nano: nano})
	r.must(err)
	r.must(r.ledger.Post(context.Background(), tx))
}

func (r *rig) ask(org, method, path, body string, header ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+r.secrets[org])
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	r.mux.ServeHTTP(w, req)
	return w
}

// object asks and reads the answer.
func object[T any](r *rig, org, method, path, body string, header ...string) (v T) {
	r.t.Helper()
	w := r.ask(org, method, path, body, header...)
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code != http.StatusOK {
		r.t.Fatalf("%s %s: %d, %s, %v", method, path, w.Code, w.Body, err)
	}
	return v
}

const aRiver = `{"model":"m","prompt":"a river","seconds":"2","size":"160x96"}`

// booked returns the events of an organisation.
func (r *rig) booked(org string) []sluice.Event {
	r.t.Helper()
	all, _, err := r.store.Events(context.Background(), store.EventQuery{Org: org, Limit: 100})
	r.must(err)
	return all
}

func (r *rig) wantBooked(n int, each sluice.Pico) {
	r.t.Helper()
	all := r.booked("org_a")
	for _, ev := range all {
		if ev.Charge != each || ev.List != each {
			r.t.Errorf("booked %d pico, want %d: %+v", ev.Charge, each, ev)
		}
	}
	if len(all) != n {
		r.t.Errorf("%d events are booked, want %d", len(all), n)
	}
}

func (r *rig) wantHolds(n int) {
	r.t.Helper()
	synctest.Wait()
	if got := r.ledger.Holds(); got != n {
		r.t.Errorf("%d holds, want %d", got, n)
	}
}
