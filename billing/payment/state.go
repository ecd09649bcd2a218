package payment

import (
	"fmt"

	"sluice"
)

// hear adds what a notice says to a payment. It only ever adds: a fact that is
// known already, or is less than what is known, changes nothing. Errors:
// CodeConflict, having changed nothing, when the notice is not about what the
// payment is bound to.
func hear(p *sluice.Payment, n *sluice.Notice) error {
	differs := func(what string, got, want any) error {
		return sluice.Errorf(sluice.CodeConflict, "The notice differs from the payment %s: its %s is %v and not %v.", p.ID, what, got, want)
	}
	switch {
	case n.Payment != "" && n.Payment != p.ID:
		return differs("id", n.Payment, p.ID)
	case n.Currency != p.Currency:
		return differs("currency", n.Currency, p.Currency)
	case n.Reference != "" && p.Reference != "" && n.Reference != p.Reference:
		return differs("reference", n.Reference, p.Reference)
	}
	facts := p.PaymentFacts
	switch n.Kind {
	case sluice.NoticePending, sluice.NoticePaid, sluice.NoticeFailed, sluice.NoticeExpired:
		if n.Amount != p.Amount {
			return differs("amount", n.Amount, p.Amount)
		}
	case sluice.NoticeRefunded, sluice.NoticeDisputed, sluice.NoticeDisputeWon, sluice.NoticeDisputeLost:
		if n.Amount.Sign() < 0 || n.Amount.Cmp(p.Amount) > 0 {
			return differs("amount", n.Amount, fmt.Sprint("at most ", p.Amount))
		}
	default:
		return sluice.Errorf(sluice.CodeConflict, "A notice of the kind %q says nothing about a payment.", n.Kind)
	}
	switch n.Kind {
	case sluice.NoticePending:
		facts.Pending = true
	case sluice.NoticePaid:
		facts.Paid = true
	case sluice.NoticeFailed:
		facts.Failed = true
	case sluice.NoticeExpired:
		facts.Expired = true
	case sluice.NoticeRefunded:
		facts.Refunded = greater(facts.Refunded, n.Amount)
	case sluice.NoticeDisputed:
		facts.Dispute, facts.Disputed = max(facts.Dispute, sluice.DisputeOpen), greater(facts.Disputed, n.Amount)
	case sluice.NoticeDisputeWon:
		facts.Dispute, facts.Disputed = max(facts.Dispute, sluice.DisputeWon), greater(facts.Disputed, n.Amount)
	case sluice.NoticeDisputeLost:
		facts.Dispute, facts.Disputed = sluice.DisputeLost, greater(facts.Disputed, n.Amount)
	}
	p.PaymentFacts = facts
	if p.Reference == "" {
		p.Reference = n.Reference
	}
	return nil
}

// due is what of a payment the organisation has by the facts: all of it once it
// is paid, less what was given back, is being given back, or is disputed and
// not won. It is between zero and the payment's amount.
func due(p *sluice.Payment) (sluice.Amount, error) {
	if !p.Paid {
		return sluice.Amount{}, nil
	}
	back := greater(p.Refunded, p.RefundTo)
	if p.Dispute == sluice.DisputeOpen || p.Dispute == sluice.DisputeLost {
		var err error
		if back, err = back.Add(p.Disputed); err != nil {
			return sluice.Amount{}, err
		}
	}
	if back.Cmp(p.Amount) >= 0 {
		return sluice.Amount{}, nil
	}
	return p.Amount.Sub(back)
}

// step writes down the next booking, unless one is under way or there is none
// to make: then the books show what is due.
func step(p *sluice.Payment) error {
	if p.Booking.Sign() != 0 {
		return nil
	}
	target, err := due(p)
	if err != nil {
		return err
	}
	difference, err := target.Sub(p.Booked)
	if err != nil || difference.Sign() == 0 {
		return err
	}
	p.Booked, p.Booking = target, difference
	p.Bookings++
	return nil
}

// greater is the greater of two amounts.
func greater(a, b sluice.Amount) sluice.Amount {
	if a.Cmp(b) < 0 {
		return b
	}
	return a
}
