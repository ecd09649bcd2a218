package whatif

import (
	"sluice"
	"sluice/money/cost"
	"sluice/money/exact"
)

// Market is what is assumed beyond prices. The zero value assumes that nothing
// changes.
type Market struct {
	// Elasticity is by how many percent demand changes for each percent by which the
	// price rises: -1/2 loses a twentieth of the calls when prices rise by a tenth.
	// It is taken as a straight line, and demand never falls below zero.
	Elasticity exact.Number

	// Hour is what an hour of a node costs, as a multiple of what it did; zero is
	// one. Follows is the share of the cost that follows demand, from 0 (the nodes are
	// there anyhow) to 1 (they come and go with the calls).
	Hour    exact.Number
	Follows exact.Number
}

// hour is Market.Hour, or one.
func (m *Market) hour() exact.Number {
	if m.Hour.Sign() == 0 {
		return exact.Int(1)
	}
	return m.Hour
}

// Figures are what a model brings and costs.
type Figures struct {
	Demand  exact.Number `json:"demand"` // as a multiple of what it was
	List    exact.Number `json:"list"`
	Charged exact.Number `json:"charged"`
	Cost    exact.Number `json:"cost"`
	Profit  exact.Number `json:"profit"` // charged − cost
}

// Change is a model before and after.
type Change struct {
	Before, After Figures
}

// Project says what the totals of a model become in a market. spent is what
// serving it cost before; of a hit rate that changed, work says how much less or more
// work its tokens are.
func Project(t *Totals, spent exact.Number, work cost.Work, m Market) Change {
	list, after := exact.Money(t.List), exact.Money(t.ListAfter)
	demand := exact.Int(1)
	if list.Sign() != 0 {
		rise := after.Quo(list).Sub(exact.Int(1))
		demand = demand.Add(rise.Mul(m.Elasticity))
	}
	if demand.Sign() < 0 {
		demand = exact.Number{}
	}
	load := demand
	if before := work.Of(&t.Units); before.Sign() != 0 {
		load = load.Mul(work.Of(&t.UnitsAfter)).Quo(before)
	}
	c := Change{
		Before: Figures{Demand: exact.Int(1), List: list, Charged: exact.Money(t.Charge), Cost: spent},
		After:  Figures{Demand: demand, List: after.Mul(demand), Charged: exact.Money(t.ChargeAfter).Mul(demand)},
	}
	still := exact.Int(1).Sub(m.Follows)
	c.After.Cost = spent.Mul(m.hour()).Mul(still.Add(m.Follows.Mul(load)))
	c.Before.Profit = c.Before.Charged.Sub(c.Before.Cost)
	c.After.Profit = c.After.Charged.Sub(c.After.Cost)
	return c
}

// Prices says at which multiples of its prices a model pays for what it costs.
type Prices struct {
	Low     exact.Number `json:"low"`           // between them it pays;
	High    exact.Number `json:"high,omitzero"` // absent when there is no end
	Endless bool         `json:"endless,omitempty"`
	Best    exact.Number `json:"best,omitzero"` // where profit is greatest; absent when Endless
}

// BreakEven returns at which multiples of its prices a model pays for what it
// costs, to six decimals; ok is false when it never does. It asks for what was
// charged at prices as they are, what that costs, and a market with an elasticity
// of at most zero.
func BreakEven(charged, spent exact.Number, m Market) (p Prices, ok bool) {
	spent = spent.Mul(m.hour())
	if charged.Sign() <= 0 || m.Elasticity.Sign() > 0 {
		return Prices{}, false
	}
	// With the multiple x, demand is q = 1 + e(x−1) and profit R·x·q − F − V·q: the
	// parabola a·x² + b·x + c.
	e, one := m.Elasticity, exact.Int(1)
	variable := spent.Mul(m.Follows)
	a := charged.Mul(e)
	b := charged.Mul(one.Sub(e)).Sub(variable.Mul(e))
	c := variable.Mul(one.Sub(e)).Add(spent.Sub(variable)).Neg()
	if a.Sign() == 0 {
		return Prices{Low: c.Neg().Quo(b).Round(places), Endless: true}, true
	}
	under := b.Mul(b).Sub(exact.Int(4).Mul(a).Mul(c))
	if under.Sign() < 0 {
		return Prices{}, false
	}
	root, err := under.Root(2, 2*places)
	if err != nil {
		return Prices{}, false // not negative, as was looked at
	}
	double := exact.Int(2).Mul(a) // negative: the smaller root is with the plus
	p = Prices{Low: root.Sub(b).Quo(double).Round(places), High: root.Neg().Sub(b).Quo(double).Round(places), Best: b.Neg().Quo(double).Round(places)}
	return p, p.High.Sign() > 0
}

const places = 6

// PayingPrices are the prices per million of each class at which units pay for what
// serving them cost, each class for its share of the work.
func PayingPrices(units *sluice.Usage, spent exact.Number, work cost.Work) [sluice.NumClasses]exact.Number {
	return work.PerMillion(spent, units)
}
