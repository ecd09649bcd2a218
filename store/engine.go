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
)

// Engines returns all engines with what they serve, in order of names.
func (db *DB) Engines(ctx context.Context) ([]*sluice.Engine, error) {
	var engines []*sluice.Engine
	scan := func(rows *sql.Rows) (struct{}, error) { // a row for each model of an engine, one for an engine without
		e := sluice.Engine{Models: map[string]string{}}
		var secret []byte
		var created, firstByte int64
		var name, own sql.NullString
		var lacks, probe, process string
		err := rows.Scan(&e.ID, &e.Name, &e.Kind, &e.URL, &e.Origin, &process, &e.Stopped, &secret, &e.OnLeave, &e.NoCacheSalt, &lacks, &e.Mend, &e.ReasoningKey,
			&e.Driver, &e.NoProbe, &probe, &e.Concurrent, &firstByte, &created, &name, &own)
		if err != nil {
			return struct{}{}, err
		}
		e.FirstByteTimeout = time.Duration(firstByte) * time.Microsecond
		if e.Lacks, err = sluice.ParseFeatures(strings.Fields(lacks)); err != nil {
			return struct{}{}, err
		}
		if e.Probe, err = readJSON[sluice.ProbeResult](probe); err != nil {
			return struct{}{}, fmt.Errorf("what a probe found: %w", err)
		}
		if e.Process, err = readJSON[sluice.Process](process); err != nil {
			return struct{}{}, fmt.Errorf("how an engine is started: %w", err)
		}
		if last := len(engines) - 1; last < 0 || engines[last].ID != e.ID {
			e.Secret, e.CreatedAt = string(secret), instant(created)
			engines = append(engines, &e)
		}
		if name.Valid {
			engines[len(engines)-1].Models[name.String] = own.String
		}
		return struct{}{}, nil
	}
	_, err := collect(ctx, db.r, scan, `SELECT id, engine.name, kind, url, origin, process, stopped, secret, on_leave, no_salt, lacks, mend, reasoning_key,
		driver, no_probe, probe, concurrent, first_byte_timeout, created_at, engine_model.name, own
		FROM engine LEFT JOIN engine_model ON engine_model.engine = engine.id ORDER BY engine.name`)
	if err != nil {
		return nil, fmt.Errorf("reading engines: %w", err)
	}
	return engines, nil
}

// PutEngine adds an engine, or changes the one of that name, and returns it as
// it is stored: an engine that was there keeps its id and the instant it was made.
// The secret is stored as given. What its probe found is PutProbe's, and whether
// it is stopped StopEngine's: both stay.
func (db *DB) PutEngine(ctx context.Context, e *sluice.Engine) (*sluice.Engine, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	stored := *e
	stored.Models = maps.Clone(e.Models)
	process, err := writeJSON(e.Process)
	if err != nil {
		return nil, fmt.Errorf("writing how the engine %q is started: %w", e.Name, err)
	}
	err = db.write(ctx, func(tx *sql.Tx) error {
		created, probe := micros(e.CreatedAt), ""
		stored.Stopped = false
		err := tx.QueryRowContext(ctx, `SELECT id, created_at, probe, stopped FROM engine WHERE name = $1`, e.Name).Scan(&stored.ID, &created, &probe, &stored.Stopped)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		stored.CreatedAt = instant(created)
		if stored.Probe, err = readJSON[sluice.ProbeResult](probe); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO engine (id, name, kind, url, secret, on_leave, no_salt, lacks, mend, reasoning_key, driver, no_probe, concurrent, created_at, process, origin, first_byte_timeout)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, url = excluded.url,
			process = excluded.process, origin = excluded.origin, secret = excluded.secret, on_leave = excluded.on_leave, no_salt = excluded.no_salt, lacks = excluded.lacks,
			mend = excluded.mend, reasoning_key = excluded.reasoning_key, driver = excluded.driver, no_probe = excluded.no_probe, concurrent = excluded.concurrent,
			first_byte_timeout = excluded.first_byte_timeout`,
			stored.ID, e.Name, string(e.Kind), e.URL, []byte(e.Secret), string(e.OnLeave), bit(e.NoCacheSalt),
			strings.Join(e.Lacks.Names(), " "), bit(e.Mend), e.ReasoningKey, e.Driver, bit(e.NoProbe), e.Concurrent, created, process, e.Origin, e.FirstByteTimeout.Microseconds())
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

// PutProbe stores what the probe of an engine found. Errors: CodeNotFound.
func (db *DB) PutProbe(ctx context.Context, id string, r *sluice.ProbeResult) error {
	raw, err := writeJSON(r)
	if err != nil {
		return fmt.Errorf("writing what a probe found: %w", err)
	}
	return db.change(ctx, "engine", id, `UPDATE engine SET probe = $2 WHERE id = $1`, id, raw)
}

// StopEngine notes that an engine is stopped by its operator, or no longer is.
// Errors: CodeNotFound.
func (db *DB) StopEngine(ctx context.Context, name string, stopped bool) error {
	return db.change(ctx, "engine", name, `UPDATE engine SET stopped = $2 WHERE name = $1`, name, bit(stopped))
}

// writeJSON writes a value as JSON; nil is the empty text.
func writeJSON[T any](v *T) (string, error) {
	if v == nil {
		return "", nil
	}
	raw, err := json.Marshal(v)
	return string(raw), err
}

// readJSON reads what writeJSON wrote.
func readJSON[T any](raw string) (*T, error) {
	if raw == "" {
		return nil, nil
	}
	v := new(T)
	if err := json.Unmarshal([]byte(raw), v); err != nil {
		return nil, fmt.Errorf("reading: %w", err)
	}
	return v, nil
}
