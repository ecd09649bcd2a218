package store

import (
	"context"
	"database/sql"
	"fmt"

	"sluice/money/seal"
)

// EngineReadings returns where the counters of engines stood last.
func (db *DB) EngineReadings(ctx context.Context) ([]seal.Reading, error) {
	scan := func(rows *sql.Rows) (r seal.Reading, err error) {
		var at, known int64
		err = rows.Scan(&r.Engine, &r.Prompt, &r.Completion, &at, &known, &r.Restarts)
		r.At, r.KnownFrom = instant(at), instant(known)
		return r, err
	}
	all, err := collect(ctx, db.r, scan, `SELECT engine, prompt, completion, at, known_from, restarts FROM engine_reading ORDER BY engine`)
	if err != nil {
		return nil, fmt.Errorf("reading where engines' counters stood: %w", err)
	}
	return all, nil
}

// AddCounts adds what engines did to their hours, and puts the readings in the
// place of earlier ones, all or nothing.
func (db *DB) AddCounts(ctx context.Context, counts []seal.Count, readings []seal.Reading) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	err := db.write(ctx, func(tx *sql.Tx) error {
		for i := range counts {
			c := &counts[i]
			_, err := tx.ExecContext(ctx, `INSERT INTO engine_up (engine, hour, up) VALUES ($1, $2, $3)
				ON CONFLICT (engine, hour) DO UPDATE SET up = engine_up.up + excluded.up`, c.Engine, micros(c.Hour), c.Up.Microseconds())
			if err == nil && c.Counted {
				_, err = tx.ExecContext(ctx, `INSERT INTO engine_counter (engine, hour, prompt, completion, source, at) VALUES ($1, $2, $3, $4, $5, $6)
					ON CONFLICT (engine, hour) DO UPDATE SET prompt = engine_counter.prompt + excluded.prompt,
					completion = engine_counter.completion + excluded.completion, source = excluded.source, at = excluded.at`,
					c.Engine, micros(c.Hour), c.Prompt, c.Completion, c.Source, micros(c.Hour))
			}
			if err != nil {
				return err
			}
		}
		for i := range readings {
			r := &readings[i]
			_, err := tx.ExecContext(ctx, `INSERT INTO engine_reading (engine, prompt, completion, at, known_from, restarts) VALUES ($1, $2, $3, $4, $5, $6)
				ON CONFLICT (engine) DO UPDATE SET prompt = excluded.prompt, completion = excluded.completion, at = excluded.at, restarts = excluded.restarts`,
				r.Engine, r.Prompt, r.Completion, micros(r.At), micros(r.KnownFrom), r.Restarts)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("storing what engines counted: %w", err)
	}
	return nil
}
