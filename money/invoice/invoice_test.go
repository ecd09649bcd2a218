package invoice_test

import (
	"bytes"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"sluice"
	"sluice/money/invoice"
	"sluice/money/ledger"
	"sluice/money/price"
)

// list is a price book of one model whose prices are given for input, cached and output.
func list(t testing.TB, id string, effective time.Time, model, input, cached, output string) *price.Book {
	t.Helper()
	return publish(t, id, effective, rules(t, model, 0, 0, input, cached, output))
}

func rules(t testing.TB, model string, from, to int64, prices ...string) []price.Rule {
	t.Helper()
	var all []price.Rule
	for i, class := range []sluice.Class{sluice.ClassInput, sluice.ClassCached, sluice.ClassOutput} {
		p, err := sluice.ParsePrice(prices[i])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, price.Rule{Model: model, Class: class, ContextMin: from, ContextMax: to, Price: p})
	}
	return all
}

func publish(t testing.TB, id string, effective time.Time, rules []price.Rule) *price.Book {
	t.Helper()
	b, err := price.Publish(id, price.Draft{Currency: "USD", EffectiveAt: effective, Rules: rules}, effective)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// november is the head of the invoices that are tested.
func november() invoice.Invoice {
	from, until := invoice.Period("2026-11").Bounds(time.UTC)
	return invoice.Invoice{
		ID: "inv_1", Kind: invoice.KindInvoice, Org: "org_a", Period: "2026-11", From: from, Until: until, Zone: "UTC",
		Currency: "USD", Seller: invoice.Party{Name: "Seller"}, Customer: invoice.Party{Name: "Customer"},
	}
}

// history is calls and transactions with the balances that they draw on.
type history struct {
	t       testing.TB
	b       *invoice.Builder
	books   []*price.Book
	wallets []sluice.Account
	entries map[sluice.AccountKind]sluice.Amount
	exact   *big.Int // of what the customer paid or owes, summed apart, in pico
	n       int
}

func newHistory(t testing.TB, head invoice.Invoice, granted, paid string, books ...*price.Book) *history {
	t.Helper()
	b, err := invoice.NewBuilder(head, books)
	if err != nil {
		t.Fatal(err)
	}
	h := &history{t: t, b: b, books: books, entries: map[sluice.AccountKind]sluice.Amount{}, exact: new(big.Int)}
	for i, kind := range ledger.BurnOrder() {
		h.wallets = append(h.wallets, sluice.Account{
			AccountID: sluice.AccountID{Owner: head.Org, Kind: kind, Currency: head.Currency}, Balance: amount(t, []string{granted, paid}[i]),
		})
	}
	return h
}

func bigPico(a sluice.Amount) *big.Int {
	v := new(big.Int).Mul(big.NewInt(a.Nano), big.NewInt(1000))
	return v.Add(v, big.NewInt(a.Carry))
}

// call settles a call as the ledger does: as far as the wallets reach.
func (h *history) call(book *price.Book, model string, ended time.Time, u sluice.Usage, simulated bool) sluice.Event {
	h.t.Helper()
	h.n++
	listed, err := book.Charge(price.QueryOf(model, ended.Add(-time.Second), u))
	if err != nil {
		h.t.Fatal(err)
	}
	ev := sluice.Event{
		CallID: fmt.Sprintf("call_%d", h.n), Org: h.wallets[0].Owner, Model: model, AdmittedAt: ended.Add(-time.Second), EndedAt: ended,
		Usage: u, Currency: book.Currency, Book: book.ID, List: listed.Total, Charge: listed.Total, Simulated: simulated, Status: sluice.StatusCompleted,
	}
	all, err := h.wallets[0].Balance.Add(h.wallets[1].Balance)
	if err != nil {
		h.t.Fatal(err)
	}
	if all.Cmp(listed.Total.Amount()) < 0 {
		ev.Charge, _ = all.Pico()
	}
	h.settle(&ev)
	return ev
}

func (h *history) settle(ev *sluice.Event) {
	h.t.Helper()
	tx, err := ledger.Usage(ev, h.wallets)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range tx.Entries {
		sum, err := h.entries[e.Account.Kind].Add(e.Amount)
		if err != nil {
			h.t.Fatal(err)
		}
		h.entries[e.Account.Kind] = sum
		if e.Account.Kind == sluice.AccountPrepaid {
			h.exact.Sub(h.exact, bigPico(e.Amount))
		}
	}
	if err := h.b.Call(ev); err != nil {
		h.t.Fatal(err)
	}
}

// other books what is no call.
func (h *history) other(tx sluice.Tx, err error) {
	h.t.Helper()
	if err == nil {
		err = ledger.Check(&tx)
	}
	if err == nil {
		err = h.b.Other(&tx)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	if tx.Kind == sluice.TxPayment || tx.Kind == sluice.TxGrant {
		return
	}
	for _, e := range tx.Entries {
		if e.Account.Kind == sluice.AccountPrepaid || e.Account.Kind == sluice.AccountClearing {
			h.exact.Sub(h.exact, bigPico(e.Amount))
		}
	}
}

func (h *history) invoice() *invoice.Invoice {
	h.t.Helper()
	if err := h.b.CallEntries(h.entries); err != nil {
		h.t.Fatal(err)
	}
	inv, err := h.b.Invoice()
	if err != nil {
		h.t.Fatal(err)
	}
	return inv
}

// TestLines is a month with a price change, late and simulated calls, one that
// the balance did not cover, credit, a plan and a correction.
func TestLines(t *testing.T) {
	start := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	change := time.Date(2026, 11, 15, 0, 0, 0, 0, time.UTC)
	before := publish(t, "book_1", start, append(rules(t, "glm", 0, 0, "0.60", "0.11", "2.20"), append(rules(t, "long", 0, 1000, "1", "1", "2"), rules(t, "long", 1000, 0, "3", "1", "4")...)...))
	after := list(t, "book_2", change, "glm", "0.60", "0.10", "2.00")
	head := november()
	head.Terms = invoice.TaxTerms{Rate: 1900}
	h := newHistory(t, head, "1.00", "50", before, after)
	at := func(day int) time.Time { return time.Date(2026, 11, day, 12, 0, 0, 0, time.UTC) }
	h.call(before, "glm", at(2), sluice.Usage{1_000_000, 500_000, 0, 250_000, 0}, false)
	h.call(before, "glm", at(3), sluice.Usage{1, 0, 0, 0, 0}, false)
	h.call(before, "long", at(3), sluice.Usage{500, 0, 0, 1, 0}, false)
	h.call(before, "long", at(3), sluice.Usage{1500, 0, 0, 1, 0}, false)
	h.call(after, "glm", at(16), sluice.Usage{2_000_000, 500_000, 0, 1_000_000, 7}, false)
	h.call(after, "glm", at(16), sluice.Usage{0, 0, 0, 3, 0}, true)
	recovered := h.call(before, "glm", time.Date(2026, 10, 31, 23, 59, 59, 0, time.UTC), sluice.Usage{10, 0, 0, 0, 0}, false)
	recovered.CallID, recovered.Status = "call_r", sluice.StatusRecovered
	h.settle(&recovered)
	h.other(ledger.Payment(sluice.Tx{ID: "tx_p", At: at(1)}, "org_a", "USD", amount(t, "20")))
	h.other(ledger.PlanPaid(sluice.Tx{ID: "tx_plan", At: at(1), Memo: "Lite, November"}, "org_a", "USD", sluice.AccountClearing, amount(t, "30")))
	h.other(ledger.PlanEarned(sluice.Tx{ID: "tx_day", At: at(2)}, "org_a", "USD", amount(t, "1")))
	h.other(sluice.Tx{ID: "tx_c", Kind: sluice.TxCorrection, At: at(20), Memo: "an outage", Entries: []sluice.Entry{
		{Account: h.wallets[1].AccountID, Amount: amount(t, "0.505")},
		{Account: sluice.AccountID{Owner: sluice.Operator, Kind: sluice.AccountRevenueAPI, Currency: "USD"}, Amount: amount(t, "-0.505")},
	}}, nil)
	h.wallets[1].Balance = amount(t, "0.000001")
	h.call(after, "glm", at(30), sluice.Usage{10, 0, 0, 0, 0}, false)

	inv := h.invoice()
	type row struct{ Segment, Model, Class, Detail, Late, Quantity, Price, Exact, Amount string }
	var got []row
	for _, l := range inv.Lines {
		got = append(got, row{string(l.Segment), l.Model, l.Class, l.Detail, string(l.Late), l.Quantity, l.Price, l.Exact.String(), l.Amount.String()})
	}
	want := []row{
		{"api", "glm", "input", "", "", "3.000011", "0.60", "1.8000066", "1.80"}, // one price in both books
		{"api", "glm", "cached", "", "", "0.50", "0.10", "0.05", "0.05"},
		{"api", "glm", "cached", "", "", "0.50", "0.11", "0.055", "0.06"},
		{"api", "glm", "output", "", "", "1.00", "2.00", "2.00", "2.00"},
		{"api", "glm", "output", "", "", "0.25", "2.20", "0.55", "0.55"},
		{"api", "glm", "reasoning", "", "", "0.000007", "2.00", "0.000014", "0.00"},
		{"api", "glm", "not charged", "", "", "", "", "-0.000005", "0.00"},
		{"api", "long", "input", "prompt below 1000", "", "0.0005", "1.00", "0.0005", "0.00"},
		{"api", "long", "input", "prompt from 1000", "", "0.0015", "3.00", "0.0045", "0.00"},
		{"api", "long", "output", "prompt below 1000", "", "0.000001", "2.00", "0.000002", "0.00"},
		{"api", "long", "output", "prompt from 1000", "", "0.000001", "4.00", "0.000004", "0.00"},
		{"api", "glm", "input", "", "2026-10", "0.00002", "0.60", "0.000012", "0.00"},
		{"plan", "", "", "Lite, November", "", "", "", "30.00", "30.00"},
		{"simulated", "glm", "output", "", "", "0.000003", "2.00", "0.000006", "0.00"},
		{"correction", "", "", "an outage", "", "", "", "-0.505", "-0.51"},
		{"credit", "", "", "Paid from promotional credit", "", "", "", "-1.00", "-1.00"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("lines (-want +got):\n%s", d)
	}
	for what, c := range map[string]struct{ got, want string }{
		"sum": {inv.Sum.String(), "32.95"}, "exact": {inv.Exact.String(), "32.9550396"}, "rounding": {inv.Rounding.String(), "-0.0050396"},
		"tax": {inv.Tax.String(), "6.26"}, "total": {inv.Total.String(), "39.21"}, "drawn": {inv.Drawn.String(), "32.9550396"}, "due": {inv.Due.String(), "6.26"},
	} {
		if c.got != c.want {
			t.Errorf("%s is %s, want %s", what, c.got, c.want)
		}
	}
	notes := strings.Join(inv.Notes, "\n")
	if len(inv.Notes) != 2 || !strings.Contains(notes, "2 calls of earlier months") || !strings.Contains(notes, "One call was broken off") {
		t.Errorf("notes: %q", inv.Notes)
	}
}

// TestAsRated is a call whose charge its book does not give: it is listed as it was charged.
func TestAsRated(t *testing.T) {
	book := list(t, "book_1", time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC), "m", "1", "1", "2")
	h := newHistory(t, november(), "0", "5", book)
	ev := sluice.Event{
		CallID: "call_1", Org: "org_a", Model: "m", EndedAt: november().From, Usage: sluice.Usage{7, 0, 0, 3, 0},
		Currency: "USD", Book: "book_1", List: 12, Charge: 12,
	}
	h.settle(&ev)
	inv := h.invoice()
	want := []invoice.Line{{Segment: "api", Model: "m", Class: invoice.ClassAsRated, Units: 10, Quantity: "0.00001", Unit: "1M tokens", Exact: sluice.Pico(12).Amount()}}
	if d := cmp.Diff(want, inv.Lines); d != "" || len(inv.Notes) != 1 {
		t.Errorf("notes %q, lines (-want +got):\n%s", inv.Notes, d)
	}
}

// TestSteps writes a line for each step that calls lie in, at its price.
func TestSteps(t *testing.T) {
	step := func(from, to int64, p sluice.Pico) price.Rule {
		return price.Rule{Model: "v", Class: sluice.ClassImage, Steps: price.StepsGraduated, Period: price.PeriodMonth, VolumeMin: from, VolumeMax: to, Price: p}
	}
	book, err := price.Publish("book_1", price.Draft{Currency: "USD", Rules: []price.Rule{
		step(0, 10, 0), step(10, 100, 5_000_000_000), step(100, 0, 3_000_000_000), {Model: "v", Class: price.ClassCall, Price: 1_000_000_000},
	}}, time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	h := newHistory(t, november(), "0", "5", book)
	start := november().From
	for i, images := range []int64{8, 95, 2} {
		ev := sluice.Event{
			CallID: fmt.Sprint("call_", i), Org: "org_a", Model: "v", AdmittedAt: start, EndedAt: start, Usage: sluice.Usage{sluice.ClassImage: images}, Currency: "USD", Book: "book_1",
			Steps: []sluice.StepUse{{Class: "image", Period: "month", Start: start, Before: []int64{0, 8, 103}[i], Units: images}},
		}
		charge, err := book.Charge(price.QueryOfEvent(&ev))
		if err != nil {
			t.Fatal(err)
		}
		ev.List, ev.Charge = charge.Total, charge.Total
		h.settle(&ev)
	}
	inv := h.invoice()
	var got []string
	for _, l := range inv.Lines {
		got = append(got, fmt.Sprint(l.Class, " ", l.Quantity, " at ", l.Price, ", ", l.Detail, ": ", l.Exact))
	}
	want := []string{
		"image 90 at 0.005, volume 10 to 99: 0.45", "image 10 at 0.00, volume below 10: 0.00",
		"image 5 at 0.003, volume from 100: 0.015", "call 3 at 0.001, : 0.003",
	}
	if d := cmp.Diff(want, got); d != "" || len(inv.Notes) != 0 {
		t.Errorf("notes %q, lines (-want +got):\n%s", inv.Notes, d)
	}
}

// TestLocal invoices what a metered deployment reported, which is still to be paid.
func TestLocal(t *testing.T) {
	h := newHistory(t, november(), "0", "5")
	h.other(sluice.Tx{ID: "local_1", Kind: sluice.TxLocal, At: november().From, Memo: "report 1 of dc1", Entries: []sluice.Entry{
		{Account: sluice.AccountID{Owner: "org_a", Kind: sluice.AccountReceivable, Currency: "USD"}, Amount: amount(t, "-12.345")},
		{Account: sluice.AccountID{Owner: sluice.Operator, Kind: sluice.AccountRevenueLocal, Currency: "USD"}, Amount: amount(t, "12.345")},
	}}, nil)
	inv := h.invoice()
	if l := inv.Lines[0]; len(inv.Lines) != 1 || l.Segment != invoice.SegmentLocal || l.Detail != "report 1 of dc1" || l.Amount != amount(t, "12.35") || inv.Drawn.Sign() != 0 || inv.Due != amount(t, "12.345") {
		t.Errorf("%+v", inv)
	}
}

// TestDisagreement refuses an invoice whose events say something else than the entries.
func TestDisagreement(t *testing.T) {
	book := list(t, "book_1", time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC), "m", "1", "1", "2")
	h := newHistory(t, november(), "0", "5", book)
	h.call(book, "m", november().From, sluice.Usage{10}, false)
	h.entries[sluice.AccountRevenueAPI] = sluice.Pico(9).Amount()
	if err := h.b.CallEntries(h.entries); err != nil {
		t.Fatal(err)
	}
	if inv, err := h.b.Invoice(); err == nil || !strings.Contains(err.Error(), "the books disagree") {
		t.Errorf("issued %+v, %v", inv, err)
	}
	for name, ev := range map[string]sluice.Event{"another currency": {Book: "book_1", Currency: "EUR"}, "no book": {Book: "book_2", Currency: "USD"}} {
		if err := h.b.Call(&ev); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestTax compares the tax with a second way to work it out.
func TestTax(t *testing.T) {
	for _, c := range []struct {
		sum      string
		terms    invoice.TaxTerms
		tax, due string
	}{
		{"10.00", invoice.TaxTerms{Rate: 1900}, "1.90", "1.90"},
		{"10.00", invoice.TaxTerms{Rate: 600, Included: true}, "0.57", "0.00"}, // 10 × 6/106 = 0.566
		{"0.50", invoice.TaxTerms{Rate: 100}, "0.01", "0.01"},                  // 0.005
		{"10.00", invoice.TaxTerms{}, "0.00", "0.00"},
	} {
		h := newHistory(t, november(), "0", "0")
		head := november()
		head.Terms = c.terms
		b, err := invoice.NewBuilder(head, nil)
		if err != nil {
			t.Fatal(err)
		}
		h.b = b
		h.other(ledger.PlanPaid(sluice.Tx{ID: "tx_1", At: head.From}, "org_a", "USD", sluice.AccountPrepaid, amount(t, c.sum)))
		inv := h.invoice()
		if inv.Tax.String() != c.tax || inv.Due.String() != c.due {
			t.Errorf("%s at %+v: tax %s, due %s; want %s, %s", c.sum, c.terms, inv.Tax, inv.Due, c.tax, c.due)
		}
	}
}

// TestRandom draws histories and holds every promise of an invoice: its lines
// sum to the entries plus the rounding, which is at most half a cent a line; its
// posting balances and makes the books earn what it says; a correction undoes all
// of it; and its CSV reads back the same.
func TestRandom(t *testing.T) {
	start := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(rt *rapid.T) {
		head := november()
		head.Number, head.IssuedAt = "2026-000001", head.Until
		head.Terms = invoice.TaxTerms{Rate: rapid.Int64Range(0, 3000).Draw(rt, "tax"), Included: rapid.Bool().Draw(rt, "included")}
		var books []*price.Book
		for i := range rapid.IntRange(1, 3).Draw(rt, "books") {
			p := func(what string) string {
				return sluice.FormatPrice(sluice.Pico(rapid.Int64Range(0, 5_000_000).Draw(rt, what)))
			}
			cut := rapid.Int64Range(1, 200_000).Draw(rt, "cut")
			books = append(books, publish(t, fmt.Sprintf("book_%d", i), start.AddDate(0, 0, i), slices.Concat(
				rules(t, "a", 0, 0, p("input"), p("cached"), p("output")),
				rules(t, "=b", 0, cut, p("input"), p("cached"), p("output")), rules(t, "=b", cut, 0, p("input"), p("cached"), p("output")))))
		}
		money := func(what string) string {
			return sluice.Amount{Nano: rapid.Int64Range(0, 20_000_000_000).Draw(rt, what), Carry: rapid.Int64Range(0, 999).Draw(rt, what)}.String()
		}
		h := newHistory(t, head, money("granted"), money("paid"), books...)
		for i := range rapid.IntRange(0, 30).Draw(rt, "calls") {
			var u sluice.Usage
			for class := range sluice.ClassCacheWriteHour + 1 {
				u[class] = rapid.Int64Range(0, 300_000).Draw(rt, "tokens")
			}
			ended := head.From.Add(time.Duration(rapid.Int64Range(-48, 700).Draw(rt, "hour")) * time.Hour)
			h.call(books[i%len(books)], []string{"a", "=b"}[rapid.IntRange(0, 1).Draw(rt, "model")], ended, u, rapid.IntRange(0, 9).Draw(rt, "simulated") == 0)
		}
		for i := range rapid.IntRange(0, 3).Draw(rt, "others") {
			paid := sluice.Amount{Nano: rapid.Int64Range(1, 50_000_000_000).Draw(rt, "plan"), Carry: rapid.Int64Range(0, 999).Draw(rt, "plan")}
			less := sluice.Amount{Nano: rapid.Int64Range(0, 1_000_000).Draw(rt, "rounded")}
			deferred, _ := paid.Sub(less)
			h.other(ledger.PlanChanged(sluice.Tx{ID: fmt.Sprint("tx_", i), At: head.From}, "org_a", "USD", sluice.AccountPrepaid, ledger.PlanChange{Pay: paid, Deferred: deferred}))
		}
		inv := h.invoice()
		holds(rt, inv, h.exact)
		c, err := inv.Correction("inv_2", "wrong address", head.Until.Add(time.Hour))
		if err != nil {
			rt.Fatal(err)
		}
		holds(rt, c, new(big.Int).Neg(h.exact))
		undone(rt, inv, c)
	})
}

// holds checks an invoice of what was paid exactly, in pico.
func holds(t *rapid.T, inv *invoice.Invoice, exact *big.Int) {
	if err := inv.Check(); err != nil {
		t.Fatal(err)
	}
	sum := new(big.Int)
	const cent = 10_000_000_000 // in pico
	for _, l := range inv.Lines {
		sum.Add(sum, bigPico(l.Amount))
		off := new(big.Int).Sub(bigPico(l.Amount), bigPico(l.Exact))
		if off.CmpAbs(big.NewInt(cent/2)) > 0 || new(big.Int).Rem(bigPico(l.Amount), big.NewInt(cent)).Sign() != 0 {
			t.Fatalf("%s is rounded to %s", l.Exact, l.Amount)
		}
	}
	if sum.Cmp(new(big.Int).Add(exact, bigPico(inv.Rounding))) != 0 {
		t.Fatalf("lines sum to %s pico, entries to %s, rounding is %s", sum, exact, inv.Rounding)
	}
	if bigPico(inv.Drawn).Cmp(exact) != 0 || bigPico(inv.Exact).Cmp(exact) != 0 {
		t.Fatalf("exact %s, drawn %s, entries %s pico", inv.Exact, inv.Drawn, exact)
	}
	tx, ok, err := inv.Posting("tx_1")
	if err != nil || ok != (len(tx.Entries) > 0) {
		t.Fatal(ok, err)
	}
	// Earned before, plus what the posting adds, is the invoice without its tax.
	books := map[sluice.AccountKind]*big.Int{}
	earned := new(big.Int).Set(exact)
	for _, e := range tx.Entries {
		books[e.Account.Kind] = bigPico(e.Amount)
		switch e.Account.Kind {
		case sluice.AccountRounding, sluice.AccountTax, sluice.AccountReceivable:
		default:
			earned.Add(earned, bigPico(e.Amount))
		}
	}
	net := new(big.Int).Sub(bigPico(inv.Total), bigPico(inv.Tax))
	if earned.Cmp(net) != 0 {
		t.Fatalf("the books earn %s pico, the invoice says %s", earned, net)
	}
	if r := books[sluice.AccountRounding]; r != nil && r.Cmp(new(big.Int).Neg(bigPico(inv.Rounding))) != 0 {
		t.Fatalf("posted %s of rounding %s", r, inv.Rounding)
	}
	var text bytes.Buffer
	if err := inv.WriteCSV(&text); err != nil {
		t.Fatal(err)
	}
	back, err := invoice.ReadCSV(&text)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(inv, back, cmpopts.IgnoreFields(invoice.Invoice{}, "ID", "Corrects", "Reason", "Org", "From", "Until", "Zone", "IssuedAt",
		"Seller", "Customer", "Terms", "Notes", "Window"), cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("read back from CSV (-want +got):\n%s", d)
	}
}

// undone checks that a correction posts the opposite of its invoice.
func undone(t *rapid.T, inv, c *invoice.Invoice) {
	sums := map[sluice.AccountID]*big.Int{}
	for _, i := range []*invoice.Invoice{inv, c} {
		tx, _, err := i.Posting("tx")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range tx.Entries {
			if sums[e.Account] == nil {
				sums[e.Account] = new(big.Int)
			}
			sums[e.Account].Add(sums[e.Account], bigPico(e.Amount))
		}
	}
	for account, sum := range sums {
		if sum.Sign() != 0 {
			t.Fatalf("%v keeps %s pico after the correction", account, sum)
		}
	}
	if c.Kind != invoice.KindCorrection || c.Corrects != inv.Number || c.Number != "" {
		t.Fatalf("the correction is %s %q of %q", c.Kind, c.Number, c.Corrects)
	}
}
