package pdf

import (
	"fmt"
	"io"
	"strings"
	"time"

	"sluice/money/exact"
	"sluice/money/statement"
)

// Statement prints the operator's statement: its main figures, the waterfall, and
// its parts with the greatest of the customers. zone is by whose clock its instants
// are written. Errors: CodeInvalid when a font lacks a character, naming it.
func (p *Printer) Statement(w io.Writer, st *statement.Statement, zone *time.Location) error {
	texts := append([]string{}, st.Notes...)
	for _, parts := range [][]statement.Part{st.Models, st.Pools, st.Segments, st.Customers} {
		for i := range parts {
			texts = append(texts, parts[i].Name)
		}
	}
	if err := p.shown("statement", texts); err != nil {
		return err
	}
	from, to := st.From.In(zone), st.To.In(zone)
	name := from.Format("2 January 2006")
	if to.Sub(from) > 37*time.Hour {
		name += " – " + to.Add(-time.Microsecond).Format("2 January 2006")
	}
	doc := p.document("Statement of "+name, "Sluice", st.To)
	s := &sheet{doc: doc, printer: p, places: st.Currency.Decimals(), under: "Operator's statement  ·  " + name + "  ·  " + string(st.Currency)}
	b := &board{sheet: s, st: st}
	doc.AliasNbPages("")
	s.page()
	b.head(name, from, to)
	b.figures()
	b.waterfall()
	b.work()
	b.parts("Model", st.Models, 12)
	b.parts("Segment", st.Segments, 6)
	if len(st.Pools) > 1 {
		b.parts("Pool", st.Pools, 12)
	}
	b.parts("Customer", st.Customers, 10)
	b.notes()
	s.foot()
	if s.err != nil {
		return s.err
	}
	if err := doc.Output(w); err != nil {
		return fmt.Errorf("printing the statement of %s: %w", name, err)
	}
	return nil
}

// board is a statement that is being printed.
type board struct {
	*sheet
	st *statement.Statement
}

func green() ink { return ink{38, 128, 92} }
func red() ink   { return ink{178, 60, 52} }
func mist() ink  { return ink{243, 246, 249} }

// figure writes a number with thousands apart.
func (b *board) figure(n exact.Number) string { return thousands(n.Text(b.places)) }

// thousands groups the digits before the point.
func thousands(s string) string {
	minus := strings.HasPrefix(s, "-")
	whole, frac, _ := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if frac != "" {
		whole += "." + frac
	}
	if minus {
		whole = "−" + whole
	}
	return whole
}

func share(r exact.Ratio) string {
	if s := r.Percent(1); s != "" {
		return strings.Replace(s, "-", "−", 1) + " %"
	}
	return "–"
}

func (b *board) head(name string, from, to time.Time) {
	b.put(left, b.y, "Operator's statement", letters{20, true, black()})
	b.end(right, b.y+1, string(b.st.Currency), letters{14, true, brand()})
	b.y += letters{size: 20}.height() + 1
	b.put(left, b.y, name, letters{11, false, brand()})
	const stamp = "2006-01-02 15:04 MST"
	b.end(right, b.y+0.6, from.Format(stamp)+" to "+to.Format(stamp), small())
	b.y += 8
}

// figures prints the main figures beside each other.
func (b *board) figures() {
	t := &b.st.Total
	all := [][3]string{{"List revenue", b.figure(t.List), share(t.HitRate) + " cached"}, {"Recognised", b.figure(t.Recognised), "charged " + b.figure(t.Charged)}}
	if b.st.Nodes != nil {
		all = append(all, [3]string{"Cost", b.figure(t.Cost), thousands(b.st.Nodes.Cost.Total.ChipHours.Text(0)) + " chip-hours"},
			[3]string{"Profit", b.figure(t.Profit), "margin " + share(t.GrossMargin)},
			[3]string{"List profit", b.figure(t.ListProfit), share(t.CostProfit) + " of cost"})
	} else {
		all = append(all, [3]string{"Cost", "not known", "no nodes on the server"})
	}
	const high, gap = 20.0, 2.5
	wide := (right - left - gap*float64(len(all)-1)) / float64(len(all))
	for i, f := range all {
		x := left + float64(i)*(wide+gap)
		b.fill(x, b.y, wide, high, mist())
		b.fill(x, b.y, 0.8, high, brand())
		b.put(x+3, b.y+2.5, f[0], small())
		size := 13.0
		for size > 7 && b.width(f[1], letters{size, true, black()}) > wide-5 {
			size -= 0.5
		}
		b.put(x+3, b.y+7.2, f[1], letters{size, true, black()})
		b.put(x+3, b.y+14.5, f[2], small())
	}
	b.y += high + 6
}

func (b *board) fill(x, y, wide, high float64, c ink) {
	b.doc.SetFillColor(c.r, c.g, c.b)
	b.doc.Rect(x, y, wide, high, "F")
}

func (b *board) title(text string) {
	b.room(16)
	b.put(left, b.y, text, letters{10.5, true, brand()})
	b.y += 5.6
}

// waterfall draws each bar from where the one above it ends.
func (b *board) waterfall() {
	var shown []statement.Bar
	var low, high, at exact.Number
	for _, bar := range b.st.Waterfall {
		if !bar.Total {
			if bar.Amount.Sign() == 0 {
				continue
			}
			at = at.Add(bar.Amount)
		}
		low, high = least(low, at), most(high, at)
		shown = append(shown, bar)
	}
	if len(shown) == 0 {
		return
	}
	b.title("From theoretical revenue to cash")
	const begin, end, row = left + 48, right - 30, 4.7
	span := high.Sub(low)
	place := func(n exact.Number) float64 {
		if span.Sign() == 0 {
			return begin
		}
		permille, _ := n.Sub(low).Mul(exact.Int(1000)).Quo(span).Round(0).Ceil()
		return begin + (end-begin)*float64(permille)/1000
	}
	at = exact.Number{}
	for _, bar := range shown {
		b.room(row)
		l, colour, from, to := plain(), green(), at, at.Add(bar.Amount)
		switch {
		case bar.Total:
			l, colour, from, to = heavy(), brand(), exact.Number{}, at
		case bar.Amount.Sign() < 0:
			colour = red()
		}
		x, y := place(least(from, to)), place(most(from, to))
		b.put(left, b.y, bar.Name, l)
		b.fill(x, b.y+0.5, max(y-x, 0.4), row-1.7, colour)
		b.end(right, b.y, b.figure(bar.Amount), l)
		if b.y += row; !bar.Total {
			at = to
		}
	}
	b.y += 5
}

func least(a, b exact.Number) exact.Number {
	if a.Cmp(b) <= 0 {
		return a
	}
	return b
}

func most(a, b exact.Number) exact.Number {
	if a.Cmp(b) >= 0 {
		return a
	}
	return b
}

// work prints what was served, and by which nodes, in two columns.
func (b *board) work() {
	t := &b.st.Total
	rows := [][2]string{
		{"Prompt tokens", thousands(fmt.Sprint(t.Prompt))},
		{"of them from the cache", share(t.HitRate)},
		{"Answer tokens", thousands(fmt.Sprint(t.Completion))},
		{"Calls", thousands(fmt.Sprint(t.Calls))},
		{"Customers, keys that called", thousands(fmt.Sprint(b.st.Reach.Customers)) + ", " + thousands(fmt.Sprint(b.st.Reach.Developers))},
		{"ever", thousands(fmt.Sprint(b.st.Reach.CumulativeCustomers)) + ", " + thousands(fmt.Sprint(b.st.Reach.CumulativeDevelopers))},
		{"Leakage: crashes, estimates", b.figure(t.Leakage.Crash) + ", " + b.figure(t.Leakage.Estimated)},
		{"free calls, empty wallets", b.figure(t.Leakage.Free) + ", " + b.figure(t.Leakage.Short)},
	}
	if n := b.st.Nodes; n != nil {
		c := &n.Cost.Total
		rows = append(rows,
			[2]string{"Nodes, on average and at most", c.Mean.Text(2) + ", " + c.Peak.Text(0)}, [2]string{"Node-hours", thousands(c.NodeHours.Text(1))},
			[2]string{"Prompt tokens a node and second", thousands(n.PrefillRate.Text(0))}, [2]string{"Answer tokens", thousands(n.DecodeRate.Text(0))},
			[2]string{"A million tokens cost", b.st.Unit.Million.Text(4)}, [2]string{"A million of answers", b.st.Unit.Output.Text(4)},
			[2]string{"Energy", thousands(c.KWh.Text(1)) + " kWh"}, [2]string{"Rent, power", b.figure(c.Rent) + ", " + b.figure(c.Power)})
		if n.Implied.Sign() != 0 {
			rows = append(rows, [2]string{"Nodes that the tokens imply", n.Implied.Text(2)}, [2]string{"of the nodes that were there", share(n.Busy)})
		}
	}
	b.title("Work and nodes")
	const middle, gap = (left + right) / 2, 4.0
	half := (len(rows) + 1) / 2
	b.room(float64(half) * 4.4)
	for i, r := range rows {
		x, stop, y := left, middle-gap, b.y+float64(i)*4.4
		if i >= half {
			x, stop, y = middle+gap, right, b.y+float64(i-half)*4.4
		}
		b.put(x, y, r[0], letters{8.5, false, grey()})
		b.end(stop, y, r[1], letters{8.5, true, black()})
	}
	b.y += float64(half)*4.4 + 5
}

// parts prints a table of parts, the greatest first.
func (b *board) parts(name string, parts []statement.Part, limit int) {
	if len(parts) == 0 || len(parts) == 1 && parts[0].Name == "" {
		return
	}
	ends := [...]float64{left + 74, left + 90, left + 113, left + 136, left + 156, right}
	line := func(l letters, first string, cells ...string) {
		b.room(4.6)
		b.put(left, b.y, b.short(first, 50, l), l)
		for i, c := range cells {
			b.end(ends[i], b.y, c, l)
		}
		b.y += 4.6
	}
	b.title(name + "s")
	b.y--
	b.rule(left, b.y, pale())
	b.y++
	line(small(), name, "Tokens", "Cached", "List", "Recognised", "Cost", "Margin")
	for i := range parts[:min(limit, len(parts))] {
		p := &parts[i]
		spent, margin := "–", "–"
		if b.st.Nodes != nil {
			spent, margin = b.figure(p.Cost), share(p.GrossMargin)
		}
		called := p.Name
		if called == "" {
			called = "(none)"
		}
		line(letters{8.2, false, black()}, called, thousands(fmt.Sprint(p.Units.Total())), share(p.HitRate), b.figure(p.List), b.figure(p.Recognised), spent, margin)
	}
	if rest := len(parts) - limit; rest > 0 {
		line(small(), fmt.Sprintf("and %d more", rest))
	}
	b.y += 4
}

// short cuts a text to a width.
func (b *board) short(text string, width float64, l letters) string {
	if b.width(text, l) <= width {
		return text
	}
	return text[:b.fit(text, width-b.width("…", l), l)] + "…"
}

func (b *board) notes() {
	notes := append([]string{}, b.st.Notes...)
	for _, c := range b.st.Claims {
		if verdict := "agrees"; c.Agrees {
			notes = append(notes, fmt.Sprintf("Published %s of %s: %s.", c.Of, c.Value, verdict))
		} else {
			notes = append(notes, fmt.Sprintf("Published %s of %s: here %s. %s", c.Of, c.Value, c.Shown(), c.Why))
		}
	}
	notes = append(notes, "Every figure is a sum over events and ledger entries, exact, and rounded once, half away from zero, where it is printed.")
	for _, n := range notes {
		for _, t := range b.wrap(n, right-left, small()) {
			b.room(small().height())
			b.put(left, b.y, t, small())
			b.y += small().height()
		}
		b.y++
	}
}
