package invoice_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/money/invoice"
)

func TestCorrectionOfWhat(t *testing.T) {
	for name, inv := range map[string]invoice.Invoice{"a draft": {Kind: invoice.KindInvoice}, "a correction": {Kind: invoice.KindCorrection, Number: "2026-000001"}} {
		if _, err := inv.Correction("inv_2", "", time.Time{}); sluice.CodeOf(err) != sluice.CodeConflict {
			t.Errorf("%s was corrected: %v", name, err)
		}
	}
}

// TestCheck changes one thing at a time of an invoice that is right.
func TestCheck(t *testing.T) {
	book := list(t, "book_1", time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC), "m", "1.5", "1", "2")
	one := func() *invoice.Invoice {
		h := newHistory(t, november(), "0", "5", book)
		h.call(book, "m", november().From, sluice.Usage{10_003}, false)
		return h.invoice()
	}
	cent := sluice.Amount{Nano: 10_000_000}
	for name, change := range map[string]func(*invoice.Invoice){
		"a line's amount":   func(i *invoice.Invoice) { i.Lines[0].Amount = sluice.Amount{} },
		"a line's exact":    func(i *invoice.Invoice) { i.Lines[0].Exact.Carry++ },
		"a line's units":    func(i *invoice.Invoice) { i.Lines[0].Units++ },
		"a line's quantity": func(i *invoice.Invoice) { i.Lines[0].Quantity = "1" },
		"a line's price":    func(i *invoice.Invoice) { i.Lines[0].Price = "1.51" },
		"no line":           func(i *invoice.Invoice) { i.Lines = nil },
		"the sum":           func(i *invoice.Invoice) { i.Sum = cent },
		"the rounding":      func(i *invoice.Invoice) { i.Rounding = cent },
		"the tax":           func(i *invoice.Invoice) { i.Tax = cent },
		"what was drawn":    func(i *invoice.Invoice) { i.Drawn = cent },
		"what is due":       func(i *invoice.Invoice) { i.Due = cent },
	} {
		inv := one()
		if err := inv.Check(); err != nil {
			t.Fatal(err)
		}
		if change(inv); inv.Check() == nil {
			t.Errorf("%s was changed and nobody sees it", name)
		}
	}
}

func TestReadCSVErrors(t *testing.T) {
	var text bytes.Buffer
	inv := november()
	inv.Lines = []invoice.Line{{Segment: "plan", Detail: "=cmd()", Exact: sluice.Amount{Nano: 10_000_000}, Amount: sluice.Amount{Nano: 10_000_000}}}
	if err := inv.WriteCSV(&text); err != nil {
		t.Fatal(err)
	}
	good := text.String()
	if !strings.Contains(good, ",'=cmd(),") {
		t.Errorf("a formula stands in the CSV: %s", good)
	}
	for name, bad := range map[string]string{
		"nothing": "", "another table": "a,b\n1,2\n", "a quote": `"`, "an unknown row": strings.Replace(good, "\r\ndue,", "\r\nover,", 1),
		"no number": strings.Replace(good, ",0.01\r\n", ",x\r\n", 1), "a short row": good + "due,1\r\n",
	} {
		if _, err := invoice.ReadCSV(strings.NewReader(bad)); sluice.CodeOf(err) != sluice.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParty(t *testing.T) {
	good := invoice.Party{Name: "智谱 GmbH", Address: "Straße 1\nBerlin", TaxID: "DE1", Email: "a@b.example", Zone: "Asia/Shanghai"}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*invoice.Party){
		"no name": func(p *invoice.Party) { p.Name = " " }, "lines in a name": func(p *invoice.Party) { p.Name = "a\nb" },
		"a bell": func(p *invoice.Party) { p.Address = "a\ab" }, "no UTF-8": func(p *invoice.Party) { p.TaxID = "\xff" },
		"an unknown zone": func(p *invoice.Party) { p.Zone = "Mars/Olympus" }, "the machine's zone": func(p *invoice.Party) { p.Zone = "Local" },
	} {
		p := good
		if change(&p); sluice.CodeOf(p.Check()) != sluice.CodeInvalid {
			t.Errorf("%s: %v", name, p.Check())
		}
	}
	for _, terms := range []invoice.TaxTerms{{Rate: -1}, {Rate: 10_001}, {Note: "\x00"}, {Name: "a\nb"}} {
		if sluice.CodeOf(terms.Check()) != sluice.CodeInvalid {
			t.Errorf("%+v is accepted", terms)
		}
	}
}
