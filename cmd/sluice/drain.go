package main

import (
	"context"
	"net/http"
	"sync"
	"time"

	"sluice"
	"sluice/wire/openai"
)

// drain counts the inference calls under way, so that they can finish before
// the server stops. Once it has begun, new ones are refused: the client's SDK
// tries again, and finds another server or this one after its restart.
type drain struct {
	calls http.Handler

	mu      sync.Mutex
	running int
	begun   bool
	idle    chan struct{} // closed once it has begun and nothing runs
}

func newDrain(calls http.Handler) *drain { return &drain{calls: calls, idle: make(chan struct{})} }

// ServeHTTP lets a call through, or refuses it.
func (d *drain) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !d.enter() {
		w.Header().Set("Connection", "close")
		openai.WriteError(w, &sluice.Error{Code: sluice.CodeUnavailable, RetryAfter: time.Second, Message: "The server is stopping. Try again."})
		return
	}
	defer d.leave()
	d.calls.ServeHTTP(w, r)
}

func (d *drain) enter() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.begun {
		return false
	}
	d.running++
	return true
}

func (d *drain) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running--
	d.settle()
}

// settle closes idle when it is time. The caller holds mu.
func (d *drain) settle() {
	if d.begun && d.running == 0 {
		select {
		case <-d.idle:
		default:
			close(d.idle)
		}
	}
}

// begin refuses new calls from now on.
func (d *drain) begin() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.begun = true
	d.settle()
}

// stopping reports whether it has begun.
func (d *drain) stopping() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.begun
}

// wait waits until nothing runs or ctx ends, and returns how many calls still run.
func (d *drain) wait(ctx context.Context) int {
	select {
	case <-d.idle:
	case <-ctx.Done():
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.running
}
