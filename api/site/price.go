package site

import (
	"slices"
	"strings"

	"sluice/api"
)

// list is the models that have a price in one currency.
type list struct {
	Currency string
	Rows     []priceRow
	Cached   bool // some model has a price of its own for cached tokens
}

// priceRow is a model in a list: what it costs now.
type priceRow struct {
	Name, Link, Description string
	Context                 string
	Input, Cached, Output   string
	Other                   []unitPrice
	Now                     *moment // nil when prices do not change by the clock
}

// unitPrice is the price of something that is no token.
type unitPrice struct{ Price, Unit string }

// lists writes the models by currency.
func lists(v *view, models []api.PublicModel) []list {
	var all []list
	for i := range models {
		m := &models[i]
		for j := range m.Prices {
			p := &m.Prices[j]
			at := slices.IndexFunc(all, func(l list) bool { return l.Currency == string(p.Currency) })
			if at < 0 {
				at = len(all)
				all = append(all, list{Currency: string(p.Currency)})
			}
			row := priceRow{Name: m.Name, Link: "/models/" + m.Name, Description: firstLine(m.Description), Context: v.tokens(m.ContextLength), Now: v.moment(p)}
			row.Input, row.Cached, row.Output = tokenPrices(&p.Now.Prices.ClassPrices)
			row.Other = v.unitPrices(&p.Now.Prices.ClassPrices)
			all[at].Cached = all[at].Cached || row.Cached != ""
			all[at].Rows = append(all[at].Rows, row)
		}
	}
	return all
}

// tokenPrices writes what a million tokens cost. Cached ones that cost as much
// as others have no price of their own.
func tokenPrices(c *api.ClassPrices) (input, cached, output string) {
	if c.Input != nil {
		input = c.Input.String()
	}
	if p := other(c.Cached, c.Input); p != nil {
		cached = p.String()
	}
	if c.Output != nil {
		output = c.Output.String()
	}
	return input, cached, output
}

// unitPrices writes the prices of what is no token of a prompt or an answer.
func (v *view) unitPrices(c *api.ClassPrices) []unitPrice {
	var all []unitPrice
	million := func(p *api.Price, unit string) {
		if p != nil {
			all = append(all, unitPrice{p.String(), v.T(unit)})
		}
	}
	one := func(p *api.UnitPrice, unit string) {
		if p != nil {
			all = append(all, unitPrice{p.String(), v.T(unit)})
		}
	}
	one(c.Image, "image")
	one(c.Second, "second of audio")
	one(c.VideoSecond, "second of video")
	million(c.Character, "million characters")
	million(c.Megapixel, "megapixel")
	one(c.Search, "web search")
	one(c.Call, "call")
	return all
}

// moment is what is special about the prices of now.
type moment struct {
	Text  string // such as "peak until 18:00 UTC"
	Holds bool   // a calendar does
}

// moment says which calendars hold, and until when; nil when there is none.
func (v *view) moment(p *api.PublicPrice) *moment {
	if len(p.Calendars) == 0 {
		return nil
	}
	m := &moment{Text: v.T("outside {peak}", p.Calendars[0].Name), Holds: len(p.Now.Holds) > 0}
	if m.Holds {
		m.Text = strings.Join(p.Now.Holds, ", ")
	}
	if p.Now.Until != nil {
		m.Text = v.T("{peak} until {18:00}", m.Text, v.instant(*p.Now.Until))
	}
	return m
}

// card is a model by itself.
type card struct {
	api.PublicModel
	Context string
	State   *modelLine
	Prices  []cardPrices
}

// cardPrices is all that a model costs in one currency.
type cardPrices struct {
	Currency  string
	Now       *moment
	Blocks    []block
	Calendars []calendarLine
}

// block is prices under the same conditions.
type block struct {
	Title string
	Holds bool // at the moment
	Lines []priceLine
}

// priceLine is what one class costs.
type priceLine struct{ What, Price, Unit string }

// calendarLine is when a calendar holds.
type calendarLine struct {
	Name, Zone string
	Arcs       []string
	Holidays   int
}

func cardOf(v *view, m *api.PublicModel) *card {
	c := &card{PublicModel: *m, Context: v.tokens(m.ContextLength)}
	for i := range m.Prices {
		p := &m.Prices[i]
		shown := cardPrices{Currency: string(p.Currency), Now: v.moment(p)}
		general := len(p.Now.Holds) == 0
		shown.add(v, v.T("Standard"), general, &p.List.ClassPrices)
		for _, t := range p.List.Tiers {
			shown.add(v, v.length(t.From, t.OutputFrom), false, &t.ClassPrices)
		}
		for _, w := range p.List.When {
			title := v.conditions(&w)
			holds := w.Calendar != "" && slices.Contains(p.Now.Holds, w.Calendar) && !w.Batch && w.ServiceTier == "" && !w.Thinking
			shown.add(v, title, holds, &w.ClassPrices)
			for _, t := range w.Tiers {
				shown.add(v, title+", "+v.length(t.From, t.OutputFrom), false, &t.ClassPrices)
			}
		}
		for _, st := range p.List.Steps {
			shown.Blocks = append(shown.Blocks, steps(v, &st))
		}
		for _, cal := range p.Calendars {
			if n := len(cal.Versions); n > 0 { // the last one is the one to come, or in force
				last := &cal.Versions[n-1]
				shown.Calendars = append(shown.Calendars, calendarLine{Name: cal.Name, Zone: last.Zone, Arcs: last.Arcs, Holidays: len(last.Holidays)})
			}
		}
		c.Prices = append(c.Prices, shown)
	}
	return c
}

// add adds prices under a title, if there are any.
func (c *cardPrices) add(v *view, title string, holds bool, p *api.ClassPrices) {
	b := block{Title: title, Holds: holds}
	tokens := func(what string, price *api.Price) {
		if price != nil {
			b.Lines = append(b.Lines, priceLine{v.T(what), price.String(), v.T("million tokens")})
		}
	}
	tokens("Input", p.Input)
	tokens("Cached input", other(p.Cached, p.Input))
	tokens("Cache write", other(p.CacheWrite, p.Input))
	tokens("Cache write, kept for an hour", other(p.CacheWriteHour, p.CacheWrite))
	tokens("Output", p.Output)
	tokens("Reasoning", other(p.Reasoning, p.Output))
	for _, u := range v.unitPrices(p) {
		b.Lines = append(b.Lines, priceLine{"", u.Price, u.Unit})
	}
	if len(b.Lines) > 0 {
		c.Blocks = append(c.Blocks, b)
	}
}

// other returns a price unless it is the same as the one of what it is a kind of.
func other(p, usual *api.Price) *api.Price {
	if p != nil && usual != nil && *p == *usual {
		return nil
	}
	return p
}

// steps writes prices by volume.
func steps(v *view, st *api.PriceSteps) block {
	b := block{Title: v.T("{input} by volume of a {month}", v.T(st.Class), v.T(string(st.Period)))}
	for _, one := range st.Steps {
		b.Lines = append(b.Lines, priceLine{What: v.T("from {1000}", v.number(one.From)), Price: one.Price})
	}
	return b
}

// conditions writes what prices ask for.
func (v *view) conditions(w *api.PriceWhen) string {
	var all []string
	if w.Calendar != "" {
		all = append(all, w.Calendar)
	}
	if w.Batch {
		all = append(all, v.T("batch"))
	}
	if w.ServiceTier != "" {
		all = append(all, v.T("service tier {flex}", w.ServiceTier))
	}
	if w.Thinking {
		all = append(all, v.T("thinking"))
	}
	return strings.Join(all, ", ")
}

// length writes from which lengths on prices hold.
func (v *view) length(prompt, output int64) string {
	if output > 0 {
		return v.T("prompts from {32K} tokens, answers from {1K}", v.tokens(prompt), v.tokens(output))
	}
	return v.T("prompts from {32K} tokens", v.tokens(prompt))
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
