package fleettest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for what should happen before it fails.
const patience = 10 * time.Second

// Engine is the programmable engine. Its zero value is a handler that can be
// called directly, also under testing/synctest; New puts it behind a server.
//
// Each POST takes the next script, or the default one when none is left: the
// stream "Hello", ",", " world". GET is answered without a script: /v1/models
// with the model "test-model", everything else with an empty 200.
type Engine struct {
	URL string // of the server; empty without one

	mu       sync.Mutex
	scripts  []*Script
	standard *Script
	requests []*Call
	arrived  chan struct{} // closed at the next request; made by who waits
}

// New starts an engine on a loopback port until the test ends.
func New(t testing.TB) *Engine {
	t.Helper()
	e := new(Engine)
	server := httptest.NewServer(e)
	t.Cleanup(func() {
		server.CloseClientConnections() // or else stalled answers would keep Close waiting
		server.Close()
	})
	e.URL = server.URL
	return e
}

// Next queues scripts for the next requests.
func (e *Engine) Next(scripts ...*Script) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.scripts = append(e.scripts, scripts...)
}

// Default sets the script of requests that find none queued.
func (e *Engine) Default(s *Script) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.standard = s
}

// Requests returns all requests received so far, in order.
func (e *Engine) Requests() []*Call {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.requests)
}

// Calls returns the POST requests received so far, in order: those that
// scripts answer.
func (e *Engine) Calls() []*Call {
	return slices.DeleteFunc(e.Requests(), func(c *Call) bool { return c.Method != http.MethodPost })
}

// Await returns the n-th call, counted from 0, and waits for it to arrive. The
// test fails when it does not.
func (e *Engine) Await(t testing.TB, n int) *Call {
	t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		e.mu.Lock()
		if e.arrived == nil {
			e.arrived = make(chan struct{})
		}
		arrived := e.arrived
		e.mu.Unlock()
		if calls := e.Calls(); len(calls) > n {
			return calls[n]
		}
		select {
		case <-arrived:
		case <-timeout.C:
			t.Fatalf("the engine received %d calls and no more in %v", len(e.Calls()), patience)
		}
	}
}

// Call is one request as it was received.
type Call struct {
	Method string
	Path   string // with the query
	Header http.Header
	Body   []byte

	ended  chan struct{}
	result Result
}

// Result is how a call ended.
type Result struct {
	// Chunks is how many tokens were sent; of Raw how many pieces, and of an
	// answer that is not streamed how many of its body's two halves. The client
	// may have read fewer.
	Chunks int

	// Left says that the client left before the answer's end. A script that
	// dies leaves first itself.
	Left bool
}

// Ended is closed when the engine is done with the call.
func (c *Call) Ended() <-chan struct{} { return c.ended }

// Result waits for the call to end. The test fails when it does not.
func (c *Call) Result(t testing.TB) Result {
	t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case <-c.ended:
	case <-timeout.C:
		t.Fatalf("the engine's call of %s goes on after %v", c.Path, patience)
	}
	return c.result
}

// receive notes a request and picks its script.
func (e *Engine) receive(c *Call) *Script {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.requests = append(e.requests, c)
	if e.arrived != nil {
		close(e.arrived)
		e.arrived = nil
	}
	switch {
	case c.Method != http.MethodPost:
		return nil
	case len(e.scripts) > 0:
		s := e.scripts[0]
		e.scripts = e.scripts[1:]
		return s
	case e.standard != nil:
		return e.standard
	}
	return Stream("Hello", ",", " world")
}

// ServeHTTP implements http.Handler. DieAfter is a panic with
// http.ErrAbortHandler, which an HTTP server takes as it should.
func (e *Engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	c := &Call{Method: r.Method, Path: r.URL.RequestURI(), Header: r.Header.Clone(), Body: body, ended: make(chan struct{})}
	script := e.receive(c)
	defer close(c.ended)
	switch {
	case err != nil:
		c.result.Left = true
	case script != nil:
		script.answer(w, r, c)
	case r.URL.Path == "/v1/models":
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"object":"list","data":[{"id":"test-model","object":"model","created":0,"owned_by":"fleettest"}]}`)
	}
}

// errDie makes ServeHTTP drop the connection.
var errDie = errors.New("fleettest: the script dies")

// answer plays the script.
func (s *Script) answer(w http.ResponseWriter, r *http.Request, c *Call) {
	pieces, chunks, events := s.render(r.URL.Path, c.Body, w.Header())
	flush := http.NewResponseController(w)
	for i := 0; i <= len(pieces); i++ {
		err := events[i].happen(r.Context())
		if errors.Is(err, errDie) {
			panic(http.ErrAbortHandler)
		}
		if err == nil && i == len(pieces) {
			return
		}
		if err == nil && i == 0 {
			w.WriteHeader(s.status)
		}
		if err == nil {
			_, err = io.WriteString(w, pieces[i])
		}
		if err == nil {
			err = flush.Flush()
		}
		if err != nil {
			c.result.Left = true
			return
		}
		c.result.Chunks = min(i+1, chunks)
	}
}

// happen lets the event happen. It fails with errDie, or with the context's
// error when the client has left.
func (e event) happen(ctx context.Context) error {
	if e.pause != nil {
		e.pause.reach()
		select {
		case <-e.pause.released:
		case <-ctx.Done():
		}
	}
	if e.stall {
		<-ctx.Done()
	}
	if e.die {
		return errDie
	}
	return ctx.Err()
}
