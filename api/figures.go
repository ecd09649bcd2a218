package api

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"sluice"
)

// figures adds up rows of usage, with their money apart by currency.
type figures struct {
	sum   sluice.UsageSum
	money map[sluice.Currency]*charged // made with the first row
}

// charged is what rows in one currency cost.
type charged struct{ list, charge, refund, simulated sluice.Amount }

// at returns the figures of a name, which are made when there are none.
func at(all map[string]*figures, name string) *figures {
	f := all[name]
	if f == nil {
		f = &figures{}
		all[name] = f
	}
	return f
}

func sortedNames(all map[string]*figures) []string { return slices.Sorted(maps.Keys(all)) }

// add adds a row. Errors: ErrOverflow.
func (f *figures) add(r *sluice.UsageRow) error {
	own := charged{list: r.List, charge: r.Charge, refund: r.Refund}
	if r.Simulated {
		own.simulated = r.Charge
	}
	return errors.Join(f.sum.Add(&r.UsageSum), f.charge(r.Currency, &own))
}

// merge adds other figures. Errors: ErrOverflow.
func (f *figures) merge(other *figures) error {
	err := f.sum.Add(&other.sum)
	for currency, m := range other.money {
		err = errors.Join(err, f.charge(currency, m))
	}
	return err
}

func (f *figures) charge(currency sluice.Currency, more *charged) error {
	if f.money == nil {
		f.money = map[sluice.Currency]*charged{}
	}
	if currency == "" { // of requests that nobody was identified for
		return nil
	}
	m := f.money[currency]
	if m == nil {
		m = &charged{}
		f.money[currency] = m
	}
	for _, of := range [...]struct{ to, from *sluice.Amount }{
		{&m.list, &more.list}, {&m.charge, &more.charge}, {&m.refund, &more.refund}, {&m.simulated, &more.simulated},
	} {
		sum, err := of.to.Add(*of.from)
		if err != nil {
			return err
		}
		*of.to = sum
	}
	return nil
}

// requests is how many were made; a call whose request was not counted, because
// the server died, is one too.
func (f *figures) requests() int64 {
	all, _ := f.sum.Requests()
	return max(all, f.sum.Calls)
}

// shown writes the figures.
func (f *figures) shown() UsageFigures {
	_, failed := f.sum.Requests()
	shown := UsageFigures{
		Requests: f.requests(), Errors: failed, Calls: f.sum.Calls, Tokens: tokens(&f.sum.Usage), Units: units(&f.sum.Usage),
		Charges: f.charges(), FirstToken: percentiles(&f.sum.TTFT),
	}
	return shown
}

func (f *figures) charges() []Charge {
	all := []Charge{}
	for currency, m := range f.money {
		all = append(all, Charge{Currency: currency, List: m.list, Charge: m.charge, Refund: m.refund, Simulated: m.simulated})
	}
	slices.SortFunc(all, func(a, b Charge) int { return cmp.Compare(a.Currency, b.Currency) })
	return all
}

// group writes the figures with how the requests ended.
func (f *figures) group() UsageGroup {
	return UsageGroup{UsageFigures: f.shown(), Results: maps.Clone(f.sum.Results)}
}

// percentiles writes times to first token; nil without one.
func percentiles(l *sluice.Latencies) *Percentiles {
	half, ok := l.Percentile(50)
	if !ok {
		return nil
	}
	most, _ := l.Percentile(99)
	return &Percentiles{P50: half.Milliseconds(), P99: most.Milliseconds()}
}
