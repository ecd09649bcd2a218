// Package invoice holds the rules of invoices: what stands on one, how its
// lines are rounded and taxed, how it is corrected, and what it posts. It is
// pure: no clock, no floats, no I/O.
//
// A line has an exact amount, to the pico, and the amount that it is rounded
// to once, half away from zero, in the currency's decimals. The lines' amounts sum
// to what the ledger's entries say plus Rounding, always; Check proves it.
package invoice

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sluice"
)

// Kind says what a document is.
type Kind string

// The kinds. Both are numbered in one series.
const (
	KindInvoice    Kind = "invoice"
	KindCorrection Kind = "correction" // takes an invoice back: the same with the opposite sign
)

// Segment is what a line is about.
type Segment string

// The segments, in the order in which they stand on an invoice.
const (
	SegmentAPI        Segment = "api"        // metered calls
	SegmentPlan       Segment = "plan"       // periods of plans, and changes in them
	SegmentLocal      Segment = "local"      // what deployments at customers' reported, where that is metered
	SegmentSimulated  Segment = "simulated"  // calls that a simulator answered
	SegmentCorrection Segment = "correction" // the ledger's corrections
	SegmentCredit     Segment = "credit"     // what promotional credit paid: a deduction
)

// Segments lists the segments in order.
func Segments() []Segment {
	return []Segment{SegmentAPI, SegmentPlan, SegmentLocal, SegmentSimulated, SegmentCorrection, SegmentCredit}
}

// account is where the books hold what a segment's lines are about.
func (s Segment) account() sluice.AccountKind {
	switch s {
	case SegmentPlan:
		return sluice.AccountRevenuePlan
	case SegmentLocal:
		return sluice.AccountRevenueLocal
	case SegmentSimulated:
		return sluice.AccountSimulated
	case SegmentCredit:
		return sluice.AccountPromotion
	}
	return sluice.AccountRevenueAPI
}

// Party is who sells or who buys, as an invoice names them.
type Party struct {
	Name    string `json:"name" maxLength:"200" doc:"The legal name."`
	Address string `json:"address,omitempty" maxLength:"1000" doc:"In lines, as on a letter."`
	TaxID   string `json:"tax_id,omitempty" maxLength:"64"`
	Email   string `json:"email,omitempty" maxLength:"254"`
	Zone    string `json:"timezone,omitempty" maxLength:"64" example:"Asia/Shanghai" doc:"An IANA name: by its clock months begin. Empty is the seller's, or UTC."`
}

// TaxTerms say how a customer is taxed.
type TaxTerms struct {
	Rate     int64  `json:"rate" minimum:"0" maximum:"10000" example:"1900" doc:"In basis points: 1900 is 19 %."`
	Included bool   `json:"included" doc:"Prices have the tax in them. Otherwise it is added to their sum and is due."`
	Name     string `json:"name,omitempty" maxLength:"32" example:"VAT" doc:"What the tax is called; empty is Tax."`
	Note     string `json:"note,omitempty" maxLength:"500" doc:"Printed below the sums, such as a reason for no tax."`
}

// Line is one line of an invoice.
type Line struct {
	Segment  Segment `json:"segment" example:"api"`
	Model    string  `json:"model,omitempty"`
	Class    string  `json:"class,omitempty" example:"output" doc:"What was counted: a token class, or call, image and so on."`
	Detail   string  `json:"detail,omitempty" doc:"The price's conditions, or what else the line is for."`
	Late     Period  `json:"late,omitempty" example:"2026-10" doc:"The earlier month that it is of, when it was booked after that month's invoice."`
	Units    int64   `json:"units" doc:"Tokens, images and so on; 0 where nothing is counted."`
	Quantity string  `json:"quantity,omitempty" example:"12.345678" doc:"Units in multiples of unit, exactly."`
	Unit     string  `json:"unit,omitempty" example:"1M tokens"`
	Price    string  `json:"unit_price,omitempty" example:"0.60" doc:"Of one unit; absent where units of the line had several prices."`

	Exact  sluice.Amount `json:"exact" example:"7.4074068" doc:"As the ledger has it."`
	Amount sluice.Amount `json:"amount" example:"7.41" doc:"Rounded once, half away from zero."`
}

// Invoice is one document: an invoice, a correction of one or, without a
// number, a draft. One that has a number never changes.
type Invoice struct {
	ID       string `json:"id,omitempty"`
	Number   string `json:"number,omitempty" example:"2026-000017" doc:"Absent for a draft."`
	Kind     Kind   `json:"kind" enum:"invoice,correction"`
	Corrects string `json:"corrects,omitempty" doc:"The number of the invoice that this correction takes back."`
	Replaces string `json:"replaces,omitempty" doc:"The number of the invoice that this one stands in for."`
	Reason   string `json:"reason,omitempty" doc:"Why it was corrected."`
	Revision int64  `json:"revision" doc:"How often the month was corrected before."`

	Org      string          `json:"organisation"`
	Period   Period          `json:"period" example:"2026-11"`
	From     time.Time       `json:"from"`
	Until    time.Time       `json:"until" doc:"The first instant after it."`
	Zone     string          `json:"timezone" example:"Asia/Shanghai"`
	IssuedAt time.Time       `json:"issued_at,omitzero"`
	Currency sluice.Currency `json:"currency"`
	Seller   Party           `json:"seller"`
	Customer Party           `json:"customer"`

	Lines    []Line        `json:"lines"`
	Exact    sluice.Amount `json:"exact" doc:"The sum of the ledger's entries, to the pico."`
	Rounding sluice.Amount `json:"rounding" doc:"What rounding the lines added: sum - exact."`
	Sum      sluice.Amount `json:"sum" doc:"The sum of the lines' amounts."`
	Terms    TaxTerms      `json:"tax_terms"`
	Tax      sluice.Amount `json:"tax" doc:"Of the sum, rounded once."`
	Total    sluice.Amount `json:"total" doc:"The sum, and the tax where it is not in it."`
	Drawn    sluice.Amount `json:"drawn" doc:"What of exact is paid: drawn from the prepaid balance, or by another payment."`
	Due      sluice.Amount `json:"due" doc:"What is still to be paid."`
	Notes    []string      `json:"notes,omitempty"`

	Window Window `json:"window" doc:"Which transactions are on it."`
}

// Check checks a party. Errors: CodeInvalid.
func (p *Party) Check() error {
	for _, f := range []struct {
		param, text string
		lines       bool
	}{{"name", p.Name, false}, {"address", p.Address, true}, {"tax_id", p.TaxID, false}, {"email", p.Email, false}} {
		bad := func(r rune) bool { return !unicode.IsPrint(r) && (!f.lines || r != '\n') }
		if !utf8.ValidString(f.text) || strings.ContainsFunc(f.text, bad) {
			return &sluice.Error{Code: sluice.CodeInvalid, Param: f.param, Message: "It holds what cannot be printed."}
		}
	}
	if strings.TrimSpace(p.Name) == "" {
		return &sluice.Error{Code: sluice.CodeInvalid, Param: "name", Message: "An invoice needs a legal name."}
	}
	if _, err := time.LoadLocation(p.Zone); err != nil || p.Zone == "Local" {
		return &sluice.Error{Code: sluice.CodeInvalid, Param: "timezone", Message: fmt.Sprintf("%q is not a timezone such as Asia/Shanghai.", p.Zone)}
	}
	return nil
}

// Check checks terms. Errors: CodeInvalid.
func (t *TaxTerms) Check() error {
	if t.Rate < 0 || t.Rate > 10_000 {
		return &sluice.Error{Code: sluice.CodeInvalid, Param: "rate", Message: "A tax rate is 0 to 10000 basis points."}
	}
	for param, text := range map[string]string{"name": t.Name, "note": t.Note} {
		if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return &sluice.Error{Code: sluice.CodeInvalid, Param: param, Message: "It holds what cannot be printed."}
		}
	}
	return nil
}

// tax returns the tax of a sum, rounded once.
func (t *TaxTerms) tax(sum sluice.Amount, places int) (sluice.Amount, error) {
	if t.Rate == 0 {
		return sluice.Amount{}, nil
	}
	if t.Included {
		return share(sum, t.Rate, 10_000+t.Rate, places)
	}
	return share(sum, t.Rate, 10_000, places)
}

// added is the tax that is not in the sum.
func (inv *Invoice) added() sluice.Amount {
	if inv.Terms.Included {
		return sluice.Amount{}
	}
	return inv.Tax
}

// total works out the sums from the lines, and what is due from Drawn.
func (inv *Invoice) total() error {
	places := inv.Currency.Decimals()
	var t tally
	inv.Exact, inv.Sum = sluice.Amount{}, sluice.Amount{}
	for _, l := range inv.Lines {
		inv.Exact, inv.Sum = t.add(inv.Exact, l.Exact), t.add(inv.Sum, l.Amount)
	}
	inv.Rounding = t.sub(inv.Sum, inv.Exact)
	tax, err := inv.Terms.tax(inv.Sum, places)
	if err != nil {
		return err
	}
	inv.Tax = tax
	inv.Total = t.add(inv.Sum, inv.added())
	// What is neither drawn nor rounding is owed: the tax, and entries on a
	// receivable account once customers can pay afterwards.
	inv.Due = t.sub(t.sub(inv.Total, inv.Drawn), inv.Rounding)
	return t.err
}

// Check proves that the document is right in itself: each line is its exact
// amount rounded once and costs its units at its price, the lines sum to the
// entries plus the rounding, and tax, total and due follow from them.
func (inv *Invoice) Check() error {
	again := *inv
	if err := again.total(); err != nil {
		return err
	}
	if again.Exact != inv.Exact || again.Sum != inv.Sum || again.Rounding != inv.Rounding ||
		again.Tax != inv.Tax || again.Total != inv.Total || again.Due != inv.Due {
		return fmt.Errorf("its lines make exact %s, sum %s, rounding %s, tax %s, total %s and due %s instead of %s, %s, %s, %s, %s and %s",
			again.Exact, again.Sum, again.Rounding, again.Tax, again.Total, again.Due,
			inv.Exact, inv.Sum, inv.Rounding, inv.Tax, inv.Total, inv.Due)
	}
	for i := range inv.Lines {
		if err := inv.Lines[i].check(inv.Currency.Decimals()); err != nil {
			return fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return nil
}

// Correction returns the document that takes an invoice back: the same with the
// opposite sign, not numbered yet. Errors: CodeConflict for what is no invoice.
func (inv *Invoice) Correction(id, reason string, at time.Time) (*Invoice, error) {
	if inv.Kind != KindInvoice || inv.Number == "" {
		return nil, sluice.Errorf(sluice.CodeConflict, "Only an invoice that was issued can be corrected.")
	}
	c := *inv
	c.ID, c.Number, c.Kind, c.Corrects, c.Replaces = id, "", KindCorrection, inv.Number, ""
	c.Reason, c.IssuedAt, c.Notes = reason, at, nil
	c.Lines = slices.Clone(inv.Lines)
	var t tally
	for i := range c.Lines {
		l := &c.Lines[i]
		l.Units = -l.Units
		if l.Unit != "" {
			l.Quantity = quantity(l.Units, l.Unit)
		}
		l.Exact, l.Amount = t.neg(l.Exact), t.neg(l.Amount)
	}
	c.Drawn = t.neg(inv.Drawn)
	return &c, errors.Join(t.err, c.total())
}

// tally adds amounts and keeps the first error.
type tally struct{ err error }

func (t *tally) note(a sluice.Amount, err error) sluice.Amount {
	if t.err == nil {
		t.err = err
	}
	return a
}

func (t *tally) add(a, b sluice.Amount) sluice.Amount { return t.note(a.Add(b)) }
func (t *tally) sub(a, b sluice.Amount) sluice.Amount { return t.note(a.Sub(b)) }
func (t *tally) neg(a sluice.Amount) sluice.Amount    { return t.note(a.Neg()) }
