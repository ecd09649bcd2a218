package invoice

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"sluice"
	"sluice/money/price"
)

// million reports whether a unit is a million of what is counted, as price.Unit names it.
func million(unit string) bool { return strings.HasPrefix(unit, "1M ") }

// quantity writes counted units as multiples of a unit.
func quantity(units int64, unit string) string {
	if million(unit) && units < 0 {
		return "-" + quantity(-units, unit)
	}
	if million(unit) {
		return sluice.FormatPrice(sluice.Pico(units)) // six decimals as well
	}
	return strconv.FormatInt(units, 10)
}

// check checks a line by itself.
func (l *Line) check(places int) error {
	rounded, err := Round(l.Exact, places)
	if err != nil {
		return err
	}
	if rounded != l.Amount {
		return fmt.Errorf("%s is rounded to %s instead of %s", l.Exact, l.Amount, rounded)
	}
	if l.Unit != "" && l.Quantity != quantity(l.Units, l.Unit) {
		return fmt.Errorf("%d units are written as %s × %s", l.Units, l.Quantity, l.Unit)
	}
	if l.Price == "" {
		return nil
	}
	each, err := unitPrice(l.Price, l.Unit)
	if err != nil {
		return err
	}
	if !costs(l.Units, each, l.Exact) {
		return fmt.Errorf("%s × %s at %s is not %s", l.Quantity, l.Unit, l.Price, l.Exact)
	}
	return nil
}

// unitPrice reads a price as price.Format wrote it, in pico for what is counted.
func unitPrice(s, unit string) (sluice.Pico, error) {
	if million(unit) {
		return sluice.ParsePrice(s)
	}
	a, err := sluice.ParseAmount(s)
	if err != nil {
		return 0, err
	}
	p, ok := a.Pico()
	if !ok {
		return 0, fmt.Errorf("the price %s is too great", s)
	}
	return p, nil
}

// costs reports whether so many units at a price cost exactly the amount.
func costs(units int64, each sluice.Pico, exact sluice.Amount) bool {
	product := new(big.Int).Mul(big.NewInt(units), big.NewInt(int64(each)))
	return product.Cmp(pico(exact)) == 0
}

// conditions writes what a price asks of a call besides model and class.
func conditions(r *price.Rule) string {
	var parts []string
	if s := r.Conditions.String(); s != "" {
		parts = append(parts, s)
	}
	for _, p := range []struct {
		name     string
		from, to int64
	}{{"prompt", r.ContextMin, r.ContextMax}, {"output", r.OutputMin, r.OutputMax}, {"volume", r.VolumeMin, r.VolumeMax}} {
		switch {
		case p.from > 0 && p.to > 0:
			parts = append(parts, fmt.Sprintf("%s %d to %d", p.name, p.from, p.to-1))
		case p.from > 0:
			parts = append(parts, fmt.Sprintf("%s from %d", p.name, p.from))
		case p.to > 0:
			parts = append(parts, fmt.Sprintf("%s below %d", p.name, p.to))
		}
	}
	return strings.Join(parts, ", ")
}

// sortLines puts lines in the order in which they are read.
func sortLines(lines []Line, classes map[string]int) {
	segments := Segments()
	slices.SortStableFunc(lines, func(a, b Line) int {
		return cmp.Or(
			cmp.Compare(slices.Index(segments, a.Segment), slices.Index(segments, b.Segment)),
			cmp.Compare(a.Late, b.Late), cmp.Compare(a.Model, b.Model), cmp.Compare(classes[a.Class], classes[b.Class]),
			cmp.Compare(a.Detail, b.Detail), cmp.Compare(a.Price, b.Price))
	})
}
