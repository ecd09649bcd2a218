//go:build unix

package store_test

import (
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"sluice/store"
	"sluice/store/storetest"
	"sluice/store/storetest/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

func TestPostgres(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t testing.TB) string { return postgresURL(t, pgtest.StartUnsynced(t)) })
}

// TestPostgresLockLost ends the connection that holds the lock, as a server's
// restart does: the store takes the lock again and goes on, unless another
// process has had it in between. From then on nothing may be booked.
func TestPostgresLockLost(t *testing.T) {
	dsn := postgresURL(t, pgtest.StartUnsynced(t))
	db, err := store.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	loseLock := func() {
		t.Helper()
		tag, err := conn.Exec(t.Context(), `SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'`)
		if err != nil || tag.RowsAffected() != 1 {
			t.Fatalf("ended %d connections: %v", tag.RowsAffected(), err)
		}
	}
	loseLock()
	if err := db.PutSetting(t.Context(), "a", "before"); err != nil {
		t.Fatalf("not stored after the lock could be had again: %v", err)
	}
	if other, err := store.Open(t.Context(), dsn); err == nil {
		t.Error("a second writer was let in")
		_ = other.Close()
	}

	loseLock()
	other, err := store.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.PutSetting(t.Context(), "a", "beside"); err == nil || !strings.Contains(err.Error(), "lock") {
		t.Errorf("stored beside another writer: %v", err)
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := db.PutSetting(t.Context(), "a", "after"); err == nil || !strings.Contains(err.Error(), "lock") {
			t.Errorf("stored after another writer: %v", err)
		}
	}
	if v, err := db.Setting(t.Context(), "a"); v != "before" || err != nil {
		t.Errorf("the setting is %q (%v)", v, err)
	}
}

// TestPostgresDurable opens a server that does not wait for the disk: the
// store's own commits must, whatever the server's default.
func TestPostgresDurable(t *testing.T) {
	keywords := pgtest.StartUnsynced(t)
	db, err := store.Open(t.Context(), postgresURL(t, keywords))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := pgx.Connect(t.Context(), keywords)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var ours, servers string
	_, err = conn.Exec(t.Context(), `CREATE TABLE seen (value TEXT);
		CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$;
		CREATE TRIGGER note BEFORE INSERT ON setting FOR EACH ROW EXECUTE FUNCTION note();`)
	if err == nil {
		err = db.PutSetting(t.Context(), "a", "b")
	}
	if err == nil {
		err = conn.QueryRow(t.Context(), `SELECT value, current_setting('synchronous_commit') FROM seen`).Scan(&ours, &servers)
	}
	if err != nil || ours != "on" || servers != "off" {
		t.Errorf("a write of the store ran with synchronous_commit = %q, the server's default is %q (%v)", ours, servers, err)
	}
}

// postgresURL writes a connection string of keywords as a URL.
func postgresURL(t testing.TB, keywords string) string {
	t.Helper()
	c, err := pgx.ParseConfig(keywords)
	if err != nil {
		t.Fatal(err)
	}
	u := url.URL{Scheme: "postgres", User: url.User(c.User), Path: "/" + c.Database, RawQuery: url.Values{"host": {c.Host}, "sslmode": {"disable"}}.Encode()}
	return u.String()
}

// databases are those that the benchmarks run on, as durable as in production.
func databases() map[string]func(testing.TB) string {
	return map[string]func(testing.TB) string{
		"SQLite":   sqliteDSN,
		"Postgres": func(t testing.TB) string { return postgresURL(t, pgtest.Start(t)) },
	}
}
