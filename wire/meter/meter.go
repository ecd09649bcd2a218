// Package meter writes the meters of plans the way that status lines and
// coding agents already read them: Z.ai's quota endpoint, the unified headers of
// Anthropic's plans, the headers of Codex, and the refusals that go with each.
// It is pure: what the windows show is passed in.
//
// None of the three forms is documented by its vendor. They are as responses
// and clients show them; where clients disagree, each function says what was chosen.
package meter

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// Window is what one window of a quota shows.
type Window struct {
	// The length: in minutes or, for calendar months and billing periods, in months.
	Minutes int64
	Months  int64

	Credits bool // it counts credits, not prompts, requests or tokens
	Tools   bool // it counts calls of tools

	Limit, Used, Remaining int64     // whole units
	Permille               int64     // used of the limit; over 1000 when overrun
	ResetAt                time.Time // zero while it does not run, or when nobody knows
}

// Lengths that clients know by name, in minutes.
const (
	hour = 60
	day  = 24 * hour
	week = 7 * day
)

// minutes is a window's length; a month counts 30 days.
func (w *Window) minutes() int64 { return w.Minutes + w.Months*30*day }

// shortestFirst returns the windows by length. Those of tools are left out:
// they are no limit on models.
func shortestFirst(windows []Window) []Window {
	sorted := slices.DeleteFunc(slices.Clone(windows), func(w Window) bool { return w.Tools })
	slices.SortStableFunc(sorted, func(a, b Window) int { return cmp.Compare(a.minutes(), b.minutes()) })
	return sorted
}

// span is a length as Z.ai's API counts it: a number of units.
func (w *Window) span() (number, unit int64) {
	switch m := w.Minutes; {
	case w.Months > 0:
		return w.Months, zaiMonth
	case m%week == 0:
		return m / week, zaiWeek
	case m%day == 0:
		return m / day, zaiDay
	default:
		return (m + hour - 1) / hour, zaiHour
	}
}

// Message says to people that a window is used up, in the words that Z.ai uses
// and clients look for: "Usage limit reached for 5 hour. Your limit will reset at
// 2026-09-16 06:28:10". The instant is written in zone without naming it, as Z.ai
// does in its own (UTC+8); a window that is a week or longer has words of its own.
func Message(w *Window, zone *time.Location) string {
	number, unit := w.span()
	text := "Weekly/Monthly Limit Exhausted."
	switch unit {
	case zaiHour:
		text = fmt.Sprintf("Usage limit reached for %d hour.", number)
	case zaiDay:
		text = fmt.Sprintf("Usage limit reached for %d day.", number)
	}
	if w.ResetAt.IsZero() {
		return text
	}
	return text + " Your limit will reset at " + roundUp(w.ResetAt).In(zone).Format(time.DateTime)
}

// roundUp rounds an instant up to the second, so that a client that waits for
// it is not a moment early.
func roundUp(t time.Time) time.Time {
	return t.Add(time.Second - 1).Truncate(time.Second)
}

// percent is permille in whole percent, rounded down and at most 100: a meter
// says 100 only when nothing is left.
func percent(permille int64) int64 { return min(permille/10, 100) }

// seconds is the time from now to an instant in whole seconds, rounded up, never negative.
func seconds(now, until time.Time) int64 {
	d := until.Sub(now)
	if d > math.MaxInt64-time.Second {
		return math.MaxInt64 / int64(time.Second)
	}
	return max(int64((d+time.Second-1)/time.Second), 0)
}
