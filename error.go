package sluice

import (
	"errors"
	"fmt"
	"time"
)

// Code names the kind of an error for machines. One table per dialect maps a
// code to an HTTP status and to that dialect's own error body.
type Code string

// The codes. A code states whose turn it is: the caller's (4xx), the
// engine's (502, 504) or ours (5xx).
const (
	CodeInvalid           Code = "invalid"            // the request cannot be understood as sent
	CodeUnauthenticated   Code = "unauthenticated"    // no key, an unknown, expired or revoked key
	CodeForbidden         Code = "forbidden"          // the key is known and may not do this
	CodeProofRequired     Code = "proof_required"     // the user is to prove to be it, and may then do this
	CodeNotFound          Code = "not_found"          // no such object for this caller
	CodeModelNotFound     Code = "model_not_found"    // no such model, or no price for it in the caller's currency
	CodeConflict          Code = "conflict"           // the same id or key was used for something else
	CodeRequestTimeout    Code = "request_timeout"    // the caller sent its request too slowly
	CodeTooLarge          Code = "too_large"          // a body, a header or a prompt over its limit
	CodeInsufficientFunds Code = "insufficient_funds" // the balance does not cover the prompt
	CodeSpendingCap       Code = "spending_cap"       // the key's own cap is reached
	CodeBudget            Code = "budget_exhausted"   // a budget of the organisation, the project or the key is used up
	CodeQuotaExhausted    Code = "quota_exhausted"    // a window of the plan is used up
	CodeModelNotInPlan    Code = "model_not_in_plan"  // the plan does not serve the model
	CodeRedeemMistyped    Code = "code_mistyped"      // what was to be redeemed cannot be a code: its checksum is wrong
	CodeRedeemUnknown     Code = "code_unknown"       // there is no such code, or it was revoked
	CodeRedeemExpired     Code = "code_expired"       // the code could be redeemed until some time ago
	CodeRedeemUsed        Code = "code_used"          // the code was redeemed as often as it can be, in all or by the organisation
	CodeRedeemCurrency    Code = "code_currency"      // the code is in another currency than the organisation's balance
	CodeRateLimited       Code = "rate_limited"       // requests or tokens per minute
	CodeConcurrency       Code = "concurrency"        // too many requests at once
	CodeOverloaded        Code = "overloaded"         // the engines are full; a retry may help
	CodeEngineFailed      Code = "engine_failed"      // the engine refused, broke off or answered nonsense
	CodeTimeout           Code = "timeout"            // the engine took too long
	CodeUnavailable       Code = "unavailable"        // nothing can serve the model, or the server drains
	CodeInternal          Code = "internal"           // a fault of ours; the message is masked
)

// Error is the only error that a caller sees. Errors from elsewhere become
// CodeInternal, their text goes to the log and not to the caller.
type Error struct {
	Code    Code
	Message string // for people: the cause, and where it helps the next step
	Param   string // the request's field at fault, when there is one

	// RetryAfter is how long to wait before a retry can succeed; zero says nothing.
	RetryAfter time.Duration

	// Err is what caused it, for the log only.
	Err error
}

// Error returns the code, the message and the cause, for logs.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Err)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

// Unwrap returns the cause, if any.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error with a formatted message.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// ErrorOf returns err as an *Error. An error of another kind becomes
// CodeInternal with a masked message and err as its cause; nil stays nil.
func ErrorOf(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Code: CodeInternal, Message: "An internal error occurred.", Err: err}
}

// CodeOf returns the code of err: "" for nil, CodeInternal for errors of another kind.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	return ErrorOf(err).Code
}
