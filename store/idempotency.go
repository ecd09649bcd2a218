package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"sluice"
)

// BeginRequest notes that a request begins, unless there is one of the same
// principal and key: that one is returned, and nothing is noted.
func (db *DB) BeginRequest(ctx context.Context, r *sluice.IdempotentRequest) (before *sluice.IdempotentRequest, err error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	err = db.write(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `INSERT INTO idempotent_request (principal, key, request, begun_at, status, content_type, answer)
			VALUES ($1, $2, $3, $4, 0, '', '') ON CONFLICT (principal, key) DO NOTHING`, r.Principal, r.Key, r.Request, micros(r.BegunAt))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			return err
		}
		before = &sluice.IdempotentRequest{Principal: r.Principal, Key: r.Key}
		var begun int64
		err = tx.QueryRowContext(ctx, `SELECT request, begun_at, status, content_type, answer FROM idempotent_request WHERE principal = $1 AND key = $2`,
			r.Principal, r.Key).Scan(&before.Request, &begun, &before.Status, &before.ContentType, &before.Answer)
		before.BegunAt = instant(begun)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("noting a request: %w", err)
	}
	return before, nil
}

// EndRequest keeps the answer of a request that began, or, when its status is
// zero, forgets the request.
func (db *DB) EndRequest(ctx context.Context, r *sluice.IdempotentRequest) error {
	const what = "request under an idempotency key"
	if r.Status == 0 {
		return db.change(ctx, what, r.Principal, `DELETE FROM idempotent_request WHERE principal = $1 AND key = $2`, r.Principal, r.Key)
	}
	return db.change(ctx, what, r.Principal, `UPDATE idempotent_request SET status = $1, content_type = $2, answer = $3 WHERE principal = $4 AND key = $5`,
		int64(r.Status), r.ContentType, r.Answer, r.Principal, r.Key)
}

// DropRequests forgets the requests that began before the instant.
func (db *DB) DropRequests(ctx context.Context, before time.Time) error {
	return db.create(ctx, "request under an idempotency key", "old", `DELETE FROM idempotent_request WHERE begun_at < $1`, micros(before))
}
