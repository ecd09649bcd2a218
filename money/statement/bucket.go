package statement

import (
	"cmp"
	"fmt"
	"slices"

	"sluice"
	"sluice/money/cost"
	"sluice/money/exact"
)

// bucket is the sums of the rows that have something in common.
type bucket struct {
	name     string
	outcomes [7]Sums                  // in the order of Outcomes
	units    map[string]*sluice.Usage // by pool, of what is not simulated
	entries  map[EntryKey]sluice.Amount
}

func newBucket(name string) *bucket {
	return &bucket{name: name, units: map[string]*sluice.Usage{}, entries: map[EntryKey]sluice.Amount{}}
}

// buckets are by name.
type buckets map[string]*bucket

func (all buckets) at(name string) *bucket {
	b := all[name]
	if b == nil {
		b = newBucket(name)
		all[name] = b
	}
	return b
}

func (b *bucket) add(row *Row) error {
	i := slices.Index(Outcomes(), row.Outcome)
	if i < 0 {
		return sluice.Errorf(sluice.CodeInvalid, "A row of %s has the outcome %q, which is none.", row.Hour, row.Outcome)
	}
	if err := b.outcomes[i].Add(&row.Sums); err != nil {
		return err
	}
	if row.Outcome == OutcomeSimulated || row.Segment == SegmentLocal { // other nodes served it
		return nil
	}
	units := b.units[row.Pool]
	if units == nil {
		units = new(sluice.Usage)
		b.units[row.Pool] = units
	}
	return addUnits(units, &row.Units)
}

func addUnits(to, units *sluice.Usage) error {
	for class := range units {
		if err := addCount(&to[class], units[class]); err != nil {
			return err
		}
	}
	return nil
}

// addEntries keeps of a row's key what the waterfall asks for.
func (b *bucket) addEntries(row *EntryRow) error {
	key := EntryKey{Kind: row.Kind, Account: row.Account, Simulated: row.Simulated}
	sum, err := b.entries[key].Add(row.Amount)
	if err != nil {
		return fmt.Errorf("summing entries: %w", err)
	}
	b.entries[key] = sum
	return nil
}

// served is the sums of all outcomes but the simulated one.
func (b *bucket) served() (Sums, error) {
	var sum Sums
	for i, o := range Outcomes() {
		if o == OutcomeSimulated {
			continue
		}
		if err := sum.Add(&b.outcomes[i]); err != nil {
			return Sums{}, err
		}
	}
	return sum, nil
}

// lost is what of the list amount of an outcome was not charged.
func (b *bucket) lost(o Outcome) exact.Number {
	s := &b.outcomes[slices.Index(Outcomes(), o)]
	return exact.Money(s.List).Sub(exact.Money(s.Charge))
}

// part works out what stands in a statement, but for what it cost.
func (b *bucket) part(entries bool) (Part, error) {
	s, err := b.served()
	if err != nil {
		return Part{}, err
	}
	p := Part{
		Name: b.name, Calls: s.Calls, Units: s.Units, Prompt: s.Units.Prompt(), Completion: s.Units.Completion(),
		List: exact.Money(s.List), Charged: exact.Money(s.Charge).Sub(exact.Money(s.Refund)),
		Leakage: Leakage{Crash: b.lost(OutcomeCrash), Estimated: b.lost(OutcomeEstimated), Free: b.lost(OutcomeFree), Short: b.lost(OutcomeShort)},
	}
	p.HitRate = exact.Ratio{Of: exact.Int(s.Units[sluice.ClassCached]), To: exact.Int(p.Prompt)}
	p.Recognised = p.Charged
	if entries {
		p.Recognised = exact.Number{}
		for key, amount := range b.entries {
			if recognised(&key) {
				p.Recognised = p.Recognised.Add(exact.Money(amount))
			}
		}
	}
	return p, nil
}

// bear gives a part what it cost and what follows from that.
func (p *Part) bear(amount exact.Number) {
	p.Cost = amount
	p.ListProfit = p.List.Sub(amount)
	p.CostProfit = exact.Ratio{Of: p.ListProfit, To: amount}
	p.ListMargin = exact.Ratio{Of: p.ListProfit, To: p.List}
	p.Profit = p.Recognised.Sub(amount)
	p.GrossMargin = exact.Ratio{Of: p.Profit, To: p.Recognised}
}

// sharing says how the cost of nodes is shared. What a pool costs is borne by what
// it served, by the nodes' work. What a pool costs that served nothing by its name is
// borne by everything: that of a pool for prefill by all prompts, for decode by all
// answers, and the rest, with what is paid for no pool, by work.
type sharing struct {
	rates map[string]*[sluice.NumClasses]exact.Number // of a unit of each class, by the pool that served it
	idle  exact.Number                                // what nothing bears, since nothing was served
	known bool                                        // whether there are costs at all
}

func newSharing(report *cost.Report, work cost.Work, total *bucket) *sharing {
	s := &sharing{rates: map[string]*[sluice.NumClasses]exact.Number{}}
	if report == nil {
		return s
	}
	s.known = true
	var all, prompts, answers exact.Number
	for pool, units := range total.units {
		s.rates[pool] = new([sluice.NumClasses]exact.Number)
		all = all.Add(work.Of(units))
		prompts, answers = prompts.Add(exact.Int(units.Prompt())), answers.Add(exact.Int(units.Completion()))
	}
	var forPrompts, forAnswers, rest exact.Number
	for i := range report.Pools {
		line := &report.Pools[i]
		units := total.units[line.Pool]
		switch {
		case line.Pool != "" && units != nil && work.Of(units).Sign() != 0:
			per := line.Total.Quo(work.Of(units))
			for class := range work {
				s.rates[line.Pool][class] = work[class].Mul(per)
			}
		case line.Role == cost.RolePrefill && prompts.Sign() != 0:
			forPrompts = forPrompts.Add(line.Total)
		case line.Role == cost.RoleDecode && answers.Sign() != 0:
			forAnswers = forAnswers.Add(line.Total)
		default:
			rest = rest.Add(line.Total)
		}
	}
	if all.Sign() == 0 {
		s.idle = rest
		rest = exact.Number{}
	}
	for class := range sluice.Class(sluice.NumClasses) {
		part, _ := exact.Ratio{Of: rest.Mul(work[class]), To: all}.Value() // nothing where there is no work
		switch {
		case !class.IsToken():
		case class == sluice.ClassOutput || class == sluice.ClassReasoning:
			each, _ := exact.Ratio{Of: forAnswers, To: answers}.Value()
			part = part.Add(each)
		default:
			each, _ := exact.Ratio{Of: forPrompts, To: prompts}.Value()
			part = part.Add(each)
		}
		for _, rates := range s.rates {
			rates[class] = rates[class].Add(part)
		}
	}
	return s
}

// charge gives a part what its bucket bears.
func (s *sharing) charge(p *Part, b *bucket) {
	if !s.known {
		return
	}
	var sum exact.Number
	if b.name == "" {
		sum = s.idle
	}
	for class := range sluice.Class(sluice.NumClasses) {
		sum = sum.Add(s.ofClass(b, class))
	}
	p.bear(sum)
}

// ofClass is what the units of a class in a bucket bear.
func (s *sharing) ofClass(b *bucket, class sluice.Class) (sum exact.Number) {
	for pool, units := range b.units {
		if n := units[class]; n != 0 {
			sum = sum.Add(s.rates[pool][class].Mul(exact.Int(n)))
		}
	}
	return sum
}

// parts writes the buckets in order. A bucket without a name bears what nothing
// else does.
func (all buckets) parts(s *sharing, entries bool) ([]Part, error) {
	if s.idle.Sign() != 0 {
		all.at("")
	}
	parts := make([]Part, 0, len(all))
	for _, b := range all {
		p, err := b.part(entries)
		if err != nil {
			return nil, err
		}
		s.charge(&p, b)
		if b.name == "" && p.Calls == 0 && p.Units == (sluice.Usage{}) && p.Recognised.Sign() == 0 && p.Cost.Sign() == 0 {
			continue // grants alone, which earn nothing
		}
		parts = append(parts, p)
	}
	slices.SortFunc(parts, func(a, b Part) int { return cmp.Or(b.List.Cmp(a.List), cmp.Compare(a.Name, b.Name)) })
	return parts, nil
}
