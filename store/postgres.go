package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

const postgresReaders = 8

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
		relax:    `SET LOCAL synchronous_commit TO off`,
		snapshot: sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
	}
}

// postgresCode returns the SQLSTATE of an error, "" for one of another kind.
func postgresCode(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
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
	db.source = func(ctx context.Context) (rowSource, error) { return openPostgresSource(ctx, db.r) }
	db.r.SetMaxOpenConns(postgresReaders)
	db.r.SetMaxIdleConns(postgresReaders)
	if err := db.r.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the store: %w", err), db.r.Close())
	}
	if readOnly {
		return db, nil
	}
	if db.lock, err = takeAdvisoryLock(ctx, config); err != nil {
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
