package whatif

import (
	"slices"

	"sluice/money/exact"
)

// Customer is what a customer brings and costs.
type Customer struct {
	Name           string
	Revenue, Spent exact.Number
}

// Turning is the point past which more users cost more than they bring.
type Turning struct {
	Customers int          `json:"customers"` // that bring at least what they cost
	Profit    exact.Number `json:"profit"`    // with them alone: the most that there is
	Lost      exact.Number `json:"lost"`      // what the others cost more than they bring
}

// TurningPoint orders customers by what they bring beyond what they cost, the best
// first, and says where their sum is greatest.
func TurningPoint(customers []Customer) Turning {
	sorted := slices.Clone(customers)
	gain := func(c *Customer) exact.Number { return c.Revenue.Sub(c.Spent) }
	slices.SortStableFunc(sorted, func(a, b Customer) int { return gain(&b).Cmp(gain(&a)) })
	var t Turning
	for i := range sorted {
		if g := gain(&sorted[i]); g.Sign() >= 0 {
			t.Customers, t.Profit = i+1, t.Profit.Add(g)
		} else {
			t.Lost = t.Lost.Sub(g)
		}
	}
	return t
}

// Crowd is users who are all alike, such as of one plan, and the nodes for them.
type Crowd struct {
	Revenue exact.Number // of a user, for a period
	Load    exact.Number // of a user: what part of a node one needs at the busiest hour
	Node    exact.Number // what a node costs for the period
	Nodes   int64        // that are there, and are paid whoever comes
	Fixed   exact.Number // what is paid besides
}

// Profit is what so many users bring beyond what they cost; ok is false when
// they need more nodes than can be counted.
func (c *Crowd) Profit(users int64) (profit exact.Number, ok bool) {
	needed, ok := exact.Int(users).Mul(c.Load).Ceil()
	if !ok {
		return exact.Number{}, false
	}
	nodes := exact.Int(max(c.Nodes, needed))
	return exact.Int(users).Mul(c.Revenue).Sub(c.Node.Mul(nodes)).Sub(c.Fixed), true
}

// Most is the number of users at which profit is greatest: past it, more cost more
// than they bring. ok is false when there is no such number, since users pay for
// the nodes that they need, or need none.
func (c *Crowd) Most() (users int64, ok bool) {
	if c.Revenue.Sign() <= 0 {
		return 0, true
	}
	if c.Load.Sign() <= 0 || c.Revenue.Cmp(c.Node.Mul(c.Load)) >= 0 {
		return 0, false
	}
	// Beyond the nodes that are there, one more may still be filled better than the
	// ones before, by less than a user: look at full fleets until that cannot help.
	full := func(more int64) int64 { return floor(exact.Int(c.Nodes + more).Quo(c.Load)) }
	users = full(0)
	best, _ := c.Profit(users)
	slope := c.Revenue.Quo(c.Load).Sub(c.Node) // of a node more, on average: negative
	bound := exact.Int(c.Nodes).Mul(c.Revenue).Quo(c.Load).Sub(c.Node.Mul(exact.Int(c.Nodes))).Sub(c.Fixed)
	for more := int64(1); more <= mostFleets; more++ {
		if bound = bound.Add(slope); bound.Cmp(best) <= 0 {
			break
		}
		if profit, ok := c.Profit(full(more)); ok && profit.Cmp(best) > 0 {
			users, best = full(more), profit
		}
	}
	return users, true
}

// mostFleets bounds the search of Most, where a node brings almost what it costs.
const mostFleets = 100_000

// Needed is how many users pay for what is there; ok is false when there are none
// that few nodes would serve.
func (c *Crowd) Needed() (users int64, ok bool) {
	if c.Revenue.Sign() <= 0 {
		return 0, false
	}
	users, ok = c.Fixed.Add(c.Node.Mul(exact.Int(c.Nodes))).Quo(c.Revenue).Ceil()
	if !ok || exact.Int(users).Mul(c.Load).Cmp(exact.Int(c.Nodes)) > 0 {
		return 0, false
	}
	return users, true
}

// floor is the greatest whole number that is not above a number.
func floor(n exact.Number) int64 {
	up, _ := n.Neg().Ceil()
	return -up
}
