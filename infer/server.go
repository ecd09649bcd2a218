package infer

import (
	"fmt"
	"runtime/debug"
	"sync"

	"sluice/infer/kernel"
	"sluice/infer/page"
	"sluice/infer/schedule"
)

// server computes jobs, many in each step. It has one goroutine, which owns the
// forward pass, and which ends when there is nothing to do.
type server struct {
	forward *forward
	parts   []part // of the step that is computed
	spans   []span // theirs

	mu        sync.Mutex
	scheduler *schedule.Scheduler
	jobs      map[*schedule.Sequence]*job
	working   bool          // the goroutine runs
	computing bool          // it is within a step, without mu
	idle      chan struct{} // closed when it ends
	leaving   []*job        // to be removed when the step ends
	closed    bool
	generated int64 // tokens chosen
}

// part is what a step computes of one job, and whether the job ended with it.
type part struct {
	job    *job
	span   span
	finish Finish
	err    error
}

func (s *server) init(p plan, f *forward) {
	s.forward = f
	s.scheduler = schedule.New(p.limits, page.NewPool(p.pages, kernel.PageTokens))
	s.jobs = map[*schedule.Sequence]*job{}
}

// add lets a job wait for its turn, and the goroutine begin. Errors: ErrFull,
// ErrClosed.
func (s *server) add(j *job) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if s.scheduler.Add(j.sequence) != nil {
		return ErrFull
	}
	s.jobs[j.sequence] = j
	if !s.working {
		s.working, s.idle = true, make(chan struct{})
		go s.work()
	}
	return nil
}

// cancel ends a job. Its slot and pages are free when it returns: at once, or
// when the step ends that is being computed.
func (s *server) cancel(j *job) {
	s.mu.Lock()
	if !s.computing || !j.sequence.Running() {
		s.remove(j, FinishCancelled, nil)
	} else {
		s.leaving = append(s.leaving, j)
	}
	s.mu.Unlock()
	for _, ended := j.take(); !ended; _, ended = j.take() {
		<-j.news
	}
}

// remove takes a job out, if it is there, and says how it ended. mu is held,
// and no step computed that it is a part of.
func (s *server) remove(j *job, finish Finish, err error) {
	if _, there := s.jobs[j.sequence]; there {
		s.scheduler.Remove(j.sequence)
		delete(s.jobs, j.sequence)
		j.end(finish, err)
	}
}

// work computes step after step until there is nothing to do.
func (s *server) work() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		runs := s.scheduler.Next()
		if len(runs) == 0 {
			s.working = false
			close(s.idle)
			return
		}
		s.parts = s.parts[:0]
		for _, r := range runs {
			s.parts = append(s.parts, part{job: s.jobs[r.Sequence], span: span{r.Sequence.Tokens[r.Start : r.Start+r.N], r.Start, r.Sequence.Pages(), r.Last()}})
		}
		s.computing = true
		s.mu.Unlock()
		err := s.step()
		s.mu.Lock()
		s.computing = false
		s.scheduler.Done(runs)
		for _, p := range s.parts {
			if err != nil {
				p.finish, p.err = "", err
			}
			if p.finish != "" || p.err != nil {
				s.remove(p.job, p.finish, p.err)
			}
			if p.span.last {
				s.generated++
			}
		}
		for _, j := range s.leaving {
			if s.closed {
				err = ErrClosed
			}
			s.remove(j, FinishCancelled, err)
		}
		s.leaving = s.leaving[:0]
	}
}

// step computes the parts and chooses the next token of each sequence whose
// turn it is. A panic of the computation becomes an error: it must not take the
// process with it.
func (s *server) step() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("computing a step: %v\n%s", p, debug.Stack())
		}
	}()
	s.spans = s.spans[:0]
	for _, p := range s.parts {
		s.spans = append(s.spans, p.span)
	}
	logits, vocab := s.forward.run(s.spans), s.forward.vocab
	for i := range s.parts {
		if p := &s.parts[i]; p.span.last {
			p.choose(logits[:vocab])
			logits = logits[vocab:]
		}
	}
	return nil
}

// choose has the job choose its next token. A panic there is the fault of its own
// request, and no other job's end.
func (p *part) choose(logits []float32) {
	defer func() {
		if fault := recover(); fault != nil {
			p.err = fmt.Errorf("choosing a token: %v\n%s", fault, debug.Stack())
		}
	}()
	p.finish, p.err = p.job.next(logits)
}

// close ends all jobs with ErrClosed and waits for the goroutine; false when it
// was closed before.
func (s *server) close() bool {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return false
	}
	s.closed = true
	for _, j := range s.jobs {
		if s.computing && j.sequence.Running() {
			s.leaving = append(s.leaving, j)
		} else {
			s.remove(j, FinishCancelled, ErrClosed)
		}
	}
	working, idle := s.working, s.idle
	s.mu.Unlock()
	if working {
		<-idle
	}
	return true
}
