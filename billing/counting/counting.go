// Package counting keeps what engines themselves count, hour by hour, and for how
// long they were up: beside what was billed it shows the tokens that nobody was
// billed for.
//
// An engine's counters begin anew when it is started: one that is less than before
// counts from zero. Where they stood last is kept, so that what an engine counts
// while the server is away is not lost.
package counting

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"sluice/money/seal"
)

// Seen is an engine as it was looked at.
type Seen struct {
	Engine string // as events name it
	Up     bool   // it takes calls

	// Prompt and Completion are the tokens that it counted since it was started, as
	// of At; Known says that it counts at all. Fresh says that it does not count cached
	// tokens of prompts.
	Known      bool
	At         time.Time
	Prompt     int64
	Completion int64
	Fresh      bool
}

// Store keeps counts.
type Store interface {
	EngineReadings(ctx context.Context) ([]seal.Reading, error)

	// AddCounts adds counts to those of their hours, and puts the readings in the
	// place of earlier ones, all or nothing.
	AddCounts(ctx context.Context, counts []seal.Count, readings []seal.Reading) error
}

// Options are what counting works with. Every, Keep and Log may be left out.
type Options struct {
	Store Store
	Look  func() []Seen // at all engines
	Now   func() time.Time

	Every time.Duration // between two looks; default 5 seconds
	Keep  time.Duration // between two writes; default a minute
	Log   *slog.Logger
}

// Service counts. It is used by one goroutine.
type Service struct {
	opt      Options
	readings map[string]*seal.Reading
	counts   map[slot]*seal.Count
	last     time.Time       // of the last look
	up       map[string]bool // then
	kept     time.Time       // when it was written last
}

type slot struct {
	engine string
	hour   int64
}

// New returns a service.
func New(o Options) *Service {
	o.Every, o.Keep = cmp.Or(o.Every, 5*time.Second), cmp.Or(o.Keep, time.Minute)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{opt: o, counts: map[slot]*seal.Count{}}
}

// Run counts until ctx ends.
func (s *Service) Run(ctx context.Context) {
	ticker := time.NewTicker(s.opt.Every)
	defer ticker.Stop()
	for {
		s.look(ctx)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			s.keep(context.WithoutCancel(ctx))
			return
		}
	}
}

// look counts what engines did since the last look, and writes it when it is time.
func (s *Service) look(ctx context.Context) {
	if s.readings == nil && !s.load(ctx) {
		return
	}
	now := s.opt.Now().UTC()
	up := map[string]bool{}
	for _, e := range s.opt.Look() {
		up[e.Engine] = e.Up
		if e.Up && s.up[e.Engine] {
			s.upFor(e.Engine, s.last, now)
		}
		if e.Known {
			s.count(&e)
		}
	}
	if s.last.Truncate(time.Hour).Before(now.Truncate(time.Hour)) {
		s.kept = time.Time{} // an hour that is over is written at once
	}
	s.last, s.up = now, up
	if now.Sub(s.kept) >= s.opt.Keep {
		s.keep(ctx)
	}
}

// load reads where counters stood; without it nothing can be counted.
func (s *Service) load(ctx context.Context) bool {
	all, err := s.opt.Store.EngineReadings(ctx)
	if err != nil {
		s.opt.Log.ErrorContext(ctx, "what engines counted last cannot be read", "error", err)
		return false
	}
	s.readings = map[string]*seal.Reading{}
	for i := range all {
		s.readings[all[i].Engine] = &all[i]
	}
	return true
}

func (s *Service) at(engine string, at time.Time) *seal.Count {
	hour := at.UTC().Truncate(time.Hour)
	k := slot{engine, hour.Unix()}
	if s.counts[k] == nil {
		s.counts[k] = &seal.Count{Engine: engine, Hour: hour}
	}
	return s.counts[k]
}

// upFor adds the time from an instant to another, divided by hours.
func (s *Service) upFor(engine string, from, to time.Time) {
	for from.Before(to) {
		end := from.Truncate(time.Hour).Add(time.Hour)
		if to.Before(end) {
			end = to
		}
		s.at(engine, from).Up += end.Sub(from)
		from = end
	}
}

// count adds what an engine counted since the last reading to the hour of this one.
func (s *Service) count(e *Seen) {
	r := s.readings[e.Engine]
	if r == nil {
		// What it counted before nobody knows by hours; unless that is nothing, the
		// hour is not known as a whole.
		known := e.At.UTC().Truncate(time.Hour)
		if e.Prompt+e.Completion > 0 {
			known = known.Add(time.Hour)
		}
		r = &seal.Reading{Engine: e.Engine, Prompt: e.Prompt, Completion: e.Completion, KnownFrom: known}
		s.readings[e.Engine] = r
	}
	if !e.At.After(r.At) {
		return // as it was
	}
	if e.Prompt < r.Prompt || e.Completion < r.Completion {
		r.Restarts++
		r.Prompt, r.Completion = 0, 0
	}
	c := s.at(e.Engine, e.At)
	if c.Counted = !c.Hour.Before(r.KnownFrom); c.Counted {
		c.Prompt, c.Completion = c.Prompt+e.Prompt-r.Prompt, c.Completion+e.Completion-r.Completion
	}
	c.Source = seal.SourceMetrics
	if e.Fresh {
		c.Source = seal.SourceFresh
	}
	r.Prompt, r.Completion, r.At = e.Prompt, e.Completion, e.At.UTC()
}

// keep writes what was counted. What cannot be written is tried again with the next.
func (s *Service) keep(ctx context.Context) {
	if len(s.counts) == 0 {
		return
	}
	counts, readings := make([]seal.Count, 0, len(s.counts)), make([]seal.Reading, 0, len(s.readings))
	for _, c := range s.counts {
		counts = append(counts, *c)
	}
	for _, r := range s.readings {
		if !r.At.IsZero() {
			readings = append(readings, *r)
		}
	}
	if err := s.opt.Store.AddCounts(ctx, counts, readings); err != nil {
		s.opt.Log.ErrorContext(ctx, "what engines counted cannot be written and is tried again", "error", err)
		return
	}
	clear(s.counts)
	s.kept = s.last
}
