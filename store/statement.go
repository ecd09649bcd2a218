package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"sluice"
	"sluice/money/seal"
	"sluice/money/statement"
)

// Place says which pool an engine belongs to and which segment its metered calls do.
type Place = func(engine string) (pool string, segment statement.Segment)

// StatementRows returns what statements of the period are made of: the sealed
// hours from since on, before until. Of a closed day, or several, it returns
// one row for the day where it would return one for each of its hours: Hour is the
// day's first.
func (db *DB) StatementRows(ctx context.Context, since, until time.Time, place Place) ([]statement.Row, []statement.EntryRow, error) {
	closed, err := db.daysClosed(ctx, since, until)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the rows of a statement: %w", err)
	}
	var rows []statement.Row
	var entries []seal.EntrySum
	if closed {
		rows, err = db.statementRows(ctx, `SELECT hour, org, model, engine, currency, plan, outcome, `+sumColumns+` FROM day_rollup`, since, until, place)
		if err == nil {
			entries, err = collect(ctx, db.r, scanEntrySum, `SELECT hour, hour, `+entrySumColumns+` FROM day_entry WHERE hour >= $1 AND hour < $2 ORDER BY hour, n`, micros(since), micros(until))
		}
	} else {
		rows, err = db.statementRows(ctx, `SELECT hour, org, model, engine, currency, flags % 2, outcome, `+sumColumns+` FROM rollup`, since, until, place)
		if err == nil {
			entries, err = db.EntrySums(ctx, since, until)
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading the rows of a statement: %w", err)
	}
	return rows, entryRows(entries, place), nil
}

// daysClosed reports whether the period is whole days of the books that are all
// closed now.
func (db *DB) daysClosed(ctx context.Context, since, until time.Time) (bool, error) {
	const day = 24 * time.Hour
	if !since.Before(until) || until.Sub(since) > 366*day {
		return false, nil
	}
	// Wherever on the earth it begins, a day is named by the date in UTC or one beside it.
	closes, err := db.closesOf(ctx, since.Add(-2*day).UTC().Format(time.DateOnly), until.Add(2*day).UTC().Format(time.DateOnly))
	if err != nil {
		return false, err
	}
	last := map[string]*seal.Close{}
	for i := range closes {
		last[closes[i].Day] = &closes[i]
	}
	ends := map[int64]time.Time{} // of closed days, by where they begin
	for _, c := range last {
		if c.Kind == seal.Closed {
			ends[c.From.Unix()] = c.To
		}
	}
	for since.Before(until) {
		end, ok := ends[since.Unix()]
		if !ok {
			return false, nil
		}
		since = end
	}
	return since.Equal(until), nil
}

// statementRows adds rows up by the keys of statements.
func (db *DB) statementRows(ctx context.Context, query string, since, until time.Time, place Place) ([]statement.Row, error) {
	byKey := statement.Rows{}
	var order []statement.Key
	scan := func(rows *sql.Rows) (struct{}, error) {
		var row statement.Row
		var hour int64
		var engine, units string
		var plan bool
		err := rows.Scan(append([]any{&hour, &row.Org, &row.Model, &engine, &row.Currency, &plan, &row.Outcome}, sumsInto(&row.Sums, &units)...)...)
		if err == nil {
			err = parseUsage(&row.Units, units)
		}
		if err != nil {
			return struct{}{}, err
		}
		row.Hour = instant(hour)
		row.Pool, row.Segment = place(engine)
		if plan {
			row.Segment = statement.SegmentPlan
		}
		if byKey[row.Key] == nil {
			order = append(order, row.Key)
		}
		return struct{}{}, byKey.Add(row)
	}
	if _, err := collect(ctx, db.r, scan, query+` WHERE hour >= $1 AND hour < $2 ORDER BY hour, n`, micros(since), micros(until)); err != nil {
		return nil, err
	}
	rows := make([]statement.Row, len(order))
	for i, k := range order {
		rows[i] = statement.Row{Key: k, Sums: *byKey[k]}
	}
	return rows, nil
}

// entryRows gives sums of entries the keys of statements.
func entryRows(entries []seal.EntrySum, place Place) []statement.EntryRow {
	rows := make([]statement.EntryRow, len(entries))
	plans := map[sluice.TxKind]bool{sluice.TxPlan: true, sluice.TxEarned: true}
	for i := range entries {
		e := &entries[i]
		r := statement.EntryRow{EntryKey: statement.EntryKey{Hour: e.Hour, Kind: e.Tx, Account: e.Kind, Currency: e.Currency, Org: e.Org, Model: e.Model}, Amount: e.Sum}
		if e.Engine != "" {
			r.Pool, r.Segment = place(e.Engine)
		}
		if e.Plan || plans[e.Tx] || e.Kind == sluice.AccountDeferred || e.Kind == sluice.AccountRevenuePlan {
			r.Segment = statement.SegmentPlan
		}
		rows[i] = r
	}
	return rows
}

// Reach says who called in the sealed hours from since on, before until, and up
// to their end.
func (db *DB) Reach(ctx context.Context, since, until time.Time) (statement.Reach, error) {
	var r statement.Reach
	closed, err := db.daysClosed(ctx, since, until)
	if err != nil {
		return r, fmt.Errorf("counting who called: %w", err)
	}
	in := `rollup WHERE hour >= $1 AND hour < $2`
	if closed {
		in = `day_caller WHERE day >= $1 AND day < $2`
	}
	for _, count := range []struct {
		to    *int64
		query string
		args  []any
	}{
		{&r.Customers, `SELECT COUNT(DISTINCT org) FROM ` + in, []any{micros(since), micros(until)}},
		{&r.Developers, `SELECT COUNT(*) FROM (SELECT DISTINCT org, key FROM ` + in + `) AS callers`, []any{micros(since), micros(until)}},
		{&r.CumulativeCustomers, `SELECT COUNT(DISTINCT org) FROM first_call WHERE hour < $1`, []any{micros(until)}},
		{&r.CumulativeDevelopers, `SELECT COUNT(*) FROM first_call WHERE hour < $1`, []any{micros(until)}},
	} {
		if err := db.r.QueryRowContext(ctx, count.query, count.args...).Scan(count.to); err != nil {
			return r, fmt.Errorf("counting who called: %w", err)
		}
	}
	return r, nil
}
