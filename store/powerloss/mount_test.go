package powerloss_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"testing"

	"sluice/store/powerloss"
)

// mount mounts the disk until the test ends.
func mount(t *testing.T, disk *powerloss.Disk) (name string) {
	t.Helper()
	name, unmount, err := disk.Mount()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unmount(); err != nil {
			t.Error(err)
		}
	})
	return name
}

// open opens a database until the test ends. Make it after mount.
func open(t *testing.T, vfs, pragmas string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:test.db?vfs="+vfs+pragmas)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func exec(t *testing.T, db *sql.DB, query string) {
	t.Helper()
	if _, err := db.Exec(query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func TestUnmountRefusesOpenFiles(t *testing.T) {
	name, unmount, err := powerloss.NewDisk(1, powerloss.Config{}).Mount()
	if err != nil {
		t.Fatal(err)
	}
	db := open(t, name, "")
	exec(t, db, `CREATE TABLE t (x)`)
	if err := unmount(); err == nil {
		t.Error("unmounted with an open database")
	}
	db.Close()
	if err := unmount(); err != nil {
		t.Error(err)
	}
	if err := unmount(); err == nil {
		t.Error("unmounted twice")
	}
	if _, err := open(t, name, "").Exec(`SELECT 1`); err == nil {
		t.Error("opened a database on a disk that is not mounted")
	}
}

func TestDisksAreSeparate(t *testing.T) {
	a := open(t, mount(t, powerloss.NewDisk(1, powerloss.Config{})), "")
	b := open(t, mount(t, powerloss.NewDisk(1, powerloss.Config{})), "")
	exec(t, a, `CREATE TABLE t (x)`)
	exec(t, b, `CREATE TABLE t (x)`)
}

// TestMountEndsWithItsBoot leaves a database open over a restart: nothing it
// does may reach the disk of the next boot.
func TestMountEndsWithItsBoot(t *testing.T) {
	disk := powerloss.NewDisk(1, powerloss.Config{})
	before := open(t, mount(t, disk), "&_pragma=journal_mode(wal)&_pragma=synchronous(full)")
	exec(t, before, `CREATE TABLE t (x)`)
	exec(t, before, `INSERT INTO t VALUES (1)`)
	disk.Restart()
	after := open(t, mount(t, disk), "")
	exec(t, after, `INSERT INTO t VALUES (2)`)

	if _, err := before.Exec(`INSERT INTO t VALUES (3)`); err == nil || !strings.Contains(err.Error(), "I/O error") {
		t.Errorf("a write of the earlier boot: error %v", err)
	}
	before.Close()
	var sum int
	if err := after.QueryRow(`SELECT sum(x) FROM t`).Scan(&sum); err != nil || sum != 3 {
		t.Errorf("sum %d, %v", sum, err)
	}
}

// TestStrikeDuringCommit strikes at every operation of a commit in turn, on some
// disks. The error must reach the caller, and the commit is there as a whole or
// not at all.
func TestStrikeDuringCommit(t *testing.T) {
	const disks = 10
	var survived, last int
	for seed := range uint64(disks) {
		for ops := 0; ; ops++ {
			disk := powerloss.NewDisk(seed, powerloss.Config{})
			db := open(t, mount(t, disk), "&_pragma=journal_mode(wal)&_pragma=synchronous(full)")
			db.SetMaxOpenConns(1)
			exec(t, db, `CREATE TABLE t (x)`)
			disk.StrikeAfter(ops)
			_, err := db.Exec(`INSERT INTO t VALUES (zeroblob(20000)), (zeroblob(20000))`)
			if disk.Struck() != (err != nil) {
				t.Fatalf("seed %d, after %d operations: struck %v, error %v", seed, ops, disk.Struck(), err)
			}
			if err == nil {
				last = ops
				break
			}
			disk.Restart()
			var n int
			if err := open(t, mount(t, disk), "").QueryRow(`SELECT count(*) FROM t`).Scan(&n); err != nil || n == 1 {
				t.Fatalf("seed %d, after %d operations: %d of 2 rows, error %v", seed, ops, n, err)
			}
			survived += n / 2
		}
	}
	// Only the strike at the last operation, the sync, finds all of it written.
	if last < 10 || survived == 0 || survived >= disks {
		t.Errorf("a commit of %d operations survived %d of %d times", last, survived, disks)
	}
}

// TestReadersBesideWriter shares the WAL index between connections, in parallel.
func TestReadersBesideWriter(t *testing.T) {
	name := mount(t, powerloss.NewDisk(1, powerloss.Config{}))
	pragmas := "&_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=wal_autocheckpoint(20)"
	writer := open(t, name, pragmas)
	exec(t, writer, `CREATE TABLE t (x)`)
	exec(t, writer, `INSERT INTO t VALUES (0), (0)`)

	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		db := open(t, name, pragmas)
		readers.Go(func() {
			last := 0
			for {
				select {
				case <-stop:
					return
				default:
				}
				var low, high int
				if err := db.QueryRow(`SELECT min(x), max(x) FROM t`).Scan(&low, &high); err != nil {
					t.Error(err)
					return
				}
				if low != high || low < last {
					t.Errorf("read %d and %d after %d", low, high, last)
					return
				}
				last = low
			}
		})
	}
	for range 300 {
		exec(t, writer, `UPDATE t SET x = x + 1`)
	}
	close(stop)
	readers.Wait()
}

func TestLocks(t *testing.T) {
	for _, mode := range []string{"delete", "wal"} {
		t.Run(mode, func(t *testing.T) {
			name := mount(t, powerloss.NewDisk(1, powerloss.Config{}))
			pragmas := fmt.Sprintf("&_pragma=journal_mode(%s)&_pragma=busy_timeout(0)", mode)
			a, b := open(t, name, pragmas), open(t, name, pragmas)
			a.SetMaxOpenConns(1)
			exec(t, a, `CREATE TABLE t (x)`)

			exec(t, a, `BEGIN IMMEDIATE`)
			if _, err := b.Exec(`INSERT INTO t VALUES (1)`); err == nil {
				t.Error("two connections write at once")
			}
			exec(t, a, `INSERT INTO t VALUES (1)`)

			reader, err := b.BeginTx(context.Background(), &sql.TxOptions{ReadOnly: true})
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Rollback()
			var n int
			if err := reader.QueryRow(`SELECT count(*) FROM t`).Scan(&n); err != nil || n != 0 {
				t.Errorf("the reader sees %d rows that are not committed, error %v", n, err)
			}
			// A rollback journal needs the readers gone, a WAL does not.
			_, err = a.Exec(`COMMIT`)
			if wal := mode == "wal"; (err == nil) != wal {
				t.Errorf("commit beside a reader: error %v", err)
			}
			reader.Rollback()
			if mode == "delete" {
				exec(t, a, `COMMIT`)
			}
			if err := b.QueryRow(`SELECT count(*) FROM t`).Scan(&n); err != nil || n != 1 {
				t.Errorf("%d rows after the commit, error %v", n, err)
			}
		})
	}
}
