package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"sluice"
)

const userColumns = `id, email, name, language, operator_role, password, password_at, totp, totp_step, created_at, signed_in_at, disabled_at`

func scanUser(rows *sql.Rows) (*sluice.User, error) {
	var u sluice.User
	var password, created, signedIn, disabled int64
	err := rows.Scan(&u.ID, &u.Email, &u.Name, &u.Language, &u.Operator, &u.Password, &password, &u.TOTP, &u.TOTPStep, &created, &signedIn, &disabled)
	u.PasswordAt, u.CreatedAt, u.SignedInAt, u.DisabledAt = instant(password), instant(created), instant(signedIn), instant(disabled)
	return &u, err
}

func scanMember(rows *sql.Rows) (m sluice.Membership, err error) {
	var created int64
	err = rows.Scan(&m.Org, &m.User, &m.Role, &created)
	m.CreatedAt = instant(created)
	return m, err
}

// CreateUser adds a user without memberships. Errors: CodeConflict when the
// e-mail address or the id is taken.
func (db *DB) CreateUser(ctx context.Context, u *sluice.User) error {
	return db.create(ctx, "user", u.Email, `INSERT INTO app_user (`+userColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		u.ID, u.Email, u.Name, u.Language, string(u.Operator), u.Password, micros(u.PasswordAt), u.TOTP, u.TOTPStep,
		micros(u.CreatedAt), micros(u.SignedInAt), micros(u.DisabledAt))
}

// UpdateUser writes what may change of a user but for TOTPStep, SignedInAt and
// memberships. Errors: CodeNotFound; CodeConflict when the address is taken.
func (db *DB) UpdateUser(ctx context.Context, u *sluice.User) error {
	return db.change(ctx, "user", u.ID, `UPDATE app_user SET email = $2, name = $3, language = $4, operator_role = $5, password = $6, password_at = $7,
		totp = $8, disabled_at = $9 WHERE id = $1`,
		u.ID, u.Email, u.Name, u.Language, string(u.Operator), u.Password, micros(u.PasswordAt), u.TOTP, micros(u.DisabledAt))
}

// User returns a user with memberships. Errors: CodeNotFound.
func (db *DB) User(ctx context.Context, id string) (*sluice.User, error) {
	return db.user(ctx, id, `WHERE id = $1`)
}

// UserByEmail returns the user of a normalised address. Errors: CodeNotFound.
func (db *DB) UserByEmail(ctx context.Context, email string) (*sluice.User, error) {
	return db.user(ctx, email, `WHERE email = $1`)
}

func (db *DB) user(ctx context.Context, name, where string) (*sluice.User, error) {
	users, err := collect(ctx, db.r, scanUser, `SELECT `+userColumns+` FROM app_user `+where, name)
	if err != nil {
		return nil, fmt.Errorf("reading the user %s: %w", name, err)
	}
	if len(users) == 0 {
		return nil, notFound("user", name)
	}
	u := users[0]
	u.Members, err = collect(ctx, db.r, scanMember, `SELECT org, app_user, role, created_at FROM member WHERE app_user = $1 ORDER BY created_at, org`, u.ID)
	if err != nil {
		return nil, fmt.Errorf("reading the memberships of %s: %w", name, err)
	}
	return u, nil
}

// Users returns users with their memberships, in order of their ids: at most
// limit of those after an id, of one organisation's when org is not empty.
func (db *DB) Users(ctx context.Context, org, after string, limit int) ([]*sluice.User, error) {
	users, err := collect(ctx, db.r, scanUser, `SELECT `+userColumns+` FROM app_user
		WHERE id > $1 AND ($2 = '' OR id IN (SELECT app_user FROM member WHERE org = $2)) ORDER BY id LIMIT $3`, after, org, limit)
	if err != nil {
		return nil, fmt.Errorf("reading users: %w", err)
	}
	byID := make(map[string]*sluice.User, len(users))
	ids := make([]string, len(users))
	for i, u := range users {
		byID[u.ID], ids[i] = u, u.ID
	}
	if len(ids) == 0 {
		return users, nil
	}
	list, args := in(db.dialect, ids)
	members, err := collect(ctx, db.r, scanMember, `SELECT org, app_user, role, created_at FROM member WHERE app_user IN `+list+` ORDER BY created_at, org`, args...)
	if err != nil {
		return nil, fmt.Errorf("reading memberships: %w", err)
	}
	for _, m := range members {
		u := byID[m.User]
		u.Members = append(u.Members, m)
	}
	return users, nil
}

// CountOwners returns how many users who are not disabled hold the role owner
// for an organisation, or for the operator when org is empty.
func (db *DB) CountOwners(ctx context.Context, org string) (n int, err error) {
	query := `SELECT COUNT(*) FROM app_user WHERE operator_role = $1 AND disabled_at = 0 AND $2 = ''`
	if org != "" {
		query = `SELECT COUNT(*) FROM member JOIN app_user ON app_user.id = member.app_user
			WHERE member.role = $1 AND member.org = $2 AND app_user.disabled_at = 0`
	}
	if err := db.r.QueryRowContext(ctx, query, string(sluice.RoleOwner), org).Scan(&n); err != nil {
		return 0, fmt.Errorf("counting owners: %w", err)
	}
	return n, nil
}

// PutMember makes a user a member of an organisation, or gives a member another
// role. Errors: CodeNotFound when there is no such user or organisation.
func (db *DB) PutMember(ctx context.Context, m sluice.Membership) error {
	return db.create(ctx, "member", m.User, `INSERT INTO member (org, app_user, role, created_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (org, app_user) DO UPDATE SET role = excluded.role`, m.Org, m.User, string(m.Role), micros(m.CreatedAt))
}

// RemoveMember ends a membership. Errors: CodeNotFound.
func (db *DB) RemoveMember(ctx context.Context, org, user string) error {
	return db.change(ctx, "member", user, `DELETE FROM member WHERE org = $1 AND app_user = $2`, org, user)
}

// UseTOTPStep notes that a code of a time step was taken. Errors: CodeConflict
// when one of that step, or of a later one, was taken before.
func (db *DB) UseTOTPStep(ctx context.Context, user string, step int64) error {
	err := db.change(ctx, "user", user, `UPDATE app_user SET totp_step = $2 WHERE id = $1 AND totp_step < $2`, user, step)
	if sluice.CodeOf(err) == sluice.CodeNotFound {
		return sluice.Errorf(sluice.CodeConflict, "The code was used already.")
	}
	return err
}

// PutRecoveryCodes replaces a user's recovery codes.
func (db *DB) PutRecoveryCodes(ctx context.Context, user string, hashes []sluice.KeyHash) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	err := db.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM recovery_code WHERE app_user = $1`, user); err != nil {
			return err
		}
		for _, h := range hashes {
			if _, err := tx.ExecContext(ctx, `INSERT INTO recovery_code (app_user, hash) VALUES ($1, $2)`, user, h[:]); err != nil {
				return err
			}
		}
		return nil
	})
	return db.refused("recovery codes of", user, err)
}

// UseRecoveryCode ends a recovery code. Errors: CodeNotFound when the user has
// none of that hash.
func (db *DB) UseRecoveryCode(ctx context.Context, user string, hash sluice.KeyHash) error {
	return db.change(ctx, "recovery code of", user, `DELETE FROM recovery_code WHERE app_user = $1 AND hash = $2`, user, hash[:])
}

// CountRecoveryCodes returns how many recovery codes a user has left.
func (db *DB) CountRecoveryCodes(ctx context.Context, user string) (n int, err error) {
	if err := db.r.QueryRowContext(ctx, `SELECT COUNT(*) FROM recovery_code WHERE app_user = $1`, user).Scan(&n); err != nil {
		return 0, fmt.Errorf("counting recovery codes: %w", err)
	}
	return n, nil
}

// CreateReset keeps a link to set a new password by; the user's earlier ones end.
func (db *DB) CreateReset(ctx context.Context, r *sluice.Reset) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	err := db.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM password_reset WHERE app_user = $1 OR expires_at < $2`, r.User, micros(r.CreatedAt)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO password_reset (hash, app_user, created_at, expires_at) VALUES ($1, $2, $3, $4)`,
			r.Hash[:], r.User, micros(r.CreatedAt), micros(r.ExpiresAt))
		return err
	})
	return db.refused("reset of", r.User, err)
}

// Reset returns a link by its token's hash. Errors: CodeNotFound when there is
// none, or it has expired.
func (db *DB) Reset(ctx context.Context, hash sluice.KeyHash, now time.Time) (*sluice.Reset, error) {
	r := &sluice.Reset{Hash: hash}
	var created, expires int64
	err := db.r.QueryRowContext(ctx, `SELECT app_user, created_at, expires_at FROM password_reset WHERE hash = $1 AND expires_at > $2`, hash[:], micros(now)).
		Scan(&r.User, &created, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, sluice.Errorf(sluice.CodeNotFound, "The link was used already, or it has expired.")
	}
	if err != nil {
		return nil, fmt.Errorf("reading a reset: %w", err)
	}
	r.CreatedAt, r.ExpiresAt = instant(created), instant(expires)
	return r, nil
}

// UseReset ends a link. Errors: CodeNotFound when it has ended before: of two
// who use it at once, one does.
func (db *DB) UseReset(ctx context.Context, hash sluice.KeyHash) error {
	return db.change(ctx, "reset", "link", `DELETE FROM password_reset WHERE hash = $1`, hash[:])
}
