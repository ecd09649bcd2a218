package api

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sluice"
)

func TestStatus(t *testing.T) {
	for code, want := range map[sluice.Code]int{
		sluice.CodeInvalid: 400, sluice.CodeUnauthenticated: 401, sluice.CodeInsufficientFunds: 402, sluice.CodeSpendingCap: 402,
		sluice.CodeForbidden: 403, sluice.CodeNotFound: 404, sluice.CodeModelNotFound: 404, sluice.CodeConflict: 409,
		sluice.CodeTooLarge: 413, sluice.CodeRateLimited: 429, sluice.CodeConcurrency: 429, sluice.CodeInternal: 500,
		sluice.CodeEngineFailed: 502, sluice.CodeOverloaded: 503, sluice.CodeUnavailable: 503, sluice.CodeTimeout: 504,
		"a code of tomorrow": 500,
	} {
		if got := status(code); got != want {
			t.Errorf("status(%s) = %d, want %d", code, got, want)
		}
	}
}

func TestWriteProblem(t *testing.T) {
	w := httptest.NewRecorder()
	writeProblem(w, &sluice.Error{Code: sluice.CodeRateLimited, Message: "Slow down.", RetryAfter: 1500 * time.Millisecond})
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "2" || !strings.Contains(w.Body.String(), `"code":"rate_limited"`) {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	w = httptest.NewRecorder()
	writeProblem(w, errors.New("the password is swordfish"))
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "swordfish") {
		t.Errorf("an error of ours: %d %s", w.Code, w.Body)
	}
}
