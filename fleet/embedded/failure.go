package embedded

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"sluice/infer"
)

// statusClientLeft is nginx's status for a client that left before the answer.
// Nobody reads it but a log.
const statusClientLeft = 499

// failure is an error as the client sees it: OpenAI's error object.
type failure struct {
	status  int
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

// Error implements error.
func (f *failure) Error() string { return f.Message }

// refuse is the failure of a request that is wrong, or asks for what this engine
// does not do; param is the parameter at fault.
func refuse(param, format string, args ...any) *failure {
	f := &failure{status: http.StatusBadRequest, Message: fmt.Sprintf(format, args...), Type: "invalid_request_error"}
	if param != "" {
		f.Param = &param
	}
	return f
}

// coded gives the failure a code.
func (f *failure) coded(code string) *failure {
	f.Code = &code
	return f
}

// tooLong is the failure of a prompt that leaves no room for an answer. tokens says
// how many it has.
func tooLong(param string, context int, tokens string) *failure {
	return refuse(param, "This model's maximum context length is %d tokens. However, your prompt has %s tokens, and the answer needs at least one.",
		context, tokens).coded("context_length_exceeded")
}

// asFailure turns any error into one that can be shown.
func asFailure(err error) *failure {
	var f *failure
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, infer.ErrFull):
		f = &failure{status: http.StatusServiceUnavailable, Message: "The engine's queue is full.", Type: "server_error"}
		return f.coded("overloaded")
	case errors.Is(err, infer.ErrClosed):
		f = &failure{status: http.StatusServiceUnavailable, Message: "The engine is being stopped.", Type: "server_error"}
		return f.coded("overloaded")
	case errors.Is(err, infer.ErrForm):
		return refuse("", "%v. Ask for a simpler response_format, or simpler tools.", err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &failure{status: statusClientLeft, Message: "The client left.", Type: "server_error"}
	}
	return &failure{status: http.StatusInternalServerError, Message: err.Error(), Type: "server_error"}
}

// fail answers with an error. A full engine asks for a retry in a second.
func fail(w http.ResponseWriter, err error) {
	f := asFailure(err)
	if f.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	send(w, f.status, errorBody{f})
}

// errorBody is the object around an error.
type errorBody struct {
	Error *failure `json:"error"`
}
