package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"sluice"
	"sluice/money/seal"
)

// stretch is some transactions: those with numbers from From to To that took
// effect before Until, without those that took effect before Open and have
// numbers up to Seen, which earlier seals have.
type stretch struct {
	From, To    int64 // both are in it
	Open, Until time.Time
	Seen        int64
}

// readBlock is how many numbers are read together: a whole number of pages.
const readBlock = 8 * seal.PageRows

// between separates texts that are read as one.
const between = "\x1f"

// bookedColumns are read of each transaction, $4 being between. What calls have
// in common is one text, so that it is taken apart once for many of them.
const bookedColumns = `tx.seq, tx.id, tx.at, tx.kind || $4 || tx.memo,
	e.org || $4 || e.project || $4 || e.key || $4 || e.model || $4 || e.engine || $4 || e.endpoint || $4 || e.status || $4 || e.currency || $4 || e.book
		|| $4 || e.subscription || $4 || e.plan_version || $4 || e.service_tier || $4 || CAST(e.estimated AS TEXT) || CAST(e.simulated AS TEXT)
		|| CAST(e.batch AS TEXT) || CAST(e.thinking AS TEXT),
	e.cost || $4 || e.units || $4 || e.steps,
	e.admitted_at, e.first_at, e.ended_at, e.input, e.cached, e.cache_write, e.output, e.reasoning, e.list_pico, e.charge_pico, e.refund_pico`

const bookedQuery = `SELECT ` + bookedColumns + ` FROM tx LEFT JOIN usage_event AS e ON e.tx = tx.seq
	WHERE tx.seq >= $1 AND tx.seq <= $2 AND tx.at < $3 AND (tx.at >= $5 OR tx.seq > $6) ORDER BY tx.seq`

const (
	bookedTexts   = 6 // how many columns stand before the numbers of bookedColumns
	bookedNumbers = 11
)

// bookedReader reads stretches. It is not safe for concurrent use.
type bookedReader struct {
	db         *DB
	eventsOnly bool // without entries, and what else stands beside
	accounts   map[int64]sluice.AccountID
	common     map[string]*commonPart

	row     [bookedTexts + bookedNumbers]any
	into    [bookedTexts + bookedNumbers]any
	booked  seal.Booked
	event   sluice.Event
	entries []numberedEntry
	lots    map[int64]*sluice.Lot
	correct map[int64]string
}

// commonPart is what calls have in common that have the same text for it.
type commonPart struct {
	event sluice.Event
	group seal.Group
}

type numberedEntry struct {
	tx int64
	sluice.Entry
}

// newBookedReader returns a reader over accounts as readAccountIDs gives them.
func newBookedReader(db *DB, accounts map[int64]sluice.AccountID) *bookedReader {
	r := &bookedReader{db: db, accounts: accounts, common: map[string]*commonPart{}}
	for i := range r.row {
		r.into[i] = &r.row[i]
	}
	return r
}

func (db *DB) readAccountIDs(ctx context.Context) (map[int64]sluice.AccountID, error) {
	accounts := map[int64]sluice.AccountID{}
	scan := func(rows *sql.Rows) (n int64, err error) {
		var a sluice.AccountID
		err = rows.Scan(&n, &a.Owner, &a.Kind, &a.Currency, &a.Lot)
		accounts[n] = a
		return n, err
	}
	_, err := collect(ctx, db.r, scan, `SELECT id, owner, kind, currency, lot FROM account`)
	return accounts, err
}

// read hands over the transactions of a stretch in order. What is handed over is
// used again for the next one; but for the group.
func (r *bookedReader) read(ctx context.Context, s stretch, take func(*seal.Booked) error) error {
	for from := s.From; from <= s.To; {
		to := min(from-from%readBlock+readBlock-1, s.To)
		if err := r.block(ctx, stretch{from, to, s.Open, s.Until, s.Seen}, take); err != nil {
			return fmt.Errorf("reading transactions %d to %d: %w", from, to, err)
		}
		from = to + 1
	}
	return nil
}

func (r *bookedReader) block(ctx context.Context, s stretch, take func(*seal.Booked) error) error {
	if !r.eventsOnly {
		if err := r.readBeside(ctx, s); err != nil {
			return err
		}
	}
	rows, err := r.db.r.QueryContext(ctx, bookedQuery, s.From, s.To, micros(s.Until), between, micros(s.Open), s.Seen)
	if err != nil {
		return err
	}
	defer rows.Close()
	next := 0 // entry
	for rows.Next() {
		if err := rows.Scan(r.into[:]...); err != nil {
			return err
		}
		if err := r.take(ctx); err != nil {
			return err
		}
		b := &r.booked
		for next < len(r.entries) && r.entries[next].tx < b.Seq {
			next++
		}
		b.Tx.Entries = b.Tx.Entries[:0]
		for ; next < len(r.entries) && r.entries[next].tx == b.Seq; next++ {
			b.Tx.Entries = append(b.Tx.Entries, r.entries[next].Entry)
		}
		b.Tx.Lot, b.Tx.Corrects = r.lots[b.Seq], r.correct[b.Seq]
		if err := take(b); err != nil {
			return err
		}
	}
	return rows.Err()
}

// readBeside reads what stands beside a block's transactions: entries, lots,
// what is corrected.
func (r *bookedReader) readBeside(ctx context.Context, s stretch) error {
	r.entries = r.entries[:0]
	rows, err := r.db.r.QueryContext(ctx, `SELECT tx, account, nano, carry FROM entry WHERE tx >= $1 AND tx <= $2 ORDER BY tx, line`, s.From, s.To)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(r.into[:4]...); err != nil {
			return err
		}
		var n [4]int64
		for i := range n {
			n[i], _ = r.row[i].(int64)
		}
		r.entries = append(r.entries, numberedEntry{n[0], sluice.Entry{Account: r.accounts[n[1]], Amount: sluice.Amount{Nano: n[2], Carry: n[3]}}})
	}
	if err := rows.Err(); err != nil {
		return err
	}
	r.lots, r.correct = map[int64]*sluice.Lot{}, map[int64]string{}
	lots, err := readLots(ctx, r.db.r, `WHERE tx >= $1 AND tx <= $2`, s.From, s.To)
	if err != nil {
		return err
	}
	scan := func(rows *sql.Rows) (n int64, err error) {
		var text string
		err = rows.Scan(&n, &text)
		r.correct[n] = text
		return n, err
	}
	if len(lots) > 0 {
		scanLot := func(rows *sql.Rows) (n int64, err error) {
			var id string
			err = rows.Scan(&n, &id)
			r.lots[n] = lots[id]
			return n, err
		}
		if _, err := collect(ctx, r.db.r, scanLot, `SELECT tx, id FROM lot WHERE tx >= $1 AND tx <= $2`, s.From, s.To); err != nil {
			return err
		}
	}
	_, err = collect(ctx, r.db.r, scan, `SELECT tx, corrects FROM correction WHERE tx >= $1 AND tx <= $2`, s.From, s.To)
	return err
}

// errMalformed is a row whose columns are not of the types that the schema says.
var errMalformed = errors.New("a column is not of its type")

// take reads r.row into r.booked, all but what stands beside.
func (r *bookedReader) take(ctx context.Context) error {
	b := &r.booked
	seq, ok1 := r.row[0].(int64)
	id, ok2 := r.row[1].(string)
	at, ok3 := r.row[2].(int64)
	about, ok4 := r.row[3].(string)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return errMalformed
	}
	kind, memo, _ := strings.Cut(about, between)
	b.Seq, b.Tx.ID, b.Tx.At, b.Tx.Memo = seq, id, instant(at), memo
	if b.Tx.Kind != sluice.TxKind(kind) {
		b.Tx.Kind = sluice.TxKind(kind)
	}
	b.Event, b.Group = nil, nil
	common, ok := r.row[4].(string)
	if !ok {
		return nil // no event
	}
	c := r.common[common]
	if c == nil {
		if c = parseCommon(common); c == nil {
			return r.takeWhole(ctx)
		}
		r.common[common] = c
	}
	further, ok := r.row[5].(string)
	if !ok {
		return errMalformed
	}
	var n [bookedNumbers]int64
	for i := range n {
		if n[i], ok = r.row[bookedTexts+i].(int64); !ok {
			return errMalformed
		}
	}
	e := &r.event
	*e = c.event
	e.CallID = id
	e.AdmittedAt, e.FirstAt, e.EndedAt = instant(n[0]), instant(n[1]), instant(n[2])
	copy(e.Usage[:columnClasses], n[3:3+columnClasses])
	e.List, e.Charge, e.Refund = sluice.Pico(n[8]), sluice.Pico(n[9]), sluice.Pico(n[10])
	b.Event, b.Group = e, &c.group
	if further == between+between {
		return nil
	}
	parts := strings.Split(further, between)
	if len(parts) != 3 {
		return r.takeWhole(ctx)
	}
	row := eventRow{event: *e, admitted: n[0], first: n[1], ended: n[2], cost: parts[0], units: parts[1], steps: parts[2]}
	err := row.read()
	*e = row.event
	return err
}

// parseCommon takes what calls have in common apart; nil when a text in it has
// the separator itself.
func parseCommon(text string) *commonPart {
	parts := strings.Split(text, between)
	if len(parts) != 13 || len(parts[12]) != 4 {
		return nil
	}
	c := new(commonPart)
	e := &c.event
	for i, to := range [...]*string{&e.Org, &e.Project, &e.Key, &e.Model, &e.Engine, &e.Endpoint, (*string)(&e.Status), (*string)(&e.Currency), &e.Book, &e.Subscription, &e.PlanVersion, &e.ServiceTier} {
		*to = parts[i]
	}
	for i, to := range [...]*bool{&e.Estimated, &e.Simulated, &e.Batch, &e.Thinking} {
		*to = parts[12][i] == '1'
	}
	c.group = seal.GroupOf(e)
	return c
}

// takeWhole reads the event column by column: one of its texts has the separator in it.
func (r *bookedReader) takeWhole(ctx context.Context) error {
	b := &r.booked
	scan := func(rows *sql.Rows) (sluice.Event, error) { return scanEvent(rows) }
	events, err := collect(ctx, r.db.r, scan, `SELECT tx.id, `+eventColumns+` FROM usage_event JOIN tx ON tx.seq = usage_event.tx WHERE tx.seq = $1`, b.Seq)
	if err != nil {
		return err
	}
	if len(events) != 1 {
		return errMalformed
	}
	r.event = events[0]
	group := seal.GroupOf(&r.event)
	b.Event, b.Group = &r.event, &group
	return nil
}
