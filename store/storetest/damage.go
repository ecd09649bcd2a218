package storetest

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Cell is a value of a row of a SQLite store, to be altered behind its back.
type Cell struct {
	Table, Column string
	Row           map[string]any // by column

	behind *sql.DB
	keys   []string // the columns of the primary key
}

// Cells returns all values of all rows of tables, but for columns that are named
// as in "entry.line". What keeps the books append-only is taken away.
func Cells(t testing.TB, path string, tables []string, without ...string) []Cell {
	t.Helper()
	behind := raw(t, "sqlite:"+path+"?_pragma=ignore_check_constraints(1)&_pragma=synchronous(off)&_pragma=busy_timeout(10000)")
	dropTriggers(t, behind)
	var cells []Cell
	for _, table := range tables {
		columns, keys := columnsOf(t, behind, table)
		for _, row := range rowsOf(t, behind, table, columns) {
			for _, c := range columns {
				if !slices.Contains(without, table+"."+c) {
					cells = append(cells, Cell{table, c, row, behind, keys})
				}
			}
		}
	}
	return cells
}

// columnsOf returns a table's columns, and those of its primary key.
func columnsOf(t testing.TB, db *sql.DB, table string) (columns, keys []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT name, pk FROM pragma_table_info($1)`, table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var key int
		if err := rows.Scan(&name, &key); err != nil {
			t.Fatal(err)
		}
		columns = append(columns, name)
		if key > 0 {
			keys = append(keys, name)
		}
	}
	if err := rows.Err(); err != nil || len(keys) == 0 {
		t.Fatalf("the table %s has no primary key: %v", table, err)
	}
	return columns, keys
}

func rowsOf(t testing.TB, db *sql.DB, table string, columns []string) (all []map[string]any) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT `+strings.Join(columns, ", ")+` FROM `+table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range into {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		row := map[string]any{}
		for i, c := range columns {
			row[c] = values[i]
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// String names the value and its row.
func (c Cell) String() string { return fmt.Sprintf("%s.%s of %v", c.Table, c.Column, c.Row) }

// Alter changes a bit of the value; of a byte that at picks, where it is a text or
// has bytes. An empty text gets a letter. ok is false where the table does not take it,
// or there is nothing to change. mend makes it as it was.
func (c Cell) Alter(t testing.TB, at int) (mend func(), ok bool) {
	t.Helper()
	for _, bit := range []int{0, 30} { // of a number: another row may have it already
		if v := alter(c.Row[c.Column], at, bit); v != nil {
			if mend, ok = c.Set(t, v); ok {
				return mend, true
			}
		}
	}
	return nil, false
}

// Set makes it another value, as Alter does.
func (c Cell) Set(t testing.TB, v any) (mend func(), ok bool) {
	t.Helper()
	old := c.Row[c.Column]
	if c.set(t, old, v) != nil {
		return nil, false
	}
	return func() {
		if err := c.set(t, v, old); err != nil {
			t.Fatal(err)
		}
	}, true
}

func (c Cell) set(t testing.TB, from, to any) error {
	t.Helper()
	where, args := []string{}, []any{to}
	for _, k := range c.keys {
		v := c.Row[k]
		if k == c.Column {
			v = from
		}
		where, args = append(where, k+" = ?"), append(args, v)
	}
	res, err := c.behind.ExecContext(t.Context(), `UPDATE `+c.Table+` SET `+c.Column+` = ? WHERE `+strings.Join(where, " AND "), args...)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		t.Fatalf("%s: changed %d rows (%v)", c, n, err)
	}
	return nil
}

func alter(v any, at, bit int) any {
	switch v := v.(type) {
	case int64:
		return v ^ 1<<bit
	case string:
		if v == "" {
			return "x"
		}
		b := []byte(v)
		b[at%len(b)] ^= 1
		return string(b)
	case []byte:
		if len(v) == 0 {
			return nil
		}
		b := slices.Clone(v)
		b[at%len(b)] ^= 1 << (at % 8)
		return b
	}
	return nil
}
