package schedule

import (
	"errors"
	"slices"

	"sluice/infer/page"
)

// ErrFull is returned when as many sequences wait as may.
var ErrFull = errors.New("the engine's queue is full")

// Limits bound what runs and what waits. All are at least 1.
type Limits struct {
	// Slots is how many sequences run at once.
	Slots int
	// Step is how many tokens of prompts a step computes while nobody waits for
	// the next token of an answer.
	Step int
	// Beside is how many it computes beside answers, each of which waits for
	// the step's end.
	Beside int
	// Queue is how many sequences may wait besides those that are let in at once.
	Queue int
}

// Scheduler holds the sequences that run and those that wait. It is used by one
// goroutine at a time.
type Scheduler struct {
	limits  Limits
	pool    *page.Pool
	queue   queue
	running []*Sequence // in the order in which they were let in
	counted Counters
}

// Counters are what a Scheduler counted since it was made.
type Counters struct {
	// Computed are tokens that were computed; Repeated are those of them that
	// had been computed before, and were given up for lack of memory.
	Computed, Repeated int64
	// Queried are the prompts' tokens that were looked for in the cache, Found
	// those that were there.
	Queried, Found int64
	// Preempted is how often a sequence gave way for lack of memory.
	Preempted int64
}

// New returns a scheduler over the pages of pool.
func New(limits Limits, pool *page.Pool) *Scheduler {
	return &Scheduler{limits: limits, pool: pool, queue: queue{tenants: map[string]*tenant{}}}
}

// Room is the most tokens that a sequence can have: all pages.
func (s *Scheduler) Room() int { return s.pool.Pages() * s.pool.Size() }

// Load is how many sequences run and how many wait.
func (s *Scheduler) Load() (running, waiting int) { return len(s.running), s.queue.n }

// Used is the share of pages that running sequences use, 0 to 1.
func (s *Scheduler) Used() float64 {
	return 1 - float64(s.pool.Free())/float64(s.pool.Pages())
}

// Counters are what was counted so far.
func (s *Scheduler) Counters() Counters { return s.counted }

// Add lets a sequence wait. Its prompt must be shorter than Room. Error:
// ErrFull.
func (s *Scheduler) Add(q *Sequence) error {
	if len(s.running)+s.queue.n >= s.limits.Slots+s.limits.Queue {
		return ErrFull
	}
	s.queue.arrive(q)
	return nil
}

// Remove takes a sequence out, wherever it stands; its pages are free at once.
func (s *Scheduler) Remove(q *Sequence) {
	if s.queue.remove(q) {
		return
	}
	if i := slices.Index(s.running, q); i >= 0 {
		s.running = slices.Delete(s.running, i, i+1)
		q.table.Close()
		q.table = nil
		s.queue.leave(q)
	}
}

// Next plans a step. It returns nothing when there is nothing to do. The
// sequences' pages have room for what is to be computed.
func (s *Scheduler) Next() []Run {
	s.admit()
	var runs []Run
	for i := 0; i < len(s.running); i++ { // preemption cuts the slice behind i, or at i
		if q := s.running[i]; q.decodes() && s.makeRoom(q, len(q.Tokens)) {
			runs = append(runs, Run{q, q.computed, 1})
		}
	}
	budget := s.limits.Step
	if len(runs) > 0 {
		budget = s.limits.Beside
	}
	return s.prefill(runs, budget)
}

// makeRoom gets pages for n tokens of a running sequence. While there are none,
// the sequence that was let in last gives way; false when that is q itself.
func (s *Scheduler) makeRoom(q *Sequence, n int) bool {
	for !q.table.Grow(n) {
		last := s.running[len(s.running)-1]
		s.preempt(last)
		if last == q {
			return false
		}
	}
	return true
}

// preempt gives up what was computed of a running sequence and lets it wait in
// front of its tenant's others. Its full pages stay known as long as they can.
func (s *Scheduler) preempt(q *Sequence) {
	s.running = s.running[:len(s.running)-1]
	q.table.Close()
	q.table = nil
	s.counted.Preempted++
	q.lost, q.computed = q.computed, 0
	s.queue.giveBack(q)
}

// prefill adds the prompts' parts to a step. Each tenant has an equal share of
// the budget, what it leaves goes to the others; within a tenant, who came
// first is first.
func (s *Scheduler) prefill(runs []Run, budget int) []Run {
	byTenant := map[string][]*Sequence{}
	var salts []string
	for _, q := range s.running {
		if q.pending() > 1 {
			if byTenant[q.Salt] == nil {
				salts = append(salts, q.Salt)
			}
			byTenant[q.Salt] = append(byTenant[q.Salt], q)
		}
	}
	give := make(map[*Sequence]int, len(s.running))
	for len(salts) > 0 && budget > 0 {
		share := max(1, budget/len(salts))
		for i := 0; i < len(salts) && budget > 0; {
			left := min(share, budget)
			budget -= left
			mine := byTenant[salts[i]]
			for len(mine) > 0 && left > 0 {
				n := min(left, mine[0].pending()-give[mine[0]])
				give[mine[0]] += n
				left -= n
				if give[mine[0]] == mine[0].pending() {
					mine = mine[1:]
				}
			}
			budget += left
			if byTenant[salts[i]] = mine; len(mine) == 0 {
				salts = slices.Delete(salts, i, i+1)
				continue
			}
			i++
		}
	}
	for i := 0; i < len(s.running); i++ {
		q := s.running[i]
		if n := give[q]; n > 0 && s.makeRoom(q, q.computed+n) {
			runs = append(runs, Run{q, q.computed, n})
		}
	}
	return s.withoutPreempted(runs)
}

// withoutPreempted leaves out runs of sequences that gave way to later ones of
// the step.
func (s *Scheduler) withoutPreempted(runs []Run) []Run {
	return slices.DeleteFunc(runs, func(r Run) bool { return r.Sequence.table == nil })
}

// admit lets waiting sequences in while there are slots, and pages for all that
// is known of them. Nobody is let in past the one whose turn it is: it would
// never come.
func (s *Scheduler) admit() {
	for len(s.running) < s.limits.Slots {
		q := s.queue.next()
		if q == nil {
			return
		}
		most := len(q.Tokens) - 1 // the last one's logits are needed
		found, idle := s.pool.Match(q.Salt, q.Tokens, most)
		size := s.pool.Size()
		need := (len(q.Tokens)+size)/size - found/size // one token more, to begin with
		if len(s.running) > 0 && need > s.pool.Free()-idle {
			return
		}
		s.queue.admit(q)
		q.table = s.pool.Open(q.Salt, q.Tokens, most)
		q.computed = q.table.Computed()
		if !q.begun {
			q.begun, q.cached = true, q.computed
			s.counted.Queried += int64(q.prompt)
			s.counted.Found += int64(q.cached)
		}
		s.counted.Repeated += int64(max(0, q.lost-q.computed))
		q.lost = 0
		s.running = append(s.running, q)
	}
}

// Done says that a step was computed. Afterwards, the caller appends a token to
// each sequence whose run was its last, or removes it.
func (s *Scheduler) Done(runs []Run) {
	for _, r := range runs {
		q := r.Sequence
		s.queue.serve(q, r.N)
		q.computed += r.N
		q.table.Fill(q.Tokens[:q.computed])
		s.counted.Computed += int64(r.N)
	}
}
