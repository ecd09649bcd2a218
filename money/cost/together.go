package cost

import (
	"cmp"
	"maps"
	"slices"

	"sluice/money/exact"
)

// Together adds up reports of periods that follow each other: what was spent, and
// of the nodes the mean over all of them and the peak of any. nil for no reports.
func Together(reports []*Report) *Report {
	var sum *Report
	pools := map[string]*PoolCost{}
	for _, r := range reports {
		if sum == nil {
			sum = &Report{Currency: r.Currency, From: r.From, To: r.To}
		}
		sum.From, sum.To = earliest(sum.From, r.From), latest(sum.To, r.To)
		for i := range r.Pools {
			p := &r.Pools[i]
			if pools[p.Pool] == nil {
				pools[p.Pool] = &PoolCost{Pool: p.Pool, Role: p.Role}
			}
			pools[p.Pool].add(p)
			pools[p.Pool].Peak = most(pools[p.Pool].Peak, p.Peak)
		}
		sum.Total.Peak = most(sum.Total.Peak, r.Total.Peak)
	}
	if sum == nil {
		return nil
	}
	hours := hoursOf(sum.To.Sub(sum.From))
	for _, p := range slices.SortedFunc(maps.Values(pools), func(a, b *PoolCost) int { return cmp.Compare(a.Pool, b.Pool) }) {
		p.Mean = p.NodeHours.Quo(hours)
		sum.Total.add(p)
		sum.Pools = append(sum.Pools, *p)
	}
	sum.Total.Mean = sum.Total.NodeHours.Quo(hours)
	return sum
}

// Without is the report without expenses of some kinds.
func (r *Report) Without(kinds ...Kind) *Report {
	left := *r
	left.Pools = nil
	left.Total = PoolCost{Mean: r.Total.Mean, Peak: r.Total.Peak}
	for _, p := range r.Pools {
		p.Expenses = maps.Clone(p.Expenses)
		for _, kind := range kinds {
			p.Total = p.Total.Sub(p.Expenses[kind])
			delete(p.Expenses, kind)
		}
		left.Total.add(&p)
		left.Pools = append(left.Pools, p)
	}
	return &left
}

func most(a, b exact.Number) exact.Number {
	if a.Cmp(b) >= 0 {
		return a
	}
	return b
}
