package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

const postgresReaders = 8

// postgresLock is the first half of the advisory lock's key: "slce". The other
// half is the schema's name, so that two of them in one database do not meet.
const postgresLock = 0x736c6365

func postgresDialect() dialect {
	// As PostgreSQL names what migrations write in SQLite's words.
	ddl := strings.NewReplacer(" INTEGER", " BIGINT", " BLOB", " BYTEA", ") STRICT, WITHOUT ROWID;", ");", ") STRICT", ")")
	return dialect{
		name:    "postgres",
		ddl:     ddl.Replace,
		mark:    func(n int) string { return fmt.Sprintf("$%d", n) },
		unique:  func(err error) bool { return postgresCode(err) == "23505" },
		foreign: func(err error) bool { return postgresCode(err) == "23503" },
		check: func(err error, name string) bool {
			var e *pgconn.PgError
			return errors.As(err, &e) && e.Code == "23514" && e.ConstraintName == name
		},
		snapshot: sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
	}
}

// postgresCode returns the SQLSTATE of an error, "" for one of another kind.
func postgresCode(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// openPostgres opens the database that a connection URL names.
func openPostgres(ctx context.Context, dsn string, readOnly bool) (*DB, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("opening the store: %w", err) // pgx leaves the password out
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "sluice"
	}
	db := &DB{dialect: postgresDialect(), lock: noLock()}
	db.r = stdlib.OpenDB(*config)
	db.r.SetMaxOpenConns(postgresReaders)
	db.r.SetMaxIdleConns(postgresReaders)
	if err := db.r.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the store: %w", err), db.r.Close())
	}
	if readOnly {
		return db, nil
	}
	if db.lock, err = advisoryLock(ctx, config); err != nil {
		return nil, errors.Join(err, db.r.Close())
	}
	db.w = stdlib.OpenDB(*config, stdlib.OptionAfterConnect(durable))
	db.w.SetMaxOpenConns(1)
	db.ledger = newLedger()
	return db, nil
}

// durable makes a connection wait for the disk at every commit, whatever the
// server's default is.
func durable(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`)
	return err
}

// advisoryLock takes the lock of the one writer on a connection of its own.
// The server gives it back when that connection ends, however it ends.
func advisoryLock(ctx context.Context, config *pgx.ConnConfig) (lock, error) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return lock{}, fmt.Errorf("taking the lock of the store: %w", err)
	}
	var taken bool
	err = conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1::int, hashtext(current_schema()))`, postgresLock).Scan(&taken)
	if err == nil && !taken {
		err = lockOwner(ctx, conn)
	}
	if err != nil {
		return lock{}, errors.Join(fmt.Errorf("taking the lock of the store: %w", err), conn.Close(ctx))
	}
	return lock{
		held: func(ctx context.Context) error {
			// The lock lives as long as the server's end of this connection does.
			if err := conn.Ping(ctx); err != nil {
				return fmt.Errorf("the lock of the store may be lost, another process may write: %w", err)
			}
			return nil
		},
		release: func() error {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			return conn.Close(ctx)
		},
	}, nil
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
