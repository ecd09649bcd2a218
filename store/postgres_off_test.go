//go:build !unix || !postgres

package store_test

import "testing"

// databases are those that the benchmarks run on.
func databases() map[string]func(testing.TB) string {
	return map[string]func(testing.TB) string{"SQLite": sqliteDSN}
}
