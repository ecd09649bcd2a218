package statement

import (
	"slices"
	"strings"

	"sluice"
	"sluice/money/exact"
	"sluice/money/price"
)

// Reference is one model's list prices, by which theoretical revenue is counted.
type Reference struct {
	Model  string       `json:"model"`
	Prices price.Prices `json:"prices"` // pico per unit
}

// ReferenceOf takes a model's prices without conditions, for the shortest prompt
// and the first step, as the reference. CodeModelNotFound when it has none.
func ReferenceOf(b *price.Book, model string) (*Reference, error) {
	ref := &Reference{Model: model}
	found := false
	for _, r := range b.Rules() {
		if r.Model == model && r.Conditions == (price.Conditions{}) && r.ContextMin == 0 && r.OutputMin == 0 && r.VolumeMin == 0 {
			ref.Prices[r.Class] = r.Price
			found = true
		}
	}
	if !found {
		return nil, sluice.Errorf(sluice.CodeModelNotFound, "The model %q has no price in %s.", model, b.Currency)
	}
	if ref.Prices[sluice.ClassCacheWriteHour] == 0 { // it is charged as a cache write where it has no price of its own
		ref.Prices[sluice.ClassCacheWriteHour] = ref.Prices[sluice.ClassCacheWrite]
	}
	return ref, nil
}

// Of is what units cost at the reference's prices, and calls at its fee. Without
// a reference (nil) it is what they cost at their own model's plain prices.
func (ref *Reference) Of(s *Sums) exact.Number {
	if ref == nil {
		return exact.Money(s.Plain)
	}
	sum := exact.Pico(ref.Prices[price.ClassCall]).Mul(exact.Int(s.Calls))
	for class, n := range s.Units {
		if p := ref.Prices[class]; n != 0 && p != 0 {
			sum = sum.Add(exact.Pico(p).Mul(exact.Int(n)))
		}
	}
	return sum
}

// Bar is one bar of the waterfall: a step up or down, or a sum of what came before.
type Bar struct {
	Name   string       `json:"name"`
	Total  bool         `json:"total,omitempty"` // the sum of the steps above it
	Amount exact.Number `json:"amount"`

	// Opens says which events or entries a step sums, and what of each.
	Opens string `json:"opens,omitempty"`
}

// The names of the bars, from top to bottom.
const (
	BarTheoretical = "theoretical revenue"
	BarModelMix    = "model mix"
	BarConditions  = "batch, tier, thinking"
	BarTimeOfDay   = "time of day"
	BarList        = "list revenue"
	BarFree        = "free traffic"
	BarPlanUsage   = "plan usage"
	BarUncollected = "uncollected"
	BarVolume      = "given back by volume"
	BarCharged     = "charged"
	BarDifference  = "booked otherwise"
	BarPromotions  = "promotions"
	BarPlanRevenue = "plan revenue"
	BarRefunds     = "refunds and bad debt"
	BarOther       = "rounding of invoices"
	BarBreakage    = "breakage"
	BarRecognised  = "recognised"
	BarPrepaid     = "paid in advance"
	BarDeferred    = "deferred"
	BarReceivable  = "owed"
	BarTax         = "tax and rounding"
	BarOutside     = "simulated calls, costs"
	BarCash        = "cash"
)

// step is how a bar is summed. Of event and entry one is nil; a total has neither.
type step struct {
	name, opens string
	event       func(o Outcome, s *Sums, ref *Reference) exact.Number
	entry       func(e *EntryKey) bool
}

// steps are the bars from top to bottom. Each sum of steps is a total, also
// where the books are wrong: then BarDifference is not zero.
func steps() []step {
	return []step{
		{name: BarTheoretical, opens: "events but simulated: units × the reference model's prices", event: revenue(func(s *Sums, ref *Reference) exact.Number { return ref.Of(s) })},
		{name: BarModelMix, opens: "events but simulated: their own model's plain price − that", event: revenue(func(s *Sums, ref *Reference) exact.Number { return exact.Money(s.Plain).Sub(ref.Of(s)) })},
		{name: BarConditions, opens: "events but simulated: price by batch, service tier and thinking − plain price", event: revenue(func(s *Sums, _ *Reference) exact.Number { return exact.Money(s.Untimed).Sub(exact.Money(s.Plain)) })},
		{name: BarTimeOfDay, opens: "events but simulated: list − the price without calendars", event: revenue(func(s *Sums, _ *Reference) exact.Number { return exact.Money(s.List).Sub(exact.Money(s.Untimed)) })},
		{name: BarList},
		{name: BarFree, opens: "events with outcome free: charge − list", event: lost(OutcomeFree)},
		{name: BarPlanUsage, opens: "events with outcome plan: charge − list", event: lost(OutcomePlan)},
		{name: BarUncollected, opens: "events with outcome crash, estimated or short: charge − list", event: lost(OutcomeCharged, OutcomeCrash, OutcomeEstimated, OutcomeShort)},
		{name: BarVolume, opens: "events but simulated: −refund", event: revenue(func(s *Sums, _ *Reference) exact.Number { return exact.Money(s.Refund).Neg() })},
		{name: BarCharged},
		{name: BarDifference, opens: "entries of usage and volume on revenue.api, and of local ones on revenue.local − what events were charged"},
		{name: BarPromotions, opens: "entries on promotional and promotion, but of simulated calls", entry: promotion},
		{name: BarPlanRevenue, opens: "entries on revenue.plan but corrections", entry: func(e *EntryKey) bool { return e.Account == sluice.AccountRevenuePlan && e.Kind != sluice.TxCorrection }},
		{name: BarRefunds, opens: "entries of corrections on revenue.api and revenue.plan", entry: func(e *EntryKey) bool { return earned(e) && e.Kind == sluice.TxCorrection }},
		{name: BarOther, opens: "entries of other kinds on revenue.api", entry: func(e *EntryKey) bool {
			return e.Account == sluice.AccountRevenueAPI && !booked(e) && e.Kind != sluice.TxCorrection
		}},
		{name: BarBreakage, opens: "entries on breakage", entry: on(sluice.AccountBreakage)},
		{name: BarRecognised},
		{name: BarPrepaid, opens: "entries on prepaid", entry: on(sluice.AccountPrepaid)},
		{name: BarDeferred, opens: "entries on deferred", entry: on(sluice.AccountDeferred)},
		{name: BarReceivable, opens: "entries on receivable", entry: on(sluice.AccountReceivable)},
		{name: BarTax, opens: "entries on tax and rounding", entry: on(sluice.AccountTax, sluice.AccountRounding)},
		{name: BarOutside, opens: "all other entries but those on clearing, whose opposite is cash", entry: outside},
		{name: BarCash},
	}
}

// revenue sums something over all events but simulated ones.
func revenue(of func(*Sums, *Reference) exact.Number) func(Outcome, *Sums, *Reference) exact.Number {
	return func(o Outcome, s *Sums, ref *Reference) exact.Number {
		if o == OutcomeSimulated {
			return exact.Number{}
		}
		return of(s, ref)
	}
}

// lost sums charge − list over events with one of the outcomes.
func lost(of ...Outcome) func(Outcome, *Sums, *Reference) exact.Number {
	return func(o Outcome, s *Sums, _ *Reference) exact.Number {
		if !slices.Contains(of, o) {
			return exact.Number{}
		}
		return exact.Money(s.Charge).Sub(exact.Money(s.List))
	}
}

// on accepts entries on one of the accounts.
func on(accounts ...sluice.AccountKind) func(*EntryKey) bool {
	return func(e *EntryKey) bool { return slices.Contains(accounts, e.Account) }
}

// earned reports whether the entry is on what is earned.
func earned(e *EntryKey) bool {
	return e.Account == sluice.AccountRevenueAPI || e.Account == sluice.AccountRevenuePlan || e.Account == sluice.AccountRevenueLocal
}

// booked reports whether the entry is what events were charged.
func booked(e *EntryKey) bool {
	return e.Account == sluice.AccountRevenueAPI && (e.Kind == sluice.TxUsage || e.Kind == sluice.TxVolume) ||
		e.Account == sluice.AccountRevenueLocal && e.Kind == sluice.TxLocal
}

// promotion reports whether the entry is of what was granted. Grants, and what
// expires of them, move between the two accounts: what is left is what credit paid
// of calls, less what it got back.
func promotion(e *EntryKey) bool {
	return !e.Simulated && (e.Account == sluice.AccountPromotional || e.Account == sluice.AccountPromotion)
}

// outside reports whether the entry is neither revenue nor money of customers.
func outside(e *EntryKey) bool {
	switch {
	case promotion(e):
		return false
	case e.Account == sluice.AccountPromotional, e.Account == sluice.AccountPromotion, e.Account == sluice.AccountSimulated, e.Account == sluice.AccountCost:
		return true
	}
	return false
}

// OfRow is what a row of events adds to the bar of a name: of one event, when it
// is that event's row. A total and a bar of entries get nothing of it.
func OfRow(name string, row *Row, ref *Reference) exact.Number {
	for _, st := range steps() {
		if st.name == name && st.event != nil {
			return st.event(row.Outcome, &row.Sums, ref)
		}
	}
	return exact.Number{}
}

// OfEntry is what a row of entries adds to the bar of a name.
func OfEntry(name string, row *EntryRow) exact.Number {
	for _, st := range steps() {
		if st.name == name && st.entry != nil && st.entry(&row.EntryKey) {
			return exact.Money(row.Amount)
		}
	}
	return exact.Number{}
}

// waterfall sums the bars of a bucket. Without entries it ends at BarCharged.
func (b *bucket) waterfall(ref *Reference, entries bool) []Bar {
	var bars []Bar
	var sum exact.Number
	for _, st := range steps() {
		bar := Bar{Name: st.name, Opens: st.opens}
		switch {
		case st.event != nil:
			for i, o := range Outcomes() {
				bar.Amount = bar.Amount.Add(st.event(o, &b.outcomes[i], ref))
			}
		case st.entry != nil:
			for key, amount := range b.entries {
				if st.entry(&key) {
					bar.Amount = bar.Amount.Add(exact.Money(amount))
				}
			}
		case st.name == BarDifference:
			bar.Amount = b.bookedSum().Sub(sum)
		default:
			bar.Total, bar.Amount = true, sum
		}
		if !bar.Total {
			sum = sum.Add(bar.Amount)
		}
		bars = append(bars, bar)
		if st.name == BarCharged && !entries {
			break
		}
	}
	return bars
}

// bookedSum is what the ledger says that events were charged.
func (b *bucket) bookedSum() exact.Number {
	var sum exact.Number
	for key, amount := range b.entries {
		if booked(&key) {
			sum = sum.Add(exact.Money(amount))
		}
	}
	return sum
}

// CheckBar refuses a name that no bar of the waterfall has, or that of a sum of
// bars, which opens to those. Errors: CodeInvalid.
func CheckBar(name string) error {
	names := Bars()
	if slices.Contains(names, name) {
		return nil
	}
	return sluice.Errorf(sluice.CodeInvalid, "No bar called %q opens to anything; these do: %s.", name, strings.Join(names, "; "))
}

// Bars are the names of the bars that open to events or entries.
func Bars() []string {
	var names []string
	for _, st := range steps() {
		if st.event != nil || st.entry != nil {
			names = append(names, st.name)
		}
	}
	return names
}

// OfEvents reports whether a bar sums events, and not entries.
func OfEvents(name string) bool {
	return slices.ContainsFunc(steps(), func(st step) bool { return st.name == name && st.event != nil })
}
