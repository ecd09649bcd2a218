package closing

import (
	"context"
	"fmt"
	"time"

	"sluice"
	"sluice/money/whatif"
)

// Events hands over what calls were booked as.
type Events interface {
	// ScanEvents hands over all events of the calls that ended from since on, before
	// until, read by several goroutines beside each other. It calls begin once for each of
	// them, one after the other, before any reads; what begin returns is called by that
	// one alone, with events in no order, which must not be kept. It ends with the first
	// error, and when ctx ends. progress may be nil, and is called by several goroutines.
	ScanEvents(ctx context.Context, since, until time.Time, progress func(done, total int64), begin func() func(*sluice.Event) error) error
}

// Rerate rates all calls that ended from since on, before until, anew, on several
// processors, and returns what they come to by model: under the books that billed
// them, what they were billed. progress, which may be nil, is told how many
// transactions of how many are done. Errors: those of Rerater.Event, overflow, and that of ctx when it ends
// before; then there is no result.
func Rerate(ctx context.Context, events Events, r *whatif.Rerater, since, until time.Time, progress func(done, total int64)) (whatif.Result, error) {
	var parts []whatif.Result // one for each reader
	err := events.ScanEvents(ctx, since, until, progress, func() func(*sluice.Event) error {
		part := whatif.Result{}
		parts = append(parts, part)
		return func(e *sluice.Event) error { return part.Add(r, e) }
	})
	if err != nil {
		return nil, err
	}
	all := whatif.Result{}
	for _, part := range parts {
		if err := all.Merge(part); err != nil {
			return nil, fmt.Errorf("adding up what %s to %s come to: %w", since.Format(time.RFC3339), until.Format(time.RFC3339), err)
		}
	}
	return all, nil
}
