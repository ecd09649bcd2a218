package fleet

import (
	"math/rand/v2"
	"time"

	"sluice"
	"sluice/fleet/router"
)

// tableBlocks is how many blocks of prompts are remembered: 134 million tokens'
// worth, in 21 MB once they are all in use.
const tableBlocks = 1 << 20

// blockTokens is about how many tokens one of the router's blocks has.
const blockTokens = 128

// noSlot is the place of an engine that the table cannot tell apart: one beyond
// the first router.MaxEngines. It is routed to like one that holds nothing.
const noSlot = -1

// memory is what the fleet remembers of the prompts that it gave to engines.
type memory struct {
	hasher *router.Hasher
	table  *router.Table
	began  time.Time // from here on instants are counted
	slots  uint64    // that are taken
}

// pace is what is known of how an engine reads prompts for one model.
type pace struct {
	speed   router.Speed
	promise router.Promise
}

// trip is what the fleet notes of a call whose prompt it knows, from the
// choice of an engine to the call's end.
type trip struct {
	blocks  []uint64
	session []uint64 // the session as a block of its own; empty without one
	held    [router.MaxEngines]int32
	homes   [router.MaxEngines]int32
	prompt  int64 // tokens, as the caller estimates

	at       time.Time
	replica  *replica
	pace     *pace
	promised int64 // tokens that the engine should hold
	unread   int64 // tokens that it reads for this call
	reading  int64 // tokens that it reads until this call's first token
	begun    bool  // the first token came

	waited *waiter // of a call that waited; nil of one that went at once
}

// reads reports whether the prompt is known, so that engines can be told apart by it.
func (t *trip) reads() bool { return t != nil && t.prompt > 0 }

// read looks a prompt up. nil: there is nothing to choose by.
func (f *Fleet) read(targets []target, req *sluice.RouteRequest) *trip {
	if len(targets) < 2 || req.Tokens <= 0 {
		return nil
	}
	t := &trip{prompt: req.Tokens}
	m := &f.memory
	var engines uint64
	for _, target := range targets {
		if target.replica.slot != noSlot {
			engines |= 1 << target.replica.slot
		}
	}
	scope := req.Model + "\x00" + req.Scope
	t.blocks = m.hasher.Blocks(make([]uint64, 0, (len(req.Prompt[0])+len(req.Prompt[1]))/router.BlockBytes), scope, req.Prompt[0], req.Prompt[1])
	t.held = m.table.Match(t.blocks, engines)
	if req.Session != "" {
		t.session = []uint64{m.hasher.Name(scope, req.Session)}
		t.homes = m.table.Match(t.session, engines)
	}
	return t
}

// soonest returns the index of the engine that the router chooses, or -1 when
// none can be asked. f.mu is held.
func (f *Fleet) soonest(now time.Time, targets []target, candidates []candidate, t *trip) int {
	var room [16]router.Load
	loads, home := room[:0], -1
	like := fastest(targets)
	for i, c := range candidates {
		r := targets[i].replica
		speed := r.pace(targets[i].name).speed
		if !speed.Known() {
			speed = like
		}
		base, each := speed.Line()
		_, verdict := f.policy.cost(now, c)
		tokens, room := r.load.cache(now, r.fill.At(now.Sub(f.memory.began)))
		l := router.Load{
			Closed: verdict != picked || now.Before(c.condition.fullUntil),
			Base:   base, Each: each, Share: f.policy.share(now, c.condition),
			Backlog: r.backlog, Running: r.inFlight, Tokens: tokens, Room: room,
			Known: r.promised(t, targets[i].name),
		}
		if r.slot != noSlot && t.homes[r.slot] > 0 {
			home = i
		}
		loads = append(loads, l)
	}
	return router.Choose(t.prompt, loads, home, rand.Uint32())
}

// fastest is the speed of the fastest engine that is known. One that is not is
// taken to be as fast, so that it is asked and becomes known.
func fastest(targets []target) (best router.Speed) {
	for _, t := range targets {
		speed := t.replica.pace(t.name).speed
		_, each := speed.Line()
		if _, least := best.Line(); speed.Known() && (!best.Known() || each < least) {
			best = speed
		}
	}
	return best
}

// promised is how many tokens of a prompt the engine should hold.
func (r *replica) promised(t *trip, model string) int64 {
	if r.slot == noSlot {
		return 0
	}
	return r.pace(model).promise.Trust(min(int64(t.held[r.slot])*blockTokens, t.prompt))
}

// pace returns what is known of the engine for its own name of a model.
func (r *replica) pace(model string) *pace {
	p := r.paces[model]
	if p == nil {
		p = &pace{}
		if r.paces == nil {
			r.paces = map[string]*pace{}
		}
		r.paces[model] = p
	}
	return p
}

// begin notes which engine a trip goes to. f.mu is held.
func (f *Fleet) begin(t *trip, to target, now time.Time) {
	r := to.replica
	t.replica, t.pace, t.at = r, r.pace(to.name), now
	t.promised = r.promised(t, to.name)
	t.unread = t.prompt - t.promised
	r.backlog += t.unread
	r.reading++
	t.reading = r.backlog
	r.fill = r.fill.Add(t.unread, now.Sub(f.memory.began))
}

// remember notes what the engine will hold once it has read the prompt.
func (m *memory) remember(t *trip) {
	if t.replica == nil {
		return
	}
	if slot := t.replica.slot; slot != noSlot {
		now := uint32(t.at.Sub(m.began).Seconds())
		m.table.Add(t.blocks, slot, now)
		m.table.Add(t.session, slot, now)
	}
}

// Began tells that a call's first token came.
func (f *Fleet) Began(route sluice.Route) {
	t, ok := route.Trip.(*trip)
	if !ok {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if t.begun || t.replica == nil {
		return
	}
	now := time.Now()
	t.read()
	t.pace.speed = t.pace.speed.FirstToken(t.reading, now.Sub(t.at))
	f.serve(t.replica, now) // it may have been closed for what it had to read
}

// read notes that the engine has read the prompt.
func (t *trip) read() {
	t.begun = true
	t.replica.backlog -= t.unread
	t.replica.reading--
}

// arrive notes a trip's end and what the engine says that the call used, zero
// when it does not say: of the prompt, what it held. f.mu is held.
func (f *Fleet) arrive(t *trip, usage *sluice.Usage) {
	if w := t.waited; w != nil {
		t.waited = nil
		if used := usage.Total(); used > 0 {
			f.queue.Used(&w.item, used)
		}
	}
	if t.replica == nil {
		return
	}
	if !t.begun {
		t.read()
	}
	if usage.Prompt() > 0 {
		t.pace.promise = t.pace.promise.Kept(t.promised, usage[sluice.ClassCached])
	}
}

// takeSlots gives engines their places in the table. f.mu is held.
func (m *memory) takeSlots(next []*replica) {
	for _, r := range next {
		if r.slot != noSlot || r.placed {
			continue
		}
		r.placed = true
		for slot := range router.MaxEngines {
			if m.slots>>slot&1 == 0 {
				m.slots |= 1 << slot
				r.slot = slot
				break
			}
		}
	}
}

// leaveSlot empties the place of an engine that is gone, and then gives it free.
func (f *Fleet) leaveSlot(r *replica) {
	if r.slot == noSlot {
		return
	}
	f.memory.table.Forget(r.slot)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.memory.slots &^= 1 << r.slot
}
