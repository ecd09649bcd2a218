package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"sluice"
	"sluice/money/invoice"
)

// BillingParty returns an organisation's, or the operator's, data for invoices
// and how it is taxed. What was never stored is empty.
func (db *DB) BillingParty(ctx context.Context, owner string) (p invoice.Party, terms invoice.TaxTerms, err error) {
	err = db.r.QueryRowContext(ctx, `SELECT name, address, tax_id, email, zone, tax_rate, tax_included, tax_name, tax_note
		FROM billing_party WHERE owner = $1`, owner).
		Scan(&p.Name, &p.Address, &p.TaxID, &p.Email, &p.Zone, &terms.Rate, &terms.Included, &terms.Name, &terms.Note)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return p, terms, fmt.Errorf("reading the billing data of %s: %w", owner, err)
	}
	return p, terms, nil
}

// PutBillingParty stores billing data over what was there.
func (db *DB) PutBillingParty(ctx context.Context, owner string, p invoice.Party, terms invoice.TaxTerms) error {
	return db.create(ctx, "billing data", owner, `INSERT INTO billing_party
		(owner, name, address, tax_id, email, zone, tax_rate, tax_included, tax_name, tax_note) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (owner) DO UPDATE SET name = excluded.name, address = excluded.address, tax_id = excluded.tax_id, email = excluded.email,
			zone = excluded.zone, tax_rate = excluded.tax_rate, tax_included = excluded.tax_included, tax_name = excluded.tax_name, tax_note = excluded.tax_note`,
		owner, p.Name, p.Address, p.TaxID, p.Email, p.Zone, terms.Rate, bit(terms.Included), terms.Name, terms.Note)
}

// GatherInvoice hands over everything of an organisation that is in the window,
// in one snapshot and one pass: what is handed over is not kept. A Cutoff of zero
// is set to the last transaction that is booked.
func (db *DB) GatherInvoice(ctx context.Context, org string, w *invoice.Window, to invoice.Sink) error {
	tx, err := db.r.BeginTx(ctx, &db.dialect.snapshot)
	if err != nil {
		return fmt.Errorf("gathering an invoice of %s: %w", org, err)
	}
	defer tx.Rollback() // it only reads
	if w.Cutoff == 0 {
		if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(seq), 0) FROM tx`).Scan(&w.Cutoff); err != nil {
			return fmt.Errorf("gathering an invoice of %s: %w", org, err)
		}
	}
	g := gathering{db: db, tx: tx, to: to, org: org}
	// What took effect since the last invoice, and what was booked after it.
	g.ranges = append(g.ranges, span{"at >= $2 AND at < $3 AND seq <= $4", []any{org, micros(w.Since), micros(w.Until), w.Cutoff}})
	if !w.Since.IsZero() {
		g.ranges = append(g.ranges, span{"at < $2 AND seq > $3 AND seq <= $4", []any{org, micros(w.Since), w.Seen, w.Cutoff}})
	}
	return g.run(ctx)
}

// gathering is one run of GatherInvoice, or of a part of it.
type gathering struct {
	db     *DB
	tx     querier
	to     invoice.Sink
	org    string // the first argument of each range
	ranges []span
}

// span is a part of the window: a condition on at and seq with its arguments.
type span struct {
	where string
	args  []any
}

// run hands over what is in the ranges.
func (g *gathering) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{g.calls, g.entries, g.others} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("gathering an invoice of %s: %w", g.org, err)
		}
	}
	return nil
}

// settled names the columns of usage_event as ranges do.
const settled = `(SELECT usage_event.*, ended_at AS at, tx AS seq FROM usage_event WHERE org = $1) AS settled`

func (g *gathering) calls(ctx context.Context) error {
	for _, r := range g.ranges {
		rows, err := g.tx.QueryContext(ctx, `SELECT model, admitted_at, ended_at, status, input, cached, cache_write, output, reasoning,
			estimated, simulated, currency, book, list_pico, charge_pico, subscription, batch, service_tier, thinking, units, steps, seq
			FROM `+settled+` WHERE `+r.where, r.args...)
		if err == nil {
			err = g.handOver(rows)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (g *gathering) handOver(rows *sql.Rows) error {
	defer rows.Close()
	var seq int64
	row := eventRow{event: sluice.Event{Org: g.org}}
	e := &row.event
	into := []any{&e.Model, &row.admitted, &row.ended, &e.Status}
	for class := range columnClasses {
		into = append(into, &e.Usage[class])
	}
	into = append(into, &e.Estimated, &e.Simulated, &e.Currency, &e.Book, &e.List, &e.Charge, &e.Subscription,
		&e.Batch, &e.ServiceTier, &e.Thinking, &row.units, &row.steps, &seq)
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if err := row.read(); err != nil {
			return fmt.Errorf("transaction number %d: %w", seq, err)
		}
		if err := g.to.Call(e); err != nil {
			return fmt.Errorf("transaction number %d: %w", seq, err)
		}
	}
	return rows.Err()
}

// entries hands over the sums of the calls' entries. A sum is of one
// organisation in one currency, so it is within 64 bits as its accounts are; the
// databases refuse one that is not.
func (g *gathering) entries(ctx context.Context) error {
	for _, r := range g.ranges {
		sums := map[sluice.AccountKind]sluice.Amount{}
		scan := func(rows *sql.Rows) (kind sluice.AccountKind, err error) {
			var nano, carry int64
			if err := rows.Scan(&kind, &nano, &carry); err != nil {
				return kind, err
			}
			sum, err := sums[kind].Add(sluice.Amount{Nano: nano})
			if err == nil {
				sum, err = sum.Add(sluice.Pico(carry).Amount())
			}
			sums[kind] = sum
			return kind, err
		}
		_, err := collect(ctx, g.tx, scan, `SELECT account.kind, CAST(summed.nano AS BIGINT), CAST(summed.carry AS BIGINT) FROM
			(SELECT entry.account AS number, SUM(entry.nano) AS nano, SUM(entry.carry) AS carry
				FROM `+settled+` JOIN entry ON entry.tx = settled.seq WHERE `+r.where+` GROUP BY entry.account) AS summed
			JOIN account ON account.id = summed.number`, r.args...)
		if err == nil {
			err = g.to.CallEntries(sums)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// others hands over what is not usage. There is little of it in a month.
func (g *gathering) others(ctx context.Context) error {
	for _, r := range g.ranges {
		seqs, err := collect(ctx, g.tx, scanNumber, `SELECT seq FROM (SELECT at, tx AS seq FROM other_tx WHERE owner = $1) AS others WHERE `+r.where+` ORDER BY at, seq`, r.args...)
		if err != nil {
			return err
		}
		txs, err := g.db.txs(ctx, seqs) // they never change: another connection reads the same
		if err != nil {
			return err
		}
		for i := range txs {
			if err := g.to.Other(&txs[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func scanNumber(rows *sql.Rows) (n int64, err error) {
	err = rows.Scan(&n)
	return n, err
}

// IssueInvoices numbers documents, the next in the year's series, and stores
// them for good, all in one transaction: a number is never given without its
// document. It sets Number; txs are the ids of what they post, empty for nothing.
// Errors: CodeConflict when the month has such a document already.
func (db *DB) IssueInvoices(ctx context.Context, year int, documents []*invoice.Invoice, txs []string) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	numbers := make([]string, len(documents))
	err := db.write(ctx, func(tx *sql.Tx) error {
		var n int64
		if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(n), 0) FROM invoice WHERE year = $1`, year).Scan(&n); err != nil {
			return err
		}
		for i, inv := range documents {
			n++
			stored := *inv
			stored.Number = invoice.Number(year, n)
			document, err := json.Marshal(&stored)
			if err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, `INSERT INTO invoice (id, org, year, n, kind, period, revision, tx, document, hash)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, stored.ID, stored.Org, year, n, string(stored.Kind), string(stored.Period),
				stored.Revision, txs[i], string(document), sealOf(document))
			if err != nil {
				return err
			}
			numbers[i] = stored.Number
		}
		return nil
	})
	if err != nil {
		return db.refused("invoice", string(documents[0].Period), err)
	}
	for i, inv := range documents {
		inv.Number = numbers[i]
	}
	return nil
}

func sealOf(document []byte) string {
	sum := sha256.Sum256(document)
	return hex.EncodeToString(sum[:])
}

// Invoices returns an organisation's documents, those that were issued last
// first. An error names one that was changed since.
func (db *DB) Invoices(ctx context.Context, org string) ([]*invoice.Invoice, error) {
	return readInvoices(ctx, db.r, `WHERE org = $1 ORDER BY year DESC, n DESC`, org)
}

// UnpostedInvoices returns the documents whose transactions are not booked: a
// process died between issuing and posting.
func (db *DB) UnpostedInvoices(ctx context.Context) ([]*invoice.Invoice, error) {
	return readInvoices(ctx, db.r, `WHERE tx <> '' AND NOT EXISTS (SELECT 1 FROM tx WHERE tx.id = invoice.tx) ORDER BY year, n`)
}

func readInvoices(ctx context.Context, q querier, where string, args ...any) ([]*invoice.Invoice, error) {
	scan := func(rows *sql.Rows) (*invoice.Invoice, error) {
		var id, document, hash string
		if err := rows.Scan(&id, &document, &hash); err != nil {
			return nil, err
		}
		return openInvoice(id, document, hash)
	}
	all, err := collect(ctx, q, scan, `SELECT id, document, hash FROM invoice `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("reading invoices: %w", err)
	}
	return all, nil
}

// openInvoice reads a stored document whose hash must be right.
func openInvoice(id, document, hash string) (*invoice.Invoice, error) {
	if sealOf([]byte(document)) != hash {
		return nil, fmt.Errorf("invoice %s was changed: it was sealed with %s", id, hash)
	}
	inv := new(invoice.Invoice)
	if err := json.Unmarshal([]byte(document), inv); err != nil {
		return nil, fmt.Errorf("invoice %s: %w", id, err)
	}
	return inv, nil
}
