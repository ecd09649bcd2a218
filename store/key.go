package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"sluice"
)

// Keys returns all API keys, the expired and the revoked included, in order of their ids.
func (db *DB) Keys(ctx context.Context) ([]*sluice.Key, error) {
	keys, err := collect(ctx, db.r, scanKey, `SELECT id, hash, COALESCE(org, ''), COALESCE(project, ''), name, role, last4, models,
		requests_per_minute, tokens_per_minute, concurrent, queue_class, cap_nano, cap_carry, expires_at, revoked_at, created_at
		FROM api_key ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("reading keys: %w", err)
	}
	return keys, nil
}

func scanKey(rows *sql.Rows) (*sluice.Key, error) {
	var k sluice.Key
	var hash []byte
	var models string
	var nano, carry sql.NullInt64
	var expires, revoked, created int64
	err := rows.Scan(&k.ID, &hash, &k.Org, &k.Project, &k.Name, &k.Role, &k.Last4, &models,
		&k.Limits.RequestsPerMinute, &k.Limits.TokensPerMinute, &k.Limits.Concurrent, &k.Limits.QueueClass, &nano, &carry, &expires, &revoked, &created)
	if err != nil {
		return nil, err
	}
	if copy(k.Hash[:], hash) != len(k.Hash) || len(hash) != len(k.Hash) {
		return nil, fmt.Errorf("key %s: its hash has %d bytes", k.ID, len(hash))
	}
	if err := json.Unmarshal([]byte(models), &k.Models); err != nil {
		return nil, fmt.Errorf("key %s: its models: %w", k.ID, err)
	}
	if nano.Valid {
		k.Cap = &sluice.Amount{Nano: nano.Int64, Carry: carry.Int64}
	}
	k.ExpiresAt, k.RevokedAt, k.CreatedAt = instant(expires), instant(revoked), instant(created)
	return &k, nil
}

// CreateKey adds an API key. Errors: CodeConflict when its id or its secret is
// taken, CodeNotFound when there is no such organisation, or the project is
// not one of that organisation.
func (db *DB) CreateKey(ctx context.Context, k *sluice.Key) error {
	models, nano, carry, err := keyValues(k)
	if err != nil {
		return err
	}
	return db.create(ctx, "key", k.ID, `INSERT INTO api_key (id, hash, org, project, name, role, last4, models,
		requests_per_minute, tokens_per_minute, concurrent, queue_class, cap_nano, cap_carry, expires_at, revoked_at, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		k.ID, k.Hash[:], sql.NullString{String: k.Org, Valid: k.Org != ""}, sql.NullString{String: k.Project, Valid: k.Project != ""},
		k.Name, string(k.Role), k.Last4, models, k.Limits.RequestsPerMinute, k.Limits.TokensPerMinute, k.Limits.Concurrent, k.Limits.QueueClass,
		nano, carry, micros(k.ExpiresAt), micros(k.RevokedAt), micros(k.CreatedAt))
}

// UpdateKey changes a key's name, models, limits, cap, expiry and revocation;
// everything else of a key is for good. Errors: CodeNotFound when k.Org, empty
// for the operator, has no such key.
func (db *DB) UpdateKey(ctx context.Context, k *sluice.Key) error {
	models, nano, carry, err := keyValues(k)
	if err != nil {
		return err
	}
	return db.change(ctx, "key", k.ID, `UPDATE api_key SET name = $3, models = $4, requests_per_minute = $5, tokens_per_minute = $6,
		concurrent = $7, cap_nano = $8, cap_carry = $9, expires_at = $10, revoked_at = $11, queue_class = $12
		WHERE id = $1 AND COALESCE(org, '') = $2`,
		k.ID, k.Org, k.Name, models, k.Limits.RequestsPerMinute, k.Limits.TokensPerMinute, k.Limits.Concurrent,
		nano, carry, micros(k.ExpiresAt), micros(k.RevokedAt), k.Limits.QueueClass)
}

// keyValues returns the values that a key's row holds in another form.
func keyValues(k *sluice.Key) (models string, nano, carry sql.NullInt64, err error) {
	text, err := json.Marshal(k.Models)
	if err != nil {
		return "", nano, carry, fmt.Errorf("writing the models of key %s: %w", k.ID, err)
	}
	if k.Cap != nil {
		nano, carry = sql.NullInt64{Int64: k.Cap.Nano, Valid: true}, sql.NullInt64{Int64: k.Cap.Carry, Valid: true}
	}
	return string(text), nano, carry, nil
}
