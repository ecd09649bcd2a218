package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice"
	"sluice/money/invoice"
	"sluice/store"
)

func testBillingParty(t *testing.T, db *store.DB) {
	p, terms, err := db.BillingParty(t.Context(), "org_a")
	if err != nil || p != (invoice.Party{}) || terms != (invoice.TaxTerms{}) {
		t.Errorf("never stored: %+v, %+v, %v", p, terms, err)
	}
	first := invoice.Party{Name: "Acme 株式会社", Address: "One\nTwo", TaxID: "DE 1", Email: "a@b.example", Zone: "Asia/Tokyo"}
	second := invoice.Party{Name: "Acme"}
	for i, want := range []invoice.Party{first, second} {
		set := invoice.TaxTerms{Rate: int64(1900 * (1 - i)), Included: i == 0, Name: "VAT", Note: "reverse charge"}
		if err := db.PutBillingParty(t.Context(), "org_a", want, set); err != nil {
			t.Fatal(err)
		}
		p, terms, err := db.BillingParty(t.Context(), "org_a")
		if err != nil || p != want || terms != set {
			t.Errorf("stored %+v, %+v, read %+v, %+v, %v", want, set, p, terms, err)
		}
	}
}

// document is an invoice to be issued.
func document(id, org string, period invoice.Period, revision int64) *invoice.Invoice {
	from, until := period.Bounds(time.UTC)
	return &invoice.Invoice{
		ID: id, Kind: invoice.KindInvoice, Org: org, Period: period, From: from, Until: until, Zone: "UTC", Currency: "USD", Revision: revision,
		Lines:  []invoice.Line{{Segment: invoice.SegmentPlan, Exact: sluice.Amount{Nano: 10_000_000}, Amount: sluice.Amount{Nano: 10_000_000}}},
		Exact:  sluice.Amount{Nano: 10_000_000},
		Sum:    sluice.Amount{Nano: 10_000_000},
		Total:  sluice.Amount{Nano: 10_000_000},
		Drawn:  sluice.Amount{Nano: 10_000_000},
		Window: invoice.Window{Since: from, Seen: 1, Until: until, Cutoff: 2},
	}
}

// testInvoices issues from many goroutines at once: the numbers have no gap
// although some are refused.
func testInvoices(t *testing.T, db *store.DB) {
	var wait sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		wait.Go(func() { // two of each month
			d := document(fmt.Sprint("inv_", i), "org_a", invoice.Period(fmt.Sprintf("2026-%02d", 1+i/2)), 0)
			errs[i] = db.IssueInvoices(t.Context(), 2026, []*invoice.Invoice{d}, []string{""})
			if (errs[i] == nil) != (d.Number != "") {
				t.Errorf("error %v, number %q", errs[i], d.Number)
			}
		})
	}
	wait.Wait()
	for i := range 10 {
		a, b := errs[2*i], errs[2*i+1]
		if a == nil {
			a, b = b, a
		}
		fails(t, "a month twice", a, sluice.CodeConflict)
		fails(t, "a month", b, "")
	}
	all := must[[]*invoice.Invoice](t)(db.Invoices(t.Context(), "org_a"))
	for i, inv := range all {
		if want := invoice.Number(2026, int64(10-i)); inv.Number != want {
			t.Errorf("number %s, want %s", inv.Number, want)
		}
	}
	if len(all) != 10 || len(must[[]*invoice.Invoice](t)(db.Invoices(t.Context(), "org_b"))) != 0 {
		t.Errorf("%d invoices", len(all))
	}

	// Two together: one that is refused takes the other with it.
	pair := []*invoice.Invoice{document("inv_x", "org_b", "2026-01", 0), document("inv_0", "org_b", "2026-02", 0)}
	if all[0].ID != "inv_0" {
		pair[1].ID = all[0].ID
	}
	fails(t, "an id twice", db.IssueInvoices(t.Context(), 2026, pair, []string{"", ""}), sluice.CodeConflict)
	if n := len(must[[]*invoice.Invoice](t)(db.Invoices(t.Context(), "org_b"))); n != 0 || pair[0].Number != "" {
		t.Errorf("%d of two are there, number %q", n, pair[0].Number)
	}
	pair[1].ID = "inv_y"
	if err := db.IssueInvoices(t.Context(), 2027, pair, []string{"tx_1", "tx_2"}); err != nil || pair[0].Number != "2027-000001" || pair[1].Number != "2027-000002" {
		t.Errorf("numbers %s and %s, %v", pair[0].Number, pair[1].Number, err)
	}
	if d := cmp.Diff([]*invoice.Invoice{pair[1], pair[0]}, must[[]*invoice.Invoice](t)(db.Invoices(t.Context(), "org_b"))); d != "" {
		t.Errorf("read back (-want +got):\n%s", d)
	}
	commit(t, db, sluice.Posting{Tx: sluice.Tx{ID: "tx_1", Kind: invoice.TxInvoice, At: start()}})
	if d := cmp.Diff(pair[1:], must[[]*invoice.Invoice](t)(db.UnpostedInvoices(t.Context()))); d != "" {
		t.Errorf("not posted (-want +got):\n%s", d)
	}
	wantViolations(t, db)
}

// taken notes what an invoice is given.
type taken struct {
	calls, others []string
	sums          map[sluice.AccountKind]sluice.Amount
	charged       sluice.Amount
	fail          error
}

func (k *taken) Call(e *sluice.Event) error {
	k.calls = append(k.calls, fmt.Sprint(e.Model, " ", e.Usage[sluice.ClassOutput]))
	k.charged, _ = k.charged.Add(e.Charge.Amount())
	return k.fail
}

func (k *taken) CallEntries(sums map[sluice.AccountKind]sluice.Amount) error {
	if k.sums == nil {
		k.sums = map[sluice.AccountKind]sluice.Amount{}
	}
	for kind, sum := range sums {
		k.sums[kind], _ = k.sums[kind].Add(sum)
	}
	return nil
}

func (k *taken) Other(tx *sluice.Tx) error {
	k.others = append(k.others, tx.ID)
	return nil
}

// testGatherInvoice books calls before, in and after a month, some of them
// late, and takes up two months: each call is on one of them.
func testGatherInvoice(t *testing.T, db *store.DB) {
	n := int64(0)
	book := func(org string, at time.Time) {
		t.Helper()
		n++
		p := usage(fmt.Sprint("call_", n), org, "key_a", 1999)
		p.Event.EndedAt, p.Tx.At, p.Event.Usage = at, at, sluice.Usage{0, 0, 0, n, 0}
		commit(t, db, p)
	}
	feb, march, april := start().AddDate(0, 0, -28), start(), start().AddDate(0, 1, 0)
	first := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	commit(t, db, payment("tx_1", "org_a", sluice.Amount{Nano: 1_000_000}), payment("tx_2", "org_b", sluice.Amount{Nano: 1_000_000}))
	book("org_a", feb)                           // 1
	book("org_a", first.Add(-time.Microsecond))  // 2
	book("org_a", first)                         // 3
	book("org_b", march)                         // 4
	book("org_a", first.AddDate(0, 1, 0).Add(9)) // 5: nanoseconds are not kept
	w := invoice.Window{Until: first}
	var k taken
	if err := db.GatherInvoice(t.Context(), "org_a", &w, &k); err != nil {
		t.Fatal(err)
	}
	model := event("call", "org_a", "key_a", 1).Model
	if d := cmp.Diff([]string{model + " 1", model + " 2"}, k.calls); d != "" || w.Cutoff != 7 || len(k.others) != 0 {
		t.Errorf("cutoff %d, others %v, calls (-want +got):\n%s", w.Cutoff, k.others, d)
	}
	book("org_a", feb) // 6, late
	book("org_b", feb) // 7
	book("org_a", march)
	next := invoice.Window{Since: first, Seen: w.Cutoff, Until: first.AddDate(0, 1, 0)}
	k = taken{}
	if err := db.GatherInvoice(t.Context(), "org_a", &next, &k); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{model + " 3", model + " 8", model + " 6"}, k.calls); d != "" {
		t.Errorf("calls (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"tx_1"}, k.others); d != "" {
		t.Errorf("other transactions (-want +got):\n%s", d)
	}
	minus, _ := k.charged.Neg()
	if k.charged != sluice.Pico(3*1999).Amount() || k.sums[sluice.AccountRevenueAPI] != k.charged || k.sums[sluice.AccountPrepaid] != minus {
		t.Errorf("charged %s, entries %v", k.charged, k.sums)
	}

	// The same window later, whatever was booked since, gives the same.
	book("org_a", march)
	book("org_a", april)
	again := next
	var l taken
	if err := db.GatherInvoice(t.Context(), "org_a", &again, &l); err != nil || again != next {
		t.Fatal(again, err)
	}
	if d := cmp.Diff(k, l, cmp.AllowUnexported(taken{}), cmp.Comparer(func(a, b error) bool { return errors.Is(a, b) })); d != "" {
		t.Errorf("gathered again (-first +second):\n%s", d)
	}
	l.fail = errors.New("full")
	if err := db.GatherInvoice(t.Context(), "org_a", &again, &l); !errors.Is(err, l.fail) {
		t.Errorf("a refusal is told as %v", err)
	}
}

// testInvoiceKept tries to change an issued invoice, and finds one that was
// changed behind the triggers, or is gone.
func testInvoiceKept(t *testing.T, dsn string) {
	db := open(t, dsn)
	for i := range 3 {
		d := document(fmt.Sprint("inv_", i), "org_a", invoice.Period(fmt.Sprintf("2026-%02d", 1+i)), 0)
		if err := db.IssueInvoices(t.Context(), 2026, []*invoice.Invoice{d}, []string{""}); err != nil {
			t.Fatal(err)
		}
	}
	behind := raw(t, dsn)
	for _, change := range []string{`UPDATE invoice SET org = 'org_b'`, `DELETE FROM invoice`} {
		if _, err := behind.ExecContext(t.Context(), change); err == nil {
			t.Errorf("%s: done", change)
		}
	}
	wantViolations(t, db)
	for _, drop := range []string{`ALTER TABLE invoice DISABLE TRIGGER USER`, `DROP TRIGGER invoice_update`, `DROP TRIGGER invoice_delete`} {
		_, _ = behind.ExecContext(t.Context(), drop) // the other database does not know it
	}
	execute(t, behind, `UPDATE invoice SET document = REPLACE(document, '0.01', '0.02') WHERE n = 1`)
	wantViolations(t, db, "invoice at invoice 2026-000001")
	if _, err := db.Invoices(t.Context(), "org_a"); err == nil {
		t.Error("a changed invoice is read")
	}
	execute(t, behind, `DELETE FROM invoice WHERE n = 2`)
	wantViolations(t, db, "invoice at invoice 2026-000001", "invoice at invoice 2026-000003")
}
