package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"sluice"
	"sluice/store"
)

// Percentiles are times in milliseconds that half, and all but one in a hundred, stay within.
type Percentiles struct {
	P50 int64 `json:"p50" example:"240"`
	P99 int64 `json:"p99" example:"1900"`
}

// Charge is what calls cost in one currency.
type Charge struct {
	Currency  sluice.Currency `json:"currency" example:"USD"`
	List      sluice.Amount   `json:"list" example:"12.40" doc:"By the price books."`
	Charge    sluice.Amount   `json:"charge" example:"12.40" doc:"What was billed; nothing for what a plan served."`
	Refund    sluice.Amount   `json:"refund" example:"0.00" doc:"What volume prices gave back of it."`
	Simulated sluice.Amount   `json:"simulated" example:"0.00" doc:"What of it simulated answers were billed: it is no revenue."`
}

// UsageFigures is what requests came to.
type UsageFigures struct {
	Requests   int64            `json:"requests" doc:"All that were made, refused ones included, by when they ended."`
	Errors     int64            `json:"errors" doc:"Requests that were neither answered nor left by their client."`
	Calls      int64            `json:"calls" doc:"Requests that reached an engine: each has a record and a receipt."`
	Tokens     Tokens           `json:"tokens"`
	Units      map[string]int64 `json:"units,omitempty" doc:"What was used besides tokens, by class."`
	Charges    []Charge         `json:"charges" doc:"One for each currency."`
	FirstToken *Percentiles     `json:"first_token_ms,omitempty" doc:"From admission to the first token; absent without one. Exact to an eighth."`
}

// UsagePoint is what the requests of an hour or a day came to.
type UsagePoint struct {
	Start  time.Time `json:"start"`
	Name   string    `json:"name" doc:"A model's name, or the id of a key, a project or an organisation; empty when nothing is told apart, and for what has none."`
	Others bool      `json:"others,omitempty" doc:"All that are not among the largest, together."`
	UsageFigures
}

// UsageGroup is what is told apart, over the whole time.
type UsageGroup struct {
	Name   string `json:"name"`
	Label  string `json:"label,omitempty" example:"production" doc:"What a key, a project or an organisation is called."`
	Others bool   `json:"others,omitempty"`
	UsageFigures
	Results map[string]int64 `json:"results,omitempty" doc:"How requests ended: ok, left, or an error's code."`
}

// UsageSeries is usage by hours or days.
type UsageSeries struct {
	Step   sluice.UsageStep `json:"step"`
	By     store.UsageBy    `json:"by" doc:"Empty when nothing is told apart."`
	Since  time.Time        `json:"since"`
	Until  time.Time        `json:"until"`
	Data   []UsagePoint     `json:"data" doc:"In order of time and, within one, of names. Hours and days without requests are not in it."`
	Groups []UsageGroup     `json:"groups" doc:"The largest by tokens first."`
	Total  UsageGroup       `json:"total"`
}

// SeriesQuery says which usage is added up, and by what.
type SeriesQuery struct {
	Step  sluice.UsageStep `query:"step" enum:"hour,day" default:"day" doc:"Hours and days are in UTC."`
	Since time.Time        `query:"since" doc:"From the hour or day that this is in; a day before the end for hours and 30 for days when absent."`
	Until time.Time        `query:"until" doc:"Before this; now when absent."`
	Model string           `query:"model" maxLength:"128"`
	Top   int              `query:"top" minimum:"1" maximum:"100" default:"20" doc:"How many are told apart; the rest are together."`
}

// How far a series reaches.
const (
	maxHours = 31 * 24
	maxDays  = 800
)

// Series adds usage up.
type Series interface {
	// UsageSeries returns what requests came to, in order of time and name. Errors: CodeInvalid.
	UsageSeries(ctx context.Context, q store.SeriesQuery) ([]sluice.UsageRow, error)
}

type inSeries struct {
	Organisation string        `path:"organisation" maxLength:"64"`
	By           store.UsageBy `query:"by" enum:"model,key,project" doc:"What is told apart; nothing when absent."`
	Project      string        `query:"project" maxLength:"64" doc:"A project's id."`
	Key          string        `query:"key" maxLength:"64" doc:"A key's id."`
	SeriesQuery
}

type inFleetSeries struct {
	By store.UsageBy `query:"by" enum:"model,organisation" doc:"What is told apart; nothing when absent."`
	SeriesQuery
}

func (s *Server) registerSeries() {
	const tag, one, all = "usage", "/organisations/{organisation}/usage/series", "/usage/series"
	register(s, route{
		id: "get-usage-series", method: http.MethodGet, path: one, tag: tag,
		summary: "Get an organisation's usage by hour or day, and by model, key or project", roles: anyone(),
	}, func(ctx context.Context, who *caller, in *inSeries) (*UsageSeries, error) {
		q, labels, err := s.organisationSeries(ctx, who, in)
		if err != nil {
			return nil, err
		}
		return s.series(ctx, q, in.Top, labels)
	})
	register(s, route{
		id: "get-all-usage-series", method: http.MethodGet, path: all, tag: tag,
		summary: "Get everybody's usage by hour or day, and by model or organisation", roles: operators(),
	}, func(ctx context.Context, who *caller, in *inFleetSeries) (*UsageSeries, error) {
		q, labels, err := s.fleetSeries(ctx, who, in)
		if err != nil {
			return nil, err
		}
		return s.series(ctx, q, in.Top, labels)
	})
	registerExport(s, route{
		id: "export-usage-series", method: http.MethodGet, path: one + ".csv", tag: tag,
		summary: "Get an organisation's usage by hour or day as CSV", roles: anyone(),
	}, func(ctx context.Context, who *caller, in *inSeries) (*export, error) {
		q, labels, err := s.organisationSeries(ctx, who, in)
		if err != nil {
			return nil, err
		}
		return s.seriesExport(ctx, q, labels)
	})
	registerExport(s, route{
		id: "export-all-usage-series", method: http.MethodGet, path: all + ".csv", tag: tag,
		summary: "Get everybody's usage by hour or day as CSV", roles: operators(),
	}, func(ctx context.Context, who *caller, in *inFleetSeries) (*export, error) {
		q, labels, err := s.fleetSeries(ctx, who, in)
		if err != nil {
			return nil, err
		}
		return s.seriesExport(ctx, q, labels)
	})
}

// organisationSeries is what is asked of the store for one organisation, and
// what the names in its answer are called.
func (s *Server) organisationSeries(ctx context.Context, who *caller, in *inSeries) (store.SeriesQuery, map[string]string, error) {
	o, err := s.organisation(ctx, who, in.Organisation)
	if err != nil {
		return store.SeriesQuery{}, nil, err
	}
	q, err := s.span(&in.SeriesQuery)
	q.Org, q.By, q.Project, q.Key = o.ID, in.By, in.Project, in.Key
	if err != nil {
		return q, nil, err
	}
	labels := map[string]string{}
	switch in.By {
	case store.UsageByKey:
		keys, err := s.keys(ctx, who)
		for _, k := range keys {
			labels[k.ID] = k.Name
		}
		return q, labels, err
	case store.UsageByProject:
		projects, err := s.projects(ctx, who)
		for _, p := range projects {
			labels[p.ID] = p.Name
		}
		return q, labels, err
	case store.UsageByNothing, store.UsageByModel, store.UsageByOrganisation:
	}
	return q, nil, nil
}

// fleetSeries is the same for everybody.
func (s *Server) fleetSeries(ctx context.Context, who *caller, in *inFleetSeries) (store.SeriesQuery, map[string]string, error) {
	q, err := s.span(&in.SeriesQuery)
	q.By = in.By
	if err != nil || in.By != store.UsageByOrganisation {
		return q, nil, err
	}
	orgs, err := s.organisations(ctx, who)
	labels := map[string]string{}
	for _, o := range orgs {
		labels[o.ID] = o.Name
	}
	return q, labels, err
}

// span reads the time that is asked for. Errors: CodeInvalid.
func (s *Server) span(in *SeriesQuery) (store.SeriesQuery, error) {
	q := store.SeriesQuery{Model: in.Model, Step: in.Step, Since: in.Since.UTC(), Until: in.Until.UTC()}
	if in.Until.IsZero() {
		q.Until = s.opt.Now().UTC()
	}
	most, usual := maxDays*24*time.Hour, 30*24*time.Hour
	if in.Step == sluice.UsageHour {
		most, usual = maxHours*time.Hour, 24*time.Hour
	}
	if in.Since.IsZero() {
		q.Since = q.Until.Add(-usual)
	}
	q.Since = q.Since.Truncate(q.Step.Duration())
	switch {
	case !q.Since.Before(q.Until):
		return q, &sluice.Error{Code: sluice.CodeInvalid, Param: "since", Message: "The time ends before it begins: since must be before until."}
	case q.Until.Sub(q.Since) > most+q.Step.Duration():
		return q, &sluice.Error{Code: sluice.CodeInvalid, Param: "since", Message: "That is too long: usage comes for at most 31 days by hour, and 800 by day."}
	}
	return q, nil
}

// nameIn is what a row is told apart by.
func nameIn(r *sluice.UsageRow) string { return cmp.Or(r.Model, r.Key, r.Project, r.Org) }

// series reads usage and writes it as it is shown.
func (s *Server) series(ctx context.Context, q store.SeriesQuery, top int, labels map[string]string) (*UsageSeries, error) {
	rows, err := s.opt.Series.UsageSeries(ctx, q)
	if err != nil {
		return nil, err
	}
	total, groups := &figures{}, map[string]*figures{}
	for i := range rows {
		if err := errors.Join(total.add(&rows[i]), at(groups, nameIn(&rows[i])).add(&rows[i])); err != nil {
			return nil, err
		}
	}
	out := &UsageSeries{Step: q.Step, By: q.By, Since: q.Since, Until: q.Until, Data: []UsagePoint{}, Groups: []UsageGroup{}, Total: total.group()}
	if q.By == store.UsageByNothing {
		out.Data, err = points(rows, nil)
		return out, err
	}
	names := make([]string, 0, len(groups))
	for name := range groups {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		x, y := groups[a], groups[b]
		return cmp.Or(cmp.Compare(y.sum.Usage.Total(), x.sum.Usage.Total()), cmp.Compare(y.requests(), x.requests()), cmp.Compare(a, b))
	})
	kept := map[string]bool{}
	for _, name := range names[:min(top, len(names))] {
		kept[name] = true
		g := groups[name].group()
		g.Name, g.Label = name, labels[name]
		out.Groups = append(out.Groups, g)
	}
	if len(names) > top {
		rest := &figures{}
		for _, name := range names[top:] {
			if err := rest.merge(groups[name]); err != nil {
				return nil, err
			}
		}
		g := rest.group()
		g.Others = true
		out.Groups = append(out.Groups, g)
	}
	out.Data, err = points(rows, kept)
	return out, err
}

// points writes rows by time and name. kept are the names that are told apart;
// nil for all.
func points(rows []sluice.UsageRow, kept map[string]bool) ([]UsagePoint, error) {
	all := []UsagePoint{}
	for len(rows) > 0 { // one hour or day after the other
		n := slices.IndexFunc(rows, func(r sluice.UsageRow) bool { return !r.Start.Equal(rows[0].Start) })
		if n < 0 {
			n = len(rows)
		}
		names, others := map[string]*figures{}, &figures{}
		for i := range rows[:n] {
			f := others
			if name := nameIn(&rows[i]); kept == nil || kept[name] {
				f = at(names, name)
			}
			if err := f.add(&rows[i]); err != nil {
				return nil, err
			}
		}
		for _, name := range sortedNames(names) {
			all = append(all, UsagePoint{Start: rows[0].Start, Name: name, UsageFigures: names[name].shown()})
		}
		if others.money != nil {
			all = append(all, UsagePoint{Start: rows[0].Start, Others: true, UsageFigures: others.shown()})
		}
		rows = rows[n:]
	}
	return all, nil
}
