package gateway

import (
	"time"

	"sluice"
)

// Report is what became of one call, for metrics, traces and logs.
type Report struct {
	CallID      string
	Endpoint    string
	Model       string // empty when the request was not understood
	Engine      string // empty when no engine was asked
	Stream      bool
	TraceParent string // W3C trace context, as the client sent it

	StartedAt time.Time
	FirstAt   time.Time // zero when nothing was delivered
	EndedAt   time.Time

	Event  sluice.Event  // zero when nothing was billed
	Failed *sluice.Error // nil when the call was answered
	Left   bool          // the client left before the end
}

// InterTokenLatency is the mean time between two tokens of a stream; ok is
// false for calls with fewer than two.
func (r *Report) InterTokenLatency() (d time.Duration, ok bool) {
	tokens := r.Event.Usage.Completion()
	if !r.Stream || r.FirstAt.IsZero() || tokens < 2 {
		return 0, false
	}
	return r.EndedAt.Sub(r.FirstAt) / time.Duration(tokens-1), true
}

// observe tells the observer how the call went.
func (c *call) observe() {
	if c.g.Observer == nil {
		return
	}
	r := Report{
		CallID: c.id, Endpoint: c.endpoint.Path, TraceParent: c.r.Header.Get("Traceparent"),
		StartedAt: c.admitted, FirstAt: c.firstAt, EndedAt: c.g.Now(),
		Event: c.event, Failed: c.failed, Left: c.left,
	}
	if c.model != nil {
		r.Model, r.Stream = c.model.Name, c.request.Stream
	}
	r.Engine = c.event.Engine
	c.g.Observer.CallEnded(r)
}
