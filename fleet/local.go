package fleet

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"sluice"
)

// local carries calls to an engine in this process: a handler that runs in
// its own goroutine for each call, without a socket.
type local struct {
	handler  http.Handler
	timeouts Timeouts
	report   func(error)
	log      *slog.Logger
}

func (t *local) expire(time.Time) {}

// close closes the handler if it is an io.Closer.
func (t *local) close() {
	if c, ok := t.handler.(io.Closer); ok {
		_ = c.Close()
	}
}

func (t *local) send(ctx context.Context, req *sluice.EngineRequest) (*sluice.EngineReply, error) {
	verb, ok := method(req.Path)
	if !ok {
		return nil, sluice.Errorf(sluice.CodeInternal, "path %q is not asked of engines", req.Path)
	}
	// The handler's context ends with the call's, and with the body's Close.
	within, cancel := context.WithCancel(ctx)
	// A handler may still read its request when the body is closed and the caller
	// uses the bytes for something else: it gets a copy.
	hr, err := http.NewRequestWithContext(within, verb, "http://engine"+req.Path, bytes.NewReader(bytes.Clone(req.Body)))
	if err != nil {
		cancel()
		return nil, failure(ctx, t.report, "asking the engine", err)
	}
	hr.RequestURI = req.Path
	hr.Header.Set("Content-Type", cmp.Or(req.ContentType, "application/json"))
	if req.CallID != "" {
		hr.Header.Set("X-Request-Id", req.CallID)
	}
	w := &localWriter{header: make(http.Header), pipe: newPipe(), started: make(chan struct{}), log: t.log}
	b := &localBody{ctx: ctx, cancel: cancel, pipe: w.pipe, idle: t.timeouts.Idle, report: t.report}
	go w.run(t.handler, hr)

	timer := time.NewTimer(t.timeouts.Header)
	defer timer.Stop()
	select {
	case <-w.started:
	case <-ctx.Done():
		_ = b.Close()
		return nil, ctx.Err()
	case <-timer.C:
		_ = b.Close()
		return nil, failure(ctx, t.report, "asking the engine", context.DeadlineExceeded)
	}
	if err := ctx.Err(); err != nil { // what the handler says then is about the caller's leaving
		_ = b.Close()
		return nil, err
	}
	if w.status == 0 {
		_ = b.Close()
		return nil, failure(ctx, t.report, "asking the engine", w.pipe.end)
	}
	return &sluice.EngineReply{
		Status:       w.status,
		ContentType:  w.sent.Get("Content-Type"),
		RetryAfter:   w.sent.Get("Retry-After"),
		Body:         b,
		PromptTokens: count([]byte(w.sent.Get("X-Prompt-Tokens"))),
		CachedTokens: count([]byte(w.sent.Get("X-Cached-Tokens"))),
	}, nil
}

// localWriter is the handler's side of a call.
type localWriter struct {
	header  http.Header
	pipe    *pipe
	log     *slog.Logger
	start   sync.Once
	started chan struct{} // closed once the head is fixed, or the handler failed without one
	code    int           // given to WriteHeader
	written int           // bytes

	status int         // the head, fixed when started is closed; zero after a failure
	sent   http.Header // likewise
}

// run runs the handler to its end, however it ends.
func (w *localWriter) run(h http.Handler, r *http.Request) {
	end, finished := io.ErrUnexpectedEOF, false // unless ServeHTTP returns
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler { //nolint:errorlint // what was panicked with, not an error chain
			end = fmt.Errorf("the engine's handler panicked: %v", p)
			w.log.Error("an engine's handler panicked", "panic", p, "stack", string(debug.Stack()))
		}
		if finished {
			w.begin()
		}
		w.pipe.finish(end)
		w.start.Do(func() { close(w.started) })
	}()
	h.ServeHTTP(w, r)
	end, finished = io.EOF, true
}

// begin fixes the head and lets the caller have it.
func (w *localWriter) begin() {
	w.start.Do(func() {
		w.status = w.code
		if w.code == 0 {
			w.status = http.StatusOK
		}
		w.sent = w.header.Clone()
		close(w.started)
	})
}

// Header returns the header; what is set after the first byte was passed on is ignored.
func (w *localWriter) Header() http.Header { return w.header }

// WriteHeader sets the status once; interim ones are not passed on.
func (w *localWriter) WriteHeader(status int) {
	if w.code == 0 && status >= 200 {
		w.code = status
	}
}

// Write passes bytes on once there are enough of them or Flush is called.
// It waits while the reader is behind and fails once it has left.
func (w *localWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.written += len(b)
	if w.written >= pipeFlush {
		w.begin()
	}
	return w.pipe.write(b)
}

// Flush passes on everything that was written.
func (w *localWriter) Flush() { _ = w.FlushError() }

// FlushError is Flush and says when the reader has left.
func (w *localWriter) FlushError() error {
	w.begin()
	return w.pipe.flush()
}

// Ended has f called once, when the reader is done with the answer: with the
// number of bytes that it took, and whether it came to the end. An engine that
// counts what it gave counts by that.
func (w *localWriter) Ended(f func(taken int64, whole bool)) { w.pipe.onEnd(f) }

// localBody is the reader's side of a call.
type localBody struct {
	ctx    context.Context
	cancel context.CancelFunc
	pipe   *pipe
	idle   time.Duration
	report func(error)
	timer  *time.Timer
	err    error
}

// Read reads what was passed on. Its errors are those of an HTTP engine's body.
func (b *localBody) Read(p []byte) (int, error) {
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	for {
		n, err := b.pipe.take(p)
		if n > 0 {
			return n, nil
		}
		if err == nil {
			err = b.wait()
		}
		if err == nil {
			continue
		}
		b.err = err
		if !errors.Is(err, io.EOF) && !errors.Is(err, errClosed) {
			b.err = failure(b.ctx, b.report, "reading the engine's answer", err)
		}
		_ = b.Close()
		return 0, b.err
	}
}

// wait waits for something to read.
func (b *localBody) wait() error {
	if b.timer == nil {
		b.timer = time.NewTimer(b.idle)
	} else {
		b.timer.Reset(b.idle)
	}
	defer b.timer.Stop()
	select {
	case <-b.pipe.toRead:
		return nil
	case <-b.ctx.Done():
		return b.ctx.Err()
	case <-b.timer.C:
		return context.DeadlineExceeded
	}
}

// Close ends the call: the handler's context is cancelled and its writes fail.
func (b *localBody) Close() error {
	b.pipe.leave(errClosed)
	b.cancel()
	return nil
}
