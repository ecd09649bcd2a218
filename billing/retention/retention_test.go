package retention_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/billing/retention"
)

// shelf notes up to when it was emptied.
type shelf struct {
	usage, power []time.Time
	err          error
}

func (s *shelf) PruneUsage(_ context.Context, before time.Time) (int64, error) {
	s.usage = append(s.usage, before)
	return 1, s.err
}

func (s *shelf) PrunePower(_ context.Context, before time.Time) (int64, error) {
	s.power = append(s.power, before)
	return 0, nil
}

// TestPrune keeps as long as is said, and what days that are not closed need.
func TestPrune(t *testing.T) {
	now := time.Date(2026, 11, 22, 20, 30, 0, 0, time.UTC)
	day := 24 * time.Hour
	old := now.Truncate(time.Hour).Add(-10 * day)
	for name, c := range map[string]struct {
		usage, power time.Duration
		closed       time.Time
		want         shelf
	}{
		"all days are closed":          {10 * day, 10 * day, now.Add(-day), shelf{usage: []time.Time{old}, power: []time.Time{old}}},
		"a day that old is not closed": {10 * day, 10 * day, now.Add(-20 * day), shelf{usage: []time.Time{old}, power: []time.Time{now.Add(-20 * day)}}},
		"no day was ever closed":       {10 * day, 10 * day, time.Time{}, shelf{usage: []time.Time{old}}},
		"for ever":                     {0, 0, now, shelf{}},
	} {
		var s shelf
		r := retention.New(retention.Options{Store: &s, Usage: c.usage, Power: c.power, Now: func() time.Time { return now }, ClosedThrough: func(context.Context) (time.Time, error) { return c.closed, nil }})
		if err := r.Prune(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d := cmp.Diff(c.want, s, cmp.AllowUnexported(shelf{})); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// TestRun looks four times a day, also after it failed.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := shelf{err: errors.New("the store is away")}
		r := retention.New(retention.Options{Store: &s, Usage: time.Hour, Now: time.Now})
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Hour)
		defer cancel()
		r.Run(ctx)
		if len(s.usage) != 5 {
			t.Errorf("looked %d times in 25 hours", len(s.usage))
		}
	})
}
