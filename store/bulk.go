package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
)

// bulk is a statement over many rows, such as a multi-row INSERT: a head, a
// row of ? marks repeated with commas between, a tail. It is prepared for a
// few numbers of rows, so that any number of rows takes few statements.
type bulk struct {
	head, row, tail string

	columns  int
	prepared map[int]*sql.Stmt // by rows
}

// bulkSizes are the numbers of rows a statement is prepared for, in falling order.
func bulkSizes() [4]int { return [4]int{256, 32, 4, 1} }

func newBulk(head, row, tail string) *bulk {
	return &bulk{head, row, tail, strings.Count(row, "?"), map[int]*sql.Stmt{}}
}

// prepare prepares what args need. It must not be called within a
// transaction, which holds the only connection.
func (b *bulk) prepare(ctx context.Context, db *DB, args []any) error {
	left := len(args) / b.columns
	for _, size := range bulkSizes() {
		if left >= size && b.prepared[size] == nil {
			stmt, err := db.w.PrepareContext(ctx, b.text(db.dialect, size)) //nolint:sqlclosecheck // kept, and closed with the bulk
			if err != nil {
				return err
			}
			b.prepared[size] = stmt
		}
		left %= size
	}
	return nil
}

// text writes the statement for a number of rows.
func (b *bulk) text(d dialect, rows int) string {
	var s strings.Builder
	s.WriteString(b.head)
	n := 0
	for i := range rows {
		if i > 0 {
			s.WriteString(", ")
		}
		for _, c := range b.row {
			if c != '?' {
				s.WriteRune(c)
				continue
			}
			n++
			s.WriteString(d.mark(n))
		}
	}
	s.WriteString(b.tail)
	return s.String()
}

// exec runs the statement over the rows of args and returns how many rows of
// the table it touched.
func (b *bulk) exec(ctx context.Context, tx *sql.Tx, args []any) (affected int64, err error) {
	for _, size := range bulkSizes() {
		for n := size * b.columns; len(args) >= n; args = args[n:] {
			res, err := tx.StmtContext(ctx, b.prepared[size]).ExecContext(ctx, args[:n]...) //nolint:sqlclosecheck // the transaction closes it
			if err != nil {
				return affected, err
			}
			rows, err := res.RowsAffected()
			if err != nil {
				return affected, err
			}
			affected += rows
		}
	}
	return affected, nil
}

func (b *bulk) close() error {
	var errs []error
	for _, stmt := range b.prepared {
		errs = append(errs, stmt.Close())
	}
	clear(b.prepared)
	return errors.Join(errs...)
}
