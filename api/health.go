package api

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"sluice"
	"sluice/fleet"
	"sluice/gateway/tally"
	"sluice/store"
)

// ModelHealth says whether a model can be used.
type ModelHealth string

// The states, from best to worst.
const (
	ModelUp       ModelHealth = "up"
	ModelDegraded ModelHealth = "degraded" // some of its engines are away, or some requests fail
	ModelDown     ModelHealth = "down"     // no engine serves it, or most requests fail
	ModelIdle     ModelHealth = "idle"     // of a day: nobody asked
)

// shownDays is how many days of a model's state are shown, with today.
const shownDays = 90

// PublicStatus is the state of the service.
type PublicStatus struct {
	At     time.Time     `json:"at"`
	Health ModelHealth   `json:"health" enum:"up,degraded,down" doc:"The worst of the models."`
	Models []ModelStatus `json:"models"`
}

// ModelStatus is the state of a model.
type ModelStatus struct {
	Model        string      `json:"model"`
	Health       ModelHealth `json:"health" enum:"up,degraded,down"`
	Availability *float64    `json:"availability,omitempty" example:"0.9996" doc:"Of the shown days: the part of requests that did not fail for a reason of the service's own, 0 to 1. Absent without requests."`
	Days         []DayStatus `json:"days" doc:"The last 90 days in UTC, today last."`
}

// DayStatus is how a model did on a day.
type DayStatus struct {
	Day          string      `json:"day" example:"2026-11-21"`
	Health       ModelHealth `json:"health" enum:"up,degraded,down,idle"`
	Availability *float64    `json:"availability,omitempty" example:"0.9996"`
}

// healthOf judges by the requests and those that failed for a reason of the
// service's own: up to one in a hundred is up, up to one in ten is degraded.
func healthOf(requests, faults int64) ModelHealth {
	switch {
	case requests == 0:
		return ModelIdle
	case faults*100 <= requests:
		return ModelUp
	case faults*10 <= requests:
		return ModelDegraded
	}
	return ModelDown
}

// judged is how many requests there must be within ten minutes before their
// faults decide about a model's health.
const judged = 20

// modelHealth tells of each model that an engine is there for, or that is sold.
// last is what its requests came to lately.
func (s *Server) modelHealth(ctx context.Context, last map[string]tally.Window) (map[string]ModelHealth, error) {
	models, err := s.opt.Catalogue.Models(ctx)
	if err != nil {
		return nil, err
	}
	engines, err := s.opt.Catalogue.Engines(ctx)
	if err != nil {
		return nil, err
	}
	live := s.live()
	there, away := map[string]int{}, map[string]int{}
	for _, e := range engines {
		count := away
		if l := live[e.ID]; l != nil && serves(l.Health) {
			count = there
		}
		for name := range e.Models {
			count[name]++
		}
	}
	all := map[string]ModelHealth{}
	for _, m := range models {
		all[m.Name] = ModelUp
		if away[m.Name] > 0 {
			all[m.Name] = ModelDegraded
		}
		if there[m.Name] == 0 {
			all[m.Name] = ModelDown
			continue
		}
		if w := last[m.Name]; w.Requests >= judged {
			all[m.Name] = worse(all[m.Name], healthOf(w.Requests, w.Faults))
		}
	}
	return all, nil
}

// serves reports whether calls go to an engine of that health, or start it.
func serves(h fleet.Health) bool {
	return h == fleet.HealthServing || h == fleet.HealthRecovering || h == fleet.HealthAsleep || h == fleet.HealthParked
}

func worse(a, b ModelHealth) ModelHealth {
	order := []ModelHealth{ModelIdle, ModelUp, ModelDegraded, ModelDown}
	if slices.Index(order, a) < slices.Index(order, b) {
		return b
	}
	return a
}

// PublicStatus returns the state of the models that have a price. Read-only.
// Errors: CodeNotFound where that is not public.
func (s *Server) PublicStatus(ctx context.Context) (*PublicStatus, error) {
	if site, err := s.Site(ctx); err != nil || !site.Status {
		return nil, cmp.Or(err, notPublic("its state"))
	}
	return s.statuses.get(ctx, s.opt.Now())
}

// dayCount is the requests of a model on a day, and those of the service's own fault.
type dayCount struct{ requests, faults int64 }

// history is the counts of models by day, from a day on.
type history struct {
	since time.Time
	days  map[string][]dayCount
}

// loadPast reads the days before today.
func (s *Server) loadPast(ctx context.Context) (*history, error) {
	today := s.opt.Now().UTC().Truncate(24 * time.Hour)
	return s.history(ctx, today.AddDate(0, 0, 1-shownDays), today)
}

// history reads the days from since on, before until.
func (s *Server) history(ctx context.Context, since, until time.Time) (*history, error) {
	rows, err := s.opt.Series.UsageSeries(ctx, store.SeriesQuery{Step: sluice.UsageDay, By: store.UsageByModel, Since: since, Until: until})
	if err != nil {
		return nil, err
	}
	h := &history{since: since, days: map[string][]dayCount{}}
	for i := range rows {
		r := &rows[i]
		if h.days[r.Model] == nil {
			h.days[r.Model] = make([]dayCount, int(until.Sub(since)/(24*time.Hour)))
		}
		requests, _ := r.Requests()
		d := &h.days[r.Model][int(r.Start.Sub(since)/(24*time.Hour))]
		d.requests += requests
		d.faults += r.Faults()
	}
	return h, nil
}

func (s *Server) loadStatus(ctx context.Context) (*PublicStatus, error) {
	now := s.opt.Now().UTC()
	today := now.Truncate(24 * time.Hour)
	past, err := s.past.get(ctx, now)
	if err == nil && !past.since.Equal(today.AddDate(0, 0, 1-shownDays)) { // another day has begun
		s.past.drop()
		past, err = s.past.get(ctx, now)
	}
	if err != nil {
		return nil, err
	}
	current, err := s.history(ctx, today, today.AddDate(0, 0, 1))
	if err != nil {
		return nil, err
	}
	health, err := s.modelHealth(ctx, s.opt.Traffic.Live().Models)
	if err != nil {
		return nil, err
	}
	models, err := s.models.get(ctx, s.opt.Now())
	if err != nil {
		return nil, err
	}
	out := &PublicStatus{At: now, Health: ModelUp, Models: []ModelStatus{}}
	for _, m := range models {
		days := make([]dayCount, shownDays)
		copy(days, past.days[m.Name])
		copy(days[shownDays-1:], current.days[m.Name])
		out.Models = append(out.Models, modelStatus(m.Name, health[m.Name], past.since, days))
		out.Health = worse(out.Health, health[m.Name])
	}
	return out, nil
}

func modelStatus(name string, now ModelHealth, since time.Time, days []dayCount) ModelStatus {
	m := ModelStatus{Model: name, Health: now, Days: make([]DayStatus, len(days))}
	var all dayCount
	for i, d := range days {
		all.requests += d.requests
		all.faults += d.faults
		m.Days[i] = DayStatus{Day: since.AddDate(0, 0, i).Format(time.DateOnly), Health: healthOf(d.requests, d.faults), Availability: d.availability()}
	}
	m.Availability = all.availability()
	return m
}

// availability is the part of requests without a fault, to the fourth decimal,
// downwards; nil without requests.
func (d dayCount) availability() *float64 {
	if d.requests == 0 {
		return nil
	}
	a := math.Floor(float64(d.requests-d.faults)/float64(d.requests)*10_000) / 10_000
	return &a
}
