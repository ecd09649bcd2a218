package store

import (
	"context"
	"database/sql"
	"fmt"

	"sluice"
)

// create runs one INSERT in a transaction of its own.
func (db *DB) create(ctx context.Context, what, name, query string, args ...any) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	err := db.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	})
	return db.refused(what, name, err)
}

// change runs one UPDATE or DELETE, which is CodeNotFound when it finds no row.
func (db *DB) change(ctx context.Context, what, name, query string, args ...any) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	err := db.write(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err == nil && n == 0 {
			return notFound(what, name)
		}
		return err
	})
	return db.refused(what, name, err)
}

// refused turns what the database says about a change into the error that its
// caller sees.
func (db *DB) refused(what, name string, err error) error {
	switch {
	case err == nil:
		return nil
	case db.dialect.unique(err):
		return &sluice.Error{Code: sluice.CodeConflict, Message: fmt.Sprintf("The %s %q is already there.", what, name), Err: err}
	case db.dialect.foreign(err):
		return &sluice.Error{Code: sluice.CodeNotFound, Message: fmt.Sprintf("The %s %q belongs to something that is not there.", what, name), Err: err}
	}
	return fmt.Errorf("writing the %s %q: %w", what, name, err)
}

// notFound is the error for an object that is not there, or not the caller's.
func notFound(what, id string) error {
	return sluice.Errorf(sluice.CodeNotFound, "There is no %s %q.", what, id)
}
