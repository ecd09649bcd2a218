package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sluice"
	"sluice/money/seal"
	"sluice/money/statement"
)

// dayWhere writes a day's window as a condition on hour and effect.
func dayWhere(w *seal.Window) conditions {
	var c conditions
	own := []string{"hour >= ?", "hour < ?"}
	args := []any{micros(w.Since), micros(w.Until)}
	for _, t := range w.Without {
		own = append(own, "NOT (hour = ? AND effect >= ? AND effect < ?)")
		args = append(args, micros(t.Hour), micros(t.Since), micros(t.Until))
	}
	terms := []string{"(" + strings.Join(own, " AND ") + ")"}
	for _, h := range w.Late {
		terms = append(terms, "(hour = ? AND effect >= ? AND effect < ?)")
		args = append(args, micros(h), micros(w.Since), micros(w.Until))
	}
	c.add("("+strings.Join(terms, " OR ")+")", args...)
	return c
}

// dayKey is what a day's rows have in common.
type dayKey struct {
	org, model, engine string
	currency           sluice.Currency
	plan               bool
	outcome            statement.Outcome
}

// DayRollups returns the rows that a day's close takes up.
func (db *DB) DayRollups(ctx context.Context, w *seal.Window) ([]seal.Rollup, error) {
	c := dayWhere(w)
	all, err := db.rollups(ctx, c.text(), c.args...)
	if err != nil {
		return nil, fmt.Errorf("reading the rows of the day from %s: %w", w.Since.Format(time.RFC3339), err)
	}
	return all, nil
}

// DayEntrySums returns what the entries that a day's close takes up come to.
func (db *DB) DayEntrySums(ctx context.Context, w *seal.Window) ([]seal.EntrySum, error) {
	c := dayWhere(w)
	all, err := collect(ctx, db.r, scanEntrySum, `SELECT hour, effect, `+entrySumColumns+` FROM entry_sum `+c.text()+` ORDER BY hour, n`, c.args...)
	if err != nil {
		return nil, fmt.Errorf("reading the sums of entries of the day from %s: %w", w.Since.Format(time.RFC3339), err)
	}
	return all, nil
}

// LateHours returns the sealed hours from a day's end on, up to until, that hold
// rows which took effect on the day.
func (db *DB) LateHours(ctx context.Context, since, until, upTo time.Time) ([]time.Time, error) {
	scan := func(rows *sql.Rows) (time.Time, error) {
		n, err := scanNumber(rows)
		return instant(n), err
	}
	all, err := collect(ctx, db.r, scan, `SELECT hour FROM seal WHERE hour >= $1 AND hour < $2 AND late > 0 AND
		(EXISTS (SELECT 1 FROM rollup WHERE rollup.hour = seal.hour AND effect >= $3 AND effect < $4)
		OR EXISTS (SELECT 1 FROM entry_sum WHERE entry_sum.hour = seal.hour AND effect >= $3 AND effect < $4)) ORDER BY hour`,
		micros(until), micros(upTo), micros(since), micros(until))
	if err != nil {
		return nil, fmt.Errorf("looking for what was booked late: %w", err)
	}
	return all, nil
}

// PutClose stores a record that a day was closed, with the day's rows, or was
// opened again. Errors: CodeConflict when another record came between.
func (db *DB) PutClose(ctx context.Context, c *seal.Close, since time.Time, rows []seal.Rollup, entries []seal.EntrySum) error {
	document, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("writing a close: %w", err)
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	err = db.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO day_close (n, day, document) VALUES ($1, $2, $3)`, c.N, c.Day, string(document)); err != nil {
			return err
		}
		if c.Kind != seal.Closed {
			return nil
		}
		return db.writeDay(ctx, tx, since, rows, entries)
	})
	return db.refused("close", c.Day, err)
}

// writeDay writes a day's rows over what was there.
func (db *DB) writeDay(ctx context.Context, tx *sql.Tx, since time.Time, rows []seal.Rollup, entries []seal.EntrySum) error {
	day := micros(since)
	for _, clear := range []string{
		`DELETE FROM day_rollup WHERE hour = $1`, `DELETE FROM day_entry WHERE hour = $1`, `DELETE FROM day_caller WHERE day = $1`,
	} {
		if _, err := tx.ExecContext(ctx, clear, day); err != nil {
			return err
		}
	}
	sums, callers, err := sumDay(rows)
	if err != nil {
		return err
	}
	var args []any
	for i, k := range slices.SortedFunc(maps.Keys(sums), func(a, b dayKey) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }) {
		args = append(args, day, int64(i), k.org, k.model, k.engine, string(k.currency), bit(k.plan), string(k.outcome))
		args = appendSums(args, sums[k])
	}
	err = db.insert(ctx, tx, `INSERT INTO day_rollup (hour, n, org, model, engine, currency, plan, outcome, `+sumColumns+`) VALUES `, `(?, ?, ?, ?, ?, ?, ?, ?, `+sumMarks+`)`, ``, args)
	if err != nil {
		return err
	}
	args = nil
	for _, k := range slices.SortedFunc(maps.Keys(callers), func(a, b [2]string) int { return strings.Compare(a[0]+a[1], b[0]+b[1]) }) {
		args = append(args, day, k[0], k[1])
	}
	if err := db.insert(ctx, tx, `INSERT INTO day_caller (day, org, key) VALUES `, `(?, ?, ?)`, ``, args); err != nil {
		return err
	}
	byAccount := map[seal.Account]*seal.EntrySum{}
	var order []seal.Account
	for i := range entries {
		e := &entries[i]
		to := byAccount[e.Account]
		if to == nil {
			to = new(seal.EntrySum)
			byAccount[e.Account] = to
			order = append(order, e.Account)
		}
		if to.Sum, err = to.Sum.Add(e.Sum); err != nil {
			return err
		}
		to.Entries += e.Entries
	}
	args = nil
	for i, a := range order {
		s := byAccount[a]
		args = append(args, day, int64(i), string(a.Tx), string(a.Kind), string(a.Currency), a.Org, a.Model, a.Engine, bit(a.Plan), s.Entries, s.Sum.Nano, s.Sum.Carry)
	}
	return db.insert(ctx, tx, `INSERT INTO day_entry (hour, n, `+entrySumColumns+`) VALUES `, `(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, ``, args)
}

// sumDay adds a day's rows up without hours, projects and keys, and returns the
// keys that called.
func sumDay(rows []seal.Rollup) (map[dayKey]*statement.Sums, map[[2]string]bool, error) {
	sums, callers := map[dayKey]*statement.Sums{}, map[[2]string]bool{}
	for i := range rows {
		r := &rows[i]
		k := dayKey{r.Org, r.Model, r.Engine, r.Currency, r.Plan, r.Outcome}
		to := sums[k]
		if to == nil {
			to = new(statement.Sums)
			sums[k] = to
		}
		if err := to.Add(&r.Sums); err != nil {
			return nil, nil, err
		}
		callers[[2]string{r.Org, r.Key}] = true
	}
	return sums, callers, nil
}

// Closes returns the records of closes, in order: of one day, or of all for "".
func (db *DB) Closes(ctx context.Context, day string) ([]seal.Close, error) {
	if day != "" {
		return db.closesOf(ctx, day, day)
	}
	return db.closes(ctx, `ORDER BY n`)
}

// closesOf returns the records of the days from one to another, in order.
func (db *DB) closesOf(ctx context.Context, from, to string) ([]seal.Close, error) {
	return db.closes(ctx, `WHERE day >= $1 AND day <= $2 ORDER BY n`, from, to)
}

func (db *DB) closes(ctx context.Context, where string, args ...any) ([]seal.Close, error) {
	all, err := documents[seal.Close](ctx, db, `SELECT document FROM day_close `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("reading the closes: %w", err)
	}
	return all, nil
}

// PutExplanation stores a note, for good.
func (db *DB) PutExplanation(ctx context.Context, e *seal.Explanation) error {
	return db.create(ctx, "explanation", e.Subject, `INSERT INTO explanation (n, day, subject, difference, note, author, at)
		SELECT COALESCE(MAX(n), 0) + 1, CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS BIGINT) FROM explanation`,
		e.Day, e.Subject, e.Difference, e.Note, e.By, micros(e.At))
}

// Explanations returns the notes about a day, in order.
func (db *DB) Explanations(ctx context.Context, day string) ([]seal.Explanation, error) {
	scan := func(rows *sql.Rows) (e seal.Explanation, err error) {
		var at int64
		err = rows.Scan(&e.Day, &e.Subject, &e.Difference, &e.Note, &e.By, &at)
		e.At = instant(at)
		return e, err
	}
	all, err := collect(ctx, db.r, scan, `SELECT day, subject, difference, note, author, at FROM explanation WHERE day = $1 ORDER BY n`, day)
	if err != nil {
		return nil, fmt.Errorf("reading explanations: %w", err)
	}
	return all, nil
}

// PutEngineCounters stores what engines counted, over what was there.
func (db *DB) PutEngineCounters(ctx context.Context, counters []seal.Counter) error {
	var args []any
	for i := range counters {
		c := &counters[i]
		args = append(args, c.Engine, micros(c.Hour), c.Prompt, c.Completion, c.Source, micros(c.At))
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	err := db.write(ctx, func(tx *sql.Tx) error {
		return db.insert(ctx, tx, `INSERT INTO engine_counter (engine, hour, prompt, completion, source, at) VALUES `, `(?, ?, ?, ?, ?, ?)`,
			` ON CONFLICT (engine, hour) DO UPDATE SET prompt = excluded.prompt, completion = excluded.completion, source = excluded.source, at = excluded.at`, args)
	})
	if err != nil {
		return fmt.Errorf("storing engines' counters: %w", err)
	}
	return nil
}

// EngineCounters returns what engines counted in the hours from since on, before until.
func (db *DB) EngineCounters(ctx context.Context, since, until time.Time) ([]seal.Counter, error) {
	scan := func(rows *sql.Rows) (c seal.Counter, err error) {
		var hour, at int64
		err = rows.Scan(&c.Engine, &hour, &c.Prompt, &c.Completion, &c.Source, &at)
		c.Hour, c.At = instant(hour), instant(at)
		return c, err
	}
	all, err := collect(ctx, db.r, scan, `SELECT engine, hour, prompt, completion, source, at FROM engine_counter WHERE hour >= $1 AND hour < $2 ORDER BY engine, hour`, micros(since), micros(until))
	if err != nil {
		return nil, fmt.Errorf("reading engines' counters: %w", err)
	}
	return all, nil
}
