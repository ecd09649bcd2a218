package statements

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"sluice"
)

// Bounds on questions, each of which reads a period as a whole.
const (
	mostRunning = 2  // at a time
	mostKept    = 16 // that are over
)

// Run is a question on its way, or answered.
type Run struct {
	ID    string `json:"id"`
	State string `json:"state" enum:"running,done,failed,cancelled"`

	// Done of Total transactions are read. Total is zero before it is known.
	Done   int64   `json:"done"`
	Total  int64   `json:"total"`
	Error  string  `json:"error,omitempty"`
	Answer *Answer `json:"answer,omitempty"`
}

// The states of runs.
const (
	Running   = "running"
	Finished  = "done"
	Failed    = "failed"
	Cancelled = "cancelled"
)

// runs are the questions of late, in memory: they are asked again after a restart.
type runs struct {
	mu     sync.Mutex
	all    []*run
	wait   sync.WaitGroup
	closed bool
}

type run struct {
	id          string
	cancel      context.CancelFunc
	done, total atomic.Int64

	mu     sync.Mutex
	state  string
	err    error
	answer *Answer
}

func (r *run) show() *Run {
	r.mu.Lock()
	defer r.mu.Unlock()
	shown := &Run{ID: r.id, State: r.state, Done: r.done.Load(), Total: r.total.Load(), Answer: r.answer}
	if r.err != nil && r.state == Failed {
		shown.Error = sluice.ErrorOf(r.err).Message
	}
	return shown
}

// tell notes how much is done. It is called by several goroutines, whose words
// may overtake each other.
func (r *run) tell(done, total int64) {
	r.total.Store(total)
	for was := r.done.Load(); done > was; was = r.done.Load() {
		if r.done.CompareAndSwap(was, done) {
			return
		}
	}
}

func (r *run) finish(ctx context.Context, a *Answer, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		r.state, r.answer = Finished, a
	case ctx.Err() != nil:
		r.state = Cancelled
	default:
		r.state, r.err = Failed, err
	}
}

// Start begins to answer a question, which goes on when the caller leaves. Errors:
// CodeConflict when as many as can be are running.
func (s *Service) Start(ctx context.Context, w *WhatIf) (*Run, error) {
	if _, err := through(w.Day, cmp.Or(w.Through, w.Day)); err != nil {
		return nil, err
	}
	s.runs.mu.Lock()
	defer s.runs.mu.Unlock()
	running := 0
	for _, r := range s.runs.all {
		if r.show().State == Running {
			running++
		}
	}
	if running >= mostRunning || s.runs.closed {
		return nil, sluice.Errorf(sluice.CodeConflict, "%d questions are being answered already: wait for one, or cancel it.", running)
	}
	within, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &run{id: sluice.NewID("whatif", s.opt.Now()), cancel: cancel, state: Running}
	s.runs.all = append(s.runs.all, r)
	if len(s.runs.all) > mostKept+mostRunning {
		i := slices.IndexFunc(s.runs.all, func(r *run) bool { return r.show().State != Running })
		s.runs.all = slices.Delete(s.runs.all, i, i+1)
	}
	s.runs.wait.Go(func() {
		defer cancel()
		a, err := s.Ask(within, w, r.tell)
		r.finish(within, a, err)
	})
	return r.show(), nil
}

// Run returns how a question stands. Errors: CodeNotFound.
func (s *Service) Run(id string) (*Run, error) {
	r, err := s.find(id)
	if err != nil {
		return nil, err
	}
	return r.show(), nil
}

// Cancel stops answering a question. One that is over stays as it is. Errors: CodeNotFound.
func (s *Service) Cancel(id string) error {
	r, err := s.find(id)
	if err != nil {
		return err
	}
	r.cancel()
	return nil
}

func (s *Service) find(id string) (*run, error) {
	s.runs.mu.Lock()
	defer s.runs.mu.Unlock()
	i := slices.IndexFunc(s.runs.all, func(r *run) bool { return r.id == id })
	if i < 0 {
		return nil, sluice.Errorf(sluice.CodeNotFound, "There is no question %q: answers are kept until the server stops, the last %d.", id, mostKept)
	}
	return s.runs.all[i], nil
}

// Close cancels what is being answered and waits for its end.
func (s *Service) Close() {
	s.runs.mu.Lock()
	s.runs.closed = true
	for _, r := range s.runs.all {
		r.cancel()
	}
	s.runs.mu.Unlock()
	s.runs.wait.Wait()
}
