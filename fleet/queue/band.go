package queue

import (
	"container/heap"
	"time"
)

// band is the calls of one rank that wait for one model.
type band struct {
	clock   float64 // virtual time: the start of what was last taken
	flows   map[string]*flow
	next    byStart // the flows in which calls wait, the earliest start first
	most    byCount // the same, the most waiting tokens first
	calls   int
	tokens  int64
	weights int64 // of the flows in which calls wait
	meter   meter
	turn    uint64 // when a call was last taken from it, in the order of all lanes
}

// flow is the calls of one tenant in a band, in the order in which they came.
type flow struct {
	tenant      string
	weight      int64
	start       float64 // virtual time at which its first call starts
	finish      float64 // virtual time at which its last call that was taken is over
	first, last *Item
	tokens      int64 // that wait
	nth         [2]int
}

// waiting is how much waits in the flow, in relation to its weight.
func (f *flow) waiting() float64 { return float64(f.tokens) / float64(f.weight) }

// push puts a call behind its tenant's others.
func (b *band) push(it *Item, now time.Duration) {
	f := b.flows[it.Tenant]
	if f == nil {
		f = &flow{tenant: it.Tenant}
		if b.flows == nil {
			b.flows = make(map[string]*flow)
		}
		b.flows[it.Tenant] = f
	}
	if b.calls == 0 {
		b.meter.begin(now)
	}
	b.calls++
	b.tokens += it.Tokens
	f.tokens += it.Tokens
	it.flow, it.prev = f, f.last
	if f.last != nil {
		f.last.next = it
		f.last = it
		heap.Fix(&b.most, f.nth[1])
		return
	}
	f.first, f.last = it, it
	f.weight = max(it.Weight, 1)
	f.start = max(b.clock, f.finish)
	b.weights += f.weight
	heap.Push(&b.next, f)
	heap.Push(&b.most, f)
}

// take removes and returns the call that is next; there is one.
func (b *band) take(now time.Duration) *Item {
	f := b.next[0]
	it := f.first
	b.clock = max(b.clock, f.start)
	f.finish = f.start + float64(it.Tokens)/float64(f.weight)
	b.meter.served(it.Tokens, now)
	b.remove(it)
	return it
}

// remove takes a call out from anywhere.
func (b *band) remove(it *Item) {
	f := it.flow
	first := f.first == it
	if it.prev != nil {
		it.prev.next = it.next
	} else {
		f.first = it.next
	}
	if it.next != nil {
		it.next.prev = it.prev
	} else {
		f.last = it.prev
	}
	it.prev, it.next = nil, nil
	b.calls--
	b.tokens -= it.Tokens
	f.tokens -= it.Tokens
	switch {
	case f.first == nil:
		heap.Remove(&b.next, f.nth[0])
		heap.Remove(&b.most, f.nth[1])
		b.weights -= f.weight
		if b.calls == 0 {
			clear(b.flows) // nobody competes any more: what was used is forgiven
		}
	case first:
		f.start = max(f.start, f.finish)
		heap.Fix(&b.next, f.nth[0])
		heap.Fix(&b.most, f.nth[1])
	default:
		heap.Fix(&b.most, f.nth[1])
	}
}

// correct charges a tenant what a call used beyond what was expected.
func (b *band) correct(tenant string, more int64) {
	f := b.flows[tenant]
	if f == nil {
		return
	}
	d := float64(more) / float64(max(f.weight, 1))
	f.finish += d
	if f.first != nil {
		f.start += d
		heap.Fix(&b.next, f.nth[0])
	}
}

// ahead is how many tokens are taken before a call that came now: its tenant's
// own, and of each other tenant's as many in relation to the weights.
func (b *band) ahead(it *Item) float64 {
	own, weight := 0.0, float64(max(it.Weight, 1))
	others := float64(b.weights)
	if f := b.flows[it.Tenant]; f != nil {
		own = float64(f.tokens)
		if f.first != nil {
			others -= float64(f.weight)
		}
	}
	fair := (own + float64(it.Tokens)) / weight * others
	return own + min(float64(b.tokens)-own, fair)
}

// byStart and byCount are the two orders of a band's flows.
type (
	byStart []*flow
	byCount []*flow
)

func (h byStart) Len() int           { return len(h) }
func (h byStart) Less(i, j int) bool { return h[i].start < h[j].start }
func (h byStart) Swap(i, j int)      { swap(h, i, j, 0) }
func (h *byStart) Push(x any)        { *h = append(*h, placed(x, len(*h), 0)) }
func (h *byStart) Pop() any          { return popLast((*[]*flow)(h)) }

func (h byCount) Len() int           { return len(h) }
func (h byCount) Less(i, j int) bool { return h[i].waiting() > h[j].waiting() }
func (h byCount) Swap(i, j int)      { swap(h, i, j, 1) }
func (h *byCount) Push(x any)        { *h = append(*h, placed(x, len(*h), 1)) }
func (h *byCount) Pop() any          { return popLast((*[]*flow)(h)) }

func swap(flows []*flow, i, j, order int) {
	flows[i], flows[j] = flows[j], flows[i]
	flows[i].nth[order], flows[j].nth[order] = i, j
}

func placed(x any, i, order int) *flow {
	f := x.(*flow)
	f.nth[order] = i
	return f
}

func popLast(flows *[]*flow) any {
	last := len(*flows) - 1
	f := (*flows)[last]
	(*flows)[last] = nil
	*flows = (*flows)[:last]
	return f
}
