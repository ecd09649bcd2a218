package gateway

import (
	"math"
	"sync"
	"time"

	"sluice"
)

// limiter keeps requests, tokens and calls at once within the limits of keys
// and projects, in memory. One decision is atomic over all of them: either
// every limit has room and all are taken, or none is.
type limiter struct {
	mu     sync.Mutex
	gauges map[string]*gauge // by key or project id
}

// gauge is the use that one key or project makes of its limits.
type gauge struct {
	limits   sluice.Limits
	requests bucket
	tokens   bucket
	running  int64
}

// bucket holds what is left of a limit per minute. It refills evenly, so that
// the limit holds over any minute to within one burst.
type bucket struct {
	level float64
	at    time.Time
}

// refill brings the bucket up to the instant. Without a limit it begins anew
// with the next one.
func (b *bucket) refill(limit int64, now time.Time) {
	if limit == 0 {
		*b = bucket{}
		return
	}
	full := float64(limit)
	if b.at.IsZero() {
		b.level = full
	} else if d := now.Sub(b.at); d > 0 {
		b.level = math.Min(full, b.level+full*d.Seconds()/60)
	}
	b.at = now
}

// until is how long the bucket needs to hold n.
func (b *bucket) until(n float64, limit int64) time.Duration {
	if b.level >= n {
		return 0
	}
	return time.Duration((n - b.level) / float64(limit) * float64(time.Minute))
}

// pass is the right of one call to run. It must be given back once.
type pass struct {
	limiter *limiter
	gauges  [2]*gauge
	n       int
	tokens  int64     // reserved of the tokens per minute
	state   rateState // for the x-ratelimit-* headers
}

// rateState is what a client is told of the tighter of its limits.
type rateState struct {
	requestsLimit, requestsLeft int64
	tokensLimit, tokensLeft     int64
	requestsReset, tokensReset  time.Duration // until the bucket is full again
}

// enter takes a call's place under the limits of its key and project. The pass
// tells their state, also that of a call which is refused. Errors:
// CodeRateLimited with the time until there is room, CodeConcurrency.
func (l *limiter) enter(p *sluice.Principal, tokens int64, now time.Time) (pass, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ps := pass{limiter: l, tokens: tokens}
	ps.add(l.gauge(p.Key.ID, p.Key.Limits))
	if p.Project != nil {
		ps.add(l.gauge(p.Project.ID, p.Project.Limits))
	}
	for _, m := range ps.gauges[:ps.n] {
		m.refill(now)
		if err := m.room(tokens); err != nil {
			return ps.refused(now), err
		}
	}
	for _, m := range ps.gauges[:ps.n] {
		m.requests.level--
		m.tokens.level -= float64(tokens)
		m.running++
		ps.state.tighten(m)
	}
	return ps, nil
}

// refused is the pass of a call that may not run: it has nothing to give back.
func (ps *pass) refused(now time.Time) pass {
	var none pass
	for _, m := range ps.gauges[:ps.n] {
		m.refill(now)
		none.state.tighten(m)
	}
	return none
}

// forget drops the gauges of keys and projects that are no more, unless a call
// still runs under them.
func (l *limiter) forget(known map[string]bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, m := range l.gauges {
		if !known[id] && m.running == 0 {
			delete(l.gauges, id)
		}
	}
}

func (ps *pass) add(m *gauge) {
	if m != nil {
		ps.gauges[ps.n] = m
		ps.n++
	}
}

// gauge returns the gauge of an id, or nil when nothing is limited.
func (l *limiter) gauge(id string, limits sluice.Limits) *gauge {
	m := l.gauges[id]
	if m == nil {
		if limits == (sluice.Limits{}) {
			return nil
		}
		m = &gauge{}
		l.gauges[id] = m
	}
	m.limits = limits // as they are now: an operator may have changed them
	return m
}

// refill brings the gauge up to the instant.
func (m *gauge) refill(now time.Time) {
	m.requests.refill(m.limits.RequestsPerMinute, now)
	m.tokens.refill(m.limits.TokensPerMinute, now)
}

// room reports whether the gauge has room for a call, or when it will.
func (m *gauge) room(tokens int64) error {
	if limit := m.limits.Concurrent; limit > 0 && m.running >= limit {
		return &sluice.Error{
			Code: sluice.CodeConcurrency, RetryAfter: time.Second,
			Message: "Too many requests at once: the limit is " + itoa(limit) + ".",
		}
	}
	if limit := m.limits.RequestsPerMinute; limit > 0 {
		if wait := m.requests.until(1, limit); wait > 0 {
			return &sluice.Error{
				Code: sluice.CodeRateLimited, RetryAfter: wait,
				Message: "Rate limit reached: " + itoa(limit) + " requests per minute.",
			}
		}
	}
	if limit := m.limits.TokensPerMinute; limit > 0 {
		need := math.Min(float64(tokens), float64(limit)) // a call over the whole limit runs on a full bucket
		if wait := m.tokens.until(need, limit); wait > 0 {
			return &sluice.Error{
				Code: sluice.CodeRateLimited, RetryAfter: wait,
				Message: "Rate limit reached: " + itoa(limit) + " tokens per minute.",
			}
		}
	}
	return nil
}

// LimitUse returns what use is made of the limits of a key or a project now.
func (g *Gateway) LimitUse(id string, limits sluice.Limits) sluice.LimitUse {
	l := &g.limits
	l.mu.Lock()
	defer l.mu.Unlock()
	u := sluice.LimitUse{RequestsLeft: limits.RequestsPerMinute, TokensLeft: limits.TokensPerMinute}
	m := l.gauges[id]
	if m == nil { // nobody called lately
		return u
	}
	now := *m // a reader changes nothing
	now.limits = limits
	now.refill(g.Now())
	var s rateState
	s.tighten(&now)
	return sluice.LimitUse{
		RequestsLeft: s.requestsLeft, TokensLeft: s.tokensLeft, RequestsReset: s.requestsReset, TokensReset: s.tokensReset, Running: now.running,
	}
}

// leave ends the call's place and corrects the reserved tokens to those used.
func (ps *pass) leave(used int64) {
	if ps.n == 0 {
		return
	}
	ps.limiter.mu.Lock()
	defer ps.limiter.mu.Unlock()
	for _, m := range ps.gauges[:ps.n] {
		m.running--
		m.tokens.level += float64(ps.tokens - used)
	}
}

// tighten notes a gauge's state where it is tighter than what was noted before.
func (s *rateState) tighten(m *gauge) {
	if limit := m.limits.RequestsPerMinute; limit > 0 {
		left := max(0, int64(m.requests.level))
		if s.requestsLimit == 0 || left < s.requestsLeft {
			s.requestsLimit, s.requestsLeft = limit, left
			s.requestsReset = m.requests.until(float64(limit), limit)
		}
	}
	if limit := m.limits.TokensPerMinute; limit > 0 {
		left := max(0, int64(m.tokens.level))
		if s.tokensLimit == 0 || left < s.tokensLeft {
			s.tokensLimit, s.tokensLeft = limit, left
			s.tokensReset = m.tokens.until(float64(limit), limit)
		}
	}
}
