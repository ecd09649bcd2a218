package closing

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sluice"
	"sluice/money/invoice"
	"sluice/money/price"
	"sluice/money/seal"
)

// Invoices keeps the documents that were issued, and what they are made of.
type Invoices interface {
	// IssuedSince returns the documents that were issued since an instant, the last one first.
	IssuedSince(ctx context.Context, since time.Time) ([]invoice.Issued, error)

	// InvoiceTotals returns what the sealed hours say of each claim.
	InvoiceTotals(ctx context.Context, claims []invoice.Claim) ([]invoice.Totals, error)

	// GatherInvoice hands over the transactions in a window.
	GatherInvoice(ctx context.Context, org string, w *invoice.Window, to invoice.Sink) error

	// Books returns all price books.
	Books(ctx context.Context) ([]*price.Book, error)

	// Tx returns a transaction. Errors: CodeNotFound.
	Tx(ctx context.Context, id string) (*sluice.Tx, error)
}

// The subjects of checks of issued invoices.
const (
	subjectIssued = "issued:" // followed by a currency, or a document's number
	subjectPosted = "posted"
)

// maxLocated is how many differences are told one by one: a day on which
// everything is wrong is no longer for having more of them.
const maxLocated = 50

// issued compares the documents that have calls of the day on them with the sealed
// hours of all that stands on each, since a line is of a month and no part of it
// of a day; and what documents that were issued on the day post with what was booked.
//
// Of a closed day the record says what was found when it was closed; an audit compares
// again.
func (s *Service) issued(ctx context.Context, e *examined) error {
	if s.opt.Invoices == nil {
		return nil
	}
	if c := lastClosed(e.Closes); c != nil && e.State == stateClosed && !e.again {
		for _, check := range c.Checks {
			if strings.HasPrefix(check.Subject, subjectIssued) || check.Subject == subjectPosted {
				e.Checks = append(e.Checks, check)
			}
		}
		return nil
	}
	all, err := s.opt.Invoices.IssuedSince(ctx, e.window.Since) // one with time of the day on it is issued later
	if err != nil {
		return err
	}
	if err := s.posted(ctx, e, all); err != nil {
		return err
	}
	return s.documents(ctx, e, all)
}

// stack is the documents of one window: an invoice, and where it was corrected what
// took it back and replaced it. Together they say what is owed for the window.
type stack struct {
	claim invoice.Claim
	of    []*invoice.Issued // the last one first
}

// stacks groups the documents with something of the day on them.
func stacks(e *examined, all []invoice.Issued) []*stack {
	by := map[invoice.Claim]*stack{}
	var order []*stack
	for i := range all {
		d := &all[i]
		w := &d.Window
		on := w.Since.Before(e.window.Until) || len(e.window.Late) > 0 // the next ones have what came late
		if !on || !w.Until.After(e.window.Since) {
			continue
		}
		claim := invoice.Claim{Org: d.Org, Window: *w}
		if by[claim] == nil {
			by[claim] = &stack{claim: claim}
			order = append(order, by[claim])
		}
		by[claim].of = append(by[claim].of, d)
	}
	return order
}

// documents compares the documents themselves.
func (s *Service) documents(ctx context.Context, e *examined, all []invoice.Issued) error {
	order := stacks(e, all)
	if len(order) == 0 {
		return nil
	}
	claims := make([]invoice.Claim, len(order))
	for i, k := range order {
		claims[i] = k.claim
	}
	sealed, err := s.opt.Invoices.InvoiceTotals(ctx, claims)
	if err != nil {
		return err
	}
	due, lines, rounding := amounts{}, amounts{}, amounts{}
	var located []seal.Check
	for i, k := range order {
		c := k.of[0].Currency
		for _, a := range sealed[i].Parts {
			if err := due.add(c, a); err != nil {
				return err
			}
		}
		var says invoice.Totals
		for _, d := range k.of {
			if err := says.AddLines(&d.Invoice); err != nil {
				return err
			}
			if err := lines.add(c, d.Sum); err != nil {
				return err
			}
			if err := rounding.add(c, d.Rounding); err != nil {
				return err
			}
			located = append(located, alone(d)...)
		}
		if says.Equal(&sealed[i]) {
			continue
		}
		found, err := s.locate(ctx, k, &says, &sealed[i])
		if err != nil {
			return err
		}
		located = append(located, found...)
	}
	for _, c := range slices.Sorted(maps.Keys(lines)) {
		e.Checks = append(e.Checks, seal.Check{
			Subject: subjectIssued + string(c), Left: due[c].String(), Right: fmt.Sprintf("%s - %s", lines[c], rounding[c]),
			What: fmt.Sprintf("what %d invoices with time of the day on them are made of by the sealed hours, and their lines without rounding; each that differs stands below", len(order)),
		})
	}
	if more := len(located) - maxLocated; more > 0 {
		located = append(located[:maxLocated], seal.Check{Subject: subjectIssued + "more", Difference: fmt.Sprint(more), What: "further differences"})
	}
	e.Checks = append(e.Checks, located...)
	return nil
}

// alone returns what is wrong with a document by itself.
func alone(d *invoice.Issued) []seal.Check {
	c := seal.Check{Subject: subjectIssued + d.Number, Left: d.Total.String(), What: fmt.Sprintf("the %s of %s for %s by itself", d.Kind, string(d.Period), d.Org)}
	if err := d.Check(); err != nil {
		c.Difference = err.Error()
		return []seal.Check{c}
	}
	if d.Altered {
		c.Difference = "it is not the document that was issued"
		return []seal.Check{c}
	}
	return nil
}

// lineKey is what a line is found by.
type lineKey struct {
	part  invoice.Part
	class string
	late  invoice.Period
}

func (k lineKey) String() string {
	parts := []string{string(k.part.Segment)}
	for _, s := range []string{k.part.Model, k.class, string(k.late)} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ":")
}

// locate says which lines are not what they should be: by gathering the invoice
// anew, where that comes to what was sealed.
func (s *Service) locate(ctx context.Context, k *stack, says, sealed *invoice.Totals) ([]seal.Check, error) {
	last := k.of[0]
	again, err := s.gather(ctx, last)
	if err != nil {
		return nil, err
	}
	var of invoice.Totals
	if again != nil {
		if err := of.AddLines(again); err != nil {
			return nil, err
		}
	}
	if again == nil || !of.Equal(sealed) && !of.Equal(says) {
		return differences(k, byPart(says), byPart(sealed))
	}
	want := map[lineKey]sluice.Amount{}
	if err := addLines(want, again); err != nil {
		return nil, err
	}
	have := map[lineKey]sluice.Amount{}
	for _, d := range k.of {
		if err := addLines(have, &d.Invoice); err != nil {
			return nil, err
		}
	}
	found, err := differences(k, have, want)
	if err != nil || len(found) > 0 || says.Drawn != of.Drawn {
		return append(found, drawn(k, says.Drawn, of.Drawn)...), err
	}
	if equalLines(says, sealed) {
		return nil, nil // how it was paid cannot be told by sums: the transactions say what it does
	}
	return differences(k, byPart(says), byPart(sealed)) // the transactions were altered, or the sums
}

// gather makes the last document of a window anew; nil where its transactions make none.
func (s *Service) gather(ctx context.Context, d *invoice.Issued) (*invoice.Invoice, error) {
	books, err := s.opt.Invoices.Books(ctx)
	if err != nil {
		return nil, err
	}
	b, err := invoice.NewBuilder(d.Invoice, books)
	if err != nil {
		return nil, nil //nolint:nilerr // a timezone that is none is of a document that was altered
	}
	w := d.Window
	if err := s.opt.Invoices.GatherInvoice(ctx, d.Org, &w, b); err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		return nil, nil // nor can it be issued: the totals say what differs
	}
	inv, err := b.Invoice()
	if err != nil {
		return nil, nil //nolint:nilerr // as above
	}
	return inv, nil
}

func addLines(to map[lineKey]sluice.Amount, inv *invoice.Invoice) error {
	for i := range inv.Lines {
		l := &inv.Lines[i]
		k := lineKey{invoice.Part{Segment: l.Segment, Model: l.Model}, l.Class, l.Late}
		sum, err := to[k].Add(l.Exact)
		if err != nil {
			return err
		}
		to[k] = sum
	}
	return nil
}

func byPart(t *invoice.Totals) map[lineKey]sluice.Amount {
	all := map[lineKey]sluice.Amount{}
	for p, a := range t.Parts {
		if p.Segment != invoice.SegmentCredit {
			all[lineKey{part: p}] = a
		}
	}
	return all
}

// equalLines reports whether both have the same lines, however they were paid.
func equalLines(a, b *invoice.Totals) bool { return maps.Equal(byPart(a), byPart(b)) }

// differences is a check for each line that differs.
func differences(k *stack, have, want map[lineKey]sluice.Amount) ([]seal.Check, error) {
	last := k.of[0]
	keys := maps.Clone(have)
	maps.Copy(keys, want)
	var found []seal.Check
	for _, key := range slices.SortedFunc(maps.Keys(keys), func(a, b lineKey) int { return cmp.Compare(a.String(), b.String()) }) {
		d, err := have[key].Sub(want[key])
		if err != nil {
			return nil, err
		}
		if d.Sign() == 0 {
			continue
		}
		found = append(found, seal.Check{
			Subject: subjectIssued + last.Number + ":" + key.String(), Left: want[key].String(), Right: have[key].String(), Difference: d.String() + " " + string(last.Currency),
			What: fmt.Sprintf("what %s is invoiced for in %s by the books, and by the line of the invoice", last.Org, string(last.Period)),
		})
	}
	return found, nil
}

// drawn is a check of what an invoice says was paid.
func drawn(k *stack, have, want sluice.Amount) []seal.Check {
	if have == want {
		return nil
	}
	last := k.of[0]
	return []seal.Check{{
		Subject: subjectIssued + last.Number + ":drawn", Left: want.String(), Right: have.String(), Difference: have.String() + " instead of " + want.String(),
		What: fmt.Sprintf("what %s paid of its invoice by the books, and by the invoice", last.Org),
	}}
}

// ofAccount is what entries have in common that documents post.
type ofAccount struct {
	currency sluice.Currency
	kind     sluice.AccountKind
}

// posted compares what the documents that were issued on the day post, their
// rounding and tax, with what was booked for them.
func (s *Service) posted(ctx context.Context, e *examined, all []invoice.Issued) error {
	says, booked := map[ofAccount]sluice.Amount{}, map[ofAccount]sluice.Amount{}
	add := func(to map[ofAccount]sluice.Amount, k ofAccount, a sluice.Amount) (err error) {
		to[k], err = to[k].Add(a)
		return err
	}
	var of []sluice.Tx
	numbers := map[string]string{}
	for i := range all {
		d := &all[i]
		if d.IssuedAt.Before(e.window.Since) || !d.IssuedAt.Before(e.window.Until) {
			continue
		}
		tx, ok, err := d.Posting(d.TxID())
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		of, numbers[tx.ID] = append(of, tx), d.Number
		for _, x := range tx.Entries {
			if err := add(says, ofAccount{x.Account.Currency, x.Account.Kind}, x.Amount); err != nil {
				return err
			}
		}
	}
	for i := range e.entries {
		if x := &e.entries[i]; x.Tx == invoice.TxInvoice && e.effective(x) {
			if err := add(booked, ofAccount{x.Currency, x.Kind}, x.Sum); err != nil {
				return err
			}
		}
	}
	keys := maps.Clone(says)
	maps.Copy(keys, booked)
	if len(keys) == 0 {
		return nil
	}
	check := seal.Check{Subject: subjectPosted, Left: fmt.Sprintf("%d invoices", len(of)), Right: "as they are booked", What: "rounding and tax of the invoices that were issued on the day, and what was booked for them"}
	for k := range keys {
		if says[k] == booked[k] {
			continue
		}
		located, err := s.unposted(ctx, of, numbers)
		if err != nil {
			return err
		}
		check.Right, check.Difference = "", cmp.Or(strings.Join(located, "; "), "something was booked for no invoice of the day, or after its hour was sealed")
		break
	}
	e.Checks = append(e.Checks, check)
	return nil
}

// unposted names the documents whose transaction is not what they post.
func (s *Service) unposted(ctx context.Context, of []sluice.Tx, numbers map[string]string) (located []string, err error) {
	for i := range of {
		tx, err := s.opt.Invoices.Tx(ctx, of[i].ID)
		switch {
		case sluice.CodeOf(err) == sluice.CodeNotFound:
			located = append(located, numbers[of[i].ID]+" is not booked")
		case err != nil:
			return nil, err
		case !slices.Equal(tx.Entries, of[i].Entries):
			located = append(located, numbers[of[i].ID]+" is booked otherwise")
		}
		if len(located) == maxLocated {
			break
		}
	}
	return located, nil
}
