package invoice

import (
	"maps"

	"sluice"
)

// Part is what lines of an invoice are added up by.
type Part struct {
	Segment Segment
	Model   string // of calls; "" for everything else
}

// Totals is what an invoice comes to without classes, prices and rounding: what it
// is compared by with the books. It is a Sink as well. The zero value is nothing.
type Totals struct {
	Parts map[Part]sluice.Amount // exact
	Drawn sluice.Amount          // as Invoice.Drawn
}

// Issued is a document as it is stored.
type Issued struct {
	Invoice
	Altered bool // it is not what was sealed when it was issued
}

// Claim is what somebody says is on an organisation's invoice: what is in a window.
type Claim struct {
	Org    string
	Window Window
}

// AddLines adds what a document says. Errors: sluice.ErrOverflow.
func (t *Totals) AddLines(inv *Invoice) error {
	for i := range inv.Lines {
		l := &inv.Lines[i]
		if err := t.add(Part{l.Segment, l.Model}, l.Exact); err != nil {
			return err
		}
	}
	return t.draw(inv.Drawn)
}

// Sub takes away what other totals come to. Errors: sluice.ErrOverflow.
func (t *Totals) Sub(o *Totals) error {
	for part, a := range o.Parts {
		minus, err := a.Neg()
		if err == nil {
			err = t.add(part, minus)
		}
		if err != nil {
			return err
		}
	}
	minus, err := o.Drawn.Neg()
	if err != nil {
		return err
	}
	return t.draw(minus)
}

// Equal reports whether both come to the same.
func (t *Totals) Equal(o *Totals) bool {
	if t.Drawn != o.Drawn {
		return false
	}
	parts := maps.Clone(t.Parts)
	if parts == nil {
		parts = map[Part]sluice.Amount{}
	}
	for part := range o.Parts {
		parts[part] = t.Parts[part]
	}
	for part, a := range parts {
		if a != o.Parts[part] {
			return false
		}
	}
	return true
}

// Charge adds what calls of a model were charged.
func (t *Totals) Charge(model string, simulated bool, a sluice.Amount) error {
	if simulated {
		return t.add(Part{SegmentSimulated, model}, a)
	}
	return t.add(Part{SegmentAPI, model}, a)
}

// Entries adds the sum of entries of transactions of a kind, on the accounts of a
// kind. What is known of them by these sums alone is what Other and CallEntries would
// make of the transactions: of a correction, what it gave back to granted credit is what it
// moved there and was no grant's.
func (t *Totals) Entries(tx sluice.TxKind, account sluice.AccountKind, a sluice.Amount) error {
	switch tx {
	case sluice.TxPayment, sluice.TxGrant, sluice.TxExpiry, sluice.TxEarned, TxInvoice:
		return nil // no lines
	case sluice.TxUsage:
	default:
		if Earns(account) {
			return t.add(Part{Segment: segmentOf(tx)}, a)
		}
	}
	switch account {
	case sluice.AccountPrepaid, sluice.AccountClearing:
		minus, err := a.Neg()
		if err != nil {
			return err
		}
		return t.draw(minus)
	case sluice.AccountPromotional, sluice.AccountPromotion: // a deduction of what was drawn, which is negative
		return t.add(Part{Segment: SegmentCredit}, a)
	default: // the others are not the customer's
		return nil
	}
}

// Call adds a call.
func (t *Totals) Call(ev *sluice.Event) error {
	return t.Charge(ev.Model, ev.Simulated, ev.Charge.Amount())
}

// CallEntries adds what paid for calls.
func (t *Totals) CallEntries(byKind map[sluice.AccountKind]sluice.Amount) error {
	for kind, a := range byKind {
		if err := t.Entries(sluice.TxUsage, kind, a); err != nil {
			return err
		}
	}
	return nil
}

// Other adds a transaction that is no call.
func (t *Totals) Other(tx *sluice.Tx) error {
	for i := range tx.Entries {
		if err := t.Entries(tx.Kind, tx.Entries[i].Account.Kind, tx.Entries[i].Amount); err != nil {
			return err
		}
	}
	return nil
}

func (t *Totals) add(p Part, a sluice.Amount) error {
	sum, err := t.Parts[p].Add(a)
	if err != nil {
		return err
	}
	if t.Parts == nil {
		t.Parts = map[Part]sluice.Amount{}
	}
	if t.Parts[p] = sum; sum.Sign() == 0 {
		delete(t.Parts, p)
	}
	return nil
}

func (t *Totals) draw(a sluice.Amount) (err error) {
	t.Drawn, err = t.Drawn.Add(a)
	return err
}

// Earns reports whether what a transaction that is no call books on an account is
// what its line comes to: what is earned, or set aside to be earned.
func Earns(kind sluice.AccountKind) bool {
	switch kind {
	case sluice.AccountRevenueAPI, sluice.AccountRevenuePlan, sluice.AccountRevenueLocal, sluice.AccountSimulated, sluice.AccountDeferred, sluice.AccountRounding:
		return true
	default: // where the money came from
		return false
	}
}

// segmentOf is the segment of a line of a transaction that is no call.
func segmentOf(tx sluice.TxKind) Segment {
	switch tx {
	case sluice.TxPlan:
		return SegmentPlan
	case sluice.TxLocal:
		return SegmentLocal
	default:
		return SegmentCorrection
	}
}
