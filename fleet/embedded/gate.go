package embedded

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// errFull is returned when as many wait at a gate as may.
var errFull = errors.New("the engine's queue is full")

// gate lets one through at a time, in the order of arrival, and lets a bounded
// number wait.
type gate struct {
	room int // how many may wait

	mu      sync.Mutex
	taken   bool
	waiting []chan struct{} // each is closed when its turn comes
}

// enter waits for the caller's turn, which leave ends. It returns errFull when
// too many wait already, and the context's error when that ends first.
func (g *gate) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	g.mu.Lock()
	if !g.taken {
		g.taken = true
		g.mu.Unlock()
		return nil
	}
	if len(g.waiting) >= g.room {
		g.mu.Unlock()
		return errFull
	}
	turn := make(chan struct{})
	g.waiting = append(g.waiting, turn)
	g.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	i := slices.Index(g.waiting, turn)
	if i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
	}
	g.mu.Unlock()
	if i < 0 { // the turn came at the same moment: pass it on
		g.leave()
	}
	return ctx.Err()
}

// leave lets the next one through.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.taken = false
		return
	}
	close(g.waiting[0])
	g.waiting = slices.Delete(g.waiting, 0, 1)
}

// load returns how many are through and how many wait.
func (g *gate) load() (running, waiting int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.taken {
		running = 1
	}
	return running, len(g.waiting)
}
