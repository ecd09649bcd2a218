package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"sluice/fleet/router"
	"sluice/fleet/simulator"
)

// Group is a number of equal engines of a fleet.
type Group struct {
	Engines int
	Chips   int // of each engine
	Chip    simulator.Chip
}

// Run is one simulation.
type Run struct {
	Fleet    []Group
	Shape    simulator.Shape
	Workload Workload
	Trace    []Turn // in place of the workload, of which the seed alone is used
	Policy   Policy
	Duration time.Duration
	Warmup   time.Duration // at the beginning of Duration, in which nothing is counted
}

// The engines' limits, as vLLM's defaults are.
const (
	seats  = 256
	queue  = 1 << 20
	budget = 8192
)

// fleet is a run under way.
type fleet struct {
	agenda
	run     *Run
	engines []*engine
	view    view
	result  Result
	begun   uint64 // sessions
}

// engine is one engine with what it computes.
type engine struct {
	batch    *simulator.Batch
	roofline simulator.Roofline
	calls    map[*simulator.Sequence]*running
	stepping bool
	busy     time.Duration
}

// running is a call at its engine.
type running struct {
	call  *call
	first time.Duration
}

// Start runs the simulation to its end.
func (r *Run) Start() (*Result, error) {
	f := &fleet{run: r, view: view{
		table: router.NewTable(1 << 20),
		dice:  rand.New(rand.NewPCG(r.Workload.Seed, 0)),
		homes: map[uint64]int{},
	}}
	for _, g := range r.Fleet {
		for range g.Engines {
			if err := f.add(g); err != nil {
				return nil, err
			}
		}
	}
	if n := len(f.engines); n == 0 || n > router.MaxEngines {
		return nil, fmt.Errorf("a fleet has 1 to %d engines, not %d", router.MaxEngines, n)
	}
	if r.Duration <= r.Warmup || (r.Trace == nil && r.Workload.Sessions <= 0) {
		return nil, errors.New("a simulation needs a duration, and sessions or a trace")
	}
	if r.Warmup > 0 {
		f.plan(r.Warmup, f.forget)
	}
	if r.Trace != nil {
		f.replay(r.Trace)
	} else {
		f.plan(0, f.arrive)
	}
	f.agenda.run(r.Duration)
	f.result.finish(f)
	return &f.result, nil
}

// forget begins counting anew. What is under way stays.
func (f *fleet) forget(time.Duration) {
	f.result = Result{}
	for _, e := range f.engines {
		e.busy = 0
	}
}

// add builds one engine. The view's rate begins with what the data sheet says.
func (f *fleet) add(g Group) error {
	roofline := simulator.NewRoofline(g.Chip, g.Chips, f.run.Shape)
	room := roofline.KVTokens()
	if room < longestPrompt {
		return fmt.Errorf("%d × %s hold %d tokens beside the weights of %s, fewer than the longest prompt of %d",
			g.Chips, g.Chip.Name, max(room, 0), f.run.Shape.Name, longestPrompt)
	}
	f.engines = append(f.engines, &engine{
		batch:    simulator.NewBatch(roofline, simulator.Limits{Seats: seats, Queue: queue, Budget: budget, KVTokens: room}),
		roofline: roofline, calls: map[*simulator.Sequence]*running{},
	})
	step := roofline.StepTime(simulator.Work{Tokens: budget, Read: budget, Pairs: budget * budget / 2})
	f.view.engines = append(f.view.engines, seen{room: float64(room), speed: router.Seed(budget/step.Seconds(), 0)})
	return nil
}

// arrive begins a session and plans the next.
func (f *fleet) arrive(now time.Duration) {
	w := &f.run.Workload
	s := w.begin(f.begun)
	f.begun++
	pause := rand.New(rand.NewPCG(w.Seed^0xa44, f.begun)).ExpFloat64() / w.Sessions
	f.plan(now+time.Duration(pause*float64(time.Second)), f.arrive)
	f.ask(s, now)
}

// ask sends a session's next turn.
func (f *fleet) ask(s *session, now time.Duration) { f.send(s.ask(), now) }

// send gives a request to an engine.
func (f *fleet) send(r request, now time.Duration) {
	c := &call{request: r, at: now}
	c.blocks = c.request.blocks(nil, routerTokens, c.prompt)
	at := f.run.Policy.pick(&f.view, c)
	f.view.sent(c, at)
	e := f.engines[at]
	seq := &simulator.Sequence{Prompt: c.prompt, Output: c.output, Blocks: c.request.blocks(nil, simulator.BlockTokens, c.prompt+c.output)}
	f.result.Requests++
	if err := e.batch.Add(seq); err != nil {
		f.result.Refused++
		f.view.first(c, now)
		f.view.ended(c, 0)
		return
	}
	e.calls[seq] = &running{call: c}
	if !e.stepping {
		f.step(e, now)
	}
}

// step begins an engine's next step, if there is anything to compute.
func (f *fleet) step(e *engine, now time.Duration) {
	step, ok := e.batch.Next()
	e.stepping = ok
	if !ok {
		return
	}
	e.busy += step.Time
	f.plan(now+step.Time, func(now time.Duration) {
		for _, seq := range e.batch.Finish() {
			f.moved(e, seq, now)
		}
		f.step(e, now)
	})
}

// moved hears that a sequence has a token more.
func (f *fleet) moved(e *engine, seq *simulator.Sequence, now time.Duration) {
	r := e.calls[seq]
	f.result.Output++
	if seq.Produced == 1 {
		r.first = now
		f.view.first(r.call, now)
		f.result.answered(r.call, seq, now)
	}
	if !seq.Done() {
		return
	}
	delete(e.calls, seq)
	f.view.ended(r.call, seq.Cached)
	f.result.completed(seq, now-r.first)
	s := r.call.session
	if f.run.Trace != nil {
		return
	}
	if pause, more := s.answered(&r.call.request); more {
		f.plan(now+pause, func(now time.Duration) { f.ask(s, now) })
	}
}
