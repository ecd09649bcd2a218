package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"sluice"
)

// Engines returns all engines with what they serve, in order of names.
func (db *DB) Engines(ctx context.Context) ([]*sluice.Engine, error) {
	byID := map[string]*sluice.Engine{}
	scan := func(rows *sql.Rows) (*sluice.Engine, error) {
		e := sluice.Engine{Models: map[string]string{}}
		var secret []byte
		var created int64
		err := rows.Scan(&e.ID, &e.Name, &e.Kind, &e.URL, &secret, &e.OnLeave, &e.Concurrent, &created)
		e.Secret, e.CreatedAt = string(secret), instant(created)
		byID[e.ID] = &e
		return &e, err
	}
	scanModel := func(rows *sql.Rows) (id string, err error) {
		var name, own string
		err = rows.Scan(&id, &name, &own)
		if e := byID[id]; e != nil { // it may have been added since
			e.Models[name] = own
		}
		return id, err
	}
	engines, err := collect(ctx, db.r, scan, `SELECT id, name, kind, url, secret, on_leave, concurrent, created_at FROM engine ORDER BY name`)
	if err == nil {
		_, err = collect(ctx, db.r, scanModel, `SELECT engine, name, own FROM engine_model`)
	}
	if err != nil {
		return nil, fmt.Errorf("reading engines: %w", err)
	}
	return engines, nil
}

// PutEngine adds an engine, or changes the one of that name, and returns it as
// it is stored: an engine that was there keeps its id and the instant it was made.
// The secret is stored as given.
func (db *DB) PutEngine(ctx context.Context, e *sluice.Engine) (*sluice.Engine, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	stored := *e
	stored.Models = maps.Clone(e.Models)
	err := db.write(ctx, func(tx *sql.Tx) error {
		created := micros(e.CreatedAt)
		err := tx.QueryRowContext(ctx, `SELECT id, created_at FROM engine WHERE name = $1`, e.Name).Scan(&stored.ID, &created)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		stored.CreatedAt = instant(created)
		_, err = tx.ExecContext(ctx, `INSERT INTO engine (id, name, kind, url, secret, on_leave, concurrent, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, url = excluded.url,
			secret = excluded.secret, on_leave = excluded.on_leave, concurrent = excluded.concurrent`,
			stored.ID, e.Name, string(e.Kind), e.URL, []byte(e.Secret), string(e.OnLeave), e.Concurrent, created)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM engine_model WHERE engine = $1`, stored.ID); err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(e.Models)) {
			_, err := tx.ExecContext(ctx, `INSERT INTO engine_model (engine, name, own) VALUES ($1, $2, $3)`, stored.ID, name, e.Models[name])
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, db.refused("engine", e.Name, err)
	}
	return &stored, nil
}

// DeleteEngine forgets the engine of that name. Its events stay. Errors: CodeNotFound.
func (db *DB) DeleteEngine(ctx context.Context, name string) error {
	return db.change(ctx, "engine", name, `DELETE FROM engine WHERE name = $1`, name)
}
