package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sluice"
	"sluice/money/cost"
	"sluice/money/exact"
	"sluice/money/statement"
)

// Schedule returns what the operator keeps of nodes and payments: all pools and
// engines, and the spans and payments that touch [since, until).
func (db *DB) Schedule(ctx context.Context, since, until time.Time) (*statement.NodeSchedule, error) {
	s := &statement.NodeSchedule{Spans: []cost.Span{}}
	var err error
	if s.Pools, err = documents[statement.NodePool](ctx, db, `SELECT document FROM cost_pool ORDER BY name`); err == nil {
		s.Costs, err = documents[statement.PeriodCost](ctx, db, `SELECT document FROM cost_payment WHERE from_at < $1 AND to_at > $2 ORDER BY from_at, id`, micros(until), micros(since))
	}
	if err == nil {
		s.Engines, err = documents[statement.Placed](ctx, db, `SELECT document FROM engine_place ORDER BY engine`)
	}
	if err == nil {
		s.Spans, err = collect(ctx, db.r, scanSpan, `SELECT pool, from_at, to_at, nodes FROM node_span WHERE from_at < $1 AND to_at > $2 ORDER BY pool, from_at`, micros(until), micros(since))
	}
	if err != nil {
		return nil, fmt.Errorf("reading the schedule of nodes: %w", err)
	}
	return s, nil
}

func scanSpan(rows *sql.Rows) (s cost.Span, err error) {
	var from, to int64
	var nodes string
	if err = rows.Scan(&s.Pool, &from, &to, &nodes); err == nil {
		s.From, s.To = instant(from), instant(to)
		s.Nodes, err = exact.Parse(nodes)
	}
	return s, err
}

// documents reads a column of JSON.
func documents[T any](ctx context.Context, db *DB, query string, args ...any) ([]T, error) {
	scan := func(rows *sql.Rows) (v T, err error) {
		text, err := scanString(rows)
		if err == nil {
			err = json.Unmarshal([]byte(text), &v)
		}
		return v, err
	}
	all, err := collect(ctx, db.r, scan, query, args...)
	if all == nil {
		all = []T{}
	}
	return all, err
}

// ImportNodes stores what a file of nodes changes, whole or not at all. Errors:
// CodeConflict when the schedule is no longer what the import was made for.
func (db *DB) ImportNodes(ctx context.Context, in *statement.NodeImport) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	err := db.write(ctx, func(tx *sql.Tx) error {
		for _, p := range in.Pools {
			if err := putDocument(ctx, tx, `INSERT INTO cost_pool (document, name) VALUES ($1, $2)`, p, p.Name); err != nil {
				return err
			}
		}
		for _, s := range in.Removed {
			res, err := tx.ExecContext(ctx, `DELETE FROM node_span WHERE pool = $1 AND from_at = $2 AND to_at = $3`, s.Pool, micros(s.From), micros(s.To))
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err != nil || n != 1 {
				return errors.Join(err, sluice.Errorf(sluice.CodeConflict, "The schedule of %q was changed by somebody else: try again.", s.Pool))
			}
		}
		var args []any
		for _, s := range in.Spans {
			args = append(args, s.Pool, micros(s.From), micros(s.To), s.Nodes.String())
		}
		if err := db.insert(ctx, tx, `INSERT INTO node_span (pool, from_at, to_at, nodes) VALUES `, `(?, ?, ?, ?)`, ``, args); err != nil {
			return err
		}
		for _, p := range in.Costs {
			err := putDocument(ctx, tx, `INSERT INTO cost_payment (document, id, from_at, to_at) VALUES ($1, $2, $3, $4)`, p, p.ID, micros(p.From), micros(p.To))
			if err != nil {
				return err
			}
		}
		return nil
	})
	if sluice.CodeOf(err) == sluice.CodeConflict {
		return err
	}
	return db.refused("schedule", "of nodes", err)
}

// putDocument runs a statement whose first argument is a value as JSON.
func putDocument(ctx context.Context, tx *sql.Tx, query string, v any, args ...any) error {
	text, err := json.Marshal(v)
	if err == nil {
		_, err = tx.ExecContext(ctx, query, append([]any{string(text)}, args...)...)
	}
	return err
}

// PutCostPool stores a pool over one of its name.
func (db *DB) PutCostPool(ctx context.Context, p *statement.NodePool) error {
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("writing the pool %q: %w", p.Name, err)
	}
	return db.create(ctx, "pool", p.Name, `INSERT INTO cost_pool (name, document) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET document = excluded.document`, p.Name, string(text))
}

// DeleteCostPool forgets a pool with its spans and the engines in it. Its payments
// are then for all. Errors: CodeNotFound.
func (db *DB) DeleteCostPool(ctx context.Context, name string) error {
	placed, err := documents[statement.Placed](ctx, db, `SELECT document FROM engine_place`)
	if err != nil {
		return fmt.Errorf("reading where engines are: %w", err)
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	err = db.write(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM cost_pool WHERE name = $1`, name)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, notFound("pool", name))
		}
		for _, p := range placed {
			if p.Pool != name {
				continue
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM engine_place WHERE engine = $1`, p.Engine); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM node_span WHERE pool = $1`, name)
		return err
	})
	if sluice.CodeOf(err) == sluice.CodeNotFound {
		return notFound("pool", name)
	}
	return db.refused("pool", name, err)
}

// DeletePeriodCost forgets what was paid. Errors: CodeNotFound.
func (db *DB) DeletePeriodCost(ctx context.Context, id string) error {
	return db.change(ctx, "cost", id, `DELETE FROM cost_payment WHERE id = $1`, id)
}

// PlaceEngine stores where an engine belongs. With an empty pool it is forgotten.
func (db *DB) PlaceEngine(ctx context.Context, p *statement.Placed) error {
	if p.Pool == "" {
		return db.create(ctx, "place of an engine", p.Name, `DELETE FROM engine_place WHERE engine = $1`, p.Engine)
	}
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("writing where the engine %q is: %w", p.Name, err)
	}
	return db.create(ctx, "place of an engine", p.Name, `INSERT INTO engine_place (engine, document) VALUES ($1, $2) ON CONFLICT (engine) DO UPDATE SET document = excluded.document`, p.Engine, string(text))
}

// KeepCosts keeps a document under its hash, for good.
func (db *DB) KeepCosts(ctx context.Context, hash, document string) error {
	return db.create(ctx, "costs", hash, `INSERT INTO cost_kept (hash, document) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING`, hash, document)
}

// KeptCosts returns a document by its hash. Errors: CodeNotFound.
func (db *DB) KeptCosts(ctx context.Context, hash string) (document string, err error) {
	err = db.r.QueryRowContext(ctx, `SELECT document FROM cost_kept WHERE hash = $1`, hash).Scan(&document)
	if errors.Is(err, sql.ErrNoRows) {
		return "", notFound("costs", hash)
	}
	if err != nil {
		return "", fmt.Errorf("reading the costs of a closed day: %w", err)
	}
	return document, nil
}

// EnginesUp returns for how long engines were up in the hours of [since, until).
func (db *DB) EnginesUp(ctx context.Context, since, until time.Time) ([]statement.Up, error) {
	scan := func(rows *sql.Rows) (u statement.Up, err error) {
		var hour, up int64
		err = rows.Scan(&u.Engine, &hour, &up)
		u.Hour, u.For = instant(hour), time.Duration(up)*time.Microsecond
		return u, err
	}
	all, err := collect(ctx, db.r, scan, `SELECT engine, hour, up FROM engine_up WHERE hour >= $1 AND hour < $2 ORDER BY hour, engine`, micros(since), micros(until))
	if err != nil {
		return nil, fmt.Errorf("reading for how long engines were up: %w", err)
	}
	return all, nil
}
