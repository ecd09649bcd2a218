package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
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

// bookedQuery reads transactions with their events: the numbers from $1 to $2 that
// took effect before $3, without those that took effect before $4 and have numbers up to $5.
const bookedQuery = `SELECT tx.seq, tx.at, tx.id, tx.kind, tx.memo,
		e.admitted_at, e.first_at, e.ended_at, e.input, e.cached, e.cache_write, e.output, e.reasoning, e.list_pico, e.charge_pico, e.refund_pico,
		e.estimated, e.simulated, e.batch, e.thinking,
		e.org, e.project, e.key, e.model, e.engine, e.endpoint, e.status, e.currency, e.book, e.subscription, e.plan_version, e.service_tier,
		e.cost, e.units, e.steps
	FROM tx LEFT JOIN usage_event AS e ON e.tx = tx.seq AND e.tx >= $1 AND e.tx <= $2
	WHERE tx.seq >= $1 AND tx.seq <= $2 AND tx.at < $3 AND (tx.at >= $4 OR tx.seq > $5) ORDER BY tx.seq`

// Where columns of bookedQuery begin.
const (
	bookedNumbers = 5  // the event's, NULL when there is none
	bookedTruths  = 16 // what is true or not
	bookedTexts   = 20 // what calls have in common
	bookedFurther = 32 // what few of them have
)

const entryQuery = `SELECT tx, account, nano, carry FROM entry WHERE tx >= $1 AND tx <= $2 ORDER BY tx, line`

// bookedReader reads stretches. It is not safe for concurrent use.
type bookedReader struct {
	db         *DB
	eventsOnly bool // without entries, and what else stands beside
	accounts   map[int64]sluice.AccountID
	common     map[string]*commonPart

	source  rowSource // nil before the first block
	key     []byte
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

// newBookedReader returns a reader over accounts as readAccountIDs gives them. It
// must be closed.
func newBookedReader(db *DB, accounts map[int64]sluice.AccountID) *bookedReader {
	return &bookedReader{db: db, accounts: accounts, common: map[string]*commonPart{}}
}

// close lets the connection go, which has only been read from: what it may say
// when it is closed changes nothing.
func (r *bookedReader) close() {
	if r.source != nil {
		_ = r.source.close()
	}
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

func (r *bookedReader) block(ctx context.Context, s stretch, take func(*seal.Booked) error) (err error) {
	if r.source == nil {
		if r.source, err = r.db.source(ctx); err != nil {
			return err
		}
	}
	if !r.eventsOnly {
		if err := r.readBeside(ctx, s); err != nil {
			return err
		}
	}
	next := 0 // entry
	args := []int64{s.From, s.To, micros(s.Until), micros(s.Open), s.Seen}
	return r.source.each(ctx, bookedQuery, args, func(row row) error {
		if err := r.take(row); err != nil {
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
		return take(b)
	})
}

// readBeside reads what stands beside a block's transactions: entries, lots,
// what is corrected.
func (r *bookedReader) readBeside(ctx context.Context, s stretch) error {
	r.entries = r.entries[:0]
	err := r.source.each(ctx, entryQuery, []int64{s.From, s.To}, func(row row) error {
		e := sluice.Entry{Account: r.accounts[row.number(1)], Amount: sluice.Amount{Nano: row.number(2), Carry: row.number(3)}}
		r.entries = append(r.entries, numberedEntry{row.number(0), e})
		return nil
	})
	if err != nil {
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

// take reads a row into r.booked, all but what stands beside.
func (r *bookedReader) take(row row) error {
	b := &r.booked
	b.Seq, b.Tx.At, b.Tx.ID = row.number(0), instant(row.number(1)), string(row.text(2))
	if kind := row.text(3); string(kind) != string(b.Tx.Kind) {
		b.Tx.Kind = sluice.TxKind(kind)
	}
	if memo := row.text(4); string(memo) != b.Tx.Memo {
		b.Tx.Memo = string(memo)
	}
	b.Event, b.Group = nil, nil
	if row.null(bookedNumbers) {
		return nil
	}
	c := r.commonOf(row)
	e := &r.event
	*e = c.event
	e.CallID = b.Tx.ID
	admitted, first, ended := row.number(bookedNumbers), row.number(bookedNumbers+1), row.number(bookedNumbers+2)
	e.AdmittedAt, e.FirstAt, e.EndedAt = instant(admitted), instant(first), instant(ended)
	for class := range columnClasses {
		e.Usage[class] = row.number(bookedNumbers + 3 + class)
	}
	const amounts = bookedNumbers + 3 + columnClasses
	e.List, e.Charge, e.Refund = sluice.Pico(row.number(amounts)), sluice.Pico(row.number(amounts+1)), sluice.Pico(row.number(amounts+2))
	b.Event, b.Group = e, &c.group
	cost, units, steps := row.text(bookedFurther), row.text(bookedFurther+1), row.text(bookedFurther+2)
	if len(cost)+len(units)+len(steps) == 0 {
		return nil
	}
	further := eventRow{event: *e, admitted: admitted, first: first, ended: ended, cost: string(cost), units: string(units), steps: string(steps)}
	err := further.read()
	*e = further.event
	return err
}

// commonOf returns what a row's call has in common with others: the same for
// all of them.
func (r *bookedReader) commonOf(row row) *commonPart {
	r.key = r.key[:0]
	for i := bookedTexts; i < bookedFurther; i++ {
		t := row.text(i)
		r.key = append(binary.AppendUvarint(r.key, uint64(len(t))), t...)
	}
	for i := bookedTruths; i < bookedTexts; i++ {
		r.key = append(r.key, byte(row.number(i)))
	}
	if c := r.common[string(r.key)]; c != nil {
		return c
	}
	c := new(commonPart)
	e := &c.event
	for i, to := range [...]*string{&e.Org, &e.Project, &e.Key, &e.Model, &e.Engine, &e.Endpoint, (*string)(&e.Status), (*string)(&e.Currency), &e.Book, &e.Subscription, &e.PlanVersion, &e.ServiceTier} {
		*to = string(row.text(bookedTexts + i))
	}
	for i, to := range [...]*bool{&e.Estimated, &e.Simulated, &e.Batch, &e.Thinking} {
		*to = row.number(bookedTruths+i) != 0
	}
	c.group = seal.GroupOf(e)
	r.common[string(r.key)] = c
	return c
}
