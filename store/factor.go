package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"sluice"
)

func scanPasskey(rows *sql.Rows) (*sluice.Passkey, error) {
	var p sluice.Passkey
	var created, used int64
	err := rows.Scan(&p.ID, &p.User, &p.Name, &p.Handle, &p.Credential, &created, &used)
	p.CreatedAt, p.UsedAt = instant(created), instant(used)
	return &p, err
}

const passkeyColumns = `id, app_user, name, handle, credential, created_at, used_at` //nolint:gosec // names of columns

// CreatePasskey keeps a passkey. Errors: CodeConflict when the device's
// credential is kept already.
func (db *DB) CreatePasskey(ctx context.Context, p *sluice.Passkey) error {
	return db.create(ctx, "passkey", p.Name, `INSERT INTO passkey (`+passkeyColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		p.ID, p.User, p.Name, p.Handle, p.Credential, micros(p.CreatedAt), micros(p.UsedAt))
}

// Passkeys returns a user's passkeys in order of their ids.
func (db *DB) Passkeys(ctx context.Context, user string) ([]*sluice.Passkey, error) {
	all, err := collect(ctx, db.r, scanPasskey, `SELECT `+passkeyColumns+` FROM passkey WHERE app_user = $1 ORDER BY id`, user)
	if err != nil {
		return nil, fmt.Errorf("reading the passkeys of %s: %w", user, err)
	}
	return all, nil
}

// UsePasskey notes that a passkey was used, with its counters as they are now.
// Errors: CodeNotFound.
func (db *DB) UsePasskey(ctx context.Context, id, credential string, at time.Time) error {
	return db.change(ctx, "passkey", id, `UPDATE passkey SET credential = $2, used_at = $3 WHERE id = $1`, id, credential, micros(at))
}

// RenamePasskey gives a user's passkey another name. Errors: CodeNotFound.
func (db *DB) RenamePasskey(ctx context.Context, user, id, name string) error {
	return db.change(ctx, "passkey", id, `UPDATE passkey SET name = $3 WHERE app_user = $1 AND id = $2`, user, id, name)
}

// DeletePasskey removes a user's passkey. Errors: CodeNotFound.
func (db *DB) DeletePasskey(ctx context.Context, user, id string) error {
	return db.change(ctx, "passkey", id, `DELETE FROM passkey WHERE app_user = $1 AND id = $2`, user, id)
}

func scanIdentity(rows *sql.Rows) (*sluice.Identity, error) {
	var i sluice.Identity
	var created int64
	err := rows.Scan(&i.Provider, &i.Subject, &i.User, &i.Email, &created)
	i.CreatedAt = instant(created)
	return &i, err
}

// CreateIdentity keeps who a user is at a provider. Errors: CodeConflict when
// that is somebody already.
func (db *DB) CreateIdentity(ctx context.Context, i *sluice.Identity) error {
	return db.create(ctx, "identity", i.Email, `INSERT INTO identity (provider, subject, app_user, email, created_at) VALUES ($1, $2, $3, $4, $5)`,
		i.Provider, i.Subject, i.User, i.Email, micros(i.CreatedAt))
}

// Identity returns who somebody of a provider is here. Errors: CodeNotFound.
func (db *DB) Identity(ctx context.Context, provider, subject string) (*sluice.Identity, error) {
	all, err := collect(ctx, db.r, scanIdentity, `SELECT provider, subject, app_user, email, created_at FROM identity WHERE provider = $1 AND subject = $2`, provider, subject)
	if err != nil {
		return nil, fmt.Errorf("reading an identity: %w", err)
	}
	if len(all) == 0 {
		return nil, notFound("identity at", provider)
	}
	return all[0], nil
}

// Identities returns who a user is at providers.
func (db *DB) Identities(ctx context.Context, user string) ([]*sluice.Identity, error) {
	all, err := collect(ctx, db.r, scanIdentity, `SELECT provider, subject, app_user, email, created_at FROM identity WHERE app_user = $1 ORDER BY provider, subject`, user)
	if err != nil {
		return nil, fmt.Errorf("reading the identities of %s: %w", user, err)
	}
	return all, nil
}

// DeleteIdentity ends a user's sign-in by a provider. Errors: CodeNotFound.
func (db *DB) DeleteIdentity(ctx context.Context, user, provider string) error {
	return db.change(ctx, "sign-in by", provider, `DELETE FROM identity WHERE app_user = $1 AND provider = $2`, user, provider)
}
