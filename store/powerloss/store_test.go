package powerloss_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice"
	"sluice/money/price"
	"sluice/store"
	"sluice/store/powerloss"
)

// TestStore is promise number one under power loss: the store, opened as the
// server opens it, keeps every batch that it acknowledged, exactly once, and of
// the batch in which power went all or nothing. The books hold in either case.
func TestStore(t *testing.T) {
	eachSeed(t, func(seed uint64) error {
		// SQLite on Unix takes powersafe overwrite for granted.
		return trade(seed, powerloss.Config{SectorSize: 512 << (seed % 4)}, storeOptions(seed))
	})
}

// TestStoreHarnessCanFail takes away what makes the store durable: the test
// above must notice.
func TestStoreHarnessCanFail(t *testing.T) {
	for _, test := range []struct {
		name    string
		config  powerloss.Config
		options string
	}{
		{name: "synchronous NORMAL", options: "&_pragma=synchronous(normal)"},
		{name: "broken sync", config: powerloss.Config{IgnoreSync: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			const seeds = 20
			for seed := range uint64(seeds) {
				if trade(seed, test.config, test.options) != nil {
					t.Logf("seed %d fails, as it should", seed)
					return
				}
			}
			t.Errorf("nothing was lost in %d seeds", seeds)
		})
	}
}

// storeOptions leaves the settings of the store alone for two seeds of three.
// The third checkpoints and truncates the WAL far more often than they say, since
// a run is too short to fill it to where they begin.
func storeOptions(seed uint64) string {
	if seed%3 == 0 {
		return "&_pragma=wal_autocheckpoint(30)&_pragma=journal_size_limit(100000)"
	}
	return ""
}

// trade runs a shop through some power losses and returns an error when its books
// come back wrong.
func trade(seed uint64, config powerloss.Config, options string) error {
	s := &shop{
		disk:    powerloss.NewDisk(seed, config),
		rng:     rand.New(rand.NewPCG(seed, 4)),
		options: options,
		books:   priceBooks(),
		acked:   newLedger(),
	}
	for range 3 {
		planStrike(s.disk, s.rng)
		if err := s.boot(s.work); err != nil {
			return err
		}
		s.disk.Restart()
	}
	return s.boot(func(context.Context, *store.DB) error { return nil })
}

// shop books random batches through the store and knows what must be there.
type shop struct {
	disk    *powerloss.Disk
	rng     *rand.Rand
	options string // for SQLite, after the VFS
	books   map[sluice.Currency]*price.Book

	acked   *ledger       // what the store acknowledged
	pending *sluice.Batch // tried and not acknowledged; may be there
	calls   int           // for ids
}

// boot opens the store, compares it with what must be there and works on it. An
// error that the power loss explains is not one.
func (s *shop) boot(work func(context.Context, *store.DB) error) (err error) {
	name, unmount, err := s.disk.Mount()
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, unmount())
	}()
	unexplained := func(err error) error {
		if s.disk.Struck() {
			return nil
		}
		return err
	}
	ctx := context.Background()
	db, err := store.Open(ctx, "sqlite:ledger.db?vfs="+name+s.options)
	if err != nil {
		return unexplained(err)
	}
	if err = s.compare(ctx, db); err == nil {
		err = audit(name)
	}
	if err == nil {
		err = work(ctx, db)
	}
	err = unexplained(err) // before closing, which power may strike too
	return errors.Join(err, unexplained(db.Close()))
}

// work books batches until power goes or the shop closes. First it publishes the
// price books that are not there yet and retries the batch that was not
// acknowledged before, as a client would.
func (s *shop) work(ctx context.Context, db *store.DB) error {
	for _, book := range []*price.Book{s.books["CNY"], s.books["USD"]} {
		if s.acked.Books[book.ID] == book.Hash {
			continue
		}
		if err := db.PublishBook(ctx, book); err != nil && sluice.CodeOf(err) != sluice.CodeConflict {
			return fmt.Errorf("publishing a price book: %w", err)
		}
		s.acked.Books[book.ID] = book.Hash
	}
	if s.pending != nil {
		if err := s.commit(ctx, db, *s.pending); err != nil {
			return fmt.Errorf("retrying: %w", err)
		}
	}
	for range 40 {
		if err := s.commit(ctx, db, s.batch()); err != nil {
			return err
		}
	}
	return nil
}

func (s *shop) commit(ctx context.Context, db *store.DB, b sluice.Batch) error {
	s.pending = &b
	if err := db.Commit(ctx, b); err != nil {
		return err
	}
	s.acked.apply(b)
	s.pending = nil
	return nil
}

// compare reads the store and returns an error unless it holds what was
// acknowledged, with the pending batch or without it.
func (s *shop) compare(ctx context.Context, db *store.DB) error {
	with := s.acked
	if s.pending != nil {
		with = s.acked.clone()
		with.apply(*s.pending)
	}
	got, err := readLedger(ctx, db, with)
	if err != nil {
		return err
	}
	if s.pending != nil && cmp.Equal(with, got) {
		// The batch was durable: a client that tries it again is not charged twice.
		if len(s.pending.Postings) > 0 {
			if err := db.Commit(ctx, *s.pending); sluice.CodeOf(err) != sluice.CodeConflict {
				return fmt.Errorf("a durable batch was tried again: got %v, want a conflict", err)
			}
		}
		s.acked, s.pending = with, nil
		return nil
	}
	if d := cmp.Diff(s.acked, got); d != "" {
		return fmt.Errorf("the store differs from what it acknowledged (-want +got):\n%s", d)
	}
	return nil
}

// ledger is what a store holds, as its callers see it.
type ledger struct {
	Books       map[string]string // hashes of price books by id
	Booked      map[string]bool   // ids of transactions
	Balances    map[sluice.AccountID]sluice.Amount
	Spend       map[string]sluice.Amount // by key
	Checkpoints map[string]sluice.Event  // by call
	Entries     int64
	Events      int64
}

func newLedger() *ledger {
	return &ledger{
		Books:       map[string]string{},
		Booked:      map[string]bool{},
		Balances:    map[sluice.AccountID]sluice.Amount{},
		Spend:       map[string]sluice.Amount{},
		Checkpoints: map[string]sluice.Event{},
	}
}

func (l *ledger) clone() *ledger {
	c := *l
	c.Books, c.Booked, c.Balances = maps.Clone(l.Books), maps.Clone(l.Booked), maps.Clone(l.Balances)
	c.Spend, c.Checkpoints = maps.Clone(l.Spend), maps.Clone(l.Checkpoints)
	return &c
}

func (l *ledger) apply(b sluice.Batch) {
	for _, p := range b.Postings {
		l.Booked[p.Tx.ID] = true
		l.Entries += int64(len(p.Tx.Entries))
		for _, e := range p.Tx.Entries {
			l.Balances[e.Account] = sum(l.Balances[e.Account], e.Amount)
		}
		if p.Event != nil {
			l.Events++
			l.Spend[p.Event.Key] = sum(l.Spend[p.Event.Key], p.Event.Charge.Amount())
		}
	}
	for _, c := range b.Checkpoints {
		l.Checkpoints[c.CallID] = c
	}
	for _, id := range b.Closed {
		delete(l.Checkpoints, id)
	}
}

// sum adds amounts that are far from the limits.
func sum(a, b sluice.Amount) sluice.Amount {
	c, err := a.Add(b)
	if err != nil {
		panic(err)
	}
	return c
}

// readLedger reads the store, which must verify, and looks the transactions and
// price books of want up in it.
func readLedger(ctx context.Context, db *store.DB, want *ledger) (*ledger, error) {
	report, err := db.Verify(ctx)
	if err != nil {
		return nil, err
	}
	if !report.OK() {
		return nil, fmt.Errorf("the books do not hold: %+v", report.Violations)
	}
	l := newLedger()
	l.Entries, l.Events = report.Entries, report.Events
	accounts, err := db.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range accounts {
		l.Balances[a.AccountID] = a.Balance
	}
	checkpoints, err := db.Checkpoints(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range checkpoints {
		l.Checkpoints[c.CallID] = c
	}
	if l.Spend, err = db.KeySpend(ctx); err != nil {
		return nil, err
	}
	books, err := db.Books(ctx)
	if err != nil {
		return nil, err
	}
	for _, b := range books {
		if want.Books[b.ID] != "" { // one that was not acknowledged may be there
			l.Books[b.ID] = b.Hash
		}
	}
	l.Booked, err = db.Committed(ctx, slices.Sorted(maps.Keys(want.Booked)))
	return l, err
}

// audit looks below the store: at the pages, and with SQL of its own at what
// would be worst.
func audit(vfs string) error {
	db, err := sql.Open("sqlite", "file:ledger.db?mode=ro&vfs="+vfs)
	if err != nil {
		return err
	}
	defer db.Close()
	var integrity string
	if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&integrity); err != nil || integrity != "ok" {
		return fmt.Errorf("integrity check: %s, %v", integrity, err)
	}
	// Amounts are small enough here for their sum in pico to fit.
	for what, query := range map[string]string{
		"transactions that are not in balance": `SELECT count(*) FROM (SELECT 1 FROM entry JOIN account ON account.id = entry.account
			GROUP BY entry.tx, account.currency HAVING sum(entry.nano * 1000 + entry.carry) <> 0)`,
		"accounts that are not the sum of their entries": `SELECT count(*) FROM account WHERE nano * 1000 + carry <>
			(SELECT coalesce(sum(nano * 1000 + carry), 0) FROM entry WHERE entry.account = account.id)`,
		"ids that are booked twice": `SELECT count(*) - count(DISTINCT id) FROM tx`,
		"wallets below zero":        `SELECT count(*) FROM account WHERE kind IN ('prepaid', 'promotional') AND nano < 0`,
	} {
		var n int
		if err := db.QueryRow(query).Scan(&n); err != nil || n != 0 {
			return fmt.Errorf("audit: %d %s, %v", n, what, err)
		}
	}
	return nil
}
