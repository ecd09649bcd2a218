package cost

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"sluice"
	"sluice/money/exact"
)

// Report is what a fleet was and cost from an instant to another.
type Report struct {
	Currency sluice.Currency `json:"currency"`
	From     time.Time       `json:"from"`
	To       time.Time       `json:"to"`
	Total    PoolCost        `json:"total"`
	Pools    []PoolCost      `json:"pools"` // in order of their names; with no name, what is for no pool
}

// PoolCost is what a pool, or all of them, was and cost. Money is in units of the currency.
type PoolCost struct {
	Pool      string       `json:"pool"`
	Role      Role         `json:"role,omitempty"`
	NodeHours exact.Number `json:"node_hours"`
	ChipHours exact.Number `json:"chip_hours"`
	Mean      exact.Number `json:"mean_nodes"` // over the whole report
	Peak      exact.Number `json:"peak_nodes"`
	KWh       exact.Number `json:"kwh"` // as measured, or of the nodes whose watts are known

	Rent     exact.Number          `json:"rent"` // or amortisation
	Power    exact.Number          `json:"power"`
	Expenses map[Kind]exact.Number `json:"expenses,omitempty"` // by kind, what falls into the report
	Total    exact.Number          `json:"total"`
}

// PerNodeHour is what an hour of a node costs with all that is paid for it.
func (l *PoolCost) PerNodeHour() exact.Ratio { return exact.Ratio{Of: l.Total, To: l.NodeHours} }

// Between returns what the fleet was and cost in [from, to). Errors: those of
// Check, and CodeInvalid for an empty time.
func (f *Fleet) Between(from, to time.Time) (*Report, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	if !to.After(from) {
		return nil, sluice.Errorf(sluice.CodeInvalid, "From %s to %s there is no time.", stamp(from), stamp(to))
	}
	r := &Report{Currency: f.Currency, From: from, To: to}
	lines := map[string]*PoolCost{}
	for _, p := range f.Pools {
		line := &PoolCost{Pool: p.Name, Role: p.Role}
		line.count(&p, f.within(from, to, p.Name))
		line.power(&p, f.PowerPrice, f.within(from, to, p.Name), f.drawn(from, to, p.Name))
		lines[p.Name] = line
	}
	for _, e := range f.Expenses {
		part := e.within(from, to)
		if part.Sign() == 0 {
			continue
		}
		line := lines[e.Pool]
		if line == nil {
			line = &PoolCost{}
			lines[""] = line
		}
		if line.Expenses == nil {
			line.Expenses = map[Kind]exact.Number{}
		}
		line.Expenses[e.Kind] = line.Expenses[e.Kind].Add(part)
		line.Total = line.Total.Add(part)
	}
	hours := hoursOf(to.Sub(from))
	for _, name := range slices.Sorted(maps.Keys(lines)) {
		line := lines[name]
		line.Mean = line.NodeHours.Quo(hours)
		r.Total.add(line)
		r.Pools = append(r.Pools, *line)
	}
	r.Total.Mean = r.Total.NodeHours.Quo(hours)
	r.Total.Peak = peak(f.within(from, to, ""))
	return r, nil
}

// within returns the spans of a pool, or of all for "", cut to [from, to).
func (f *Fleet) within(from, to time.Time, pool string) []Span {
	var cut []Span
	for _, s := range f.Spans {
		if pool != "" && s.Pool != pool {
			continue
		}
		s.From, s.To = latest(s.From, from), earliest(s.To, to)
		if s.To.After(s.From) {
			cut = append(cut, s)
		}
	}
	return cut
}

// count sums the spans of a pool.
func (l *PoolCost) count(p *Pool, spans []Span) {
	for _, s := range spans {
		l.NodeHours = l.NodeHours.Add(s.Nodes.Mul(hoursOf(s.To.Sub(s.From))))
	}
	l.Peak = peak(spans)
	l.ChipHours = l.NodeHours.Mul(exact.Int(p.Chips))
	l.Rent = l.ChipHours.Mul(p.Price)
	l.Total = l.Rent
}

// power adds what a pool drew: what was measured, and by the watts of its nodes
// where nothing was.
func (l *PoolCost) power(p *Pool, price exact.Number, spans []Span, drawn []Drawn) {
	for _, d := range drawn {
		l.KWh, l.Power = l.KWh.Add(d.KWh), l.Power.Add(d.Amount)
	}
	guessed := exact.Number{}
	for _, s := range spans {
		guessed = guessed.Add(s.Nodes.Mul(hoursOf(unmeasured(&s, drawn))))
	}
	guessed = guessed.Mul(exact.Of(p.Watts, 1000))
	l.KWh, l.Power = l.KWh.Add(guessed), l.Power.Add(guessed.Mul(price))
	l.Total = l.Total.Add(l.Power)
}

// unmeasured is how much of a span nothing was measured of. What was measured is
// in order of its beginnings, and may overlap.
func unmeasured(s *Span, drawn []Drawn) time.Duration {
	var left time.Duration
	at := s.From
	for _, d := range drawn {
		if d.From.After(at) {
			left += earliest(d.From, s.To).Sub(at)
		}
		if at = latest(at, d.To); !at.Before(s.To) {
			return left
		}
	}
	return left + s.To.Sub(at)
}

// drawn returns what was measured of a pool, cut to [from, to) evenly, in order.
func (f *Fleet) drawn(from, to time.Time, pool string) []Drawn {
	var cut []Drawn
	for _, d := range f.Drawn {
		begin, end := latest(d.From, from), earliest(d.To, to)
		if d.Pool != pool || !end.After(begin) {
			continue
		}
		part := exact.Of(int64(end.Sub(begin)), int64(d.To.Sub(d.From)))
		cut = append(cut, Drawn{Pool: pool, From: begin, To: end, KWh: d.KWh.Mul(part), Amount: d.Amount.Mul(part)})
	}
	slices.SortFunc(cut, func(a, b Drawn) int { return a.From.Compare(b.From) })
	return cut
}

// add adds what another line counts and costs.
func (l *PoolCost) add(o *PoolCost) {
	l.NodeHours, l.ChipHours, l.KWh = l.NodeHours.Add(o.NodeHours), l.ChipHours.Add(o.ChipHours), l.KWh.Add(o.KWh)
	l.Rent, l.Power, l.Total = l.Rent.Add(o.Rent), l.Power.Add(o.Power), l.Total.Add(o.Total)
	for kind, amount := range o.Expenses {
		if l.Expenses == nil {
			l.Expenses = map[Kind]exact.Number{}
		}
		l.Expenses[kind] = l.Expenses[kind].Add(amount)
	}
}

// peak is the greatest number of nodes at once.
func peak(spans []Span) exact.Number {
	type step struct {
		at time.Time
		by exact.Number
	}
	var steps []step
	for _, s := range spans {
		steps = append(steps, step{s.From, s.Nodes}, step{s.To, s.Nodes.Neg()})
	}
	// Those that go leave before those that come: spans are half-open.
	slices.SortFunc(steps, func(a, b step) int { return cmp.Or(a.at.Compare(b.at), a.by.Cmp(b.by)) })
	var now, most exact.Number
	for _, s := range steps {
		if now = now.Add(s.by); now.Cmp(most) > 0 {
			most = now
		}
	}
	return most
}

// within is the part of an expense that falls into [from, to).
func (e *Expense) within(from, to time.Time) exact.Number {
	from, to = latest(e.From, from), earliest(e.To, to)
	if !to.After(from) {
		return exact.Number{}
	}
	return exact.Money(e.Amount).Mul(exact.Of(int64(to.Sub(from)), int64(e.To.Sub(e.From))))
}

func hoursOf(d time.Duration) exact.Number { return exact.Of(int64(d), int64(time.Hour)) }

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
