package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgresLock is the first half of the advisory lock's key: "slce". The other
// half is the schema's name, so that two of them in one database do not meet.
const postgresLock = 0x736c6365

// advisory is the lock of the one writer of a PostgreSQL database, on a
// connection of its own: the server gives it back when that connection ends,
// however it ends. It is taken again where the server was only restarted, and not
// where another process has had the store since.
type advisory struct {
	config *pgx.ConnConfig
	conn   *pgx.Conn
	token  string // who claimed the store last, as it is kept in the store
}

// claimSetting names the setting that tells which process opened the store last.
const claimSetting = "store_writer"

func takeAdvisoryLock(ctx context.Context, config *pgx.ConnConfig) (lock, error) {
	a := &advisory{config: config, token: rand.Text()}
	if err := a.take(ctx); err != nil {
		return lock{}, err
	}
	return lock{held: a.held, claim: a.claim, release: a.release}, nil
}

// How often, and how long apart, the lock is asked for before it counts as another server's.
const (
	lockTries = 10
	lockPause = 100 * time.Millisecond
)

// take connects and takes the lock.
func (a *advisory) take(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, a.config)
	if err != nil {
		return fmt.Errorf("taking the lock of the store: %w", err)
	}
	taken := false
	// PostgreSQL notices a moment late that a server has ended.
	for tries := 0; tries < lockTries && err == nil && !taken; tries++ {
		if tries > 0 {
			time.Sleep(lockPause)
		}
		err = conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1::int, hashtext(current_schema()))`, postgresLock).Scan(&taken)
	}
	if err == nil && !taken {
		err = lockOwner(ctx, conn)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("taking the lock of the store: %w", err), conn.Close(ctx))
	}
	a.conn = conn
	return nil
}

// claim leaves a mark in the store by which its earlier writers see that they
// are no longer it. It comes before anything else is written.
func (a *advisory) claim(ctx context.Context) error {
	_, err := a.conn.Exec(ctx, `INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, claimSetting, a.token)
	if err != nil {
		return fmt.Errorf("claiming the store: %w", err)
	}
	return nil
}

// held makes sure of the lock, which lives as long as the server's end of its
// connection does. The writer calls it before each commit.
func (a *advisory) held(ctx context.Context) error {
	if !a.conn.IsClosed() && a.conn.Ping(ctx) == nil {
		return nil
	}
	_ = a.conn.Close(ctx) // it is of no use; the lock must not be left with it
	if err := a.take(ctx); err != nil {
		return err
	}
	var token string
	err := a.conn.QueryRow(ctx, `SELECT value FROM setting WHERE name = $1`, claimSetting).Scan(&token)
	if err == nil && token != a.token {
		err = errors.New("the lock of the store was lost, and another process has had it since: this one must be started again")
	}
	if err != nil {
		return errors.Join(fmt.Errorf("taking the lock of the store again: %w", err), a.conn.Close(ctx))
	}
	return nil
}

func (a *advisory) release() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return a.conn.Close(ctx)
}

// lockOwner returns an error that names who has the lock.
func lockOwner(ctx context.Context, conn *pgx.Conn) error {
	var owner string
	err := conn.QueryRow(ctx, `SELECT format('the server''s process %s (%s from %s)', a.pid, a.application_name, COALESCE(host(a.client_addr), 'this machine'))
		FROM pg_locks l JOIN pg_stat_activity a USING (pid)
		WHERE l.locktype = 'advisory' AND l.granted AND l.classid = $1::bigint::oid AND l.objid = (hashtext(current_schema())::bigint & 4294967295)::oid
			AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`, postgresLock).Scan(&owner)
	if err != nil {
		owner = "a process that has just ended"
	}
	return fmt.Errorf("the database is in use by %s: stop it first", owner)
}
