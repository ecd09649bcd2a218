package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"sluice/money/seal"
)

// segmentsAtOnce is how many segments are written in one transaction: about a
// megabyte, so that calls that are settled meanwhile wait for some milliseconds.
const segmentsAtOnce = 16

// segmentWriter stores segments as pages are gathered, before they are sealed: what
// was written and never sealed is not read, and is written over by the next attempt.
type segmentWriter struct {
	queue chan []seal.Segment
	ended chan error // what became of it, once

	mu      sync.Mutex
	pending []seal.Segment
}

// newSegmentWriter begins to write, beside whoever gathers. It must be ended.
func newSegmentWriter(ctx context.Context, db *DB) *segmentWriter {
	w := &segmentWriter{queue: make(chan []seal.Segment, readers), ended: make(chan error, 1)}
	go func() {
		var err error
		for segments := range w.queue { // also after an error: nobody is to wait for ever
			if err == nil {
				err = db.putSegments(ctx, segments)
			}
		}
		w.ended <- err
	}()
	return w
}

// keep takes a segment. It is safe for concurrent use.
func (w *segmentWriter) keep(s seal.Segment) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending = append(w.pending, s)
	if len(w.pending) == segmentsAtOnce {
		w.queue <- w.pending
		w.pending = nil
	}
	return nil
}

// end returns when all that was kept is written. Nothing may be kept any more.
func (w *segmentWriter) end() error {
	if len(w.pending) > 0 {
		w.queue <- w.pending
	}
	close(w.queue)
	return <-w.ended
}

// putSegments stores segments. They need not be durable before the seal is, whose
// commit makes durable what was committed before it.
func (db *DB) putSegments(ctx context.Context, segments []seal.Segment) error {
	args := make([]any, 0, 3*len(segments))
	for i := range segments {
		args = append(args, micros(segments[i].Hour), segments[i].Page, segments[i].Data)
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	err := db.write(ctx, func(tx *sql.Tx) error {
		if db.dialect.relax != "" {
			if _, err := tx.ExecContext(ctx, db.dialect.relax); err != nil {
				return err
			}
		}
		return db.insert(ctx, tx, `INSERT INTO seal_segment (hour, page, data) VALUES `, `(?, ?, ?)`, ` ON CONFLICT (hour, page) DO UPDATE SET data = excluded.data`, args)
	})
	if err != nil {
		return fmt.Errorf("storing segments: %w", err)
	}
	return nil
}

// pagesAtOnce is how many segments are read together: about a megabyte.
const pagesAtOnce = 16

// segments returns the segments that there are of an hour's pages from one to
// another, by page.
func (db *DB) segments(ctx context.Context, hour time.Time, from, to int64) (map[int64][]byte, error) {
	all := map[int64][]byte{}
	scan := func(rows *sql.Rows) (page int64, err error) {
		var data []byte
		err = rows.Scan(&page, &data)
		all[page] = data
		return page, err
	}
	_, err := collect(ctx, db.r, scan, `SELECT page, data FROM seal_segment WHERE hour = $1 AND page >= $2 AND page <= $3`, micros(hour), from, to)
	return all, err
}

// auditSums finds out whether the sums that statements are made of are those of an
// hour as it was added up now.
func (db *DB) auditSums(ctx context.Context, s *seal.Seal, hour *seal.Hour) ([]seal.Fault, error) {
	rows, err := db.Rollups(ctx, s.Hour, s.Hour.Add(time.Hour))
	if err != nil {
		return nil, err
	}
	sums, err := db.EntrySums(ctx, s.Hour, s.Hour.Add(time.Hour))
	if err != nil || slices.Equal(rows, hour.Rollups) && slices.Equal(sums, hour.Entries) {
		return nil, err
	}
	return []seal.Fault{{Hour: s.Hour, Copy: true, What: "the sums that statements are made of are not what the hour's transactions come to"}}, nil
}

// auditSegments names the segments of an hour's pages that do not hold what was
// sealed.
func (db *DB) auditSegments(ctx context.Context, s *seal.Seal, pages []seal.Page) ([]seal.Fault, error) {
	var faults []seal.Fault
	var r seal.SegmentReader
	for part := range slices.Chunk(pages, pagesAtOnce) {
		all, err := db.segments(ctx, s.Hour, part[0].Number, part[len(part)-1].Number)
		if err != nil {
			return nil, err
		}
		for i := range part {
			p := &part[i]
			data, ok := all[p.Number]
			if ok && r.Read(p.Number, p.Hash, data, func(*seal.Booked) error { return nil }) != nil {
				faults = append(faults, seal.Fault{Hour: s.Hour, Copy: true, What: fmt.Sprintf("the compact copy of transactions %d to %d was altered", p.Number*seal.PageRows, (p.Number+1)*seal.PageRows-1)})
			}
		}
	}
	return faults, nil
}

// rewriteSegments stores the segments of a sealed hour anew.
func (db *DB) rewriteSegments(ctx context.Context, h *seal.Hour) error {
	seals, err := db.Seals(ctx, h.Start, h.Start.Add(time.Hour))
	if err != nil || len(seals) == 0 || len(h.Pages) == 0 {
		return err
	}
	segments := newSegmentWriter(ctx, db)
	from, to := h.Pages[0].Number*seal.PageRows, (h.Pages[len(h.Pages)-1].Number+1)*seal.PageRows-1
	_, err = db.gatherHours(ctx, ofSeal(&seals[0], from, to), nil, segments.keep)
	return errors.Join(err, segments.end())
}
