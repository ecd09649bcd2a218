package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
)

// simulated is an engine that runs in the process, serving the model "m".
func simulated(id string) sluice.Engine {
	return sluice.Engine{ID: id, Kind: sluice.EngineSimulated, URL: "sim:" + id, Models: map[string]string{"m": "m-on-" + id}}
}

// answering makes each local engine answer with its own id.
func answering(e sluice.Engine) (http.Handler, error) {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, e.ID) }), nil
}

func applied(t *testing.T, o Options, engines ...sluice.Engine) *Fleet {
	t.Helper()
	if o.Local == nil {
		o.Local = answering
	}
	f := New(o)
	if err := f.Apply(engines); err != nil {
		t.Fatal(err)
	}
	return f
}

func route(t *testing.T, f *Fleet, tried ...string) sluice.Route {
	t.Helper()
	r, err := f.Route(t.Context(), sluice.RouteRequest{Model: "m", Tried: tried})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func statusOf(f *Fleet, id string) EngineStatus {
	all := f.Status()
	if i := slices.IndexFunc(all, func(s EngineStatus) bool { return s.ID == id }); i >= 0 {
		return all[i]
	}
	return EngineStatus{}
}

func TestRouteSendDone(t *testing.T) {
	f := applied(t, Options{}, simulated("a"), simulated("b"), simulated("c"))
	used := map[string]int{}
	var routes []sluice.Route
	for range 9 {
		r := route(t, f)
		reply, err := f.Send(t.Context(), r, chat("{}"))
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(reply.Body)
		reply.Body.Close()
		if string(b) != r.Engine.ID || r.Model != "m-on-"+r.Engine.ID {
			t.Errorf("route to %s as %s was answered by %s", r.Engine.ID, r.Model, b)
		}
		used[r.Engine.ID]++
		routes = append(routes, r)
	}
	if used["a"] != 3 || used["b"] != 3 || used["c"] != 3 {
		t.Errorf("nine calls at once went to %v", used)
	}
	for i, r := range routes {
		f.Done(r, sluice.Outcome(i%4), sluice.Usage{})
	}
	var sum EngineStatus
	for _, s := range f.Status() {
		sum.InFlight += s.InFlight
		sum.Served += s.Served
		sum.Failed += s.Failed
		sum.Left += s.Left
		sum.Refused += s.Refused
	}
	if sum.InFlight != 0 || sum.Served != 3 || sum.Failed != 2 || sum.Left != 2 || sum.Refused != 2 {
		t.Errorf("the counters sum to %+v", sum)
	}
	f.Done(routes[0], sluice.OutcomeServed, sluice.Usage{}) // once too often
	if s := statusOf(f, routes[0].Engine.ID); s.InFlight != 0 {
		t.Errorf("a route given back twice leaves %d in flight", s.InFlight)
	}
}

func TestRouteErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := simulated("a"), simulated("b")
		a.Concurrent = 1
		f := applied(t, Options{}, a, b)
		check := func(model string, tried []string, code sluice.Code, wait time.Duration) {
			t.Helper()
			_, err := f.Route(t.Context(), sluice.RouteRequest{Model: model, Tried: tried})
			if e := sluice.ErrorOf(err); err == nil || e.Code != code || e.RetryAfter != wait {
				t.Errorf("got %v, want %s with %v", err, code, wait)
			}
		}
		check("unknown", nil, sluice.CodeModelNotFound, 0)
		check("m", []string{"b", "a"}, sluice.CodeUnavailable, 0)

		first := route(t, f, "b")
		check("m", []string{"b"}, sluice.CodeOverloaded, time.Second)
		f.Done(first, sluice.OutcomeServed, sluice.Usage{})
		f.Done(route(t, f, "b"), sluice.OutcomeServed, sluice.Usage{})

		for range 3 {
			f.Done(route(t, f, "b"), sluice.OutcomeFailed, sluice.Usage{})
			f.Done(route(t, f, "a"), sluice.OutcomeFailed, sluice.Usage{})
		}
		if s := statusOf(f, "a"); s.Health != HealthEjected || s.Failures != 3 {
			t.Errorf("status %+v", s)
		}
		// All are ejected: each is asked one call at a time nevertheless, as the last resort.
		last := []sluice.Route{route(t, f), route(t, f)}
		if last[0].Engine.ID == last[1].Engine.ID {
			t.Errorf("both went to %s", last[0].Engine.ID)
		}
		_, err := f.Route(t.Context(), sluice.RouteRequest{Model: "m"})
		for _, r := range last {
			f.Done(r, sluice.OutcomeLeft, sluice.Usage{})
		}
		e := sluice.ErrorOf(err)
		if e.Code != sluice.CodeUnavailable || e.RetryAfter < 1500*time.Millisecond || e.RetryAfter > 2500*time.Millisecond {
			t.Errorf("all ejected: %v, retry after %v", err, e.RetryAfter)
		}
		if s := statusOf(f, "a"); s.Health != HealthEjected || s.EjectedUntil.Before(time.Now().Add(e.RetryAfter)) {
			t.Errorf("status %+v", s)
		}

		// Its time up, one call at a time is a trial; the first good one brings it back.
		time.Sleep(3 * time.Second)
		if s := statusOf(f, "a"); s.Health != HealthTrial {
			t.Errorf("status %+v", s)
		}
		trial := route(t, f, "b")
		check("m", []string{"b"}, sluice.CodeUnavailable, time.Second)
		f.Done(trial, sluice.OutcomeServed, sluice.Usage{})
		if s := statusOf(f, "a"); s.Health != HealthRecovering || s.Failures != 0 {
			t.Errorf("status %+v", s)
		}
		time.Sleep(10 * time.Second)
		if s := statusOf(f, "a"); s.Health != HealthServing {
			t.Errorf("status %+v", s)
		}
	})
}

// Calls that hung on an engine before it was ejected do not eject it again
// when they fail at last, and do not count as its trial.
func TestOutcomesOfAnOlderGeneration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := applied(t, Options{}, simulated("a"))
		var hung []sluice.Route
		for range 10 {
			hung = append(hung, route(t, f))
		}
		for range 3 {
			f.Done(route(t, f), sluice.OutcomeFailed, sluice.Usage{})
		}
		time.Sleep(5 * time.Second)
		trial := route(t, f)
		f.Done(hung[0], sluice.OutcomeServed, sluice.Usage{})
		if s := statusOf(f, "a"); s.Health != HealthTrial {
			t.Errorf("an older call ended the trial: %+v", s)
		}
		f.Done(trial, sluice.OutcomeServed, sluice.Usage{})
		for _, r := range hung[1:] {
			f.Done(r, sluice.OutcomeFailed, sluice.Usage{})
		}
		if s := statusOf(f, "a"); s.Health != HealthRecovering || s.InFlight != 0 || s.Failed != 12 {
			t.Errorf("older calls changed the health: %+v", s)
		}
		if len(f.grants) != 1 {
			t.Errorf("%d grants are left, want 1", len(f.grants))
		}
	})
}

func TestRunProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		var asked atomic.Int32
		f := applied(t, Options{Local: func(sluice.Engine) (http.Handler, error) {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				if down.Load() {
					panic(http.ErrAbortHandler)
				}
				if r.URL.Path == "/health" {
					w.WriteHeader(http.StatusNotFound)
				}
			}), nil
		}}, simulated("a"))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); f.Run(ctx) }()

		time.Sleep(90 * time.Second)
		if s := statusOf(f, "a"); s.Health != HealthServing || asked.Load() < 10 || asked.Load() > 20 {
			t.Errorf("after 90 s: asked %d times, %+v", asked.Load(), s)
		}
		down.Store(true)
		time.Sleep(40 * time.Second)
		if s := statusOf(f, "a"); s.EjectedUntil.IsZero() || s.LastError == "" {
			t.Errorf("40 s after it fell: %+v", s)
		}
		down.Store(false)
		time.Sleep(40 * time.Second)
		if s := statusOf(f, "a"); s.Health != HealthServing && s.Health != HealthRecovering || s.Failures != 2 {
			t.Errorf("40 s after it rose: %+v", s)
		}
		cancel()
		<-done
	})
}

func TestAskHealth(t *testing.T) {
	for _, test := range []struct {
		health, models int
		well           bool
	}{{200, 500, true}, {503, 200, false}, {500, 200, false}, {404, 200, true}, {404, 404, true}, {401, 401, true}, {501, 200, true}, {404, 502, false}} {
		err := askHealth(t.Context(), inProcess(func(w http.ResponseWriter, r *http.Request) {
			switch r.Method + r.URL.Path {
			case "GET/health":
				w.WriteHeader(test.health)
			case "GET/v1/models":
				w.WriteHeader(test.models)
			default:
				t.Errorf("asked %s %s", r.Method, r.URL.Path)
			}
		}), []string{"/health"})
		if (err == nil) != test.well {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

// closing is a handler that tells when it is closed.
type closing struct {
	http.Handler
	closed *[]string
	id     string
}

func (c closing) Close() error { *c.closed = append(*c.closed, c.id); return nil }

func TestApply(t *testing.T) {
	var made, closed []string
	f := New(Options{Local: func(e sluice.Engine) (http.Handler, error) {
		if e.URL == "sim:broken" {
			return nil, errors.New("broken")
		}
		made = append(made, e.URL)
		h, _ := answering(e)
		return closing{h, &closed, e.URL}, nil
	}})
	apply := func(engines ...sluice.Engine) {
		t.Helper()
		if err := f.Apply(engines); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(what string, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	a, b := simulated("a"), simulated("b")
	apply(a, b)
	onA, onB := route(t, f, "b"), route(t, f, "a")
	f.Done(route(t, f, "b"), sluice.OutcomeFailed, sluice.Usage{})

	// What stays keeps its counters, also with another limit.
	a.Concurrent = 1
	apply(a, b)
	expect("made", made, "sim:a", "sim:b")
	if s := statusOf(f, "a"); s.InFlight != 1 || s.Failed != 1 || s.Failures != 1 {
		t.Errorf("after Apply: %+v", s)
	}
	if _, err := f.Route(t.Context(), sluice.RouteRequest{Model: "m", Tried: []string{"b"}}); sluice.CodeOf(err) != sluice.CodeOverloaded {
		t.Errorf("the new limit: %v", err)
	}

	// What fails changes nothing.
	broken := simulated("broken")
	bad := func(change func(*sluice.Engine)) sluice.Engine { e := simulated("c"); change(&e); return e }
	for name, e := range map[string]sluice.Engine{
		"twice":          b,
		"no id":          bad(func(e *sluice.Engine) { e.ID = "" }),
		"kind":           bad(func(e *sluice.Engine) { e.Kind = "other" }),
		"url":            bad(func(e *sluice.Engine) { e.Kind = sluice.EngineHTTP }),
		"limit":          bad(func(e *sluice.Engine) { e.Concurrent = -1 }),
		"model name":     bad(func(e *sluice.Engine) { e.Models = map[string]string{"a b": "x"} }),
		"own model name": bad(func(e *sluice.Engine) { e.Models = map[string]string{"m": ""} }),
	} {
		if err := f.Apply([]sluice.Engine{b, e}); sluice.CodeOf(err) != sluice.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := f.Apply([]sluice.Engine{simulated("d"), broken}); err == nil {
		t.Error("a broken engine was accepted")
	}
	expect("closed", closed, "sim:d")
	if len(f.Status()) != 2 {
		t.Errorf("a failed Apply left %+v", f.Status())
	}

	// What leaves drains: its call goes on, and it is closed when that ends.
	closed, made = nil, nil
	moved := simulated("a")
	moved.URL = "sim:elsewhere"
	apply(moved)
	expect("made", made, "sim:elsewhere")
	expect("closed while calls are in flight", closed)
	if got := route(t, f); got.Engine.URL != "sim:elsewhere" {
		t.Errorf("a new call went to %s", got.Engine.URL)
	} else {
		f.Done(got, sluice.OutcomeServed, sluice.Usage{})
	}
	if s := statusOf(f, "b"); s.Health != HealthDraining || s.InFlight != 1 {
		t.Errorf("status of one that drains: %+v", s)
	}
	reply, err := f.Send(t.Context(), onB, chat("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(reply.Body); string(body) != "b" {
		t.Errorf("answered by %s", body)
	}
	f.Done(onB, sluice.OutcomeServed, sluice.Usage{})
	expect("closed", closed, "sim:b")
	f.Done(onA, sluice.OutcomeServed, sluice.Usage{})
	expect("closed", closed, "sim:b", "sim:a")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	expect("closed", closed, "sim:b", "sim:a", "sim:elsewhere")
	if len(f.Status()) != 0 || len(f.grants) != 0 {
		t.Errorf("left: %+v, %d grants", f.Status(), len(f.grants))
	}
	if _, err := f.Send(t.Context(), onB, chat("{}")); sluice.CodeOf(err) != sluice.CodeInternal {
		t.Errorf("Send after Done: %v", err)
	}
}

// A set that changes all the time under calls: none goes astray, none is
// lost from the counts, the limit holds.
func TestApplyUnderLoad(t *testing.T) {
	var mu sync.Mutex
	most, now := map[string]int{}, map[string]int{}
	f := New(Options{Local: func(e sluice.Engine) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			now[e.ID]++
			most[e.ID] = max(most[e.ID], now[e.ID])
			mu.Unlock()
			io.WriteString(w, e.ID)
			mu.Lock()
			now[e.ID]--
			mu.Unlock()
		}), nil
	}})
	set := func(n int) []sluice.Engine {
		var engines []sluice.Engine
		for i := range 4 {
			if i == 0 || n>>i&1 == 1 {
				e := simulated(fmt.Sprint("e", i))
				e.Name = fmt.Sprint(n % 3)
				if i == 0 {
					e.Concurrent = 3
				}
				engines = append(engines, e)
			}
		}
		return engines
	}
	if err := f.Apply(set(15)); err != nil {
		t.Fatal(err)
	}
	var calls, changes sync.WaitGroup
	stop := make(chan struct{})
	changes.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
				if err := f.Apply(set(n)); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for range 8 {
		calls.Go(func() {
			for range 200 {
				r, err := f.Route(t.Context(), sluice.RouteRequest{Model: "m"})
				if sluice.CodeOf(err) == sluice.CodeOverloaded {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				reply, err := f.Send(t.Context(), r, chat("{}"))
				if err != nil {
					t.Error(err)
					return
				}
				if b, _ := io.ReadAll(reply.Body); string(b) != r.Engine.ID {
					t.Errorf("%s answered for %s", b, r.Engine.ID)
				}
				reply.Body.Close()
				f.Done(r, sluice.OutcomeServed, sluice.Usage{})
			}
		})
	}
	calls.Wait()
	close(stop)
	changes.Wait()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if len(f.Status()) != 0 || len(f.grants) != 0 {
		t.Errorf("left: %+v, %d grants", f.Status(), len(f.grants))
	}
	if most["e0"] > 3 {
		t.Errorf("%d calls at once, the limit is 3", most["e0"])
	}
}

func TestFailedCallsShowInStatus(t *testing.T) {
	e := sluice.Engine{ID: "a", Kind: sluice.EngineHTTP, URL: "http://127.0.0.1:9", Models: map[string]string{"m": "m"}}
	f := applied(t, Options{Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no route to host")
	}}, e)
	r := route(t, f)
	_, err := f.Send(t.Context(), r, chat("{}"))
	if sluice.CodeOf(err) != sluice.CodeEngineFailed || sluice.ErrorOf(err).Message != "The engine failed." {
		t.Errorf("%v", err)
	}
	f.Done(r, sluice.OutcomeFailed, sluice.Usage{})
	if s := statusOf(f, "a"); s.LastError != "engine_failed: The engine failed.: connecting to 127.0.0.1:9: no route to host" || s.LastErrorAt.IsZero() {
		t.Errorf("%+v", s)
	}
}

// An engine reached by URL keeps its connection over calls and over Apply.
func TestEngineByURL(t *testing.T) {
	var conns atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s", r.URL.Path, b)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	e := sluice.Engine{ID: "a", Kind: sluice.EngineHTTP, URL: s.URL + "/v1", Models: map[string]string{"m": "own"}}
	f := applied(t, Options{}, e)
	defer f.Close()
	for i := range 3 {
		r := route(t, f)
		reply, err := f.Send(t.Context(), r, chat("{}"))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(reply.Body)
		if string(b) != "/v1/chat/completions {}" || r.Model != "own" || err != nil {
			t.Errorf("%q as %s, %v", b, r.Model, err)
		}
		reply.Body.Close()
		f.Done(r, sluice.OutcomeServed, sluice.Usage{})
		e.Concurrent = int64(i + 1)
		if err := f.Apply([]sluice.Engine{e}); err != nil {
			t.Fatal(err)
		}
	}
	if s := statusOf(f, "a"); conns.Load() != 1 || s.Served != 3 {
		t.Errorf("%d connections, %+v", conns.Load(), s)
	}
}
