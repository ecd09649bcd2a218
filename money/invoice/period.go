package invoice

import (
	"fmt"
	"time"

	"sluice"
)

// Period is a calendar month, written "2026-11". Periods order as their texts do.
type Period string

// ParsePeriod reads a month such as "2026-11". Errors: CodeInvalid.
func ParsePeriod(s string) (Period, error) {
	if _, err := time.Parse("2006-01", s); err != nil || s < "1971" {
		return "", sluice.Errorf(sluice.CodeInvalid, "%q is not a month such as 2026-11.", s)
	}
	return Period(s), nil
}

// PeriodOf returns the month that an instant is in, by the clock of a zone.
func PeriodOf(at time.Time, zone *time.Location) Period {
	return Period(at.In(zone).Format("2006-01"))
}

// Bounds returns the first instant of the month and the first one after it.
func (p Period) Bounds(zone *time.Location) (from, until time.Time) {
	first, err := time.Parse("2006-01", string(p))
	if err != nil {
		return time.Time{}, time.Time{} // not from ParsePeriod
	}
	y, m, _ := first.Date()
	return time.Date(y, m, 1, 0, 0, 0, 0, zone), time.Date(y, m+1, 1, 0, 0, 0, 0, zone)
}

// String names the month for people: "November 2026".
func (p Period) String() string {
	first, err := time.Parse("2006-01", string(p))
	if err != nil {
		return string(p)
	}
	return first.Format("January 2006")
}

// Number writes the number of the n-th document of a year: "2026-000017". It is
// the numbers' order as well, up to a million documents a year.
func Number(year int, n int64) string { return fmt.Sprintf("%04d-%06d", year, n) }

// Window says which transactions an invoice takes up: those that took effect
// before Until and are booked up to Cutoff, without those that an earlier
// invoice took up, which are those before Since that were booked up to Seen. So each
// is on one invoice, and one that is booked late is on the next.
//
// A call takes effect when it ended; Cutoff and Seen are numbers of
// transactions, which count up as they are booked.
type Window struct {
	Since  time.Time `json:"since,omitzero"`
	Seen   int64     `json:"seen"`
	Until  time.Time `json:"until"`
	Cutoff int64     `json:"cutoff"`
}
