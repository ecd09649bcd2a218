package powerloss_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"sluice/store/powerloss"
)

// The ways in which a book can come back wrong.
var (
	errLost    = errors.New("an acknowledged transaction is lost")
	errCorrupt = errors.New("the database is corrupt")
)

// book is a small ledger of its own schema on a disk that loses power.
// Transaction n is the same in every run of the book.
type book struct {
	config  powerloss.Config
	disk    *powerloss.Disk
	rng     *rand.Rand
	pragmas []string // as in "synchronous(full)"
	acked   int      // transactions 1 to acked are acknowledged
	pending bool     // the one after them was tried and may be there
}

const bookAccounts = 5

const bookSchema = `
CREATE TABLE IF NOT EXISTS tx (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS entry (tx INTEGER NOT NULL REFERENCES tx (id), account INTEGER NOT NULL, amount INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS entry_account ON entry (account);
CREATE TABLE IF NOT EXISTS account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS scratch (body BLOB NOT NULL) STRICT;
`

// TestWAL is the promise itself: with journal_mode=WAL and synchronous=FULL no
// power loss takes an acknowledged transaction away or leaves half of one.
func TestWAL(t *testing.T) {
	eachSeed(t, func(seed uint64) error {
		return losePower(seed, anyDisk(seed), "journal_mode(wal)", "synchronous(full)", "wal_autocheckpoint(40)")
	})
}

// TestRollbackJournal tries the disk under SQLite's other promise: with
// synchronous=EXTRA a rollback journal keeps every acknowledged transaction too.
func TestRollbackJournal(t *testing.T) {
	for seed := range uint64(20) {
		if err := losePower(seed, anyDisk(seed), "journal_mode(delete)", "synchronous(extra)"); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
}

// TestHarnessCanFail runs settings that SQLite documents as unsafe, and a disk
// that lies. Each must lose something within some seeds, and those that are
// documented to keep the database whole must never do worse than lose.
func TestHarnessCanFail(t *testing.T) {
	tests := []struct {
		name    string
		config  powerloss.Config
		pragmas []string
		whole   bool // the database is never corrupt
	}{
		{name: "synchronous OFF", pragmas: []string{"journal_mode(wal)", "synchronous(off)"}},
		{name: "broken sync", config: powerloss.Config{IgnoreSync: true}, pragmas: []string{"journal_mode(wal)", "synchronous(full)"}},
		{name: "WAL, synchronous NORMAL", pragmas: []string{"journal_mode(wal)", "synchronous(normal)"}, whole: true},
		// Without EXTRA the deletion of the journal, which is the commit, is not
		// durable: the journal may come back and undo it.
		{name: "rollback journal, synchronous FULL", pragmas: []string{"journal_mode(delete)", "synchronous(full)"}, whole: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var seeds, lost, corrupt int
			for seed := range uint64(20) {
				if lost > 0 && !test.whole {
					break // shown
				}
				seeds++
				pragmas := append([]string{"wal_autocheckpoint(40)"}, test.pragmas...)
				switch err := losePower(seed, test.config, pragmas...); {
				case err == nil:
				case errors.Is(err, errLost):
					lost++
				case errors.Is(err, errCorrupt):
					corrupt++
				default:
					t.Errorf("seed %d: %v", seed, err)
				}
			}
			t.Logf("of %d seeds %d lost a transaction, %d left a corrupt database", seeds, lost, corrupt)
			if lost == 0 {
				t.Error("nothing was lost")
			}
			if test.whole && corrupt > 0 {
				t.Errorf("%d databases are corrupt", corrupt)
			}
		})
	}
}

// TestSeedRepeats runs some seeds twice: what was acknowledged and what survived
// must be the same, or a failure could not be looked into.
func TestSeedRepeats(t *testing.T) {
	run := func(seed uint64) (history []string) {
		b := newBook(seed, anyDisk(seed), "journal_mode(wal)", "synchronous(full)", "wal_autocheckpoint(40)")
		for range 4 {
			planStrike(b.disk, b.rng)
			if err := b.boot(b.work); err != nil {
				t.Fatal(err)
			}
			history = append(history, fmt.Sprint(b.acked, b.pending))
			b.disk.Restart()
		}
		return history
	}
	for seed := range uint64(4) {
		if a, b := run(seed), run(seed); !slices.Equal(a, b) {
			t.Errorf("seed %d: %v, then %v", seed, a, b)
		}
	}
}

func newBook(seed uint64, config powerloss.Config, pragmas ...string) *book {
	return &book{
		config:  config,
		disk:    powerloss.NewDisk(seed, config),
		rng:     rand.New(rand.NewPCG(seed, 1)),
		pragmas: pragmas,
	}
}

// losePower works on a book through some power losses and returns an error when
// the book comes back wrong.
func losePower(seed uint64, config powerloss.Config, pragmas ...string) error {
	b := newBook(seed, config, pragmas...)
	for range 3 {
		planStrike(b.disk, b.rng)
		if err := b.boot(b.work); err != nil {
			return err
		}
		b.disk.Restart()
	}
	return b.boot(func(*sql.DB) error { return nil })
}

// boot opens the book, checks it and works on it. An error that the power loss
// explains is not one.
func (b *book) boot(work func(*sql.DB) error) (err error) {
	name, unmount, err := b.disk.Mount()
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, unmount())
	}()
	db, err := sql.Open("sqlite", "file:book.db?vfs="+name+"&_pragma="+strings.Join(b.pragmas, "&_pragma="))
	if err != nil {
		return fmt.Errorf("opening the book: %w", err)
	}
	defer db.Close() // writes nothing that its transactions have not
	db.SetMaxOpenConns(1)

	err = b.check(db)
	if err == nil && b.config.CollateralDamage {
		_, err = db.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`) // see Config.CollateralDamage
	}
	if err == nil {
		err = work(db)
	}
	if b.disk.Struck() {
		return nil
	}
	return err
}

// work posts transactions until power goes.
func (b *book) work(db *sql.DB) error {
	for range 50 {
		b.pending = true
		if err := b.post(db, b.acked+1); err != nil {
			return fmt.Errorf("posting transaction %d: %w", b.acked+1, err)
		}
		b.acked++
		b.pending = false
	}
	return nil
}

// post moves amounts between accounts in transaction id.
func (b *book) post(db *sql.DB, id int) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	rng := rand.New(rand.NewPCG(uint64(id), 2))
	if _, err := tx.Exec(`INSERT INTO tx (id, body) VALUES (?, ?)`, id, body(id)); err != nil {
		return err
	}
	for range entryPairs(id) {
		amount := rng.IntN(1000)
		for _, amount := range []int{amount, -amount} {
			account := rng.IntN(bookAccounts)
			if _, err := tx.Exec(`INSERT INTO entry (tx, account, amount) VALUES (?, ?, ?)`, id, account, amount); err != nil {
				return err
			}
			if _, err := tx.Exec(`INSERT INTO account (id, balance) VALUES ($1, $2)
				ON CONFLICT (id) DO UPDATE SET balance = balance + $2`, account, amount); err != nil {
				return err
			}
		}
	}
	// Pages are freed and used again.
	scratch := `INSERT INTO scratch (body) VALUES (zeroblob(5000))`
	if id%5 == 0 {
		scratch = `DELETE FROM scratch`
	}
	if _, err := tx.Exec(scratch); err != nil {
		return err
	}
	return tx.Commit()
}

// body is what transaction id carries: up to three pages of bytes.
func body(id int) []byte {
	rng := rand.New(rand.NewPCG(uint64(id), 3))
	p := make([]byte, rng.IntN(12_000))
	for i := range p {
		p[i] = byte(rng.Uint32())
	}
	return p
}

// entryPairs is half the number of entries of transaction id.
func entryPairs(id int) int {
	return 1 + id%4
}

// check compares the database with what was acknowledged.
func (b *book) check(db *sql.DB) error {
	if _, err := db.Exec(bookSchema); err != nil {
		return fmt.Errorf("%w: making the schema: %w", errCorrupt, err)
	}
	var integrity string
	if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&integrity); err != nil || integrity != "ok" {
		return fmt.Errorf("%w: %s, %v", errCorrupt, integrity, err)
	}
	n, err := countBodies(db)
	if err != nil {
		return err
	}
	switch {
	case n < b.acked:
		return fmt.Errorf("%w: %d of %d are there", errLost, n, b.acked)
	case n > b.acked+1, n > b.acked && !b.pending:
		return fmt.Errorf("%w: %d transactions are there, %d were made", errCorrupt, n, b.acked)
	}

	entries := 0
	for id := range n {
		entries += 2 * entryPairs(id+1)
	}
	var gotEntries, total, wrong int
	if err := db.QueryRow(`SELECT count(*), coalesce(sum(amount), 0) FROM entry`).Scan(&gotEntries, &total); err != nil {
		return fmt.Errorf("%w: %w", errCorrupt, err)
	}
	if err := db.QueryRow(`SELECT count(*) FROM account
		WHERE balance <> (SELECT sum(amount) FROM entry WHERE account = account.id)`).Scan(&wrong); err != nil {
		return fmt.Errorf("%w: %w", errCorrupt, err)
	}
	if gotEntries != entries || total != 0 || wrong != 0 {
		return fmt.Errorf("%w: %d entries of %d, their sum is %d, %d balances are wrong", errCorrupt, gotEntries, entries, total, wrong)
	}
	b.acked, b.pending = n, false
	return nil
}

// countBodies returns the number of transactions, which must be 1 to n with the
// body of each.
func countBodies(db *sql.DB) (n int, err error) {
	rows, err := db.Query(`SELECT id, body FROM tx ORDER BY id`)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errCorrupt, err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int
		var got []byte
		if err := rows.Scan(&id, &got); err != nil {
			return 0, fmt.Errorf("%w: %w", errCorrupt, err)
		}
		n++
		if id != n || !bytes.Equal(got, body(id)) {
			return 0, fmt.Errorf("%w: transaction %d in place %d with %d bytes", errCorrupt, id, n, len(got))
		}
	}
	if err := rows.Err(); err != nil {
		return 0, fmt.Errorf("%w: %w", errCorrupt, err)
	}
	return n, nil
}
