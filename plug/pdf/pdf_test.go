package pdf_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/money/invoice"
	"sluice/plug/pdf"
)

var keep = flag.String("keep", "", "a folder to keep the printed invoices in, to look at")

// droid is a font with Chinese that Debian's fonts-droid-fallback installs.
const droid = "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf"

func amount(t testing.TB, s string) sluice.Amount {
	t.Helper()
	a, err := sluice.ParseAmount(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// sample is an invoice with a line of everything, and more models as asked for.
func sample(t testing.TB, models int) *invoice.Invoice {
	t.Helper()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	from, until := invoice.Period("2026-11").Bounds(berlin)
	inv := &invoice.Invoice{
		ID: "inv_1", Number: "2026-000017", Kind: invoice.KindInvoice, Org: "org_06f2k8c0q5xg3e8v7m1n4r9t2w", Period: "2026-11",
		From: from, Until: until, Zone: "Europe/Berlin", IssuedAt: until.Add(9 * time.Hour), Currency: "EUR",
		Seller:   invoice.Party{Name: "Schleuse Modelldienste GmbH", Address: "Hafenstraße 12\n20457 Hamburg\nGermany", TaxID: "DE 123 456 789", Email: "billing@schleuse.example"},
		Customer: invoice.Party{Name: "Łódź Robotics Sp. z o.o.", Address: "ul. Piotrkowska 1\n90-001 Łódź\nPoland", TaxID: "PL 1234567890", Email: "faktury@lodz.example"},
		Terms:    invoice.TaxTerms{Rate: 1900, Name: "VAT"},
		Notes:    []string{"One call of an earlier month was booked after that month's invoice and is on this one."},
	}
	add := func(l invoice.Line) {
		l.Exact = amount(t, l.Exact.String())
		var err error
		if l.Amount, err = invoice.Round(l.Exact, 2); err != nil {
			t.Fatal(err)
		}
		inv.Lines = append(inv.Lines, l)
	}
	usage := func(model, class, detail string, late invoice.Period, units int64, price string) {
		p, err := sluice.ParsePrice(price)
		if err != nil {
			t.Fatal(err)
		}
		exact, err := sluice.MulPico(p, units)
		if err != nil {
			t.Fatal(err)
		}
		add(invoice.Line{
			Segment: invoice.SegmentAPI, Model: model, Class: class, Detail: detail, Late: late, Units: units,
			Quantity: sluice.FormatPrice(sluice.Pico(units)), Unit: "1M tokens", Price: price, Exact: exact.Amount(),
		})
	}
	usage("glm-4.7", "input", "", "", 1_482_113_907, "0.60")
	usage("glm-4.7", "cached", "", "", 9_120_004_311, "0.11")
	usage("glm-4.7", "output", "", "", 201_447_120, "2.20")
	usage("glm-4.7", "output", "", "", 88_100_345, "2.00")
	usage("qwen3-coder-480b-a35b-instruct", "input", "prompt 32000 to 127999", "", 33_001, "1.80")
	usage("qwen3-coder-480b-a35b-instruct", "output", "prompt from 128000, calendar beijing-peak", "", 7_003, "9.00")
	usage("glm-4.7", "input", "", "2026-10", 1_000, "0.60")
	for i := range models {
		usage(fmt.Sprintf("model-%03d", i), "input", "", "", int64(1_000_003*(i+1)), "0.27")
	}
	add(invoice.Line{Segment: invoice.SegmentAPI, Model: "glm-4.7", Class: invoice.ClassUncharged, Exact: amount(t, "-0.000005")})
	add(invoice.Line{Segment: invoice.SegmentPlan, Detail: "GLM Coding Lite, 12 November to 12 December 2026", Exact: amount(t, "30")})
	add(invoice.Line{Segment: invoice.SegmentCredit, Detail: "Paid from promotional credit", Exact: amount(t, "-5.0012345")})
	total(t, inv)
	return inv
}

// total fills in the sums, worked out apart from the package that makes invoices.
func total(t testing.TB, inv *invoice.Invoice) {
	t.Helper()
	sum := func(a, b sluice.Amount) sluice.Amount {
		c, err := a.Add(b)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, l := range inv.Lines {
		inv.Exact, inv.Sum = sum(inv.Exact, l.Exact), sum(inv.Sum, l.Amount)
	}
	minus, err := inv.Exact.Neg()
	if err != nil {
		t.Fatal(err)
	}
	inv.Rounding, inv.Drawn = sum(inv.Sum, minus), inv.Exact
	pico := inv.Sum.Nano * 19 / 100 // of whole cents; the rest is rounded below
	if inv.Tax, err = invoice.Round(sluice.Amount{Nano: pico}, 2); err != nil {
		t.Fatal(err)
	}
	inv.Total, inv.Due = sum(inv.Sum, inv.Tax), inv.Tax
	if err := inv.Check(); err != nil {
		t.Fatal(err)
	}
}

func printed(t testing.TB, p *pdf.Printer, inv *invoice.Invoice) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := p.Invoice(&b, inv); err != nil {
		t.Fatal(err)
	}
	if *keep != "" {
		name := strings.ReplaceAll(t.Name(), "/", "_") + ".pdf"
		if err := os.WriteFile(filepath.Join(*keep, name), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func printer(t testing.TB, more []byte) *pdf.Printer {
	t.Helper()
	p, err := pdf.New(more)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// text extracts a document's text with the poppler-utils.
func text(t *testing.T, doc []byte) string {
	t.Helper()
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Skip("NOT TESTED: the text of the PDF, since pdftotext is not installed (apt-get install poppler-utils)")
	}
	cmd := exec.CommandContext(t.Context(), "pdftotext", "-layout", "-", "-")
	cmd.Stdin = bytes.NewReader(doc)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// has checks that each text stands in the document, whatever the spaces.
func has(t *testing.T, got string, want ...string) {
	t.Helper()
	fields := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	for _, w := range want {
		if !strings.Contains(fields(got), fields(w)) {
			t.Errorf("the document lacks %q", w)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

// TestInvoice reads back every amount that an invoice has.
func TestInvoice(t *testing.T) {
	inv := sample(t, 0)
	got := text(t, printed(t, printer(t, nil), inv))
	for _, l := range inv.Lines {
		money, err := invoice.Format(l.Amount, 2)
		if err != nil {
			t.Fatal(err)
		}
		quantity, price := "", ""
		if l.Units > 0 {
			quantity, price = l.Quantity+" M", l.Price+" / M"
		}
		has(t, strings.ReplaceAll(got, ",", ""), fmt.Sprintf("%s %s %s %s", quantity, price, l.Exact, strings.ReplaceAll(money, ",", "")))
	}
	format := func(a sluice.Amount) string {
		s, err := invoice.Format(a, 2)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	has(t, got, "Invoice", "Number 2026-000017", "Hafenstraße 12", "Łódź Robotics Sp. z o.o.", "PL 1234567890", "1 November 2026 – 30 November 2026",
		"glm-4.7 – input tokens", "of October 2026, booked after its invoice", "prompt from 128000, calendar beijing-peak",
		"Sum of the lines "+format(inv.Sum), "VAT 19.00 % "+format(inv.Tax), "Total EUR "+format(inv.Total), "Amount due EUR "+format(inv.Due), "Page 1 of 1",
		"-2,536.97496171", inv.Notes[0])
}

// TestPages prints an invoice of many pages: each line is there once, and every page has its foot.
func TestPages(t *testing.T) {
	inv := sample(t, 120)
	got := text(t, printed(t, printer(t, nil), inv))
	for i := range 120 {
		if n := strings.Count(got, fmt.Sprintf("model-%03d", i)); n != 1 {
			t.Errorf("model-%03d is there %d times", i, n)
		}
	}
	pages := strings.Count(got, "\f")
	if pages < 3 {
		t.Fatalf("%d pages", pages)
	}
	for i := range pages {
		has(t, got, fmt.Sprintf("Page %d of %d", i+1, pages))
	}
	if n := strings.Count(got, "DESCRIPTION"); n < pages-1 {
		t.Errorf("%d heads of the table on %d pages", n, pages)
	}
}

// TestKinds prints a correction, a draft, tax within the prices and no tax.
func TestKinds(t *testing.T) {
	p := printer(t, nil)
	correction, err := sample(t, 0).Correction("inv_2", "The customer's address was wrong.", time.Date(2026, 12, 2, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	correction.Number = "2026-000018"
	t.Run("correction", func(t *testing.T) {
		money, err := invoice.Format(correction.Total, 2)
		if err != nil {
			t.Fatal(err)
		}
		has(t, text(t, printed(t, p, correction)), "Correction note", "Corrects 2026-000017", "Reason: The customer's address was wrong.", "Total EUR "+money, "-30.00")
	})
	t.Run("draft", func(t *testing.T) {
		draft := sample(t, 0)
		draft.Number, draft.IssuedAt = "", time.Time{}
		has(t, text(t, printed(t, p, draft)), "Draft invoice", "nothing is to be paid")
	})
	t.Run("yen", func(t *testing.T) {
		yen := &invoice.Invoice{
			Number: "2026-000019", Kind: invoice.KindInvoice, Currency: "JPY", Zone: "Asia/Tokyo", Seller: invoice.Party{Name: "S"}, Customer: invoice.Party{Name: "C"},
			Terms: invoice.TaxTerms{Rate: 1000, Included: true, Note: "Prices with 10 % tax."},
			Lines: []invoice.Line{{Segment: invoice.SegmentPlan, Detail: "Pro", Exact: amount(t, "3300"), Amount: amount(t, "3300")}},
			Exact: amount(t, "3300"), Sum: amount(t, "3300"), Tax: amount(t, "300"), Total: amount(t, "3300"), Drawn: amount(t, "3300"),
		}
		if err := yen.Check(); err != nil {
			t.Fatal(err)
		}
		has(t, text(t, printed(t, p, yen)), "Tax 10.00 %, included 300", "Total JPY 3,300", "Amount due JPY 0", "Prices with 10 % tax.")
	})
}

// TestOtherLetters prints a Chinese name with a font that has it, and refuses to without.
func TestOtherLetters(t *testing.T) {
	inv := sample(t, 0)
	inv.Customer.Name, inv.Customer.Address = "北京智谱华章科技股份有限公司 (Zhipu)", "北京市海淀区中关村东路1号院9号楼"
	var b bytes.Buffer
	if err := printer(t, nil).Invoice(&b, inv); sluice.CodeOf(err) != sluice.CodeInvalid || !strings.Contains(err.Error(), "U+5317") || b.Len() > 0 {
		t.Errorf("without a font: %d bytes, %v", b.Len(), err)
	}
	font, err := os.ReadFile(droid)
	if err != nil {
		t.Skip("NOT TESTED: Chinese, since its font is not installed (apt-get install fonts-droid-fallback)")
	}
	doc := printed(t, printer(t, font), inv)
	has(t, text(t, doc), "北京智谱华章科技股份有限公司 (Zhipu)", "北京市海淀区中关村东路1号院9号楼")
	if len(doc) > 200_000 {
		t.Errorf("%d bytes: the whole font is in it", len(doc))
	}
}

func TestFonts(t *testing.T) {
	for name, file := range map[string][]byte{"empty": {}, "no font": []byte("hello"), "PostScript outlines": []byte("OTTO\x00\x01"), "cut off": []byte("\x00\x01\x00\x00\x00")} {
		if _, err := pdf.New(file); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	p := printer(t, nil)
	inv := sample(t, 0)
	inv.Customer.Name = "€ $ ¥ £ Ångström Ελλάδα Привет 'quoted' – \"x\""
	has(t, text(t, printed(t, p, inv)), inv.Customer.Name)
}

// TestSame prints the same invoice twice: the files are equal, and hold no
// instant but that of issue.
func TestSame(t *testing.T) {
	p := printer(t, nil)
	a, b := printed(t, p, sample(t, 3)), printed(t, p, sample(t, 3))
	if !bytes.Equal(a, b) {
		t.Error("two prints of one invoice differ")
	}
	if !regexp.MustCompile(`/CreationDate \(D:20261201`).Match(a) {
		t.Error("it was not created when it was issued")
	}
}
