package queue

import "time"

// Item is a call that waits. Who queues it fills in the exported fields and
// leaves them alone until it is out.
type Item struct {
	Model  string
	Tenant string // among whom the engines are shared: the organisation
	Weight int64  // the tenant's; below 1 is 1
	Rank   Rank
	Tokens int64         // that it is expected to use, prompt and output; below 1 is 1
	Until  time.Duration // the instant by which it must have begun
	Again  bool          // it had its turn and failed: it goes before the others

	Call any // whatever it belongs to

	since      time.Duration
	waits      bool
	flow       *flow // nil among those that go again
	prev, next *Item
}

// Since is the instant at which it began to wait.
func (it *Item) Since() time.Duration { return it.since }

// Limits bound what waits. Zero is no limit.
type Limits struct {
	Calls, Tokens             int64 // in all
	TenantCalls, TenantTokens int64 // of one tenant
}

// Verdict is what becomes of a call that is to wait.
type Verdict uint8

// The verdicts.
const (
	Waits      Verdict = iota
	Full               // too many wait, none of whom goes behind it
	TenantFull         // too many of its tenant's wait
	TooLate            // it would not begin in time, as calls are taken at present
)

// Queue is the calls that wait.
type Queue struct {
	// Held reports whether calls of a rank stay in the queue for now, but for those
	// that were taken before. nil: none do.
	Held func(Rank) bool

	limits  Limits
	lanes   map[string]*lane
	tenants map[string]*count
	total   count
	ranks   [Ranks]count
	turns   uint64
}

// count is how much waits.
type count struct{ calls, tokens int64 }

func (c *count) add(it *Item, sign int64) {
	c.calls += sign
	c.tokens += sign * it.Tokens
}

// lane is the calls that wait for one model.
type lane struct {
	bands [Ranks]band
	again []*Item // those that failed once, in the order in which they came
}

// New returns an empty queue.
func New(limits Limits) *Queue {
	return &Queue{limits: limits, lanes: make(map[string]*lane), tenants: make(map[string]*count)}
}

// Len is how many calls wait.
func (q *Queue) Len() int64 { return q.total.calls }

// Waiting is how many calls wait for a model.
func (q *Queue) Waiting(model string) int64 {
	l := q.lanes[model]
	if l == nil {
		return 0
	}
	n := int64(len(l.again))
	for r := range l.bands {
		n += int64(l.bands[r].calls)
	}
	return n
}

// Push queues a call, if it may wait. shed are calls that go in its place: they
// are out of the queue.
func (q *Queue) Push(it *Item, now time.Duration) (v Verdict, shed []*Item) {
	it.Tokens, it.Weight, it.since = max(it.Tokens, 1), max(it.Weight, 1), now
	if it.Again {
		q.lane(it.Model).again = append(q.lane(it.Model).again, it)
		q.count(it, 1)
		return Waits, nil
	}
	if t := q.tenants[it.Tenant]; t != nil && (over(t.calls, q.limits.TenantCalls) || over(t.tokens, q.limits.TenantTokens)) {
		return TenantFull, nil
	}
	if d, ok := q.Estimate(it, now); ok && now+d > it.Until {
		return TooLate, nil
	}
	for over(q.total.calls, q.limits.Calls) || over(q.total.tokens, q.limits.Tokens) {
		victim := q.victim(it)
		if victim == nil {
			return Full, shed
		}
		q.Remove(victim)
		shed = append(shed, victim)
	}
	q.lane(it.Model).bands[it.Rank].push(it, now)
	q.count(it, 1)
	return Waits, shed
}

func over(n, limit int64) bool { return limit > 0 && n >= limit }

// victim returns the call that is turned away so that another one can wait: of
// the lowest rank that waits, of the tenant with the most waiting tokens, the
// newest. nil: none goes behind that one.
func (q *Queue) victim(it *Item) *Item {
	for r := Ranks - 1; r >= int(it.Rank); r-- {
		var most *flow
		for _, l := range q.lanes {
			if b := &l.bands[r]; b.calls > 0 && (most == nil || b.most[0].waiting() > most.waiting()) {
				most = b.most[0]
			}
		}
		if most != nil && (r > int(it.Rank) || most.waiting() > q.with(it)) {
			return most.last
		}
	}
	return nil
}

// with is how much would wait in a call's flow with it.
func (q *Queue) with(it *Item) float64 {
	n := float64(it.Tokens)
	if f := q.lane(it.Model).bands[it.Rank].flows[it.Tenant]; f != nil {
		n += float64(f.tokens)
	}
	return n / float64(it.Weight)
}

// Estimate is how long a call that came now would wait, as calls of its rank
// were taken lately. ok: enough was seen to say.
func (q *Queue) Estimate(it *Item, now time.Duration) (d time.Duration, ok bool) {
	l := q.lanes[it.Model]
	if l == nil {
		return 0, false
	}
	b := &l.bands[it.Rank]
	if b.calls == 0 {
		return 0, false
	}
	return b.meter.takes(b.ahead(it), now)
}

// Next removes and returns the call that an engine takes next, nil if none:
// turn is the engine's, models those that it serves, and can whether it can
// take a call that failed elsewhere. The order is: those, by rank, by model in
// turn, by tenant, by age.
func (q *Queue) Next(models []string, turn *Turn, can func(*Item) bool, now time.Duration) *Item {
	if q.total.calls == 0 {
		return nil
	}
	var waits [Ranks]bool
	any := false
	for _, m := range models {
		l := q.lanes[m]
		if l == nil {
			continue
		}
		for _, it := range l.again {
			if can(it) {
				q.Remove(it)
				return it
			}
		}
		for r := range l.bands {
			if l.bands[r].calls > 0 && (q.Held == nil || !q.Held(Rank(r))) {
				waits[r], any = true, true
			}
		}
	}
	if !any {
		return nil
	}
	rank := turn.choose(&waits)
	b := q.longest(models, rank)
	it := b.take(now)
	q.turns++
	b.turn = q.turns
	q.count(it, -1)
	turn.took(rank, float64(it.Tokens), &waits)
	return it
}

// longest is the band of the rank, in which calls wait, that had its turn the longest ago.
func (q *Queue) longest(models []string, rank Rank) (longest *band) {
	for _, m := range models {
		if l := q.lanes[m]; l != nil && l.bands[rank].calls > 0 && (longest == nil || l.bands[rank].turn < longest.turn) {
			longest = &l.bands[rank]
		}
	}
	return longest
}

// Remove takes a call out whose client left or whose time is up. It reports
// whether the call waited; one that did not is left alone.
func (q *Queue) Remove(it *Item) bool {
	if !it.waits {
		return false
	}
	l := q.lanes[it.Model]
	if it.flow != nil {
		l.bands[it.Rank].remove(it)
	} else {
		for i, other := range l.again {
			if other == it {
				l.again = append(l.again[:i], l.again[i+1:]...)
				break
			}
		}
	}
	q.count(it, -1)
	return true
}

// Used corrects what a tenant is charged for a call that waited: what it was
// expected to use was Tokens, what it did use is used.
func (q *Queue) Used(it *Item, used int64) {
	if l := q.lanes[it.Model]; l != nil && it.flow != nil {
		l.bands[it.Rank].correct(it.Tenant, used-it.Tokens)
	}
}

// Forget drops what is kept for models that are no more and that nobody waits for.
func (q *Queue) Forget(known func(model string) bool) {
	for m := range q.lanes {
		if !known(m) && q.Waiting(m) == 0 {
			delete(q.lanes, m)
		}
	}
}

// lane returns a model's.
func (q *Queue) lane(model string) *lane {
	l := q.lanes[model]
	if l == nil {
		l = &lane{}
		q.lanes[model] = l
	}
	return l
}

// count books a call that comes or goes.
func (q *Queue) count(it *Item, sign int64) {
	q.total.add(it, sign)
	q.ranks[it.Rank].add(it, sign)
	t := q.tenants[it.Tenant]
	if t == nil {
		t = &count{}
		q.tenants[it.Tenant] = t
	}
	t.add(it, sign)
	if t.calls == 0 {
		delete(q.tenants, it.Tenant)
	}
	it.waits = sign > 0
}

// Depth is how much waits for a model in a rank.
type Depth struct {
	Model  string
	Rank   Rank
	Calls  int64
	Tokens int64
	Oldest time.Duration // the instant at which the longest waiting call of the tenant that is next came
}

// Depths returns how much waits, where anything does, in no order.
func (q *Queue) Depths() (all []Depth) {
	for m, l := range q.lanes {
		for r := range l.bands {
			if b := &l.bands[r]; b.calls > 0 {
				all = append(all, Depth{m, Rank(r), int64(b.calls), b.tokens, b.next[0].first.since})
			}
		}
	}
	return all
}
