package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// DB is an open store. It is safe for concurrent use; writes take turns.
type DB struct {
	dialect dialect
	lock    lock
	w       *sql.DB // one connection; nil when opened for reading
	r       *sql.DB

	source func(context.Context) (rowSource, error) // opens another way to read

	mu     sync.Mutex // held while writing
	ledger ledger
}

// Open opens the store that dsn names, brings its schema up to date and takes
// the lock of its one writer:
//
//	sqlite:PATH            a file, made when it is not there
//	sqlite:PATH?OPTIONS    with options for the driver, such as vfs=NAME
//	postgres://…           a PostgreSQL database
//
// Errors: when another process holds the lock, naming it; when the schema is
// newer than this program knows; whatever the database says.
func Open(ctx context.Context, dsn string) (*DB, error) {
	db, err := connect(ctx, dsn, false)
	if err != nil {
		return nil, err
	}
	if err := db.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("bringing the schema up to date: %w", err), db.Close())
	}
	if err := db.lock.claim(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// OpenReadOnly opens the store for reading alone, takes no lock and changes
// nothing, so that it works beside a running server. Errors: when the schema
// is not the one that this program knows. Every writing method fails.
func OpenReadOnly(ctx context.Context, dsn string) (*DB, error) {
	db, err := connect(ctx, dsn, true)
	if err != nil {
		return nil, err
	}
	if err := db.checkSchema(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func connect(ctx context.Context, dsn string, readOnly bool) (*DB, error) {
	scheme, rest, _ := strings.Cut(dsn, ":")
	switch scheme {
	case "sqlite":
		return openSQLite(ctx, rest, readOnly)
	case "postgres", "postgresql":
		return openPostgres(ctx, dsn, readOnly)
	}
	// The name may hold a password: it is not repeated.
	return nil, errors.New(`opening the store: its name begins with neither "sqlite:" nor "postgres:"`)
}

// Close ends all connections and gives the lock back.
func (db *DB) Close() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	errs := []error{db.r.Close()}
	if db.w != nil {
		errs = append(errs, db.ledger.close(), db.w.Close(), db.lock.release())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("closing the store: %w", err)
	}
	return nil
}

// write runs fn in a transaction of the one writer and commits it. The caller
// holds db.mu.
func (db *DB) write(ctx context.Context, fn func(*sql.Tx) error) error {
	if db.w == nil {
		return errors.New("the store is open for reading only")
	}
	tx, err := db.w.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning: %w", err)
	}
	defer tx.Rollback() // after a commit it does nothing
	if err := fn(tx); err != nil {
		return err
	}
	if err := db.lock.held(ctx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

// lock keeps a second writer out.
type lock struct {
	held    func(context.Context) error // nil as long as no one else can have it
	claim   func(context.Context) error // marks the store as this process's, once its schema is there
	release func() error
}

// noLock is the lock of a store that no other process can reach.
func noLock() lock {
	return lock{
		held:    func(context.Context) error { return nil },
		claim:   func(context.Context) error { return nil },
		release: func() error { return nil },
	}
}

// micros is an instant as it is stored: microseconds since 1970, zero for none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// instant is the inverse of micros, in UTC.
func instant(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// bit is a boolean as it is stored.
func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// collect runs a query and scans each of its rows.
func collect[T any](ctx context.Context, q querier, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// querier is a pool or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}
