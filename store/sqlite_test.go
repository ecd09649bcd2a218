package store_test

import (
	"path/filepath"
	"testing"

	"sluice/store"
	"sluice/store/storetest"
)

func TestSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *store.DB { return openSQLite(t, filepath.Join(t.TempDir(), "ledger.db")) })
}

func openSQLite(t testing.TB, path string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	return db
}
