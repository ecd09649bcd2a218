package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice"
	"sluice/store"
	"sluice/store/storetest"
)

func TestSQLite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, sqliteDSN)
}

func sqliteDSN(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "ledger.db") }

// TestSQLitePaths opens files whose names mean something in a URI.
func TestSQLitePaths(t *testing.T) {
	dir := t.TempDir()
	for dsn, file := range map[string]string{
		dir + "/a b#1%20.db":                dir + "/a b#1%20.db",
		"file:" + dir + "/c%23d.db":         dir + "/c#d.db",
		"file://" + dir + "/e.db":           dir + "/e.db",
		dir + "/f.db?_pragma=temp_store(2)": dir + "/f.db",
	} {
		t.Run(filepath.Base(file), func(t *testing.T) {
			db, err := store.Open(t.Context(), "sqlite:"+dsn)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			for _, name := range []string{file, file + "-wal", file + ".lock"} {
				info, err := os.Stat(name)
				if err != nil {
					t.Error(err)
				} else if info.Mode().Perm() != 0o600 {
					t.Errorf("%s can be read by others: %v", name, info.Mode())
				}
			}
		})
	}
}

// TestSQLiteOptions shows that options reach the driver: another VFS is asked
// for, and no lock file is made beside a file that is not on the disk.
func TestSQLiteOptions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	if db, err := store.Open(t.Context(), "sqlite:file:"+path+"?vfs=nowhere"); err == nil || !strings.Contains(err.Error(), "no such vfs: nowhere") {
		t.Errorf("opened on a VFS that is not there: %v, %v", db, err)
	}
	if _, err := os.Stat(path + ".lock"); err == nil {
		t.Error("a lock file was made for another VFS")
	}
}

// TestSQLiteAfterCrash reads what a killed server leaves behind: the database
// and a log that nobody carried over into it.
func TestSQLiteAfterCrash(t *testing.T) {
	dir, left := t.TempDir(), t.TempDir()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(dir, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.PutSetting(t.Context(), "a", "in the log"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ledger.db", "ledger.db-wal"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(left, name), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // reading leaves it as it was
		reader, err := store.OpenReadOnly(t.Context(), "sqlite:"+filepath.Join(left, "ledger.db"))
		if err != nil {
			t.Fatal(err)
		}
		if v, err := reader.Setting(t.Context(), "a"); v != "in the log" || err != nil {
			t.Errorf("the setting is %q (%v)", v, err)
		}
		if r, err := reader.Verify(t.Context()); err != nil || !r.OK() {
			t.Errorf("verify: %v, %v", r, err)
		}
		if err := reader.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOpenErrors are names that no store has. None is repeated in the error,
// for it may hold a password.
func TestOpenErrors(t *testing.T) {
	for _, dsn := range []string{"", "sqlite:", "mysql://root:hunter2@db", "host=db password=hunter2"} {
		db, err := store.Open(t.Context(), dsn)
		if err == nil {
			t.Error(dsn, "was opened", db.Close())
		} else if strings.Contains(err.Error(), "hunter2") || sluice.CodeOf(err) != sluice.CodeInternal {
			t.Errorf("%s: %v", dsn, err)
		}
	}
}
