package fleet

import (
	"slices"
	"sync"
	"time"
)

// pool keeps the idle connections to one engine. The last one given back is
// the first one taken, so that after a burst the others grow old and are closed.
type pool struct {
	most int           // connections kept
	ttl  time.Duration // how long

	mu     sync.Mutex
	idle   []*conn // oldest first
	closed bool
}

// get returns a live idle connection, or nil.
func (p *pool) get(now time.Time) *conn {
	for {
		c := p.pop(now)
		if c == nil || c.alive() {
			return c
		}
		c.net.Close()
	}
}

func (p *pool) pop(now time.Time) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.idle) - 1
	if last < 0 || now.Sub(p.idle[last].since) >= p.ttl {
		return nil
	}
	c := p.idle[last]
	p.idle[last] = nil
	p.idle = p.idle[:last]
	return c
}

// put keeps the connection, or closes it when there are enough.
func (p *pool) put(c *conn, now time.Time) {
	c.since = now
	p.mu.Lock()
	keep := !p.closed && len(p.idle) < p.most
	if keep {
		p.idle = append(p.idle, c)
	}
	p.mu.Unlock()
	if !keep {
		c.net.Close()
	}
}

// expire closes the connections that were idle for too long.
func (p *pool) expire(now time.Time) {
	p.mu.Lock()
	n := 0
	for n < len(p.idle) && now.Sub(p.idle[n].since) >= p.ttl {
		n++
	}
	old := slices.Clone(p.idle[:n])
	p.idle = slices.Delete(p.idle, 0, n)
	p.mu.Unlock()
	for _, c := range old {
		c.net.Close()
	}
}

// close closes the idle connections and keeps none from now on.
func (p *pool) close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	for _, c := range idle {
		c.net.Close()
	}
}
