package invoice

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"sluice"
	"sluice/money/price"
)

// What a line counts that is no class of the price list.
const (
	ClassAsRated   = "as rated"    // calls whose charge the price list's rules do not give again, with what was charged
	ClassUncharged = "not charged" // what calls cost beyond the balance: a deduction
)

// Sink takes what the ledger has for an invoice.
type Sink interface {
	// Call takes a settled call. It must not keep the event.
	Call(ev *sluice.Event) error

	// CallEntries takes the sums of the entries of all calls by the kind of
	// account, once or in parts.
	CallEntries(byKind map[sluice.AccountKind]sluice.Amount) error

	// Other takes a transaction that is no call.
	Other(tx *sluice.Tx) error
}

// Builder gathers what stands on one invoice. Its memory grows with the number
// of lines, not with that of calls.
type Builder struct {
	head  Invoice
	zone  *time.Location
	books map[string]*price.Book

	groups  map[group]*sums
	places  map[place]*sums
	lines   []Line // those that are not calls
	rated   tally
	charged sluice.Amount // what the events say
	earned  sluice.Amount // what the entries say that calls earned

	drawn, granted                 sluice.Amount // what the wallets and payments say
	late, recovered, estimated, as int64

	skipped Period
}

// group is what is added up to one line.
type group struct {
	segment Segment
	model   string
	class   string
	unit    string
	price   string // as written; "" for several
	late    Period
}

// place is what a group is made of before its price is written: for looking it
// up quickly. A book's rule says the model.
type place struct {
	book    *price.Book
	rule    int32
	class   sluice.Class
	segment Segment
	late    Period
}

// sums is what a group comes to.
type sums struct {
	units  int64
	exact  sluice.Amount
	detail string // the price's conditions; "" where prices of several were merged
	ruled  bool   // detail is set
}

// NewBuilder begins an invoice. Of head everything counts but the lines and the
// sums. books are the price books that calls may name.
func NewBuilder(head Invoice, books []*price.Book) (*Builder, error) {
	zone, err := time.LoadLocation(head.Zone)
	if err != nil {
		return nil, fmt.Errorf("the invoice's timezone: %w", err)
	}
	b := &Builder{head: head, zone: zone, books: map[string]*price.Book{}, groups: map[group]*sums{}, places: map[place]*sums{}}
	b.head.Lines = nil
	for _, book := range books {
		b.books[book.ID] = book
	}
	return b, nil
}

// Call adds a settled call. Errors: when it is in another currency, or its price
// book is not there.
func (b *Builder) Call(ev *sluice.Event) error {
	book := b.books[ev.Book]
	if book == nil || ev.Currency != b.head.Currency {
		return fmt.Errorf("call %s: it is in %s, its price book %q is there: %t", ev.CallID, ev.Currency, ev.Book, book != nil)
	}
	base := group{segment: SegmentAPI, model: ev.Model, late: b.lateness(ev.EndedAt)}
	if ev.Simulated {
		base.segment = SegmentSimulated
	}
	if base.late != "" {
		b.late++
	}
	if ev.Usage != (sluice.Usage{}) || ev.List != 0 {
		b.skip(ev.EndedAt, base.late)
	}
	if ev.Status == sluice.StatusRecovered {
		b.recovered++
	}
	if ev.Estimated {
		b.estimated++
	}
	b.rate(base, book, ev)
	if ev.Charge != ev.List {
		base.class = ClassUncharged
		b.add(b.sums(base), 0, ev.Charge-ev.List)
	}
	b.charged = b.rated.add(b.charged, ev.Charge.Amount())
	return b.rated.err
}

// rate divides a call's list amount among the classes, and among the steps of a
// price by volume. What was charged when the call was settled decides: where the
// price list does not give it again, the call has no unit prices.
func (b *Builder) rate(base group, book *price.Book, ev *sluice.Event) {
	charge, err := book.Charge(price.QueryOfEvent(ev))
	if err != nil || charge.Total != ev.List {
		b.as++
		base.class, base.unit = ClassAsRated, price.Unit(sluice.ClassInput)
		b.add(b.sums(base), ev.Usage.Total(), ev.List)
		return
	}
	if len(ev.Steps) > 0 {
		b.rateSteps(base, book, ev)
		return
	}
	for class, part := range &charge.Parts {
		if part.Rule == 0 {
			continue
		}
		units := int64(1) // a fee for a call, or what it lacked to its minimum
		if class < sluice.NumClasses {
			units = ev.Usage[class]
		}
		b.add(b.place(base, book, part.Rule, sluice.Class(class)), units, part.Amount)
	}
}

// rateSteps is rate for a call whose units can lie in several steps.
func (b *Builder) rateSteps(base group, book *price.Book, ev *sluice.Event) {
	lines, err := book.Lines(price.QueryOfEvent(ev))
	if err != nil && b.rated.err == nil {
		b.rated.err = err
	}
	for i := range lines {
		l := &lines[i]
		b.add(b.place(base, book, l.Number, l.Rule.Class), l.Units, l.Amount)
	}
}

// place returns the sums of what a rule prices. Rules with the same price are
// one line; where their conditions differ it names none.
func (b *Builder) place(base group, book *price.Book, number int32, class sluice.Class) *sums {
	p := place{book, number, class, base.segment, base.late}
	if s := b.places[p]; s != nil {
		return s
	}
	rule, _ := book.Rule(int(number))
	base.class, base.unit = price.ClassName(class), price.Unit(class)
	if class != price.ClassMinimum { // its price is not of a unit, but of what calls lacked
		base.price = price.Format(class, rule.Price)
	}
	s := b.sums(base)
	if detail := conditions(&rule); !s.ruled {
		s.detail, s.ruled = detail, true
	} else if s.detail != detail {
		s.detail = ""
	}
	b.places[p] = s
	return s
}

// sums returns what a group comes to.
func (b *Builder) sums(g group) *sums {
	s := b.groups[g]
	if s == nil {
		s = &sums{}
		b.groups[g] = s
	}
	return s
}

// add adds to sums.
func (b *Builder) add(s *sums, units int64, exact sluice.Pico) {
	n, err := sluice.AddPico(sluice.Pico(s.units), sluice.Pico(units)) // any checked sum
	if err != nil && b.rated.err == nil {
		b.rated.err = fmt.Errorf("counting units: %w", err)
	}
	s.units = int64(n)
	s.exact = b.rated.add(s.exact, exact.Amount())
}

// lateness is the month that something took effect in, when it is before the invoice's.
func (b *Builder) lateness(at time.Time) Period {
	if !at.Before(b.head.From) {
		return ""
	}
	return PeriodOf(at, b.zone)
}

// skip notes something that makes a line and is of a month without an invoice.
func (b *Builder) skip(at time.Time, late Period) {
	if late != "" && !at.Before(b.head.Window.Since) && (b.skipped == "" || late < b.skipped) {
		b.skipped = late
	}
}

// Skipped returns the first month before the invoice's of which something was
// added and no invoice was issued, "" when there is none.
func (b *Builder) Skipped() Period { return b.skipped }

// CallEntries takes the sums of the calls' entries by the kind of account: the
// other side of the books.
func (b *Builder) CallEntries(byKind map[sluice.AccountKind]sluice.Amount) error {
	for kind, sum := range byKind {
		switch kind {
		case sluice.AccountRevenueAPI, sluice.AccountSimulated:
			b.earned = b.rated.add(b.earned, sum)
		default:
			b.pay(kind, sum)
		}
	}
	return b.rated.err
}

// pay takes an entry of an account that pays for lines.
func (b *Builder) pay(kind sluice.AccountKind, entry sluice.Amount) {
	switch kind {
	case sluice.AccountPrepaid, sluice.AccountClearing:
		b.drawn = b.rated.sub(b.drawn, entry)
	case sluice.AccountPromotional:
		b.granted = b.rated.sub(b.granted, entry)
	default: // the others are not the customer's
	}
}

// Other adds a transaction that is no call. It makes a line of what the
// transaction earns, or sets aside to be earned: a period of a plan that was
// paid, a correction. Payments and grants earn nothing and make none.
func (b *Builder) Other(tx *sluice.Tx) error {
	if tx.Kind == sluice.TxUsage || tx.Kind == TxInvoice {
		return nil
	}
	var earned sluice.Amount
	for _, e := range tx.Entries {
		if Earns(e.Account.Kind) {
			earned = b.rated.add(earned, e.Amount)
		}
	}
	if b.rated.err != nil || earned.Sign() == 0 {
		return b.rated.err
	}
	for _, e := range tx.Entries {
		b.pay(e.Account.Kind, e.Amount)
	}
	l := Line{Segment: segmentOf(tx.Kind), Detail: tx.Memo, Late: b.lateness(tx.At), Exact: earned}
	b.skip(tx.At, l.Late)
	b.lines = append(b.lines, l)
	return b.rated.err
}

// Empty reports whether nothing was added that stands on an invoice.
func (b *Builder) Empty() bool { return len(b.groups) == 0 && len(b.lines) == 0 }

// Invoice writes the invoice. It is an error when the entries do not say what
// the events do: then nothing may be issued.
func (b *Builder) Invoice() (*Invoice, error) {
	if b.charged != b.earned {
		return nil, fmt.Errorf("the books disagree: calls charged %s, their entries earned %s", b.charged, b.earned)
	}
	inv := b.head
	inv.Lines = append([]Line{}, b.lines...)
	for g, s := range b.groups {
		inv.Lines = append(inv.Lines, b.line(g, s))
	}
	if b.granted.Sign() != 0 {
		inv.Lines = append(inv.Lines, Line{Segment: SegmentCredit, Detail: "Paid from promotional credit", Exact: b.rated.neg(b.granted)})
	}
	for i := range inv.Lines {
		l := &inv.Lines[i]
		l.Amount = b.rated.note(Round(l.Exact, inv.Currency.Decimals()))
	}
	order := map[string]int{ClassAsRated: price.NumClasses, ClassUncharged: price.NumClasses + 1}
	for class := range price.NumClasses {
		order[price.ClassName(sluice.Class(class))] = class
	}
	sortLines(inv.Lines, order)
	inv.Drawn = b.drawn
	inv.Notes = append(slices.Clone(inv.Notes), b.notes()...)
	if err := errors.Join(b.rated.err, inv.total()); err != nil {
		return nil, err
	}
	if err := inv.Check(); err != nil {
		return nil, fmt.Errorf("the invoice of %s for %s: %w", inv.Org, string(inv.Period), err)
	}
	return &inv, nil
}

// line writes a group.
func (b *Builder) line(g group, s *sums) Line {
	l := Line{
		Segment: g.segment, Model: g.model, Class: g.class, Detail: s.detail, Late: g.late,
		Units: s.units, Unit: g.unit, Exact: s.exact,
	}
	if l.Unit == "" {
		return l
	}
	l.Quantity = quantity(l.Units, l.Unit)
	if g.price != "" {
		each, err := unitPrice(g.price, l.Unit)
		if err == nil && costs(l.Units, each, l.Exact) { // not so where units lie in several steps
			l.Price = g.price
		}
	}
	return l
}

// notes says what a reader would wonder about.
func (b *Builder) notes() []string {
	var notes []string
	add := func(n int64, one, many string) {
		switch {
		case n == 1:
			notes = append(notes, one)
		case n > 1:
			notes = append(notes, fmt.Sprintf(many, n))
		}
	}
	add(b.late, "One call of an earlier month was booked after that month's invoice and is on this one.",
		"%d calls of earlier months were booked after those months' invoices and are on this one.")
	add(b.recovered, "One call was broken off by a restart of the server and is charged as far as it had come.",
		"%d calls were broken off by a restart of the server and are charged as far as they had come.")
	add(b.estimated, "The tokens of one call were counted by the gateway, since the engine did not say.",
		"The tokens of %d calls were counted by the gateway, since the engine did not say.")
	add(b.as, "One call is listed as it was rated, without prices for each class.",
		"%d calls are listed as they were rated, without prices for each class.")
	return notes
}
