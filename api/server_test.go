package api_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sluice"
	"sluice/api"
)

// broken is a part that fails, or panics, with something that no caller should see.
type broken struct {
	api.Catalogue

	panics bool
}

func (b broken) Models(context.Context) ([]*sluice.Model, error) {
	if b.panics {
		panic("swordfish")
	}
	return nil, errors.New("swordfish")
}

// TestFaults checks that faults of ours are logged, and masked for the caller.
func TestFaults(t *testing.T) {
	var log strings.Builder
	ask := func(catalogue api.Catalogue) (answer *httptest.ResponseRecorder, fault any) {
		log.Reset()
		s := api.New(api.Options{
			Catalogue: catalogue, Log: slog.New(slog.NewTextHandler(&log, nil)),
		})
		defer func() { fault = recover() }()
		answer = httptest.NewRecorder()
		s.Local().ServeHTTP(answer, httptest.NewRequest("GET", "/api/v1/models", nil))
		return answer, nil
	}
	answer, fault := ask(broken{})
	if answer.Code != http.StatusInternalServerError || strings.Contains(answer.Body.String(), "swordfish") || !strings.Contains(log.String(), "swordfish") || fault != nil {
		t.Errorf("a failure: %d %s, log %s", answer.Code, answer.Body, &log)
	}
	if _, fault = ask(broken{panics: true}); fault != http.ErrAbortHandler || !strings.Contains(log.String(), "swordfish") {
		t.Errorf("a panic: %v, log %s", fault, &log)
	}
}

// kept is a catalogue in which every model can be deleted.
type kept struct{ api.Catalogue }

func (kept) DeleteModel(context.Context, string) error { return nil }

func (kept) Models(context.Context) ([]*sluice.Model, error) { return nil, nil }

// TestReloadFails checks that a caller hears of a change that is not in force.
func TestReloadFails(t *testing.T) {
	s := api.New(api.Options{Catalogue: kept{}, Reload: func(context.Context) error { return errors.New("swordfish") }})
	w := httptest.NewRecorder()
	s.Local().ServeHTTP(w, httptest.NewRequest("DELETE", "/api/v1/models/m", nil))
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "is stored") || strings.Contains(w.Body.String(), "swordfish") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestLocalAlone checks that serving over TCP after the socket leaves nothing behind.
func TestLocalAlone(t *testing.T) {
	s := api.New(api.Options{})
	for _, c := range []struct {
		handler http.Handler
		want    int
	}{{s.Local(), http.StatusOK}, {s, http.StatusUnauthorized}} {
		w := httptest.NewRecorder()
		c.handler.ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/me", nil))
		if w.Code != c.want {
			t.Errorf("%d %s, want %d", w.Code, w.Body, c.want)
		}
	}
}
