package power

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"sluice"
	"sluice/money/electricity"
)

// Site is what the site may draw, with what cooling and the machines around the
// chips take; see electricity.Terms.Overhead.
type Site struct {
	Limit int64 `json:"limit_watts"` // 0: none

	// Temporary holds in place of Limit until an instant, such as when the grid
	// asks for less. Zero: nothing may be drawn that can be helped.
	Temporary int64     `json:"temporary_watts,omitempty"`
	Until     time.Time `json:"until,omitzero"`
}

// LimitAt is the limit at an instant in watts; ok is false without one.
func (s *Site) LimitAt(t time.Time) (watts int64, ok bool) {
	if t.Before(s.Until) {
		return s.Temporary, true
	}
	return s.Limit, s.Limit > 0
}

// check refuses what cannot be: CodeInvalid.
func (s *Site) check() error {
	const most = 10_000_000_000 // 10 GW
	if s.Limit < 0 || s.Temporary < 0 || s.Limit > most || s.Temporary > most {
		return sluice.Errorf(sluice.CodeInvalid, "A limit of %d W, for a time %d W, is none: give 0 to %d.", s.Limit, s.Temporary, int64(most))
	}
	return nil
}

// siteSetting is where the site's limit is kept.
const siteSetting = "power_site"

func (s *Service) readSite(ctx context.Context) (site Site, err error) {
	text, err := s.o.Settings.Setting(ctx, siteSetting)
	if err != nil || text == "" {
		return Site{}, err
	}
	if err := json.Unmarshal([]byte(text), &site); err != nil {
		return Site{}, fmt.Errorf("reading the limit of the site: %w", err)
	}
	return site, nil
}

// SitePower is what the site draws, as of the last sample.
type SitePower struct {
	At time.Time `json:"at,omitzero"`

	Watts    int64              `json:"watts" doc:"What engines draw whose power is known, with the overhead."`
	Source   electricity.Source `json:"source" enum:"measured,estimated,mixed,unknown"`
	Overhead int64              `json:"overhead_percent" doc:"What is drawn beside the engines, in percent."`
	Unknown  int                `json:"unknown_engines" doc:"Engines whose power nobody knows."`

	Limit      *int64                 `json:"limit_watts,omitempty" doc:"Absent: none."`
	Above      bool                   `json:"above_limit"`
	Stuck      bool                   `json:"nothing_left_to_cut" doc:"The limit is exceeded although all that can wait is deferred and each model has one engine left."`
	Jobs       int64                  `json:"jobs_percent" doc:"Part of their usual places that jobs get."`
	Batches    int64                  `json:"batches_percent" doc:"Part of their usual places that batches get."`
	Contracted int64                  `json:"contracted_watts,omitempty"`
	Price      *electricity.BandPrice `json:"price,omitempty" doc:"Of a kWh now."`
	Changes    *time.Time             `json:"price_changes_at,omitempty"`

	Engines []EnginePower `json:"engines"`
}

// EnginePower is what an engine draws.
type EnginePower struct {
	ID      string             `json:"id"`
	Name    string             `json:"name"`
	Watts   int64              `json:"watts"`
	Source  electricity.Source `json:"source" enum:"measured,estimated,unknown"`
	Fault   string             `json:"fault,omitempty" doc:"Why it is not measured, where it should be."`
	Parked  bool               `json:"parked" doc:"It takes no calls, for the site's limit."`
	Running int64              `json:"running"`
	Supply  *Supply            `json:"supply,omitempty" doc:"How its power is known."`
}

// steer decides what is deferred and parked, and notes how things are. The
// caller holds mu.
func (s *Service) steer(at time.Time, engines []Engine, draws map[string]Draw) {
	n := SitePower{At: at, Engines: []EnginePower{}, Source: electricity.Unknown}
	var candidates []candidate
	var sum int64
	known, sources := true, map[electricity.Source]bool{}
	for _, e := range engines {
		d := draws[e.ID]
		c := candidate{id: e.ID, models: e.Models, serving: e.Serving, running: e.Running, draw: d.Milliwatts}
		if e.Supply != nil {
			c.idle, c.busy, _ = e.Supply.bounds()
			known = known && d.Source != electricity.Unknown
		}
		if d.Source == electricity.Unknown {
			n.Unknown++
		} else {
			sum += d.Milliwatts
			sources[d.Source] = true
		}
		candidates = append(candidates, c)
		n.Engines = append(n.Engines, EnginePower{
			ID: e.ID, Name: e.Name, Watts: (d.Milliwatts + 500) / 1000, Source: d.Source, Running: e.Running, Supply: e.Supply, Fault: s.faults[e.ID],
		})
	}
	for source := range sources {
		n.Source = source
		if len(sources) > 1 {
			n.Source = electricity.Mixed
		}
	}
	terms := s.contract.At(at)
	limit := int64(0)
	if watts, ok := s.site.LimitAt(at); ok {
		n.Limit, limit = &watts, max(watts*1000, 1)
	}
	if terms != nil {
		n.Overhead, n.Contracted = terms.Overhead, terms.Contracted
		if limit > 0 { // the engines' part of it
			limit = max(limit*100/(100+terms.Overhead), 1)
		}
		n.Watts = int64(terms.Billed(electricity.Energy(sum)))
	} else {
		n.Watts = sum
	}
	n.Watts = (n.Watts + 500) / 1000
	was := s.state
	s.state = s.policy.next(at, limit, sum, known, s.state, candidates)
	n.Above, n.Stuck, n.Jobs, n.Batches = s.state.above, s.state.stuck, s.state.share(FlexJob), s.state.share(FlexBatch)
	for i := range n.Engines {
		n.Engines[i].Parked = slices.Contains(s.state.parked, n.Engines[i].ID)
	}
	slices.SortFunc(n.Engines, func(a, b EnginePower) int { return cmp.Compare(a.Name, b.Name) })
	s.now = n
	s.tell(was, limit, sum)
}

// tell writes what has changed to the log.
func (s *Service) tell(was site, limit, sum int64) {
	is := &s.state
	if was.flex == is.flex && slices.Equal(was.parked, is.parked) && was.stuck == is.stuck {
		return
	}
	level := s.o.Log.Info
	if is.stuck {
		level = s.o.Log.Warn
	}
	level("the site is steered for power", "drawn_watts", sum/1000, "limit_watts", limit/1000,
		"jobs_percent", is.share(FlexJob), "batches_percent", is.share(FlexBatch), "parked", is.parked, "nothing_left_to_cut", is.stuck)
}

// Now returns what the site draws, as of the last sample.
func (s *Service) Now() SitePower {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.now
	n.Engines = append([]EnginePower{}, n.Engines...)
	if n.Source == "" {
		n.Source = electricity.Unknown
	}
	at := s.o.Now().UTC()
	if p, ok := s.contract.PriceAt(at); ok {
		n.Price = &p
	}
	if next, ok := s.contract.Next(at); ok {
		n.Changes = &next
	}
	return n
}

// Share is the part of its usual places that work of a tier gets, 0 to 100 %.
func (s *Service) Share(f Flex) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.share(f)
}

// Allows reports whether work of a tier may begin.
func (s *Service) Allows(f Flex) bool { return s.Share(f) > 0 }

// Site returns the site's limit.
func (s *Service) Site() Site {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.site
}

// Contract returns what power costs.
func (s *Service) Contract() *electricity.Contract {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.contract
}

// SetSite sets the site's limit; it counts from the next sample on. Errors: CodeInvalid.
func (s *Service) SetSite(ctx context.Context, site Site) error {
	if err := site.check(); err != nil {
		return err
	}
	text, err := json.Marshal(site)
	if err != nil {
		return fmt.Errorf("writing the limit of the site: %w", err)
	}
	if err := s.o.Settings.PutSetting(ctx, siteSetting, string(text)); err != nil {
		return err
	}
	return s.load(ctx)
}

// SetContract says what power costs, in place of what was said before.
func (s *Service) SetContract(ctx context.Context, c *electricity.Contract) error {
	if err := s.o.Settings.PutPowerContract(ctx, c); err != nil {
		return err
	}
	return s.load(ctx)
}

// SetSupply says how the power of an engine is known; nil: by nothing. Errors:
// CodeInvalid, CodeNotFound when there was nothing to forget.
func (s *Service) SetSupply(ctx context.Context, engine string, supply *Supply) error {
	if supply == nil {
		if err := s.o.Settings.RemovePowerSupply(ctx, engine); err != nil {
			return err
		}
		return s.load(ctx)
	}
	if err := supply.Check(); err != nil {
		return err
	}
	text, err := json.Marshal(supply)
	if err != nil {
		return fmt.Errorf("writing how the power of an engine is known: %w", err)
	}
	if err := s.o.Settings.PutPowerSupply(ctx, engine, text); err != nil {
		return err
	}
	return s.load(ctx)
}

// Total is what an engine drew since the server started, in joules.
type Total struct {
	Engine              string // name
	Measured, Estimated float64
}

// Totals returns what engines drew since the server started.
func (s *Service) Totals() []Total {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Total, 0, len(s.totals))
	for _, t := range s.totals {
		all = append(all, Total{t.name, float64(t.measured) / 1000, float64(t.estimated) / 1000})
	}
	slices.SortFunc(all, func(a, b Total) int { return cmp.Compare(a.Engine, b.Engine) })
	return all
}
