package tally

import (
	"maps"
	"slices"
	"time"

	"sluice"
)

// Window is what requests of some time came to.
type Window struct {
	Requests   int64
	Errors     int64 // neither answered nor left by their client
	Faults     int64 // errors that are the service's own
	Prompt     int64 // tokens
	Completion int64 // tokens
	TTFT       sluice.Latencies
}

// count adds a request.
func (w *Window) count(r *sluice.Report, result string) {
	w.Requests++
	one := sluice.UsageSum{Results: map[string]int64{result: 1}}
	if _, errors := one.Requests(); errors > 0 {
		w.Errors++
	}
	w.Faults += one.Faults()
	w.Prompt += r.Event.Usage.Prompt()
	w.Completion += r.Event.Usage.Completion()
	if !r.FirstAt.IsZero() {
		w.TTFT.Observe(r.FirstAt.Sub(r.StartedAt))
	}
}

// Add adds another window.
func (w *Window) Add(other *Window) {
	w.Requests += other.Requests
	w.Errors += other.Errors
	w.Faults += other.Faults
	w.Prompt += other.Prompt
	w.Completion += other.Completion
	w.TTFT.Add(&other.TTFT)
}

// Minute is a window that begins at an instant.
type Minute struct {
	Start time.Time
	Window
}

// Live is what goes on.
type Live struct {
	At      time.Time
	Last    Window            // the last 60 whole seconds
	Minutes []Minute          // the last hour, oldest first; the last one is not over
	Models  map[string]Window // the last ten minutes, of those that were called then
}

// modelMinutes is how far back models are told apart.
const modelMinutes = 10

// Live returns what goes on. Its cost does not depend on how many requests there were.
func (t *Tally) Live() Live {
	now := t.opt.Now().UTC()
	l := Live{At: now, Models: map[string]Window{}}
	t.mu.Lock()
	defer t.mu.Unlock()
	second := now.Unix()
	for i := range t.seconds.slots {
		if s := &t.seconds.slots[i]; s.number >= second-keptSeconds && s.number < second {
			l.Last.Add(&s.Window)
		}
	}
	minute := second / 60
	for n := minute - keptMinutes + 1; n <= minute; n++ {
		m := Minute{Start: time.Unix(n*60, 0).UTC()}
		if s := &t.total.slots[n%keptMinutes]; s.number == n {
			m.Add(&s.Window)
		}
		l.Minutes = append(l.Minutes, m)
	}
	for _, name := range slices.Collect(maps.Keys(t.models)) {
		var w Window
		for n := minute - modelMinutes + 1; n <= minute; n++ {
			if s := &t.models[name].slots[n%keptMinutes]; s.number == n {
				w.Add(&s.Window)
			}
		}
		if w.Requests > 0 {
			l.Models[name] = w
		}
	}
	return l
}

// How much is kept.
const (
	keptSeconds = 60
	keptMinutes = 60
)

// slot is the window of a second or a minute, by its number since 1970.
type slot struct {
	number int64
	Window
}

// take returns the slot for a number, emptied of what was there before. A number
// that is past for the slot counts in it all the same: what ends late is no
// reason to lose what is newer.
func (s *slot) take(number int64) *Window {
	if s.number < number {
		*s = slot{number: number}
	}
	return &s.Window
}

// minutes is the last hour.
type minutes struct{ slots [keptMinutes]slot }

func (m *minutes) at(t time.Time) *Window {
	n := t.Unix() / 60
	return m.slots[n%keptMinutes].take(n)
}

// seconds is the last minute, and the second that is not over.
type seconds struct{ slots [keptSeconds + 1]slot }

func (s *seconds) at(t time.Time) *Window {
	n := t.Unix()
	return s.slots[n%(keptSeconds+1)].take(n)
}
