package store

import (
	"context"
	"database/sql"
	"fmt"

	"sluice"
)

// keptStarts is how many starts of an engine are kept.
const keptStarts = 100

const startColumns = `id, engine, cause, attempt, stage, percent, bytes, at, deadline, ended_at, error`

func scanStart(rows *sql.Rows) (*sluice.EngineStart, error) {
	var s sluice.EngineStart
	var at, deadline, ended int64
	err := rows.Scan(&s.ID, &s.Engine, &s.Cause, &s.Attempt, &s.Stage, &s.Percent, &s.Bytes, &at, &deadline, &ended, &s.Error)
	s.At, s.Deadline, s.EndedAt = instant(at), instant(deadline), instant(ended)
	return &s, err
}

// PutEngineStart stores how far the start of an engine has come: a new one, of
// which the oldest beyond a hundred of the engine's are forgotten, or one that is
// there. Errors: CodeNotFound for an engine that is gone.
func (db *DB) PutEngineStart(ctx context.Context, s *sluice.EngineStart) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	err := db.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO engine_start (`+startColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
			ON CONFLICT (id) DO UPDATE SET attempt = excluded.attempt, stage = excluded.stage, percent = excluded.percent, bytes = excluded.bytes,
			deadline = excluded.deadline, ended_at = excluded.ended_at, error = excluded.error`,
			s.ID, s.Engine, s.Cause, s.Attempt, string(s.Stage), s.Percent, s.Bytes, micros(s.At), micros(s.Deadline), micros(s.EndedAt), s.Error)
		if err != nil || s.Stage != sluice.StageCheck {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM engine_start WHERE engine = $1 AND id <= (
			SELECT id FROM engine_start WHERE engine = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)`, s.Engine, keptStarts)
		return err
	})
	if db.dialect.foreign(err) {
		return notFound("engine", s.Engine)
	}
	return db.refused("start of an engine", s.ID, err)
}

// EngineStarts returns the starts of an engine, the latest first, before the one
// with the id before unless that is empty.
func (db *DB) EngineStarts(ctx context.Context, engine, before string, limit int) ([]*sluice.EngineStart, error) {
	starts, err := collect(ctx, db.r, scanStart, `SELECT `+startColumns+` FROM engine_start
		WHERE engine = $1 AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT $3`, engine, before, limit)
	if err != nil {
		return nil, fmt.Errorf("reading the starts of engine %s: %w", engine, err)
	}
	return starts, nil
}

// OpenEngineStarts returns the starts that have not ended, of all engines, the
// earliest first.
func (db *DB) OpenEngineStarts(ctx context.Context) ([]*sluice.EngineStart, error) {
	starts, err := collect(ctx, db.r, scanStart, `SELECT `+startColumns+` FROM engine_start WHERE ended_at = 0 ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("reading the starts of engines that are under way: %w", err)
	}
	return starts, nil
}
