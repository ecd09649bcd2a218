package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
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
	tables, err := dayTables(micros(since), rows, entries)
	if err != nil {
		return err
	}
	for _, t := range tables {
		if _, err := tx.ExecContext(ctx, t.remove, micros(since)); err != nil {
			return err
		}
		if err := db.insert(ctx, tx, t.insert, t.marks, ``, t.args); err != nil {
			return err
		}
	}
	return nil
}

// AuditDay reports whether the rows of a closed day, which its statement opens
// with, are what these rows and sums come to, as PutClose was given them. Where they are
// not, rewrite writes them anew.
func (db *DB) AuditDay(ctx context.Context, since time.Time, rows []seal.Rollup, entries []seal.EntrySum, rewrite bool) (bool, error) {
	same, err := db.auditDay(ctx, since, rows, entries)
	if err == nil && !same && rewrite {
		db.mu.Lock()
		defer db.mu.Unlock()
		err = db.write(ctx, func(tx *sql.Tx) error { return db.writeDay(ctx, tx, since, rows, entries) })
	}
	if err != nil {
		return false, fmt.Errorf("looking at the rows of the day from %s: %w", since.Format(time.RFC3339), err)
	}
	return same, nil
}

func (db *DB) auditDay(ctx context.Context, since time.Time, rows []seal.Rollup, entries []seal.EntrySum) (bool, error) {
	tables, err := dayTables(micros(since), rows, entries)
	if err != nil {
		return false, err
	}
	for i := range tables {
		if same, err := db.holds(ctx, &tables[i], micros(since)); err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

// holds reports whether a table has a day's rows as they should be, in any order.
func (db *DB) holds(ctx context.Context, t *dayTable, day int64) (bool, error) {
	columns := strings.Count(t.marks, "?")
	want := map[string]bool{}
	for row := range slices.Chunk(t.args, columns) {
		want[fmt.Sprintf("%#v", row)] = true
	}
	scan := func(rows *sql.Rows) (string, error) {
		values, into := make([]any, columns), make([]any, columns)
		for i := range into {
			into[i] = &values[i]
		}
		err := rows.Scan(into...)
		return fmt.Sprintf("%#v", values), err
	}
	found, err := collect(ctx, db.r, scan, t.read, day)
	for _, row := range found {
		if !want[row] {
			return false, err
		}
	}
	return len(found) == len(want), err
}

// dayTable is a table of closed days, with the rows of one of them.
type dayTable struct {
	read, remove, insert string // statements
	marks                string // of one row
	args                 []any
}

const (
	dayRollupColumns = `hour, n, org, model, engine, currency, plan, outcome, ` + sumColumns
	dayEntryColumns  = `hour, n, ` + entrySumColumns
)

// dayTables makes a day's rows.
func dayTables(day int64, rows []seal.Rollup, entries []seal.EntrySum) ([]dayTable, error) {
	sums, callers, err := sumDay(rows)
	if err != nil {
		return nil, err
	}
	ofCalls := dayTable{
		read: `SELECT ` + dayRollupColumns + ` FROM day_rollup WHERE hour = $1`, remove: `DELETE FROM day_rollup WHERE hour = $1`,
		insert: `INSERT INTO day_rollup (` + dayRollupColumns + `) VALUES `, marks: `(?, ?, ?, ?, ?, ?, ?, ?, ` + sumMarks + `)`,
	}
	for i, k := range slices.SortedFunc(maps.Keys(sums), func(a, b dayKey) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }) {
		ofCalls.args = append(ofCalls.args, day, int64(i), k.org, k.model, k.engine, string(k.currency), bit(k.plan), string(k.outcome))
		ofCalls.args = appendSums(ofCalls.args, sums[k])
	}
	ofCallers := dayTable{
		read: `SELECT day, org, key FROM day_caller WHERE day = $1`, remove: `DELETE FROM day_caller WHERE day = $1`,
		insert: `INSERT INTO day_caller (day, org, key) VALUES `, marks: `(?, ?, ?)`,
	}
	for _, k := range slices.SortedFunc(maps.Keys(callers), func(a, b [2]string) int { return strings.Compare(a[0]+a[1], b[0]+b[1]) }) {
		ofCallers.args = append(ofCallers.args, day, k[0], k[1])
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
			return nil, err
		}
		to.Entries += e.Entries
	}
	ofEntries := dayTable{
		read: `SELECT ` + dayEntryColumns + ` FROM day_entry WHERE hour = $1`, remove: `DELETE FROM day_entry WHERE hour = $1`,
		insert: `INSERT INTO day_entry (` + dayEntryColumns + `) VALUES `, marks: `(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
	}
	for i, a := range order {
		s := byAccount[a]
		ofEntries.args = append(ofEntries.args, day, int64(i), string(a.Tx), string(a.Kind), string(a.Currency), a.Org, a.Model, a.Engine, bit(a.Plan), s.Entries, s.Sum.Nano, s.Sum.Carry)
	}
	return []dayTable{ofCalls, ofCallers, ofEntries}, nil
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
	scan := func(rows *sql.Rows) (c seal.Close, err error) {
		var n int64
		var day, text string
		if err = rows.Scan(&n, &day, &text); err != nil {
			return c, err
		}
		if err = strictly(text, &c); err != nil {
			return c, fmt.Errorf("record %d, of %s: %w", n, day, err)
		}
		if c.N != n || c.Day != day { // kept as another one: nobody is to take it for what was recorded
			c.Hash = seal.Hash{}
		}
		return c, nil
	}
	all, err := collect(ctx, db.r, scan, `SELECT n, day, document FROM day_close `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("reading the closes: %w", err)
	}
	return all, nil
}

// strictly reads what was written in JSON as it was: a name that nobody knows is
// one that was altered.
func strictly(text string, to any) error {
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return err
	}
	if d.More() {
		return errors.New("something follows it")
	}
	return nil
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
