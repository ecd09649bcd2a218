package statement_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice"
	"sluice/money/statement"
)

func TestDaysOfAZone(t *testing.T) {
	var utc statement.Days
	moved, err := utc.Change("2026-12-01", "Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	newYork, err := moved.Change("2027-01-01", "America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		days        statement.Days
		day         string
		since       string
		hours       float64
		inTheMiddle string
	}{
		{utc, "2026-11-30", "2026-11-30T00:00:00Z", 24, "2026-11-30T12:00:00Z"},
		{moved, "2026-11-30", "2026-11-30T00:00:00Z", 24, "2026-11-30T23:00:00Z"},
		{moved, "2026-12-01", "2026-12-01T00:00:00Z", 16, "2026-12-01T15:00:00Z"}, // begins where the day before ends
		{moved, "2026-12-02", "2026-12-01T16:00:00Z", 24, "2026-12-01T16:00:00Z"},
		{newYork, "2027-01-01", "2026-12-31T16:00:00Z", 37, "2027-01-02T04:59:00Z"},
		{newYork, "2027-03-14", "2027-03-14T05:00:00Z", 23, "2027-03-15T03:00:00Z"}, // summer begins
	} {
		since, until, err := c.days.Bounds(c.day)
		if err != nil || since.Format(time.RFC3339) != c.since || until.Sub(since).Hours() != c.hours {
			t.Errorf("%s: from %s for %s, %v", c.day, since, until.Sub(since), err)
		}
		at, _ := time.Parse(time.RFC3339, c.inTheMiddle)
		if day, err := c.days.Of(at); err != nil || day != c.day {
			t.Errorf("%s is of %s, %v", c.inTheMiddle, day, err)
		}
	}
	for _, zone := range []string{"Asia/Kolkata", "Asia/Kathmandu", "Nowhere", "", "Local", "Australia/Lord_Howe"} {
		if _, err := utc.Change("2026-12-01", zone); sluice.CodeOf(err) != sluice.CodeInvalid {
			t.Errorf("%s: %v", zone, err)
		}
	}
	if back, err := newYork.Change("2026-12-01", "UTC"); err != nil || len(back) != 1 {
		t.Errorf("back: %v, %v", back, err)
	}
}

// TestDaysLeaveNoHourOut: whatever the clocks, each hour is of one day, and days follow each other.
func TestDaysLeaveNoHourOut(t *testing.T) {
	zones := []string{"UTC", "Asia/Shanghai", "America/New_York", "Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago"}
	rapid.Check(t, func(t *rapid.T) {
		var days statement.Days
		day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for range rapid.IntRange(0, 4).Draw(t, "changes") {
			day = day.AddDate(0, 0, rapid.IntRange(1, 90).Draw(t, "later"))
			if changed, err := days.Change(day.Format(time.DateOnly), rapid.SampledFrom(zones).Draw(t, "zone")); err == nil {
				days = changed // across the date line nothing may be left of a day
			} else if sluice.CodeOf(err) != sluice.CodeInvalid {
				t.Fatal(err)
			}
		}
		var last time.Time
		for d := range 400 {
			name := time.Date(2025, 12, 30+d, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
			since, until, err := days.Bounds(name)
			if err != nil || d > 0 && !last.IsZero() && !since.Equal(last) {
				t.Fatalf("%s begins at %s after %s, %v", name, since, last, err)
			}
			last = until
		}
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 8760).Draw(t, "hour")) * time.Hour)
		name, err := days.Of(at)
		if err != nil {
			t.Fatal(err)
		}
		if since, until, err := days.Bounds(name); err != nil || at.Before(since) || !at.Before(until) {
			t.Fatalf("%s is of %s, from %s to %s, %v", at, name, since, until, err)
		}
	})
}
