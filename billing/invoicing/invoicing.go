// Package invoicing makes invoices: it gathers what an organisation used in a
// month, issues the document with its number, and posts its rounding and tax.
//
// Issuing has two steps, each of them durable and safe to repeat. The document
// is stored with its number in one transaction; then its transaction is posted
// through the ledger, under an id that follows from the document's. A process that
// dies in between leaves a document that Complete posts at the next start.
package invoicing

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"sluice"
	"sluice/money/invoice"
	"sluice/money/price"
)

// Store keeps documents and what they are made of.
type Store interface {
	// BillingParty returns the data of an organisation or of sluice.Operator, empty when none is stored.
	BillingParty(ctx context.Context, owner string) (invoice.Party, invoice.TaxTerms, error)

	// PutBillingParty stores it.
	PutBillingParty(ctx context.Context, owner string, p invoice.Party, terms invoice.TaxTerms) error

	// GatherInvoice hands over what is in the window. A Cutoff of zero is set to the last transaction.
	GatherInvoice(ctx context.Context, org string, w *invoice.Window, to invoice.Sink) error

	// IssueInvoices numbers and stores documents in one transaction. Errors: CodeConflict.
	IssueInvoices(ctx context.Context, year int, documents []*invoice.Invoice, txs []string) error

	// Invoices returns an organisation's documents, the last one first.
	Invoices(ctx context.Context, org string) ([]*invoice.Invoice, error)

	// UnpostedInvoices returns the documents whose transactions are not booked.
	UnpostedInvoices(ctx context.Context) ([]*invoice.Invoice, error)

	// Books returns all price books.
	Books(ctx context.Context) ([]*price.Book, error)
}

// Ledger books transactions, each id once.
type Ledger interface {
	Post(ctx context.Context, tx sluice.Tx) error
}

// Invoices makes invoices. It is safe for concurrent use.
type Invoices struct {
	store  Store
	ledger Ledger
	now    func() time.Time
	log    *slog.Logger

	issuing sync.Mutex // each document follows from the ones before it
}

// New returns what makes invoices, by the given clock.
func New(store Store, ledger Ledger, now func() time.Time, log *slog.Logger) *Invoices {
	return &Invoices{store: store, ledger: ledger, now: now, log: log}
}

// Party returns the data for invoices of an organisation, or of
// sluice.Operator. Where none is stored it is empty, and the tax is the operator's.
func (s *Invoices) Party(ctx context.Context, owner string) (invoice.Party, invoice.TaxTerms, error) {
	p, terms, err := s.store.BillingParty(ctx, owner)
	if err == nil && p == (invoice.Party{}) && owner != sluice.Operator {
		_, terms, err = s.store.BillingParty(ctx, sluice.Operator)
	}
	return p, terms, err
}

// SetParty stores data for the invoices that are issued from now on. Errors: CodeInvalid.
func (s *Invoices) SetParty(ctx context.Context, owner string, p invoice.Party, terms invoice.TaxTerms) error {
	if err := p.Check(); err != nil {
		return err
	}
	if err := terms.Check(); err != nil {
		return err
	}
	return s.store.PutBillingParty(ctx, owner, p, terms)
}

// Draft returns the invoice of a month as it would be issued now, without a
// number. The month may still run. Errors: those of Issue, but for a month that
// still runs.
func (s *Invoices) Draft(ctx context.Context, org *sluice.Organisation, period invoice.Period) (*invoice.Invoice, error) {
	issued, err := s.store.Invoices(ctx, org.ID)
	if err != nil {
		return nil, err
	}
	if live := latest(issued); live != nil && period <= live.Period {
		return nil, issuedAlready(live)
	}
	return s.draft(ctx, org, period, latest(issued))
}

// Issue issues the invoice of a month that is over, once: asked again it
// returns the same. Months are issued in order; what is booked late goes on the
// next. Errors: CodeConflict when the month is not over, when a later one was
// issued or an earlier one was not, or when the seller has no name;
// CodeNotFound when there is nothing to invoice.
func (s *Invoices) Issue(ctx context.Context, org *sluice.Organisation, period invoice.Period) (*invoice.Invoice, error) {
	s.issuing.Lock()
	defer s.issuing.Unlock()
	issued, err := s.store.Invoices(ctx, org.ID)
	if err != nil {
		return nil, err
	}
	live := latest(issued)
	for _, inv := range issued { // the last revision comes first
		if inv.Kind == invoice.KindInvoice && inv.Period == period {
			return inv, s.post(ctx, inv) // it may be that it was not posted
		}
	}
	if live != nil && period < live.Period {
		return nil, issuedAlready(live)
	}
	inv, err := s.draft(ctx, org, period, live)
	if err != nil {
		return nil, err
	}
	now := s.now().UTC()
	if now.Before(inv.Until) {
		return nil, sluice.Errorf(sluice.CodeConflict, "%s is not over: it ends at %s. Ask for a draft instead.", period, inv.Until.Format(time.RFC3339))
	}
	return inv, s.issue(ctx, now, inv)
}

// Correct takes an issued invoice back by a correction that names it, and issues
// the month anew with the billing data as they are now: of the same transactions,
// since the ledger's own corrections go on later invoices. Errors: CodeNotFound;
// CodeConflict for what is no invoice or was corrected before.
func (s *Invoices) Correct(ctx context.Context, org *sluice.Organisation, number, reason string) (correction, replacement *invoice.Invoice, err error) {
	s.issuing.Lock()
	defer s.issuing.Unlock()
	issued, err := s.store.Invoices(ctx, org.ID)
	if err != nil {
		return nil, nil, err
	}
	var wrong *invoice.Invoice
	for _, inv := range issued {
		if inv.Corrects == number {
			return nil, nil, sluice.Errorf(sluice.CodeConflict, "The invoice %s was corrected by %s.", number, inv.Number)
		}
		if inv.Number == number {
			wrong = inv
		}
	}
	if wrong == nil {
		return nil, nil, noInvoice(number)
	}
	now := s.now().UTC()
	correction, err = wrong.Correction(sluice.NewID(invoice.Prefix, now), reason, now)
	if err != nil {
		return nil, nil, err
	}
	head, err := s.head(ctx, org, wrong.Period)
	if err != nil {
		return nil, nil, err
	}
	head.From, head.Until, head.Zone, head.Window = wrong.From, wrong.Until, wrong.Zone, wrong.Window
	head.Replaces, head.Reason, head.Revision = wrong.Number, reason, wrong.Revision+1
	replacement, err = s.gather(ctx, head)
	if err != nil {
		return nil, nil, err
	}
	return correction, replacement, s.issue(ctx, now, correction, replacement)
}

// List returns an organisation's documents, the last one first.
func (s *Invoices) List(ctx context.Context, org string) ([]*invoice.Invoice, error) {
	return s.store.Invoices(ctx, org)
}

// Get returns one of an organisation's documents by its number. Errors: CodeNotFound.
func (s *Invoices) Get(ctx context.Context, org, number string) (*invoice.Invoice, error) {
	issued, err := s.store.Invoices(ctx, org)
	if err != nil {
		return nil, err
	}
	for _, inv := range issued {
		if inv.Number == number {
			return inv, nil
		}
	}
	return nil, noInvoice(number)
}

// Complete posts what an earlier process issued and did not post.
func (s *Invoices) Complete(ctx context.Context) error {
	left, err := s.store.UnpostedInvoices(ctx)
	if err != nil {
		return err
	}
	for _, inv := range left {
		s.log.Warn("posting an invoice that was issued before the server died", "invoice", inv.Number, "organisation", inv.Org)
		if err := s.post(ctx, inv); err != nil {
			return err
		}
	}
	return nil
}

func noInvoice(number string) error {
	return sluice.Errorf(sluice.CodeNotFound, "There is no invoice %q.", number)
}

func issuedAlready(live *invoice.Invoice) error {
	return sluice.Errorf(sluice.CodeConflict, "The invoice of %s was issued as %s: what is booked since goes on the next one.", live.Period, live.Number)
}

// latest returns the invoice of the last month that was issued, or nil.
func latest(issued []*invoice.Invoice) *invoice.Invoice {
	var last *invoice.Invoice
	for _, inv := range issued { // of one month the last revision comes first
		if inv.Kind == invoice.KindInvoice && (last == nil || inv.Period > last.Period) {
			last = inv
		}
	}
	return last
}

// head is an invoice without lines: who, whom, which month by whose clock.
func (s *Invoices) head(ctx context.Context, org *sluice.Organisation, period invoice.Period) (invoice.Invoice, error) {
	seller, _, err := s.Party(ctx, sluice.Operator)
	if err != nil {
		return invoice.Invoice{}, err
	}
	customer, terms, err := s.Party(ctx, org.ID)
	if err != nil {
		return invoice.Invoice{}, err
	}
	customer.Name = cmp.Or(customer.Name, org.Name)
	inv := invoice.Invoice{
		ID: sluice.NewID(invoice.Prefix, s.now()), Kind: invoice.KindInvoice, Org: org.ID, Period: period,
		Zone: cmp.Or(customer.Zone, seller.Zone, "UTC"), Currency: org.Currency, Seller: seller, Customer: customer, Terms: terms,
	}
	zone, err := time.LoadLocation(inv.Zone)
	if err != nil {
		return invoice.Invoice{}, fmt.Errorf("the timezone of %s: %w", org.ID, err)
	}
	from, until := period.Bounds(zone)
	inv.From, inv.Until = from.UTC(), until.UTC()
	inv.Window.Until = inv.Until
	return inv, nil
}

// zones is by how much the same month can begin at different instants, by the
// clocks of two zones.
const zones = 26 * time.Hour

// draft gathers the invoice of a month that follows the last one issued, which may be nil.
func (s *Invoices) draft(ctx context.Context, org *sluice.Organisation, period invoice.Period, last *invoice.Invoice) (*invoice.Invoice, error) {
	inv, err := s.head(ctx, org, period)
	if err != nil {
		return nil, err
	}
	if last != nil {
		inv.Window.Since, inv.Window.Seen = last.Window.Until, last.Window.Cutoff
		if gap := inv.From.Sub(last.Until).Abs(); gap <= zones { // the customer's zone changed: the months still meet
			inv.From = last.Until
		}
	}
	return s.gather(ctx, inv)
}

// gather fills an invoice with what is in its window.
func (s *Invoices) gather(ctx context.Context, head invoice.Invoice) (*invoice.Invoice, error) {
	books, err := s.store.Books(ctx)
	if err != nil {
		return nil, err
	}
	window := head.Window
	b, err := invoice.NewBuilder(head, books)
	if err != nil {
		return nil, err
	}
	if err := s.store.GatherInvoice(ctx, head.Org, &window, b); err != nil {
		return nil, err
	}
	if b.Empty() {
		return nil, sluice.Errorf(sluice.CodeNotFound, "There is nothing to invoice for %s.", head.Period)
	}
	if skipped := b.Skipped(); skipped != "" {
		return nil, sluice.Errorf(sluice.CodeConflict, "%s was not invoiced yet: issue it first.", skipped)
	}
	inv, err := b.Invoice()
	if err != nil {
		return nil, err
	}
	inv.Window = window
	return inv, nil
}

// issue stores documents with their numbers, and posts them.
func (s *Invoices) issue(ctx context.Context, now time.Time, documents ...*invoice.Invoice) error {
	ctx = context.WithoutCancel(ctx) // half of it would wait for a restart
	txs := make([]string, len(documents))
	for i, inv := range documents {
		inv.IssuedAt = now
		if inv.Seller.Name == "" {
			return sluice.Errorf(sluice.CodeConflict, "An invoice needs the seller's legal name: set the operator's billing data first.")
		}
		_, ok, err := inv.Posting(inv.TxID())
		if err != nil {
			return err
		}
		if ok {
			txs[i] = inv.TxID()
		}
	}
	zone, err := time.LoadLocation(documents[0].Seller.Zone) // "" is UTC
	if err != nil {
		return fmt.Errorf("the seller's timezone: %w", err)
	}
	if err := s.store.IssueInvoices(ctx, now.In(zone).Year(), documents, txs); err != nil {
		return err
	}
	for _, inv := range documents {
		if err := s.post(ctx, inv); err != nil {
			return err
		}
	}
	return nil
}

// post books what a document posts. Again it changes nothing.
func (s *Invoices) post(ctx context.Context, inv *invoice.Invoice) error {
	tx, ok, err := inv.Posting(inv.TxID())
	if err != nil || !ok {
		return err
	}
	if err := s.ledger.Post(ctx, tx); err != nil {
		return &sluice.Error{
			Code: sluice.CodeOf(err), Err: err,
			Message: fmt.Sprintf("The %s %s is issued, but its rounding and tax could not be booked. Issue the month again, or restart: that books them.", inv.Kind, inv.Number),
		}
	}
	return nil
}
