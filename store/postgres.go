package store

import (
	"context"
	"errors"
)

func openPostgres(ctx context.Context, dsn string, readOnly bool) (*DB, error) {
	return nil, errors.New("x")
}
