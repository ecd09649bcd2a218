package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"sluice"
)

// HeaderIdempotencyKey makes the repetition of a POST harmless.
const HeaderIdempotencyKey = "Idempotency-Key"

// HeaderReplayed is set on an answer that an earlier request got.
const HeaderReplayed = "Idempotent-Replayed"

// keptFor is how long an answer is kept for a repetition.
const keptFor = 24 * time.Hour

// maxIdempotencyKey bounds an idempotency key, in bytes.
const maxIdempotencyKey = 255

// Requests keeps what requests under idempotency keys were answered.
type Requests interface {
	// BeginRequest notes that a request begins, unless there is one of the same
	// principal and key, which is returned.
	BeginRequest(ctx context.Context, r *sluice.IdempotentRequest) (before *sluice.IdempotentRequest, err error)

	// EndRequest keeps an answer or, when its status is zero, forgets the request.
	EndRequest(ctx context.Context, r *sluice.IdempotentRequest) error

	// DropRequests forgets those that began before the instant.
	DropRequests(ctx context.Context, before time.Time) error
}

// Sealer keeps secrets from those who can read the database: an answer may hold
// a new key. whose binds what is sealed to its place.
type Sealer interface {
	Seal(whose, secret string) string
	Open(whose, sealed string) (string, error)
}

// repetitions are the requests under idempotency keys that run now.
type repetitions struct {
	mu      sync.Mutex
	running map[string]bool
	dropped time.Time // when old ones were forgotten last
}

// begin reports whether no other request of the name runs, and notes this one.
func (r *repetitions) begin(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running[name] {
		return false
	}
	if r.running == nil {
		r.running = map[string]bool{}
	}
	r.running[name] = true
	return true
}

func (r *repetitions) end(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.running, name)
}

// due reports, once an hour, that old requests may be forgotten.
func (r *repetitions) due(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.dropped) < time.Hour {
		return false
	}
	r.dropped = now
	return true
}

// idempotencyParameter is how the contract tells of the header.
func idempotencyParameter() *huma.Param {
	least, most := 1, maxIdempotencyKey
	return &huma.Param{
		Name: HeaderIdempotencyKey, In: "header", Example: "5b0f6a52-top-up-7",
		Description: "Of the caller's choice, such as a UUID. A repetition with the same key and the same request has the same answer and does nothing again, " +
			"for 24 hours; with another request it is a conflict.",
		Schema: &huma.Schema{Type: huma.TypeString, MinLength: &least, MaxLength: &most},
	}
}

// principal names the caller for its idempotency keys.
func (c *caller) principal() string {
	switch {
	case c.user != nil:
		return c.user.ID + " " + c.org // one user acts for several
	case c.key != "":
		return c.key
	}
	return "local"
}

// once runs a request under an idempotency key once, and repeats its answer.
// What was refused is not kept: nothing was made. An answer that says that the
// server failed is kept, since something may have been made.
func (s *Server) once(ctx huma.Context, next func(huma.Context)) {
	key := ctx.Header(HeaderIdempotencyKey)
	if key == "" {
		next(ctx)
		return
	}
	req, w := humago.Unwrap(ctx)
	background := context.WithoutCancel(req.Context()) // who leaves does not leave the next one in doubt
	r, body, err := s.repetition(ctx, key)
	if err != nil {
		writeProblem(w, err)
		return
	}
	name := r.Principal + " " + r.Key
	if !s.repeated.begin(name) {
		writeProblem(w, &sluice.Error{
			Code: sluice.CodeConflict, Param: HeaderIdempotencyKey, RetryAfter: time.Second,
			Message: "A request with this idempotency key is running: ask again for its answer.",
		})
		return
	}
	defer s.repeated.end(name)
	before, err := s.beginRequest(background, r)
	if err != nil {
		writeProblem(w, err)
		return
	}
	if before != nil {
		s.replay(ctx, r, before)
		return
	}
	made := &recording{humaContext: ctx, request: bytes.NewReader(body)}
	next(made)
	if made.status < http.StatusMultipleChoices || made.status >= http.StatusInternalServerError {
		r.Status, r.ContentType, r.Answer = oneCode(made.status), w.Header().Get("Content-Type"), s.opt.Sealer.Seal(sealedFor(r), made.body.String())
	}
	if len(w.Header()["Set-Cookie"]) > 0 { // what signs somebody in is not for a second one
		r.Status = 0
	}
	if err := s.opt.Requests.EndRequest(background, r); err != nil {
		s.opt.Log.ErrorContext(background, "an answer could not be kept for a repetition", "error", err)
	}
	ctx.SetStatus(made.status)
	_, _ = made.body.WriteTo(w) // a caller who left
}

// repetition names a request and reads its body.
func (s *Server) repetition(ctx huma.Context, key string) (*sluice.IdempotentRequest, []byte, error) {
	if len(key) > maxIdempotencyKey {
		return nil, nil, &sluice.Error{Code: sluice.CodeInvalid, Param: HeaderIdempotencyKey, Message: fmt.Sprintf("An idempotency key has at most %d bytes.", maxIdempotencyKey)}
	}
	if err := ctx.SetReadDeadline(s.opt.Now().Add(10 * time.Second)); err != nil {
		s.opt.Log.Debug("a body has no deadline", "error", err)
	}
	body, err := io.ReadAll(io.LimitReader(ctx.BodyReader(), maxBody+1))
	if err != nil {
		return nil, nil, &sluice.Error{Code: sluice.CodeTimeout, Message: "The body took too long to arrive.", Err: err}
	}
	url := ctx.URL()
	request := sha256.New()
	_, _ = fmt.Fprintf(request, "%s %q %q ", ctx.Method(), url.Path, url.RawQuery) // a hash takes everything
	_, _ = request.Write(body)
	sum := sha256.Sum256([]byte(key))
	return &sluice.IdempotentRequest{
		Principal: callerOf(ctx.Context()).principal(), Key: hex.EncodeToString(sum[:]), Request: hex.EncodeToString(request.Sum(nil)), BegunAt: s.opt.Now().UTC(),
	}, body, nil
}

// beginRequest notes a request; one of more than a day before is forgotten.
func (s *Server) beginRequest(ctx context.Context, r *sluice.IdempotentRequest) (before *sluice.IdempotentRequest, err error) {
	old := r.BegunAt.Add(-keptFor)
	if s.repeated.due(r.BegunAt) {
		if err := s.opt.Requests.DropRequests(ctx, old); err != nil {
			return nil, err
		}
	}
	before, err = s.opt.Requests.BeginRequest(ctx, r)
	if err != nil || before == nil || before.BegunAt.After(old) {
		return before, err
	}
	if err := s.opt.Requests.EndRequest(ctx, &sluice.IdempotentRequest{Principal: r.Principal, Key: r.Key}); err != nil {
		return nil, err
	}
	return s.opt.Requests.BeginRequest(ctx, r)
}

// replay answers a request as the one before it, if it asks for the same.
func (s *Server) replay(ctx huma.Context, r, before *sluice.IdempotentRequest) {
	_, w := humago.Unwrap(ctx)
	refuse := func(message string) {
		writeProblem(w, &sluice.Error{Code: sluice.CodeConflict, Param: HeaderIdempotencyKey, Message: message})
	}
	if before.Request != r.Request {
		refuse("The idempotency key was used for another request. Use a new one for each thing that you ask for.")
		return
	}
	if before.Status == 0 {
		refuse("The request was begun before, and the server stopped before it answered. Look whether what you asked for is there; if not, ask with a new idempotency key.")
		return
	}
	answer, err := s.opt.Sealer.Open(sealedFor(r), before.Answer)
	if err != nil {
		s.opt.Log.Error("a kept answer cannot be opened", "error", err)
		refuse("The request was answered before, and its answer cannot be read any longer. Look for what you asked for.")
		return
	}
	w.Header().Set(HeaderReplayed, "true")
	if before.ContentType != "" {
		w.Header().Set("Content-Type", before.ContentType)
	}
	w.WriteHeader(before.Status)
	_, _ = io.WriteString(w, answer) // a caller who left
}

// sealedFor binds a sealed answer to its request.
func sealedFor(r *sluice.IdempotentRequest) string {
	return "answer " + r.Principal + " " + r.Key + " " + r.Request
}

// recording keeps an answer until it is noted.
type recording struct {
	humaContext
	request *bytes.Reader
	status  int
	body    bytes.Buffer
}

// BodyReader returns the request's body, which was read before.
func (r *recording) BodyReader() io.Reader { return r.request }

// SetStatus notes the status.
func (r *recording) SetStatus(code int) { r.status = code }

// Status returns it.
func (r *recording) Status() int { return r.status }

// BodyWriter returns where the answer is kept.
func (r *recording) BodyWriter() io.Writer { return &r.body }

// Unwrap returns the context below.
func (r *recording) Unwrap() huma.Context { return r.humaContext }
