package fleet

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"sluice"
	"sluice/fleet/driver"
)

// Ask sends a request of Sluice's own to the engine of that id, past the
// routing: to find out about it. It counts neither as a call of the engine's nor for its
// health, and nothing of it is billed. The path is one that a tenant's request may
// reach, that the engine counts tokens at, or that is read of engines of its kind:
// the latter of any kind while it is not known which it is. The body must be closed.
//
// Errors: CodeNotFound for an engine that is not there; CodeInternal for another
// path; those of Send.
func (f *Fleet) Ask(ctx context.Context, id string, req *sluice.EngineRequest) (*sluice.EngineReply, error) {
	f.mu.Lock()
	r := f.replica(id)
	if r == nil {
		f.mu.Unlock()
		return nil, sluice.Errorf(sluice.CodeNotFound, "There is no engine with the id %q.", id)
	}
	d := r.grant.driver
	r.asked++
	f.mu.Unlock()
	if _, known := method(req.Path); !known || !asks(d, req.Path) {
		f.answered(r)
		return nil, sluice.Errorf(sluice.CodeInternal, "path %q is not asked of %s", req.Path, d.Title)
	}
	reply, err := r.transport.send(ctx, req)
	if err != nil {
		f.answered(r)
		return nil, err
	}
	reply.Body = &asked{ReadCloser: reply.Body, done: sync.OnceFunc(func() { f.answered(r) })}
	return reply, nil
}

// Has reports whether the engine of that id was taken up and can be asked.
func (f *Fleet) Has(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.replica(id) != nil
}

// asks reports whether Sluice asks engines of the kind for the path. What is not
// known, or was another engine before, may turn out to be any.
func asks(d *driver.Driver, path string) bool {
	if d.Allows(path) || d.Asks(path) || path == d.Tokenize.Path {
		return true
	}
	return slices.ContainsFunc(driver.All(), func(other *driver.Driver) bool {
		return other.Asks(path) || d.Name == driver.GenericName && path == other.Tokenize.Path
	})
}

// answered books the end of a request of our own.
func (f *Fleet) answered(r *replica) {
	f.mu.Lock()
	r.asked--
	gone := f.drained(r)
	f.mu.Unlock()
	if gone != nil {
		f.retire(gone)
	}
}

// asked is the body of an answer to Ask.
type asked struct {
	io.ReadCloser
	done func()
}

// Close ends the request.
func (a *asked) Close() error {
	defer a.done()
	return a.ReadCloser.Close()
}

// notServed is what a tenant's request gets that the engine is not asked for: of
// the paths of the dialect an answer such as an engine without it would give,
// which does not count against its health. Errors: CodeInternal for any other path.
func notServed(d *driver.Driver, path string) (*sluice.EngineReply, error) {
	if !driver.Find(driver.GenericName).Allows(path) {
		return nil, sluice.Errorf(sluice.CodeInternal, "path %q is not asked of engines for a tenant", path)
	}
	status := http.StatusNotFound // another engine may have it
	switch path {
	case "/v1/chat/completions", "/v1/completions", "/v1/embeddings":
		status = http.StatusBadRequest // it is the request for this model that is wrong
	}
	body := fmt.Sprintf(`{"error":{"message":"The engine (%s) does not serve %s.","type":"invalid_request_error"}}`, d.Title, path)
	return &sluice.EngineReply{
		Status: status, ContentType: "application/json", Body: io.NopCloser(strings.NewReader(body)), PromptTokens: -1, CachedTokens: -1,
	}, nil
}
