package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Setting returns a value that PutSetting stored, "" when there is none.
func (db *DB) Setting(ctx context.Context, name string) (value string, err error) {
	err = db.r.QueryRowContext(ctx, `SELECT value FROM setting WHERE name = $1`, name).Scan(&value)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("reading the setting %s: %w", name, err)
	}
	return value, nil
}

// PutSetting stores a value under a name, over an earlier one.
func (db *DB) PutSetting(ctx context.Context, name, value string) error {
	return db.create(ctx, "setting", name,
		`INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
}
