package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"time"

	"sluice"
)

// prunedAtOnce is of how long a time rows are removed in one transaction, so that
// calls that are settled meanwhile hardly wait.
const prunedAtOnce = 24 * time.Hour

// powerPruned is the setting that holds from when on what engines drew is kept.
const powerPruned = "power_pruned"

// PruneUsage removes usage by the hour of before an instant, and returns how many
// rows. Usage by the day stays.
func (db *DB) PruneUsage(ctx context.Context, before time.Time) (removed int64, err error) {
	step := int64(sluice.UsageHour.Duration() / time.Second)
	for _, level := range []int64{levelAll, levelOrganisation, levelKey} {
		n, err := db.prune(ctx, before, `SELECT COALESCE(MIN(start), $3) FROM usage_sum WHERE level = $1 AND step = $2`, []any{level, step}, nil,
			`DELETE FROM usage_sum WHERE level = $1 AND step = $2 AND start < $3`)
		if removed += n; err != nil {
			return removed, fmt.Errorf("removing old usage: %w", err)
		}
	}
	return removed, nil
}

// PrunePower removes what engines drew and worked before an instant, and returns how
// many rows. PowerSince then says from when on it is there.
func (db *DB) PrunePower(ctx context.Context, before time.Time) (removed int64, err error) {
	for _, table := range []string{"power_drawn", "power_worked"} {
		note := func(tx *sql.Tx, upTo int64) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, powerPruned, strconv.FormatInt(upTo, 10))
			return err
		}
		if table != "power_drawn" { // it has slots of the same times
			note = nil
		}
		n, err := db.prune(ctx, before, `SELECT COALESCE(MIN(slot), $1) FROM `+table, nil, note, `DELETE FROM `+table+` WHERE slot < $1`)
		if removed += n; err != nil {
			return removed, fmt.Errorf("removing what engines drew: %w", err)
		}
	}
	return removed, nil
}

// PowerSince is the instant before which what engines drew was removed; zero where
// nothing was.
func (db *DB) PowerSince(ctx context.Context) (time.Time, error) {
	text, err := db.Setting(ctx, powerPruned)
	if err != nil || text == "" {
		return time.Time{}, err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading from when on what engines drew is kept: %w", err)
	}
	return instant(n), nil
}

// prune removes rows of before an instant, a stretch at a time. first and remove take
// args and then an instant: what first returns where there is nothing, and before which
// rows are removed. note, when not nil, notes in the same transaction up to when.
func (db *DB) prune(ctx context.Context, before time.Time, first string, args []any, note func(tx *sql.Tx, upTo int64) error, remove string) (removed int64, err error) {
	end := micros(before)
	for {
		var from int64
		if err := db.r.QueryRowContext(ctx, first, append(slices.Clip(args), end)...).Scan(&from); err != nil || from >= end {
			return removed, err
		}
		upTo := min(from+prunedAtOnce.Microseconds(), end)
		n, err := db.pruneStretch(ctx, upTo, args, note, remove)
		if removed += n; err != nil {
			return removed, err
		}
	}
}

func (db *DB) pruneStretch(ctx context.Context, upTo int64, args []any, note func(tx *sql.Tx, upTo int64) error, remove string) (n int64, err error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	err = db.write(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, remove, append(slices.Clip(args), upTo)...)
		if err == nil {
			n, err = res.RowsAffected()
		}
		if err == nil && note != nil {
			err = note(tx, upTo)
		}
		return err
	})
	return n, err
}
