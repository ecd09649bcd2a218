package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"sluice"
)

// How often watchers are told, how many there can be, and how long one may take
// to read what it is told.
const (
	watchEvery  = 2 * time.Second
	maxWatchers = 100
	watchLimit  = 10 * time.Second
	watchLife   = 15 * time.Minute // then they come again, and are asked who they are
)

// watched is something that people watch. However many watch, it is looked at
// once for all of them, and when nobody does not at all.
type watched struct {
	name string // of the events
	look func(context.Context) (any, error)

	mu       sync.Mutex
	watchers map[chan []byte]bool
	end      context.CancelFunc // of the looking
	ended    chan struct{}      // closed when the server stops
	stopped  bool
}

// newWatched returns what nobody watches yet.
func newWatched(name string, look func(context.Context) (any, error)) watched {
	return watched{name: name, look: look, watchers: map[chan []byte]bool{}, ended: make(chan struct{})}
}

// join adds a watcher. What it is told and has not read when there is more, it
// does not hear of. Errors: CodeOverloaded, CodeUnavailable.
func (w *watched) join() (chan []byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return nil, sluice.Errorf(sluice.CodeUnavailable, "The server is stopping.")
	}
	if len(w.watchers) >= maxWatchers {
		return nil, &sluice.Error{Code: sluice.CodeOverloaded, RetryAfter: time.Minute, Message: "Too many are watching: ask for what goes on now and then instead."}
	}
	told := make(chan []byte, 1)
	w.watchers[told] = true
	if len(w.watchers) == 1 {
		var ctx context.Context
		ctx, w.end = context.WithCancel(context.Background())
		go w.run(ctx)
	}
	return told, nil
}

func (w *watched) leave(told chan []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.watchers, told)
	if len(w.watchers) == 0 {
		w.end()
	}
}

// stop ends all watching.
func (w *watched) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.stopped {
		w.stopped = true
		close(w.ended)
	}
}

// run looks, now and then, and tells the watchers, until ctx ends.
func (w *watched) run(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		if event, err := w.event(ctx); err == nil {
			w.tell(event)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// event looks and writes what is seen as a server-sent event.
func (w *watched) event(ctx context.Context) ([]byte, error) {
	seen, err := w.look(ctx)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(seen) // without line ends
	if err != nil {
		return nil, err
	}
	return bytes.Join([][]byte{[]byte("event: " + w.name + "\ndata: "), data, []byte("\n\n")}, nil), nil
}

func (w *watched) tell(event []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for told := range w.watchers {
		select {
		case <-told: // it did not read the one before
		default:
		}
		told <- event // there is room: nobody else tells
	}
}

// registerEvents adds an operation that tells of something watched, as
// server-sent events, until the caller leaves or the server stops.
func registerEvents(s *Server, r route, what *watched) {
	r.content = "text/event-stream"
	add(s, r, func(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
		told, err := what.join()
		if err != nil {
			return nil, err
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			defer what.leave(told)
			_, w := humago.Unwrap(hc)
			out := http.NewResponseController(w)
			w.Header().Set("Content-Type", "text/event-stream")
			w.WriteHeader(http.StatusOK)
			life := time.NewTimer(watchLife)
			defer life.Stop()
			for {
				var event []byte
				select {
				case <-life.C:
					return
				case event = <-told:
				case <-ctx.Done():
					return
				case <-what.ended:
					return
				}
				if err := out.SetWriteDeadline(time.Now().Add(watchLimit)); err != nil {
					return
				}
				if _, err := w.Write(event); err != nil || out.Flush() != nil {
					return
				}
			}
		}}, nil
	})
}
