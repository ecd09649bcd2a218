package statements

import (
	"context"
	"maps"
	"slices"
	"time"

	"sluice"
	"sluice/money/calendar"
	"sluice/money/cost"
	"sluice/money/exact"
	"sluice/money/price"
	"sluice/money/quota"
	"sluice/money/statement"
	"sluice/money/whatif"
)

// WhatIf asks what a past period would have come to.
type WhatIf struct {
	Query

	// Book is the id of a published book in place of those that billed, or InForce
	// for those that were in force. Prices, when not nil, is a draft: its models'
	// rules take the place of theirs in the book in force at the period's end.
	Book   string
	Prices *price.Draft

	HitRate *exact.Number
	Moves   []whatif.Move
	Quota   *quota.Quota // in place of plans' own
	Market  whatif.Market
}

// InForce asks for the books that were in force.
const InForce = "in_force"

// Answer is what a period came to, and what it would have.
type Answer struct {
	Currency sluice.Currency `json:"currency"`
	Calls    int64           `json:"calls"`
	Before   whatif.Figures  `json:"before"`
	After    whatif.Figures  `json:"after"`
	Models   []ModelAnswer   `json:"models"`

	// The customers that bring at least what they cost, and what the others cost more
	// than they bring.
	Users      whatif.Turning `json:"users"`
	UsersAfter whatif.Turning `json:"users_after"`

	// Crowd is customers taken as alike, on the nodes that there were; nil where these,
	// or how fast they are, is not known.
	Crowd *CrowdAnswer `json:"crowd,omitempty"`
	Notes []string     `json:"notes"`
}

// ModelAnswer is what became of a model.
type ModelAnswer struct {
	Model  string         `json:"model"`
	Calls  int64          `json:"calls"`
	Before whatif.Figures `json:"before"`
	After  whatif.Figures `json:"after"`

	// Pays is at which multiples of its prices of before the model pays for what it
	// costs; nil where it never does, or where costs are not known.
	Pays *whatif.Prices `json:"pays,omitempty"`

	// Paying are the prices per million of each class at which its tokens pay for
	// their share of the chips.
	Paying map[string]exact.Number `json:"paying_prices,omitempty"`

	// What plans counted, in thousandths of their windows' units.
	Cost      sluice.Cost `json:"plan_cost"`
	CostAfter sluice.Cost `json:"plan_cost_after"`
}

// CrowdAnswer is for how many customers the nodes are.
type CrowdAnswer struct {
	Customers int64 `json:"customers"`
	Most      int64 `json:"most,omitempty"`   // past it, more cost more than they bring; 0: there is no such number
	Needed    int64 `json:"needed,omitempty"` // as many pay for what is there; 0: no number does
}

// scenario makes what events are rated by.
func (s *Service) scenario(w *WhatIf, made *Made, books []*price.Book) (whatif.Scenario, error) {
	sc := whatif.Scenario{Currency: w.Currency, HitRate: w.HitRate, Moves: w.Moves, Quota: w.Quota, InForce: s.opt.InForce}
	switch {
	case w.Book != "" && w.Prices != nil:
		return sc, sluice.Errorf(sluice.CodeInvalid, "Either a book or a draft is asked, not both.")
	case w.Book == InForce:
		sc.Books = books
	case w.Book != "":
		i := slices.IndexFunc(books, func(b *price.Book) bool { return b.ID == w.Book })
		if i < 0 {
			return sc, sluice.Errorf(sluice.CodeNotFound, "There is no price book %q.", w.Book)
		}
		b := books[i]
		return sc, s.only(&sc, w, price.Draft{Currency: b.Currency, Rules: b.Rules(), Calendars: b.Calendars(), Zone: b.Zone})
	case w.Prices != nil:
		d := *w.Prices
		if base := price.InForce(books, w.Currency, made.To.Add(-1)); base != nil {
			own := map[string]bool{}
			for i := range d.Rules {
				own[d.Rules[i].Model] = true
			}
			d.Rules = append(slices.Clone(d.Rules), slices.DeleteFunc(base.Rules(), func(r price.Rule) bool { return own[r.Model] })...)
			for _, c := range base.Calendars() {
				if !slices.ContainsFunc(d.Calendars, func(o *calendar.Calendar) bool { return o.Name() == c.Name() }) {
					d.Calendars = append(d.Calendars, c)
				}
			}
		}
		return sc, s.only(&sc, w, d)
	}
	return sc, nil
}

// only has one list rate everything.
func (s *Service) only(sc *whatif.Scenario, w *WhatIf, d price.Draft) error {
	if d.Currency != w.Currency {
		return sluice.Errorf(sluice.CodeInvalid, "The prices are in %s and the period is looked at in %s.", d.Currency, w.Currency)
	}
	d.EffectiveAt = time.Unix(0, 0).UTC() // before any call
	b, err := price.Publish("what-if", d, s.opt.Now().UTC())
	if err != nil {
		return err
	}
	sc.Books = []*price.Book{b}
	return nil
}

// Ask rates a period again. progress, which may be nil, is told how much is done.
// Errors: CodeInvalid, CodeNotFound; when a call cannot be rated; and that of ctx.
func (s *Service) Ask(ctx context.Context, w *WhatIf, progress func(done, total int64)) (*Answer, error) {
	if w.Market.Elasticity.Sign() > 0 || w.Market.Hour.Sign() < 0 || w.Market.Follows.Sign() < 0 || w.Market.Follows.Cmp(exact.Int(1)) > 0 {
		return nil, sluice.Errorf(sluice.CodeInvalid, "Elasticity is at most 0, the cost of an hour at least 0, and what follows demand from 0 to 1.")
	}
	made, err := s.Input(ctx, w.Query)
	if err != nil {
		return nil, err
	}
	st, err := statement.Make(&made.Input)
	if err != nil {
		return nil, err
	}
	books, err := s.opt.Books.Books(ctx)
	if err != nil {
		return nil, err
	}
	sc, err := s.scenario(w, made, books)
	if err != nil {
		return nil, err
	}
	r, err := whatif.New(sc, books)
	if err != nil {
		return nil, err
	}
	res, err := s.opt.Rerate(ctx, r, made.From, made.To, progress)
	if err != nil {
		return nil, err
	}
	return answer(w, made, st, res)
}

// answer projects what was rated.
func answer(w *WhatIf, made *Made, st *statement.Statement, res whatif.Result) (*Answer, error) {
	work := cost.EvenWork()
	if made.Rates.Known() {
		work = made.Rates.Work()
	}
	spent := map[string]exact.Number{}
	for i := range st.Models {
		spent[st.Models[i].Name] = st.Models[i].Cost
	}
	models, err := res.Models()
	if err != nil {
		return nil, err
	}
	a := &Answer{Currency: w.Currency, Models: []ModelAnswer{}, Notes: append([]string{}, made.Notes...)}
	if st.Nodes == nil {
		a.Notes = append(a.Notes, "What nodes cost is not known (`sluice nodes`): profit is what is charged, and no price pays for it.")
	}
	changes := map[string]whatif.Change{}
	for _, name := range slices.Sorted(maps.Keys(models)) {
		t := models[name]
		c := whatif.Project(t, spent[name], work, w.Market)
		changes[name] = c
		m := ModelAnswer{Model: name, Calls: t.Calls, Before: c.Before, After: c.After, Cost: t.Cost, CostAfter: t.CostAfter}
		if st.Nodes != nil {
			if p, ok := whatif.BreakEven(c.Before.Charged, spent[name], w.Market); ok {
				m.Pays = &p
			}
			m.Paying = map[string]exact.Number{}
			for class, p := range whatif.PayingPrices(&t.Units, spent[name], work) {
				if t.Units[class] != 0 {
					m.Paying[sluice.Class(class).String()] = p.Round(12)
				}
			}
		}
		a.Models = append(a.Models, m)
		a.Calls += t.Calls
		a.Before, a.After = plus(a.Before, c.Before), plus(a.After, c.After)
	}
	a.Before.Demand = exact.Int(1)
	a.After.Demand, _ = exact.Ratio{Of: weighted(changes, models), To: exact.Int(a.Calls)}.Value()
	a.users(res, models, changes, work)
	a.crowd(st, &w.Market)
	return a, nil
}

func plus(a, b whatif.Figures) whatif.Figures {
	return whatif.Figures{List: a.List.Add(b.List), Charged: a.Charged.Add(b.Charged), Cost: a.Cost.Add(b.Cost), Profit: a.Profit.Add(b.Profit)}
}

// weighted is the calls that there would be.
func weighted(changes map[string]whatif.Change, models map[string]*whatif.Totals) (sum exact.Number) {
	for name, t := range models {
		sum = sum.Add(changes[name].After.Demand.Mul(exact.Int(t.CallsAfter)))
	}
	return sum
}

// users orders customers by what they bring beyond their share of the work.
func (a *Answer) users(res whatif.Result, models map[string]*whatif.Totals, changes map[string]whatif.Change, work cost.Work) {
	before, after := map[string]*whatif.Customer{}, map[string]*whatif.Customer{}
	add := func(to map[string]*whatif.Customer, org string, brings, spent exact.Number) {
		if to[org] == nil {
			to[org] = &whatif.Customer{Name: org}
		}
		to[org].Revenue, to[org].Spent = to[org].Revenue.Add(brings), to[org].Spent.Add(spent)
	}
	share := func(part, whole *sluice.Usage) exact.Number {
		n, _ := exact.Ratio{Of: work.Of(part), To: work.Of(whole)}.Value()
		return n
	}
	for k, t := range res {
		c, all := changes[k.Model], models[k.Model]
		add(before, k.Org, exact.Money(t.Charge), c.Before.Cost.Mul(share(&t.Units, &all.Units)))
		add(after, k.Org, exact.Money(t.ChargeAfter).Mul(c.After.Demand), c.After.Cost.Mul(share(&t.UnitsAfter, &all.UnitsAfter)))
	}
	turn := func(of map[string]*whatif.Customer) whatif.Turning {
		var list []whatif.Customer
		for _, name := range slices.Sorted(maps.Keys(of)) {
			list = append(list, *of[name])
		}
		return whatif.TurningPoint(list)
	}
	a.Users, a.UsersAfter = turn(before), turn(after)
}

// crowd takes customers as alike: each brings the mean, and needs its part of the
// nodes that the tokens imply.
func (a *Answer) crowd(st *statement.Statement, m *whatif.Market) {
	n := st.Reach.Customers
	if st.Nodes == nil || n == 0 || st.Nodes.Implied.Sign() == 0 || st.Nodes.Cost.Total.Mean.Sign() == 0 {
		return
	}
	total := &st.Nodes.Cost.Total
	hour := m.Hour
	if hour.Sign() == 0 {
		hour = exact.Int(1)
	}
	running := total.Rent.Add(total.Power)
	there, ok := total.Mean.Ceil()
	if !ok {
		return
	}
	c := whatif.Crowd{
		Revenue: a.After.Charged.Quo(exact.Int(n)), Load: st.Nodes.Implied.Mul(a.After.Demand).Quo(exact.Int(n)),
		Node: running.Quo(total.Mean).Mul(hour), Nodes: there, Fixed: total.Total.Sub(running),
	}
	a.Crowd = &CrowdAnswer{Customers: n}
	if most, ok := c.Most(); ok {
		a.Crowd.Most = most
	}
	if needed, ok := c.Needed(); ok {
		a.Crowd.Needed = needed
	}
}
