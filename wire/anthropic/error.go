package anthropic

import (
	"math"
	"net/http"
	"strconv"

	"sluice"
)

// errorRow is one line of the table from codes to what this dialect's clients
// expect: the HTTP status, the error's type, and whether an SDK should retry.
type errorRow struct {
	status int
	typ    string
	retry  string // "true", "false", or "" to leave it to the status
}

// statusOverloaded is Anthropic's own.
const statusOverloaded = 529

// errorTable maps a code. Both kinds of an empty purse are billing_error: a used-up
// plan is a 429 with the instant of its reset, an empty balance a 402. The types
// are those of the SDK's ErrorType.
func errorTable(code sluice.Code) errorRow {
	switch code {
	case sluice.CodeInvalid, sluice.CodeRedeemMistyped:
		return errorRow{http.StatusBadRequest, "invalid_request_error", ""}
	case sluice.CodeUnauthenticated:
		return errorRow{http.StatusUnauthorized, "authentication_error", ""}
	case sluice.CodeForbidden, sluice.CodeProofRequired, sluice.CodeModelNotInPlan:
		return errorRow{http.StatusForbidden, "permission_error", ""}
	case sluice.CodeNotFound, sluice.CodeModelNotFound, sluice.CodeRedeemUnknown:
		return errorRow{http.StatusNotFound, "not_found_error", ""}
	case sluice.CodeConflict, sluice.CodeRedeemExpired, sluice.CodeRedeemUsed, sluice.CodeRedeemCurrency:
		return errorRow{http.StatusConflict, "conflict_error", "false"}
	case sluice.CodeRequestTimeout:
		return errorRow{http.StatusRequestTimeout, "timeout_error", ""}
	case sluice.CodeTooLarge:
		return errorRow{http.StatusRequestEntityTooLarge, "invalid_request_error", ""}
	case sluice.CodeInsufficientFunds, sluice.CodeSpendingCap, sluice.CodeBudget:
		return errorRow{http.StatusPaymentRequired, "billing_error", "false"}
	case sluice.CodeQuotaExhausted:
		return errorRow{http.StatusTooManyRequests, "billing_error", "false"}
	case sluice.CodeRateLimited, sluice.CodeConcurrency:
		return errorRow{http.StatusTooManyRequests, "rate_limit_error", "true"}
	case sluice.CodeOverloaded:
		return errorRow{statusOverloaded, "overloaded_error", "true"}
	case sluice.CodeUnavailable:
		return errorRow{http.StatusServiceUnavailable, "overloaded_error", "true"}
	case sluice.CodeEngineFailed:
		return errorRow{http.StatusBadGateway, "api_error", "true"}
	case sluice.CodeTimeout:
		return errorRow{http.StatusGatewayTimeout, "timeout_error", "true"}
	case sluice.CodeInternal:
	}
	return errorRow{http.StatusInternalServerError, "api_error", "true"}
}

// appendError appends an error's body, which is also the payload of the event that
// ends a broken stream. details.error_code is Sluice's own code.
func appendError(dst []byte, e *sluice.Error, callID string) []byte {
	message := e.Message
	if e.Code == sluice.CodeInvalid || e.Code == sluice.CodeTooLarge {
		message = tooLong(message)
	}
	dst = append(dst, `{"type":"error","error":{"type":"`...)
	dst = append(dst, errorTable(e.Code).typ...)
	dst = append(dst, `","message":`...)
	dst = quote(dst, message)
	dst = append(dst, `,"details":{"error_code":`...)
	dst = quote(dst, string(e.Code))
	dst = append(dst, `}},"request_id":`...)
	return append(quote(dst, callID), '}')
}

// WriteError answers a request with an error: status, headers and body.
func (d *Dialect) WriteError(w http.ResponseWriter, e *sluice.Error, callID string) {
	WriteError(w, e, callID)
}

// WriteError answers a request with an error: status, request-id, x-should-retry,
// retry-after in seconds, and body.
func WriteError(w http.ResponseWriter, e *sluice.Error, callID string) {
	row := errorTable(e.Code)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Request-Id", callID)
	if row.retry != "" {
		h.Set("X-Should-Retry", row.retry)
	}
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64(math.Ceil(e.RetryAfter.Seconds())), 10))
	}
	w.WriteHeader(row.status)
	_, _ = w.Write(appendError(nil, e, callID)) // the client may be gone
}
