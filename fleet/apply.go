package fleet

import (
	"maps"
	"reflect"
	"slices"
	"time"

	"sluice"
)

// Apply replaces the set of engines at once. An engine that stays (same id,
// kind, URL and secret) keeps its connections, health and counters; one that
// goes away gets no new calls and is closed when its last call ends. On an
// error, which has CodeInvalid when the set is at fault, nothing has changed.
func (f *Fleet) Apply(engines []sluice.Engine) error {
	f.applying.Lock()
	defer f.applying.Unlock()

	// Making a local engine may take long (it loads a model), so not under mu. Only
	// Apply changes the set, so what is present now still is in replace.
	present := f.present()
	next := make([]*replica, 0, len(engines))
	var made []*replica
	for _, e := range engines {
		r, err := f.place(e, present)
		if err != nil {
			for _, r := range made {
				r.transport.close()
			}
			return err
		}
		if r.grant == nil {
			made = append(made, r)
		}
		next = append(next, r)
	}
	for _, r := range f.replace(next, engines) {
		f.retire(r)
	}
	return nil
}

// standing is an engine of the present set, as last applied.
type standing struct {
	replica *replica
	engine  sluice.Engine
}

func (f *Fleet) present() map[string]standing {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := make(map[string]standing, len(f.replicas))
	for _, r := range f.replicas {
		m[r.grant.engine.ID] = standing{r, r.grant.engine}
	}
	return m
}

// place finds the replica of an engine among those present, or makes a new
// one. It takes the engine out of present, so that a second one with its id is noticed.
func (f *Fleet) place(e sluice.Engine, present map[string]standing) (*replica, error) {
	if err := check(e); err != nil {
		return nil, err
	}
	s, known := present[e.ID]
	present[e.ID] = standing{}
	switch {
	case known && s.replica == nil:
		return nil, sluice.Errorf(sluice.CodeInvalid, "engine %q appears twice", e.ID)
	case known && !moved(s.engine, e):
		return s.replica, nil
	}
	r := &replica{slot: noSlot}
	t, err := f.transport(e, r.note)
	r.transport = t
	return r, err
}

// check refuses an engine that could not be asked.
func check(e sluice.Engine) error {
	if e.ID == "" {
		return sluice.Errorf(sluice.CodeInvalid, "an engine has no id")
	}
	if e.Concurrent < 0 {
		return sluice.Errorf(sluice.CodeInvalid, "engine %q has a negative limit of concurrent calls", e.ID)
	}
	for public, own := range e.Models {
		if !sluice.ValidModelName(public) {
			return sluice.Errorf(sluice.CodeInvalid, "engine %q serves a model whose name %q is not allowed", e.ID, public)
		}
		if own == "" {
			return sluice.Errorf(sluice.CodeInvalid, "engine %q has no name of its own for the model %q", e.ID, public)
		}
	}
	return nil
}

// moved reports whether two definitions with one id are different engines.
// A local one is made for its models.
func moved(was, is sluice.Engine) bool {
	return was.Kind != is.Kind || was.URL != is.URL || was.Secret != is.Secret ||
		!is.Remote() && !maps.Equal(was.Models, is.Models)
}

// same reports whether two definitions of one engine are equal.
func same(a, b sluice.Engine) bool { return !moved(a, b) && reflect.DeepEqual(a, b) }

// transport makes the way to an engine.
func (f *Fleet) transport(e sluice.Engine, report func(error)) (transport, error) {
	timeouts := f.o.Timeouts(e).withDefaults()
	switch e.Kind {
	case sluice.EngineHTTP, sluice.EngineProcess:
		root, err := ParseURL(e.URL)
		if err != nil {
			return nil, err
		}
		c, err := newClient(root, e.Secret, f.o, timeouts, report)
		if err != nil {
			return nil, err
		}
		return c, nil
	case sluice.EngineEmbedded, sluice.EngineSimulated, sluice.EngineCommand:
		if f.o.Local == nil {
			return nil, sluice.Errorf(sluice.CodeInvalid, "engine %q is of kind %q, which is not available here", e.ID, e.Kind)
		}
		h, err := f.o.Local(e)
		if err != nil {
			return nil, err
		}
		return &local{handler: h, timeouts: timeouts, report: report, log: f.o.Log}, nil
	}
	return nil, sluice.Errorf(sluice.CodeInvalid, "engine %q is of unknown kind %q", e.ID, e.Kind)
}

// replace puts the new set in the place of the old one and returns those
// that left and are not in use.
func (f *Fleet) replace(next []*replica, engines []sluice.Engine) (idle []*replica) {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	defer f.serveAll(now)
	models := make(map[string][]target)
	for i, r := range next {
		e := engines[i]
		e.Models = maps.Clone(e.Models)
		if r.grant == nil {
			r.asleep = f.o.Asleep != nil && f.o.Asleep(e)
			r.idleSince = now
		}
		if r.grant == nil || !same(r.grant.engine, e) {
			r.condition.trial = false // the outcome of one under way will not be recognised
			f.regrant(r, e)
		}
		for public, own := range e.Models {
			models[public] = append(models[public], target{r, own})
		}
		r.serves = slices.Sorted(maps.Keys(e.Models))
	}
	f.memory.takeSlots(next)
	before := f.replicas
	f.models, f.replicas = models, next
	f.queue.Forget(func(model string) bool { return models[model] != nil })
	for _, r := range before {
		if slices.Contains(next, r) {
			continue
		}
		r.gone = true
		if r.grant.calls == 0 {
			delete(f.grants, &r.grant.engine)
		}
		if d := f.drained(r); d != nil {
			idle = append(idle, d)
		} else {
			f.leaving = append(f.leaving, r)
		}
	}
	return idle
}

// Close closes what is idle and lets the set drain. It is Apply with no engines.
func (f *Fleet) Close() error { return f.Apply(nil) }
