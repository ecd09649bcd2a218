package store_test

import (
	"database/sql"
	"os"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/money/price"
	"sluice/store"
)

// TestMigrateBooks opens a database of before prices had conditions: its books
// stay what they were sealed as.
func TestMigrateBooks(t *testing.T) {
	dsn := sqliteDSN(t)
	raw, err := sql.Open("sqlite", strings.TrimPrefix(dsn, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	run := func(query string, args ...any) {
		t.Helper()
		if _, err := raw.ExecContext(t.Context(), query, args...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	run(`CREATE TABLE migration (version INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT`)
	for i, name := range []string{"0001_ledger", "0002_configuration", "0003_append_only.sqlite", "0004_payment", "0005_invoice.sqlite", "0006_plan.sqlite"} {
		text, err := os.ReadFile("migrations/" + name + ".sql")
		if err != nil {
			t.Fatal(err)
		}
		run(string(text))
		run(`INSERT INTO migration VALUES ($1, $2)`, i+1, name)
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	rules := []price.Rule{
		{Model: "glm", Class: sluice.ClassInput, ContextMax: 1000, Price: 2},
		{Model: "glm", Class: sluice.ClassInput, ContextMin: 1000, Price: 4},
		{Model: "glm", Class: sluice.ClassOutput, Price: 3},
	}
	b, err := price.Publish("book_1", price.Draft{Currency: "USD", EffectiveAt: at, Rules: rules}, at)
	if err != nil {
		t.Fatal(err)
	}
	run(`INSERT INTO price_book VALUES ($1, 'USD', $2, $2, $3)`, b.ID, at.UnixMicro(), b.Hash)
	for _, r := range b.Rules() {
		run(`INSERT INTO price_rule VALUES ($1, $2, $3, $4, $5, $6)`, b.ID, r.Model, r.Class.String(), r.ContextMin, r.ContextMax, int64(r.Price))
	}
	if err := raw.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	books, err := db.Books(t.Context())
	if err != nil || len(books) != 1 || books[0].Hash != b.Hash {
		t.Errorf("books %v, %v", books, err)
	}
	if r, err := db.Verify(t.Context()); err != nil || !r.OK() {
		t.Errorf("%+v, %v", r.Violations, err)
	}
}
