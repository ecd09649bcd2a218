package closing_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/billing/closing"
	"sluice/billing/invoicing"
	"sluice/money/invoice"
	"sluice/money/localreport"
	"sluice/money/price"
	"sluice/money/seal"
	"sluice/money/statement"
	"sluice/store"
)

// sales is a world whose calls are invoiced.
type sales struct {
	*world
	t    tester
	path string
	make *invoicing.Invoices
	book *price.Book
	cut  bool // what invoices post is not booked
	n    int
}

// november is the month that is invoiced.
const november = invoice.Period("2026-11")

// zones are those by whose clocks customers' months begin: in one within an hour.
var zones = map[string]string{"org_a": "UTC", "org_b": "Asia/Kolkata", "org_c": "America/New_York"}

func newSales(t tester, folder string) *sales {
	s := &sales{t: t, path: filepath.Join(folder, "ledger.db")}
	s.must(os.MkdirAll(folder, 0o700))
	db, err := store.Open(context.Background(), "sqlite:"+s.path+"?_pragma=synchronous(off)")
	s.must(err)
	s.world = &world{store: db, now: start()}
	s.Service = closing.New(closing.Options{Hours: db, Days: db, Notes: db, Invoices: db, Local: db, Flush: func(context.Context) error { return nil }, Now: s.clock})
	s.make = invoicing.New(db, s, s.clock, slog.New(slog.DiscardHandler))
	var rules []price.Rule
	for _, model := range []string{"glm", "air"} {
		for class, p := range map[sluice.Class]sluice.Pico{sluice.ClassInput: 600_000, sluice.ClassCached: 110_000, sluice.ClassOutput: 2_200_123} {
			rules = append(rules, price.Rule{Model: model, Class: class, Price: p})
		}
	}
	b, err := price.Publish("book_1", price.Draft{Currency: "USD", EffectiveAt: start().AddDate(-1, 0, 0), Rules: rules}, start().AddDate(-1, 0, 0))
	s.book = b
	s.must(err)
	s.must(db.PublishBook(context.Background(), b))
	s.must(s.make.SetParty(context.Background(), sluice.Operator, invoice.Party{Name: "Seller Ltd"}, invoice.TaxTerms{Rate: 1900}))
	for org, zone := range zones {
		s.must(db.CreateOrganisation(context.Background(), s.org(org)))
		s.must(s.make.SetParty(context.Background(), org, invoice.Party{Name: org, Zone: zone}, invoice.TaxTerms{Rate: 1900, Included: org == "org_b"}))
		s.post(sluice.TxPayment, org, start().AddDate(0, 0, -20), account(sluice.Operator, sluice.AccountClearing), account(org, sluice.AccountPrepaid), sluice.Amount{Nano: 1e15})
	}
	return s
}

// salesOf is newSales in a folder of the test's own.
func salesOf(t *testing.T) *sales {
	t.Helper()
	s := newSales(t, t.TempDir())
	t.Cleanup(func() { _ = s.store.Close() })
	return s
}

func (s *sales) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *sales) org(id string) *sluice.Organisation {
	return &sluice.Organisation{ID: id, Name: id, Currency: "USD", CreatedAt: start().AddDate(-1, 0, 0)}
}

func account(owner string, kind sluice.AccountKind) sluice.AccountID {
	return sluice.AccountID{Owner: owner, Kind: kind, Currency: "USD"}
}

// Post books what invoices post, once.
func (s *sales) Post(ctx context.Context, tx sluice.Tx) error {
	if s.cut {
		return fmt.Errorf("cut off")
	}
	err := s.store.Commit(ctx, sluice.Batch{Postings: []sluice.Posting{{Tx: tx}}})
	if sluice.CodeOf(err) == sluice.CodeConflict {
		return nil
	}
	return err
}

func (s *sales) post(kind sluice.TxKind, org string, at time.Time, from, to sluice.AccountID, a sluice.Amount) {
	s.t.Helper()
	s.n++
	minus, err := a.Neg()
	s.must(err)
	s.must(s.store.Commit(context.Background(), sluice.Batch{Postings: []sluice.Posting{{Tx: sluice.Tx{
		ID: fmt.Sprintf("tx_%s_%d", org, s.n), Kind: kind, At: at, Memo: "a memo", Entries: []sluice.Entry{{Account: from, Amount: minus}, {Account: to, Amount: a}},
	}}}}))
}

// call books a call of an organisation.
func (s *sales) call(org, model string, ended time.Time, input, output int64) {
	s.t.Helper()
	s.n++
	ev := &sluice.Event{
		CallID: fmt.Sprintf("call_%05d", s.n), Org: org, Key: "key_" + org, Model: model, Engine: "eng_1", AdmittedAt: ended.Add(-time.Second), EndedAt: ended,
		Status: sluice.StatusCompleted, Usage: sluice.Usage{input, input / 3, 0, output}, Currency: "USD", Book: s.book.ID,
	}
	c, err := s.book.Charge(price.QueryOfEvent(ev))
	s.must(err)
	ev.List, ev.Charge = c.Total, c.Total
	minus, err := ev.Charge.Amount().Neg()
	s.must(err)
	s.must(s.store.Commit(context.Background(), sluice.Batch{Postings: []sluice.Posting{{
		Tx: sluice.Tx{ID: ev.CallID, Kind: sluice.TxUsage, At: ended, Entries: []sluice.Entry{
			{Account: account(org, sluice.AccountPrepaid), Amount: minus}, {Account: account(sluice.Operator, sluice.AccountRevenueAPI), Amount: ev.Charge.Amount()},
		}}, Event: ev,
	}}}))
}

// others books what is no call and stands on invoices.
func (s *sales) others(org string, at time.Time) {
	s.t.Helper()
	wallet, revenue := account(org, sluice.AccountPrepaid), account(sluice.Operator, sluice.AccountRevenueAPI)
	granted, promotion := account(org, sluice.AccountPromotional), account(sluice.Operator, sluice.AccountPromotion)
	s.post(sluice.TxGrant, org, at, promotion, granted, sluice.Amount{Nano: 700, Carry: 5})
	s.post(sluice.TxCorrection, org, at, granted, promotion, sluice.Amount{Nano: 100}) // of the grant
	s.post(sluice.TxCorrection, org, at, revenue, granted, sluice.Amount{Nano: 9, Carry: 9})
	s.post(sluice.TxCorrection, org, at, revenue, wallet, sluice.Amount{Nano: 1, Carry: 700})
	s.post(sluice.TxPlan, org, at, wallet, account(sluice.Operator, sluice.AccountDeferred), sluice.Amount{Nano: 20e9})
	s.post(sluice.TxEarned, org, at, account(sluice.Operator, sluice.AccountDeferred), account(sluice.Operator, sluice.AccountRevenuePlan), sluice.Amount{Nano: 1e9})
	s.post(sluice.TxVolume, org, at, revenue, wallet, sluice.Amount{Carry: 11})
}

// blocked returns the subjects that keep a day open.
func (s *sales) blocked(day string) map[string]seal.Check {
	s.t.Helper()
	d, err := s.Day(context.Background(), day)
	s.must(err)
	all := map[string]seal.Check{}
	for _, c := range d.Checks {
		if c.Blocks() {
			all[c.Subject] = c
		}
	}
	return all
}

// rewrite changes the last document of an organisation behind the store's back, and
// seals it anew when asked to.
func (s *sales) rewrite(org string, sealed bool, change func(*invoice.Invoice)) string {
	s.t.Helper()
	db, err := sql.Open("sqlite", s.path)
	s.must(err)
	defer db.Close()
	var id, text string
	s.must(db.QueryRow(`SELECT id, document FROM invoice WHERE org = $1 ORDER BY year DESC, n DESC LIMIT 1`, org).Scan(&id, &text))
	var inv invoice.Invoice
	s.must(json.Unmarshal([]byte(text), &inv))
	change(&inv)
	after, err := json.Marshal(&inv)
	s.must(err)
	_, err = db.Exec(`DROP TRIGGER IF EXISTS invoice_update`)
	s.must(err)
	_, err = db.Exec(`UPDATE invoice SET document = $1 WHERE id = $2`, string(after), id)
	s.must(err)
	if sum := sha256.Sum256(after); sealed {
		_, err = db.Exec(`UPDATE invoice SET hash = $1 WHERE id = $2`, hex.EncodeToString(sum[:]), id)
		s.must(err)
	}
	return inv.Number
}

// issuedMonth is November's last days, invoiced: what stands on it came in time and late.
func issuedMonth(t *testing.T) *sales {
	s := salesOf(t)
	last := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	for i := range 60 {
		org := []string{"org_a", "org_b", "org_c"}[i%3]
		s.call(org, []string{"glm", "air"}[i%2], last.Add(time.Duration(i)*47*time.Minute), int64(1000+i), int64(300*i))
		if i%20 == 0 {
			s.others(org, last.Add(time.Duration(i)*20*time.Minute))
		}
	}
	s.pass(t, last.Add(28*time.Hour))
	s.call("org_a", "glm", last.Add(10*time.Hour), 5000, 77) // late, and on the invoice
	for _, org := range []string{"org_a", "org_b"} {
		_, err := s.make.Issue(context.Background(), s.org(org), november)
		s.must(err)
	}
	s.call("org_a", "air", last.Add(11*time.Hour), 5000, 77) // and what is on the next one
	s.pass(t, last.Add(50*time.Hour))
	return s
}

// TestIssuedInvoicesAgree closes the days around an invoiced month, in open and
// invoiced months, whatever came late, was corrected and issued again.
func TestIssuedInvoicesAgree(t *testing.T) {
	s := issuedMonth(t)
	issued, err := s.store.Invoices(t.Context(), "org_b")
	s.must(err)
	_, _, err = s.make.Correct(t.Context(), s.org("org_b"), issued[0].Number, "a wrong address")
	s.must(err)
	for day, subject := range map[string]string{"2026-11-30": "issued:USD", "2026-12-01": "posted"} {
		d, err := s.Close(t.Context(), day, "me")
		if err != nil {
			t.Fatalf("%v: %+v", err, s.blocked(day))
		}
		i := slices.IndexFunc(d.Checks, func(c seal.Check) bool { return c.Subject == subject })
		if i < 0 || !strings.Contains(d.Checks[i].What+d.Checks[i].Left, map[string]string{"issued:USD": "2 invoices", "posted": "2 invoices"}[subject]) {
			t.Errorf("%s does not compare invoices: %+v", day, d.Checks)
		}
	}
	s.whole(t)
}

// TestAlteredInvoice alters lines of an issued invoice, in ways that leave the
// document right by itself: the day stays open, and the line is named.
func TestAlteredInvoice(t *testing.T) {
	s := issuedMonth(t)
	line := func(inv *invoice.Invoice, model, class string) *invoice.Line {
		for i := range inv.Lines {
			if l := &inv.Lines[i]; l.Model == model && l.Class == class && l.Late == "" {
				return l
			}
		}
		t.Fatalf("no line of %s %s", model, class)
		return nil
	}
	consistent := func(inv *invoice.Invoice) {
		inv.Exact, inv.Sum = sluice.Amount{}, sluice.Amount{}
		for i := range inv.Lines {
			l := &inv.Lines[i]
			l.Amount, _ = invoice.Round(l.Exact, 2)
			inv.Exact, _ = inv.Exact.Add(l.Exact)
			inv.Sum, _ = inv.Sum.Add(l.Amount)
		}
		inv.Rounding, _ = inv.Sum.Sub(inv.Exact)
	}
	for name, c := range map[string]struct {
		sealed  bool
		change  func(*invoice.Invoice)
		subject string
		differs string
	}{
		"a line": {true, func(inv *invoice.Invoice) { l := line(inv, "glm", "output"); l.Exact.Nano += 123; l.Price = "" }, ":api:glm:output", "0.000000123 USD"},
		"between two classes": {true, func(inv *invoice.Invoice) {
			line(inv, "glm", "output").Exact.Nano += 5
			line(inv, "air", "input").Exact.Nano -= 5
		}, ":api:air:input", "-0.000000005 USD"},
		"what was paid":    {true, func(inv *invoice.Invoice) { inv.Drawn.Nano++ }, ":drawn", " instead of "},
		"a plan's period":  {true, func(inv *invoice.Invoice) { line(inv, "", "").Exact.Nano += 1e9 }, ":plan", "1.00 USD"},
		"a rounded amount": {true, func(inv *invoice.Invoice) { line(inv, "glm", "output").Amount.Nano += 1e7 }, "", "its lines make"},
		"the address":      {false, func(inv *invoice.Invoice) { inv.Customer.Address = "elsewhere" }, "", "not the document"},
	} {
		var before invoice.Invoice
		number := s.rewrite("org_a", c.sealed, func(inv *invoice.Invoice) {
			before = *inv
			before.Lines = slices.Clone(inv.Lines)
			c.change(inv)
			if c.subject != "" {
				consistent(inv)
			}
		})
		_, err := s.Close(t.Context(), "2026-11-30", "me")
		check, ok := s.blocked("2026-11-30")["issued:"+number+c.subject]
		if sluice.CodeOf(err) != sluice.CodeConflict || !ok || !strings.Contains(check.Difference, c.differs) || !strings.Contains(check.What, "org_a") {
			t.Errorf("%s: %v, blocked by %+v", name, err, s.blocked("2026-11-30"))
		}
		s.rewrite("org_a", true, func(inv *invoice.Invoice) { *inv = before })
		if left := s.blocked("2026-11-30"); len(left) > 0 {
			t.Fatalf("%s: mended, and blocked by %+v", name, left)
		}
	}
	// Of a day that is closed the record says what was found; an audit looks again.
	_, err := s.Close(t.Context(), "2026-11-30", "me")
	s.must(err)
	number := s.rewrite("org_a", true, func(inv *invoice.Invoice) { line(inv, "glm", "output").Exact.Nano++ })
	faults, err := s.Audit(t.Context(), time.Time{}, time.Time{}, false)
	if err != nil || !slices.ContainsFunc(faults, func(f seal.Fault) bool { return strings.Contains(f.What, number) }) {
		t.Errorf("faults %+v, %v", faults, err)
	}
}

// TestInvoiceNotPosted dies between issuing an invoice and booking its rounding and
// tax: the day on which it was issued stays open until it is booked.
func TestInvoiceNotPosted(t *testing.T) {
	s := salesOf(t)
	s.call("org_a", "glm", time.Date(2026, 11, 30, 20, 0, 0, 0, time.UTC), 1000, 10)
	s.pass(t, time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC))
	s.cut = true
	if _, err := s.make.Issue(t.Context(), s.org("org_a"), november); err == nil {
		t.Fatal("it was booked")
	}
	s.cut = false
	s.pass(t, time.Date(2026, 12, 2, 9, 0, 0, 0, time.UTC))
	blocked := s.blocked("2026-12-01")
	if c, ok := blocked["posted"]; len(blocked) != 1 || !ok || c.Difference != "2026-000001 is not booked" {
		t.Errorf("blocked by %+v", blocked)
	}
	s.must(s.make.Complete(t.Context())) // at the next start: on 1 December, which is sealed
	s.pass(t, time.Date(2026, 12, 3, 9, 0, 0, 0, time.UTC))
	if c := s.blocked("2026-12-01")["posted"]; !strings.Contains(c.Difference, "after its hour was sealed") {
		t.Errorf("booked late, 1 December is blocked by %+v", c)
	}
	_, err := s.Explain(t.Context(), "2026-12-01", "posted", "the server died", "me")
	s.must(err)
	for _, day := range []string{"2026-12-01", "2026-12-02"} {
		if _, err := s.Close(t.Context(), day, "me"); err != nil {
			t.Errorf("%s: %v", day, err)
		}
	}
	if len(s.blocked("2026-11-30")) != 0 {
		t.Errorf("the month is blocked by %+v", s.blocked("2026-11-30"))
	}
}

// TestLocalReportHalfBooked stores a report of a deployment whose booking was cut
// off: the day stays open, and the customer is named.
func TestLocalReportHalfBooked(t *testing.T) {
	s := salesOf(t)
	at := start().Add(3 * time.Hour)
	s.call("org_a", "glm", at, 100, 10)
	d := localreport.Deployment{Name: "dc1", Org: "org_b", Currency: "USD", Metered: true, CreatedAt: start()}
	s.must(s.store.CreateDeployment(t.Context(), &d))
	row := statement.Row{Key: statement.Key{Hour: at, Model: "glm", Segment: statement.SegmentLocal, Org: "org_b", Currency: "USD", Outcome: statement.OutcomeCharged}}
	row.Calls, row.List, row.Charge = 1, sluice.Amount{Nano: 12e9}, sluice.Amount{Nano: 12e9}
	after := d
	after.Reports, after.Head = 1, "x"
	s.must(s.store.AddLocalReport(t.Context(), &after, 0, []statement.Row{row}, []string{"local_1"}))
	s.pass(t, start().Add(25*time.Hour))
	if c, ok := s.blocked(monday)["local:USD:org_b"]; !ok || c.Difference != "12.00 USD" {
		t.Errorf("blocked by %+v", s.blocked(monday))
	}
}

// TestRandomInvoicedHistories lets a random month end: calls in time and late, hours
// sealed in between, invoices issued before and after the last hours are sealed, corrected
// and issued again. Every day closes, with lines and rounding; and a line that is then
// altered is found.
func TestRandomInvoicedHistories(t *testing.T) {
	seeds := uint64(16)
	if raced {
		seeds = 2
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { randomMonthEnd(t, rand.New(rand.NewPCG(seed, 8))) })
	}
}

func randomMonthEnd(t *testing.T, r *rand.Rand) {
	s := salesOf(t)
	begin := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	now := begin
	issued := map[string]*invoice.Invoice{}
	s.call("org_a", "glm", begin, 10, 10)
	for range 10 + r.IntN(40) {
		org := []string{"org_a", "org_b", "org_c"}[r.IntN(3)]
		switch r.IntN(10) {
		case 0, 1, 2:
			now = now.Add(time.Duration(10+r.IntN(390)) * time.Minute)
			s.pass(t, now)
		case 3:
			s.others(org, now.Add(-time.Duration(r.IntN(600))*time.Minute))
		case 4:
			if inv, err := s.make.Issue(t.Context(), s.org(org), november); err == nil && issued[org] == nil {
				issued[org] = inv
			}
		case 5:
			if inv := issued[org]; inv != nil {
				_, again, err := s.make.Correct(t.Context(), s.org(org), inv.Number, "again")
				s.must(err)
				issued[org] = again
			}
		default:
			ago := time.Duration(r.IntN(2)*r.IntN(900)) * time.Minute
			s.call(org, []string{"glm", "air"}[r.IntN(2)], now.Add(-ago), r.Int64N(9000), r.Int64N(9000))
		}
	}
	s.pass(t, now.Add(26*time.Hour).Truncate(24*time.Hour).Add(time.Hour))
	for day := begin.Truncate(24 * time.Hour); day.Before(now); day = day.AddDate(0, 0, 1) {
		name := day.Format(time.DateOnly)
		if _, err := s.Close(t.Context(), name, "me"); err != nil && len(s.blocked(name)) > 0 {
			t.Fatalf("%s: %v, %+v", name, err, s.blocked(name))
		}
	}
	s.whole(t)
	for org, inv := range issued {
		i := slices.IndexFunc(inv.Lines, func(l invoice.Line) bool { return l.Segment == invoice.SegmentAPI })
		if i < 0 || !s.closedIn(inv) {
			continue
		}
		s.rewrite(org, true, func(inv *invoice.Invoice) { inv.Lines[i].Exact.Nano++; inv.Exact.Nano++; inv.Rounding.Nano-- })
		if faults, err := s.Audit(t.Context(), time.Time{}, time.Time{}, false); err != nil || len(faults) == 0 {
			t.Fatalf("the invoice of %s was altered, and nothing is found: %v", org, err)
		}
		return
	}
}

// closedIn reports whether a day with time of an invoice on it is closed.
func (s *sales) closedIn(inv *invoice.Invoice) bool {
	s.t.Helper()
	closes, err := s.store.Closes(context.Background(), "")
	s.must(err)
	return slices.ContainsFunc(closes, func(c seal.Close) bool { return c.From.Before(inv.Window.Until) })
}
