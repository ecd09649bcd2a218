package pdf

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"codeberg.org/go-pdf/fpdf"

	"sluice"
	"sluice/money/invoice"
)

// The page, in millimetres: A4 with a margin around.
const (
	left   = 20.0
	right  = 190.0
	top    = 20.0
	bottom = 276.0 // below it stands the foot
	foot   = 284.0
	lead   = 1.32 // the height of a line of text by the size of its letters
)

// Where the columns of numbers end, and how wide descriptions are.
const (
	columnQuantity = 117.0
	columnPrice    = 137.0
	columnExact    = 167.0
	describeWidth  = 72.0
)

// ink is a shade of a text or a line.
type ink struct{ r, g, b int }

func black() ink { return ink{24, 28, 36} }
func grey() ink  { return ink{110, 116, 128} }
func pale() ink  { return ink{214, 218, 224} }
func brand() ink { return ink{20, 92, 134} }

// letters is how a text looks.
type letters struct {
	size float64 // points
	bold bool
	ink  ink
}

func plain() letters { return letters{9, false, black()} }
func small() letters { return letters{7.5, false, grey()} }
func heavy() letters { return letters{9, true, black()} }

// height is that of a line in millimetres.
func (l letters) height() float64 { return l.size * lead * 25.4 / 72 }

// sheet is a document that is being printed.
type sheet struct {
	doc     *fpdf.Fpdf
	printer *Printer
	inv     *invoice.Invoice
	under   string // what stands at the foot of each page
	places  int
	y       float64 // the top of what comes next
	err     error
}

// title names the kind of document.
func title(inv *invoice.Invoice) string {
	switch {
	case inv.Kind == invoice.KindCorrection:
		return "Correction note"
	case inv.Number == "":
		return "Draft invoice"
	}
	return "Invoice"
}

func (s *sheet) print() {
	s.doc.AliasNbPages("")
	s.page()
	s.head()
	s.parties()
	s.lines()
	s.sums()
	s.notes()
	s.foot()
}

// page begins a page; the one before it gets its foot.
func (s *sheet) page() {
	if s.doc.PageNo() > 0 {
		s.foot()
	}
	s.doc.AddPage()
	s.y = top
}

// room begins another page unless so much fits on this one. It reports whether it did.
func (s *sheet) room(height float64) bool {
	if s.y+height <= bottom {
		return false
	}
	s.page()
	return true
}

func (s *sheet) foot() {
	s.rule(left, foot-5, pale())
	s.put(left, foot, s.under, small())
	s.end(right+2.5, foot, fmt.Sprintf("Page %d of {nb}", s.doc.PageNo()), small()) // {nb} is wider than the number for it
}

// head prints the title and what the document is.
func (s *sheet) head() {
	inv := s.inv
	s.y += s.block(s.y, 90, inv.Seller.Name, letters{11, true, brand()})
	s.y += s.block(s.y, 90, sender(inv.Seller), small())
	begin := s.y
	s.y = top
	s.end(right, s.y, title(inv), letters{20, true, black()})
	s.y += letters{size: 20}.height() + 2
	zone, err := time.LoadLocation(inv.Zone)
	if err != nil {
		zone = time.UTC
	}
	const day = "2 January 2006"
	facts := [][2]string{
		{"Number", inv.Number},
		{"Date of issue", ""},
		{"Corrects", inv.Corrects},
		{"Replaces", inv.Replaces},
		{"Period", inv.From.In(zone).Format(day) + " – " + inv.Until.Add(-time.Microsecond).In(zone).Format(day)},
		{"Timezone", inv.Zone},
		{"Currency", string(inv.Currency)},
		{"Customer", inv.Org},
	}
	if !inv.IssuedAt.IsZero() {
		facts[1][1] = inv.IssuedAt.In(zone).Format(day)
	}
	for _, f := range facts {
		if f[1] == "" {
			continue
		}
		s.end(right-62, s.y, f[0], small())
		s.put(right-59, s.y, f[1], letters{8, f[0] == "Number", black()})
		s.y += 4.4
	}
	s.y = max(s.y, begin) + 6
}

// sender writes a party below its name.
func sender(p invoice.Party) string {
	var lines []string
	for _, l := range []struct{ before, text string }{{"", p.Address}, {"Tax id ", p.TaxID}, {"", p.Email}} {
		if l.text != "" {
			lines = append(lines, l.before+l.text)
		}
	}
	return strings.Join(lines, "\n")
}

// parties prints the customer and why the document was made.
func (s *sheet) parties() {
	s.put(left, s.y, "BILL TO", letters{6.5, true, grey()})
	s.y += 4.2
	s.y += s.block(s.y, 100, s.inv.Customer.Name, letters{10, true, black()})
	s.y += s.block(s.y, 100, sender(s.inv.Customer), plain())
	if s.inv.Reason != "" {
		s.y += 3
		s.y += s.block(s.y, right-left, "Reason: "+s.inv.Reason, plain())
	}
	s.y += 7
}

// lines prints the table, by segments.
func (s *sheet) lines() {
	s.tableHead()
	for _, segment := range invoice.Segments() {
		var sum sluice.Amount
		n := 0
		for i := range s.inv.Lines {
			l := &s.inv.Lines[i]
			if l.Segment != segment {
				continue
			}
			if n == 0 {
				s.rowRoom(16)
				s.put(left, s.y+1.2, heading(segment), letters{8, true, brand()})
				s.y += 6
			}
			n++
			s.line(l)
			sum = s.add(sum, l.Amount)
		}
		if n > 1 {
			s.rowRoom(8)
			s.end(columnExact, s.y, "Subtotal", small())
			s.end(right, s.y, s.money(sum), heavy())
			s.y += 6
		}
	}
}

// heading names a segment for readers.
func heading(s invoice.Segment) string {
	switch s {
	case invoice.SegmentAPI:
		return "API usage"
	case invoice.SegmentPlan:
		return "Plans"
	case invoice.SegmentLocal:
		return "Local deployments"
	case invoice.SegmentSimulated:
		return "Simulated answers"
	case invoice.SegmentCorrection:
		return "Corrections"
	}
	return "Credit"
}

func (s *sheet) tableHead() {
	l := letters{6.5, true, grey()}
	s.put(left, s.y, "DESCRIPTION", l)
	s.end(columnQuantity, s.y, "QUANTITY", l)
	s.end(columnPrice, s.y, "PRICE", l)
	s.end(columnExact, s.y, "EXACT", l)
	s.end(right, s.y, "AMOUNT", l)
	s.y += 4.6
	s.rule(left, s.y, black())
	s.y += 1.4
}

// rowRoom makes room for a row, below another head where it begins a page.
func (s *sheet) rowRoom(height float64) {
	if s.room(height) {
		s.tableHead()
	}
}

// line prints one line of the invoice.
func (s *sheet) line(l *invoice.Line) {
	what, about := describe(l)
	whatLines, aboutLines := s.wrap(what, describeWidth, plain()), s.wrap(about, describeWidth, small())
	height := float64(len(whatLines))*plain().height() + float64(len(aboutLines))*small().height() + 1.2
	s.rowRoom(height)
	y := s.y
	quantity, price := group(l.Quantity), l.Price
	if strings.HasPrefix(l.Unit, "1M ") {
		quantity += " M"
		if price != "" {
			price += " / M"
		}
	}
	if l.Quantity != "" {
		s.end(columnQuantity, y, quantity, plain())
	}
	s.end(columnPrice, y, price, plain())
	s.end(columnExact, y+0.35, group(l.Exact.String()), small())
	s.end(right, y, s.money(l.Amount), plain())
	for _, t := range whatLines {
		s.put(left, y, t, plain())
		y += plain().height()
	}
	for _, t := range aboutLines {
		s.put(left, y, t, small())
		y += small().height()
	}
	s.y += height
	s.rule(left, s.y, pale())
	s.y += 1.4
}

// group writes a decimal with commas between the thousands.
func group(decimal string) string {
	whole, frac, dotted := strings.Cut(decimal, ".")
	digits := strings.TrimPrefix(whole, "-")
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if strings.HasPrefix(whole, "-") {
		digits = "-" + digits
	}
	if dotted {
		return digits + "." + frac
	}
	return digits
}

// describe says what a line is for, and more about it.
func describe(l *invoice.Line) (what, about string) {
	class := strings.ReplaceAll(l.Class, "_", " ")
	switch l.Class {
	case "input", "cached", "cache_write", "cache_write_1h", "output", "reasoning":
		class += " tokens"
	case invoice.ClassUncharged:
		class += ": beyond the balance"
	}
	var more []string
	if what = l.Model; what == "" {
		what = l.Detail
	} else {
		what += "  –  " + class
		if l.Detail != "" {
			more = append(more, l.Detail)
		}
	}
	if what == "" {
		what = heading(l.Segment)
	}
	if l.Late != "" {
		more = append(more, "of "+l.Late.String()+", booked after its invoice")
	}
	return what, strings.Join(more, "; ")
}

// sums prints what the lines come to.
func (s *sheet) sums() {
	inv := s.inv
	name := inv.Terms.Name
	if name == "" {
		name = "Tax"
	}
	rate := fmt.Sprintf("%s %d.%02d %%", name, inv.Terms.Rate/100, inv.Terms.Rate%100)
	type row struct {
		name, amount string
		l            letters
	}
	rows := []row{{"Sum of the lines", s.money(inv.Sum), plain()}}
	switch {
	case inv.Terms.Rate > 0 && inv.Terms.Included:
		rows = append(rows, row{rate + ", included", s.money(inv.Tax), small()})
	case inv.Terms.Rate > 0:
		rows = append(rows, row{rate, s.money(inv.Tax), plain()})
	}
	rows = append(rows, row{"Total " + string(inv.Currency), s.money(inv.Total), letters{11, true, black()}})
	drawn, rounding := s.neg(inv.Drawn), s.neg(inv.Rounding)
	rows = append(rows,
		row{"Paid: drawn from the balance, exactly", group(drawn.String()), small()},
		row{"Rounding of the lines", group(rounding.String()), small()},
		row{"Amount due " + string(inv.Currency), s.money(inv.Due), letters{11, true, brand()}})
	s.y += 2
	s.room(float64(len(rows))*6.5 + 4)
	for i, r := range rows {
		if r.l.size > 10 {
			s.rule(right-85, s.y, pale())
			s.y += 1.8
		}
		s.put(right-85, s.y, r.name, r.l)
		s.end(right, s.y, r.amount, r.l)
		s.y += r.l.height() + 1.4
		if i == len(rows)-1 {
			s.y += 4
		}
	}
}

// notes prints what a reader may wonder about.
func (s *sheet) notes() {
	notes := append([]string{}, s.inv.Notes...)
	if s.inv.Terms.Note != "" {
		notes = append([]string{s.inv.Terms.Note}, notes...)
	}
	if s.inv.Number == "" {
		notes = append(notes, "This is a draft. It has no number and nothing is to be paid for it.")
	}
	notes = append(notes, "Each line is rounded once, half away from zero. The exact column is the sum of the ledger's entries; the rounding is the difference.")
	for _, n := range notes {
		for _, t := range s.wrap(n, right-left, small()) {
			s.room(small().height())
			s.put(left, s.y, t, small())
			s.y += small().height()
		}
		s.y++
	}
}

// money writes an amount in the currency's decimals.
func (s *sheet) money(a sluice.Amount) string {
	text, err := invoice.Format(a, s.places)
	if err != nil {
		s.err = err
	}
	return text
}

func (s *sheet) neg(a sluice.Amount) sluice.Amount {
	n, err := a.Neg()
	if err != nil {
		s.err = err
	}
	return n
}

func (s *sheet) add(a, b sluice.Amount) sluice.Amount {
	sum, err := a.Add(b)
	if err != nil {
		s.err = err
	}
	return sum
}

// use makes a run's font the current one. The additional font has one weight.
func (s *sheet) use(font string, l letters) {
	style := ""
	if l.bold && font == fontOwn {
		style = "B"
	}
	s.doc.SetFont(font, style, l.size)
}

// put prints a text from x on, its top at y.
func (s *sheet) put(x, y float64, text string, l letters) {
	s.doc.SetTextColor(l.ink.r, l.ink.g, l.ink.b)
	for _, r := range s.printer.runs(text) {
		s.use(r.font, l)
		s.doc.Text(x, y+l.size*25.4/72, r.text)
		x += s.doc.GetStringWidth(r.text)
	}
}

// end prints a text that ends at x.
func (s *sheet) end(x, y float64, text string, l letters) { s.put(x-s.width(text, l), y, text, l) }

func (s *sheet) width(text string, l letters) (w float64) {
	for _, r := range s.printer.runs(text) {
		s.use(r.font, l)
		w += s.doc.GetStringWidth(r.text)
	}
	return w
}

// block prints a text in lines no wider than width, and returns its height.
func (s *sheet) block(y, width float64, text string, l letters) float64 {
	lines := s.wrap(text, width, l)
	for i, t := range lines {
		s.put(left, y+float64(i)*l.height(), t, l)
	}
	return float64(len(lines)) * l.height()
}

// wrap divides a text into lines no wider than width: at spaces, or within a
// word that is too wide by itself, as all of a Chinese text may be.
func (s *sheet) wrap(text string, width float64, l letters) []string {
	if text == "" {
		return nil
	}
	var lines []string
	for paragraph := range strings.SplitSeq(text, "\n") {
		line := ""
		for word := range strings.SplitSeq(paragraph, " ") {
			if joined := line + " " + word; line != "" && s.width(joined, l) <= width {
				line = joined
				continue
			} else if line != "" {
				lines = append(lines, line)
			}
			for line = word; s.width(line, l) > width; {
				cut := s.fit(line, width, l)
				lines = append(lines, line[:cut])
				line = line[cut:]
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// fit returns how many bytes of a word fit, at least one character.
func (s *sheet) fit(word string, width float64, l letters) int {
	_, n := utf8.DecodeRuneInString(word)
	for n < len(word) {
		_, size := utf8.DecodeRuneInString(word[n:])
		if s.width(word[:n+size], l) > width {
			break
		}
		n += size
	}
	return n
}

// rule draws a thin line to the right margin.
func (s *sheet) rule(from, y float64, c ink) {
	s.doc.SetDrawColor(c.r, c.g, c.b)
	s.doc.SetLineWidth(0.2)
	s.doc.Line(from, y, right, y)
}
