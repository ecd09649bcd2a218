package calendar_test

import (
	"slices"
	"testing"

	"sluice/money/calendar"
)

func TestFormat(t *testing.T) {
	for text, want := range map[string][]string{
		"Mon-Fri 09:00-12:00 14:00-18:00": {"Mon-Fri 09:00-12:00 14:00-18:00"},
		"Sun 22:00-06:00":                 {"Mon 00:00-06:00", "Sun 22:00-24:00"},
		"Mon-Sun 16:30-00:30":             {"Mon-Sun 00:00-00:30 16:30-24:00"},
		"Mon-Sun 00:00-24:00":             {"Mon-Sun 00:00-24:00"},
		"Mon,Wed 09:00-10:00":             {"Mon 09:00-10:00", "Wed 09:00-10:00"},
	} {
		made := func(texts ...string) *calendar.Calendar {
			v := calendar.Version{Zone: "UTC"}
			for _, s := range texts {
				arcs, err := calendar.ParseArcs(s)
				if err != nil {
					t.Fatal(err)
				}
				v.Arcs = append(v.Arcs, arcs...)
			}
			c, err := calendar.New("c", v)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		c := made(text)
		got := calendar.FormatArcs(c.Versions()[0].Arcs)
		if !slices.Equal(got, want) || made(got...).String() != c.String() {
			t.Errorf("%s is written as %q, want %q", text, got, want)
		}
	}
	var days []calendar.Date
	for _, s := range []string{"2026-10-01..2026-10-07", "2026-12-31..2027-01-01", "2027-02-03"} {
		dates, err := calendar.ParseDates(s)
		if err != nil {
			t.Fatal(err)
		}
		days = append(days, dates...)
	}
	if got := calendar.FormatDates(days); !slices.Equal(got, []string{"2026-10-01..2026-10-07", "2026-12-31..2027-01-01", "2027-02-03"}) {
		t.Errorf("the days are written as %q", got)
	}
}
