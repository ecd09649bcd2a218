package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice"
	"sluice/fleet"
	"sluice/fleet/probe"
	"sluice/fleet/process"
)

const (
	probeTick  = time.Second      // between two looks for engines to probe
	probeAgain = 30 * time.Second // after a probe that came to nothing, doubled with each in a row
	probeMost  = 30 * time.Minute
	versionAge = time.Minute // between two looks at an engine's version
	probesMost = 4           // at once
)

// prober probes engines that are new or have another version.
type prober struct {
	s       *server
	slots   chan struct{}
	working sync.WaitGroup

	mu    sync.Mutex
	known map[string]*probed // by engine's id
}

// probed is what the prober notes of an engine.
type probed struct {
	working bool
	next    time.Time // not before
	failed  int       // in a row
}

func newProber(s *server) *prober {
	return &prober{s: s, slots: make(chan struct{}, probesMost), known: map[string]*probed{}}
}

// run probes engines until ctx ends.
func (p *prober) run(ctx context.Context) {
	if !p.s.cfg.ProbeEngines {
		return
	}
	defer p.working.Wait()
	ticker := time.NewTicker(probeTick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			p.look(ctx)
		}
	}
}

// look begins what is due.
func (p *prober) look(ctx context.Context) {
	engines, err := p.s.engines.Engines(ctx)
	if err != nil {
		if ctx.Err() == nil {
			p.s.log.Error("reading the engines to probe", "error", err)
		}
		return
	}
	p.forget(engines)
	for _, e := range engines {
		// One that is stored and not taken up yet is looked at again in a moment.
		if e.Remote() && !e.NoProbe && p.s.fleet.Has(e.ID) && p.asks(e) == nil && p.take(e.ID) {
			p.working.Go(func() { p.work(ctx, e) })
		}
	}
}

// asks reports why an engine cannot be asked now: it serves nothing, or it does
// not run. Errors: CodeConflict.
func (p *prober) asks(e *sluice.Engine) error {
	if len(e.Models) == 0 {
		return sluice.Errorf(sluice.CodeConflict, "The engine %q serves no model to ask for.", e.Name)
	}
	if st := p.s.processes.Status()[e.ID]; e.Kind == sluice.EngineProcess && st.State != process.Ready {
		return sluice.Errorf(sluice.CodeConflict, "The engine %q is %s, and is asked once it is ready: `sluice engine start %s`.", e.Name, st.State, e.Name)
	}
	return nil
}

// ProbeNow probes an engine, whatever is known of it. Errors: CodeNotFound;
// CodeConflict for one that does not run, or is asked already; CodeUnavailable for
// one that does not answer.
func (p *prober) ProbeNow(ctx context.Context, name string) error {
	engines, err := p.s.engines.Engines(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(engines, func(e *sluice.Engine) bool { return e.Name == name })
	if i < 0 {
		return sluice.Errorf(sluice.CodeNotFound, "There is no engine %q.", name)
	}
	e := engines[i]
	if err := p.asks(e); err != nil {
		return err
	}
	p.mu.Lock()
	if k := p.known[e.ID]; k != nil {
		k.next = time.Time{}
	}
	p.mu.Unlock()
	if !p.take(e.ID) {
		return sluice.Errorf(sluice.CodeConflict, "The engine %q is being asked already: see `sluice engine show %s` in a minute.", name, name)
	}
	well := false
	defer func() { p.put(e.ID, well) }()
	result, err := p.ask(ctx, e)
	if err != nil {
		return &sluice.Error{Code: sluice.CodeUnavailable, Message: fmt.Sprintf("The engine %q was not asked to the end: %v.", name, err), Err: err}
	}
	well = result.Label != ""
	p.keep(ctx, e, result)
	if !well {
		return sluice.Errorf(sluice.CodeUnavailable, "The engine %q does not answer: %s", name, strings.Join(result.Findings, " "))
	}
	return nil
}

// ask finds out about an engine.
func (p *prober) ask(ctx context.Context, e *sluice.Engine) (*sluice.ProbeResult, error) {
	subject := probe.Subject{
		URL: e.Subject(), Driver: e.Driver, Model: e.Models[slices.Sorted(maps.Keys(e.Models))[0]], Mark: sluice.NewID(sluice.PrefixCall, clock()),
	}
	result, err := probe.Run(ctx, engineOf{p.s.fleet, e.ID}, subject, clock)
	return &result, err
}

// forget drops what is noted of engines that are gone.
func (p *prober) forget(engines []*sluice.Engine) {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.known, func(id string, k *probed) bool {
		return !k.working && !slices.ContainsFunc(engines, func(e *sluice.Engine) bool { return e.ID == id })
	})
}

// take reports whether the engine is due, and notes that it is worked on.
func (p *prober) take(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := p.known[id]
	if k == nil {
		k = &probed{}
		p.known[id] = k
	}
	if k.working || clock().Before(k.next) {
		return false
	}
	k.working = true
	return true
}

// put notes that the engine was worked on, and when to look again.
func (p *prober) put(id string, well bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := p.known[id]
	k.working = false
	if well {
		k.failed, k.next = 0, clock().Add(versionAge)
		return
	}
	k.next = clock().Add(min(probeAgain<<min(k.failed, 10), probeMost))
	k.failed++
}

// work probes one engine, unless what is known of it holds.
func (p *prober) work(ctx context.Context, e *sluice.Engine) {
	well := false
	defer func() { p.put(e.ID, well) }()
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return
	}
	if e.Probe.Holds(e) && e.Probe.Label != "" && (e.Driver == "" || e.Driver == e.Probe.Driver) {
		version, answered := probe.Version(ctx, engineOf{p.s.fleet, e.ID}, e.Probe.Driver)
		if !answered || version == e.Probe.Version {
			well = true // or away: its health is others' to watch
			return
		}
	}
	result, err := p.ask(ctx, e)
	if err != nil {
		return
	}
	well = result.Label != ""
	if !well && e.Probe.Holds(e) && slices.Equal(e.Probe.Findings, result.Findings) {
		return // nothing new
	}
	p.keep(ctx, e, result)
}

// keep stores what was found and puts it to use.
func (p *prober) keep(ctx context.Context, e *sluice.Engine, r *sluice.ProbeResult) {
	if err := p.s.store.PutProbe(ctx, e.ID, r); err != nil {
		if sluice.CodeOf(err) != sluice.CodeNotFound { // it was removed meanwhile
			p.s.log.Error("storing what a probe found", "engine", e.Name, "error", err)
		}
		return
	}
	p.s.log.Info("engine probed", "engine", e.Name, "driver", r.Driver, "version", r.Version, "counts", r.Label, "lacks", r.Lacks.Names())
	if err := p.s.reload(ctx); err != nil {
		p.s.log.Error("using what a probe found", "engine", e.Name, "error", err)
	}
}

// engineOf is one engine of the fleet's.
type engineOf struct {
	fleet *fleet.Fleet
	id    string
}

// Ask asks it on our own account.
func (e engineOf) Ask(ctx context.Context, req *sluice.EngineRequest) (*sluice.EngineReply, error) {
	return e.fleet.Ask(ctx, e.id, req)
}
