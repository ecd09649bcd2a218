//go:build unix && postgres

package store_test

import (
	"net/url"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"sluice/store/storetest"
	"sluice/store/storetest/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

func TestPostgres(t *testing.T) {
	storetest.Run(t, func(t testing.TB) string { return postgresURL(t, pgtest.StartUnsynced(t)) })
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
