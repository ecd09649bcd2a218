package statement

import (
	"fmt"
	"slices"
	"time"

	"sluice"
	"sluice/money/cost"
	"sluice/money/exact"
)

// NodePool is a pool of nodes as an operator keeps it.
type NodePool struct {
	cost.Pool
	Currency sluice.Currency `json:"currency"` // that it is paid in

	// Measured says that its nodes are those of its engines, for as long as they
	// are up. It has no schedule then.
	Measured bool `json:"measured,omitempty"`
}

// PeriodCost is an expense as an operator keeps it.
type PeriodCost struct {
	ID       string          `json:"id"`
	Currency sluice.Currency `json:"currency"`
	cost.Expense
}

// Placed says where an engine belongs. One that is not placed is in a pool of its
// own name, and its metered calls are of SegmentAPI.
type Placed struct {
	Engine  string       `json:"engine"` // its id
	Name    string       `json:"name"`
	Pool    string       `json:"pool"`
	Segment Segment      `json:"segment"`
	Nodes   exact.Number `json:"nodes"` // that it runs on, for measured pools
}

// Up is for how long an engine was up in an hour.
type Up struct {
	Engine string // its id or its name
	Hour   time.Time
	For    time.Duration
}

// NodeSchedule is what an operator keeps of nodes and of what is paid for them.
type NodeSchedule struct {
	Pools   []NodePool   `json:"pools"`   // in order of names
	Spans   []cost.Span  `json:"spans"`   // in order of pools and time
	Costs   []PeriodCost `json:"costs"`   // in order of time
	Engines []Placed     `json:"engines"` // in order of names
}

// find is where in Engines an engine stands, by its id or, as events have it, by
// its name; -1 when it does not.
func (s *NodeSchedule) find(engine string) int {
	return slices.IndexFunc(s.Engines, func(p Placed) bool { return p.Engine == engine || p.Name == engine })
}

// Place returns the pool and the segment of an engine, by its id or its name.
func (s *NodeSchedule) Place(engine string) (pool string, segment Segment) {
	i := s.find(engine)
	if i < 0 {
		return engine, SegmentAPI
	}
	return s.Engines[i].Pool, s.Engines[i].Segment
}

// Fleet is what of the schedule is paid in a currency, with the measured hours of
// engines; nil when nothing is. drawn is by engine, and is used where its pool is in
// the currency.
func (s *NodeSchedule) Fleet(currency sluice.Currency, up []Up, drawn []cost.Drawn) *cost.Fleet {
	f := &cost.Fleet{Currency: currency}
	known := map[string]*NodePool{}
	for i := range s.Pools {
		if p := &s.Pools[i]; p.Currency == currency {
			f.Pools = append(f.Pools, p.Pool)
			known[p.Name] = p
		}
	}
	for _, span := range s.Spans {
		if known[span.Pool] != nil {
			f.Spans = append(f.Spans, span)
		}
	}
	for _, p := range s.Costs {
		if p.Currency != currency {
			continue
		}
		if known[p.Pool] == nil { // of a pool that is paid in another currency: for all
			p.Pool = ""
		}
		f.Expenses = append(f.Expenses, p.Expense)
	}
	f.Spans = append(f.Spans, s.measured(known, up)...)
	for _, d := range drawn {
		if d.Pool, _ = s.Place(d.Pool); known[d.Pool] != nil {
			f.Drawn = append(f.Drawn, d)
		}
	}
	if len(f.Pools)+len(f.Expenses) == 0 {
		return nil
	}
	return f
}

// measured makes spans of the hours in which engines were up: of each pool and
// hour one, with the mean of its nodes.
func (s *NodeSchedule) measured(pools map[string]*NodePool, up []Up) []cost.Span {
	type at struct {
		pool string
		hour int64
	}
	sums := map[at]exact.Number{}
	var order []at
	for _, u := range up {
		i := s.find(u.Engine)
		if i < 0 || pools[s.Engines[i].Pool] == nil || !pools[s.Engines[i].Pool].Measured {
			continue
		}
		k := at{s.Engines[i].Pool, u.Hour.Unix()}
		if _, ok := sums[k]; !ok {
			order = append(order, k)
		}
		sums[k] = sums[k].Add(s.Engines[i].Nodes.Mul(exact.Of(int64(u.For), int64(time.Hour))))
	}
	spans := make([]cost.Span, len(order))
	for i, k := range order {
		hour := time.Unix(k.hour, 0).UTC()
		spans[i] = cost.Span{Pool: k.pool, From: hour, To: hour.Add(time.Hour), Nodes: sums[k].Round(12)}
	}
	return spans
}

// NodeImport is what a file of nodes changes in a schedule.
type NodeImport struct {
	Pools   []NodePool   `json:"pools"`   // that are new
	Removed []cost.Span  `json:"removed"` // that were there and are no longer
	Spans   []cost.Span  `json:"spans"`   // that are there now, with what is left of Removed
	Costs   []PeriodCost `json:"costs"`
}

// Take says what a loaded file changes, whole or not at all. With replace the pools
// of the file lose what they had between the first and the last instant that it has
// of them; without, what overlaps is refused. id makes ids of payments. Errors:
// CodeInvalid, with the line and the reason.
func (s *NodeSchedule) Take(f *cost.Fleet, replace bool, id func() string) (*NodeImport, error) {
	made := &NodeImport{Pools: []NodePool{}, Removed: []cost.Span{}, Spans: []cost.Span{}, Costs: []PeriodCost{}}
	lines := map[string]int{}
	for _, span := range f.Spans {
		if lines[span.Pool] == 0 {
			lines[span.Pool] = span.Line
		}
	}
	names := map[string]bool{}
	for _, p := range s.Pools {
		names[p.Name] = true
	}
	for _, p := range f.Pools {
		own := NodePool{Pool: p, Currency: f.Currency}
		i := slices.IndexFunc(s.Pools, func(o NodePool) bool { return o.Name == p.Name })
		switch {
		case i < 0:
			made.Pools = append(made.Pools, own)
			names[p.Name] = true
		case s.Pools[i].Measured:
			return nil, refuse(lines[p.Name], "the hours of %q are measured: `sluice nodes pool` makes it one with a schedule", p.Name)
		case !s.Pools[i].equal(&own):
			return nil, refuse(lines[p.Name], "the pool %q is there with another role, chips, price, watts or currency: change it by `sluice nodes pool`, or name this one differently", p.Name)
		}
	}
	for _, e := range f.Expenses {
		if e.Pool != "" && !names[e.Pool] {
			return nil, refuse(e.Line, "there is no pool %q", e.Pool)
		}
		made.Costs = append(made.Costs, PeriodCost{ID: id(), Currency: f.Currency, Expense: e})
	}
	if replace {
		for _, p := range f.Pools {
			from, to := extent(f.Spans, p.Name)
			removed, kept := Cut(s.Spans, p.Name, from, to)
			made.Removed, made.Spans = append(made.Removed, removed...), append(made.Spans, kept...)
		}
		made.Spans = append(made.Spans, f.Spans...)
		return made, nil
	}
	for _, span := range f.Spans {
		for _, o := range s.Spans {
			if o.Pool == span.Pool && o.From.Before(span.To) && span.From.Before(o.To) {
				return nil, refuse(span.Line, "the schedule of %q from %s to %s overlaps what is there, from %s to %s; nothing was imported, and --replace puts the file in its place",
					span.Pool, stamp(span.From), stamp(span.To), stamp(o.From), stamp(o.To))
			}
		}
	}
	made.Spans = append(made.Spans, f.Spans...)
	return made, nil
}

func (p *NodePool) equal(o *NodePool) bool {
	return p.Role == o.Role && p.Chips == o.Chips && p.Price.Cmp(o.Price) == 0 && p.Watts == o.Watts && p.Currency == o.Currency
}

// extent is from when until when spans of a pool are.
func extent(spans []cost.Span, pool string) (from, to time.Time) {
	for _, s := range spans {
		if s.Pool != pool {
			continue
		}
		if from.IsZero() || s.From.Before(from) {
			from = s.From
		}
		if s.To.After(to) {
			to = s.To
		}
	}
	return from, to
}

// Cut takes [from, to) out of the spans of a pool: removed are those that it
// touches, and kept is what is left of them.
func Cut(spans []cost.Span, pool string, from, to time.Time) (removed, kept []cost.Span) {
	for _, s := range spans {
		if s.Pool != pool || !s.From.Before(to) || !from.Before(s.To) {
			continue
		}
		removed = append(removed, s)
		if s.From.Before(from) {
			kept = append(kept, cost.Span{Pool: pool, From: s.From, To: from, Nodes: s.Nodes})
		}
		if to.Before(s.To) {
			kept = append(kept, cost.Span{Pool: pool, From: to, To: s.To, Nodes: s.Nodes})
		}
	}
	return removed, kept
}

func refuse(line int, format string, args ...any) error {
	return sluice.Errorf(sluice.CodeInvalid, "line %d: %s.", line, fmt.Sprintf(format, args...))
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
