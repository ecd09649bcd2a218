package gateway

import (
	"net/http"
	"time"
)

// writeTo sets the x-ratelimit-* headers as OpenAI's clients read them. Only
// limits that exist are told.
func (s *rateState) writeTo(h http.Header) {
	if s.requestsLimit > 0 {
		set(h, "X-Ratelimit-Limit-Requests", itoa(s.requestsLimit))
		set(h, "X-Ratelimit-Remaining-Requests", itoa(s.requestsLeft))
		set(h, "X-Ratelimit-Reset-Requests", reset(s.requestsReset))
	}
	if s.tokensLimit > 0 {
		set(h, "X-Ratelimit-Limit-Tokens", itoa(s.tokensLimit))
		set(h, "X-Ratelimit-Remaining-Tokens", itoa(s.tokensLeft))
		set(h, "X-Ratelimit-Reset-Tokens", reset(s.tokensReset))
	}
}

func set(h http.Header, name, value string) { h[name] = []string{value} }

// reset writes a duration in OpenAI's form, such as "1s" or "6m0s".
func reset(d time.Duration) string { return d.Round(time.Millisecond).String() }
