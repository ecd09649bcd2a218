package main

import (
	"context"
	"maps"
	"slices"
	"strings"

	"sluice"
	"sluice/fleet"
	"sluice/fleet/power"
	"sluice/money/electricity"
)

// newPower makes ready what watches the engines' power.
func (s *server) newPower(ctx context.Context) error {
	var err error
	s.power, err = power.New(ctx, power.Options{
		Engines: s.poweredEngines, Store: s.store, Settings: s.store, Park: s.fleet.Park,
		Interval: s.cfg.PowerInterval, Log: s.log,
	})
	if err != nil {
		return err
	}
	s.seen.power = s.power
	s.seen.watchPower(s.power)
	return nil
}

// watchPower samples until ctx ends, unless the operator does not want it.
func (s *server) watchPower(ctx context.Context) {
	if s.cfg.PowerInterval > 0 {
		s.power.Run(ctx)
	}
}

// poweredEngines are the engines of the fleet as their power is watched.
func (s *server) poweredEngines() []power.Engine {
	known, err := s.engines.Engines(context.Background()) // for as long as the server runs
	if err != nil {
		s.log.Error("reading the engines whose power is watched", "error", err)
	}
	defined := map[string]*sluice.Engine{}
	for _, e := range known {
		defined[e.ID] = e
	}
	var all []power.Engine
	for _, st := range s.fleet.Status() {
		e := defined[st.ID]
		if e == nil {
			continue
		}
		p := power.Engine{
			ID: e.ID, Name: e.Name, Models: slices.Sorted(maps.Keys(e.Models)), Running: st.InFlight, Limit: e.Concurrent,
			Serving: st.Health == fleet.HealthServing || st.Health == fleet.HealthRecovering || st.Health == fleet.HealthParked,
			Supply:  cardsOf(e),
		}
		if st.Load != nil { // from wherever its calls come
			p.Running = max(p.Running, int64(st.Load.Running))
		}
		all = append(all, p)
	}
	return all
}

// cardsOf is the power of an engine that was started on cards of this machine;
// nil of others.
func cardsOf(e *sluice.Engine) *power.Supply {
	if e.Process == nil || e.Process.Cards == "" {
		return nil
	}
	vendor, numbers, named := strings.Cut(e.Process.Cards, ":")
	if !named {
		vendor, numbers = power.AnyVendor, e.Process.Cards
	}
	s := &power.Supply{}
	for n := range strings.SplitSeq(numbers, ",") {
		s.Cards = append(s.Cards, vendor+":"+strings.TrimSpace(n))
	}
	return s
}

// deferred returns what part of its places work of a tier is not to use.
func (s *server) deferred(f power.Flex) func() int64 {
	return func() int64 { return 100 - s.power.Share(f) }
}

// watchPower adds what engines draw to the metrics.
func (o *observers) watchPower(p *power.Service) {
	o.metrics.Gauge("sluice_power_watts", "What engines draw whose power is known, with the overhead of the site.", func() float64 { return float64(p.Now().Watts) })
	o.metrics.Gauge("sluice_power_limit_watts", "What the site may draw now; 0 without a limit.", func() float64 {
		if limit := p.Now().Limit; limit != nil {
			return float64(*limit)
		}
		return 0
	})
	o.metrics.Gauge("sluice_power_batches_percent", "Part of their usual places that batches get, for the limit of the site.", func() float64 { return float64(p.Share(power.FlexBatch)) })
	o.metrics.Gauge("sluice_power_parked_engines", "Engines that take no calls, for the limit of the site.", func() float64 {
		parked := 0.0
		for _, e := range p.Now().Engines {
			if e.Parked {
				parked++
			}
		}
		return parked
	})
	o.metrics.Gauges("sluice_engine_power_watts", "What an engine draws, measured or estimated.", []string{"engine", "source"}, func(set func(float64, ...string)) {
		for _, e := range p.Now().Engines {
			if e.Source != electricity.Unknown {
				set(float64(e.Watts), e.Name, string(e.Source))
			}
		}
	})
	o.metrics.Counters("sluice_engine_energy_joules_total", "What an engine drew since the server started, measured or estimated.", []string{"engine", "source"}, func(set func(float64, ...string)) {
		for _, t := range p.Totals() {
			if t.Measured > 0 {
				set(t.Measured, t.Engine, string(electricity.Measured))
			}
			if t.Estimated > 0 {
				set(t.Estimated, t.Engine, string(electricity.Estimated))
			}
		}
	})
}
