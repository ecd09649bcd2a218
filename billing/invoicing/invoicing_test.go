package invoicing_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice"
	"sluice/billing"
	"sluice/billing/invoicing"
	"sluice/money/invoice"
	"sluice/money/ledger"
	"sluice/money/price"
	"sluice/store"
)

// world is a store, a ledger and what makes invoices of them, with a clock.
type world struct {
	tb     tester
	store  *store.DB
	ledger *billing.Ledger
	make   *invoicing.Invoices
	books  map[string]*price.Book
	calls  int

	mu  sync.Mutex
	now time.Time
	cut bool // the ledger fails
}

// tester is what *testing.T and *rapid.T share.
type tester interface {
	Helper()
	Fatal(args ...any)
	Errorf(format string, args ...any)
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	w := &world{tb: tb, now: date(1, 1), books: map[string]*price.Book{}}
	ctx := context.Background() // outlives tb's at the end
	var err error
	if w.store, err = store.Open(ctx, "sqlite:"+filepath.Join(tb.TempDir(), "ledger.db")+"?_pragma=synchronous(off)"); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = w.store.Close() })
	if w.ledger, err = billing.Open(ctx, w.store, billing.Options{Log: slog.New(slog.DiscardHandler)}); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(w.ledger.Close)
	w.make = invoicing.New(w.store, w, w.clock, slog.New(slog.DiscardHandler))
	w.must(w.make.SetParty(ctx, sluice.Operator, invoice.Party{Name: "Seller Ltd"}, invoice.TaxTerms{Rate: 1900}))
	w.publish("book_1", date(1, 1), "0.60", "2.20")
	return w
}

// date is noon of a day in 2026, in UTC.
func date(month time.Month, day int) time.Time {
	return time.Date(2026, month, day, 12, 0, 0, 0, time.UTC)
}

func (w *world) must(err error) {
	w.tb.Helper()
	if err != nil {
		w.tb.Fatal(err)
	}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) set(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = now
}

// Post is the ledger's, unless it is cut off.
func (w *world) Post(ctx context.Context, tx sluice.Tx) error {
	w.mu.Lock()
	cut := w.cut
	w.mu.Unlock()
	if cut {
		return errors.New("cut off")
	}
	return w.ledger.Post(ctx, tx)
}

// publish publishes prices of the model "glm".
func (w *world) publish(id string, at time.Time, input, output string) {
	w.tb.Helper()
	var rules []price.Rule
	for class, s := range map[sluice.Class]string{sluice.ClassInput: input, sluice.ClassOutput: output} {
		p, err := sluice.ParsePrice(s)
		w.must(err)
		rules = append(rules, price.Rule{Model: "glm", Class: class, Price: p})
	}
	b, err := price.Publish(id, price.Draft{Currency: "USD", EffectiveAt: at, Rules: rules}, at)
	w.must(err)
	w.must(w.store.PublishBook(context.Background(), b))
	w.books[id] = b
}

// org is an organisation that paid an amount in advance.
func (w *world) org(id, paid string) *sluice.Organisation {
	w.tb.Helper()
	o := &sluice.Organisation{ID: id, Name: "Name of " + id, Currency: "USD", CreatedAt: date(1, 1)}
	w.must(w.store.CreateOrganisation(context.Background(), o))
	a, err := sluice.ParseAmount(paid)
	w.must(err)
	tx, err := ledger.Payment(sluice.Tx{ID: "tx_paid_" + id, At: date(1, 1)}, id, "USD", a)
	w.must(err)
	w.must(w.ledger.Post(context.Background(), tx))
	return o
}

// call settles a call that ended at an instant. One that the balance refuses is
// the zero event.
func (w *world) call(org string, ended time.Time, input, output int64) sluice.Event {
	w.tb.Helper()
	w.calls++
	ev := sluice.Event{
		CallID: fmt.Sprint("call_", w.calls), Org: org, Key: "key_a", Model: "glm", Engine: "eng_a", Endpoint: "/v1/chat/completions",
		AdmittedAt: ended.Add(-time.Second), EndedAt: ended, Status: sluice.StatusCompleted, Usage: sluice.Usage{input, 0, 0, output, 0}, Currency: "USD",
	}
	book := w.books["book_1"]
	for _, b := range w.books {
		if !b.EffectiveAt.After(ev.AdmittedAt) && price.Order(b, book) > 0 {
			book = b
		}
	}
	list, err := book.Charge(price.QueryOf("glm", ev.AdmittedAt, ev.Usage))
	w.must(err)
	ev.Book, ev.List = book.ID, list.Total
	_, err = w.ledger.Hold(context.Background(), sluice.HoldRequest{CallID: ev.CallID, Org: org, Key: "key_a", Currency: "USD", Want: ev.List})
	if sluice.CodeOf(err) == sluice.CodeInsufficientFunds {
		return sluice.Event{}
	}
	w.must(err)
	ev, err = w.ledger.Settle(context.Background(), ev)
	w.must(err)
	return ev
}

func (w *world) issue(o *sluice.Organisation, p invoice.Period) *invoice.Invoice {
	w.tb.Helper()
	inv, err := w.make.Issue(context.Background(), o, p)
	w.must(err)
	return inv
}

func (w *world) refused(what string, err error, code sluice.Code, says string) {
	w.tb.Helper()
	if sluice.CodeOf(err) != code || !strings.Contains(fmt.Sprint(err), says) {
		w.tb.Errorf("%s: %v, want %s that says %q", what, err, code, says)
	}
}

// proven verifies the books.
func (w *world) proven() {
	w.tb.Helper()
	r, err := w.store.Verify(context.Background())
	w.must(err)
	if !r.OK() {
		w.tb.Errorf("the books: %+v", r.Violations)
	}
}

// balances returns the balances of all accounts but the wallets, as text.
func (w *world) balances() map[sluice.AccountID]string {
	w.tb.Helper()
	accounts, err := w.store.Accounts(context.Background())
	w.must(err)
	all := map[sluice.AccountID]string{}
	for _, a := range accounts {
		if !a.Kind.Wallet() && a.Balance.Sign() != 0 {
			all[a.AccountID] = a.Balance.String()
		}
	}
	return all
}

// TestIssue issues a month once, whoever asks and how often, and posts it.
func TestIssue(t *testing.T) {
	w := newWorld(t)
	acme := w.org("org_a", "10")
	w.org("org_b", "10")
	w.publish("book_2", date(3, 15), "0.50", "2.00")
	w.call("org_a", date(3, 2), 1_000_003, 100_000) // 0.6000018 + 0.22
	w.call("org_a", date(2, 2), 0, 0)               // neither tokens nor a charge: February needs no invoice
	w.call("org_b", date(3, 2), 5, 5)
	w.call("org_a", date(3, 20), 7, 33_333) // 0.0000035 + 0.066666
	w.set(date(3, 31))
	_, err := w.make.Issue(t.Context(), acme, "2026-03")
	w.refused("a month that runs", err, sluice.CodeConflict, "March 2026 is not over: it ends at 2026-04-01T00:00:00Z")
	draft, err := w.make.Draft(t.Context(), acme, "2026-03")
	w.must(err)
	if draft.Number != "" || draft.Sum.String() != "0.89" || len(draft.Lines) != 4 {
		t.Errorf("draft %q of %s with %d lines", draft.Number, draft.Sum, len(draft.Lines))
	}

	w.set(date(4, 1))
	var wait sync.WaitGroup
	got := make([]*invoice.Invoice, 10)
	for i := range got {
		wait.Go(func() {
			var err error
			if got[i], err = w.make.Issue(t.Context(), acme, "2026-03"); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for _, inv := range got[1:] {
		if d := cmp.Diff(got[0], inv); d != "" {
			t.Fatalf("two invoices of one month:\n%s", d)
		}
	}
	inv := got[0]
	if inv.Number != "2026-000001" || inv.Customer.Name != "Name of org_a" || inv.Seller.Name != "Seller Ltd" || inv.Terms.Rate != 1900 {
		t.Errorf("issued as %s of %+v to %+v under %+v", inv.Number, inv.Seller, inv.Customer, inv.Terms)
	}
	if inv.Exact.String() != "0.8866713" || inv.Rounding.String() != "0.0033287" || inv.Tax.String() != "0.17" || inv.Due.String() != "0.17" {
		t.Errorf("exact %s, rounding %s, tax %s, due %s", inv.Exact, inv.Rounding, inv.Tax, inv.Due)
	}
	operator := func(k sluice.AccountKind) sluice.AccountID {
		return sluice.AccountID{Owner: sluice.Operator, Kind: k, Currency: "USD"}
	}
	want := map[sluice.AccountID]string{
		operator(sluice.AccountClearing): "-20.00", operator(sluice.AccountRevenueAPI): "0.890014", // with 0.000014 of org_b
		operator(sluice.AccountRounding): "-0.0033287", operator(sluice.AccountTax): "0.17",
		{Owner: "org_a", Kind: sluice.AccountReceivable, Currency: "USD"}: "-0.17",
	}
	if d := cmp.Diff(want, w.balances()); d != "" {
		t.Errorf("balances (-want +got):\n%s", d)
	}
	w.proven()
	_, err = w.make.Draft(t.Context(), acme, "2026-03")
	w.refused("a draft of what is issued", err, sluice.CodeConflict, "2026-000001")
	_, err = w.make.Issue(t.Context(), acme, "2026-02")
	w.refused("an earlier month", err, sluice.CodeConflict, "March 2026 was issued as 2026-000001")
	w.set(date(6, 1))
	_, err = w.make.Issue(t.Context(), acme, "2026-04")
	w.refused("a month without use", err, sluice.CodeNotFound, "nothing to invoice for April 2026")
	list, err := w.make.List(t.Context(), "org_a")
	if err != nil || len(list) != 1 {
		t.Errorf("%d invoices, %v", len(list), err)
	}
	_, err = w.make.Get(t.Context(), "org_b", "2026-000001")
	w.refused("another's invoice", err, sluice.CodeNotFound, "2026-000001")
}

// TestLate books calls after their month's invoice: they are on the next, with a note.
func TestLate(t *testing.T) {
	w := newWorld(t)
	acme := w.org("org_a", "10")
	w.call("org_a", date(3, 2), 1_000_000, 0)
	w.call("org_a", date(4, 2), 2_000_000, 0)
	w.set(date(5, 3))
	_, err := w.make.Issue(t.Context(), acme, "2026-04")
	w.refused("a month before the one before it", err, sluice.CodeConflict, "March 2026 was not invoiced yet")
	march := w.issue(acme, "2026-03")
	w.call("org_a", date(3, 31), 3_000_000, 0) // a spool was replayed
	april := w.issue(acme, "2026-04")
	if march.Sum.String() != "0.60" || april.Sum.String() != "3.00" || april.Number != "2026-000002" {
		t.Errorf("March %s, April %s as %s", march.Sum, april.Sum, april.Number)
	}
	if len(april.Lines) != 2 || april.Lines[1].Late != "2026-03" || len(april.Notes) != 1 || !strings.Contains(april.Notes[0], "earlier month") {
		t.Errorf("lines %+v, notes %q", april.Lines, april.Notes)
	}
	w.proven()
}

// TestCorrect corrects an invoice whose address and tax were wrong.
func TestCorrect(t *testing.T) {
	w := newWorld(t)
	acme := w.org("org_a", "10")
	w.call("org_a", date(3, 2), 1_234_567, 7)
	w.set(date(4, 1))
	wrong := w.issue(acme, "2026-03")
	w.call("org_a", date(3, 31), 1_000_000, 0) // late: goes on April's
	w.must(w.make.SetParty(t.Context(), "org_a", invoice.Party{Name: "Acme GmbH", TaxID: "DE 1"}, invoice.TaxTerms{Note: "reverse charge"}))
	correction, right, err := w.make.Correct(t.Context(), acme, wrong.Number, "a wrong name")
	w.must(err)
	if correction.Number != "2026-000002" || correction.Corrects != wrong.Number || correction.Customer != wrong.Customer || correction.Kind != invoice.KindCorrection {
		t.Errorf("the correction is %+v", correction)
	}
	if right.Number != "2026-000003" || right.Replaces != wrong.Number || right.Customer.Name != "Acme GmbH" || right.Revision != 1 || right.Tax.Sign() != 0 {
		t.Errorf("the new invoice is %+v", right)
	}
	if sum, err := wrong.Sum.Add(correction.Sum); err != nil || sum.Sign() != 0 || right.Exact != wrong.Exact {
		t.Errorf("sums %s, %s, %s", wrong.Sum, correction.Sum, right.Sum)
	}
	// The tax is gone, and the rounding is there once.
	balances := w.balances()
	rounding, _ := right.Rounding.Neg()
	if balances[sluice.AccountID{Owner: sluice.Operator, Kind: sluice.AccountRounding, Currency: "USD"}] != rounding.String() ||
		balances[sluice.AccountID{Owner: sluice.Operator, Kind: sluice.AccountTax, Currency: "USD"}] != "" ||
		balances[sluice.AccountID{Owner: "org_a", Kind: sluice.AccountReceivable, Currency: "USD"}] != "" {
		t.Errorf("balances %v", balances)
	}
	if again := w.issue(acme, "2026-03"); again.Number != right.Number {
		t.Errorf("issued again as %s", again.Number)
	}
	for name, number := range map[string]string{"again": wrong.Number, "the correction": correction.Number} {
		_, _, err = w.make.Correct(t.Context(), acme, number, "x")
		w.refused(name, err, sluice.CodeConflict, "")
	}
	_, _, err = w.make.Correct(t.Context(), acme, "2026-000099", "x")
	w.refused("nothing", err, sluice.CodeNotFound, "2026-000099")
	if _, second, err := w.make.Correct(t.Context(), acme, right.Number, "once more"); err != nil || second.Revision != 2 || second.Number != "2026-000005" {
		t.Errorf("a second correction: %+v, %v", second, err)
	}
	w.call("org_a", date(4, 2), 1, 0)
	w.set(date(5, 1))
	april := w.issue(acme, "2026-04")
	if len(april.Lines) != 2 || april.Sum.String() != "0.60" {
		t.Errorf("April: %+v", april.Lines)
	}
	w.proven()
}

// TestComplete dies between issuing and posting.
func TestComplete(t *testing.T) {
	w := newWorld(t)
	acme := w.org("org_a", "10")
	w.call("org_a", date(3, 2), 1_234_567, 7)
	w.set(date(4, 1))
	w.cut = true
	inv, err := w.make.Issue(t.Context(), acme, "2026-03")
	w.refused("issued without its posting", err, sluice.CodeInternal, "is issued")
	if inv == nil || inv.Number != "2026-000001" {
		t.Errorf("issued as %+v", inv)
	}
	w.proven() // it is on its way
	w.cut = false
	for range 2 {
		w.must(w.make.Complete(t.Context()))
	}
	left, err := w.store.UnpostedInvoices(t.Context())
	rounding := w.balances()[sluice.AccountID{Owner: sluice.Operator, Kind: sluice.AccountRounding, Currency: "USD"}]
	if want, _ := inv.Rounding.Neg(); err != nil || len(left) != 0 || rounding != want.String() {
		t.Errorf("%d left, rounding %s, %v", len(left), rounding, err)
	}
	if again := w.issue(acme, "2026-03"); again.Number != inv.Number {
		t.Errorf("issued again as %s", again.Number)
	}
	w.proven()
}

// TestZone moves a customer from UTC to Shanghai and on to Los Angeles: months
// begin at other instants, and still every call is on one invoice.
func TestZone(t *testing.T) {
	w := newWorld(t)
	acme := w.org("org_a", "10")
	for hour := range 24 * 92 {
		if hour%12 == 0 {
			w.call("org_a", time.Date(2026, 3, 1, hour, 0, 0, 0, time.UTC), 1, 0)
		}
	}
	w.set(date(7, 1))
	units := int64(0)
	until := time.Time{}
	for i, zone := range []string{"", "Asia/Shanghai", "America/Los_Angeles"} {
		w.must(w.make.SetParty(t.Context(), "org_a", invoice.Party{Name: "Acme", Zone: zone}, invoice.TaxTerms{}))
		inv := w.issue(acme, invoice.Period(fmt.Sprintf("2026-%02d", 3+i)))
		if i > 0 && !inv.From.Equal(until) {
			t.Errorf("%s begins at %v, the month before it ended at %v", inv.Period, inv.From, until)
		}
		until = inv.Until
		for _, l := range inv.Lines {
			units += l.Units
			if l.Late != "" {
				t.Errorf("late: %+v", l)
			}
		}
	}
	if units != 92*2 || until.UTC().Format(time.RFC3339) != "2026-06-01T07:00:00Z" {
		t.Errorf("%d of %d calls are on an invoice, until %v", units, 92*2, until)
	}
	w.proven()
}

func TestSeller(t *testing.T) {
	w := newWorld(t)
	acme := w.org("org_a", "10")
	w.call("org_a", date(3, 2), 1_234_567, 7)
	w.set(date(4, 1))
	w.must(w.store.PutBillingParty(t.Context(), sluice.Operator, invoice.Party{}, invoice.TaxTerms{}))
	_, err := w.make.Issue(t.Context(), acme, "2026-03")
	w.refused("without a seller", err, sluice.CodeConflict, "legal name")
	w.refused("without a name", w.make.SetParty(t.Context(), "org_a", invoice.Party{}, invoice.TaxTerms{}), sluice.CodeInvalid, "name")
	w.refused("a rate", w.make.SetParty(t.Context(), "org_a", invoice.Party{Name: "a"}, invoice.TaxTerms{Rate: -1}), sluice.CodeInvalid, "rate")
	// The number's year is that of the day of issue, by the seller's clock.
	w.must(w.make.SetParty(t.Context(), sluice.Operator, invoice.Party{Name: "Seller", Zone: "Asia/Shanghai"}, invoice.TaxTerms{}))
	w.set(time.Date(2026, 12, 31, 17, 0, 0, 0, time.UTC))
	if inv := w.issue(acme, "2026-03"); inv.Number != "2027-000001" {
		t.Errorf("issued as %s", inv.Number)
	}
	w.proven()
}

// TestRandom draws months of calls, some booked late, with changes of price and
// corrections. In the end what stands on the live invoices is what the wallets
// paid, each call once, and the books earn what the invoices say.
func TestRandom(t *testing.T) {
	w := newWorld(t)
	w.publish("book_2", date(2, 10), "0.123457", "2.00")
	w.publish("book_3", date(3, 20), "0.60", "1.999999")
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		w.tb = rt
		defer func() { w.tb = t }()
		n++
		id := fmt.Sprint("org_", n)
		o := w.org(id, fmt.Sprint(rapid.IntRange(1, 20).Draw(rt, "paid")))
		var charged sluice.Amount
		tokens := int64(0)
		call := func(first, last time.Month) {
			for range rapid.IntRange(0, 3).Draw(rt, "calls") {
				month := time.Month(rapid.IntRange(int(first), int(last)).Draw(rt, "month"))
				in, out := rapid.Int64Range(0, 500_000).Draw(rt, "input"), rapid.Int64Range(0, 100_000).Draw(rt, "output")
				ev := w.call(id, date(month, rapid.IntRange(1, 28).Draw(rt, "day")), in, out)
				charged, _ = charged.Add(ev.Charge.Amount())
				tokens += ev.Usage.Total()
			}
		}
		call(1, 4)
		w.set(date(6, 1))
		first := time.January
		for month := time.January; month <= time.May; month++ {
			var inv *invoice.Invoice
			if inv, first = w.issueAll(o, first, month); inv != nil && rapid.IntRange(0, 3).Draw(rt, "correct") == 0 {
				if _, _, err := w.make.Correct(context.Background(), o, inv.Number, "drawn"); err != nil {
					rt.Fatal(err)
				}
			}
			if month < time.April {
				call(1, month) // late, or of months without an invoice
				call(month+1, month+1)
			}
		}
		total(rt, w, id, charged, tokens)
	})
	w.proven()
}

// issueAll issues the months from one to another, and returns the invoice of
// the last, if any, and the month from which on none is issued.
func (w *world) issueAll(o *sluice.Organisation, first, last time.Month) (inv *invoice.Invoice, next time.Month) {
	w.tb.Helper()
	next = first
	for month := first; month <= last; month++ {
		var err error
		inv, err = w.make.Issue(context.Background(), o, invoice.PeriodOf(date(month, 1), time.UTC))
		if err == nil {
			next = month + 1
		} else if sluice.CodeOf(err) != sluice.CodeNotFound {
			w.tb.Fatal(err)
		}
	}
	return inv, next
}

// total compares an organisation's invoices with what it was charged. Calls
// of months before the first invoice wait for it.
func total(t *rapid.T, w *world, org string, charged sluice.Amount, tokens int64) {
	list, err := w.make.List(context.Background(), org)
	if err != nil {
		t.Fatal(err)
	}
	var exact, sum, rounding sluice.Amount
	units := int64(0)
	for _, inv := range list {
		exact, _ = exact.Add(inv.Exact)
		sum, _ = sum.Add(inv.Sum)
		rounding, _ = rounding.Add(inv.Rounding)
		for _, l := range inv.Lines {
			units += l.Units
		}
	}
	both, _ := exact.Add(rounding)
	if exact != charged || both != sum || units != tokens {
		t.Fatalf("invoiced %s = %s + %s and %d tokens; charged %s for %d tokens", sum, exact, rounding, units, charged, tokens)
	}
}
