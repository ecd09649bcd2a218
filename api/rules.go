package api

import (
	"cmp"
	"slices"

	"sluice"
	"sluice/money/price"
)

// rules writes a model's prices as the rules of a price book. A tier ends
// where the next begins; what is missing or doubled is found when the book is
// published.
func (m *ModelPrices) rules() []price.Rule {
	tiers := append([]PriceTier{{From: 0, ClassPrices: m.ClassPrices}}, m.Tiers...)
	slices.SortStableFunc(tiers, func(a, b PriceTier) int { return cmp.Compare(a.From, b.From) })
	var rules []price.Rule
	for i, t := range tiers {
		upTo := int64(0)
		if i+1 < len(tiers) {
			upTo = tiers[i+1].From
		}
		for class, p := range t.byClass() {
			if p != nil {
				rules = append(rules, price.Rule{Model: m.Model, Class: sluice.Class(class), ContextMin: t.From, ContextMax: upTo, Price: sluice.Pico(*p)})
			}
		}
	}
	return rules
}

// byClass returns the prices in the order of the classes, nil for an absent one.
func (c *ClassPrices) byClass() [sluice.NumClasses]*Price {
	return [sluice.NumClasses]*Price{
		sluice.ClassInput: &c.Input, sluice.ClassCached: c.Cached, sluice.ClassCacheWrite: c.CacheWrite,
		sluice.ClassOutput: &c.Output, sluice.ClassReasoning: c.Reasoning,
	}
}

// set sets the price of a class.
func (c *ClassPrices) set(class sluice.Class, p Price) {
	switch class {
	case sluice.ClassInput:
		c.Input = p
	case sluice.ClassCached:
		c.Cached = &p
	case sluice.ClassCacheWrite:
		c.CacheWrite = &p
	case sluice.ClassOutput:
		c.Output = p
	case sluice.ClassReasoning:
		c.Reasoning = &p
	}
}

// allRules writes the prices of several models as rules. A model that is there
// twice is CodeInvalid.
func allRules(models []ModelPrices) ([]price.Rule, error) {
	var rules []price.Rule
	seen := map[string]bool{}
	for i := range models {
		if seen[models[i].Model] {
			return nil, sluice.Errorf(sluice.CodeInvalid, "The model %q is priced twice.", models[i].Model)
		}
		seen[models[i].Model] = true
		rules = append(rules, models[i].rules()...)
	}
	return rules, nil
}

// modelPrices writes the rules of a published book, which are complete and in
// order, as prices of models.
func modelPrices(rules []price.Rule) []ModelPrices {
	models := []ModelPrices{}
	for _, r := range rules {
		if len(models) == 0 || models[len(models)-1].Model != r.Model {
			models = append(models, ModelPrices{Model: r.Model})
		}
		m := &models[len(models)-1]
		if r.ContextMin == 0 {
			m.ClassPrices.set(r.Class, Price(r.Price))
			continue
		}
		i, found := slices.BinarySearchFunc(m.Tiers, r.ContextMin, func(t PriceTier, from int64) int { return cmp.Compare(t.From, from) })
		if !found {
			m.Tiers = slices.Insert(m.Tiers, i, PriceTier{From: r.ContextMin})
		}
		m.Tiers[i].ClassPrices.set(r.Class, Price(r.Price))
	}
	return models
}

// priceChanges compares two lists of complete rules.
func priceChanges(before, after []price.Rule) []PriceChange {
	type place struct {
		model string
		from  int64
		class sluice.Class
	}
	changes := map[place]*PriceChange{}
	at := func(r price.Rule) *PriceChange {
		p := place{r.Model, r.ContextMin, r.Class}
		if changes[p] == nil {
			changes[p] = &PriceChange{Model: r.Model, Class: r.Class.String(), From: r.ContextMin}
		}
		return changes[p]
	}
	for _, r := range before {
		p := Price(r.Price)
		at(r).Before = &p
	}
	for _, r := range after {
		p := Price(r.Price)
		at(r).After = &p
	}
	var places []place
	for p, c := range changes {
		if c.Before == nil || c.After == nil || *c.Before != *c.After {
			places = append(places, p)
		}
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.model, b.model), cmp.Compare(a.from, b.from), cmp.Compare(a.class, b.class))
	})
	list := make([]PriceChange, len(places))
	for i, p := range places {
		list[i] = *changes[p]
	}
	return list
}
