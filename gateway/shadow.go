package gateway

import (
	"bytes"
	"context"
	"hash/maphash"
	"net/http"
	"sync/atomic"
	"time"

	"sluice"
)

// Bounds of shadow calls: they must not cost those that are sold anything but
// the engines' idle time.
const (
	shadowsAtOnce = 16
	shadowLongest = 10 * time.Minute
)

// shadows are the calls that are asked of another model as well.
type shadows struct {
	seed    maphash.Seed
	running atomic.Int64
}

// takeShadow keeps the request for the call's shadow model, if there is one and it
// is this call's turn: once the stream runs, the request is given back.
func (c *call) takeShadow() {
	if c.model.Shadow == nil || c.errand != (Errand{}) || c.media != nil {
		return
	}
	s := c.model.Shadow
	if maphash.String(c.g.shadows.seed, c.id)%1000 < uint64(s.Part) && c.directory.models[s.Model] != nil {
		c.shadowed = bytes.Clone(c.body) // in the engines' dialect, with files in it
	}
}

// askShadow asks the call's shadow model the same. Whoever called has been
// answered, and does not wait.
func (c *call) askShadow() {
	if c.shadowed == nil || c.failed != nil || c.left {
		return
	}
	g, s, id, endpoint, body := c.g, c.model.Shadow, c.id, c.endpoint, c.shadowed
	if g.shadows.running.Add(1) > shadowsAtOnce {
		g.shadows.running.Add(-1)
		return // they are a sample
	}
	ctx := WithErrand(context.WithoutCancel(c.r.Context()), Errand{Key: s.Key, Model: s.Model})
	go func() {
		defer g.shadows.running.Add(-1)
		ctx, cancel := context.WithTimeout(ctx, shadowLongest)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint.Path, bytes.NewReader(body)) //nolint:gosec // it is served here and sent nowhere
		if err != nil {
			g.Log.Error("making a shadow call", "call", id, "error", err)
			return
		}
		req.Header = http.Header{"Content-Type": {"application/json"}, headerClass: {sluice.QueueBatch.String()}, headerMaxWait: {"0"}}
		w := &nowhere{header: http.Header{}, status: http.StatusOK}
		g.serve(w, req, endpoint)
		if w.status != http.StatusOK {
			g.Log.Warn("a shadow call was not answered", "call", id, "model", s.Model, "status", w.status)
		}
	}()
}

// nowhere is a client that forgets what it is sent.
type nowhere struct {
	header http.Header
	status int
}

func (n *nowhere) Header() http.Header             { return n.header }
func (n *nowhere) WriteHeader(status int)          { n.status = status }
func (n *nowhere) Write(p []byte) (int, error)     { return len(p), nil }
func (n *nowhere) Flush()                          {}
func (n *nowhere) SetReadDeadline(time.Time) error { return nil }
