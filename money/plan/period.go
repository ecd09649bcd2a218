package plan

import (
	"time"

	"sluice"
)

// Period is a billing period, half-open.
type Period struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

const day = 24 * time.Hour

// after returns the instant that is so many months after an anchor: the same
// day of the month at the same time of day in the zone, or the month's last day
// where it has no such day.
func after(anchor time.Time, months int, zone *time.Location) time.Time {
	t := anchor.In(zone)
	y, m, d := t.Date()
	last := time.Date(y, m+time.Month(months)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	return time.Date(y, m+time.Month(months), min(d, last), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone).UTC()
}

// days is how many days a period has. An hour more or less, where clocks
// change, does not make or take a day.
func (p Period) days() int64 {
	return max(int64((p.End.Sub(p.Start)+day/2)/day), 1)
}

// over is how many of a period's days are over at an instant.
func (p Period) over(at time.Time) int64 {
	if !at.Before(p.End) {
		return p.days()
	}
	return min(max(int64(at.Sub(p.Start)/day), 0), p.days()-1)
}

// dayEnds is when the k-th day of a period is over, k counting from 1.
func (p Period) dayEnds(k int64) time.Time {
	if k >= p.days() {
		return p.End
	}
	return p.Start.Add(time.Duration(k) * day)
}

// earned is what is earned of a price after k of a period's days, in nano.
func (p Period) earned(price sluice.Amount, k int64) int64 {
	return price.Nano * k / p.days()
}

// unused is the credit for the days that are not over, in nano: half up to the
// smallest unit of the currency, and never more than the price.
func (p Period) unused(price sluice.Amount, over int64, currency sluice.Currency) int64 {
	unit, d := smallest(currency), p.days()
	return (2*(price.Nano/unit)*(d-over) + d) / (2 * d) * unit
}
