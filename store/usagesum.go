package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"sluice"
)

// The levels by which usage is added up.
const (
	levelAll = int64(iota)
	levelOrganisation
	levelKey
)

// sumPlace names a row of usage_sum.
type sumPlace struct {
	org                         string
	level, step, start          int64
	project, key, model, priced string // priced is the currency
	simulated                   int64
}

const (
	placeColumns = `org, level, step, start, project, key, model, currency, simulated`
	valueColumns = `calls, units, list_nano, list_carry, charge_nano, charge_carry, refund_nano, refund_carry, ttft, results`
)

func (p *sumPlace) append(args []any) []any {
	return append(args, p.org, p.level, p.step, p.start, p.project, p.key, p.model, p.priced, p.simulated)
}

// places are the rows that an hour's row of one key counts in.
func places(r *sluice.UsageRow) []sumPlace {
	all := make([]sumPlace, 0, 6)
	for _, step := range []sluice.UsageStep{sluice.UsageHour, sluice.UsageDay} {
		p := sumPlace{
			level: levelAll, step: int64(step.Duration() / time.Second), start: micros(r.Start.UTC().Truncate(step.Duration())),
			model: r.Model, priced: string(r.Currency), simulated: bit(r.Simulated),
		}
		all = append(all, p)
		if r.Org == "" {
			continue
		}
		p.level, p.org = levelOrganisation, r.Org
		all = append(all, p)
		p.level, p.project, p.key = levelKey, r.Project, r.Key
		all = append(all, p)
	}
	return all
}

// usageSums is what is to be added to rows of usage_sum.
type usageSums map[sumPlace]*sluice.UsageSum

func (s usageSums) add(r *sluice.UsageRow) error {
	for _, p := range places(r) {
		sum := s[p]
		if sum == nil {
			sum = new(sluice.UsageSum)
			s[p] = sum
		}
		if err := sum.Add(&r.UsageSum); err != nil {
			return fmt.Errorf("adding up usage: %w", err)
		}
	}
	return nil
}

// AddUsage adds to what is stored of usage by hours and days. The start of a row
// may be any instant of its hour. Nothing is added twice by it: the caller sees
// to that.
func (db *DB) AddUsage(ctx context.Context, rows []sluice.UsageRow) error {
	sums := usageSums{}
	for i := range rows {
		if err := sums.add(&rows[i]); err != nil {
			return err
		}
	}
	if len(sums) == 0 {
		return nil
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if err := db.write(ctx, func(tx *sql.Tx) error { return db.addUsage(ctx, tx, sums) }); err != nil {
		return fmt.Errorf("adding up usage: %w", err)
	}
	return nil
}

// sumsAtOnce is how many rows of usage_sum are read or written by one statement.
const sumsAtOnce = 100

// addUsage adds sums to the rows that are there. It reads and writes them in
// pieces, since the texts cannot be added by the database.
func (db *DB) addUsage(ctx context.Context, tx *sql.Tx, sums usageSums) error {
	b := newBulk(`SELECT `+prefixed("s.", placeColumns)+`, `+valueColumns+` FROM (VALUES `,
		`(?, CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT), ?, ?, ?, ?, CAST(? AS BIGINT))`,
		`) AS w JOIN usage_sum AS s ON s.org = w.column1 AND s.level = w.column2 AND s.step = w.column3 AND s.start = w.column4
			AND s.project = w.column5 AND s.key = w.column6 AND s.model = w.column7 AND s.currency = w.column8 AND s.simulated = w.column9`)
	var asked, rows []any
	read := func() error {
		there, err := collect(ctx, tx, scanSum, b.text(db.dialect, len(asked)/b.columns), asked...)
		asked = asked[:0]
		for i := range there {
			if err == nil {
				err = sums[there[i].sumPlace].Add(&there[i].UsageSum)
			}
		}
		return err
	}
	for p := range sums {
		if asked = p.append(asked); len(asked) == sumsAtOnce*b.columns {
			if err := read(); err != nil {
				return err
			}
		}
	}
	if len(asked) > 0 {
		if err := read(); err != nil {
			return err
		}
	}
	for p, s := range sums {
		results, err := json.Marshal(s.Results)
		if err != nil {
			return err
		}
		rows = append(p.append(rows), s.Calls, usageText(&s.Usage), s.List.Nano, s.List.Carry, s.Charge.Nano, s.Charge.Carry,
			s.Refund.Nano, s.Refund.Carry, s.TTFT.String(), string(results))
	}
	return db.insert(ctx, tx, `INSERT INTO usage_sum (`+placeColumns+`, `+valueColumns+`) VALUES `,
		`(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, ` ON CONFLICT (`+placeColumns+`) DO UPDATE SET calls = excluded.calls, units = excluded.units,
			list_nano = excluded.list_nano, list_carry = excluded.list_carry, charge_nano = excluded.charge_nano, charge_carry = excluded.charge_carry,
			refund_nano = excluded.refund_nano, refund_carry = excluded.refund_carry, ttft = excluded.ttft, results = excluded.results`, rows)
}

// prefixed writes columns with the name of their table.
func prefixed(table, columns string) string {
	return table + strings.ReplaceAll(columns, ", ", ", "+table)
}

type sumRow struct {
	sumPlace
	sluice.UsageSum
}

func scanSum(rows *sql.Rows) (r sumRow, err error) {
	var units, ttft, results string
	err = rows.Scan(&r.org, &r.level, &r.step, &r.start, &r.project, &r.key, &r.model, &r.priced, &r.simulated,
		&r.Calls, &units, &r.List.Nano, &r.List.Carry, &r.Charge.Nano, &r.Charge.Carry, &r.Refund.Nano, &r.Refund.Carry, &ttft, &results)
	if err == nil {
		err = parseUsage(&r.Usage, units)
	}
	if err == nil {
		r.TTFT, err = sluice.ParseLatencies(ttft)
	}
	if err == nil && results != "null" && results != "{}" {
		err = json.Unmarshal([]byte(results), &r.Results)
	}
	return r, err
}

// FoldUsage adds calls that were booked since the last fold to what is stored of
// usage by hours and days, at most so many, and returns how many. It is for one
// caller at a time; what dies in the middle is done again from its beginning.
func (db *DB) FoldUsage(ctx context.Context, limit int) (folded int, err error) {
	at, err := foldedTo(ctx, db.r)
	if err != nil {
		return 0, fmt.Errorf("adding up usage: %w", err)
	}
	hours := map[hourOf]*sluice.UsageSum{}
	last, folded, err := eachUnfolded(ctx, db.r, at, limit, "", func(e *sluice.Event) error { return addHour(hours, e) })
	if err != nil || folded == 0 {
		return 0, err
	}
	sums := usageSums{}
	for h, s := range hours {
		if err := sums.add(&sluice.UsageRow{Start: instant(h.start), UsageKey: h.UsageKey, UsageSum: *s}); err != nil {
			return 0, err
		}
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	err = db.write(ctx, func(tx *sql.Tx) error {
		if err := db.addUsage(ctx, tx, sums); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `UPDATE usage_fold SET tx = $1 WHERE tx = $2`, last, at)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return fmt.Errorf("somebody else added up from transaction %d on: %w", at, err)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("adding up usage: %w", err)
	}
	return folded, nil
}

// foldedTo is the number of the last transaction that is in usage_sum.
func foldedTo(ctx context.Context, q querier) (int64, error) {
	all, err := collect(ctx, q, func(rows *sql.Rows) (n int64, err error) { return n, rows.Scan(&n) }, `SELECT tx FROM usage_fold`)
	if err != nil {
		return 0, err
	}
	if len(all) != 1 {
		return 0, fmt.Errorf("usage_fold has %d rows", len(all))
	}
	return all[0], nil
}

// hourOf is an hour and whose.
type hourOf struct {
	start int64
	sluice.UsageKey
}

func addHour(hours map[hourOf]*sluice.UsageSum, e *sluice.Event) error {
	h := hourOf{micros(e.EndedAt.Truncate(time.Hour)), usageKey(e)}
	sum := hours[h]
	if sum == nil {
		sum = new(sluice.UsageSum)
		hours[h] = sum
	}
	return sum.AddEvent(e)
}

func usageKey(e *sluice.Event) sluice.UsageKey {
	return sluice.UsageKey{Org: e.Org, Project: e.Project, Key: e.Key, Model: e.Model, Currency: e.Currency, Simulated: e.Simulated}
}

// eachUnfolded hands over the calls with numbers beyond after, of one
// organisation or all, and returns the number of the last one. The event is
// overwritten by the next. limit zero is no limit.
func eachUnfolded(ctx context.Context, q querier, after int64, limit int, org string, take func(*sluice.Event) error) (last int64, n int, err error) {
	where := conditions{}
	where.add("tx > ?", after)
	if org != "" {
		where.add("org || '' = ?", org) // by number and not by organisation: there are few of them
	}
	query := `SELECT tx, org, project, key, model, currency, simulated, admitted_at, first_at, ended_at,
		input, cached, cache_write, output, reasoning, units, list_pico, charge_pico, refund_pico FROM usage_event ` + where.text() + ` ORDER BY tx`
	if limit > 0 {
		query += fmt.Sprintf(" LIMIT %d", limit)
	}
	rows, err := q.QueryContext(ctx, query, where.args...)
	if err != nil {
		return 0, 0, fmt.Errorf("reading what is not added up: %w", err)
	}
	defer rows.Close()
	var e sluice.Event
	var admitted, first, ended int64
	var units string
	into := []any{&last, &e.Org, &e.Project, &e.Key, &e.Model, &e.Currency, &e.Simulated, &admitted, &first, &ended}
	for class := range columnClasses {
		into = append(into, &e.Usage[class])
	}
	into = append(into, &units, &e.List, &e.Charge, &e.Refund)
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return 0, 0, fmt.Errorf("reading what is not added up: %w", err)
		}
		e.AdmittedAt, e.FirstAt, e.EndedAt = instant(admitted), instant(first), instant(ended)
		clear(e.Usage[columnClasses:])
		if units != "" {
			if err := parseUnits(&e.Usage, units); err != nil {
				return 0, 0, err
			}
		}
		if err := take(&e); err != nil {
			return 0, 0, err
		}
		n++
	}
	return last, n, rows.Err()
}
