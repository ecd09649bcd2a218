package openai

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"

	"sluice"
)

// errorRow is one line of the table from codes to what this dialect's clients
// expect: the HTTP status, the error's type, and whether an SDK should retry
// ("true", "false", or "" to leave it to the status).
type errorRow struct {
	status int
	typ    string
	retry  string
}

// errorTable maps a code. Clients retry 408, 409, 429 and 5xx unless
// x-should-retry says otherwise, so it says so where a retry cannot help.
func errorTable(code sluice.Code) errorRow {
	switch code {
	case sluice.CodeInvalid, sluice.CodeRedeemMistyped:
		return errorRow{http.StatusBadRequest, "invalid_request_error", ""}
	case sluice.CodeUnauthenticated:
		return errorRow{http.StatusUnauthorized, "authentication_error", ""}
	case sluice.CodeForbidden, sluice.CodeProofRequired, sluice.CodeModelNotInPlan:
		return errorRow{http.StatusForbidden, "permission_error", ""}
	case sluice.CodeNotFound, sluice.CodeModelNotFound, sluice.CodeRedeemUnknown:
		return errorRow{http.StatusNotFound, "invalid_request_error", ""}
	case sluice.CodeConflict, sluice.CodeRedeemExpired, sluice.CodeRedeemUsed, sluice.CodeRedeemCurrency:
		return errorRow{http.StatusConflict, "invalid_request_error", "false"}
	case sluice.CodeRequestTimeout:
		return errorRow{http.StatusRequestTimeout, "invalid_request_error", ""}
	case sluice.CodeTooLarge:
		return errorRow{http.StatusRequestEntityTooLarge, "invalid_request_error", ""}
	case sluice.CodeInsufficientFunds, sluice.CodeSpendingCap, sluice.CodeBudget:
		return errorRow{http.StatusPaymentRequired, "insufficient_quota", "false"}
	case sluice.CodeQuotaExhausted:
		return errorRow{http.StatusTooManyRequests, "usage_limit_reached", "false"}
	case sluice.CodeRateLimited, sluice.CodeConcurrency:
		return errorRow{http.StatusTooManyRequests, "rate_limit_error", "true"}
	case sluice.CodeOverloaded:
		return errorRow{http.StatusServiceUnavailable, "overloaded_error", "true"}
	case sluice.CodeUnavailable:
		return errorRow{http.StatusServiceUnavailable, "server_error", "true"}
	case sluice.CodeEngineFailed:
		return errorRow{http.StatusBadGateway, "server_error", "true"}
	case sluice.CodeTimeout:
		return errorRow{http.StatusGatewayTimeout, "server_error", "true"}
	case sluice.CodeInternal:
	}
	return errorRow{http.StatusInternalServerError, "server_error", "true"}
}

// errorBody is OpenAI's error object: all four members are always there.
type errorBody struct {
	Error struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    string  `json:"code"`
	} `json:"error"`
}

// ErrorObject returns the JSON of an error: the body of a failed request, and
// the payload of the event that ends a broken stream.
func ErrorObject(e *sluice.Error) []byte {
	var b errorBody
	b.Error.Message = e.Message
	b.Error.Type = errorTable(e.Code).typ
	b.Error.Code = string(e.Code)
	if e.Param != "" {
		b.Error.Param = &e.Param
	}
	raw, err := json.Marshal(b)
	if err != nil { // strings and a pointer to one cannot fail
		return []byte(`{"error":{"message":"","type":"server_error","param":null,"code":"internal"}}`)
	}
	return raw
}

// WriteError answers a request with an error: status, retry headers and body.
func WriteError(w http.ResponseWriter, e *sluice.Error) { WriteErrorBody(w, e, ErrorObject(e)) }

// WriteErrorBody is WriteError with another body, for errors that say more.
func WriteErrorBody(w http.ResponseWriter, e *sluice.Error, body []byte) {
	row := errorTable(e.Code)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if row.retry != "" {
		h.Set("X-Should-Retry", row.retry)
	}
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64(math.Ceil(e.RetryAfter.Seconds())), 10))
		h.Set("Retry-After-Ms", strconv.FormatInt(int64(math.Ceil(float64(e.RetryAfter)/float64(time.Millisecond))), 10))
	}
	w.WriteHeader(row.status)
	_, _ = w.Write(body) // the client may be gone
}

// NoRoute is the error about a path that the API does not have. It is CodeNotFound.
func NoRoute(r *http.Request) *sluice.Error {
	return sluice.Errorf(sluice.CodeNotFound, "There is no %s %.200s.", r.Method, r.URL.Path)
}

// WriteWrongMethod answers a path of the API under a method that it does not have;
// allowed lists those it has: "GET, POST". The error table has no code for this: its
// body is that of an invalid request.
func WriteWrongMethod(w http.ResponseWriter, r *http.Request, allowed string) {
	h := w.Header()
	h.Set("Allow", allowed)
	h.Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusMethodNotAllowed)
	_, _ = w.Write(ErrorObject(sluice.Errorf(sluice.CodeInvalid, "Not %.20s but %s is allowed for %.200s.", r.Method, allowed, r.URL.Path))) // the client may be gone
}
