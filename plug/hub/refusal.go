package hub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// RefusedError is a hub's answer that asking again does not change.
type RefusedError struct {
	Status int
	Code   string // the hub's X-Error-Code; may be empty
	reason string
}

// Error is what was refused, and what may help.
func (e *RefusedError) Error() string { return e.reason }

// finalError is not worth another try.
type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

// busyError is an answer that says to come back.
type busyError struct {
	status int
	wait   time.Duration // 0 where it does not say when
}

func (e *busyError) Error() string {
	return fmt.Sprintf("the hub answers %d %s", e.status, http.StatusText(e.status))
}

const (
	tries       = 6               // in a row that bring nothing
	longestWait = 2 * time.Minute // that a hub may ask for
)

// refused is the error of an answer that is no success.
func (h *Hub) refused(resp *http.Response) error {
	code := resp.Header.Get("X-Error-Code")
	wait, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	switch s := resp.StatusCode; {
	case s == http.StatusTooManyRequests, s == http.StatusRequestTimeout, s >= 500:
		return &busyError{s, time.Duration(wait) * time.Second}
	case code == "GatedRepo":
		return &RefusedError{s, code, "its owner asks for agreement first: accept the terms on its page at " + h.endpoint.Host + ", and set HF_TOKEN to a token of that account"}
	case code == "EntryNotFound":
		return &RefusedError{s, code, "it has no such file"}
	case code == "RevisionNotFound":
		return &RefusedError{s, code, "it has no such revision"}
	case s == http.StatusUnauthorized && h.token != "":
		return &RefusedError{s, code, "the hub does not take the token of HF_TOKEN"}
	case s == http.StatusUnauthorized, s == http.StatusForbidden, s == http.StatusNotFound:
		return &RefusedError{s, code, fmt.Sprintf("%s does not have it, or not for everybody (%d): look at its name, and set HF_TOKEN if it is private", h.endpoint.Host, s)}
	default:
		message := resp.Header.Get("X-Error-Message")
		return &RefusedError{s, code, strings.TrimSpace(fmt.Sprintf("%s answers %d %s %s", h.endpoint.Host, s, http.StatusText(s), message))}
	}
}

// persist calls try until it succeeds, its error is final, or it has failed several
// times in a row. What try returns beside the error says whether it brought
// anything, which makes the next failure the first again.
func (h *Hub) persist(ctx context.Context, try func(ctx context.Context) (some bool, err error)) error {
	for failed := 0; ; {
		some, err := try(ctx)
		if err == nil {
			return nil
		}
		if some {
			failed = 0
		}
		failed++
		_, refused := errors.AsType[*RefusedError](err)
		_, final := errors.AsType[*finalError](err)
		if refused || final || ctx.Err() != nil {
			return cmp.Or(ctx.Err(), err)
		}
		if failed == tries {
			return fmt.Errorf("gave up after %d tries: %w", tries, err)
		}
		wait := h.pause << (failed - 1)
		wait += rand.N(wait/2 + 1)
		if busy, ok := errors.AsType[*busyError](err); ok && busy.wait > 0 {
			wait = min(busy.wait, longestWait)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
