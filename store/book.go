package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"sluice"
	"sluice/money/price"
)

// bookRow is a price book as it is stored.
type bookRow struct {
	id, hash  string
	draft     price.Draft
	published int64
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
		err := rows.Scan(&b.id, &b.draft.Currency, &effective, &b.published, &b.hash)
		b.draft.EffectiveAt = instant(effective)
		return &b, err
	}
	stored, err := collect(ctx, q, scan, `SELECT id, currency, effective_at, published_at, hash FROM price_book ORDER BY id`)
	if err != nil {
		return nil, nil, fmt.Errorf("reading price books: %w", err)
	}
	byID := make(map[string]*bookRow, len(stored))
	for _, b := range stored {
		byID[b.id] = b
	}
	scanRule := func(rows *sql.Rows) (r price.Rule, err error) {
		var id, class string
		if err := rows.Scan(&id, &r.Model, &class, &r.ContextMin, &r.ContextMax, &r.Price); err != nil {
			return r, err
		}
		r.Class, err = sluice.ParseClass(class)
		if b := byID[id]; b != nil { // it may have been published since
			b.draft.Rules = append(b.draft.Rules, r)
		}
		return r, err
	}
	if _, err := collect(ctx, q, scanRule, `SELECT book, model, class, context_min, context_max, price FROM price_rule`); err != nil {
		return nil, nil, fmt.Errorf("reading price rules: %w", err)
	}
	for _, b := range stored {
		book, err := price.Publish(b.id, b.draft, instant(b.published))
		if err == nil && book.Hash != b.hash {
			err = fmt.Errorf("its rules hash to %s, it was sealed with %s", book.Hash, b.hash)
		}
		if err != nil {
			broken = append(broken, fmt.Errorf("price book %s: %w", b.id, err))
			continue
		}
		books = append(books, book)
	}
	return books, broken, nil
}

// PublishBook stores a price book with its rules, for good. Errors:
// CodeConflict when its id is taken.
func (db *DB) PublishBook(ctx context.Context, b *price.Book) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	err := db.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO price_book (id, currency, effective_at, published_at, hash) VALUES ($1, $2, $3, $4, $5)`,
			b.ID, string(b.Currency), micros(b.EffectiveAt), micros(b.PublishedAt), b.Hash)
		if err != nil {
			return err
		}
		for _, r := range b.Rules() {
			_, err := tx.ExecContext(ctx, `INSERT INTO price_rule (book, model, class, context_min, context_max, price) VALUES ($1, $2, $3, $4, $5, $6)`,
				b.ID, r.Model, r.Class.String(), r.ContextMin, r.ContextMax, int64(r.Price))
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
