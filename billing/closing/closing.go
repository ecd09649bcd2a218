// Package closing closes the operator's books: it seals the hours that are over,
// compares what must agree before a day is closed, and keeps the record of it.
//
// An hour is sealed once its grace is over and everything that was queued for the
// ledger is in it. What is booked for it later, such as a call of a spool, is in the
// first hour that is not sealed yet: what was sealed never changes.
package closing

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"sluice/money/seal"
	"sluice/money/statement"
)

// Hours keeps the seals of hours and what they are of.
type Hours interface {
	// SealPoint returns where the next seal goes on.
	SealPoint(ctx context.Context) (seal.Point, error)

	// GatherHours adds up what the seals of the hours from open on, before until,
	// take up, and stores compact copies of their pages.
	GatherHours(ctx context.Context, open, until time.Time, floor, seen, cutoff int64, progress func(done, total int64)) ([]seal.Hour, error)

	// NextFloor returns up to which number everything is sealed once the hours before until are.
	NextFloor(ctx context.Context, floor, cutoff int64, until time.Time) (int64, error)

	// PutSeal stores a seal. Errors: CodeConflict.
	PutSeal(ctx context.Context, s *seal.Seal, h *seal.Hour, floor int64) error

	// Seals returns the seals from since on, before until, in order; a zero bound is none.
	Seals(ctx context.Context, since, until time.Time) ([]seal.Seal, error)

	// AuditHour compares a sealed hour with what is stored now.
	AuditHour(ctx context.Context, s *seal.Seal) ([]seal.Fault, *seal.Hour, error)

	// RewriteHour writes the rows and the compact copies of a sealed hour anew.
	RewriteHour(ctx context.Context, h *seal.Hour) error
}

// Days keeps the records of closes and what they rest on.
type Days interface {
	// Closes returns the records of a day, or of all days for "", in order.
	Closes(ctx context.Context, day string) ([]seal.Close, error)

	// PutClose stores a record, and the rows of a day that it closes. Errors: CodeConflict.
	PutClose(ctx context.Context, c *seal.Close, since time.Time, rows []seal.Rollup, entries []seal.EntrySum) error

	// DayRollups and DayEntrySums return what a day's close takes up.
	DayRollups(ctx context.Context, w *seal.Window) ([]seal.Rollup, error)
	DayEntrySums(ctx context.Context, w *seal.Window) ([]seal.EntrySum, error)

	// BookDays says when days begin.
	BookDays(ctx context.Context) (statement.Days, error)

	// AuditDay reports whether the rows of a closed day are those that PutClose would
	// write now. Where they are not, rewrite writes them.
	AuditDay(ctx context.Context, since time.Time, rows []seal.Rollup, entries []seal.EntrySum, rewrite bool) (bool, error)

	// LateHours returns the hours sealed from a day's end on, before upTo, that hold rows of the day.
	LateHours(ctx context.Context, since, until, upTo time.Time) ([]time.Time, error)
}

// Notes keeps what people and engines say of a day.
type Notes interface {
	Explanations(ctx context.Context, day string) ([]seal.Explanation, error)
	PutExplanation(ctx context.Context, e *seal.Explanation) error
	EngineCounters(ctx context.Context, since, until time.Time) ([]seal.Counter, error)
	PutEngineCounters(ctx context.Context, counters []seal.Counter) error

	// Receipt returns the receipt of an organisation's call. Errors: CodeNotFound, CodeConflict.
	Receipt(ctx context.Context, org, call string) (*seal.Receipt, error)
}

// Local keeps what deployments at customers' reported.
type Local interface {
	// LocalRows returns it of the hours from since on, before until.
	LocalRows(ctx context.Context, since, until time.Time) ([]statement.Row, error)
}

// Options are what closing works with. Costs, Events, Invoices, Local, Grace and Log may be left out.
type Options struct {
	Hours Hours
	Days  Days
	Notes Notes

	// Events are the calls that stand around the edges of what engines counted. They may
	// be left out: then what was counted must agree to the token.
	Events Events

	// Invoices are those that were issued. They may be left out: then days close without them.
	Invoices Invoices

	// Local is what was reported from elsewhere. It may be left out where nothing is.
	Local Local

	// Costs keeps what is known now of nodes and payments from since on, before until,
	// for good, and returns its SHA-256; "" where nothing is. It may be left out.
	Costs func(ctx context.Context, since, until time.Time) (string, error)

	// Flush returns when everything that was queued for the ledger before is in the
	// store.
	Flush func(context.Context) error

	// Grace is how long after its end an hour is left open: between the end of a call
	// and its being queued. Default five minutes.
	Grace time.Duration

	Now func() time.Time
	Log *slog.Logger
}

// Service closes the books. It is safe for concurrent use.
type Service struct {
	opt     Options
	sealing sync.Mutex // one chain, one hand

	mu   sync.Mutex
	head *Head // as it was read last; nil when it has changed since. Everybody may ask for it
}

// New returns what closes the books.
func New(o Options) *Service {
	o.Grace = cmp.Or(o.Grace, 5*time.Minute)
	if o.Costs == nil {
		o.Costs = func(context.Context, time.Time, time.Time) (string, error) { return "", nil }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{opt: o}
}

// hoursAtOnce is how many hours are sealed in one pass over what is booked, at
// the most: after a long pause.
const hoursAtOnce = 24

// SealDue seals the hours that are over, in order, and returns how many. progress
// may be nil.
func (s *Service) SealDue(ctx context.Context, progress func(done, total int64)) (sealed int, err error) {
	s.sealing.Lock()
	defer s.sealing.Unlock()
	for {
		n, err := s.sealPass(ctx, progress)
		if sealed += n; err != nil || n == 0 {
			return sealed, err
		}
	}
}

// sealPass seals some hours in one pass.
func (s *Service) sealPass(ctx context.Context, progress func(done, total int64)) (int, error) {
	due := s.opt.Now().UTC().Add(-s.opt.Grace).Truncate(time.Hour) // hours before it are over
	p, open, err := s.point(ctx)
	if err != nil || open.IsZero() || !open.Before(due) {
		return 0, err
	}
	if err := s.opt.Flush(ctx); err != nil {
		return 0, fmt.Errorf("waiting for what is on its way to the ledger: %w", err)
	}
	if p, open, err = s.point(ctx); err != nil { // what was flushed is before its cutoff
		return 0, err
	}
	until := due
	if most := open.Add(hoursAtOnce * time.Hour); most.Before(until) {
		until = most
	}
	var seen int64
	var prev seal.Hash
	if p.Last != nil {
		seen, prev = p.Last.Cutoff, p.Last.Hash
	}
	hours, err := s.opt.Hours.GatherHours(ctx, open, until, p.Floor, seen, p.Cutoff, progress)
	if err != nil {
		return 0, err
	}
	floor, err := s.opt.Hours.NextFloor(ctx, p.Floor, p.Cutoff, until)
	if err != nil {
		return 0, err
	}
	for i := range hours {
		made, err := hours[i].Seal(s.opt.Now(), open, seen, p.Cutoff)
		if err != nil {
			return i, fmt.Errorf("sealing %s: %w", hours[i].Start.Format(time.RFC3339), err)
		}
		made.Bind(prev)
		upTo := p.Floor // until the pass is whole, the next one begins where this did
		if i == len(hours)-1 {
			upTo = floor
		}
		err = s.opt.Hours.PutSeal(ctx, &made, &hours[i], upTo)
		s.forget() // also when it is not known whether it is stored
		if err != nil {
			return i, err
		}
		prev = made.Hash
	}
	return len(hours), nil
}

// point returns where sealing goes on, and the first hour without a seal; zero
// when nothing was ever booked.
func (s *Service) point(ctx context.Context) (p seal.Point, open time.Time, err error) {
	p, err = s.opt.Hours.SealPoint(ctx)
	open = p.First
	if p.Last != nil {
		open = p.Last.Hour.Add(time.Hour)
	}
	return p, open, err
}

// Run seals hours as they are over, until ctx ends. What is sealed stays so: when the
// clock jumps, it waits until the clock has held for an hour, and says so.
func (s *Service) Run(ctx context.Context) {
	const retry = time.Minute
	clock := s.watchClock()
	for {
		wait := s.untilDue()
		if left := clock.doubtful(); left > 0 {
			wait = left
		} else if _, err := s.SealDue(ctx, nil); err != nil && ctx.Err() == nil {
			s.opt.Log.Error("hours could not be sealed", "error", err)
			wait = min(wait, retry)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// untilDue is how long it is until the next hour can be sealed.
func (s *Service) untilDue() time.Duration {
	since := s.opt.Now().UTC().Add(-s.opt.Grace)
	return since.Truncate(time.Hour).Add(time.Hour).Sub(since)
}

// Head is where the chains stand: what the operator publishes.
type Head struct {
	Hour      time.Time `json:"hour,omitzero"` // the last sealed hour
	Hash      seal.Hash `json:"hash"`          // of its seal, zero before the first
	Close     int64     `json:"close"`         // the number of the last record of closes
	Day       string    `json:"day,omitempty"` // that it is of
	CloseHash seal.Hash `json:"close_hash"`
}

// Head returns where the chains stand.
func (s *Service) Head(ctx context.Context) (Head, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.head != nil {
		return *s.head, nil
	}
	p, err := s.opt.Hours.SealPoint(ctx)
	if err != nil {
		return Head{}, err
	}
	closes, err := s.opt.Days.Closes(ctx, "")
	if err != nil {
		return Head{}, err
	}
	var h Head
	if p.Last != nil {
		h.Hour, h.Hash = p.Last.Hour, p.Last.Hash
	}
	if n := len(closes); n > 0 {
		last := &closes[n-1]
		h.Close, h.Day, h.CloseHash = last.N, last.Day, last.Hash
	}
	s.head = &h
	return h, nil
}

// forget makes Head read anew.
func (s *Service) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.head = nil
}

// Receipt returns the receipt of an organisation's call. Errors: CodeNotFound;
// CodeConflict while its hour is not sealed.
func (s *Service) Receipt(ctx context.Context, org, call string) (*seal.Receipt, error) {
	return s.opt.Notes.Receipt(ctx, org, call)
}
