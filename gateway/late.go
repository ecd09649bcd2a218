package gateway

import (
	"context"
	"errors"
	"time"
)

// errLate says that a stream's first bytes did not come within the time that the
// engine's operator gives it.
var errLate = errors.New("the first bytes of the stream did not come in time")

// boundFirstBytes bounds the attempt at a stream until inTime is asked. An answer in
// one piece has no such bound: its first bytes come with its last.
func (c *call) boundFirstBytes() {
	c.late = nil
	limit := c.taken.Engine.FirstByteTimeout
	if limit == 0 || !c.request.Stream || c.media != nil {
		return
	}
	ctx, cancel := context.WithCancelCause(c.engineCtx)
	late, release := time.AfterFunc(limit, func() { cancel(errLate) }), c.cancel
	c.engineCtx, c.late = ctx, late
	c.cancel = func() { late.Stop(); cancel(nil); release() }
}

// inTime lifts the bound, and reports whether it was kept.
func (c *call) inTime() bool { return c.late == nil || c.late.Stop() }
