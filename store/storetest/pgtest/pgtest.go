//go:build unix

// Package pgtest gives tests a PostgreSQL of their own: a server started from
// the machine's binaries on a Unix socket in a temporary folder, and a fresh
// database for every test.
//
// Tests are skipped where the binaries are missing, except under CI=true,
// where they fail.
package pgtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Start returns the connection string of an empty database, which is dropped
// when the test ends. Commits are as durable as in production.
//
// All tests of a binary share a server. It stops with its last user, or, where
// TestMain calls Run, with the binary.
func Start(tb testing.TB) (dsn string) {
	tb.Helper()
	return durable.database(tb)
}

// StartUnsynced is Start on a server that never waits for the disk: several times
// faster, for tests of what is stored and not of what survives.
func StartUnsynced(tb testing.TB) (dsn string) {
	tb.Helper()
	return unsynced.database(tb)
}

// Run runs the tests of a binary and keeps the server, once started, until
// they have ended: func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }.
func Run(m *testing.M) (code int) {
	for _, s := range []*shared{durable, unsynced} {
		s.keep()
		defer s.release()
	}
	return m.Run()
}

// The servers of this binary.
var (
	durable  = &shared{settings: []string{"-c", "fsync=on"}}
	unsynced = &shared{settings: []string{"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"}}
)

// shared is a server that starts with its first user and stops with its last.
type shared struct {
	settings []string

	mu     sync.Mutex
	users  int
	server *server // nil while nobody asked for a database
	made   int     // databases so far
}

// keep counts a user that does not need the server yet.
func (s *shared) keep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users++
}

func (s *shared) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users--
	if s.users == 0 && s.server != nil {
		s.server.stop()
		s.server = nil
	}
}

// database makes a database for the test, on the server it starts if need be.
func (s *shared) database(tb testing.TB) string {
	tb.Helper()
	bin, err := binaries()
	switch {
	case err != nil && os.Getenv("CI") == "true":
		tb.Fatalf("no test on PostgreSQL: %v", err)
	case err != nil:
		tb.Skipf("SKIPPED, no test on PostgreSQL: %v", err)
	}
	s.keep()
	tb.Cleanup(s.release)

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		if s.server, err = start(bin, s.settings); err != nil {
			tb.Fatalf("starting PostgreSQL: %v", err)
		}
	}
	s.made++
	srv, name := s.server, fmt.Sprintf("test%d", s.made)
	if err := srv.exec("CREATE DATABASE " + name); err != nil {
		tb.Fatalf("making a database: %v", err)
	}
	tb.Cleanup(func() {
		if err := srv.exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			tb.Errorf("dropping the test's database: %v", err)
		}
	})
	return srv.dsn(name)
}

// binaries finds the folder with initdb and postgres: the newest of Debian's
// folders, or else where initdb is on the PATH.
func binaries() (dir string, err error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("no initdb in /usr/lib/postgresql or on the PATH (on Debian: apt-get install postgresql)")
}

// version reads the major version from a path of Debian's.
func version(initdb string) int {
	v, _ := strconv.Atoi(strings.Split(initdb, "/")[4])
	return v
}

// dsn is the connection string of one of the server's databases.
func (s *server) dsn(database string) string {
	return fmt.Sprintf("host=%s user=postgres dbname=%s sslmode=disable", s.dir, database)
}

// exec runs one statement as the superuser.
func (s *server) exec(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.dsn("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}
