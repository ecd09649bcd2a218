package cost

import (
	"sluice"
	"sluice/money/exact"
)

// NodeRates are how many tokens a node reads and writes in a second, when it does
// nothing else: as they are measured, or published.
type NodeRates struct {
	Prefill exact.Number `json:"prefill"` // of prompts, cached ones with them
	Decode  exact.Number `json:"decode"`  // of answers
}

// Known reports whether both are there.
func (r *NodeRates) Known() bool { return r.Prefill.Sign() > 0 && r.Decode.Sign() > 0 }

// Work is how much of a node a unit of each class takes, in node-seconds or in any
// other measure: what serving costs is shared by it.
type Work [sluice.NumClasses]exact.Number

// Work is the node-seconds of each class of tokens.
func (r *NodeRates) Work() Work {
	var w Work
	read, write := exact.Int(1).Quo(r.Prefill), exact.Int(1).Quo(r.Decode)
	for class := range sluice.Class(sluice.NumClasses) {
		switch {
		case !class.IsToken():
		case class == sluice.ClassOutput || class == sluice.ClassReasoning:
			w[class] = write
		default:
			w[class] = read
		}
	}
	return w
}

// EvenWork is for when nothing is known of the nodes: each token takes the same,
// and what is no token takes nothing.
func EvenWork() Work {
	var w Work
	for class := range sluice.Class(sluice.NumClasses) {
		if class.IsToken() {
			w[class] = exact.Int(1)
		}
	}
	return w
}

// Of is the work of units.
func (w *Work) Of(units *sluice.Usage) exact.Number {
	var sum exact.Number
	for class, n := range units {
		if n != 0 {
			sum = sum.Add(w[class].Mul(exact.Int(n)))
		}
	}
	return sum
}

// PerMillion is what a million units of each class cost where all units together
// cost so much; the zero value where they are no work.
func (w *Work) PerMillion(total exact.Number, units *sluice.Usage) (prices [sluice.NumClasses]exact.Number) {
	all := w.Of(units)
	if all.Sign() == 0 {
		return prices
	}
	for class := range prices {
		prices[class] = total.Mul(w[class]).Mul(exact.Int(1_000_000)).Quo(all)
	}
	return prices
}
