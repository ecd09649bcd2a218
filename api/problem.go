package api

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sluice"
)

// Problem is the body of every error answer, as application/problem+json
// (RFC 9457) with our code.
type Problem struct {
	Type   string       `json:"type" example:"about:blank"`
	Title  string       `json:"title" example:"Not Found" doc:"The status in words."`
	Status int          `json:"status" example:"404"`
	Detail string       `json:"detail" doc:"What is wrong and, where it helps, the next step."`
	Code   string       `json:"code" example:"not_found" doc:"The kind of the error, for programs."`
	Param  string       `json:"param,omitempty" doc:"The field at fault."`
	Errors []FieldFault `json:"errors,omitempty" doc:"Every field at fault, when the request does not fit its schema."`

	Changed []string        `json:"changed,omitempty" doc:"Of what was changed meanwhile: the members that differ from what was read."`
	Current json.RawMessage `json:"current,omitempty" doc:"Of what was changed meanwhile: what it is now, as its GET answers."`
}

// FieldFault is one thing that is wrong with a request.
type FieldFault struct {
	Location string `json:"location,omitempty" example:"body.currency"`
	Message  string `json:"message"`
}

// codeChanged is the code of a change whose If-Match does not hold any longer. It is
// of this API alone.
const codeChanged sluice.Code = "changed"

// status is the HTTP status of an error, the same for every operation.
func status(code sluice.Code) int {
	switch code {
	case sluice.CodeInvalid, sluice.CodeRedeemMistyped:
		return http.StatusBadRequest
	case sluice.CodeUnauthenticated:
		return http.StatusUnauthorized
	case sluice.CodeInsufficientFunds, sluice.CodeSpendingCap, sluice.CodeBudget:
		return http.StatusPaymentRequired
	case sluice.CodeForbidden, sluice.CodeProofRequired, sluice.CodeModelNotInPlan:
		return http.StatusForbidden
	case sluice.CodeNotFound, sluice.CodeModelNotFound, sluice.CodeRedeemUnknown:
		return http.StatusNotFound
	case sluice.CodeConflict, sluice.CodeRedeemExpired, sluice.CodeRedeemUsed, sluice.CodeRedeemCurrency:
		return http.StatusConflict
	case codeChanged:
		return http.StatusPreconditionFailed
	case sluice.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case sluice.CodeQuotaExhausted, sluice.CodeRateLimited, sluice.CodeConcurrency:
		return http.StatusTooManyRequests
	case sluice.CodeEngineFailed:
		return http.StatusBadGateway
	case sluice.CodeOverloaded, sluice.CodeUnavailable:
		return http.StatusServiceUnavailable
	case sluice.CodeTimeout:
		return http.StatusGatewayTimeout
	case sluice.CodeInternal:
	}
	return http.StatusInternalServerError
}

// problem writes an error as its body.
func problem(e *sluice.Error) Problem {
	code := status(e.Code)
	return Problem{
		Type: "about:blank", Title: http.StatusText(code), Status: code,
		Detail: e.Message, Code: string(e.Code), Param: e.Param,
	}
}

// headers are those that go with an error.
func headers(e *sluice.Error) http.Header {
	h := http.Header{}
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10))
	}
	if e.Code == sluice.CodeUnauthenticated {
		h.Set("WWW-Authenticate", "Bearer")
	}
	return h
}

// writeProblem answers with an error where no operation runs yet.
func writeProblem(w http.ResponseWriter, err error) {
	e := sluice.ErrorOf(err)
	maps.Copy(w.Header(), headers(e))
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status(e.Code))
	_ = json.NewEncoder(w).Encode(problem(e)) // a caller who left
}

// refusal is an error as huma writes it.
type refusal struct {
	Problem

	header http.Header
}

func (r *refusal) Error() string             { return r.Detail }
func (r *refusal) GetStatus() int            { return r.Status }
func (r *refusal) GetHeaders() http.Header   { return r.header }
func (r *refusal) ContentType(string) string { return "application/problem+json" }

// refused makes an operation's error presentable, and logs it where it is ours.
func (s *Server) refused(ctx context.Context, r route, err error) error {
	e := sluice.ErrorOf(err)
	if status(e.Code) >= http.StatusInternalServerError {
		s.opt.Log.ErrorContext(ctx, "the management API failed", "operation", r.id, "error", err)
	}
	return &refusal{problem(e), headers(e)}
}

// problemOfHuma turns the errors that huma finds by itself into a Problem.
// What was sent is not repeated: it may be a secret.
func problemOfHuma(_ huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	e := &sluice.Error{Code: sluice.CodeInvalid, Message: "The request does not fit its schema."}
	switch m.Status {
	case http.StatusRequestEntityTooLarge:
		e = sluice.Errorf(sluice.CodeTooLarge, "The body has more than %d bytes.", maxBody-1)
	case http.StatusRequestTimeout:
		e = sluice.Errorf(sluice.CodeTimeout, "The body took too long to arrive.")
	case http.StatusInternalServerError:
		e = sluice.Errorf(sluice.CodeInternal, "An internal error occurred.")
	}
	p := problem(e)
	p.Status, p.Title = oneCode(m.Status), http.StatusText(oneCode(m.Status))
	for _, d := range m.Errors {
		p.Errors = append(p.Errors, FieldFault{Location: d.Location, Message: d.Message})
	}
	return p, nil
}

// humaContext gives an embedded huma.Context another name than its method.
type humaContext huma.Context

// oneStatus answers requests that do not fit their schema as all others that
// are CodeInvalid, where huma says 422.
type oneStatus struct{ humaContext }

// SetStatus writes the status.
func (c oneStatus) SetStatus(code int) { c.humaContext.SetStatus(oneCode(code)) }

// Unwrap returns the context below.
func (c oneStatus) Unwrap() huma.Context { return c.humaContext }

func oneCode(code int) int {
	if code == http.StatusUnprocessableEntity {
		return http.StatusBadRequest
	}
	return code
}
