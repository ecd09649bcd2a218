package price

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// check checks that the rules of a variant hold for every call exactly once.
func (v *variant) check() error {
	first := &v.rules[0]
	for i := range v.rules {
		r := &v.rules[i]
		if r.Steps != first.Steps || r.Period != first.Period {
			return r.fault("its steps differ in kind or period from those before")
		}
	}
	if first.Steps != StepsNone {
		return v.checkSteps()
	}
	return v.checkLengths()
}

// checkSteps sorts the steps and checks that they cover every volume once.
func (v *variant) checkSteps() error {
	slices.SortFunc(v.rules, func(a, b Rule) int { return cmp.Compare(a.VolumeMin, b.VolumeMin) })
	next := int64(0)
	for i := range v.rules {
		r := &v.rules[i]
		switch {
		case r.VolumeMin < next || (i > 0 && next == 0):
			return r.fault("two steps for a volume of %d", r.VolumeMin)
		case r.VolumeMin > next:
			return r.fault("no step for a volume of %d", next)
		case i > 0 && r.Steps == StepsVolume && r.Price > v.rules[i-1].Price:
			return r.fault("a step of the volume kind must not be dearer than the one before it: calls that are settled would be charged again (graduated steps may rise)")
		}
		next = r.VolumeMax
	}
	if next != 0 {
		return v.rules[len(v.rules)-1].fault("no step for a volume of %d and more", next)
	}
	return nil
}

// checkLengths checks that every length of prompt and of output has one rule.
func (v *variant) checkLengths() error {
	contexts, outputs := []int64{0}, []int64{0}
	for i := range v.rules {
		r := &v.rules[i]
		contexts = append(contexts, r.ContextMin, r.ContextMax)
		outputs = append(outputs, r.OutputMin, r.OutputMax)
	}
	outputs = distinct(outputs)
	for _, context := range distinct(contexts) {
		for _, output := range outputs {
			var found *Rule
			for i := range v.rules {
				r := &v.rules[i]
				if !r.holds(context, output) {
					continue
				}
				if found != nil {
					return r.fault("two rules for %s%s", lengths(context, output), seeLine(found.Line))
				}
				found = r
			}
			if found == nil {
				return v.rules[0].fault("no rule for %s", lengths(context, output))
			}
		}
	}
	return nil
}

// distinct sorts numbers and drops repeated ones, in place.
func distinct(n []int64) []int64 {
	slices.Sort(n)
	return slices.Compact(n)
}

func lengths(context, output int64) string {
	if output > 0 {
		return fmt.Sprintf("a context of %d and an output of %d tokens", context, output)
	}
	return fmt.Sprintf("a context of %d tokens", context)
}

// seeLine points to another line, if it is known.
func seeLine(line int) string {
	if line == 0 {
		return ""
	}
	return fmt.Sprintf(" (the other is line %d)", line)
}

// holds reports whether the lengths are within the rule's.
func (r *Rule) holds(context, output int64) bool {
	return within(context, r.ContextMin, r.ContextMax) && within(output, r.OutputMin, r.OutputMax)
}

func within(n, from, to int64) bool { return n >= from && (to == 0 || n < to) }

// last is the greatest number before a maximum.
func last(limit int64) int64 {
	if limit == 0 {
		return math.MaxInt64
	}
	return limit - 1
}
