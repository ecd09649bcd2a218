package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"sluice/money/calendar"
	"sluice/money/price"
)

// bookRow is a price book as it is stored.
type bookRow struct {
	id, hash  string
	draft     price.Draft
	published int64
	fault     error // what in its rows cannot be read
}

// Books returns all price books in order of their ids. Each is published
// anew from its stored rules; an error names the book whose hash is not the one
// that it was sealed with, which means that its rows were changed.
func (db *DB) Books(ctx context.Context) ([]*price.Book, error) {
	books, broken, err := readBooks(ctx, db.r)
	if err == nil {
		err = errors.Join(broken...)
	}
	if err != nil {
		return nil, err
	}
	return books, nil
}

// readBooks returns the books, and for each that cannot be trusted an error instead.
func readBooks(ctx context.Context, q querier) (books []*price.Book, broken []error, err error) {
	scan := func(rows *sql.Rows) (*bookRow, error) {
		var b bookRow
		var effective int64
		err := rows.Scan(&b.id, &b.draft.Currency, &effective, &b.published, &b.draft.Zone, &b.hash)
		b.draft.EffectiveAt = instant(effective)
		return &b, err
	}
	stored, err := collect(ctx, q, scan, `SELECT id, currency, effective_at, published_at, zone, hash FROM price_book ORDER BY id`)
	if err != nil {
		return nil, nil, fmt.Errorf("reading price books: %w", err)
	}
	byID := make(map[string]*bookRow, len(stored))
	for _, b := range stored {
		byID[b.id] = b
	}
	if err := readRules(ctx, q, byID); err != nil {
		return nil, nil, fmt.Errorf("reading price rules: %w", err)
	}
	if err := readCalendars(ctx, q, byID); err != nil {
		return nil, nil, fmt.Errorf("reading calendars of prices: %w", err)
	}
	for _, b := range stored {
		book, err := b.book()
		if err != nil {
			broken = append(broken, fmt.Errorf("price book %s: %w", b.id, err))
			continue
		}
		books = append(books, book)
	}
	return books, broken, nil
}

// book publishes the book anew and compares its seal.
func (b *bookRow) book() (*price.Book, error) {
	if b.fault != nil {
		return nil, b.fault
	}
	book, err := price.Publish(b.id, b.draft, instant(b.published))
	if err == nil && book.Hash != b.hash {
		err = fmt.Errorf("its rules hash to %s, it was sealed with %s", book.Hash, b.hash)
	}
	return book, err
}

// ruleColumns is what a rule says besides its book, in the order that readRules scans.
const ruleColumns = `model, class, batch, service_tier, calendar, thinking, context_min, context_max, output_min, output_max,
	steps, period, volume_min, volume_max, price`

// readRules reads the rules into their books.
func readRules(ctx context.Context, q querier, books map[string]*bookRow) error {
	scan := func(rows *sql.Rows) (struct{}, error) {
		var id, class string
		var r price.Rule
		err := rows.Scan(&id, &r.Model, &class, &r.Batch, &r.ServiceTier, &r.Calendar, &r.Thinking, &r.ContextMin, &r.ContextMax,
			&r.OutputMin, &r.OutputMax, &r.Steps, &r.Period, &r.VolumeMin, &r.VolumeMax, &r.Price)
		b := books[id]
		if err != nil || b == nil { // it may have been published since
			return struct{}{}, err
		}
		r.Class, err = price.ParseClass(class)
		b.fault = errors.Join(b.fault, err)
		b.draft.Rules = append(b.draft.Rules, r)
		return struct{}{}, nil
	}
	_, err := collect(ctx, q, scan, `SELECT book, `+ruleColumns+` FROM price_rule`)
	return err
}

// readCalendars reads the calendars into their books.
func readCalendars(ctx context.Context, q querier, books map[string]*bookRow) error {
	scan := func(rows *sql.Rows) (struct{}, error) {
		var id, name, definition string
		err := rows.Scan(&id, &name, &definition)
		b := books[id]
		if err != nil || b == nil {
			return struct{}{}, err
		}
		c, err := parseCalendar(name, definition)
		b.fault = errors.Join(b.fault, err)
		b.draft.Calendars = append(b.draft.Calendars, c)
		return struct{}{}, nil
	}
	_, err := collect(ctx, q, scan, `SELECT book, name, definition FROM price_calendar`)
	return err
}

// parseCalendar makes a calendar of what is stored of it.
func parseCalendar(name, definition string) (*calendar.Calendar, error) {
	var versions []calendar.Version
	if err := json.Unmarshal([]byte(definition), &versions); err != nil {
		return nil, fmt.Errorf("calendar %s: %w", name, err)
	}
	return calendar.New(name, versions...)
}

// PublishBook stores a price book with its rules and calendars, for good.
// Errors: CodeConflict when its id is taken.
func (db *DB) PublishBook(ctx context.Context, b *price.Book) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	err := db.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO price_book (id, currency, effective_at, published_at, zone, hash) VALUES ($1, $2, $3, $4, $5, $6)`,
			b.ID, string(b.Currency), micros(b.EffectiveAt), micros(b.PublishedAt), b.Zone, b.Hash)
		if err != nil {
			return err
		}
		for _, r := range b.Rules() {
			_, err := tx.ExecContext(ctx, `INSERT INTO price_rule (book, `+ruleColumns+`)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
				b.ID, r.Model, price.ClassName(r.Class), bit(r.Batch), r.ServiceTier, r.Calendar, bit(r.Thinking), r.ContextMin, r.ContextMax,
				r.OutputMin, r.OutputMax, string(r.Steps), string(r.Period), r.VolumeMin, r.VolumeMax, int64(r.Price))
			if err != nil {
				return err
			}
		}
		for _, c := range b.Calendars() {
			definition, err := json.Marshal(c.Versions())
			if err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, `INSERT INTO price_calendar (book, name, definition) VALUES ($1, $2, $3)`, b.ID, c.Name(), string(definition))
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return db.refused("price book", b.ID, err)
	}
	return nil
}
