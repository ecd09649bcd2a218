package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"sluice"
)

const sessionColumns = `id, hash, app_user, kind, address, agent, created_at, seen_at, expires_at, proven_at`

func scanSession(rows *sql.Rows) (*sluice.Session, error) {
	var s sluice.Session
	var hash []byte
	var created, seen, expires, proven int64
	err := rows.Scan(&s.ID, &hash, &s.User, &s.Kind, &s.Address, &s.Agent, &created, &seen, &expires, &proven)
	copy(s.Hash[:], hash)
	s.CreatedAt, s.SeenAt, s.ExpiresAt, s.ProvenAt = instant(created), instant(seen), instant(expires), instant(proven)
	return &s, err
}

// CreateSession keeps a session, notes that its user signed in, and removes
// sessions that have expired.
func (db *DB) CreateSession(ctx context.Context, s *sluice.Session) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	err := db.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM session WHERE expires_at <= $1`, micros(s.CreatedAt)); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE app_user SET signed_in_at = $2 WHERE id = $1`, s.User, micros(s.CreatedAt)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO session (`+sessionColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			s.ID, s.Hash[:], s.User, string(s.Kind), s.Address, s.Agent, micros(s.CreatedAt), micros(s.SeenAt), micros(s.ExpiresAt), micros(s.ProvenAt))
		return err
	})
	return db.refused("session", s.ID, err)
}

// SessionByHash returns a session by its token's hash. Errors: CodeNotFound.
func (db *DB) SessionByHash(ctx context.Context, hash sluice.KeyHash) (*sluice.Session, error) {
	all, err := collect(ctx, db.r, scanSession, `SELECT `+sessionColumns+` FROM session WHERE hash = $1`, hash[:])
	if err != nil {
		return nil, fmt.Errorf("reading a session: %w", err)
	}
	if len(all) == 0 {
		return nil, sluice.Errorf(sluice.CodeNotFound, "There is no such session.")
	}
	return all[0], nil
}

// Sessions returns a user's sessions, the one that was seen last first.
func (db *DB) Sessions(ctx context.Context, user string) ([]*sluice.Session, error) {
	all, err := collect(ctx, db.r, scanSession, `SELECT `+sessionColumns+` FROM session WHERE app_user = $1 ORDER BY seen_at DESC, id DESC`, user)
	if err != nil {
		return nil, fmt.Errorf("reading the sessions of %s: %w", user, err)
	}
	return all, nil
}

// TouchSession notes when and from where a session was last seen.
func (db *DB) TouchSession(ctx context.Context, id string, at time.Time, address string) error {
	return db.change(ctx, "session", id, `UPDATE session SET seen_at = $2, address = $3 WHERE id = $1`, id, micros(at), address)
}

// RotateSession gives a session another token, and notes when its user last
// proved to be it. Errors: CodeNotFound when its token is another one than
// before, or it has ended.
func (db *DB) RotateSession(ctx context.Context, id string, before, after sluice.KeyHash, proven time.Time) error {
	return db.change(ctx, "session", id, `UPDATE session SET hash = $3, proven_at = $4 WHERE id = $1 AND hash = $2`, id, before[:], after[:], micros(proven))
}

// EndSession ends one session of a user. Errors: CodeNotFound.
func (db *DB) EndSession(ctx context.Context, user, id string) error {
	return db.change(ctx, "session", id, `DELETE FROM session WHERE app_user = $1 AND id = $2`, user, id)
}

// EndSessions ends all sessions of a user but one, which may be empty.
func (db *DB) EndSessions(ctx context.Context, user, except string) error {
	return db.create(ctx, "sessions of", user, `DELETE FROM session WHERE app_user = $1 AND id <> $2`, user, except)
}

// UnproveSessions makes a user prove to be it again before dangerous acts.
func (db *DB) UnproveSessions(ctx context.Context, user string) error {
	return db.create(ctx, "sessions of", user, `UPDATE session SET proven_at = 0 WHERE app_user = $1`, user)
}

const invitationColumns = `id, hash, COALESCE(org, ''), role, email, invited_by, created_at, expires_at, accepted_at, accepted_by, revoked_at`

func scanInvitation(rows *sql.Rows) (*sluice.Invitation, error) {
	var i sluice.Invitation
	var hash []byte
	var created, expires, accepted, revoked int64
	err := rows.Scan(&i.ID, &hash, &i.Org, &i.Role, &i.Email, &i.InvitedBy, &created, &expires, &accepted, &i.AcceptedBy, &revoked)
	copy(i.Hash[:], hash)
	i.CreatedAt, i.ExpiresAt, i.AcceptedAt, i.RevokedAt = instant(created), instant(expires), instant(accepted), instant(revoked)
	return &i, err
}

// CreateInvitation keeps an invitation. Errors: CodeNotFound when there is no
// such organisation.
func (db *DB) CreateInvitation(ctx context.Context, i *sluice.Invitation) error {
	return db.create(ctx, "invitation", i.ID, `INSERT INTO invitation
		(id, hash, org, role, email, invited_by, created_at, expires_at, accepted_at, accepted_by, revoked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, '', 0)`,
		i.ID, i.Hash[:], sql.NullString{String: i.Org, Valid: i.Org != ""}, string(i.Role), i.Email, i.InvitedBy, micros(i.CreatedAt), micros(i.ExpiresAt))
}

// Invitations returns an organisation's invitations in order of their ids, or
// the operator's when org is empty: at most limit of those after an id.
func (db *DB) Invitations(ctx context.Context, org, after string, limit int) ([]*sluice.Invitation, error) {
	all, err := collect(ctx, db.r, scanInvitation, `SELECT `+invitationColumns+` FROM invitation WHERE COALESCE(org, '') = $1 AND id > $2 ORDER BY id LIMIT $3`, org, after, limit)
	if err != nil {
		return nil, fmt.Errorf("reading invitations: %w", err)
	}
	return all, nil
}

// InvitationByHash returns an invitation by its token's hash. Errors: CodeNotFound.
func (db *DB) InvitationByHash(ctx context.Context, hash sluice.KeyHash) (*sluice.Invitation, error) {
	all, err := collect(ctx, db.r, scanInvitation, `SELECT `+invitationColumns+` FROM invitation WHERE hash = $1`, hash[:])
	if err != nil {
		return nil, fmt.Errorf("reading an invitation: %w", err)
	}
	if len(all) == 0 {
		return nil, sluice.Errorf(sluice.CodeNotFound, "There is no such invitation.")
	}
	return all[0], nil
}

// AcceptInvitation uses an invitation up and gives its role to the user, who is
// made with it when create is set: all of it, or nothing. A role that the user
// holds there already is replaced. Errors: CodeConflict when it was used or
// revoked or has expired, or the user's address is taken.
func (db *DB) AcceptInvitation(ctx context.Context, i *sluice.Invitation, u *sluice.User, create bool, now time.Time) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	err := db.write(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE invitation SET accepted_at = $2, accepted_by = $3
			WHERE id = $1 AND accepted_at = 0 AND revoked_at = 0 AND expires_at > $2`, i.ID, micros(now), u.ID)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return sluice.Errorf(sluice.CodeConflict, "The invitation was used already, or it has ended.")
		}
		if create {
			if _, err := tx.ExecContext(ctx, `INSERT INTO app_user (`+userColumns+`) VALUES ($1, $2, $3, $4, '', $5, $6, '', 0, $7, 0, 0)`,
				u.ID, u.Email, u.Name, u.Language, u.Password, micros(u.PasswordAt), micros(u.CreatedAt)); err != nil {
				return err
			}
		}
		if i.Org == "" {
			_, err = tx.ExecContext(ctx, `UPDATE app_user SET operator_role = $2 WHERE id = $1`, u.ID, string(i.Role))
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO member (org, app_user, role, created_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (org, app_user) DO UPDATE SET role = excluded.role`, i.Org, u.ID, string(i.Role), micros(now))
		return err
	})
	if _, ours := err.(*sluice.Error); ours { //nolint:errorlint // our own, not wrapped
		return err
	}
	return db.refused("user", u.Email, err)
}

// RevokeInvitation ends an invitation of an organisation, or of the operator.
// Errors: CodeNotFound when there is none that waits.
func (db *DB) RevokeInvitation(ctx context.Context, org, id string, at time.Time) error {
	return db.change(ctx, "open invitation", id, `UPDATE invitation SET revoked_at = $3
		WHERE id = $1 AND COALESCE(org, '') = $2 AND accepted_at = 0 AND revoked_at = 0`, id, org, micros(at))
}
