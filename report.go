package sluice

import "time"

// Report is what became of one call, for metrics, traces and logs.
type Report struct {
	CallID      string
	Endpoint    string
	Model       string // empty when the request was not understood
	Engine      string // empty when no engine was asked
	Org         string // empty when nobody was identified, like the three below
	Project     string
	Key         string
	Currency    Currency
	Stream      bool
	TraceParent string // W3C trace context, as the client sent it

	StartedAt time.Time
	FirstAt   time.Time // zero when nothing was delivered
	EndedAt   time.Time

	Event  Event  // zero when nothing was billed
	Failed *Error // nil when the call was answered
	Left   bool   // the client left before the end
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

// How calls end that end in no error.
const (
	ResultOK   = "ok"   // answered
	ResultLeft = "left" // the client left before the end
)

// Result names the call's end: ResultOK, ResultLeft, or the error's code.
func (r *Report) Result() string {
	switch {
	case r.Failed != nil:
		return string(r.Failed.Code)
	case r.Left:
		return ResultLeft
	}
	return ResultOK
}
