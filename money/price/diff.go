package price

import (
	"fmt"
	"slices"
	"strings"

	"sluice"
)

// Change is one thing that differs between two books: a price, or what its Note says.
type Change struct {
	// Before and After are the same rule but for the price. Before is nil for one
	// that is new, After for one that goes.
	Before, After *Rule

	// Jump warns of a price that is a hundred times what the same case cost, or a
	// hundredth, or that becomes free or was: mostly a slip of the pen or of the
	// unit. Publishing it asks for an explicit acceptance.
	Jump bool

	// Note says what changed besides rules: a calendar, or the zone of periods.
	Note string
}

// jump is how many times as much a price must be to be a jump.
const jump = 100

// Diff lists what publishing the book would change in the one before it, which
// may be nil: the rules in their order, then the rest.
func Diff(before, after *Book) []Change {
	if before == nil {
		before = &Book{Zone: after.Zone}
	}
	var changes []Change
	olds, news := before.rules, after.rules
	for len(olds) > 0 || len(news) > 0 {
		order := 0
		switch {
		case len(olds) == 0:
			order = 1
		case len(news) == 0:
			order = -1
		default:
			order = compareRules(olds[0], news[0])
		}
		var old, next *Rule
		if order <= 0 {
			old, olds = &olds[0], olds[1:]
		}
		if order >= 0 {
			next, news = &news[0], news[1:]
		}
		changes = append(changes, compareTwo(before, after, old, next)...)
	}
	return append(changes, otherChanges(before, after)...)
}

// compareTwo compares two rules that begin at the same place, or one with nothing.
func compareTwo(before, after *Book, old, next *Rule) []Change {
	if old != nil && next != nil {
		same := *next
		same.Price = old.Price
		if same != *old { // they end at different lengths, or count steps differently
			return append(compareTwo(before, after, old, nil), compareTwo(before, after, nil, next)...)
		}
		if old.Price == next.Price {
			return nil
		}
	}
	switch {
	case next == nil:
		r := *old
		return []Change{{Before: &r, Jump: after.far(old)}}
	case old == nil:
		r := *next
		return []Change{{After: &r, Jump: before.far(next)}}
	}
	r, s := *old, *next
	return []Change{{Before: &r, After: &s, Jump: far(old.Price, next.Price)}}
}

// far reports whether the book prices the case of another book's rule, and a
// hundred times higher or lower.
func (b *Book) far(r *Rule) bool {
	m := b.models[r.Model]
	if m == nil {
		return false
	}
	c := choose(m.classes[r.Class], m.like(&r.Conditions))
	if c == nil {
		return false
	}
	least, most := c.bounds(r.ContextMin, last(r.ContextMax), 0, 0)
	return far(r.Price, least) || far(r.Price, most)
}

// like returns the bits of a call that has a rule's conditions and no others.
func (m *model) like(c *Conditions) uint64 {
	has := m.has(&Query{Batch: c.Batch, Thinking: c.Thinking, ServiceTier: c.ServiceTier})
	has &= 1<<calendarBit - 1
	for i, other := range m.calendars {
		if other.Name() == c.Calendar {
			has |= 1 << (calendarBit + i)
		}
	}
	return has
}

// far reports whether one price is a jump from the other.
func far(a, b sluice.Pico) bool {
	a, b = min(a, b), max(a, b)
	return a != b && b/jump >= a
}

func otherChanges(before, after *Book) []Change {
	var changes []Change
	note := func(format string, args ...any) {
		changes = append(changes, Change{Note: fmt.Sprintf(format, args...)})
	}
	texts := map[string]string{}
	for _, c := range before.calendars {
		texts[c.Name()] = c.String()
	}
	for _, c := range after.calendars {
		switch old, ok := texts[c.Name()]; {
		case !ok:
			note("the calendar %s is new", c.Name())
		case old != c.String():
			note("the calendar %s changes", c.Name())
		}
		delete(texts, c.Name())
	}
	for _, c := range before.calendars {
		if texts[c.Name()] != "" {
			note("the calendar %s goes", c.Name())
		}
	}
	if before.Zone != after.Zone {
		note("days and months begin by the clock of %q, not of %q", after.Zone, before.Zone)
	}
	return changes
}

// String writes the change as one line for people.
func (c Change) String() string {
	if c.Note != "" {
		return c.Note
	}
	r, was, is := c.After, "new", "gone"
	if c.Before != nil {
		r, was = c.Before, Format(c.Before.Class, c.Before.Price)
	}
	if c.After != nil {
		is = Format(c.After.Class, c.After.Price)
	}
	s := r.String() + ": " + was + " -> " + is
	if c.Jump {
		s += " (a jump of 100 times or more)"
	}
	return s
}

// String names what the rule prices, without the price: "glm-4.7 output, prompt
// from 32000".
func (r *Rule) String() string {
	parts := []string{r.Model + " " + ClassName(r.Class)}
	if c := r.Conditions.String(); c != "" {
		parts = append(parts, c)
	}
	for _, of := range []struct {
		name     string
		from, to int64
	}{{"prompt", r.ContextMin, r.ContextMax}, {"output", r.OutputMin, r.OutputMax}, {"volume", r.VolumeMin, r.VolumeMax}} {
		if of.from > 0 {
			parts = append(parts, fmt.Sprintf("%s from %d", of.name, of.from))
		}
		if of.to > 0 {
			parts = append(parts, fmt.Sprintf("%s below %d", of.name, of.to))
		}
	}
	return strings.Join(parts, ", ")
}

// Jumps returns the changes that ask for an explicit acceptance.
func Jumps(changes []Change) []Change {
	return slices.DeleteFunc(slices.Clone(changes), func(c Change) bool { return !c.Jump })
}
