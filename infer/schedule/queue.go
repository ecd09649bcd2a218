package schedule

import "slices"

// answerWeight is what a token of an answer counts beside one of a prompt. It
// is measured for a model of 0.6 billion parameters on two cores: 176 tokens a
// second in prompts, 110 in eight answers at once, 34 in a single one.
const answerWeight = 2

// tenant is what waits of one salt, and how much it was served.
type tenant struct {
	waiting []*Sequence
	running int
	served  float64
}

// queue holds the sequences that wait, by salt. Who was served least is next:
// the virtual token counter of "Fairness in Serving Large Language Models"
// (Sheng et al., OSDI 2024).
type queue struct {
	tenants map[string]*tenant
	n       int // sequences that wait
}

// least is how much the tenant was served that was served least of those with
// something to do; 0 without any.
func (q *queue) least() float64 {
	least, any := 0.0, false
	for _, t := range q.tenants {
		if len(t.waiting)+t.running > 0 && (!any || t.served < least) {
			least, any = t.served, true
		}
	}
	return least
}

// arrive adds a sequence at the end of its tenant's. A tenant that had nothing
// to do is served like the one that was served least: idling earns nothing.
func (q *queue) arrive(s *Sequence) {
	t := q.tenants[s.Salt]
	if t == nil {
		t = &tenant{}
		q.tenants[s.Salt] = t
	}
	if len(t.waiting)+t.running == 0 {
		t.served = max(t.served, q.least())
	}
	t.waiting = append(t.waiting, s)
	q.n++
}

// giveBack puts a sequence that was running in front of its tenant's.
func (q *queue) giveBack(s *Sequence) {
	t := q.tenants[s.Salt]
	t.running--
	t.waiting = slices.Insert(t.waiting, 0, s)
	q.n++
}

// next returns the first sequence of the tenant that was served least, nil
// without any. Between tenants that were served alike the salt decides.
func (q *queue) next() *Sequence {
	var best *tenant
	bestSalt := ""
	for salt, t := range q.tenants {
		if len(t.waiting) == 0 {
			continue
		}
		if best == nil || t.served < best.served || t.served == best.served && salt < bestSalt {
			best, bestSalt = t, salt
		}
	}
	if best == nil {
		return nil
	}
	return best.waiting[0]
}

// admit takes the sequence that next returned out of the queue.
func (q *queue) admit(s *Sequence) {
	t := q.tenants[s.Salt]
	t.waiting[0] = nil
	t.waiting = t.waiting[1:]
	t.running++
	q.n--
}

// remove takes a sequence out that waits; false when it does not.
func (q *queue) remove(s *Sequence) bool {
	t := q.tenants[s.Salt]
	if t == nil {
		return false
	}
	i := slices.Index(t.waiting, s)
	if i < 0 {
		return false
	}
	t.waiting = slices.Delete(t.waiting, i, i+1)
	q.n--
	q.forget(s.Salt)
	return true
}

// leave says that a running sequence ended.
func (q *queue) leave(s *Sequence) {
	q.tenants[s.Salt].running--
	q.forget(s.Salt)
}

// serve counts tokens that were computed for a tenant.
func (q *queue) serve(s *Sequence, n int) {
	weight := 1.0
	if s.computed >= s.prompt {
		weight = answerWeight
	}
	q.tenants[s.Salt].served += weight * float64(n)
}

// forget drops a tenant without anything to do, when it was served no more
// than others that have: coming back it would get their count anyway. When
// nobody has anything to do, all start anew.
func (q *queue) forget(salt string) {
	t := q.tenants[salt]
	if len(t.waiting)+t.running > 0 {
		return
	}
	busy := false
	for _, other := range q.tenants {
		busy = busy || len(other.waiting)+other.running > 0
	}
	if !busy {
		clear(q.tenants)
		return
	}
	if least := q.least(); t.served <= least {
		delete(q.tenants, salt)
	}
}
