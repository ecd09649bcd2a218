package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sluice"
	"sluice/money/seal"
	"sluice/money/statement"
)

// sumColumns are the columns of what calls come to.
const (
	sumColumns = `calls, units, plain_nano, plain_carry, untimed_nano, untimed_carry, list_nano, list_carry, charge_nano, charge_carry, refund_nano, refund_carry`
	sumMarks   = `?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?`

	rollupColumns = `effect, org, project, key, model, engine, book, currency, status, flags, service_tier, outcome, ` + sumColumns
	rollupMarks   = `?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ` + sumMarks
)

func appendSums(args []any, s *statement.Sums) []any {
	args = append(args, s.Calls, usageText(&s.Units))
	for _, a := range [...]sluice.Amount{s.Plain, s.Untimed, s.List, s.Charge, s.Refund} {
		args = append(args, a.Nano, a.Carry)
	}
	return args
}

// usageText writes units as a JSON array, without the zeros at the end.
func usageText(u *sluice.Usage) string {
	n := len(u)
	for n > 0 && u[n-1] == 0 {
		n--
	}
	b := make([]byte, 1, 64)
	b[0] = '['
	for i, v := range u[:n] {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, v, 10)
	}
	return string(append(b, ']'))
}

// parseUsage is the inverse of usageText.
func parseUsage(u *sluice.Usage, text string) error {
	inner, opened := strings.CutPrefix(text, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	if !opened || !closed {
		return fmt.Errorf("reading units: %q", text)
	}
	for i := 0; inner != ""; i++ {
		var first string
		first, inner, _ = strings.Cut(inner, ",")
		n, err := strconv.ParseInt(first, 10, 64)
		if err != nil || i >= len(u) {
			return fmt.Errorf("reading units: %q", text)
		}
		u[i] = n
	}
	return nil
}

// sumsInto returns the places for sumColumns.
func sumsInto(s *statement.Sums, units *string) []any {
	into := []any{&s.Calls, units}
	for _, a := range [...]*sluice.Amount{&s.Plain, &s.Untimed, &s.List, &s.Charge, &s.Refund} {
		into = append(into, &a.Nano, &a.Carry)
	}
	return into
}

// writeRollups writes an hour's rows over what was there.
func (db *DB) writeRollups(ctx context.Context, tx *sql.Tx, h *seal.Hour) error {
	hour := micros(h.Start)
	for _, clear := range []string{`DELETE FROM rollup WHERE hour = $1`, `DELETE FROM entry_sum WHERE hour = $1`} {
		if _, err := tx.ExecContext(ctx, clear, hour); err != nil {
			return err
		}
	}
	var rows, entries, firsts []any
	seen := map[[2]string]bool{}
	for i := range h.Rollups {
		r := &h.Rollups[i]
		rows = append(rows, hour, int64(i), micros(r.Of), r.Org, r.Project, r.Key, r.Model, r.Engine, r.Book, string(r.Currency), string(r.Status),
			r.Flags(), r.ServiceTier, string(r.Outcome))
		rows = appendSums(rows, &r.Sums)
		if k := [2]string{r.Org, r.Key}; !seen[k] {
			seen[k] = true
			firsts = append(firsts, r.Org, r.Key, hour)
		}
	}
	for i := range h.Entries {
		e := &h.Entries[i]
		entries = append(entries, hour, int64(i), micros(e.Of), string(e.Tx), string(e.Kind), string(e.Currency), e.Org, e.Model, e.Engine, bit(e.Plan), e.Entries, e.Sum.Nano, e.Sum.Carry)
	}
	err := db.insert(ctx, tx, `INSERT INTO rollup (hour, n, `+rollupColumns+`) VALUES `, `(?, ?, `+rollupMarks+`)`, ``, rows)
	if err == nil {
		err = db.insert(ctx, tx, `INSERT INTO entry_sum (hour, n, effect, `+entrySumColumns+`) VALUES `,
			`(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, ``, entries)
	}
	if err == nil {
		err = db.insert(ctx, tx, `INSERT INTO first_call (org, key, hour) VALUES `, `(?, ?, ?)`, ` ON CONFLICT (org, key) DO NOTHING`, firsts)
	}
	return err
}

// RewriteHour writes the rows of a sealed hour anew, as they were added up again,
// and the segments of its pages.
func (db *DB) RewriteHour(ctx context.Context, h *seal.Hour) error {
	if err := db.rewriteHour(ctx, h); err != nil {
		return fmt.Errorf("writing the rows of %s: %w", h.Start.Format(time.RFC3339), err)
	}
	return nil
}

func (db *DB) rewriteHour(ctx context.Context, h *seal.Hour) error {
	if err := db.rewriteSegments(ctx, h); err != nil {
		return err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.write(ctx, func(tx *sql.Tx) error { return db.writeRollups(ctx, tx, h) })
}

// Rollups returns the rows of the sealed hours from since on, before until.
func (db *DB) Rollups(ctx context.Context, since, until time.Time) ([]seal.Rollup, error) {
	all, err := db.rollups(ctx, `WHERE hour >= $1 AND hour < $2`, micros(since), micros(until))
	if err != nil {
		return nil, fmt.Errorf("reading rows of hours: %w", err)
	}
	return all, nil
}

func (db *DB) rollups(ctx context.Context, where string, args ...any) ([]seal.Rollup, error) {
	scan := func(rows *sql.Rows) (r seal.Rollup, err error) {
		var hour, of, flags int64
		var units string
		err = rows.Scan(append([]any{&hour, &of, &r.Org, &r.Project, &r.Key, &r.Model, &r.Engine, &r.Book, &r.Currency, &r.Status, &flags, &r.ServiceTier, &r.Outcome},
			sumsInto(&r.Sums, &units)...)...)
		r.Hour, r.Of = instant(hour), instant(of)
		r.SetFlags(flags)
		if err == nil {
			err = parseUsage(&r.Units, units)
		}
		return r, err
	}
	return collect(ctx, db.r, scan, `SELECT hour, `+rollupColumns+` FROM rollup `+where+` ORDER BY hour, n`, args...)
}

// entrySumColumns are those of what entries come to.
const entrySumColumns = `tx_kind, account_kind, currency, org, model, engine, plan, entries, nano, carry`

func scanEntrySum(rows *sql.Rows) (e seal.EntrySum, err error) {
	var hour, of int64
	err = rows.Scan(&hour, &of, &e.Tx, &e.Kind, &e.Currency, &e.Org, &e.Model, &e.Engine, &e.Plan, &e.Entries, &e.Sum.Nano, &e.Sum.Carry)
	e.Hour, e.Of = instant(hour), instant(of)
	return e, err
}

// EntrySums returns what the entries of the sealed hours from since on, before
// until, come to.
func (db *DB) EntrySums(ctx context.Context, since, until time.Time) ([]seal.EntrySum, error) {
	all, err := collect(ctx, db.r, scanEntrySum, `SELECT hour, effect, `+entrySumColumns+` FROM entry_sum WHERE hour >= $1 AND hour < $2 ORDER BY hour, n`, micros(since), micros(until))
	if err != nil {
		return nil, fmt.Errorf("reading sums of entries: %w", err)
	}
	return all, nil
}
