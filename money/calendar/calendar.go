// Package calendar names sets of instants, such as "peak hours": arcs of a week
// in a timezone, without public holidays and with make-up workdays. It is pure:
// it has no clock and reads nothing but the timezone database.
//
// A calendar is read by the wall clock of its zone. Where the clocks go back,
// an hour is there twice and an arc over it holds in both; where they go
// forward, an hour is never there and an arc within it never holds. Days are
// whole: an arc that passes midnight belongs to two days, and a holiday takes
// away the part that lies on it.
package calendar

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"
)

// Minutes of a day and of a week.
const (
	minutesPerDay  = 24 * 60
	MinutesPerWeek = 7 * minutesPerDay
)

const secondsPerDay = 24 * 60 * 60

// Arc is a half-open interval [From, To) of the minutes of a week, counted
// from Monday 00:00.
type Arc struct {
	From int `json:"from"`
	To   int `json:"to"`
}

// Workday is a day that has the arcs of another weekday than its own, such as
// a Saturday on which a country works to make up for a holiday.
type Workday struct {
	Date Date         `json:"date"`
	As   time.Weekday `json:"as"`
}

// Version is what a calendar says from an instant on, until the next version.
// Its JSON is what stores keep.
type Version struct {
	From     time.Time `json:"from,omitzero"`      // zero: from ever
	Zone     string    `json:"zone"`               // an IANA name, such as "Asia/Shanghai"
	Arcs     []Arc     `json:"arcs,omitempty"`     // none: no instant
	Holidays []Date    `json:"holidays,omitempty"` // days without arcs
	Workdays []Workday `json:"workdays,omitempty"`
}

// Calendar is a named set of instants. It is immutable and safe for concurrent use.
type Calendar struct {
	name     string
	versions []version
}

// version is a Version made for looking up.
type version struct {
	Version

	zone    *time.Location
	days    [8]day // by kind: Monday to Sunday, and a day without arcs
	special []special
}

const noArcs = 7 // the kind of a holiday

// special is a day that is not of its weekday's kind.
type special struct {
	date Date
	kind int
}

// day has a bit for each minute.
type day [(minutesPerDay + 63) / 64]uint64

func (d *day) has(minute int) bool { return d[minute/64]>>(minute%64)&1 != 0 }

// edge returns the first minute after one that is not as that one is; that of
// midnight, where all are.
func (d *day) edge(minute int) int {
	var same uint64 // a word as the minute is
	if d.has(minute) {
		same = ^same
	}
	for at := minute + 1; at < minutesPerDay; at = at/64*64 + 64 {
		if other := (d[at/64] ^ same) >> (at % 64); other != 0 {
			return min(at+bits.TrailingZeros64(other), minutesPerDay)
		}
	}
	return minutesPerDay
}

// Name returns the name that prices and plans refer to.
func (c *Calendar) Name() string { return c.name }

// Versions returns the versions in order. The caller may keep them.
func (c *Calendar) Versions() []Version {
	all := make([]Version, len(c.versions))
	for i, v := range c.versions {
		all[i] = v.Version
		all[i].Arcs = slices.Clone(v.Arcs)
		all[i].Holidays = slices.Clone(v.Holidays)
		all[i].Workdays = slices.Clone(v.Workdays)
	}
	return all
}

// String writes the calendar in one canonical text: two calendars that say the
// same are written the same.
func (c *Calendar) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "calendar %s\n", c.name)
	for _, v := range c.versions {
		fmt.Fprintf(&b, "from %s in %s:", v.From.UTC().Format(time.RFC3339Nano), v.Zone)
		for _, a := range v.Arcs {
			fmt.Fprintf(&b, " %s", a)
		}
		for _, d := range v.Holidays {
			fmt.Fprintf(&b, " not %s", d)
		}
		for _, w := range v.Workdays {
			fmt.Fprintf(&b, " %s", w)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Contains reports whether the instant is in the calendar. It does not allocate.
func (c *Calendar) Contains(t time.Time) bool {
	v := c.at(t)
	if v == nil {
		return false
	}
	date, second := v.local(t)
	return v.days[v.kind(date)].has(second / 60)
}

// at returns the version in force at the instant, nil before the first.
func (c *Calendar) at(t time.Time) *version {
	for i := len(c.versions) - 1; i >= 0; i-- {
		if !t.Before(c.versions[i].From) {
			return &c.versions[i]
		}
	}
	return nil
}

// local returns the day of the instant in the version's zone, and its second.
func (v *version) local(t time.Time) (date Date, second int) {
	_, offset := t.In(v.zone).Zone()
	local := t.Unix() + int64(offset)
	days := local / secondsPerDay
	if local%secondsPerDay < 0 {
		days--
	}
	return Date(days), int(local - days*secondsPerDay)
}

// kind returns the kind of a day.
func (v *version) kind(date Date) int {
	low, high := 0, len(v.special)
	for low < high {
		middle := int(uint(low+high) / 2)
		if v.special[middle].date < date {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low < len(v.special) && v.special[low].date == date {
		return v.special[low].kind
	}
	return date.weekday()
}

// beyond is how far after its last special day a calendar is looked at: a year
// of its weeks, with all that the zone's clocks do in one.
const beyond = 400 * 24 * time.Hour

// horizon is the instant after which everything has been seen once, counted from t.
func (c *Calendar) horizon(t time.Time) time.Time {
	last := t
	for i := range c.versions {
		v := &c.versions[i]
		if v.From.After(last) {
			last = v.From
		}
		if n := len(v.special); n > 0 {
			if end := v.special[n-1].date.In(v.zone); end.After(last) {
				last = end
			}
		}
	}
	return last.Add(beyond)
}

// Next returns the first instant after t at which the calendar begins or ends
// to hold: until then, what it says at t stays. ok is false when it never changes.
func (c *Calendar) Next(t time.Time) (next time.Time, ok bool) {
	holds, end := c.Contains(t), c.horizon(t)
	if c.constant(t, holds) {
		return time.Time{}, false
	}
	for u := c.step(t); !u.IsZero() && u.Before(end); u = c.step(u) {
		if c.Contains(u) != holds {
			return u.In(t.Location()), true
		}
	}
	return time.Time{}, false
}

// constant reports whether every day of the versions in force at t and later is
// wholly in the calendar, or wholly not: looking for an edge would go through more than a
// year of days.
func (c *Calendar) constant(t time.Time, holds bool) bool {
	for i := len(c.versions) - 1; i >= 0; i-- {
		v := &c.versions[i]
		if !v.constant(holds) {
			return false
		}
		if !t.Before(v.From) {
			return true
		}
	}
	return !holds // before the first there is nothing
}

// constant reports whether all days of the version are the same whole day.
func (v *version) constant(holds bool) bool {
	for kind := range v.days {
		if kind == noArcs && !slices.ContainsFunc(v.special, func(s special) bool { return s.kind == noArcs }) {
			continue
		}
		minutes := 0
		for _, word := range v.days[kind] {
			minutes += bits.OnesCount64(word)
		}
		if holds && minutes != minutesPerDay || !holds && minutes != 0 {
			return false
		}
	}
	return true
}

// step returns an instant after t up to which nothing changes: the next edge
// of an arc, midnight, change of the clocks, or version. It is zero if there is none.
func (c *Calendar) step(t time.Time) time.Time {
	var next time.Time
	earliest := func(u time.Time) {
		if u.After(t) && (next.IsZero() || u.Before(next)) {
			next = u
		}
	}
	for i := range c.versions {
		earliest(c.versions[i].From)
	}
	v := c.at(t)
	if v == nil {
		return next
	}
	_, change := t.In(v.zone).ZoneBounds()
	earliest(change)
	date, second := v.local(t)
	d := &v.days[v.kind(date)]
	earliest(time.Unix(t.Unix()+int64(d.edge(second/60)*60-second), 0))
	return next
}

// Overlap looks for an instant from the given one on that is in both calendars.
func Overlap(a, b *Calendar, from time.Time) (at time.Time, ok bool) {
	end := a.horizon(from)
	if other := b.horizon(from); other.After(end) {
		end = other
	}
	nextA, nextB := a.nextOr(from, end), b.nextOr(from, end)
	for u := from; u.Before(end); {
		if a.Contains(u) && b.Contains(u) {
			return u, true
		}
		u = nextA
		if nextB.Before(u) {
			u = nextB
		}
		if !nextA.After(u) {
			nextA = a.nextOr(u, end)
		}
		if !nextB.After(u) {
			nextB = b.nextOr(u, end)
		}
	}
	return time.Time{}, false
}

// nextOr is Next, or the end when there is none.
func (c *Calendar) nextOr(t, end time.Time) time.Time {
	if next, ok := c.Next(t); ok {
		return next
	}
	return end
}
