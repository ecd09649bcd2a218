package storetest

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice"
	"sluice/store"
)

// testReopen closes a store and goes on where it was.
func testReopen(t *testing.T, dsn string) {
	db, err := store.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	commit(t, db, payment("tx_1", "org_a", sluice.Amount{Nano: 1000}), usage("call_1", "org_a", "key_a", 1500))
	if err := db.Commit(t.Context(), sluice.Batch{Checkpoints: []sluice.Event{*event("call_2", "org_a", "key_a", 1)}}); err != nil {
		t.Fatal(err)
	}
	before := read(t, db, "tx_1", "call_1")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, dsn)
	if d := cmp.Diff(before, read(t, db, "tx_1", "call_1")); d != "" {
		t.Errorf("reopened (-want +got):\n%s", d)
	}
	commit(t, db, payment("tx_2", "org_b", sluice.Amount{Nano: 1}), usage("call_3", "org_a", "key_a", 1))
	err = db.Commit(t.Context(), sluice.Batch{Postings: []sluice.Posting{usage("call_1", "org_a", "key_a", 1500)}})
	fails(t, "an id of before", err, sluice.CodeConflict)
}

// testOneWriter opens a store that is open.
func testOneWriter(t *testing.T, dsn string) {
	namesProcess := regexp.MustCompile(`in use by .*process \d+.*: stop it first`)
	db, err := store.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	second, err := store.Open(t.Context(), dsn)
	if err == nil {
		t.Error("two writers", second.Close())
	} else if !namesProcess.MatchString(err.Error()) {
		t.Errorf("the second writer is told: %v", err)
	}
	commit(t, db, payment("tx_1", "org_a", sluice.Amount{Nano: 1}))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dsn)
}

func testReadOnly(t *testing.T, dsn string) {
	if db, err := store.OpenReadOnly(t.Context(), dsn); err == nil {
		t.Error("a database without a schema was opened", db.Close())
	}
	db, err := store.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	books(t, db)
	check := func(when string) {
		t.Helper()
		reader, err := store.OpenReadOnly(t.Context(), dsn)
		if err != nil {
			t.Fatal(when, err)
		}
		defer reader.Close()
		wantViolations(t, reader)
		if err := reader.Commit(t.Context(), sluice.Batch{}); err == nil {
			t.Error(when, "a reader committed")
		}
		if err := reader.PutSetting(t.Context(), "a", "b"); err == nil {
			t.Error(when, "a reader stored a setting")
		}
	}
	check("beside a writer")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	check("after the writer ended")
}

func testNewerSchema(t *testing.T, dsn string) {
	db, err := store.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	execute(t, raw(t, dsn), `INSERT INTO migration (version, name) VALUES (9999, 'from the future')`)
	for name, open := range map[string]func() (*store.DB, error){
		"writing": func() (*store.DB, error) { return store.Open(t.Context(), dsn) },
		"reading": func() (*store.DB, error) { return store.OpenReadOnly(t.Context(), dsn) },
	} {
		db, err := open()
		if err == nil {
			t.Error(name, "a newer schema was opened", db.Close())
		} else if !strings.Contains(err.Error(), "9999") {
			t.Errorf("%s: the error does not name the version: %v", name, err)
		}
	}
}
