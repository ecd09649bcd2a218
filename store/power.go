package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sluice/money/electricity"
)

// lastPower is the setting that holds the id of the batch that was added last.
const lastPower = "power_batch"

// AddPower adds what engines drew and worked. A batch that was the last to be
// added is not added again, so that one whose fate is unknown can be tried again.
func (db *DB) AddPower(ctx context.Context, b *electricity.Batch) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	err := db.write(ctx, func(tx *sql.Tx) error {
		var last string
		err := tx.QueryRowContext(ctx, `SELECT value FROM setting WHERE name = $1`, lastPower).Scan(&last)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if last == b.ID {
			return nil
		}
		if err := addPower(ctx, tx, b); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, lastPower, b.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("storing what engines drew: %w", err)
	}
	return nil
}

func addPower(ctx context.Context, tx *sql.Tx, b *electricity.Batch) error {
	for _, d := range b.Drawn {
		_, err := tx.ExecContext(ctx, `INSERT INTO power_drawn (slot, engine, measured, measured_for, estimated, estimated_for)
			VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (slot, engine) DO UPDATE SET
			measured = power_drawn.measured + excluded.measured, measured_for = power_drawn.measured_for + excluded.measured_for,
			estimated = power_drawn.estimated + excluded.estimated, estimated_for = power_drawn.estimated_for + excluded.estimated_for`,
			micros(d.Slot), d.Engine, int64(d.Measured.Energy), d.Measured.For.Microseconds(), int64(d.Estimated.Energy), d.Estimated.For.Microseconds())
		if err != nil {
			return err
		}
	}
	for _, w := range b.Worked {
		_, err := tx.ExecContext(ctx, `INSERT INTO power_worked (slot, engine, model, read, written)
			VALUES ($1, $2, $3, $4, $5) ON CONFLICT (slot, engine, model) DO UPDATE SET
			read = power_worked.read + excluded.read, written = power_worked.written + excluded.written`,
			micros(w.Slot), w.Engine, w.Model, w.Tokens.Read, w.Tokens.Written)
		if err != nil {
			return err
		}
	}
	for _, w := range b.Watched {
		_, err := tx.ExecContext(ctx, `INSERT INTO power_watched (engine, name, first_at, last_at)
			VALUES ($1, $2, $3, $4) ON CONFLICT (engine) DO UPDATE SET name = excluded.name, last_at = excluded.last_at`,
			w.Engine, w.Name, micros(w.First), micros(w.Last))
		if err != nil {
			return err
		}
	}
	return nil
}

// Power returns what engines drew and worked in the slots of [since, until), and
// from when until when each was watched, in order.
func (db *DB) Power(ctx context.Context, since, until time.Time) (drawn []electricity.Drawn, worked []electricity.Worked, watched []electricity.Watched, err error) {
	drawn, err = collect(ctx, db.r, func(rows *sql.Rows) (d electricity.Drawn, err error) {
		var slot, measured, estimated int64
		err = rows.Scan(&slot, &d.Engine, &d.Measured.Energy, &measured, &d.Estimated.Energy, &estimated)
		d.Slot, d.Measured.For, d.Estimated.For = instant(slot), time.Duration(measured)*time.Microsecond, time.Duration(estimated)*time.Microsecond
		return d, err
	}, `SELECT slot, engine, measured, measured_for, estimated, estimated_for FROM power_drawn
		WHERE slot >= $1 AND slot < $2 ORDER BY slot, engine`, micros(since), micros(until))
	if err == nil {
		worked, err = collect(ctx, db.r, func(rows *sql.Rows) (w electricity.Worked, err error) {
			var slot int64
			err = rows.Scan(&slot, &w.Engine, &w.Model, &w.Tokens.Read, &w.Tokens.Written)
			w.Slot = instant(slot)
			return w, err
		}, `SELECT slot, engine, model, read, written FROM power_worked WHERE slot >= $1 AND slot < $2 ORDER BY slot, engine, model`, micros(since), micros(until))
	}
	if err == nil {
		watched, err = collect(ctx, db.r, func(rows *sql.Rows) (w electricity.Watched, err error) {
			var first, last int64
			err = rows.Scan(&w.Engine, &w.Name, &first, &last)
			w.First, w.Last = instant(first), instant(last)
			return w, err
		}, `SELECT engine, name, first_at, last_at FROM power_watched ORDER BY engine`)
	}
	if err != nil {
		return nil, nil, nil, fmt.Errorf("reading what engines drew: %w", err)
	}
	return drawn, worked, watched, nil
}

// PowerSupplies returns how the power of engines is known, by engine's id, as
// PutPowerSupply stored it.
func (db *DB) PowerSupplies(ctx context.Context) (map[string]json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	_, err := collect(ctx, db.r, func(rows *sql.Rows) (struct{}, error) {
		var engine, supply string
		err := rows.Scan(&engine, &supply)
		all[engine] = json.RawMessage(supply)
		return struct{}{}, err
	}, `SELECT engine, supply FROM power_supply`)
	if err != nil {
		return nil, fmt.Errorf("reading how engines are supplied: %w", err)
	}
	return all, nil
}

// PutPowerSupply stores how the power of an engine is known, over what was there.
func (db *DB) PutPowerSupply(ctx context.Context, engine string, supply json.RawMessage) error {
	return db.create(ctx, "power supply", engine, `INSERT INTO power_supply (engine, supply) VALUES ($1, $2)
		ON CONFLICT (engine) DO UPDATE SET supply = excluded.supply`, engine, string(supply))
}

// RemovePowerSupply forgets how the power of an engine is known. Errors:
// CodeNotFound when it was not.
func (db *DB) RemovePowerSupply(ctx context.Context, engine string) error {
	return db.change(ctx, "power supply", engine, `DELETE FROM power_supply WHERE engine = $1`, engine)
}

// PowerContract returns what power costs; without terms one that knows no price.
func (db *DB) PowerContract(ctx context.Context) (*electricity.Contract, error) {
	terms, err := collect(ctx, db.r, func(rows *sql.Rows) (t electricity.Terms, err error) {
		var text string
		if err := rows.Scan(&text); err != nil {
			return t, err
		}
		err = json.Unmarshal([]byte(text), &t)
		return t, err
	}, `SELECT terms FROM power_terms ORDER BY from_at`)
	if err != nil {
		return nil, fmt.Errorf("reading what power costs: %w", err)
	}
	return electricity.NewContract(terms...)
}

// PutPowerContract stores what power costs in place of all terms before.
func (db *DB) PutPowerContract(ctx context.Context, c *electricity.Contract) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	err := db.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM power_terms`); err != nil {
			return err
		}
		for _, t := range c.Terms() {
			text, err := json.Marshal(t)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO power_terms (from_at, terms) VALUES ($1, $2)`, micros(t.From), string(text)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("storing what power costs: %w", err)
	}
	return nil
}
