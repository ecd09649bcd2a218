package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"sluice"
	"sluice/money/seal"
	"sluice/money/statement"
)

// readers is how many goroutines read a stretch of transactions beside each
// other: each may need two connections.
const readers = 2

// Progress is told of long work how much of it is done, in transactions. It may
// be called from several goroutines.
type Progress = func(done, total int64)

// SealPoint returns where the next seal goes on.
func (db *DB) SealPoint(ctx context.Context) (seal.Point, error) {
	var p seal.Point
	seals, err := db.seals(ctx, `ORDER BY hour DESC LIMIT 1`)
	if err == nil && len(seals) == 1 {
		p.Last = &seals[0]
		err = db.r.QueryRowContext(ctx, `SELECT floor FROM seal WHERE hour = $1`, micros(p.Last.Hour)).Scan(&p.Floor)
	}
	if err == nil {
		err = db.r.QueryRowContext(ctx, `SELECT COALESCE(MAX(seq), 0) FROM tx`).Scan(&p.Cutoff)
	}
	if err == nil && p.Last == nil {
		var first int64
		err = db.r.QueryRowContext(ctx, `SELECT COALESCE(MIN(at), 0) FROM tx WHERE at > 0`).Scan(&first)
		p.First = instant(first)
		if first != 0 {
			p.First = p.First.Truncate(time.Hour)
		}
	}
	if err != nil {
		return seal.Point{}, fmt.Errorf("looking where the next seal goes on: %w", err)
	}
	return p, nil
}

// GatherHours adds up what the seals of the hours from open on, before until,
// take up: the transactions above floor and up to cutoff that took effect before
// until, without those of before open that have numbers up to seen. Other ones are
// not touched. The segments of the hours' pages are stored on the way, which are read
// once the hours are sealed. progress may be nil.
func (db *DB) GatherHours(ctx context.Context, open, until time.Time, floor, seen, cutoff int64, progress Progress) ([]seal.Hour, error) {
	segments := newSegmentWriter(ctx, db)
	hours, err := db.gatherHours(ctx, stretch{floor + 1, cutoff, open, until, seen}, progress, segments.keep)
	if err := errors.Join(err, segments.end()); err != nil {
		return nil, fmt.Errorf("adding up the hours from %s to %s: %w", open.Format(time.RFC3339), until.Format(time.RFC3339), err)
	}
	return hours, nil
}

// gatherHours adds up the hours of a stretch. keep, when not nil, is given the
// segments of their pages, by several goroutines.
func (db *DB) gatherHours(ctx context.Context, s stretch, progress Progress, keep func(seal.Segment) error) ([]seal.Hour, error) {
	books, err := db.Books(ctx)
	if err != nil {
		return nil, err
	}
	parts := split(s)
	gatherers := make([]*seal.Gatherer, len(parts))
	for i := range gatherers {
		rater, err := statement.NewRater(books)
		if err != nil {
			return nil, err
		}
		gatherers[i] = seal.NewGatherer(s.Open, rater, keep)
	}
	err = db.readParts(ctx, parts, progress, func(_, part int, b *seal.Booked) error { return gatherers[part].Add(b) })
	if err != nil {
		return nil, err
	}
	return seal.Merge(gatherers, s.Open, s.Until)
}

// split parts a stretch for readers, where pages begin.
func split(s stretch) []stretch {
	var parts []stretch
	step := (s.To-s.From)/(4*readers*readBlock)*readBlock + readBlock // several for each, so that none waits long for the last
	for from := s.From; from <= s.To; {
		to := min(from-from%seal.PageRows+step-1, s.To)
		parts = append(parts, stretch{from, to, s.Open, s.Until, s.Seen})
		from = to + 1
	}
	return parts
}

// readParts reads parts of a stretch beside each other. take is called with the
// number of the reader and of the part; for each of them by one goroutine, in order.
func (db *DB) readParts(ctx context.Context, parts []stretch, progress Progress, take func(reader, part int, b *seal.Booked) error) error {
	accounts, err := db.readAccountIDs(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next, done atomic.Int64
	var total int64
	for _, p := range parts {
		total += p.To - p.From + 1
	}
	var wait sync.WaitGroup
	for reader := range min(readers, len(parts)) {
		wait.Go(func() {
			r := newBookedReader(db, accounts)
			defer r.close()
			for i := int(next.Add(1)) - 1; i < len(parts); i = int(next.Add(1)) - 1 {
				at := parts[i].From - 1
				tell := func(to int64) {
					if n := done.Add(to - at); progress != nil {
						progress(n, total)
					}
					at = to
				}
				err := r.read(ctx, parts[i], func(b *seal.Booked) error {
					if b.Seq-at >= readBlock {
						tell(b.Seq)
					}
					return take(reader, i, b)
				})
				if err != nil {
					cancel(err)
					return
				}
				tell(parts[i].To)
			}
		})
	}
	wait.Wait()
	return context.Cause(ctx)
}

// PutSeal stores the seal of an hour with its pages and rows, in one
// transaction. Errors: CodeConflict when the hour was sealed already, or the seal
// does not follow the last one.
func (db *DB) PutSeal(ctx context.Context, s *seal.Seal, h *seal.Hour, floor int64) error {
	usage, err := json.Marshal(s.Usage)
	if err != nil {
		return fmt.Errorf("writing a seal: %w", err)
	}
	sums, err := json.Marshal(s.Sums)
	if err != nil {
		return fmt.Errorf("writing a seal: %w", err)
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	err = db.write(ctx, func(tx *sql.Tx) error {
		var prev []byte
		err := tx.QueryRowContext(ctx, `SELECT hash FROM seal ORDER BY hour DESC LIMIT 1`).Scan(&prev)
		if errors.Is(err, sql.ErrNoRows) {
			prev, err = make([]byte, len(s.Prev)), nil
		}
		if err != nil {
			return err
		}
		if string(prev) != string(s.Prev[:]) {
			return sluice.Errorf(sluice.CodeConflict, "The seal of %s does not follow the last one.", s.Hour.Format(time.RFC3339))
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO seal (hour, sealed_at, since, seen, cutoff, floor, tx_rows, events, late, pages, units, sums, root, prev, hash)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`, micros(s.Hour), micros(s.SealedAt), micros(s.Open), s.Seen, s.Cutoff,
			floor, s.Rows, s.Events, s.Late, s.Pages, string(usage), string(sums), s.Root[:], s.Prev[:], s.Hash[:])
		if err != nil {
			return err
		}
		var pages []any
		for i := range h.Pages {
			p := &h.Pages[i]
			pages = append(pages, micros(h.Start), p.Number, p.Hash[:], marksOf(p))
		}
		if err := db.insert(ctx, tx, `INSERT INTO seal_page (hour, page, hash, marks) VALUES `, `(?, ?, ?, ?)`, ``, pages); err != nil {
			return err
		}
		return db.writeRollups(ctx, tx, h)
	})
	if sluice.CodeOf(err) == sluice.CodeConflict {
		return err
	}
	return db.refused("seal", s.Hour.Format(time.RFC3339), err)
}

// insert writes rows in few statements, which it prepares for itself.
func (db *DB) insert(ctx context.Context, tx *sql.Tx, head, row, tail string, args []any) error {
	b := newBulk(head, row, tail)
	size := bulkSizes()[0] / 2 * b.columns
	for len(args) > 0 {
		n := min(size, len(args))
		if _, err := tx.ExecContext(ctx, b.text(db.dialect, n/b.columns), args[:n]...); err != nil {
			return err
		}
		args = args[n:]
	}
	return nil
}

// marksOf writes a page's rows: for each the number's place in the page and the mark.
func marksOf(p *seal.Page) []byte {
	b := make([]byte, 0, 10*len(p.Rows))
	for _, r := range p.Rows {
		b = binary.BigEndian.AppendUint16(b, uint16(r.Seq%seal.PageRows))
		b = append(b, r.Mark[:]...)
	}
	return b
}

// readMarks is the inverse of marksOf.
func readMarks(page int64, b []byte) ([]seal.Row, error) {
	if len(b)%10 != 0 {
		return nil, fmt.Errorf("the marks of page %d have %d bytes", page, len(b))
	}
	rows := make([]seal.Row, len(b)/10)
	for i := range rows {
		rows[i].Seq = page*seal.PageRows + int64(binary.BigEndian.Uint16(b[10*i:]))
		rows[i].Mark = [8]byte(b[10*i+2:])
	}
	return rows, nil
}

// NextFloor returns up to which number all transactions are in a seal, when those
// up to cutoff that took effect before until are. floor is one of before.
func (db *DB) NextFloor(ctx context.Context, floor, cutoff int64, until time.Time) (int64, error) {
	var first int64
	err := db.r.QueryRowContext(ctx, `SELECT COALESCE(MIN(seq), $1) FROM tx WHERE seq > $2 AND seq <= $3 AND at >= $4`, int64(math.MaxInt64), floor, cutoff, micros(until)).Scan(&first)
	if err != nil {
		return 0, fmt.Errorf("looking for what is not sealed: %w", err)
	}
	return min(first-1, cutoff), nil
}

// Seals returns the seals of the hours from since on, before until, in order. A
// zero bound is none.
func (db *DB) Seals(ctx context.Context, since, until time.Time) ([]seal.Seal, error) {
	to := int64(math.MaxInt64)
	if !until.IsZero() {
		to = micros(until)
	}
	seals, err := db.seals(ctx, `WHERE hour >= $1 AND hour < $2 ORDER BY hour`, micros(since), to)
	if err != nil {
		return nil, fmt.Errorf("reading seals: %w", err)
	}
	return seals, nil
}

func (db *DB) seals(ctx context.Context, where string, args ...any) ([]seal.Seal, error) {
	scan := func(rows *sql.Rows) (s seal.Seal, err error) {
		var hour, at, open int64
		var usage, sums string
		var root, prev, hash []byte
		err = rows.Scan(&hour, &at, &open, &s.Seen, &s.Cutoff, &s.Rows, &s.Events, &s.Late, &s.Pages, &usage, &sums, &root, &prev, &hash)
		if err != nil {
			return s, err
		}
		s.Hour, s.SealedAt, s.Open = instant(hour), instant(at), instant(open)
		for _, h := range []struct {
			to   *seal.Hash
			from []byte
		}{{&s.Root, root}, {&s.Prev, prev}, {&s.Hash, hash}} {
			if len(h.from) != len(h.to) {
				return s, fmt.Errorf("the seal of %s has a hash of %d bytes", s.Hour, len(h.from))
			}
			*h.to = seal.Hash(h.from)
		}
		if err = strictly(usage, &s.Usage); err == nil {
			err = strictly(sums, &s.Sums)
		}
		if err != nil {
			err = fmt.Errorf("the seal of %s: %w", s.Hour.Format(time.RFC3339), err)
		}
		return s, err
	}
	return collect(ctx, db.r, scan, `SELECT hour, sealed_at, since, seen, cutoff, tx_rows, events, late, pages, units, sums, root, prev, hash FROM seal `+where, args...)
}
