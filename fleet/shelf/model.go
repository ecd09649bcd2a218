package shelf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"sluice/fleet/embedded"
	"sluice/infer"
)

// retry is what a caller is told to wait who cannot have a model now.
const retry = 2 * time.Second

// Model answers as the engine of one of the files, which it loads when it is
// first asked. It is an http.Handler.
type Model struct {
	shelf   *Shelf
	file    string
	counter embedded.Counter
	current *loaded // guarded by shelf.mu; nil while it is not loaded
}

// loaded is a model in memory. All but the first line is guarded by shelf.mu.
type loaded struct {
	file    string
	mark    mark
	engine  *embedded.Engine
	memory  int64
	users   int       // requests that it answers
	used    time.Time // when the last of them ended
	leaving bool      // it is unloaded once nobody uses it
}

// Model returns the engine of a file, which need not be there: asking it says
// so then.
func (s *Shelf) Model(name string) *Model {
	m := &Model{shelf: s, file: name}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.models = append(s.models, m)
	return m
}

// Counted returns how many tokens the engine has counted, however often it was
// loaded.
func (m *Model) Counted() embedded.Counts { return m.counter.Counts() }

// Close unloads the model once nobody uses it.
func (m *Model) Close() error {
	s := m.shelf
	s.mu.Lock()
	defer s.mu.Unlock()
	s.models = slices.DeleteFunc(s.models, func(other *Model) bool { return other == m })
	if m.current != nil {
		s.leave(m.current)
	}
	return nil
}

// busyError says that a model cannot be had at the moment.
type busyError struct{ error }

// ServeHTTP answers /health and /metrics at once, and all else by the model. A
// model that cannot be had now answers 503, one that cannot be had at all 500.
func (m *Model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/health":
		if err := m.shelf.fault(m.file); err != nil {
			fail(w, err)
			return
		}
		w.WriteHeader(http.StatusOK)
		return
	case "/metrics":
		if m.shelf.idle(m) {
			embedded.WriteMetrics(w, infer.Stats{}, m.Counted())
			return
		}
	}
	l, err := m.shelf.have(r.Context(), m)
	if err != nil {
		fail(w, err)
		return
	}
	defer m.shelf.giveBack(l)
	l.engine.ServeHTTP(w, r)
}

// fail answers with an error, as OpenAI writes it.
func fail(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	if errors.As(err, &busyError{}) {
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", strconv.Itoa(int(retry/time.Second)))
	}
	body, _ := json.Marshal(map[string]any{"error": map[string]any{"message": err.Error(), "type": "server_error"}}) // texts alone
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has left gets nothing
}

// fault is why a file cannot be asked at all, or nil.
func (s *Shelf) fault(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.files[name]
	switch {
	case f == nil && s.seen():
		return fmt.Errorf("the file %s is gone", name)
	case f != nil && f.state == Refused:
		return errors.New(f.reason)
	case f != nil && f.broken:
		return errors.New(f.trouble)
	}
	return nil
}

// seen reports whether the folder was looked at.
func (s *Shelf) seen() bool {
	select {
	case <-s.looked:
		return true
	default:
		return false
	}
}

// idle reports whether a model is not loaded.
func (s *Shelf) idle(m *Model) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return m.current == nil
}

// have returns the loaded model for one request, which gives it back.
func (s *Shelf) have(ctx context.Context, m *Model) (*loaded, error) {
	if l := s.present(m); l != nil {
		return l, nil
	}
	select {
	case <-s.looked:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if l := s.present(m); l != nil { // who went before has loaded it
		return l, nil
	}
	return s.load(m)
}

// present returns the model if it is loaded, for one request.
func (s *Shelf) present(m *Model) *loaded {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.current != nil {
		m.current.users++
	}
	return m.current
}

// giveBack ends a request's use of a model.
func (s *Shelf) giveBack(l *loaded) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.users--
	l.used = s.o.Now()
	if l.leaving {
		s.leave(l)
	}
}
