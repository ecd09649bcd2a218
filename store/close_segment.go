package store

import (
	"context"
	"database/sql"
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
// was written and never sealed is not read, and is written over by the next attempt. It
// is safe for concurrent use.
type segmentWriter struct {
	db  *DB
	ctx context.Context //nolint:containedctx // of the one call that it writes for

	mu      sync.Mutex
	pending []seal.Segment
}

// keep takes a segment, and writes those that wait when they are enough.
func (w *segmentWriter) keep(s seal.Segment) error {
	w.mu.Lock()
	w.pending = append(w.pending, s)
	if len(w.pending) < segmentsAtOnce {
		w.mu.Unlock()
		return nil
	}
	full := w.pending
	w.pending = nil
	w.mu.Unlock()
	return w.write(full)
}

// finish writes what waits. It is called when nothing more comes.
func (w *segmentWriter) finish() error {
	if len(w.pending) == 0 {
		return nil
	}
	return w.write(w.pending)
}

func (w *segmentWriter) write(segments []seal.Segment) error {
	args := make([]any, 0, 3*len(segments))
	for i := range segments {
		args = append(args, micros(segments[i].Hour), segments[i].Page, segments[i].Data)
	}
	w.db.mu.Lock()
	defer w.db.mu.Unlock()
	err := w.db.write(w.ctx, func(tx *sql.Tx) error {
		return w.db.insert(w.ctx, tx, `INSERT INTO seal_segment (hour, page, data) VALUES `, `(?, ?, ?)`, ` ON CONFLICT (hour, page) DO UPDATE SET data = excluded.data`, args)
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
	segments := &segmentWriter{db: db, ctx: ctx}
	from, to := h.Pages[0].Number*seal.PageRows, (h.Pages[len(h.Pages)-1].Number+1)*seal.PageRows-1
	if _, err := db.gatherHours(ctx, ofSeal(&seals[0], from, to), nil, segments.keep); err != nil {
		return err
	}
	return segments.finish()
}
