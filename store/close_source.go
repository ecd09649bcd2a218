package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/libc"
	sqlitelib "modernc.org/sqlite/lib"
)

// rowSource reads many rows with as little work for each as there can be: no row
// is copied, and no value is put into an interface. It is for the few queries that go over
// all that was booked; everything else is read by database/sql, where most of the time
// would be spent on handing columns over. It is not safe for concurrent use.
type rowSource interface {
	// each runs a query, whose arguments are whole numbers, and shows each row to take. A row
	// holds until take returns. It ends with the first error, and soon after ctx.
	each(ctx context.Context, query string, args []int64, take func(row) error) error

	close() error
}

// row is one row of a rowSource: columns from 0 on, of the types that the schema
// has for them.
type row interface {
	number(column int) int64
	text(column int) []byte // nil for NULL
	null(column int) bool
}

// sqliteSource is a connection of its own to the file, read by SQLite's own
// functions. It has no mutex: the driver's connections lock and unlock one for each column.
type sqliteSource struct {
	tls      *libc.TLS
	db       uintptr
	prepared map[string]uintptr
}

func openSQLiteSource(uri string) (rowSource, error) {
	s := &sqliteSource{tls: libc.NewTLS(), prepared: map[string]uintptr{}}
	name, err := libc.CString(uri)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	defer libc.Xfree(s.tls, name)
	into := libc.Xcalloc(s.tls, 1, pointerSize)
	defer libc.Xfree(s.tls, into)
	rc := sqlitelib.Xsqlite3_open_v2(s.tls, name, into, sqlitelib.SQLITE_OPEN_READONLY|sqlitelib.SQLITE_OPEN_URI|sqlitelib.SQLITE_OPEN_NOMUTEX, 0)
	s.db = pointerAt(into)
	if rc != sqlitelib.SQLITE_OK {
		return nil, errors.Join(s.fail(rc), s.close())
	}
	sqlitelib.Xsqlite3_busy_timeout(s.tls, s.db, 10_000)
	return s, nil
}

const pointerSize = bits.UintSize / 8

// pointerAt reads a pointer in C memory.
func pointerAt(p uintptr) uintptr {
	b := libc.GoBytes(p, pointerSize)
	if pointerSize == 4 {
		return uintptr(binary.NativeEndian.Uint32(b))
	}
	return uintptr(binary.NativeEndian.Uint64(b))
}

func (s *sqliteSource) fail(rc int32) error {
	what := "it cannot be opened"
	if s.db != 0 {
		what = libc.GoString(sqlitelib.Xsqlite3_errmsg(s.tls, s.db))
	}
	return fmt.Errorf("SQLite: %s (%d)", what, rc)
}

func (s *sqliteSource) prepare(query string) (uintptr, error) {
	if stmt, ok := s.prepared[query]; ok {
		return stmt, nil
	}
	text, err := libc.CString(query)
	if err != nil {
		return 0, err
	}
	defer libc.Xfree(s.tls, text)
	into := libc.Xcalloc(s.tls, 1, pointerSize)
	defer libc.Xfree(s.tls, into)
	if rc := sqlitelib.Xsqlite3_prepare_v2(s.tls, s.db, text, -1, into, 0); rc != sqlitelib.SQLITE_OK {
		return 0, s.fail(rc)
	}
	s.prepared[query] = pointerAt(into)
	return s.prepared[query], nil
}

func (s *sqliteSource) each(ctx context.Context, query string, args []int64, take func(row) error) error {
	stmt, err := s.prepare(query)
	if err != nil {
		return err
	}
	defer sqlitelib.Xsqlite3_reset(s.tls, stmt)
	for i, n := range args {
		if rc := sqlitelib.Xsqlite3_bind_int64(s.tls, stmt, int32(i+1), n); rc != sqlitelib.SQLITE_OK {
			return s.fail(rc)
		}
	}
	r := row(&sqliteRow{s.tls, stmt})
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		switch rc := sqlitelib.Xsqlite3_step(s.tls, stmt); rc {
		case sqlitelib.SQLITE_ROW:
			if err := take(r); err != nil {
				return err
			}
		case sqlitelib.SQLITE_DONE:
			return nil
		default:
			return s.fail(rc)
		}
	}
}

func (s *sqliteSource) close() (err error) {
	for _, stmt := range s.prepared {
		sqlitelib.Xsqlite3_finalize(s.tls, stmt)
	}
	if s.db != 0 {
		if rc := sqlitelib.Xsqlite3_close_v2(s.tls, s.db); rc != sqlitelib.SQLITE_OK {
			err = s.fail(rc)
		}
	}
	s.tls.Close()
	return err
}

type sqliteRow struct {
	tls  *libc.TLS
	stmt uintptr
}

func (r *sqliteRow) number(column int) int64 {
	return sqlitelib.Xsqlite3_column_int64(r.tls, r.stmt, int32(column))
}

// text reads a text as it is stored, which is UTF-8, without a copy.
func (r *sqliteRow) text(column int) []byte {
	p := sqlitelib.Xsqlite3_column_blob(r.tls, r.stmt, int32(column))
	if p == 0 {
		return nil
	}
	return libc.GoBytes(p, int(sqlitelib.Xsqlite3_column_bytes(r.tls, r.stmt, int32(column))))
}

func (r *sqliteRow) null(column int) bool {
	return sqlitelib.Xsqlite3_column_type(r.tls, r.stmt, int32(column)) == sqlitelib.SQLITE_NULL
}

// postgresSource reads by COPY in its binary form, which the server writes and a
// client reads with the least work.
type postgresSource struct{ conn *sql.Conn }

func openPostgresSource(ctx context.Context, db *sql.DB) (rowSource, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &postgresSource{conn}, nil
}

func (s *postgresSource) each(ctx context.Context, query string, args []int64, take func(row) error) error {
	for i := len(args); i > 0; i-- { // the last first, since $1 begins $10; COPY takes no parameters
		query = strings.ReplaceAll(query, "$"+strconv.Itoa(i), "CAST("+strconv.FormatInt(args[i-1], 10)+" AS BIGINT)")
	}
	return s.conn.Raw(func(driver any) error {
		c := &copied{take: take}
		if _, err := driver.(*stdlib.Conn).Conn().PgConn().CopyTo(ctx, c, "COPY ("+query+") TO STDOUT (FORMAT binary)"); err != nil {
			return errors.Join(context.Cause(ctx), err)
		}
		if !c.ended {
			return errCopy
		}
		return nil
	})
}

func (s *postgresSource) close() error { return s.conn.Close() }

// errCopy is what PostgreSQL would never send.
var errCopy = errors.New("PostgreSQL's COPY is not of the form that it documents")

// copied takes what COPY sends, however it is parted: a header, rows and a
// trailer, as PostgreSQL documents the form ("COPY", "Binary Format").
type copied struct {
	take  func(row) error
	begun bool
	ended bool
	rest  []byte // the beginning of a row whose end has not come
	row   copiedRow
}

// Write takes the next part.
func (c *copied) Write(p []byte) (int, error) {
	b := p
	if len(c.rest) > 0 {
		c.rest = append(c.rest, p...)
		b = c.rest
	}
	left, err := c.rows(b)
	if err != nil {
		return 0, err
	}
	c.rest = append(c.rest[:0], left...)
	return len(p), nil
}

// rows takes the rows that are whole, and returns what is left.
func (c *copied) rows(b []byte) (left []byte, err error) {
	const signature = "PGCOPY\n\xff\r\n\x00"
	const header = len(signature) + 8 // flags, and the length of what follows: nothing
	if !c.begun {
		if len(b) < header {
			return b, nil
		}
		if string(b[:len(signature)]) != signature || string(b[len(signature):header]) != strings.Repeat("\x00", 8) {
			return nil, errCopy
		}
		b, c.begun = b[header:], true
	}
	for !c.ended {
		n, ok := c.row.read(b)
		if c.row.fields > len(c.row.columns) {
			return nil, errCopy
		}
		if !ok {
			return b, nil
		}
		b = b[n:]
		if c.row.fields < 0 {
			c.ended = true
			break
		}
		if err := c.take(&c.row); err != nil {
			return nil, err
		}
	}
	if len(b) > 0 {
		return nil, errCopy
	}
	return nil, nil
}

// copiedRow is a row of COPY: how many fields, and of each the length, -1 for NULL,
// and its bytes.
type copiedRow struct {
	fields  int // -1: the trailer
	columns [64][]byte
}

// read reads a row from the beginning of b; ok is false where its end is not in it.
func (r *copiedRow) read(b []byte) (n int, ok bool) {
	if len(b) < 2 {
		return 0, false
	}
	r.fields = int(int16(binary.BigEndian.Uint16(b)))
	n = 2
	for i := range min(r.fields, len(r.columns)) {
		if len(b) < n+4 {
			return 0, false
		}
		size := int(int32(binary.BigEndian.Uint32(b[n:])))
		n += 4
		if size < 0 {
			r.columns[i] = nil
			continue
		}
		if len(b) < n+size {
			return 0, false
		}
		r.columns[i] = b[n : n+size : n+size]
		n += size
	}
	return n, true
}

func (r *copiedRow) number(column int) int64 {
	b := r.columns[column]
	if len(b) != 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(b))
}

func (r *copiedRow) text(column int) []byte { return r.columns[column] }

func (r *copiedRow) null(column int) bool { return r.columns[column] == nil }
