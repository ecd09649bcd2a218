package account

import (
	"net/netip"
	"sync"
	"time"

	"sluice"
)

// pace is how often something may be tried: so many at once, and one more in
// each refill.
type pace struct {
	burst  int
	refill time.Duration
}

// full is how long a used-up pace takes to be whole again.
func (p pace) full() time.Duration { return time.Duration(p.burst) * p.refill }

// throttle counts tries by name, in memory. A restart forgets them.
type throttle struct {
	pace pace
	most int // names that are kept; what comes beyond shares one count

	mu    sync.Mutex
	whole map[string]time.Time // when a name has all of its tries again
}

func newThrottle(p pace, most int) *throttle {
	return &throttle{pace: p, most: most, whole: map[string]time.Time{}}
}

// overflow is the name that all share for whom there is no place.
const overflow = "\x00"

// take counts a try. When there is none left it returns how long to wait.
func (t *throttle) take(name string, now time.Time) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.whole[name]; !known && len(t.whole) >= t.most {
		t.forget(now)
		if len(t.whole) >= t.most {
			name = overflow
		}
	}
	whole := t.whole[name]
	if whole.Before(now) {
		whole = now
	}
	next := whole.Add(t.pace.refill)
	if wait := next.Sub(now) - t.pace.full(); wait > 0 {
		return wait
	}
	t.whole[name] = next
	return 0
}

// giveBack takes a try back that turned out to be right.
func (t *throttle) giveBack(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if whole, ok := t.whole[name]; ok {
		t.whole[name] = whole.Add(-t.pace.refill)
	}
}

// forget drops the names that have all of their tries.
func (t *throttle) forget(now time.Time) {
	for name, whole := range t.whole {
		if !whole.After(now) {
			delete(t.whole, name)
		}
	}
}

// waitError is the error for who has to wait.
func waitError(wait time.Duration) error {
	return &sluice.Error{Code: sluice.CodeRateLimited, RetryAfter: wait, Message: "There were too many attempts. Wait a little and try again."}
}

// addressGroup is what limits count an address by: an IPv4 address, or the /64
// of an IPv6 address, which one machine has as a whole.
func addressGroup(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a.String()
	}
	return p.String()
}
