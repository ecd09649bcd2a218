package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"sluice"
	"sluice/money/invoice"
	"sluice/money/seal"
	"sluice/money/statement"
)

// documentsAtOnce is how many documents are read together.
const documentsAtOnce = 256

// IssuedSince returns the documents of all organisations that were issued since an
// instant, the last one first; also those that were changed since, and marked.
func (db *DB) IssuedSince(ctx context.Context, since time.Time) ([]invoice.Issued, error) {
	type row struct {
		year, n        int64
		document, hash string
	}
	scan := func(rows *sql.Rows) (r row, err error) {
		return r, rows.Scan(&r.year, &r.n, &r.document, &r.hash)
	}
	var all []invoice.Issued
	at := row{year: 1 << 31}
	for {
		rows, err := collect(ctx, db.r, scan, `SELECT year, n, document, hash FROM invoice WHERE year < $1 OR year = $1 AND n < $2 ORDER BY year DESC, n DESC LIMIT $3`, at.year, at.n, documentsAtOnce)
		if err != nil {
			return nil, fmt.Errorf("reading invoices that were issued since %s: %w", since.Format(time.RFC3339), err)
		}
		for _, r := range rows {
			var d invoice.Issued
			unread := json.Unmarshal([]byte(r.document), &d.Invoice)
			number := invoice.Number(int(r.year), r.n)
			d.Altered = unread != nil || sealOf([]byte(r.document)) != r.hash || d.Number != number
			d.Number = number
			if !d.Altered && d.IssuedAt.Before(since) {
				return all, nil // numbers are given in the order of time
			}
			all = append(all, d)
		}
		if len(rows) < documentsAtOnce {
			return all, nil
		}
		at = rows[len(rows)-1]
	}
}

// InvoiceTotals returns for each claim what of it the sealed hours come to. What of
// it was booked after the seals that were whole when it was made is added from the
// transactions themselves: of a month that is over that is little.
//
// A window is what took effect before Until and is booked up to Cutoff, without what
// took effect before Since and is booked up to Seen. The first of these contains the
// second, so that each is worked out and the difference taken.
func (db *DB) InvoiceTotals(ctx context.Context, claims []invoice.Claim) ([]invoice.Totals, error) {
	c := claiming{db: db, late: map[int64][]*part{}}
	totals, err := c.run(ctx, claims)
	if err != nil {
		return nil, fmt.Errorf("adding up what stands on invoices: %w", err)
	}
	return totals, nil
}

// claiming is one run of InvoiceTotals.
type claiming struct {
	db   *DB
	late map[int64][]*part // by the last number of their sealed hours
}

// part is what took effect before an instant and is booked up to a number.
type part struct {
	org    string
	until  time.Time
	cutoff int64
	sum    invoice.Totals

	last    time.Time // the end of the last hour whose seal has nothing beyond cutoff; zero where there is none
	through int64     // and the last number in it
}

// whole is the end of the part that is in whole sealed hours, by effect.
func (p *part) whole() time.Time {
	end := p.until.Truncate(time.Hour)
	if p.last.Before(end) {
		return p.last
	}
	return end
}

func (c *claiming) run(ctx context.Context, claims []invoice.Claim) ([]invoice.Totals, error) {
	type sealed struct{ hour, cutoff int64 }
	scan := func(rows *sql.Rows) (s sealed, err error) { return s, rows.Scan(&s.hour, &s.cutoff) }
	seals, err := collect(ctx, c.db.r, scan, `SELECT hour, cutoff FROM seal ORDER BY hour`)
	if err != nil {
		return nil, err
	}
	totals := make([]invoice.Totals, len(claims))
	halves := make([][2]*part, len(claims))
	for i := range claims {
		w := &claims[i].Window
		halves[i] = [2]*part{{org: claims[i].Org, until: w.Until, cutoff: w.Cutoff}, {org: claims[i].Org, until: w.Since, cutoff: w.Seen}}
		for _, p := range halves[i] {
			if p.cutoff == 0 || p.until.IsZero() {
				p.cutoff = 0
				continue
			}
			after, _ := slices.BinarySearchFunc(seals, p.cutoff+1, func(s sealed, n int64) int { return int(min(max(s.cutoff-n, -1), 1)) })
			if after > 0 {
				p.last, p.through = instant(seals[after-1].hour).Add(time.Hour), seals[after-1].cutoff
			}
			c.late[p.through] = append(c.late[p.through], p)
			if err := c.around(ctx, p); err != nil {
				return nil, err
			}
		}
		if err := c.cells(ctx, halves[i], &totals[i]); err != nil {
			return nil, err
		}
	}
	for through, parts := range c.late {
		if err := c.beyond(ctx, through, parts); err != nil {
			return nil, err
		}
	}
	for i := range totals {
		minus := &halves[i][1].sum
		if err := minus.Sub(&halves[i][0].sum); err != nil {
			return nil, err
		}
		if err := totals[i].Sub(minus); err != nil {
			return nil, err
		}
	}
	return totals, nil
}

// cells adds the sealed hours of the first part without those of the second.
func (c *claiming) cells(ctx context.Context, of [2]*part, to *invoice.Totals) error {
	upTo, before := of[0], of[1]
	if upTo.last.IsZero() {
		return nil
	}
	where := ` WHERE org = $1 AND hour >= $2 AND hour < $3 AND effect < $4 AND NOT (hour < $5 AND effect < $6)`
	from := before.whole()
	if from.IsZero() {
		from = time.Unix(0, 0)
	}
	last := before.last
	if last.IsZero() {
		last = time.Unix(0, 0)
	}
	args := []any{upTo.org, micros(earlier(from, last)), micros(upTo.last), micros(upTo.whole()), micros(last), micros(from)}
	charges := func(rows *sql.Rows) (struct{}, error) {
		var model, outcome string
		var a sluice.Amount
		err := rows.Scan(&model, &outcome, &a.Nano, &a.Carry)
		if err == nil {
			a, err = normal(a)
		}
		if err == nil {
			err = to.Charge(model, statement.Outcome(outcome) == statement.OutcomeSimulated, a)
		}
		return struct{}{}, err
	}
	_, err := collect(ctx, c.db.r, charges, `SELECT model, outcome, CAST(SUM(charge_nano) AS BIGINT), CAST(SUM(charge_carry) AS BIGINT) FROM rollup`+where+` GROUP BY model, outcome`, args...)
	if err != nil {
		return err
	}
	entries := func(rows *sql.Rows) (struct{}, error) {
		var tx sluice.TxKind
		var kind sluice.AccountKind
		var a sluice.Amount
		err := rows.Scan(&tx, &kind, &a.Nano, &a.Carry)
		if err == nil {
			a, err = normal(a)
		}
		if err == nil {
			err = to.Entries(tx, kind, a)
		}
		return struct{}{}, err
	}
	_, err = collect(ctx, c.db.r, entries, `SELECT tx_kind, account_kind, CAST(SUM(nano) AS BIGINT), CAST(SUM(carry) AS BIGINT) FROM entry_sum`+where+` GROUP BY tx_kind, account_kind`, args...)
	return err
}

// normal makes an amount of sums of nanos and of carries.
func normal(a sluice.Amount) (sluice.Amount, error) {
	return sluice.Amount{Nano: a.Nano}.Add(sluice.Pico(a.Carry).Amount())
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// around adds what took effect outside of whole sealed hours and has a number that
// is in them: where a month begins within an hour, or ends in one that is open.
func (c *claiming) around(ctx context.Context, p *part) error {
	if p.last.IsZero() || !p.whole().Before(p.until) {
		return nil
	}
	g := gathering{db: c.db, tx: c.db.r, to: &p.sum, org: p.org, ranges: []span{{"at >= $2 AND at < $3 AND seq <= $4", []any{p.org, micros(p.whole()), micros(p.until), p.through}}}}
	return g.run(ctx)
}

// beyond adds to parts what was booked after the seals that they have in common.
func (c *claiming) beyond(ctx context.Context, through int64, parts []*part) error {
	s := stretch{From: through + 1}
	for _, p := range parts {
		s.To = max(s.To, p.cutoff)
		if p.until.After(s.Until) {
			s.Until = p.until
		}
	}
	if s.From > s.To {
		return nil
	}
	accounts, err := c.db.readAccountIDs(ctx)
	if err != nil {
		return err
	}
	byOrg := map[string][]*part{}
	for _, p := range parts {
		byOrg[p.org] = append(byOrg[p.org], p)
	}
	r := newBookedReader(c.db, accounts)
	defer r.close()
	return r.read(ctx, s, func(b *seal.Booked) error {
		orgs := map[string]bool{}
		if b.Event != nil {
			orgs[b.Event.Org] = true
		}
		for i := range b.Tx.Entries {
			if b.Event == nil {
				orgs[b.Tx.Entries[i].Account.Owner] = true
			}
		}
		for org := range orgs {
			for _, p := range byOrg[org] {
				if b.Seq > p.cutoff || !b.Tx.At.Before(p.until) {
					continue
				}
				if err := take(&p.sum, b); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// take adds one transaction.
func take(to *invoice.Totals, b *seal.Booked) error {
	if b.Event == nil {
		return to.Other(&b.Tx)
	}
	if err := to.Call(b.Event); err != nil {
		return err
	}
	for i := range b.Tx.Entries {
		if err := to.Entries(sluice.TxUsage, b.Tx.Entries[i].Account.Kind, b.Tx.Entries[i].Amount); err != nil {
			return err
		}
	}
	return nil
}
