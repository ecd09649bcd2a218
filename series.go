package sluice

import (
	"maps"
	"time"
)

// UsageStep is how long a stretch of time is by which usage is added up.
type UsageStep string

// The steps: hours and days in UTC.
const (
	UsageHour UsageStep = "hour"
	UsageDay  UsageStep = "day"
)

// Duration is the step's length; zero for what is no step.
func (s UsageStep) Duration() time.Duration {
	switch s {
	case UsageHour:
		return time.Hour
	case UsageDay:
		return 24 * time.Hour
	}
	return 0
}

// UsageKey is what requests have in common that are added up together.
type UsageKey struct {
	Org       string // empty where nobody was identified
	Project   string
	Key       string
	Model     string // empty where none was understood
	Currency  Currency
	Simulated bool
}

// UsageSum is what requests come to. The results count every request that was
// made; all else counts those that reached an engine, from their events. The
// results are counted in memory first: what a crash loses of them is no money.
type UsageSum struct {
	Calls   int64            // that have an event
	Usage   Usage            // of the events
	List    Amount           // by the price books
	Charge  Amount           // what was billed
	Refund  Amount           // what volume prices gave back
	TTFT    Latencies        // times to first token
	Results map[string]int64 // requests by Report.Result
}

// AddEvent adds one call. Errors: ErrOverflow.
func (s *UsageSum) AddEvent(e *Event) error {
	one := UsageSum{Calls: 1, Usage: e.Usage, List: e.List.Amount(), Charge: e.Charge.Amount(), Refund: e.Refund.Amount()}
	if !e.FirstAt.IsZero() {
		one.TTFT.Observe(e.FirstAt.Sub(e.AdmittedAt))
	}
	return s.Add(&one)
}

// AddResult adds how one request ended.
func (s *UsageSum) AddResult(result string, requests int64) {
	if s.Results == nil {
		s.Results = map[string]int64{}
	}
	s.Results[result] += requests
}

// Add adds another sum. Errors: ErrOverflow.
func (s *UsageSum) Add(other *UsageSum) error {
	s.Calls += other.Calls
	for class, n := range other.Usage {
		s.Usage[class] += n
	}
	for _, of := range [...]struct{ to, from *Amount }{{&s.List, &other.List}, {&s.Charge, &other.Charge}, {&s.Refund, &other.Refund}} {
		sum, err := of.to.Add(*of.from)
		if err != nil {
			return err
		}
		*of.to = sum
	}
	s.TTFT.Add(&other.TTFT)
	for result, n := range other.Results {
		s.AddResult(result, n)
	}
	return nil
}

// Requests is how many requests were made, and how many of them ended in an
// error: not answered, and not left by their client.
func (s *UsageSum) Requests() (all, errors int64) {
	for result, n := range s.Results {
		all += n
		if result != ResultOK && result != ResultLeft {
			errors += n
		}
	}
	return all, errors
}

// Faults is how many requests ended for a reason that is the service's own: an
// engine failed, there was none, or no time.
func (s *UsageSum) Faults() int64 {
	var n int64
	for _, code := range []Code{CodeEngineFailed, CodeUnavailable, CodeOverloaded, CodeTimeout, CodeInternal} {
		n += s.Results[string(code)]
	}
	return n
}

// Clone returns one of its own.
func (s *UsageSum) Clone() UsageSum {
	c := *s
	c.TTFT, c.Results = s.TTFT.Clone(), maps.Clone(s.Results)
	return c
}

// UsageRow is what the requests of a stretch of time come to.
type UsageRow struct {
	Start time.Time // of the hour or the day in which they ended
	UsageKey
	UsageSum
}
