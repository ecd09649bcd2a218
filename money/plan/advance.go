package plan

import (
	"strconv"
	"time"

	"sluice"
	"sluice/money/ledger"
)

// Advance lets time pass up to an instant: days are earned, a trial or period
// ends and the next begins, unpaid; what is not paid in time is suspended and
// cancelled. Advancing twice to the same instant, or in steps, comes to the same.
// Transactions take effect at the instants that they belong to, in order.
func (r *Rules) Advance(s Subscription, at time.Time) (Subscription, []sluice.Tx, error) {
	var txs []sluice.Tx
	for s.Status != Cancelled {
		next := r.next(&s)
		if next.IsZero() || next.After(at) {
			break
		}
		earned, err := s.earn(next, time.Time{})
		if err != nil {
			return s, nil, err
		}
		txs = append(txs, earned...)
		r.pass(&s, next)
	}
	return s, txs, nil
}

// NextAt returns the next instant at which Advance has something to do; zero
// when there is none any more.
func (r *Rules) NextAt(s Subscription) time.Time {
	if s.Status == Cancelled {
		return time.Time{}
	}
	return r.next(&s)
}

// NextRetry returns the first instant after the given one at which payment
// should be tried again; zero when there is none.
func (r *Rules) NextRetry(s Subscription, after time.Time) time.Time {
	if s.Status != PastDue && s.Status != Suspended {
		return time.Time{}
	}
	for _, d := range r.Dunning.Retries {
		if at := s.DueFrom.Add(d); at.After(after) {
			return at
		}
	}
	return time.Time{}
}

// next is the instant of the next change that time brings.
func (r *Rules) next(s *Subscription) time.Time {
	switch s.Status {
	case PastDue:
		return s.DueFrom.Add(r.Dunning.Grace)
	case Suspended:
		return s.DueFrom.Add(r.Dunning.Cancel)
	case Active:
		return s.Period.dayEnds(s.Earned + 1)
	case Trialing:
		return s.Period.End
	case Cancelled:
	}
	return time.Time{}
}

// pass makes the change of an instant that next returned.
func (r *Rules) pass(s *Subscription, at time.Time) {
	switch s.Status {
	case PastDue:
		s.Status = Suspended
	case Suspended:
		s.Status, s.EndsAt = Cancelled, at
	case Trialing, Active:
		if at.Before(s.Period.End) {
			return // a day is over
		}
		r.renew(s)
	case Cancelled:
	}
}

// renew ends a period: with the subscription, or with the next period.
func (r *Rules) renew(s *Subscription) {
	switch {
	case !s.EndsAt.IsZero():
		s.Status = Cancelled
	case s.Status == Trialing:
		s.follow()
		r.anchor(s, s.Period.End)
	default:
		s.follow()
		r.begin(s)
	}
}

// follow takes the terms that were chosen for the next period, if any were.
func (s *Subscription) follow() {
	if s.Next != nil {
		s.Terms, s.Next = *s.Next, nil
	}
}

// earn books the days that are over at an instant, each on its own and none
// before the instant at which the period was paid.
func (s *Subscription) earn(at, paidAt time.Time) ([]sluice.Tx, error) {
	if !s.Paid {
		return nil, nil
	}
	var txs []sluice.Tx
	for over := s.Period.over(at); s.Earned < over; s.Earned++ {
		k := s.Earned + 1
		amount := sluice.Amount{Nano: s.Period.earned(s.Terms.Price, k) - s.Period.earned(s.Terms.Price, k-1)}
		if amount.Sign() == 0 {
			continue
		}
		when := s.Period.dayEnds(k)
		if when.Before(paidAt) {
			when = paidAt
		}
		tx, err := ledger.PlanEarned(s.tx("day_"+strconv.FormatInt(k, 10), when), s.Org, s.Terms.Currency, amount)
		if err != nil {
			return nil, err
		}
		txs = append(txs, tx)
	}
	return txs, nil
}
