package batch

import (
	"time"

	"sluice/money/calendar"
)

// Policy says how much of the engines' time batches get.
type Policy struct {
	Lines int64              // asked at once at most, over all batches; default 8
	Busy  int64              // so many interactive calls under way leave batches nothing; default 32
	Hours *calendar.Calendar // lines begin within it alone; nil: at any time
}

func (p Policy) withDefaults() Policy {
	if p.Lines == 0 {
		p.Lines = 8
	}
	if p.Busy == 0 {
		p.Busy = 32
	}
	return p
}

// Load is what goes on at an instant.
type Load struct {
	At          time.Time
	Interactive int64 // calls of clients under way
	Lines       int64 // of batches under way
	Deferred    int64 // percent of the places that are not to be used, such as for want of power
}

// Room returns how many lines may begin. Batches have all of their places while
// no client is there, and give them up in proportion as clients come: half of
// them at half of Busy, the last one at Busy. A line under way is never broken
// off. Of the places that are left to them, the part that is deferred stays empty.
// It is pure: the only place that weighs batches against clients.
func (p Policy) Room(l Load) int64 {
	if p.Hours != nil && !p.Hours.Contains(l.At) {
		return 0
	}
	left := max(p.Busy-max(l.Interactive, 0), 0)
	places := (p.Lines*left + p.Busy - 1) / p.Busy // rounded up: the last place goes last
	places = places * (100 - min(max(l.Deferred, 0), 100)) / 100
	return max(places-l.Lines, 0)
}
