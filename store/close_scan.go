package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sluice"
	"sluice/money/seal"
)

// ScanEvents hands over all events of the calls that ended from since on, before
// until, read by several goroutines beside each other. It calls begin once for each
// of them, one after the other, before any reads; what begin returns is called by that
// one alone, with events in no order, which must not be kept. It ends with the first
// error, and when ctx ends. progress may be nil.
//
// What is sealed is read from segments, and is what was sealed: where neither a page's
// segment nor its rows make the page's hash, that is an error, which says where.
func (db *DB) ScanEvents(ctx context.Context, since, until time.Time, progress Progress, begin func() func(*sluice.Event) error) error {
	s := &eventScan{db: db, since: since, until: until, progress: progress}
	takes := make([]func(*sluice.Event) error, readers)
	for i := range takes {
		takes[i] = begin()
	}
	err := s.plan(ctx)
	if err == nil {
		err = s.run(ctx, takes)
	}
	if err != nil {
		return fmt.Errorf("reading the events from %s to %s: %w", since.Format(time.RFC3339), until.Format(time.RFC3339), err)
	}
	return nil
}

// eventScan is one reading of a period's events.
type eventScan struct {
	db           *DB
	since, until time.Time
	accounts     map[int64]sluice.AccountID

	sealed []seal.Seal // of the hours that have events of the period
	open   []stretch   // what is not sealed

	progress    Progress
	done, total atomic.Int64
}

// plan finds out where the period's events are. What is sealed meanwhile is read
// with what was open.
func (s *eventScan) plan(ctx context.Context) error {
	p, err := s.db.SealPoint(ctx)
	if err != nil {
		return err
	}
	if s.accounts, err = s.db.readAccountIDs(ctx); err != nil {
		return err
	}
	open := stretch{From: p.Floor + 1, To: p.Cutoff, Open: s.since, Until: s.until}
	if p.Last != nil {
		end := p.Last.Hour.Add(time.Hour)
		if err := s.planSealed(ctx, end); err != nil {
			return err
		}
		open.Open, open.Seen = end, p.Last.Cutoff
	}
	if open.From <= open.To {
		s.open = split(open)
		s.total.Add(open.To - open.From + 1)
	}
	for i := range s.sealed {
		s.total.Add(s.sealed[i].Rows)
	}
	return nil
}

// planSealed finds the sealed hours before end with events of the period.
func (s *eventScan) planSealed(ctx context.Context, end time.Time) error {
	first, after := s.since.Truncate(time.Hour), s.until.Add(time.Hour-1).Truncate(time.Hour) // whole hours around it
	late, err := s.db.LateHours(ctx, first, after, end)
	if err != nil {
		return err
	}
	if end.Before(after) {
		after = end
	}
	s.sealed, err = s.db.Seals(ctx, first, after)
	for i := 0; i < len(late) && err == nil; i++ {
		var more []seal.Seal
		more, err = s.db.Seals(ctx, late[i], late[i].Add(time.Hour))
		s.sealed = append(s.sealed, more...)
	}
	return err
}

// run reads all of it, with as many goroutines as there are takes.
func (s *eventScan) run(ctx context.Context, takes []func(*sluice.Event) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wait sync.WaitGroup
	for _, take := range takes {
		wait.Go(func() {
			r := &eventReader{eventScan: s, take: take, rows: newBookedReader(s.db, s.accounts)}
			defer r.rows.close()
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				var err error
				switch {
				case i < len(s.sealed):
					err = r.hour(ctx, &s.sealed[i])
				case i < len(s.sealed)+len(s.open):
					err = r.stretch(ctx, s.open[i-len(s.sealed)])
				default:
					return
				}
				if err != nil {
					cancel(err)
				}
			}
		})
	}
	wait.Wait()
	return context.Cause(ctx)
}

// tell says that n more transactions are done.
func (s *eventScan) tell(n int64) {
	if done := s.done.Add(n); s.progress != nil {
		s.progress(done, s.total.Load())
	}
}

// eventReader is one goroutine's part of a scan.
type eventReader struct {
	*eventScan
	take     func(*sluice.Event) error
	rows     *bookedReader
	segments seal.SegmentReader
}

// event takes what is of the period.
func (r *eventReader) event(b *seal.Booked) error {
	if b.Event == nil || b.Tx.At.Before(r.since) || !b.Tx.At.Before(r.until) {
		return nil
	}
	return r.take(b.Event)
}

// stretch reads what is not sealed.
func (r *eventReader) stretch(ctx context.Context, part stretch) error {
	at := part.From - 1
	r.rows.eventsOnly = true
	err := r.rows.read(ctx, part, func(b *seal.Booked) error {
		if b.Seq-at >= readBlock {
			r.tell(b.Seq - at)
			at = b.Seq
		}
		return r.event(b)
	})
	r.rows.eventsOnly = false
	r.tell(part.To - at)
	return err
}

// hour reads a sealed hour.
func (r *eventReader) hour(ctx context.Context, s *seal.Seal) error {
	pages, err := r.db.pageHeads(ctx, s.Hour)
	if err != nil {
		return err
	}
	hashes := make([]seal.Hash, len(pages))
	for i := range pages {
		hashes[i] = pages[i].hash
	}
	if seal.Root(hashes) != s.Root {
		return damaged(s.Hour, "its pages")
	}
	for part := range slices.Chunk(pages, pagesAtOnce) {
		segments, err := r.db.segments(ctx, s.Hour, part[0].number, part[len(part)-1].number)
		if err != nil {
			return err
		}
		for i := range part {
			p := &part[i]
			err := seal.ErrSegment
			if data, ok := segments[p.number]; ok {
				err = r.segments.Read(p.number, p.hash, data, r.event)
			}
			if errors.Is(err, seal.ErrSegment) {
				err = r.byRows(ctx, s, p)
			}
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return err
			}
			r.tell(p.rows)
		}
	}
	return nil
}

// byRows reads a page that has no segment, or one that was altered.
func (r *eventReader) byRows(ctx context.Context, s *seal.Seal, p *pageHead) error {
	var leaves []seal.Hash
	var found []seal.Booked
	err := r.rows.read(ctx, ofSeal(s, p.number*seal.PageRows, (p.number+1)*seal.PageRows-1), func(b *seal.Booked) error {
		leaves = append(leaves, seal.Leaf(&b.Tx, b.Event))
		if b.Event != nil {
			e := *b.Event
			found = append(found, seal.Booked{Tx: sluice.Tx{At: b.Tx.At}, Event: &e})
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(leaves) == 0 || seal.PageHash(p.number, leaves) != p.hash {
		return damaged(s.Hour, fmt.Sprintf("transactions %d to %d", p.number*seal.PageRows, (p.number+1)*seal.PageRows-1))
	}
	for i := range found {
		if err := r.event(&found[i]); err != nil {
			return err
		}
	}
	return nil
}

// damaged is the error for what is not what was sealed.
func damaged(hour time.Time, what string) error {
	return sluice.Errorf(sluice.CodeConflict, "Of the hour %s %s are not what was sealed: `sluice ledger audit` says which.", hour.Format(time.RFC3339), what)
}

// pageHead is a page without its rows.
type pageHead struct {
	number int64
	hash   seal.Hash
	rows   int64
}

// pageHeads returns the pages of an hour in order.
func (db *DB) pageHeads(ctx context.Context, hour time.Time) ([]pageHead, error) {
	scan := func(rows *sql.Rows) (p pageHead, err error) {
		var hash []byte
		if err = rows.Scan(&p.number, &hash, &p.rows); err == nil && len(hash) != len(p.hash) {
			err = fmt.Errorf("page %d has a hash of %d bytes", p.number, len(hash))
		}
		if err == nil {
			p.hash = seal.Hash(hash)
		}
		return p, err
	}
	return collect(ctx, db.r, scan, `SELECT page, hash, LENGTH(marks) / 10 FROM seal_page WHERE hour = $1 ORDER BY page`, micros(hour))
}
