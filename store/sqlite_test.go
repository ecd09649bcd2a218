package store_test

import (
	"path/filepath"
	"testing"

	"sluice/store/storetest"
)

func TestSQLite(t *testing.T) { storetest.Run(t, sqliteDSN) }

func sqliteDSN(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "ledger.db") }
