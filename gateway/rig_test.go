package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sluice"
	"sluice/billing"
	"sluice/fleet"
	"sluice/fleet/fleettest"
	"sluice/gateway"
	"sluice/money/ledger"
	"sluice/money/price"
	"sluice/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	usd     = sluice.Currency("USD")
	model   = "test-model"
	inputs  = 100  // pico a token
	cacheds = 10   // pico a token
	outputs = 1000 // pico a token
	plenty  = 1_000_000_000
)

// rig is a gateway with a real fleet over programmable engines and a real
// ledger on SQLite, behind an HTTP server on pipes, so that it works under
// testing/synctest too.
type rig struct {
	t       testing.TB
	gateway *gateway.Gateway
	config  gateway.Config
	ledger  *billing.Ledger
	store   *store.DB
	fleet   *fleet.Fleet
	engines []*fleettest.Engine
	secret  string
	client  *http.Client
	pipes   *pipes
	reports reports
}

// setup is what a test may change before the rig is built.
type setup struct {
	engines  int
	engine   func(*sluice.Engine)
	handler  http.Handler             // in place of the programmable engine
	machine  func(n int) http.Handler // in place of the n-th
	key      func(*sluice.Key)
	project  *sluice.Project
	credit   int64 // nano
	options  gateway.Options
	billing  billing.Options
	noCredit bool
}

// reports is an observer that keeps what it hears.
type reports struct {
	mu    sync.Mutex
	all   []sluice.Report
	ended chan struct{} // one for each
}

func (r *reports) CallEnded(report sluice.Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, report)
	r.ended <- struct{}{}
}

func newRig(t testing.TB, s setup) *rig {
	t.Helper()
	r := &rig{t: t, secret: sluice.NewSecret(), pipes: newPipes()}
	r.reports.ended = make(chan struct{}, 1<<20)
	quiet := slog.New(slog.DiscardHandler)
	var err error
	if r.store, err = store.Open(context.Background(), "sqlite:"+filepath.Join(t.TempDir(), "sluice.db")); err != nil {
		t.Fatal(err)
	}
	r.configure(s)
	s.billing.Log, s.billing.Volumes = quiet, r.store
	if r.ledger, err = billing.Open(context.Background(), r.store, s.billing); err != nil {
		t.Fatal(err)
	}
	if s.credit == 0 && !s.noCredit {
		s.credit = plenty
	}
	if s.credit > 0 {
		r.credit(s.credit)
	}
	handlers := map[string]http.Handler{}
	for n, e := range r.config.Engines {
		if s.machine != nil {
			handlers[e.ID] = s.machine(n)
		} else if handlers[e.ID] = s.handler; s.handler == nil {
			engine := new(fleettest.Engine)
			r.engines = append(r.engines, engine)
			handlers[e.ID] = engine
		}
	}
	r.fleet = fleet.New(fleet.Options{Local: func(e sluice.Engine) (http.Handler, error) { return handlers[e.ID], nil }})
	var engines []sluice.Engine
	for _, e := range r.config.Engines {
		engines = append(engines, *e)
	}
	if err := r.fleet.Apply(engines); err != nil {
		t.Fatal(err)
	}
	if s.options.Ledger == nil {
		s.options.Ledger = r.ledger
	}
	if s.options.Fleet == nil {
		s.options.Fleet = r.fleet
	}
	s.options.Observer, s.options.Log = &r.reports, quiet
	if s.options.Waits == ([sluice.QueueClasses]time.Duration{}) { // tests of other things do not wait for full engines
		s.options.Waits = [sluice.QueueClasses]time.Duration{50 * time.Millisecond, 50 * time.Millisecond, 50 * time.Millisecond}
	}
	r.gateway = gateway.New(s.options)
	r.use()
	r.serve(quiet)
	return r
}

// configure writes the configuration: one organisation with a key, one model, its engines and prices.
func (r *rig) configure(s setup) {
	org := &sluice.Organisation{ID: "org_1", Name: "one", Currency: usd}
	key := &sluice.Key{ID: "key_1", Org: org.ID, Role: sluice.RoleDeveloper, Hash: sluice.HashKey(r.secret), Last4: "last"}
	if s.project != nil {
		s.project.ID, s.project.Org, key.Project = "proj_1", org.ID, "proj_1"
		r.config.Projects = []*sluice.Project{s.project}
	}
	if s.key != nil {
		s.key(key)
	}
	r.config.Organisations, r.config.Keys = []*sluice.Organisation{org}, []*sluice.Key{key}
	r.config.Models = []*sluice.Model{{Name: model}, {Name: "unpriced-model"}, {Name: "other-model"}}
	for n := range max(s.engines, 1) {
		id := "eng_" + string(rune('1'+n))
		e := &sluice.Engine{ID: id, Name: "name-" + id, Kind: sluice.EngineCommand, Models: map[string]string{model: "own-name", "unpriced-model": "x"}}
		if s.engine != nil {
			s.engine(e)
		}
		r.config.Engines = append(r.config.Engines, e)
	}
	book, err := price.Publish("book_1", price.Draft{Currency: usd, Rules: []price.Rule{
		{Model: model, Class: sluice.ClassInput, Price: inputs},
		{Model: model, Class: sluice.ClassCached, Price: cacheds},
		{Model: model, Class: sluice.ClassOutput, Price: outputs},
	}}, time.Unix(0, 0))
	if err == nil {
		err = r.store.PublishBook(context.Background(), book)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.config.Books = []*price.Book{book}
	r.config.SaltSecret = []byte("salt")
}

// use hands the configuration to the gateway.
func (r *rig) use() {
	d, err := gateway.NewDirectory(r.config)
	if err != nil {
		r.t.Fatal(err)
	}
	r.gateway.Use(d)
}

// serve puts the gateway behind a server that the test's end closes, and then
// checks that nothing is left behind.
func (r *rig) serve(log *slog.Logger) {
	server := &http.Server{Handler: r.gateway.Handler(), ErrorLog: slog.NewLogLogger(log.Handler(), 0), ReadHeaderTimeout: time.Minute}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(r.pipes)
	}()
	transport := &http.Transport{DialContext: r.pipes.dial, DisableCompression: true}
	r.client = &http.Client{Transport: transport}
	r.t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := server.Shutdown(context.Background()); err != nil {
			r.t.Error(err)
		}
		<-ended
		r.wantNothingLeft()
		if err := r.fleet.Close(); err != nil {
			r.t.Error(err)
		}
		r.ledger.Close()
		report, err := r.store.Verify(context.Background())
		if err != nil || !report.OK() {
			r.t.Errorf("the books: %+v, %v", report, err)
		}
		if err := r.store.Close(); err != nil {
			r.t.Error(err)
		}
	})
}

// wantNothingLeft checks that no call runs, holds or occupies an engine.
func (r *rig) wantNothingLeft() {
	r.t.Helper()
	if n := r.gateway.Running(); n != 0 {
		r.t.Errorf("%d calls run", n)
	}
	if n := r.ledger.Holds(); n != 0 {
		r.t.Errorf("%d holds are left", n)
	}
	for _, s := range r.fleet.Status() {
		if s.InFlight != 0 {
			r.t.Errorf("engine %s has %d calls in flight", s.ID, s.InFlight)
		}
	}
}

func (r *rig) credit(nano int64) {
	r.t.Helper()
	now := time.Now()
	tx, err := ledger.Payment(sluice.Tx{ID: sluice.NewID(sluice.PrefixTx, now), At: now}, "org_1", usd, sluice.Amount{Nano: nano})
	if err == nil {
		err = r.ledger.Post(context.Background(), tx)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// request makes a request with the rig's key.
func (r *rig) request(ctx context.Context, method, path, body string) *http.Request {
	req, err := http.NewRequestWithContext(ctx, method, "http://sluice"+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.secret)
	return req
}

// answer is a response that was read to its end.
type answer struct {
	*http.Response
	body string
	err  error // of reading the body
}

func (r *rig) do(req *http.Request) answer {
	r.t.Helper()
	res, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return answer{res, string(body), err}
}

func (r *rig) post(path, body string) answer {
	r.t.Helper()
	return r.do(r.request(context.Background(), http.MethodPost, path, body))
}

const (
	chatPath  = "/v1/chat/completions"
	plainCall = `{"model":"test-model","messages":[{"role":"user","content":"hi"}]}`
	streamed  = `{"model":"test-model","stream":true,"messages":[{"role":"user","content":"hi"}]}`
	withUsage = `{"model":"test-model","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}`
)

// open begins a stream and returns its lines as they come.
func (r *rig) open(ctx context.Context, body string) (*http.Response, *bufio.Reader) {
	r.t.Helper()
	res, err := r.client.Do(r.request(ctx, http.MethodPost, chatPath, body))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { res.Body.Close() })
	return res, bufio.NewReader(res.Body)
}

// readUntil reads a stream's lines until one contains the text.
func readUntil(t testing.TB, lines *bufio.Reader, text string) string {
	t.Helper()
	var read strings.Builder
	for {
		line, err := lines.ReadString('\n')
		read.WriteString(line)
		if strings.Contains(line, text) {
			return read.String()
		}
		if err != nil {
			t.Fatalf("no %q before %v: %s", text, err, read.String())
		}
	}
}

// text joins what the chunks of a stream say.
func text(t testing.TB, body string) string {
	t.Helper()
	var all strings.Builder
	for line := range strings.Lines(body) {
		payload, ok := strings.CutPrefix(line, "data: ")
		if !ok || strings.HasPrefix(payload, "[DONE]") {
			continue
		}
		var chunk struct {
			Choices []struct {
				Delta struct{ Content string }
				Text  string
			}
		}
		if err := json.Unmarshal([]byte(payload), &chunk); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		for _, c := range chunk.Choices {
			all.WriteString(c.Delta.Content + c.Text)
		}
	}
	return all.String()
}

// wantError checks an answer that is an error of the dialect.
func wantError(t testing.TB, a answer, status int, code sluice.Code) {
	t.Helper()
	var body struct {
		Error struct {
			Message, Type *string
			Code          string
		}
	}
	if err := json.Unmarshal([]byte(a.body), &body); err != nil {
		t.Errorf("status %d, body %q: %v", a.StatusCode, a.body, err)
		return
	}
	e := body.Error
	if a.StatusCode != status || e.Code != string(code) || e.Message == nil || *e.Message == "" || e.Type == nil || *e.Type == "" {
		t.Errorf("status %d, body %s; want %d, %s", a.StatusCode, a.body, status, code)
	}
	if a.Header.Get("Content-Type") != "application/json" || !sluice.IsID(a.Header.Get("X-Request-Id"), sluice.PrefixCall) {
		t.Errorf("header %v", a.Header)
	}
}

// events returns what was booked, the oldest first.
func (r *rig) events() []sluice.Event {
	r.t.Helper()
	all, _, err := r.store.Events(context.Background(), store.EventQuery{Limit: 1000})
	if err != nil {
		r.t.Fatal(err)
	}
	slices.Reverse(all)
	return all
}

// event returns the only event, waiting for the call to end.
func (r *rig) event() sluice.Event {
	r.t.Helper()
	r.ended(1)
	all := r.events()
	if len(all) != 1 {
		r.t.Fatalf("%d events are booked, want 1: %+v", len(all), all)
	}
	return all[0]
}

// ended waits until n calls have ended, and returns their reports.
func (r *rig) ended(n int) []sluice.Report {
	r.t.Helper()
	timeout := time.After(2 * time.Minute)
	for {
		r.reports.mu.Lock()
		all := slices.Clone(r.reports.all)
		r.reports.mu.Unlock()
		if len(all) >= n {
			return all
		}
		select {
		case <-r.reports.ended:
		case <-timeout:
			r.t.Fatalf("fewer than %d calls ended", n)
		}
	}
}

// wantFree checks that nothing is billed or held once n calls have ended.
func (r *rig) wantFree(n int) {
	r.t.Helper()
	r.ended(n)
	if all := r.events(); len(all) != 0 {
		r.t.Errorf("booked: %+v", all)
	}
	r.wantNothingLeft()
}

// wantUsage checks an event's tokens, its charge and its end.
func wantUsage(t testing.TB, ev sluice.Event, u sluice.Usage, status sluice.Status, estimated bool) {
	t.Helper()
	list := sluice.Pico(u[sluice.ClassInput]*inputs + u[sluice.ClassCached]*cacheds + u[sluice.ClassOutput]*outputs)
	if ev.Usage != u || ev.List != list || ev.Status != status || ev.Estimated != estimated {
		t.Errorf("booked %v for %d pico as %s, estimated %t; want %v for %d as %s, %t", ev.Usage, ev.List, ev.Status, ev.Estimated, u, list, status, estimated)
	}
}

// pipes is a listener whose connections are pipes.
type pipes struct {
	conns   chan net.Conn
	dialled atomic.Int64
	close   func()
	done    chan struct{}
}

func newPipes() *pipes {
	p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	p.close = sync.OnceFunc(func() { close(p.done) })
	return p
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	p.dialled.Add(1)
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.close()
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

// raw writes bytes to a connection of its own and returns what comes back
// until the server closes it.
func (r *rig) raw(request string) string {
	r.t.Helper()
	conn, err := r.pipes.dial(context.Background(), "", "")
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	go func() { _, _ = io.WriteString(conn, request) }() // the server may close before it has read everything
	var got bytes.Buffer
	_, _ = io.Copy(&got, conn)
	return got.String()
}
