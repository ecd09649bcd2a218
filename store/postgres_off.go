//go:build !postgres

package store

import (
	"context"
	"errors"
)

// openPostgres refuses: this program was built without PostgreSQL.
func openPostgres(context.Context, string, bool) (*DB, error) {
	return nil, errors.New("opening the store: this program was built without PostgreSQL (build tag postgres)")
}
