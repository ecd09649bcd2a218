package process

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sluice"
)

// progressPause is how often how far a start has come is written.
const progressPause = 2 * time.Second

// sleepTimeout bounds the request to sleep, and the one to wake up.
const sleepTimeout = 2 * time.Minute

// keeper does what one engine's life says, and tells it what happens.
type keeper struct {
	s    *Supervisor
	id   string
	log  *ring
	port atomic.Int64

	// What the fleet asks while it holds its own lock, under which mu is never taken.
	open  atomic.Bool             // it takes calls
	waits atomic.Pointer[waiting] // how long a call may wait for it; nil: not at all

	mu      sync.Mutex
	engine  sluice.Engine // as it is defined; without an id before define
	life    life
	child   instance
	program *program // that runs, or ran last
	job     *sluice.EngineStart
	written time.Time // when the job was, last
	asking  bool      // a question about its health is under way
	asked   time.Time // the last one
	removed bool
	closed  bool
}

func newKeeper(s *Supervisor, id string) *keeper {
	k := &keeper{s: s, id: id, log: newRing()}
	k.life = life{state: Stopped, since: time.Now(), goal: goalStop}
	return k
}

// rulesOf are the rules for an engine.
func (k *keeper) rulesOf(p *sluice.Process) rules {
	o := &k.s.o
	return rules{
		idleAfter: p.IdleAfter, sleeps: p.Idle == sluice.IdleSleep, hung: o.Hung, drain: o.Drain, stop: stopTimeout(p), doze: sleepTimeout + time.Minute,
		healthy: o.Healthy, backoff: o.Backoff, longest: o.Longest,
	}
}

func stopTimeout(p *sluice.Process) time.Duration { return cmp.Or(p.StopTimeout, defaultStop) }

// goalOf is what an engine should be doing.
func goalOf(e *sluice.Engine) goal {
	switch {
	case e.Stopped:
		return goalStop
	case e.Process.IdleAfter > 0:
		return goalDemand
	}
	return goalRun
}

// define takes up how the engine is defined now. job is a start that an earlier
// server did not finish, or nil.
func (k *keeper) define(e *sluice.Engine, job *sluice.EngineStart) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	before := k.engine
	k.engine, k.removed = *e, false
	k.life.rules = k.rulesOf(e.Process)
	if before.ID != "" && !sameStart(&before, e) && (k.child != nil || k.life.state == Failed || k.life.state == Starting) {
		k.do(k.life.restart(now, "its definition has changed"))
	}
	if job != nil && goalOf(e) != goalStop {
		k.job = job
		k.life.cause = job.Cause
		k.life.wanted = true // also where only calls start it: this start was asked for
	} else if job != nil {
		job.Stage, job.EndedAt, job.Error = sluice.StageFailed, now.UTC(), "the server was stopped before it was ready"
		k.s.jobs.put(*job)
	}
	k.do(k.life.order(now, goalOf(e)))
}

// sameStart reports whether two definitions start the same program in the same way.
func sameStart(a, b *sluice.Engine) bool {
	of := func(e *sluice.Engine) any {
		p := *e.Process
		p.IdleAfter, p.StartTimeout, p.StopTimeout, p.Memory, p.Disk = 0, 0, 0, 0, 0
		return []any{p, e.Driver}
	}
	return reflect.DeepEqual(of(a), of(b))
}

// remove ends the engine, once its calls have ended, and for good.
func (k *keeper) remove() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.removed {
		return
	}
	k.removed = true
	k.do(k.life.order(time.Now(), goalStop))
}

// models are those that it serves.
func (k *keeper) models() map[string]string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.engine.Models
}

// want says that a call waits. It reports whether the engine is on its way.
func (k *keeper) want() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.do(k.life.want(time.Now()))
	return k.life.goal != goalStop && !slices.Contains([]State{Stopped, Failed}, k.life.state)
}

// waiting is how long a call may wait for an engine: until an instant or, where
// that is zero, for so long.
type waiting struct {
	until time.Time
	so    time.Duration
}

// limit is how long a call may wait for it.
func (k *keeper) limit() time.Duration {
	switch w := k.waits.Load(); {
	case w == nil:
		return 0
	case w.until.IsZero():
		return w.so
	default:
		return time.Until(w.until)
	}
}

// waited says how long calls may wait now. k.mu is held.
func (k *keeper) waited() {
	switch {
	case k.life.goal == goalStop || k.life.state == Failed && k.life.failures > 1 || k.engine.Process == nil:
		k.waits.Store(nil)
	case k.life.state == Starting && !k.life.until.IsZero():
		k.waits.Store(&waiting{until: k.life.until})
	case k.program != nil:
		k.waits.Store(&waiting{so: k.program.patience(k.engine.Process.StartTimeout)})
	default:
		k.waits.Store(&waiting{so: cmp.Or(k.engine.Process.StartTimeout, blindStart)})
	}
}

func (k *keeper) begin(cause string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.life.goal == goalStop {
		return sluice.Errorf(sluice.CodeConflict, "The engine %q is stopped.", k.engine.Name)
	}
	k.do(k.life.begin(time.Now(), cause))
	return nil
}

func (k *keeper) restart(now bool) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.life.goal == goalStop {
		return sluice.Errorf(sluice.CodeConflict, "The engine %q is stopped: start it.", k.engine.Name)
	}
	k.do(k.life.restart(time.Now(), "its operator restarted it"))
	if now {
		k.do(k.life.hurry(time.Now()))
	}
	return nil
}

func (k *keeper) hurry() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.do(k.life.hurry(time.Now()))
}

// tick lets time pass, and looks at what is due. It reports whether the engine
// was removed and is gone.
func (k *keeper) tick() (gone bool) {
	since, idle := k.s.o.Fleet.Idle(k.id)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed || k.engine.ID == "" {
		return false
	}
	now := time.Now()
	k.do(k.life.tick(now, !idle))
	if idle {
		k.do(k.life.idle(now, since))
	}
	if k.life.state == Draining && k.s.o.Fleet.InFlight(k.id) == 0 {
		k.do(k.life.drained(now))
	}
	if k.child != nil && !k.asking && k.life.state != Stopping {
		interval := k.s.o.Interval
		if k.life.state == Starting {
			interval = 0
		}
		if now.Sub(k.asked) >= interval {
			k.asking, k.asked = true, now
			go k.look(k.child, k.program, k.life.state == Starting)
		}
	}
	return k.removed && k.life.state == Stopped && !k.life.launches
}

// do carries out what the life says. k.mu is held.
func (k *keeper) do(acts []act) {
	defer k.waited()
	for _, a := range acts {
		switch a {
		case doStart:
			k.begun()
			go k.launch(k.engine)
		case doTell:
			k.open.Store(k.life.open)
			k.s.o.Fleet.SetReady(k.id, k.life.open)
		case doDrain:
			if call := k.program.driver.Drain; call.Path != "" {
				go k.call(call.Verb, call.Path) // it may not answer before it has finished
			}
		case doSleep:
			call := k.program.driver.Sleep.Sleep
			go k.after(call.Verb, call.Path, (*life).slept)
		case doWake:
			call := k.program.driver.Sleep.Wake
			k.life.until = time.Now().Add(k.program.patience(k.engine.Process.StartTimeout))
			go k.after(call.Verb, call.Path, (*life).woken)
		case doEnd, doKill:
			if k.child != nil {
				k.child.end(a == doKill)
			}
		case doSucceed, doFail:
			k.finish(a == doSucceed)
		}
	}
}

// launch checks whether there is room for the program, and starts it.
func (k *keeper) launch(e sluice.Engine) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	p, err := k.s.program(ctx, k, &e)
	if err == nil {
		err = k.s.machine.prepare(p, k.s.reserve(k.id, p.memory))
	}
	var child instance
	if err == nil && k.ending() {
		err = context.Canceled
	}
	if err == nil {
		k.log.begin("starting " + words(p))
		child, err = k.s.machine.run(p, k.log)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	if k.closed && err != nil {
		return
	}
	if err != nil {
		k.s.release(k.id)
		k.s.o.Log.Warn("an engine could not be started", "engine", e.Name, "error", err)
		k.log.begin("it could not be started: " + err.Error())
		k.do(k.life.refused(now, err.Error()))
		return
	}
	k.s.o.Log.Info("engine started", "engine", e.Name, "pid", child.pid(), "cause", k.life.cause, "added", p.added)
	k.child, k.program = child, p
	go k.await(child)
	if k.closed {
		child.end(true)
		return
	}
	k.do(k.life.launched(now, p.patience(e.Process.StartTimeout)))
	k.loading(p)
}

// ending reports whether the server ends.
func (k *keeper) ending() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.closed
}

// await waits for a process's end.
func (k *keeper) await(child instance) {
	<-child.done()
	k.s.release(k.id)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.child != child {
		return
	}
	k.child = nil
	if k.closed {
		return
	}
	how := child.how()
	k.s.o.Log.Log(context.Background(), levelOf(k.life.state), "engine ended", "engine", k.engine.Name, "state", k.life.state, "how", how)
	k.do(k.life.exited(time.Now(), how))
}

// look asks how an engine is, and while it starts looks how far it has come.
func (k *keeper) look(child instance, p *program, starting bool) {
	asked := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), k.s.o.Timeout)
	well := k.well(ctx, p)
	cancel()
	var read int64
	if starting {
		read = child.read()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asking = false
	if k.child != child || k.closed {
		return
	}
	was := k.life.state
	k.do(k.life.heard(time.Now(), asked, well))
	switch {
	case k.life.state == Ready && was == Starting:
		k.s.release(k.id)
		k.s.o.Log.Info("engine ready", "engine", k.engine.Name, "after", time.Since(k.job.At).Round(time.Millisecond).String())
	case k.life.state == Starting:
		k.progress(p, read)
	case was == Ready && k.life.state != Ready:
		k.s.o.Log.Warn("an engine hangs and is killed", "engine", k.engine.Name, "why", k.life.why)
	}
}

// after asks the engine for something and tells its life how that went.
func (k *keeper) after(verb, path string, tell func(*life, time.Time, string) []act) {
	ctx, cancel := context.WithTimeout(context.Background(), sleepTimeout)
	defer cancel()
	err := k.ask(ctx, verb, path)
	k.mu.Lock()
	defer k.mu.Unlock()
	why := ""
	if err != nil {
		why = err.Error()
		k.s.o.Log.Warn("an engine did not sleep or wake", "engine", k.engine.Name, "error", err)
	}
	if !k.closed {
		k.do(tell(&k.life, time.Now(), why))
	}
}

// close ends the process at once: calls have ended before. It returns when it is gone.
func (k *keeper) close() {
	k.mu.Lock()
	k.closed = true
	child := k.child
	timeout := defaultStop
	if k.engine.Process != nil {
		timeout = stopTimeout(k.engine.Process)
	}
	k.open.Store(false)
	k.mu.Unlock()
	if child == nil {
		return
	}
	child.end(false)
	select {
	case <-child.done():
		return
	case <-time.After(timeout):
	}
	child.end(true)
	<-child.done()
}
