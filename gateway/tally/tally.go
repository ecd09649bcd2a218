// Package tally counts requests as they end: what goes on at the moment, for
// those who watch, and what came of the requests of each hour, for the store.
// Nothing of it is money: that is in the ledger and in usage events.
package tally

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"sluice"
)

// Store adds up usage by hours and days.
type Store interface {
	// AddUsage adds rows to what is stored.
	AddUsage(ctx context.Context, rows []sluice.UsageRow) error

	// FoldUsage adds calls that were booked since the last fold, at most so many,
	// and returns how many.
	FoldUsage(ctx context.Context, limit int) (int, error)
}

// How often what was counted is stored, and how many calls are folded at once:
// few enough that the ledger's writer hardly waits.
const (
	every     = 5 * time.Second
	foldLimit = 20_000
)

// Options set up a Tally. Store is required.
type Options struct {
	Store Store
	Now   func() time.Time // default time.Now
	Log   *slog.Logger     // default: discarded
}

// Tally counts. It is safe for concurrent use.
type Tally struct {
	opt Options

	mu      sync.Mutex
	pending map[pendingKey]map[string]int64 // requests by result
	total   minutes
	models  map[string]*minutes
	seconds seconds
}

// pendingKey is an hour and whose requests.
type pendingKey struct {
	hour int64
	sluice.UsageKey
}

// New returns a Tally that has counted nothing.
func New(o Options) *Tally {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Tally{opt: o, pending: map[pendingKey]map[string]int64{}, models: map[string]*minutes{}}
}

// CallEnded counts a request. It implements gateway.Observer.
func (t *Tally) CallEnded(r sluice.Report) {
	result := r.Result()
	key := pendingKey{r.EndedAt.Unix() / 3600, sluice.UsageKey{
		Org: r.Org, Project: r.Project, Key: r.Key, Model: r.Model, Currency: r.Currency, Simulated: r.Event.Simulated,
	}}
	t.mu.Lock()
	defer t.mu.Unlock()
	results := t.pending[key]
	if results == nil {
		results = map[string]int64{}
		t.pending[key] = results
	}
	results[result]++

	t.seconds.at(r.EndedAt).count(&r, result)
	t.total.at(r.EndedAt).count(&r, result)
	if r.Model == "" {
		return
	}
	m := t.models[r.Model] // the operator's models alone: their number is bounded
	if m == nil {
		m = new(minutes)
		t.models[r.Model] = m
	}
	m.at(r.EndedAt).count(&r, result)
}

// Run stores what was counted, now and then, until ctx ends, and once more then.
func (t *Tally) Run(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		t.store(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.store(context.WithoutCancel(ctx))
			return
		}
	}
}

// store stores what was counted and folds what was booked. What cannot be stored
// is kept for the next time.
func (t *Tally) store(ctx context.Context) {
	if err := t.Flush(ctx); err != nil {
		t.opt.Log.WarnContext(ctx, "counts of requests could not be stored, and are kept", "error", err)
		return
	}
	for {
		n, err := t.opt.Store.FoldUsage(ctx, foldLimit)
		if err != nil {
			t.opt.Log.WarnContext(ctx, "usage could not be added up, and will be later", "error", err)
		}
		if err != nil || n < foldLimit || ctx.Err() != nil {
			return
		}
	}
}

// Flush stores what was counted.
func (t *Tally) Flush(ctx context.Context) error {
	t.mu.Lock()
	counted := t.pending
	t.pending = map[pendingKey]map[string]int64{}
	t.mu.Unlock()
	if len(counted) == 0 {
		return nil
	}
	rows := make([]sluice.UsageRow, 0, len(counted))
	for key, results := range counted {
		rows = append(rows, sluice.UsageRow{Start: time.Unix(key.hour*3600, 0).UTC(), UsageKey: key.UsageKey, UsageSum: sluice.UsageSum{Results: results}})
	}
	err := t.opt.Store.AddUsage(ctx, rows)
	if err == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, results := range counted {
		later := t.pending[key]
		if later == nil {
			t.pending[key] = results
			continue
		}
		for result, n := range results {
			later[result] += n
		}
	}
	return cmp.Or(ctx.Err(), err)
}
