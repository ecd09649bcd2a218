package fleet

import (
	"slices"
	"time"
)

// SetReady says whether an engine can be asked at all. One that is not ready
// is never routed to, and that is no failure of it: it sleeps, or it is being
// started. Calls that wait for its models go on when it is. What it has read of
// prompts ends with it. An id that is not of the set is passed over.
func (f *Fleet) SetReady(id string, ready bool) {
	if slot := f.setReady(id, ready); slot != noSlot && !ready {
		f.memory.table.Forget(slot)
	}
}

// setReady is SetReady, but for what is remembered at the slot that it returns;
// noSlot where nothing has changed.
func (f *Fleet) setReady(id string, ready bool) (slot int) {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.replica(id)
	if r == nil || r.asleep == !ready {
		return noSlot
	}
	r.asleep = !ready
	if ready {
		r.condition = condition{recoveredAt: r.condition.recoveredAt, generation: r.condition.generation + 1}
		f.regrant(r, r.grant.engine) // what failed before it slept says nothing of it now
		r.heard, r.idleSince = now, now
	}
	f.serveAll(now) // one that sleeps may leave its calls to a parked one
	return r.slot
}

// Park says whether an engine is to be spared, such as when the site may not
// draw more: it finishes its calls and gets others only while no engine of the
// model is well that is not parked. A full engine's calls do not go to a parked one:
// they wait. An id that is not of the set is passed over.
func (f *Fleet) Park(id string, parked bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.replica(id)
	if r == nil || r.parked == parked {
		return
	}
	r.parked = parked
	f.serveAll(time.Now()) // calls that were this one's may be others' now
}

// Idle reports whether nothing is in flight at an engine and no call waits for
// one of its models, and since when. Of an id that is not of the set nothing is said.
func (f *Fleet) Idle(id string) (since time.Time, idle bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.replica(id)
	if r == nil || r.inFlight > 0 {
		return time.Time{}, false
	}
	for public := range r.grant.engine.Models {
		if f.queue.Waiting(public) > 0 {
			return time.Time{}, false
		}
	}
	return r.idleSince, true
}

// replica returns the one of an id in the present set, or nil. f.mu is held.
func (f *Fleet) replica(id string) *replica {
	if i := slices.IndexFunc(f.replicas, func(r *replica) bool { return r.grant.engine.ID == id }); i >= 0 {
		return f.replicas[i]
	}
	return nil
}
