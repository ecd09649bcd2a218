//go:build unix

package pgtest

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestMain(m *testing.M) { os.Exit(Run(m)) }

func TestEachTestHasItsOwnDatabase(t *testing.T) {
	one, two := connect(t, StartUnsynced(t)), connect(t, StartUnsynced(t))
	if _, err := one.Exec(t.Context(), "CREATE TABLE notes (id bigint)"); err != nil {
		t.Fatal(err)
	}
	if _, err := two.Exec(t.Context(), "SELECT id FROM notes"); err == nil {
		t.Error("a table of one database is seen in another")
	}
	if a, b := ask(t, one, "SELECT pg_postmaster_start_time()::text"), ask(t, two, "SELECT pg_postmaster_start_time()::text"); a != b {
		t.Errorf("two servers, started at %s and %s, want one", a, b)
	}
}

func TestDurability(t *testing.T) {
	for name, c := range map[string]struct {
		start func(testing.TB) string
		fsync string
	}{
		"durable":  {Start, "on"},
		"unsynced": {StartUnsynced, "off"},
	} {
		t.Run(name, func(t *testing.T) {
			conn := connect(t, c.start(t))
			for _, setting := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
				if got := ask(t, conn, "SHOW "+setting); got != c.fsync {
					t.Errorf("%s = %s, want %s", setting, got, c.fsync)
				}
			}
		})
	}
}

func TestServerIsGoneAfterItsLastUser(t *testing.T) {
	own := &shared{settings: unsynced.settings}
	var dir string
	t.Run("user", func(t *testing.T) {
		own.database(t)
		dir = own.server.dir
	})
	if t.Skipped() || dir == "" {
		t.Skip("no server was started")
	}
	if own.server != nil {
		t.Error("the server is still there")
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("stat of its folder: %v, want that it does not exist", err)
	}
}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func ask(t *testing.T, conn *pgx.Conn, query string) (answer string) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), query).Scan(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}
