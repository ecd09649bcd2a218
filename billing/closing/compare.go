package closing

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"sluice"
	"sluice/money/invoice"
	"sluice/money/seal"
)

// compare fills the checks of a day.
func (s *Service) compare(ctx context.Context, e *examined) error {
	for _, check := range []func(context.Context, *examined) error{s.sealsAndRows, s.eventsAndEntries, s.invoiced, s.engines} {
		if err := check(ctx, e); err != nil {
			return fmt.Errorf("comparing what must agree on %s: %w", e.Day.Day, err)
		}
	}
	for i := range e.Checks {
		c := &e.Checks[i]
		c.Explained = c.Difference != "" && slices.ContainsFunc(e.Notes, func(n seal.Explanation) bool {
			return n.Subject == c.Subject && n.Difference == c.Difference
		})
	}
	return nil
}

// amounts adds amounts up by currency.
type amounts map[sluice.Currency]sluice.Amount

func (a amounts) add(c sluice.Currency, v sluice.Amount) (err error) {
	a[c], err = a[c].Add(v)
	return err
}

// equal adds a check for each currency that either side has.
func (e *examined) equal(subject, what string, left, right amounts) error {
	all := map[sluice.Currency]bool{}
	for c := range left {
		all[c] = true
	}
	for c := range right {
		all[c] = true
	}
	for _, c := range slices.Sorted(maps.Keys(all)) {
		d, err := left[c].Sub(right[c])
		if err != nil {
			return err
		}
		check := seal.Check{Subject: subject + ":" + string(c), Left: left[c].String(), Right: right[c].String(), What: what}
		if d.Sign() != 0 {
			check.Difference = d.String() + " " + string(c)
		}
		e.Checks = append(e.Checks, check)
	}
	return nil
}

// sealsAndRows compares what the seals say that the events come to with the rows
// of the same hours.
func (s *Service) sealsAndRows(ctx context.Context, e *examined) error {
	whole := seal.Window{Since: e.window.Since, Until: e.window.Until}
	rows := e.rows
	if len(e.window.Late)+len(e.window.Without) > 0 {
		var err error
		if rows, err = s.opt.Days.DayRollups(ctx, &whole); err != nil {
			return err
		}
	}
	left, right := amounts{}, amounts{}
	var events, calls int64
	for i := range e.seals {
		events += e.seals[i].Events
		for _, sum := range e.seals[i].Sums {
			if err := left.add(sum.Currency, sum.Charge); err != nil {
				return err
			}
		}
	}
	for i := range rows {
		calls += rows[i].Calls
		if err := right.add(rows[i].Currency, rows[i].Charge); err != nil {
			return err
		}
	}
	e.count("calls", "calls that were sealed, and in the rows of the hours", events, calls)
	return e.equal("rollups", "what calls were charged by the seals, and by the rows of the hours", left, right)
}

// count adds a check of two counts.
func (e *examined) count(subject, what string, left, right int64) {
	c := seal.Check{Subject: subject, Left: strconv.FormatInt(left, 10), Right: strconv.FormatInt(right, 10), What: what}
	if left != right {
		c.Difference = strconv.FormatInt(left-right, 10)
	}
	e.Checks = append(e.Checks, c)
}

// eventsAndEntries compares what events say with what the ledger booked.
func (s *Service) eventsAndEntries(_ context.Context, e *examined) error {
	charged, earned, drawn, sums := amounts{}, amounts{}, amounts{}, amounts{}
	for i := range e.rows {
		if err := charged.add(e.rows[i].Currency, e.rows[i].Charge); err != nil {
			return err
		}
	}
	for i := range e.entries {
		x := &e.entries[i]
		if err := sums.add(x.Currency, x.Sum); err != nil {
			return err
		}
		if x.Tx != sluice.TxUsage {
			continue
		}
		to, v := earned, x.Sum
		if x.Kind.Wallet() {
			minus, err := x.Sum.Neg()
			if err != nil {
				return err
			}
			to, v = drawn, minus
		}
		if err := to.add(x.Currency, v); err != nil {
			return err
		}
	}
	if err := e.equal("earned", "what events say was charged, and what the ledger booked as earned by calls", charged, earned); err != nil {
		return err
	}
	if err := e.equal("drawn", "what events say was charged, and what calls drew from wallets", charged, drawn); err != nil {
		return err
	}
	return e.equal("zero_sum", "all entries together, which come to nothing", sums, amounts{})
}

// invoiced compares the charges with lines as invoices have them, one for each
// customer and model, rounded once each, and their rounding.
func (s *Service) invoiced(_ context.Context, e *examined) error {
	type line struct {
		org, model string
		currency   sluice.Currency
	}
	charged, lines, rounding, exact := amounts{}, amounts{}, amounts{}, map[line]sluice.Amount{}
	for i := range e.rows {
		r := &e.rows[i]
		k := line{r.Org, r.Model, r.Currency}
		sum, err := exact[k].Add(r.Charge)
		if err == nil {
			err = charged.add(r.Currency, r.Charge)
		}
		if err != nil {
			return err
		}
		exact[k] = sum
	}
	for k, a := range exact {
		rounded, err := invoice.Round(a, k.currency.Decimals())
		if err != nil {
			return err
		}
		d, err := a.Sub(rounded)
		if err == nil {
			err = lines.add(k.currency, rounded)
		}
		if err == nil {
			err = rounding.add(k.currency, d)
		}
		if err != nil {
			return err
		}
	}
	both := amounts{}
	for c, a := range lines {
		sum, err := a.Add(rounding[c])
		if err != nil {
			return err
		}
		both[c] = sum
	}
	start := len(e.Checks)
	if err := e.equal("invoiced", "what events say was charged, and lines of invoices with their rounding", charged, both); err != nil {
		return err
	}
	for i, c := range slices.Sorted(maps.Keys(both)) {
		e.Checks[start+i].Right = fmt.Sprintf("%s + %s", lines[c], rounding[c])
	}
	return nil
}
