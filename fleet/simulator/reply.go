package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// failure is an error as the client sees it.
type failure struct {
	status  int
	kind    string // "type" in OpenAI's error object
	param   string
	code    string
	message string
}

func (f *failure) Error() string { return f.message }

func badRequest(param, format string, args ...any) *failure {
	return &failure{status: http.StatusBadRequest, kind: "invalid_request_error", param: param, message: fmt.Sprintf(format, args...)}
}

func tooLong(context, tokens int) *failure {
	f := badRequest("messages", "This model's maximum context length is %d tokens. However, your prompt has %d tokens.", context, tokens)
	f.code = "context_length_exceeded"
	return f
}

func overloaded() *failure {
	return &failure{status: http.StatusServiceUnavailable, kind: "server_error", code: "overloaded", message: "The engine's queue is full."}
}

// fail answers with OpenAI's error object. A full engine asks for a retry in a second.
func fail(w http.ResponseWriter, err error) {
	var f *failure
	if !errors.As(err, &f) {
		f = &failure{status: http.StatusInternalServerError, kind: "server_error", message: err.Error()}
	}
	if f.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	orNull := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	body, _ := json.Marshal(map[string]any{"error": map[string]any{ // strings always marshal
		"message": f.message, "type": f.kind, "param": orNull(f.param), "code": orNull(f.code),
	}})
	send(w, f.status, body)
}

// send answers with a JSON body.
func send(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has left gets nothing
}

// sendHTML is FaultHTML: what a proxy says when it does not reach its engine.
func sendHTML(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusBadGateway)
	_, _ = w.Write([]byte("<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"))
}

// breakOff is FaultDie and FaultStall: it does not return from the one, and
// from the other only when the client has left.
func breakOff(ctx context.Context, kind FaultKind) {
	if kind == FaultDie {
		panic(http.ErrAbortHandler) // net/http's way to drop the connection
	}
	<-ctx.Done()
}
