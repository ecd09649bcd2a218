// Package quota keeps the rolling quotas of subscriptions: how much may be
// used in five hours, a week, a month. It is pure: integers only, no clock, no
// I/O; instants are passed in.
//
// A Quota is what a version of a plan sells: a list of windows, each with a
// unit, a limit and weights. A State is what one subscription has used of it. A
// call is admitted when every window has room for it, and reserves in all of
// them at once (State.Reserve); when it ends, what it really used replaces what
// was reserved (State.Settle).
//
// The rules, in one place:
//
//   - Use counts at the instant of admission, however late the call settles. A
//     call whose window is over by then counts nowhere any more.
//   - An anchored window starts with the first call that is let in. While
//     nothing is used or reserved in it, it does not run.
//   - A sliding window forgets use between one length and 1.01 lengths after
//     it: never earlier than promised, at most a hundredth later.
//   - Calendar windows begin at the first instant of the day, week or month in
//     their zone, also where clocks change at midnight.
//   - A period window begins anew when the caller says that the next billing
//     period has begun, and not before: who has not renewed gets no new quota.
//   - Time never runs backwards: an instant before one that was seen counts as
//     that one. So a clock that steps back neither frees nor takes anything; the
//     windows stand still until it has caught up. State.Reset takes the clock as it is.
package quota

import (
	"fmt"
	"slices"
	"time"

	"sluice"
)

// Milli is a thousandth of a unit. Use and limits are counted in it, so that
// weights such as 0.8 need no fractions.
const Milli = 1000

// Bounds of what can be defined.
const (
	MaxWindows = sluice.MaxWindows
	maxLimit   = 1 << 45           // units: far beyond any plan, and in thousandths far below 64 bits
	maxMinutes = 60 * 24 * 366     // a sliding or anchored window's length
	maxWeight  = 1_000_000 * Milli // a million units for one
	maxCost    = maxLimit * Milli  // of one call in one window, thousandths
)

// Kind says when a window begins and ends.
type Kind string

// The kinds.
const (
	Sliding  Kind = "sliding"  // use leaves as it ages
	Anchored Kind = "anchored" // starts at first use, lasts a fixed time
	Calendar Kind = "calendar" // a day, an ISO week or a month of a zone
	Period   Kind = "period"   // the subscription's billing period
)

// Unit is what a window counts.
type Unit string

// The units.
const (
	Prompts  Unit = "prompts"  // requests whose last turn is a user's, not a tool's result
	Requests Unit = "requests" // every call
	Tokens   Unit = "tokens"   // of all classes
	Credits  Unit = "credits"  // tokens times their weights
)

// Span is a calendar window's stretch.
type Span string

// The spans.
const (
	Day   Span = "day"
	Week  Span = "week" // ISO 8601: it begins on Monday
	Month Span = "month"
)

// Window is one window as a plan defines it.
type Window struct {
	Name    string   `json:"name"` // unique in its quota: "5h", "week"
	Kind    Kind     `json:"kind"`
	Unit    Unit     `json:"unit"`
	Limit   int64    `json:"limit"`             // units; zero admits nothing that costs
	Minutes int64    `json:"minutes,omitempty"` // the length, of sliding and anchored windows only
	Span    Span     `json:"span,omitempty"`    // of calendar windows only
	Zone    string   `json:"zone,omitempty"`    // IANA name, of calendar windows only; "" is UTC
	Weights []Weight `json:"weights,omitempty"` // the first that fits decides; none fits: one for one
}

// Quota is a compiled list of windows. It is immutable and safe for concurrent use.
type Quota struct {
	id      string
	windows []window
}

// window is a Window with what is derived from it.
type window struct {
	Window
	limit   int64 // thousandths
	length  int64 // microseconds; sliding and anchored
	bucket  int64 // microseconds; sliding
	zone    *time.Location
	classes []*classWeights // beside Weights; nil weighs all classes alike
}

// Compile checks windows and makes a quota of them. id names it, usually by
// the plan's version. zones finds a time zone by its IANA name, as
// time.LoadLocation does; it is asked for calendar windows only. Errors are
// CodeInvalid and name the window and what is wrong with it.
func Compile(id string, windows []Window, zones func(name string) (*time.Location, error)) (*Quota, error) {
	if id == "" {
		return nil, sluice.Errorf(sluice.CodeInvalid, "the quota has no id")
	}
	if len(windows) == 0 || len(windows) > MaxWindows {
		return nil, sluice.Errorf(sluice.CodeInvalid, "quota %s has %d windows, not 1 to %d", id, len(windows), MaxWindows)
	}
	q := &Quota{id: id}
	for i, def := range windows {
		w, err := compile(def, zones)
		if err == nil && slices.ContainsFunc(windows[:i], func(other Window) bool { return other.Name == def.Name }) {
			err = fmt.Errorf("its name is taken")
		}
		if err != nil {
			return nil, sluice.Errorf(sluice.CodeInvalid, "quota %s, window %d %q: %v", id, i+1, def.Name, err)
		}
		q.windows = append(q.windows, w)
	}
	return q, nil
}

// compile checks one window.
func compile(def Window, zones func(string) (*time.Location, error)) (window, error) {
	w := window{Window: def, limit: def.Limit * Milli, length: def.Minutes * time.Minute.Microseconds(), zone: time.UTC}
	w.Weights = slices.Clone(def.Weights)
	switch {
	case def.Name == "":
		return w, fmt.Errorf("it has no name")
	case def.Limit < 0 || def.Limit > maxLimit:
		return w, fmt.Errorf("its limit is %d, not 0 to %d", def.Limit, int64(maxLimit))
	case !slices.Contains([]Unit{Prompts, Requests, Tokens, Credits}, def.Unit):
		return w, fmt.Errorf("unknown unit %q", def.Unit)
	}
	timed := def.Kind == Sliding || def.Kind == Anchored
	switch {
	case !timed && def.Kind != Calendar && def.Kind != Period:
		return w, fmt.Errorf("unknown kind %q", def.Kind)
	case timed && (def.Minutes < 1 || def.Minutes > maxMinutes):
		return w, fmt.Errorf("it lasts %d minutes, not 1 to %d", def.Minutes, maxMinutes)
	case !timed && def.Minutes != 0:
		return w, fmt.Errorf("a %s window has no minutes", def.Kind)
	case def.Kind != Calendar && (def.Span != "" || def.Zone != ""):
		return w, fmt.Errorf("a %s window has no span and no zone", def.Kind)
	case def.Kind == Calendar && !slices.Contains([]Span{Day, Week, Month}, def.Span):
		return w, fmt.Errorf("unknown span %q", def.Span)
	}
	if def.Kind == Calendar && def.Zone != "" {
		var err error
		if w.zone, err = zones(def.Zone); err != nil {
			return w, fmt.Errorf("zone %q: %w", def.Zone, err)
		}
	}
	w.bucket = w.length / buckets // whole: a minute has 60 million microseconds
	var err error
	w.classes, err = compileWeights(def)
	return w, err
}

// ID returns the name the quota was compiled under.
func (q *Quota) ID() string { return q.id }

// Windows returns the definitions in order. The caller must not change their weights.
func (q *Quota) Windows() []Window {
	defs := make([]Window, len(q.windows))
	for i := range q.windows {
		defs[i] = q.windows[i].Window
	}
	return defs
}

// index returns where the window of a name stands, or -1.
func (q *Quota) index(name string) int {
	return slices.IndexFunc(q.windows, func(w window) bool { return w.Name == name })
}

// continues reports whether a window goes on as other when a subscription
// changes its quota: all but limit and weights must be the same.
func (w *window) continues(other *window) bool {
	return w.Name == other.Name && w.Kind == other.Kind && w.Unit == other.Unit &&
		w.length == other.length && w.Span == other.Span && w.Zone == other.Zone
}
