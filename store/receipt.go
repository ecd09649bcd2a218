package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"sluice"
	"sluice/money/seal"
)

// Receipt returns the receipt of a call of an organisation; of any for "". It
// leads to the last seal. Errors: CodeNotFound; CodeConflict while its hour is not sealed.
func (db *DB) Receipt(ctx context.Context, org, call string) (*seal.Receipt, error) {
	r, err := db.receipt(ctx, org, call)
	if err != nil {
		if code := sluice.CodeOf(err); code == sluice.CodeNotFound || code == sluice.CodeConflict {
			return nil, err
		}
		return nil, fmt.Errorf("making the receipt of %s: %w", call, err)
	}
	return r, nil
}

func (db *DB) receipt(ctx context.Context, org, call string) (*seal.Receipt, error) {
	var seq int64
	err := db.r.QueryRowContext(ctx, `SELECT tx.seq FROM tx JOIN usage_event AS e ON e.tx = tx.seq WHERE tx.id = $1 AND (e.org = $2 OR $2 = '')`, call, org).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, notFound("call", call)
	}
	if err != nil {
		return nil, err
	}
	number := seq / seal.PageRows
	hour, page, err := db.pageOf(ctx, seq)
	if err != nil {
		return nil, err
	}
	if page == nil {
		return nil, sluice.Errorf(sluice.CodeConflict, "The hour of call %q is not sealed yet: ask again when it is over.", call)
	}
	seals, err := db.seals(ctx, `WHERE hour >= $1 ORDER BY hour`, micros(hour))
	if err != nil {
		return nil, err
	}
	r := &seal.Receipt{Version: seal.Version, Page: number, PageRows: len(page.Rows), Seal: seals[0], Links: []seal.Hash{}}
	for i := range seals[1:] {
		r.Links = append(r.Links, seals[1+i].Body())
	}
	last := &seals[len(seals)-1]
	r.Head, r.Hour = last.Hash, last.Hour

	leaves, err := db.leaves(ctx, &seals[0], number, func(b *seal.Booked) {
		if b.Seq == seq {
			r.Transaction = b.Tx
			r.Transaction.Entries = append([]sluice.Entry{}, b.Tx.Entries...)
			event := *b.Event
			r.Event = &event
		}
	})
	if err != nil {
		return nil, err
	}
	var inPage []seal.Hash
	for i, row := range page.Rows {
		if row.Seq == seq {
			r.Row = i
		}
		inPage = append(inPage, leaves[row.Seq])
	}
	r.Leaf, r.RowPath = leaves[seq], seal.Path(inPage, r.Row)
	pages, err := db.pageHeads(ctx, hour)
	if err != nil {
		return nil, err
	}
	hashes := make([]seal.Hash, len(pages))
	for i := range pages {
		if hashes[i] = pages[i].hash; pages[i].number == number {
			r.PagePlace = i
		}
	}
	r.PagePath = seal.Path(hashes, r.PagePlace)
	if err := r.Verify(seal.Hash{}); err != nil {
		return nil, fmt.Errorf("what is stored is not what was sealed: %w", err)
	}
	return r, nil
}

// pageOf returns the page that a transaction is sealed in, nil when it is in none.
func (db *DB) pageOf(ctx context.Context, seq int64) (hour time.Time, page *seal.Page, err error) {
	pages, hours, err := db.pages(ctx, `WHERE page = $1`, seq/seal.PageRows)
	for i := range pages {
		for _, r := range pages[i].Rows {
			if r.Seq == seq {
				return hours[i], &pages[i], err
			}
		}
	}
	return time.Time{}, nil, err
}

func (db *DB) pages(ctx context.Context, where string, args ...any) (pages []seal.Page, hours []time.Time, err error) {
	scan := func(rows *sql.Rows) (p seal.Page, err error) {
		var hour int64
		var hash, marks []byte
		if err = rows.Scan(&hour, &p.Number, &hash, &marks); err != nil {
			return p, err
		}
		if len(hash) != len(p.Hash) {
			return p, fmt.Errorf("page %d has a hash of %d bytes", p.Number, len(hash))
		}
		hours = append(hours, instant(hour))
		p.Hash = seal.Hash(hash)
		p.Rows, err = readMarks(p.Number, marks)
		return p, err
	}
	pages, err = collect(ctx, db.r, scan, `SELECT hour, page, hash, marks FROM seal_page `+where+` ORDER BY hour, page`, args...)
	return pages, hours, err
}

// leaves returns the leaves of those transactions of a page's numbers that an
// hour's seal takes up, by their numbers. see is shown each of them.
func (db *DB) leaves(ctx context.Context, s *seal.Seal, number int64, see func(*seal.Booked)) (map[int64]seal.Hash, error) {
	accounts, err := db.readAccountIDs(ctx)
	if err != nil {
		return nil, err
	}
	leaves := map[int64]seal.Hash{}
	r := newBookedReader(db, accounts)
	defer r.close()
	err = r.read(ctx, ofSeal(s, number*seal.PageRows, (number+1)*seal.PageRows-1), func(b *seal.Booked) error {
		leaves[b.Seq] = seal.Leaf(&b.Tx, b.Event)
		see(b)
		return nil
	})
	return leaves, err
}

// ofSeal is the stretch of one hour's seal within some numbers.
func ofSeal(s *seal.Seal, from, to int64) stretch {
	st := stretch{From: from, To: min(to, s.Cutoff), Open: s.Hour, Until: s.Hour.Add(time.Hour), Seen: s.Cutoff}
	if s.Hour.Equal(s.Open) { // what was booked late is in the first hour of its pass
		st.Seen = s.Seen
	}
	return st
}

// AuditHour compares a sealed hour with what is stored now, from the events and
// entries up to the root. It returns the places where they differ, and the hour
// as it was added up anew.
func (db *DB) AuditHour(ctx context.Context, s *seal.Seal) ([]seal.Fault, *seal.Hour, error) {
	faults, hour, err := db.auditHour(ctx, s)
	if err != nil {
		return nil, nil, fmt.Errorf("looking at the hour %s: %w", s.Hour.Format(time.RFC3339), err)
	}
	return faults, hour, nil
}

func (db *DB) auditHour(ctx context.Context, s *seal.Seal) ([]seal.Fault, *seal.Hour, error) {
	pages, _, err := db.pages(ctx, `WHERE hour = $1`, micros(s.Hour))
	if err != nil {
		return nil, nil, err
	}
	var faults []seal.Fault
	hashes := make([]seal.Hash, len(pages))
	from, to := int64(1), int64(0)
	for i := range pages {
		hashes[i] = pages[i].Hash
		if i == 0 {
			from = pages[i].Number * seal.PageRows
		}
		to = (pages[i].Number+1)*seal.PageRows - 1
	}
	if seal.Root(hashes) != s.Root || int64(len(pages)) != s.Pages {
		faults = append(faults, seal.Fault{Hour: s.Hour, What: "the pages are not those that were sealed: they do not make the seal's root"})
	}
	hours, err := db.gatherHours(ctx, ofSeal(s, from, to), nil, nil)
	if err != nil {
		return nil, nil, err
	}
	rows, err := db.locate(ctx, s, pages, &hours[0])
	if err != nil {
		return nil, nil, err
	}
	faults = append(faults, rows...)
	if len(faults) == 0 { // else they come to something else for that
		sums, err := db.auditSums(ctx, s, &hours[0])
		if err != nil {
			return nil, nil, err
		}
		faults = append(faults, sums...)
	}
	segments, err := db.auditSegments(ctx, s, pages)
	return append(faults, segments...), &hours[0], err
}

// locate names what differs between the pages that were sealed and the hour as
// it was added up anew. Only pages that differ are read again, row by row.
func (db *DB) locate(ctx context.Context, s *seal.Seal, pages []seal.Page, hour *seal.Hour) ([]seal.Fault, error) {
	now := map[int64]*seal.Page{}
	for i := range hour.Pages {
		now[hour.Pages[i].Number] = &hour.Pages[i]
	}
	var faults []seal.Fault
	for i := range pages {
		p := &pages[i]
		is := now[p.Number]
		delete(now, p.Number)
		if is != nil && is.Hash == p.Hash && slices.Equal(is.Rows, p.Rows) {
			continue
		}
		ids := map[int64]string{}
		leaves, err := db.leaves(ctx, s, p.Number, func(b *seal.Booked) { ids[b.Seq] = b.Tx.ID })
		if err != nil {
			return nil, err
		}
		for _, f := range seal.Locate(s.Hour, p, leaves) {
			f.ID = ids[f.Seq]
			faults = append(faults, f)
		}
	}
	for _, number := range slices.Sorted(maps.Keys(now)) { // pages that were not sealed
		faults = append(faults, seal.Fault{Hour: s.Hour, Seq: now[number].Rows[0].Seq, What: "it was not there when the hour was sealed"})
	}
	return faults, nil
}
