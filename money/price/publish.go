package price

import (
	"cmp"
	"slices"

	"sluice"
)

// compile checks the rules and builds each model's tiers, in order of length.
func compile(rules []Rule) (map[string][]tier, error) {
	byModel := map[string][]Rule{}
	for _, r := range rules {
		if err := check(r); err != nil {
			return nil, err
		}
		byModel[r.Model] = append(byModel[r.Model], r)
	}
	tiers := make(map[string][]tier, len(byModel))
	for model, rules := range byModel {
		t, err := compileModel(model, rules)
		if err != nil {
			return nil, err
		}
		tiers[model] = t
	}
	return tiers, nil
}

func check(r Rule) error {
	switch {
	case !sluice.ValidModelName(r.Model):
		return sluice.Errorf(sluice.CodeInvalid, "price of %q: not a model name", r.Model)
	case int(r.Class) >= sluice.NumClasses:
		return sluice.Errorf(sluice.CodeInvalid, "price of %s: unknown token class %d", r.Model, r.Class)
	case r.Price < 0:
		return sluice.Errorf(sluice.CodeInvalid, "price of %s, %s: %s is negative", r.Model, r.Class, sluice.FormatPrice(r.Price))
	case r.ContextMin < 0 || (r.ContextMax != 0 && r.ContextMax <= r.ContextMin):
		return sluice.Errorf(sluice.CodeInvalid, "price of %s, %s: context from %d to %d is empty", r.Model, r.Class, r.ContextMin, r.ContextMax)
	}
	return nil
}

// compileModel builds the tiers of one model. Each class given must cover all
// lengths from zero, without gap or overlap; the tiers are cut wherever any
// class changes.
func compileModel(model string, rules []Rule) ([]tier, error) {
	var byClass [sluice.NumClasses][]Rule
	var cuts []int64
	for _, r := range rules {
		byClass[r.Class] = append(byClass[r.Class], r)
		cuts = append(cuts, r.ContextMin)
	}
	for class, rules := range byClass {
		if err := checkCover(model, sluice.Class(class), rules); err != nil {
			return nil, err
		}
	}
	for class, fallback := range map[sluice.Class]sluice.Class{
		sluice.ClassCached:     sluice.ClassInput,
		sluice.ClassCacheWrite: sluice.ClassInput,
		sluice.ClassReasoning:  sluice.ClassOutput,
	} {
		if byClass[class] == nil {
			byClass[class] = byClass[fallback]
		}
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	tiers := make([]tier, len(cuts))
	for i, from := range cuts {
		tiers[i].from = from
		for class, rules := range byClass {
			tiers[i].prices[class] = priceAt(rules, from)
		}
	}
	return tiers, nil
}

// checkCover sorts the rules of one class and checks that they cover every
// length once. Input and output prices are required.
func checkCover(model string, class sluice.Class, rules []Rule) error {
	if len(rules) == 0 {
		if class == sluice.ClassInput || class == sluice.ClassOutput {
			return sluice.Errorf(sluice.CodeInvalid, "price of %s: no %s price (give 0 if it is free)", model, class)
		}
		return nil
	}
	slices.SortFunc(rules, func(a, b Rule) int { return cmp.Compare(a.ContextMin, b.ContextMin) })
	next := int64(0)
	for i, r := range rules {
		if r.ContextMin < next || (i > 0 && next == 0) {
			return sluice.Errorf(sluice.CodeInvalid, "price of %s, %s: two rules for a context of %d tokens", model, class, r.ContextMin)
		}
		if r.ContextMin > next {
			return sluice.Errorf(sluice.CodeInvalid, "price of %s, %s: no rule for a context of %d tokens", model, class, next)
		}
		next = r.ContextMax
	}
	if next != 0 {
		return sluice.Errorf(sluice.CodeInvalid, "price of %s, %s: no rule for a context of %d tokens and more", model, class, next)
	}
	return nil
}

// priceAt finds the price for a length in rules that cover every length.
func priceAt(rules []Rule, length int64) sluice.Pico {
	for i := len(rules) - 1; i > 0; i-- {
		if length >= rules[i].ContextMin {
			return rules[i].Price
		}
	}
	return rules[0].Price
}

// flatten writes the tiers as complete rules, in order of model, class and length.
func flatten(tiers map[string][]tier) []Rule {
	var rules []Rule
	for model, ts := range tiers {
		for i, t := range ts {
			upTo := int64(0)
			if i+1 < len(ts) {
				upTo = ts[i+1].from
			}
			for class, p := range t.prices {
				rules = append(rules, Rule{model, sluice.Class(class), t.from, upTo, p})
			}
		}
	}
	slices.SortFunc(rules, func(a, b Rule) int {
		return cmp.Or(cmp.Compare(a.Model, b.Model), cmp.Compare(a.Class, b.Class), cmp.Compare(a.ContextMin, b.ContextMin))
	})
	return rules
}
