package catalogue

import (
	"time"

	"go.yaml.in/yaml/v4"

	"sluice"
	"sluice/money/plan"
	"sluice/money/quota"
)

// plan reads a version of a coding plan. Its windows have the terms of package
// quota; weights, which count by model and calendar, hold in all of them.
func (r *reader) plan(v *Vendor, n *yaml.Node) {
	before := len(r.faults)
	p := &Plan{Vendor: v, Line: n.Line, Draft: plan.Draft{Prices: map[plan.Cycle]sluice.Amount{}}}
	d := &p.Draft
	var currency string
	var rank, trial int64
	var weights []quota.Weight
	r.mapping(n, fields{
		"plan": r.into(&d.Plan), "name": r.into(&d.Name), "rank": r.number(&rank), "currency": r.into(&currency),
		"trial_days": r.number(&trial), "models": r.texts(&d.Models), "since": r.instant(&d.EffectiveAt),
		"source": r.source(v, &p.Source), "note": r.into(&p.Note),
		"prices": func(n *yaml.Node) {
			r.mapping(n, nil, func(key, value *yaml.Node) {
				a, err := sluice.ParseAmount(r.text(value))
				r.failWith(value, err)
				d.Prices[plan.Cycle(key.Value)] = a
			})
		},
		"windows": func(n *yaml.Node) { r.list(n, func(n *yaml.Node) { d.Windows = append(d.Windows, r.window(n)) }) },
		"weights": func(n *yaml.Node) { r.list(n, func(n *yaml.Node) { weights = append(weights, r.weight(v, n)) }) },
	}, nil)
	d.Currency, d.Rank, d.TrialDays = sluice.Currency(currency), int(rank), int(trial)
	for i := range d.Windows {
		d.Windows[i].Weights = weights
	}
	if p.Source == "" || d.EffectiveAt.IsZero() {
		r.fail(n, "the plan needs a source, and since when it shows it")
	}
	for _, other := range v.Plans {
		if other.Draft.Plan == d.Plan && other.Draft.Currency == d.Currency && !other.Draft.EffectiveAt.Before(d.EffectiveAt) {
			r.fail(n, "the plan %s does not come after its version of line %d", d.Plan, other.Line)
		}
	}
	if len(r.faults) == before {
		_, err := plan.Publish("listing", *d, d.EffectiveAt, time.LoadLocation)
		r.failWith(n, err)
	}
	v.Plans = append(v.Plans, p)
}

func (r *reader) window(n *yaml.Node) (w quota.Window) {
	var kind, unit, span string
	r.mapping(n, fields{
		"name": r.into(&w.Name), "kind": r.into(&kind), "unit": r.into(&unit), "limit": r.number(&w.Limit),
		"minutes": r.number(&w.Minutes), "span": r.into(&span), "zone": r.into(&w.Zone),
	}, nil)
	w.Kind, w.Unit, w.Span = quota.Kind(kind), quota.Unit(unit), quota.Span(span)
	return w
}

func (r *reader) weight(v *Vendor, n *yaml.Node) (w quota.Weight) {
	r.mapping(n, fields{
		"model": r.into(&w.Model), "calendar": func(n *yaml.Node) {
			w.Calendar = r.text(n)
			for _, c := range v.Calendars {
				if c.Name() == w.Calendar {
					return
				}
			}
			r.fail(n, "there is no calendar %q", w.Calendar)
		},
		"times": func(n *yaml.Node) {
			const milli = sluice.NanoPerUnit / quota.Milli
			a, err := sluice.ParseAmount(r.text(n))
			if err != nil || a.Sign() < 0 || a.Carry != 0 || a.Nano%milli != 0 {
				r.fail(n, "%q times is not a number of at most three decimals", n.Value)
			}
			w.Times = a.Nano / milli
		},
	}, nil)
	return w
}
