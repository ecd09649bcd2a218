package closing

import (
	"cmp"
	"context"
	"time"

	"sluice"
	"sluice/money/seal"
)

// maxDays bounds a list of days.
const maxDays = 400

// DayState is where a day stands, without a comparison of its figures.
type DayState struct {
	Day      string    `json:"day" example:"2026-11-21"`
	Zone     string    `json:"timezone" doc:"By whose clock it begins and ends."`
	From     time.Time `json:"from" doc:"Its first instant."`
	To       time.Time `json:"to" doc:"The first instant of the next day."`
	State    string    `json:"state" enum:"open,closed,reopened"`
	Hours    int       `json:"hours" doc:"How many hours it has."`
	Sealed   int       `json:"sealed" doc:"How many of them are sealed."`
	Rows     int64     `json:"rows" doc:"Transactions in them."`
	Revision int64     `json:"revision,omitempty" doc:"How often it was closed."`
	At       time.Time `json:"at,omitzero" doc:"When it was closed, or opened again, the last time."`
	By       string    `json:"by,omitempty" doc:"Who did."`
}

// Hour is an hour of a day, and its seal where it has one.
type Hour struct {
	Hour     time.Time  `json:"hour" doc:"Its first instant."`
	Sealed   bool       `json:"sealed"`
	SealedAt time.Time  `json:"sealed_at,omitzero"`
	Rows     int64      `json:"rows" doc:"Transactions."`
	Events   int64      `json:"events" doc:"Of them calls."`
	Late     int64      `json:"late" doc:"Of the transactions those that took effect in earlier hours."`
	Sums     []seal.Sum `json:"sums"`
	Hash     seal.Hash  `json:"hash,omitzero" doc:"Of the seal, in the chain."`
}

// Days lists the days from one to another, both included. Errors: CodeInvalid.
func (s *Service) Days(ctx context.Context, from, through string) ([]DayState, error) {
	days, err := s.opt.Days.BookDays(ctx)
	if err != nil {
		return nil, err
	}
	if from, through, err = s.span(from, through, days.Of); err != nil {
		return nil, err
	}
	closes, err := s.opt.Days.Closes(ctx, "")
	if err != nil {
		return nil, err
	}
	since, err := time.Parse(time.DateOnly, from)
	if err != nil {
		return nil, sluice.Errorf(sluice.CodeInvalid, "%q is no day such as 2026-11-21.", from)
	}
	all := []DayState{}
	for at := since; at.Format(time.DateOnly) <= through; at = at.AddDate(0, 0, 1) {
		if len(all) == maxDays {
			return nil, sluice.Errorf(sluice.CodeInvalid, "At most %d days can be listed at once.", maxDays)
		}
		d := DayState{Day: at.Format(time.DateOnly)}
		if d.From, d.To, err = days.Bounds(d.Day); sluice.CodeOf(err) == sluice.CodeInvalid && err != nil {
			continue // the clock was changed, and nothing is left of it
		} else if err != nil {
			return nil, err
		}
		seals, err := s.opt.Hours.Seals(ctx, d.From, d.To)
		if err != nil {
			return nil, err
		}
		d.Zone, d.Hours, d.Sealed = days.Zone(d.Day), int(d.To.Sub(d.From)/time.Hour), sealedOf(seals, d.From, d.To)
		for i := range seals {
			d.Rows += seals[i].Rows
		}
		own := ofDay(closes, d.Day)
		d.State = stateOf(own)
		if c := lastClosed(own); c != nil {
			d.Revision = c.Revision
		}
		if n := len(own); n > 0 {
			d.At, d.By = own[n-1].At, own[n-1].By
		}
		all = append(all, d)
	}
	return all, nil
}

// span completes the days that are asked for: up to today, and two weeks long.
func (s *Service) span(from, through string, of func(time.Time) (string, error)) (first, last string, err error) {
	if through == "" {
		if through, err = of(s.opt.Now()); err != nil {
			return "", "", err
		}
	}
	end, err := time.Parse(time.DateOnly, through)
	if err != nil {
		return "", "", sluice.Errorf(sluice.CodeInvalid, "%q is no day such as 2026-11-21.", through)
	}
	return cmp.Or(from, end.AddDate(0, 0, -13).Format(time.DateOnly)), through, nil
}

// DayHours lists the hours of a day. Errors: CodeInvalid.
func (s *Service) DayHours(ctx context.Context, day string) ([]Hour, error) {
	days, err := s.opt.Days.BookDays(ctx)
	if err != nil {
		return nil, err
	}
	since, until, err := days.Bounds(day)
	if err != nil {
		return nil, err
	}
	seals, err := s.opt.Hours.Seals(ctx, since, until)
	if err != nil {
		return nil, err
	}
	var all []Hour
	for at := since; at.Before(until); at = at.Add(time.Hour) {
		h := Hour{Hour: at, Sums: []seal.Sum{}}
		if len(seals) > 0 && seals[0].Hour.Equal(at) {
			s := &seals[0]
			h.Sealed, h.SealedAt, h.Rows, h.Events, h.Late, h.Hash = true, s.SealedAt, s.Rows, s.Events, s.Late, s.Hash
			h.Sums = append(h.Sums, s.Sums...)
			seals = seals[1:]
		}
		all = append(all, h)
	}
	return all, nil
}

// sealedOf is how many hours of a day its seals cover: all, where the books begin
// in the middle of it.
func sealedOf(seals []seal.Seal, since, until time.Time) int {
	n, hours := len(seals), int(until.Sub(since)/time.Hour)
	if n > 0 && n < hours && !seals[n-1].Hour.Before(until.Add(-time.Hour)) {
		return hours
	}
	return n
}
