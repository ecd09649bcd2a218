package closing

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"sluice"
	"sluice/money/invoice"
	"sluice/money/seal"
)

// compare fills the checks of a day.
func (s *Service) compare(ctx context.Context, e *examined) error {
	for _, check := range []func(context.Context, *examined) error{s.sealsAndRows, s.eventsAndEntries, s.invoiced, s.issued, s.reported, s.engines} {
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

// ofLine is what calls on one line of an invoice have in common, but for classes.
type ofLine struct {
	currency   sluice.Currency
	org, model string
}

// lineSums adds amounts up by line.
type lineSums map[ofLine]sluice.Amount

func (l lineSums) add(k ofLine, a sluice.Amount) (err error) {
	l[k], err = l[k].Add(a)
	return err
}

// lines returns the lines of both sides in order.
func lines(left, right lineSums) []ofLine {
	keys := maps.Clone(left)
	maps.Copy(keys, right)
	return slices.SortedFunc(maps.Keys(keys), func(a, b ofLine) int {
		return cmp.Or(cmp.Compare(a.currency, b.currency), cmp.Compare(a.org, b.org), cmp.Compare(a.model, b.model))
	})
}

// located adds a check for each line on which two sides differ, in the place of the
// differences of their totals, which were added from start on.
func (e *examined) located(subject, what string, left, right lineSums, start int) error {
	for i := range e.Checks[start:] {
		e.Checks[start+i].Difference = ""
	}
	n := 0
	for _, k := range lines(left, right) {
		d, err := left[k].Sub(right[k])
		if err != nil {
			return err
		}
		if d.Sign() == 0 {
			continue
		}
		if n++; n > maxLocated {
			break
		}
		e.Checks = append(e.Checks, seal.Check{
			Subject: fmt.Sprintf("%s:%s:%s", subject, k.currency, strings.TrimSuffix(k.org+":"+k.model, ":")), Left: left[k].String(), Right: right[k].String(),
			Difference: d.String() + " " + string(k.currency), What: what,
		})
	}
	return nil
}

// invoiced compares what was booked as earned by calls with what would be
// invoiced of them: lines of one customer and model each, rounded once, of what events say
// was charged, and their rounding. A line that differs is named.
func (s *Service) invoiced(_ context.Context, e *examined) error {
	charged, booked := lineSums{}, lineSums{}
	for i := range e.rows {
		r := &e.rows[i]
		if err := charged.add(ofLine{r.Currency, r.Org, r.Model}, r.Charge); err != nil {
			return err
		}
	}
	for i := range e.entries {
		x := &e.entries[i]
		if x.Tx != sluice.TxUsage || x.Kind.Wallet() {
			continue
		}
		if err := booked.add(ofLine{x.Currency, x.Org, x.Model}, x.Sum); err != nil {
			return err
		}
	}
	earned, rounded, rounding, both := amounts{}, amounts{}, amounts{}, amounts{}
	for _, k := range lines(charged, booked) {
		amount, err := invoice.Round(charged[k], k.currency.Decimals())
		if err != nil {
			return err
		}
		rest, err := charged[k].Sub(amount)
		if err != nil {
			return err
		}
		for _, x := range []struct {
			to amounts
			a  sluice.Amount
		}{{earned, booked[k]}, {rounded, amount}, {rounding, rest}, {both, amount}, {both, rest}} {
			if err := x.to.add(k.currency, x.a); err != nil {
				return err
			}
		}
	}
	start := len(e.Checks)
	if err := e.equal("invoiced", "what the ledger booked as earned by calls, and lines of invoices with their rounding", earned, both); err != nil {
		return err
	}
	for i := start; i < len(e.Checks); i++ {
		c := sluice.Currency(strings.TrimPrefix(e.Checks[i].Subject, "invoiced:"))
		e.Checks[i].Right = fmt.Sprintf("%s + %s", rounded[c], rounding[c])
	}
	return e.located("invoiced", "what calls of a customer to a model earned by the ledger, and what would be invoiced of them", booked, charged, start)
}

// effective reports whether entries took effect on the day, and not on one before that
// they came late for.
func (e *examined) effective(x *seal.EntrySum) bool {
	return !x.Of.Before(e.window.Since) && x.Of.Before(e.window.Until)
}

// reported compares what deployments at customers' reported and owe with what was
// booked of it: an import that was broken off between them.
func (s *Service) reported(ctx context.Context, e *examined) error {
	if s.opt.Local == nil {
		return nil
	}
	rows, err := s.opt.Local.LocalRows(ctx, e.window.Since, e.window.Until)
	if err != nil {
		return err
	}
	owed, booked := lineSums{}, lineSums{}
	for i := range rows {
		if err := owed.add(ofLine{rows[i].Currency, rows[i].Org, ""}, rows[i].Charge); err != nil {
			return err
		}
	}
	for i := range e.entries {
		x := &e.entries[i]
		if x.Tx == sluice.TxLocal && x.Kind == sluice.AccountRevenueLocal && e.effective(x) {
			if err := booked.add(ofLine{x.Currency, x.Org, ""}, x.Sum); err != nil {
				return err
			}
		}
	}
	left, right := amounts{}, amounts{}
	for k, a := range owed {
		if err := left.add(k.currency, a); err != nil {
			return err
		}
	}
	for k, a := range booked {
		if err := right.add(k.currency, a); err != nil {
			return err
		}
	}
	start := len(e.Checks)
	if err := e.equal("local", "what deployments at customers' reported and is owed, and what was booked of it", left, right); err != nil {
		return err
	}
	return e.located("local", "what a customer's deployments reported and is owed, and what was booked of it: importing the report again finishes it", owed, booked, start)
}
