package quota_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"sluice/money/quota"
)

// used is one call of a simulated year.
type used struct {
	at time.Time
	n  int64
}

// year makes calls for a year at uneven instants, in bursts and pauses, and
// lets check look at each instant, before and after. It returns what was let in.
func year(t *testing.T, s *quota.State, check func(at time.Time, events []used)) []used {
	rng := rand.New(rand.NewPCG(4, 2026))
	var events []used
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for at := start; at.Before(start.AddDate(1, 0, 0)); {
		pause := time.Duration(rng.Int64N(int64(20 * time.Minute)))
		if rng.IntN(20) == 0 {
			pause = time.Duration(rng.Int64N(int64(30 * time.Hour)))
		}
		at = at.Add(pause).Truncate(time.Microsecond)
		check(at, events)
		cost := units(rng.Int64N(4))
		r, err := s.Reserve(at, cost)
		if e, ok := errors.AsType[*quota.Exhausted](err); ok {
			if fits := e.At; !fits.After(at) {
				t.Fatalf("refused at %v until %v", at, fits)
			}
			check(at, events)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if cost[0] > 0 {
			events = append(events, used{at, cost[0]})
		}
		at = at.Add(pause / 1000)
		if late, err := s.Settle(at, &r, cost); err != nil || late != (quota.Cost{}) {
			t.Fatalf("late %v, %v", late, err)
		}
		check(at, events)
	}
	if len(events) < 5000 {
		t.Fatalf("only %d calls were let in", len(events))
	}
	return events
}

// sum adds what was used in [from, to).
func sum(events []used, from, to time.Time) (n int64) {
	for i := len(events) - 1; i >= 0 && !events[i].at.Before(from); i-- {
		if events[i].at.Before(to) {
			n += events[i].n
		}
	}
	return n
}

// TestYearSliding: at any instant the window has the use of its length, and of
// at most a hundredth more.
func TestYearSliding(t *testing.T) {
	const length = 5 * time.Hour
	q := only(t, quota.Sliding, 40)
	s := quota.New(q, time.Time{}, time.Time{})
	full := 0
	year(t, s, func(at time.Time, events []used) {
		r := read(s, at)[0]
		now := at.Add(time.Microsecond)
		least, most := sum(events, now.Add(-length), now), sum(events, now.Add(-length-length/100), now)
		if r.Used < least || r.Used > most || r.Used > r.Limit {
			t.Fatalf("%v: %d used, not %d to %d", at, r.Used, least, most)
		}
		if r.Used > 0 {
			if again := read(s, r.ResetAt)[0]; again.Used != 0 || read(s, r.ResetAt.Add(-1))[0].Used == 0 {
				t.Fatalf("%v: not empty just at %v", at, r.ResetAt)
			}
		}
		if r.Remaining == 0 {
			full++
		}
	})
	if full == 0 {
		t.Error("the window was never full")
	}
}

// TestYearAnchored: windows follow each other, each begins with a call, lasts
// five hours and has the use of just these.
func TestYearAnchored(t *testing.T) {
	const length = 5 * time.Hour
	s := quota.New(only(t, quota.Anchored, 40), time.Time{}, time.Time{})
	var windows []time.Time
	events := year(t, s, func(at time.Time, events []used) {
		r := read(s, at)[0]
		if r.Start.IsZero() {
			if r.Used != 0 {
				t.Fatalf("%v: use without a window", at)
			}
			return
		}
		if n := len(windows); n == 0 || !windows[n-1].Equal(r.Start) {
			windows = append(windows, r.Start)
		}
		if want := sum(events, r.Start, r.Start.Add(length)); r.Used != want || r.Used > r.Limit {
			t.Fatalf("%v: %d used, not %d", at, r.Used, want)
		}
	})
	var all int64
	next := 0
	for i, start := range windows {
		if i > 0 && start.Before(windows[i-1].Add(length)) {
			t.Fatalf("a window at %v while another ran", start)
		}
		if !events[next].at.Equal(start) {
			t.Fatalf("a window at %v, its first use at %v", start, events[next].at)
		}
		for next < len(events) && events[next].at.Before(start.Add(length)) {
			all += events[next].n
			next++
		}
	}
	if total := sum(events, events[0].at, noon.AddDate(1, 0, 0)); all != total || next != len(events) {
		t.Errorf("the windows have %d, the calls %d", all, total)
	}
}

// TestYearCalendar: every day, week and month has its own use, and together
// they have all of it.
func TestYearCalendar(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		span  quota.Span
		limit int64
		key   func(time.Time) time.Time
		count int
	}{
		{quota.Day, 100, func(at time.Time) time.Time {
			return time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, zone)
		}, 365},
		{quota.Week, 500, func(at time.Time) time.Time {
			return time.Date(at.Year(), at.Month(), at.Day()-(int(at.Weekday())+6)%7, 0, 0, 0, 0, zone)
		}, 53},
		{quota.Month, 2500, func(at time.Time) time.Time { return time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, zone) }, 12},
	} {
		q := compile(t, "q", quota.Window{Name: "w", Kind: quota.Calendar, Unit: quota.Prompts, Span: c.span, Zone: "Europe/Berlin", Limit: c.limit})
		s := quota.New(q, time.Time{}, time.Time{})
		meters := map[int64]int64{}
		events := year(t, s, func(at time.Time, _ []used) {
			r := read(s, at)[0]
			if want := c.key(at.In(zone)); !r.Start.Equal(want) {
				t.Fatalf("%s: %v is in the window of %v, not of %v", c.span, at, r.Start, want)
			}
			if r.Used < meters[r.Start.Unix()] || r.Used > r.Limit {
				t.Fatalf("%s: the meter fell or overran: %+v", c.span, r)
			}
			meters[r.Start.Unix()] = r.Used
		})
		var all, total int64
		for _, n := range meters {
			all += n
		}
		for _, e := range events {
			total += e.n
		}
		if all != total || len(meters) < c.count*9/10 {
			t.Errorf("%s: %d windows have %d, the calls %d", c.span, len(meters), all, total)
		}
	}
}

// TestYearPeriod: a period's use ends when the next is said to begin, however late.
func TestYearPeriod(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := quota.New(only(t, quota.Period, 2500), start, start.AddDate(0, 1, 0))
	months := 1
	var all int64
	events := year(t, s, func(at time.Time, _ []used) {
		r := read(s, at)[0]
		if !at.Before(r.ResetAt.Add(3 * 24 * time.Hour)) { // renewed late
			all += r.Used
			s.SetPeriod(start.AddDate(0, months, 0), start.AddDate(0, months+1, 0))
			months++
			if r = read(s, at)[0]; r.Used != 0 || !r.Start.Equal(start.AddDate(0, months-1, 0)) {
				t.Fatalf("%v: %+v", at, r)
			}
		}
		if r.Used > r.Limit {
			t.Fatalf("%v: %+v", at, r)
		}
	})
	all += read(s, start)[0].Used
	var total int64
	for _, e := range events {
		total += e.n
	}
	if all != total || months != 12 {
		t.Errorf("%d periods have %d, the calls %d", months, all, total)
	}
}
