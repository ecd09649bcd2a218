package queue

import (
	"math"
	"time"
)

// meter measures how fast a band is served while calls wait in it, in tokens a
// second. Older seconds count less and less.
type meter struct {
	tokens, seconds float64
	at              time.Duration
}

const (
	meterHalf  = 10 * time.Second // what was so long ago counts half
	meterKnows = 1.0              // seconds that must have been seen before anything is said
)

// begin starts the clock again: calls begin to wait.
func (m *meter) begin(now time.Duration) { m.at = now }

// served notes that a call was taken.
func (m *meter) served(tokens int64, now time.Duration) {
	*m = m.until(now)
	m.tokens += float64(tokens)
}

// until is the meter as it stands at an instant.
func (m meter) until(now time.Duration) meter {
	d := max(now-m.at, 0)
	fade := math.Exp2(-float64(d) / float64(meterHalf))
	return meter{m.tokens * fade, m.seconds*fade + d.Seconds(), now}
}

// takes estimates how long so many tokens take. ok: enough was seen to say.
func (m meter) takes(tokens float64, now time.Duration) (d time.Duration, ok bool) {
	m = m.until(now)
	if m.seconds < meterKnows || m.tokens <= 0 {
		return 0, false
	}
	return time.Duration(math.Min(tokens*m.seconds/m.tokens, 1e6) * float64(time.Second)), true
}
