package process

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"sluice"
)

// journalTimeout bounds the writing of one start.
const journalTimeout = 10 * time.Second

// journal writes starts to the store, in the background and one after the other.
// Of one start only the latest state is written: what it was meanwhile is of no use.
type journal struct {
	starts Starts
	log    *slog.Logger
	work   sync.WaitGroup

	mu      sync.Mutex
	waiting map[string]sluice.EngineStart // by id
	order   []string
	more    chan struct{}
	closed  bool
}

func newJournal(starts Starts, log *slog.Logger) *journal {
	j := &journal{starts: starts, log: log, waiting: map[string]sluice.EngineStart{}, more: make(chan struct{}, 1)}
	j.work.Go(j.run)
	return j
}

// put has a start written soon.
func (j *journal) put(s sluice.EngineStart) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return
	}
	if _, there := j.waiting[s.ID]; !there {
		j.order = append(j.order, s.ID)
	}
	j.waiting[s.ID] = s
	select {
	case j.more <- struct{}{}:
	default:
	}
}

// next takes out the start that waits longest.
func (j *journal) next() (sluice.EngineStart, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.order) == 0 {
		return sluice.EngineStart{}, false
	}
	s := j.waiting[j.order[0]]
	delete(j.waiting, s.ID)
	j.order = j.order[1:]
	return s, true
}

func (j *journal) run() {
	for range j.more {
		for s, ok := j.next(); ok; s, ok = j.next() {
			ctx, cancel := context.WithTimeout(context.Background(), journalTimeout)
			err := j.starts.PutEngineStart(ctx, &s)
			cancel()
			if err != nil && sluice.CodeOf(err) != sluice.CodeNotFound { // the engine was removed meanwhile
				j.log.Error("keeping the start of an engine", "engine", s.Engine, "error", err)
			}
		}
	}
}

// close writes what waits, and ends.
func (j *journal) close() {
	j.mu.Lock()
	if !j.closed {
		j.closed = true
		close(j.more)
	}
	j.mu.Unlock()
	j.work.Wait()
}
