package statement

import (
	"fmt"
	"time"

	"sluice"
	"sluice/money/cost"
	"sluice/money/exact"
)

// groups are the buckets of a statement.
type groups struct {
	total                              *bucket
	models, pools, segments, customers buckets
}

// Make makes the statement of what it is given. Errors: CodeInvalid for a row of
// another currency or outside of the period, or a fleet that contradicts itself;
// errors wrapping sluice.ErrOverflow.
func Make(in *Input) (*Statement, error) {
	if !in.To.After(in.From) {
		return nil, sluice.Errorf(sluice.CodeInvalid, "From %s to %s there is no time.", in.From, in.To)
	}
	g, err := in.gather()
	if err != nil {
		return nil, err
	}
	report := in.Spent
	if report == nil && in.Fleet != nil {
		if in.Fleet.Currency != in.Currency {
			return nil, sluice.Errorf(sluice.CodeInvalid, "The nodes are paid in %s and the statement is in %s.", in.Fleet.Currency, in.Currency)
		}
		if report, err = in.Fleet.Between(in.From, in.To); err != nil {
			return nil, err
		}
	}
	work := cost.EvenWork()
	if in.Rates.Known() {
		work = in.Rates.Work()
	}
	st := &Statement{
		Currency: in.Currency, From: in.From, To: in.To,
		Simulated: g.total.outcomes[0],
		Waterfall: g.total.waterfall(in.Reference, in.Entries != nil), Notes: in.Notes,
	}
	shares := newSharing(report, work, g.total)
	if err := st.addParts(g, shares, in.Entries != nil); err != nil {
		return nil, err
	}
	if report != nil {
		if report.Total.NodeHours.Sign() == 0 && st.Total.Units.Total() > 0 {
			st.Notes = append(st.Notes, "There were no nodes in the period by their schedule, and yet tokens were served.")
		}
		st.Nodes, st.Unit = nodes(in, report, g.total.own()), unitCosts(report, shares, g.total)
	}
	days := exact.Of(int64(in.To.Sub(in.From)), int64(24*time.Hour))
	st.DailyTokens = exact.Int(st.Total.Prompt).Add(exact.Int(st.Total.Completion)).Quo(days)
	if in.Reach != nil {
		st.Reach = *in.Reach
	} else {
		for i := range st.Customers {
			if c := &st.Customers[i]; c.Name != "" && (c.Calls > 0 || c.Units != (sluice.Usage{})) {
				st.Reach.Customers++
			}
		}
	}
	st.concentrate()
	st.convert(in.Convert)
	for _, c := range in.Claims {
		compared, err := st.compare(c, in.Slack)
		if err != nil {
			return nil, err
		}
		st.Claims = append(st.Claims, compared)
	}
	return st, nil
}

// gather sums the rows by everything that a statement divides them by.
func (in *Input) gather() (*groups, error) {
	g := &groups{total: newBucket(""), models: buckets{}, pools: buckets{}, segments: buckets{}, customers: buckets{}}
	check := func(what string, at time.Time, currency sluice.Currency) error {
		if currency != in.Currency {
			return sluice.Errorf(sluice.CodeInvalid, "A row of %s at %s is in %s and the statement in %s.", what, at.Format(time.RFC3339), currency, in.Currency)
		}
		if at.Before(in.From) || !at.Before(in.To) {
			return sluice.Errorf(sluice.CodeInvalid, "A row of %s at %s is outside of the statement, from %s to %s.", what, at.Format(time.RFC3339), in.From.Format(time.RFC3339), in.To.Format(time.RFC3339))
		}
		return nil
	}
	for i := range in.Rows {
		row := &in.Rows[i]
		if err := check("events", row.Hour, row.Currency); err != nil {
			return nil, err
		}
		into := []*bucket{g.total}
		if row.Outcome != OutcomeSimulated {
			into = append(into, g.models.at(row.Model), g.pools.at(row.Pool), g.segments.at(string(row.Segment)), g.customers.at(row.Org))
		}
		for _, b := range into {
			if err := b.add(row); err != nil {
				return nil, err
			}
		}
	}
	for i := range in.Entries {
		row := &in.Entries[i]
		if err := check("entries", row.Hour, row.Currency); err != nil {
			return nil, err
		}
		into := []*bucket{g.total}
		if recognised(&row.EntryKey) {
			into = append(into, g.models.at(row.Model), g.pools.at(row.Pool), g.segments.at(string(row.Segment)), g.customers.at(row.Org))
		}
		for _, b := range into {
			if err := b.addEntries(row); err != nil {
				return nil, err
			}
		}
	}
	return g, nil
}

// recognised reports whether entries are part of what is earned.
func recognised(e *EntryKey) bool {
	return earned(e) || promotion(e) || e.Account == sluice.AccountBreakage
}

// addParts works out the parts of all groups.
func (st *Statement) addParts(g *groups, s *sharing, entries bool) error {
	var err error
	if st.Total, err = g.total.part(entries); err != nil {
		return err
	}
	s.charge(&st.Total, g.total)
	for _, group := range []struct {
		to  *[]Part
		all buckets
	}{{&st.Models, g.models}, {&st.Pools, g.pools}, {&st.Segments, g.segments}, {&st.Customers, g.customers}} {
		if *group.to, err = group.all.parts(s, entries); err != nil {
			return err
		}
	}
	return nil
}

// own is the units that the operator's own nodes served.
func (b *bucket) own() *sluice.Usage {
	sum := new(sluice.Usage)
	for _, units := range b.units {
		for class, n := range units {
			sum[class] += n // as they did not overflow where they were summed with more
		}
	}
	return sum
}

// nodes says what the nodes did.
func nodes(in *Input, report *cost.Report, own *sluice.Usage) *Nodes {
	hours := map[cost.Role]exact.Number{}
	for i := range report.Pools {
		line := &report.Pools[i]
		hours[line.Role] = hours[line.Role].Add(line.NodeHours)
	}
	rate := func(tokens int64, role cost.Role) exact.Ratio {
		busy := hours[role].Add(hours[cost.RoleAll])
		return exact.Ratio{Of: exact.Int(tokens), To: busy.Mul(exact.Int(3600))}
	}
	n := &Nodes{Cost: report, PrefillRate: rate(own.Prompt(), cost.RolePrefill), DecodeRate: rate(own.Completion(), cost.RoleDecode)}
	if !in.Rates.Known() {
		return n
	}
	seconds := exact.Of(int64(in.To.Sub(in.From)), int64(time.Second))
	n.ImpliedPrefill = exact.Int(own.Prompt()).Quo(seconds.Mul(in.Rates.Prefill))
	n.ImpliedDecode = exact.Int(own.Completion()).Quo(seconds.Mul(in.Rates.Decode))
	n.Implied = n.ImpliedPrefill.Add(n.ImpliedDecode)
	n.Busy = exact.Ratio{Of: n.Implied, To: report.Total.Mean}
	return n
}

// unitCosts divides what the nodes cost by what they did.
func unitCosts(report *cost.Report, shares *sharing, all *bucket) *UnitCosts {
	own := all.own()
	million := func(of exact.Number, tokens int64) exact.Ratio {
		return exact.Ratio{Of: of.Mul(exact.Int(1_000_000)), To: exact.Int(tokens)}
	}
	spent := report.Total.Total
	u := &UnitCosts{
		NodeHour: report.Total.PerNodeHour(), Million: million(spent, own.Total()), Output: million(spent, own.Completion()),
		PerMillion: map[string]exact.Number{},
	}
	for class := range sluice.Class(sluice.NumClasses) {
		if p, ok := million(shares.ofClass(all, class), own[class]).Value(); ok {
			u.PerMillion[class.String()] = p
		}
	}
	return u
}

// concentrate adds what share the greatest customers have.
func (st *Statement) concentrate() {
	var sum exact.Number
	for i := range st.Customers {
		if sum = sum.Add(st.Customers[i].List); i == 0 || i == 4 || i == 9 {
			st.Concentration = append(st.Concentration, Share{i + 1, exact.Ratio{Of: sum, To: st.Total.List}})
		}
	}
}

func (st *Statement) convert(c *Conversion) {
	if c == nil {
		return
	}
	t := &st.Total
	st.Converted = &Converted{*c, t.List.Mul(c.Rate), t.Cost.Mul(c.Rate), t.ListProfit.Mul(c.Rate), t.Recognised.Mul(c.Rate)}
	st.Notes = append(st.Notes, fmt.Sprintf("Figures in %s are converted at %s for reading; nothing is booked in %s.", c.Currency, c.Rate, c.Currency))
}

// Within returns the rows of events in [from, to).
func Within(rows Rows, from, to time.Time) []Row {
	var within []Row
	for key, sums := range rows {
		if !key.Hour.Before(from) && key.Hour.Before(to) {
			within = append(within, Row{key, *sums})
		}
	}
	return within
}
