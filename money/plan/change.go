package plan

import (
	"strconv"
	"time"

	"sluice"
	"sluice/money/ledger"
)

// Each transition below first advances the subscription to its instant, and
// returns what that posts as well. When it fails nothing has happened: the
// subscription is to be kept as it was.

// transition is what a change does to an advanced subscription.
type transition func(s *Subscription, at time.Time) ([]sluice.Tx, error)

// apply advances a subscription and makes the change.
func (r *Rules) apply(s Subscription, at time.Time, change transition) (Subscription, []sluice.Tx, error) {
	at = at.UTC().Truncate(time.Microsecond)
	now, txs, err := r.Advance(s, at)
	if err != nil {
		return s, nil, err
	}
	more, err := change(&now, at)
	if err != nil {
		return s, nil, err
	}
	return now, append(txs, more...), nil
}

// Pay pays what is owed, from the prepaid wallet or a payment on its way. One
// that was suspended begins a new period. Errors: CodeConflict when nothing is
// owed, CodeInvalid for another source.
func (r *Rules) Pay(s Subscription, source sluice.AccountKind, at time.Time) (Subscription, []sluice.Tx, error) {
	return r.apply(s, at, func(s *Subscription, at time.Time) ([]sluice.Tx, error) {
		switch s.Status {
		case PastDue:
		case Suspended:
			r.anchor(s, at)
		default:
			return nil, sluice.Errorf(sluice.CodeConflict, "The subscription is %s: nothing is owed.", s.Status)
		}
		paid, err := s.pay(source, at)
		if err != nil {
			return nil, err
		}
		earned, err := s.earn(at, at)
		return append(paid, earned...), err
	})
}

// Upgrade changes to a plan of a higher rank, or to a longer cycle of the same
// rank, at once. It begins a new period; the unused days of the old one are
// credited, and what of the credit exceeds the new price goes to the prepaid
// wallet. A trial ends without credit. Errors: CodeConflict when it is not an
// upgrade or the subscription is not paid, CodeInvalid, CodeUnavailable (sales are
// paused).
func (r *Rules) Upgrade(s Subscription, v *Version, cycle Cycle, source sluice.AccountKind, at time.Time) (Subscription, []sluice.Tx, error) {
	return r.apply(s, at, func(s *Subscription, at time.Time) ([]sluice.Tx, error) {
		terms, err := v.terms(cycle)
		if err == nil {
			err = r.onSale(terms.Plan)
		}
		if err == nil {
			err = s.changeable(terms)
		}
		if err != nil {
			return nil, err
		}
		if !terms.above(s.Terms) {
			return nil, sluice.Errorf(sluice.CodeConflict, "The plan %s by the %s is no upgrade: change to it at the period's end.", terms.Plan, terms.Cycle)
		}
		rest, credit := s.rest(at)
		s.Terms, s.Next, s.EndsAt = terms, nil, time.Time{}
		r.anchor(s, at)
		s.Status, s.Paid, s.DueFrom = Active, true, time.Time{}
		s.Changes++
		return s.moved("upgrade_"+strconv.Itoa(s.Changes), source, at, sluice.Amount{Nano: terms.Price.Nano - credit}, sluice.Amount{Nano: terms.Price.Nano - rest})
	})
}

// Downgrade changes to other terms when the period ends: those of a lower rank,
// or of a shorter cycle, or of a newer version. Errors: CodeConflict when it is an
// upgrade or the subscription is not paid, CodeInvalid.
func (r *Rules) Downgrade(s Subscription, v *Version, cycle Cycle, at time.Time) (Subscription, []sluice.Tx, error) {
	return r.apply(s, at, func(s *Subscription, _ time.Time) ([]sluice.Tx, error) {
		terms, err := v.terms(cycle)
		if err == nil {
			err = s.changeable(terms)
		}
		if err != nil {
			return nil, err
		}
		if terms.above(s.Terms) {
			return nil, sluice.Errorf(sluice.CodeConflict, "The plan %s by the %s is an upgrade, which takes effect at once.", terms.Plan, terms.Cycle)
		}
		s.Next, s.EndsAt = &terms, time.Time{}
		return nil, nil
	})
}

// Cancel ends the subscription with its period; one that waits to be paid ends
// at once, owing nothing. Errors: CodeConflict when it has ended already.
func (r *Rules) Cancel(s Subscription, at time.Time) (Subscription, []sluice.Tx, error) {
	return r.apply(s, at, func(s *Subscription, at time.Time) ([]sluice.Tx, error) {
		switch s.Status {
		case Trialing, Active:
			s.EndsAt, s.Next = s.Period.End, nil
		case PastDue, Suspended:
			s.Status, s.EndsAt, s.Next = Cancelled, at, nil
		case Cancelled:
			return nil, ended()
		}
		return nil, nil
	})
}

// Resume takes back a cancellation or a downgrade that has not taken effect.
// Errors: CodeConflict when the subscription has ended.
func (r *Rules) Resume(s Subscription, at time.Time) (Subscription, []sluice.Tx, error) {
	return r.apply(s, at, func(s *Subscription, _ time.Time) ([]sluice.Tx, error) {
		if s.Status == Cancelled {
			return nil, ended()
		}
		s.EndsAt, s.Next = time.Time{}, nil
		return nil, nil
	})
}

// Refund ends the subscription at once and gives the unused days back to the
// prepaid wallet. Errors: CodeConflict when it has ended.
func (r *Rules) Refund(s Subscription, at time.Time) (Subscription, []sluice.Tx, error) {
	return r.apply(s, at, func(s *Subscription, at time.Time) ([]sluice.Tx, error) {
		if s.Status == Cancelled {
			return nil, ended()
		}
		rest, credit := s.rest(at)
		s.Status, s.EndsAt, s.Next, s.Paid = Cancelled, at, nil, false
		return s.moved("refund", sluice.AccountPrepaid, at, sluice.Amount{Nano: -credit}, sluice.Amount{Nano: -rest})
	})
}

func ended() error {
	return sluice.Errorf(sluice.CodeConflict, "The subscription has ended.")
}

// changeable reports why other terms cannot be taken.
func (s *Subscription) changeable(terms Terms) error {
	switch {
	case s.Status != Active && s.Status != Trialing:
		return sluice.Errorf(sluice.CodeConflict, "The subscription is %s: pay what is owed first.", s.Status)
	case terms.Currency != s.Terms.Currency:
		return sluice.Errorf(sluice.CodeInvalid, "The subscription is paid in %s, not in %s.", s.Terms.Currency, terms.Currency)
	}
	return nil
}

// above reports whether a change to terms is an upgrade from others.
func (t Terms) above(from Terms) bool {
	if t.Rank != from.Rank {
		return t.Rank > from.Rank
	}
	return t.Cycle.Months() > from.Cycle.Months()
}

// rest is what is left of the running period, in nano: deferred in the books,
// and as the credit for its unused days.
func (s *Subscription) rest(at time.Time) (deferred, credit int64) {
	if !s.Paid {
		return 0, 0
	}
	return s.Terms.Price.Nano - s.Period.earned(s.Terms.Price, s.Earned), s.Period.unused(s.Terms.Price, s.Period.over(at), s.Terms.Currency)
}

// moved is the transaction of a change, if it moves anything.
func (s *Subscription) moved(what string, source sluice.AccountKind, at time.Time, pay, deferred sluice.Amount) ([]sluice.Tx, error) {
	tx, err := ledger.PlanChanged(s.tx(what, at), s.Org, s.Terms.Currency, source, ledger.PlanChange{Pay: pay, Deferred: deferred})
	if err != nil || len(tx.Entries) == 0 {
		return nil, err
	}
	return []sluice.Tx{tx}, nil
}
