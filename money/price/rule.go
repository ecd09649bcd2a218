package price

import (
	"cmp"
	"fmt"
	"strings"

	"sluice"
)

// Rule is one line of a price list: what one unit of a class costs for a model
// under its conditions, when the prompt's length is in [ContextMin, ContextMax)
// tokens and the output's in [OutputMin, OutputMax).
//
// A rule with Steps holds for a part of what an account uses in a Period: for
// the units in [VolumeMin, VolumeMax) of it.
type Rule struct {
	Model string       `json:"model"`
	Class sluice.Class `json:"class"`
	Conditions
	ContextMin int64       `json:"context_min"`
	ContextMax int64       `json:"context_max"` // exclusive, as all maxima; zero is open-ended
	OutputMin  int64       `json:"output_min,omitempty"`
	OutputMax  int64       `json:"output_max,omitempty"`
	Steps      Steps       `json:"steps,omitempty"`
	Period     Period      `json:"period,omitempty"`
	VolumeMin  int64       `json:"volume_min,omitempty"`
	VolumeMax  int64       `json:"volume_max,omitempty"`
	Price      sluice.Pico `json:"price"` // pico per unit; of a token the same number as micro per million

	// Line is where a file says so, for errors; a published rule has none.
	Line int `json:"-"`
}

// Conditions are what a rule asks of a call besides its model and lengths. The
// zero value asks nothing.
//
// For each class the most specific rule whose conditions hold decides, alone:
// prices replace each other and are never multiplied. A rule that asks for
// batch goes before one that does not; among those, one that names a service
// tier; among those, one with a calendar; and last, one that asks for thinking.
type Conditions struct {
	Batch       bool   `json:"batch,omitempty"`
	ServiceTier string `json:"service_tier,omitempty"`
	Calendar    string `json:"calendar,omitempty"`
	Thinking    bool   `json:"thinking,omitempty"`
}

// Steps says how the price of a unit follows from what was used before it in a period.
type Steps string

// The kinds of steps. Prices of graduated steps may fall or rise; a first step
// at zero is a free allowance.
const (
	StepsNone      Steps = ""
	StepsGraduated Steps = "graduated" // each unit has the price of its own step
	StepsVolume    Steps = "volume"    // all units of the period have the price of the last one's step
)

// Period is the time over which use is added up for steps, by the book's zone.
type Period string

// The periods.
const (
	PeriodNone  Period = ""
	PeriodDay   Period = "day"
	PeriodMonth Period = "month"
)

// specificity orders conditions: of two that hold, the greater number decides.
func (c *Conditions) specificity() int {
	n := 0
	for i, named := range []bool{c.Thinking, c.Calendar != "", c.ServiceTier != "", c.Batch} {
		if named {
			n |= 1 << i
		}
	}
	return n
}

// compare orders conditions, the most specific first.
func (c *Conditions) compare(d *Conditions) int {
	return cmp.Or(cmp.Compare(d.specificity(), c.specificity()), cmp.Compare(c.ServiceTier, d.ServiceTier), cmp.Compare(c.Calendar, d.Calendar))
}

// String names the conditions for people: "batch, calendar peak".
func (c Conditions) String() string {
	var parts []string
	if c.Batch {
		parts = append(parts, "batch")
	}
	if c.ServiceTier != "" {
		parts = append(parts, "service tier "+c.ServiceTier)
	}
	if c.Calendar != "" {
		parts = append(parts, "calendar "+c.Calendar)
	}
	if c.Thinking {
		parts = append(parts, "thinking")
	}
	return strings.Join(parts, ", ")
}

// compareRules orders the rules of a book.
func compareRules(a, b Rule) int {
	return cmp.Or(
		cmp.Compare(a.Model, b.Model), cmp.Compare(a.Class, b.Class), a.compare(&b.Conditions),
		cmp.Compare(a.ContextMin, b.ContextMin), cmp.Compare(a.OutputMin, b.OutputMin), cmp.Compare(a.VolumeMin, b.VolumeMin),
	)
}

// fault is an error about a rule, with its line when it has one.
func (r *Rule) fault(format string, args ...any) error {
	what := ClassName(r.Class)
	if s := r.Conditions.String(); s != "" {
		what += " (" + s + ")"
	}
	return faultAt(r.Line, "price of "+r.Model+", "+what+": "+fmt.Sprintf(format, args...))
}

// faultAt is CodeInvalid with the line when there is one.
func faultAt(line int, message string) error {
	if line > 0 {
		message = fmt.Sprintf("line %d: %s", line, message)
	}
	return &sluice.Error{Code: sluice.CodeInvalid, Message: message}
}

// check looks at a rule by itself.
func (r *Rule) check() error {
	switch {
	case !sluice.ValidModelName(r.Model):
		return faultAt(r.Line, fmt.Sprintf("price of %q: not a model name", r.Model))
	case int(r.Class) >= NumClasses:
		return faultAt(r.Line, fmt.Sprintf("price of %s: unknown class %d", r.Model, r.Class))
	case r.Price < 0:
		return r.fault("%s is negative", Format(r.Class, r.Price))
	case empty(r.ContextMin, r.ContextMax):
		return r.fault("context from %d to %d is empty", r.ContextMin, r.ContextMax)
	case empty(r.OutputMin, r.OutputMax):
		return r.fault("output from %d to %d is empty", r.OutputMin, r.OutputMax)
	case empty(r.VolumeMin, r.VolumeMax):
		return r.fault("volume from %d to %d is empty", r.VolumeMin, r.VolumeMax)
	case !validServiceTier(r.ServiceTier):
		return r.fault("the service tier %q has no name of 1 to 32 small letters, digits, hyphens and underscores, or is the default", r.ServiceTier)
	}
	return r.checkSteps()
}

func (r *Rule) checkSteps() error {
	switch {
	case r.Steps != StepsNone && r.Steps != StepsGraduated && r.Steps != StepsVolume:
		return r.fault("unknown steps %q (known: graduated, volume)", r.Steps)
	case r.Steps == StepsNone && (r.VolumeMin != 0 || r.VolumeMax != 0 || r.Period != PeriodNone):
		return r.fault("it has a volume or a period and does not say how its steps count")
	case r.Steps != StepsNone && r.Period != PeriodDay && r.Period != PeriodMonth:
		return r.fault("steps over the period %q (known: day, month)", r.Period)
	case r.Steps != StepsNone && r.Class == ClassMinimum:
		return r.fault("a minimum has no steps")
	case r.Steps != StepsNone && (r.Conditions != (Conditions{}) || r.ContextMin != 0 || r.ContextMax != 0 || r.OutputMin != 0 || r.OutputMax != 0):
		return r.fault("a price with steps has no conditions and no lengths: which calls come into which step would depend on their order")
	}
	return nil
}

// empty reports whether [from, to) has no number; a to of zero is open-ended.
func empty(from, to int64) bool { return from < 0 || (to != 0 && to <= from) }

func validServiceTier(s string) bool {
	return s == "" || (len(s) <= 32 && s != "default" && s != "auto" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_-") == "")
}
