package batch

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// recheck is how often those who wait at the gate look again: clients come and go
// without a word.
const recheck = 2 * time.Second

// gate lets lines begin as the policy allows. Among those that wait, the
// organisation with the fewest lines under way is next, so that a large batch
// does not shut out a small one of somebody else's.
type gate struct {
	policy Policy
	calls  func() int64 // under way in all
	defers func() int64 // percent of the places that stay empty; nil: none
	now    func() time.Time

	asking atomic.Int64 // lines among the calls

	mu      sync.Mutex
	lines   int64
	orgs    map[string]int64 // lines under way
	waiting []*turn          // in the order in which they came
}

// turn is one that waits.
type turn struct {
	org  string
	open chan struct{} // closed when it may begin
}

// enter waits until a line of the organisation may begin; leave follows. An error
// is the context's.
func (g *gate) enter(ctx context.Context, org string) error {
	t := &turn{org, make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, t)
	g.mu.Unlock()
	for {
		g.admit()
		timer := time.NewTimer(recheck)
		select {
		case <-t.open:
			timer.Stop()
			return nil
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			g.giveUp(t)
			return ctx.Err()
		}
	}
}

// giveUp takes back a turn, or the place that it got meanwhile.
func (g *gate) giveUp(t *turn) {
	g.mu.Lock()
	for i, w := range g.waiting {
		if w == t {
			g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
			g.mu.Unlock()
			return
		}
	}
	g.mu.Unlock()
	g.leave(t.org)
}

// leave gives a place back.
func (g *gate) leave(org string) {
	g.mu.Lock()
	g.lines--
	if g.orgs[org]--; g.orgs[org] == 0 {
		delete(g.orgs, org)
	}
	g.mu.Unlock()
	g.admit()
}

// admit gives the places that there are to those who wait.
func (g *gate) admit() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		return
	}
	load := Load{At: g.now(), Interactive: g.calls() - g.asking.Load(), Lines: g.lines}
	if g.defers != nil {
		load.Deferred = g.defers()
	}
	for room := g.policy.Room(load); room > 0 && len(g.waiting) > 0; room-- {
		next := 0
		for i, t := range g.waiting {
			if g.orgs[t.org] < g.orgs[g.waiting[next].org] {
				next = i
			}
		}
		t := g.waiting[next]
		g.waiting = append(g.waiting[:next], g.waiting[next+1:]...)
		g.lines++
		g.orgs[t.org]++
		close(t.open)
	}
}
