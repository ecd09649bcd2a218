package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"sluice"
)

// maxHeader bounds a request's header fields, in bytes.
const maxHeader = 64 << 10

// understand reads the request and finds the model that it asks for. Errors:
// CodeInvalid, CodeTooLarge, CodeRequestTimeout, CodeModelNotFound, CodeForbidden.
func (c *call) understand() error {
	if err := checkHeader(c.r.Header); err != nil {
		return err
	}
	if err := c.readBody(); err != nil {
		return err
	}
	c.contentType = c.r.Header.Get("Content-Type")
	if c.commission != nil {
		if err := c.readOrder(); err != nil {
			return err
		}
	}
	if c.dialect != nil {
		if err := c.translate(); err != nil {
			return err
		}
	}
	request, err := c.parse()
	if err != nil {
		return err
	}
	c.request = request
	if err := c.resolveFiles(); err != nil {
		return err
	}
	if err := c.findAttachments(); err != nil {
		return err
	}
	m, err := c.allowed(cmp.Or(c.errand.Model, c.request.Model))
	if err != nil {
		return err
	}
	c.model = c.version(m)
	c.request.Model = c.model.Name // an alias or a version
	return nil
}

// allowed returns the model of that name or alias, which the key may use. Errors:
// CodeModelNotFound, CodeForbidden.
func (c *call) allowed(name string) (*model, error) {
	m := c.directory.models[name]
	if m == nil {
		return nil, &sluice.Error{
			Code: sluice.CodeModelNotFound, Param: "model",
			Message: fmt.Sprintf("The model %.128q does not exist. GET /v1/models lists those that do.", name),
		}
	}
	if !c.principal.Key.Allows(m.Name) {
		return nil, &sluice.Error{
			Code: sluice.CodeForbidden, Param: "model",
			Message: fmt.Sprintf("This API key may not use the model %q.", name),
		}
	}
	return m, nil
}

// checkHeader refuses a flood of header fields.
func checkHeader(h http.Header) error {
	size := 0
	for name, values := range h {
		for _, v := range values {
			size += len(name) + len(v) + len(": \r\n")
		}
	}
	if size > maxHeader {
		return sluice.Errorf(sluice.CodeTooLarge, "The request's header has more than %d KiB.", maxHeader>>10)
	}
	return nil
}

// readBody reads the whole body, within size and time.
func (c *call) readBody() error {
	if c.r.ContentLength > c.g.MaxBody {
		return c.bodyTooLarge()
	}
	c.body = c.g.bodies.get(int(min(max(c.r.ContentLength, 0)+1, maxKept))) // what is announced need not come
	for {
		if len(c.body) == cap(c.body) {
			if err := c.roomForBody(); err != nil {
				return err
			}
			c.body = append(c.body, 0)[:len(c.body)]
		}
		n, err := c.r.Body.Read(c.body[len(c.body):cap(c.body)])
		c.body = c.body[:len(c.body)+n]
		switch {
		case int64(len(c.body)) > c.g.MaxBody:
			return c.bodyTooLarge()
		case errors.Is(err, io.EOF):
			// The server goes on reading to see whether the client leaves.
			_ = c.out.conn.SetReadDeadline(time.Time{})
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			c.w.Header().Set("Connection", "close")
			return sluice.Errorf(sluice.CodeRequestTimeout, "The request's body did not arrive within %s.", c.g.BodyTimeout)
		case err != nil && c.r.Context().Err() != nil:
			c.left = true
			return errLeft
		case err != nil:
			return &sluice.Error{Code: sluice.CodeInvalid, Message: "The request's body could not be read.", Err: err}
		}
	}
}

// bodyTooLarge refuses the request and the rest of its body.
func (c *call) bodyTooLarge() error {
	c.w.Header().Set("Connection", "close")
	return sluice.Errorf(sluice.CodeTooLarge, "The request's body has more than %d bytes.", c.g.MaxBody)
}

// smallBody is what every call may have of memory for its body, in bytes,
// however many there are.
const smallBody = 1 << 20

// roomForBody takes what the body, about to grow, will have of the memory that
// large bodies share. Without it whoever has a key could fill the memory with
// bodies that never end. Errors: CodeOverloaded.
func (c *call) roomForBody() error {
	most := 2 * int64(len(c.body)) // append at most doubles
	if most <= smallBody {
		return nil
	}
	more := most - c.large
	c.large = most
	if c.g.large.Add(more) > c.g.BodyMemory {
		c.w.Header().Set("Connection", "close")
		return &sluice.Error{
			Code: sluice.CodeOverloaded, RetryAfter: time.Second,
			Message: "Too many large requests are under way. Try again in a moment.",
		}
	}
	return nil
}
