package catalogue

import (
	"cmp"
	"fmt"
	"slices"

	"sluice"
	"sluice/money/price"
)

// checkHistory looks at the listings of each model one after another: they
// must not begin together or overlap, and a jump of 100 times in a price must
// be accepted.
func (r *reader) checkHistory(v *Vendor) {
	for _, listings := range v.history() {
		for i := 1; i < len(listings); i++ {
			before, after := listings[i-1], listings[i]
			if !after.Since.After(before.Since) || after.Since.Before(before.Until) {
				r.failAt(after.Line, fmt.Sprintf("the listing of %s in %s overlaps the one of line %d", after.Model, after.Currency, before.Line))
				continue
			}
			if after.accept != "" {
				continue
			}
			for _, c := range price.Jumps(price.Diff(r.seal(before, nil), r.seal(after, nil))) {
				r.failAt(after.Line, fmt.Sprintf("%s, against line %d; say why under accept if it is right", c, before.Line))
			}
		}
	}
}

// neighbour is one price among those of its class.
type neighbour struct {
	listing *Listing
	rule    price.Rule
}

// checkNeighbours looks for prices that are a hundred times away from all
// others that the vendor asks for the same class in the same currency: mostly a
// slip of the point, or cents for dollars. Free ones are left out.
func (r *reader) checkNeighbours(v *Vendor) {
	type key struct {
		currency sluice.Currency
		class    sluice.Class
	}
	groups := map[key][]neighbour{}
	for _, l := range v.Listings {
		for _, rule := range l.Rules {
			if rule.Price > 0 {
				k := key{l.Currency, rule.Class}
				groups[k] = append(groups[k], neighbour{l, rule})
			}
		}
	}
	for _, group := range groups {
		slices.SortFunc(group, func(a, b neighbour) int {
			return cmp.Or(cmp.Compare(a.rule.Price, b.rule.Price), cmp.Compare(a.rule.Line, b.rule.Line))
		})
		for i := 1; i < len(group); i++ {
			low, high := group[i-1], group[i]
			if high.rule.Price/100 < low.rule.Price {
				continue
			}
			odd, other := low, high
			if i > len(group)-i { // fewer are above
				odd, other = high, low
			}
			if odd.listing.accept != "" {
				continue
			}
			r.failAt(odd.rule.Line, fmt.Sprintf("%s: %s is 100 times away from %s, the nearest of the vendor's other prices (line %d); say why under accept if it is right",
				&odd.rule, price.Format(odd.rule.Class, odd.rule.Price), price.Format(other.rule.Class, other.rule.Price), other.rule.Line))
		}
	}
	slices.SortFunc(r.faults, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
}
