package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"
)

// What each SQLite connection is opened with. The writer syncs the log at
// every commit (FULL); readers neither wait for it nor hold it up. The log is
// carried over into the database whenever it has grown by 32 MiB.
const (
	sqliteAll    = "_pragma=busy_timeout(10000)&_dqs=0"
	sqliteWriter = sqliteAll + "&_txlock=immediate&_pragma=page_size(8192)&_pragma=journal_mode(wal)&_pragma=synchronous(full)" +
		"&_pragma=fullfsync(1)&_pragma=checkpoint_fullfsync(1)&_pragma=foreign_keys(1)&_pragma=cache_size(-65536)" +
		"&_pragma=wal_autocheckpoint(4000)&_pragma=journal_size_limit(67108864)"
	sqliteReader  = sqliteAll + "&mode=ro&_pragma=cache_size(-16384)"
	sqliteReaders = 4
)

func sqliteDialect() dialect {
	return dialect{
		name: "sqlite",
		ddl:  func(s string) string { return s },
		mark: func(int) string { return "?" },
		unique: func(err error) bool {
			return isSQLite(err, sqlitelib.SQLITE_CONSTRAINT_UNIQUE, sqlitelib.SQLITE_CONSTRAINT_PRIMARYKEY, sqlitelib.SQLITE_CONSTRAINT_ROWID)
		},
		foreign: func(err error) bool { return isSQLite(err, sqlitelib.SQLITE_CONSTRAINT_FOREIGNKEY) },
		check: func(err error, name string) bool {
			return isSQLite(err, sqlitelib.SQLITE_CONSTRAINT_CHECK) && strings.Contains(err.Error(), name)
		},
	}
}

func isSQLite(err error, codes ...int) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	for _, c := range codes {
		if e.Code() == c {
			return true
		}
	}
	return false
}

// openSQLite opens PATH or PATH?OPTIONS; the path may be a file: URI.
func openSQLite(ctx context.Context, rest string, readOnly bool) (*DB, error) {
	path, options, _ := strings.Cut(rest, "?")
	given, err := url.ParseQuery(options)
	if err != nil {
		return nil, fmt.Errorf("reading the options of sqlite:%s: %w", rest, err)
	}
	uri := path
	if file, ok := strings.CutPrefix(path, "file:"); ok {
		if path, err = url.PathUnescape(strings.TrimPrefix(file, "//")); err != nil {
			return nil, fmt.Errorf("reading the path of sqlite:%s: %w", rest, err)
		}
	} else {
		uri = "file:" + strings.NewReplacer("%", "%25", "#", "%23").Replace(path)
	}
	if path == "" {
		return nil, errors.New("opening the store: sqlite: names no file")
	}
	if options != "" {
		options = "&" + options
	}

	db := &DB{dialect: sqliteDialect(), lock: noLock()}
	if db.r, err = sql.Open("sqlite", uri+"?"+sqliteReader+options); err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	db.source = func(context.Context) (rowSource, error) { return openSQLiteSource(uri + "?" + sqliteReader + options) }
	db.r.SetMaxOpenConns(sqliteReaders)
	db.r.SetMaxIdleConns(sqliteReaders)
	if readOnly {
		return db, nil
	}
	if !given.Has("vfs") { // another VFS has another place for its files
		if db.lock, err = claimFile(path); err != nil {
			return nil, errors.Join(err, db.r.Close())
		}
	}
	if db.w, err = sql.Open("sqlite", uri+"?"+sqliteWriter+options); err == nil {
		db.w.SetMaxOpenConns(1)
		err = db.w.PingContext(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", path, err), db.r.Close(), db.lock.release())
	}
	db.ledger = newLedger()
	return db, nil
}
