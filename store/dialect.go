package store

import "database/sql"

// dialect is all that differs between the two databases, beside how a
// connection is opened and locked.
type dialect struct {
	name string // as in the names of migrations

	// ddl turns a migration, which is written in SQLite's types, into this
	// database's.
	ddl func(string) string

	// mark is the placeholder number n of a statement that is put together from
	// rows. SQLite looks each name up in a list, so its marks have none.
	mark func(n int) string

	// unique, foreign and check report whether err is a violation of a unique
	// constraint, of a foreign key, or of the named CHECK.
	unique, foreign func(err error) bool
	check           func(err error, name string) bool

	// relax, when there is such a statement, makes a transaction's commit not wait for
	// the disk.
	relax string

	// snapshot makes a transaction that sees one state of all tables.
	snapshot sql.TxOptions
}
