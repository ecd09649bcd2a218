// Package retention removes what grows with time and is only for graphs or already
// taken up: usage by the hour, whose days stay, and what engines drew in days
// that are closed.
package retention

import (
	"cmp"
	"context"
	"log/slog"
	"time"
)

// Store removes what is old.
type Store interface {
	// PruneUsage removes usage by the hour of before an instant, and returns how many rows.
	PruneUsage(ctx context.Context, before time.Time) (int64, error)

	// PrunePower removes what engines drew before an instant, and returns how many rows.
	PrunePower(ctx context.Context, before time.Time) (int64, error)
}

// Options say what is kept. Log may be left out.
type Options struct {
	Store Store

	// ClosedThrough returns the instant up to which all days are closed, zero for none:
	// what later days are closed with is not removed.
	ClosedThrough func(ctx context.Context) (time.Time, error)

	Usage time.Duration // how long usage is kept by the hour; 0 is for ever
	Power time.Duration // how long what engines drew in closed days is; 0 is for ever

	Now func() time.Time
	Log *slog.Logger
}

// every is how often is looked.
const every = 6 * time.Hour

// Service removes what is old.
type Service struct{ opt Options }

// New returns what removes.
func New(o Options) *Service {
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	return &Service{o}
}

// Run removes what is old, now and then, until ctx ends.
func (s *Service) Run(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := s.Prune(ctx); err != nil && ctx.Err() == nil {
			s.opt.Log.Warn("what is old could not be removed, and will be later", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// Prune removes what is old now.
func (s *Service) Prune(ctx context.Context) error {
	now := s.opt.Now().UTC()
	if s.opt.Usage > 0 {
		n, err := s.opt.Store.PruneUsage(ctx, now.Add(-s.opt.Usage).Truncate(time.Hour))
		if err != nil {
			return err
		}
		if n > 0 {
			s.opt.Log.Info("usage by the hour was removed, its days stay", "rows", n)
		}
	}
	if s.opt.Power == 0 {
		return nil
	}
	before, err := s.opt.ClosedThrough(ctx)
	if err != nil || before.IsZero() {
		return err
	}
	if old := now.Add(-s.opt.Power).Truncate(time.Hour); old.Before(before) {
		before = old
	}
	n, err := s.opt.Store.PrunePower(ctx, before)
	if n > 0 {
		s.opt.Log.Info("what engines drew in days that are closed was removed", "rows", n)
	}
	return err
}
