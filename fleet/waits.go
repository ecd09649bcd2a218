package fleet

import (
	"cmp"
	"slices"
	"time"

	"sluice/fleet/queue"
)

// shedding is why a call did not wait to its turn.
type shedding uint8

const (
	shedFull      shedding = iota // the queue was full
	shedTenant                    // its tenant's part of it was
	shedLate                      // it would have waited for longer than it may
	shedDisplaced                 // a call that goes first took its place
	shedExpired                   // it waited for as long as it may
	shedLeft                      // its client left: nobody turned it away
	sheddings
)

// waits is what became of one model's calls that could not go at once.
type waits struct{ ranks [queue.Ranks]tally }

// tally is the part of a rank.
type tally struct {
	served  int64
	seconds float64 // that the served ones waited
	shed    [sheddings]int64
}

// tallyOf returns where a call is counted. f.mu is held.
func (f *Fleet) tallyOf(it *queue.Item) *tally {
	w := f.waits[it.Model]
	if w == nil {
		w = &waits{}
		f.waits[it.Model] = w
	}
	return &w.ranks[it.Rank]
}

func (f *Fleet) noteShed(it *queue.Item, why shedding) { f.tallyOf(it).shed[why]++ }

func (f *Fleet) noteServed(it *queue.Item, now time.Time) {
	t := f.tallyOf(it)
	t.served++
	t.seconds += (f.since(now) - it.Since()).Seconds()
}

// QueueStatus is what waits for a model in one class, and what became of those
// that did, since the server began.
type QueueStatus struct {
	Model string `json:"model"`
	Class string `json:"class"`
	Free  bool   `json:"free"` // of calls that bring nothing in

	Waiting int64   `json:"waiting"`
	Tokens  int64   `json:"tokens"`         // that they are expected to use
	Oldest  float64 `json:"oldest_seconds"` // how long the one that is next has waited
	Served  int64   `json:"served"`         // after waiting
	Waited  float64 `json:"waited_seconds"` // all of those together
	Left    int64   `json:"left"`           // their clients did
	Shed    Shed    `json:"shed"`           // those that were turned away
}

// Shed counts calls that were turned away, by why.
type Shed struct {
	Full      int64 `json:"full"`      // the queue was full
	Tenant    int64 `json:"tenant"`    // the organisation's part of it was
	Late      int64 `json:"late"`      // told at once that they would wait longer than they may
	Displaced int64 `json:"displaced"` // calls that go first took their places
	Expired   int64 `json:"expired"`   // waited for as long as they may
}

// Total is all of them.
func (s Shed) Total() int64 { return s.Full + s.Tenant + s.Late + s.Displaced + s.Expired }

// Queues returns what waits and what became of calls that did, by model and
// in the order in which they are served; where there was never anything, nothing.
func (f *Fleet) Queues() []QueueStatus {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	depths := map[string]*[queue.Ranks]queue.Depth{}
	for _, d := range f.queue.Depths() {
		if depths[d.Model] == nil {
			depths[d.Model] = &[queue.Ranks]queue.Depth{}
		}
		depths[d.Model][d.Rank] = d
		if f.waits[d.Model] == nil {
			f.waits[d.Model] = &waits{}
		}
	}
	all := []QueueStatus{}
	for model, w := range f.waits {
		for r := range queue.Rank(queue.Ranks) {
			t, d := &w.ranks[r], queue.Depth{}
			if depths[model] != nil {
				d = depths[model][r]
			}
			if *t == (tally{}) && d.Calls == 0 {
				continue
			}
			s := QueueStatus{
				Model: model, Class: r.Class().String(), Free: r.Free(),
				Waiting: d.Calls, Tokens: d.Tokens, Served: t.served, Waited: t.seconds, Left: t.shed[shedLeft],
				Shed: Shed{t.shed[shedFull], t.shed[shedTenant], t.shed[shedLate], t.shed[shedDisplaced], t.shed[shedExpired]},
			}
			if d.Calls > 0 {
				s.Oldest = (f.since(now) - d.Oldest).Seconds()
			}
			all = append(all, s)
		}
	}
	slices.SortStableFunc(all, func(a, b QueueStatus) int { return cmp.Compare(a.Model, b.Model) })
	return all
}
