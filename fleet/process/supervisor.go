package process

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"sluice"
	"sluice/fleet/chip"
)

// Fleet is what a supervisor tells of its engines, and asks about them.
type Fleet interface {
	// SetReady says whether an engine takes calls.
	SetReady(id string, ready bool)

	// Idle reports whether nothing is in flight and no call waits, and since when.
	Idle(id string) (since time.Time, idle bool)

	// InFlight is how many calls an engine answers now.
	InFlight(id string) int64
}

// Starts keeps the starts of engines.
type Starts interface {
	PutEngineStart(ctx context.Context, s *sluice.EngineStart) error

	// OpenEngineStarts returns those that have not ended.
	OpenEngineStarts(ctx context.Context) ([]*sluice.EngineStart, error)
}

// Options are what a Supervisor works with. Zero fields from Drain on take their default.
type Options struct {
	Folder string // of this server alone, in which it notes what runs
	Fleet  Fleet
	Starts Starts
	Log    *slog.Logger

	// Moved is called when an engine listens on another port than Place said,
	// since that was taken meanwhile. It must not block.
	Moved func()

	Drain    time.Duration // the longest that calls of an engine that is to end are waited for; default 10 minutes
	Hung     time.Duration // without an answer about its health until an engine is killed; default 30 s
	Healthy  time.Duration // of being ready, after which earlier failures are forgotten; default 2 minutes
	Backoff  time.Duration // after the first failure, doubled with each in a row; default 1 s
	Longest  time.Duration // pause; default 5 minutes
	Tick     time.Duration // between two looks; default 500 ms
	Interval time.Duration // between two questions about a ready engine's health; default 5 s
	Timeout  time.Duration // of one; default 10 s

	machine machine // default: this one
}

// Supervisor runs engines as processes. Its methods are safe for concurrent use.
type Supervisor struct {
	o       Options
	machine machine
	jobs    *journal
	env     []string

	mu      sync.Mutex
	keepers map[string]*keeper             // by engine's id
	resumed map[string]*sluice.EngineStart // by engine's id: starts of before, until they are taken up
	promise map[string]int64               // main memory that engines which start will take, by id
}

// Open ends what an earlier server of the folder may have left, and returns a
// Supervisor without engines. Its starts are taken up by Apply.
func Open(ctx context.Context, o Options) (*Supervisor, error) {
	o.Drain = cmp.Or(o.Drain, 10*time.Minute)
	o.Hung = cmp.Or(o.Hung, 30*time.Second)
	o.Healthy = cmp.Or(o.Healthy, 2*time.Minute)
	o.Backoff = cmp.Or(o.Backoff, time.Second)
	o.Longest = cmp.Or(o.Longest, 5*time.Minute)
	o.Tick = cmp.Or(o.Tick, 500*time.Millisecond)
	o.Interval = cmp.Or(o.Interval, 5*time.Second)
	o.Timeout = cmp.Or(o.Timeout, 10*time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Moved == nil {
		o.Moved = func() {}
	}
	s := &Supervisor{
		o: o, machine: o.machine, jobs: newJournal(o.Starts, o.Log), env: os.Environ(),
		keepers: map[string]*keeper{}, resumed: map[string]*sluice.EngineStart{}, promise: map[string]int64{},
	}
	if s.machine == nil {
		c := newComputer(o.Folder)
		if err := c.endLeftovers(o.Log); err != nil {
			return nil, err
		}
		s.machine = c
	}
	open, err := o.Starts.OpenEngineStarts(ctx)
	if err != nil {
		return nil, err
	}
	for _, job := range open {
		s.resumed[job.Engine] = job
	}
	return s, nil
}

// Place returns an engine with the URL at which it is to be asked. One that is
// no process is returned as it is. Errors: CodeInvalid for one that cannot be started.
func (s *Supervisor) Place(e sluice.Engine) (sluice.Engine, error) {
	if e.Kind != sluice.EngineProcess {
		return e, nil
	}
	if err := Check(&e); err != nil {
		return e, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.keepers[e.ID]
	if k == nil {
		k = newKeeper(s, e.ID)
		s.keepers[e.ID] = k
	}
	port := e.Process.Port
	if port == 0 {
		port = int(k.port.Load())
	}
	if port == 0 || s.taken(k)[port] && e.Process.Port == 0 {
		var err error
		if port, err = freePort(s.taken(k)); err != nil {
			return e, err
		}
	}
	if before := k.port.Swap(int64(port)); before != int64(port) {
		k.open.Store(false) // what runs is not at this URL
	}
	e.URL = fmt.Sprintf("http://127.0.0.1:%d", port)
	return e, nil
}

// taken are the ports of the other engines. s.mu is held.
func (s *Supervisor) taken(of *keeper) map[int]bool {
	ports := map[int]bool{}
	for _, k := range s.keepers {
		if k != of {
			ports[int(k.port.Load())] = true
		}
	}
	return ports
}

// Asleep reports whether an engine that joins the fleet takes no calls yet.
func (s *Supervisor) Asleep(e sluice.Engine) bool {
	if e.Kind != sluice.EngineProcess {
		return false
	}
	k := s.keeper(e.ID)
	return k == nil || !k.open.Load()
}

// Apply takes up the engines as they are defined now: new ones are started,
// those that are gone end once their calls have, and those that are to be started
// otherwise are started again.
func (s *Supervisor) Apply(engines []sluice.Engine) {
	present := map[string]bool{}
	for i := range engines {
		if e := &engines[i]; e.Kind == sluice.EngineProcess {
			present[e.ID] = true
			if k := s.keeper(e.ID); k != nil {
				k.define(e, s.resume(e.ID))
			}
		}
	}
	for id, k := range s.all() {
		if !present[id] {
			k.remove()
		}
	}
}

// resume hands out the start of an engine that an earlier server did not finish.
func (s *Supervisor) resume(id string) *sluice.EngineStart {
	s.mu.Lock()
	defer s.mu.Unlock()
	job := s.resumed[id]
	delete(s.resumed, id)
	return job
}

func (s *Supervisor) keeper(id string) *keeper {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keepers[id]
}

func (s *Supervisor) all() map[string]*keeper {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.keepers)
}

// Run looks after the engines until ctx ends. They go on until Close.
func (s *Supervisor) Run(ctx context.Context) {
	ticker := time.NewTicker(s.o.Tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			for id, k := range s.all() {
				if k.tick() {
					s.forget(id, k)
				}
			}
		}
	}
}

// forget drops an engine that was removed and has ended.
func (s *Supervisor) forget(id string, k *keeper) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keepers[id] == k {
		delete(s.keepers, id)
	}
}

// Wanted says that a call waits for an engine, of which none of its model's is
// ready. It starts one that is idle: that one or, where it is stopped or has failed,
// another with a model of the same name. It changes nothing else.
func (s *Supervisor) Wanted(id string) {
	k := s.keeper(id)
	if k == nil {
		return
	}
	if k.want() {
		return
	}
	models := k.models()
	others := s.all()
	for _, other := range slices.Sorted(maps.Keys(others)) {
		if o := others[other]; o != k && shares(models, o.models()) && o.want() {
			return
		}
	}
}

// shares reports whether two engines serve a model of the same name.
func shares(a, b map[string]string) bool {
	for name := range a {
		if _, ok := b[name]; ok {
			return true
		}
	}
	return false
}

// StartLimit is how long a call may wait for an engine that is not ready: as
// long as a start may take, and not at all for one that its operator has stopped
// or that has failed more than once in a row.
func (s *Supervisor) StartLimit(e sluice.Engine) time.Duration {
	k := s.keeper(e.ID)
	if k == nil {
		return 0
	}
	return k.limit()
}

// Start starts an engine at its operator's request: at once, also where it is
// only started by calls or waits after a failure. Errors: CodeNotFound;
// CodeConflict for one that its operator has stopped.
func (s *Supervisor) Start(id string) error {
	return s.with(id, func(k *keeper) error { return k.begin("its operator started it") })
}

// Restart ends an engine once its calls have ended, or with now at once, and
// starts it again. Errors as of Start.
func (s *Supervisor) Restart(id string, now bool) error {
	return s.with(id, func(k *keeper) error { return k.restart(now) })
}

// Hurry ends an engine that is about to end without waiting for its calls.
// Errors: CodeNotFound.
func (s *Supervisor) Hurry(id string) error {
	return s.with(id, func(k *keeper) error { k.hurry(); return nil })
}

func (s *Supervisor) with(id string, do func(*keeper) error) error {
	k := s.keeper(id)
	if k == nil {
		return sluice.Errorf(sluice.CodeNotFound, "No process is kept for the engine %q.", id)
	}
	return do(k)
}

// Log returns the lines of an engine's output behind the one with the number
// after; where there are none yet it waits until ctx ends. Errors: CodeNotFound.
func (s *Supervisor) Log(ctx context.Context, id string, after int64) ([]Line, error) {
	k := s.keeper(id)
	if k == nil {
		return nil, sluice.Errorf(sluice.CodeNotFound, "No process is kept for the engine %q.", id)
	}
	return k.log.after(ctx, after), nil
}

// reserve promises main memory to a program that is about to start, and returns
// what is promised to others.
func (s *Supervisor) reserve(id string, bytes int64) (others int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.promise, id)
	for _, n := range s.promise {
		others += n
	}
	s.promise[id] = bytes
	return others
}

// release ends a promise: what was promised is taken, or not needed.
func (s *Supervisor) release(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.promise, id)
}

// program makes what is to be run of an engine. Where its port was free once and
// is taken now, it gets another.
func (s *Supervisor) program(ctx context.Context, k *keeper, e *sluice.Engine) (*program, error) {
	port := int(k.port.Load())
	if e.Process.Port == 0 && !portFree(port) {
		s.mu.Lock()
		another, err := freePort(s.taken(k))
		if err == nil {
			k.port.Store(int64(another))
			port = another
		}
		s.mu.Unlock()
		if err != nil {
			return nil, err
		}
		s.o.Moved()
	}
	return programOf(ctx, e, port, s.env, func(ctx context.Context) *chip.Report { return s.machine.cards(ctx) })
}

// Close ends all engines, each within its own time to stop, and waits for that. A
// start under way stays as it is, for the next server to take up.
func (s *Supervisor) Close() {
	var ending sync.WaitGroup
	for _, k := range s.all() {
		ending.Go(k.close)
	}
	ending.Wait()
	s.jobs.close()
}
