package billing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice"
)

// inSpool returns how many whole lines the spool has, and whether it is there.
func inSpool(t testing.TB, path string) (lines int, there bool) {
	t.Helper()
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, false
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range text {
		if c == '\n' {
			lines++
		}
	}
	return lines, true
}

// Without a spool whoever settles waits until the store is back.
func TestAwayWithoutSpool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newMemory()
		l := start(t, s, Options{})
		fund(t, l, 100)
		mustHold(t, l, "call_1", 10)
		s.set(func(s *memory) { s.away = true })
		settled := make(chan error, 1)
		go func() {
			_, err := l.Settle(t.Context(), event("call_1", 10))
			settled <- err
		}()
		time.Sleep(time.Hour)
		select {
		case err := <-settled:
			t.Fatalf("settled while the store was away: %v", err)
		default:
		}
		wantBalance(t, l, 90, 0) // the money is gone for others
		s.set(func(s *memory) { s.away = false })
		back := time.Now()
		if err := <-settled; err != nil {
			t.Error(err)
		}
		if late := time.Since(back); late > longestPause {
			t.Errorf("noticed that the store is back after %v", late)
		}
	})
}

// With a spool calls end as usual while the store is away, and reach it as
// soon as it is back, though nothing else happens. A payment waits for the store.
func TestAwayWithSpool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newMemory()
		path := filepath.Join(t.TempDir(), "spool")
		l := start(t, s, Options{Spool: path})
		fund(t, l, 100)
		for n := range 3 {
			mustHold(t, l, callID(n), 10)
		}
		paid := make(chan error, 2)
		hang := make(chan struct{})
		s.set(func(s *memory) { s.hang = hang })
		go func() { paid <- l.Post(t.Context(), payment("tx_1", org, 50)) }()
		synctest.Wait() // it has been looked up and is being committed
		s.set(func(s *memory) { s.away, s.hang = true, nil })
		close(hang)

		begun := time.Now()
		mustSettle(t, l, callID(0), 10)
		if took := time.Since(begun); took > time.Second {
			t.Errorf("the first call took %v to settle", took)
		}
		begun = time.Now()
		l.Extend(callID(2), 0, event(callID(2), 5))
		mustSettle(t, l, callID(1), 10)
		if took := time.Since(begun); took > 0 {
			t.Errorf("while the store was known to be away a call took %v to settle", took)
		}
		wantBalance(t, l, 70, 10) // nothing of the payment
		if lines, _ := inSpool(t, path); lines < 2 {
			t.Errorf("the spool has %d lines", lines)
		}
		if s.count(s.events) != 0 {
			t.Error("the store has events")
		}
		if err := l.Post(t.Context(), payment("tx_2", org, 50)); !errors.Is(err, errAway) {
			t.Errorf("another payment: %v", err)
		}
		time.Sleep(time.Minute)
		s.set(func(s *memory) { s.away = false })
		time.Sleep(longestPause)
		synctest.Wait()
		if _, there := inSpool(t, path); there {
			t.Error("the spool is still there")
		}
		if err := <-paid; err != nil {
			t.Error(err)
		}
		wantBalance(t, l, 120, 10)
		if s.count(s.events) != 2 || s.count(s.checkpoints) != 1 {
			t.Errorf("the store has %d events and %d checkpoints", s.count(s.events), s.count(s.checkpoints))
		}
		l.Release(callID(2))
	})
}

// What a long absence left in the spool reaches a slow store all the same: not
// line by line, and without a limit on the time of all of it.
func TestLongAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newMemory()
		path := filepath.Join(t.TempDir(), "spool")
		l := start(t, s, Options{Spool: path})
		fund(t, l, 1000)
		s.set(func(s *memory) { s.away = true })
		const calls = 2 * storeTimeout / time.Second
		for n := range int(calls) {
			mustHold(t, l, callID(n), 10)
			l.Extend(callID(n), 0, event(callID(n), 1))
			l.Extend(callID(n), 0, event(callID(n), 5))
			mustSettle(t, l, callID(n), 10)
		}
		if lines, _ := inSpool(t, path); lines < int(calls)/2 {
			t.Fatalf("the spool has only %d lines", lines)
		}
		s.set(func(s *memory) { s.away, s.slow = false, time.Second })
		time.Sleep(2 * storeTimeout)
		synctest.Wait()
		if _, there := inSpool(t, path); there {
			t.Error("the spool is still there")
		}
		if n, open := s.count(s.events), s.count(s.checkpoints); n != int(calls) || open != 0 {
			t.Errorf("the store has %d events and %d checkpoints, want %d and none", n, open, int(calls))
		}
	})
}

// What is in the spool when the server ends is booked when it begins again.
func TestSpoolOverRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newMemory()
		path := filepath.Join(t.TempDir(), "spool")
		l := start(t, s, Options{Spool: path})
		fund(t, l, 100)
		mustHold(t, l, "call_1", 10)
		hang := make(chan struct{})
		s.set(func(s *memory) { s.hang = hang })
		paid := make(chan error, 1)
		go func() { paid <- l.Post(t.Context(), payment("tx_1", org, 50)) }()
		synctest.Wait()
		s.set(func(s *memory) { s.away, s.hang = true, nil })
		close(hang)
		mustSettle(t, l, "call_1", 10)
		l.Close() // does not wait for the store
		wantCode(t, <-paid, sluice.CodeUnavailable)

		s.away = false
		for range 2 {
			l = start(t, s, Options{Spool: path})
			wantBalance(t, l, 90, 0)
			if spent := l.Spent(key); spent.Nano != 10 {
				t.Errorf("the key spent %s", spent)
			}
			l.Close()
		}
		if _, there := inSpool(t, path); there {
			t.Error("the spool is still there")
		}
	})
}

// A commit that was durable though it was reported as failed books once.
func TestAmbiguousCommits(t *testing.T) {
	for _, spooled := range []bool{false, true} {
		t.Run(fmt.Sprintf("spool=%t", spooled), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newMemory()
				opt := Options{}
				if spooled {
					opt.Spool = filepath.Join(t.TempDir(), "spool")
				}
				l := start(t, s, opt)
				fund(t, l, 100)
				mustHold(t, l, "call_1", 10)
				mustHold(t, l, "call_2", 10)
				l.Extend("call_2", 0, event("call_2", 5))
				synctest.Wait()
				s.set(func(s *memory) { s.ambiguous = 1 })
				mustSettle(t, l, "call_1", 10)
				s.set(func(s *memory) { s.ambiguous = 1 })
				fund(t, l, 50)
				s.set(func(s *memory) { s.ambiguous = 1 })
				mustSettle(t, l, "call_2", 10)
				time.Sleep(time.Minute)
				wantBalance(t, l, 130, 0)
				if s.count(s.checkpoints) != 0 {
					t.Error("a checkpoint is left")
				}
				l.Close()
				l = start(t, s, opt)
				wantBalance(t, l, 130, 0)
			})
		})
	}
}

// A store whose every second commit is ambiguous, then away for a while, under
// many calls at once: each is booked once.
func TestAmbiguousUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newMemory()
		opt := Options{Spool: filepath.Join(t.TempDir(), "spool")}
		l := start(t, s, opt)
		fund(t, l, 1_000_000)
		var wg sync.WaitGroup
		for n := range 500 {
			wg.Go(func() {
				time.Sleep(time.Duration(n) * 20 * time.Millisecond)
				mustHold(t, l, callID(n), 100)
				l.Extend(callID(n), 1000, event(callID(n), 50))
				mustSettle(t, l, callID(n), 100)
			})
		}
		for n := range 10 {
			time.Sleep(time.Second)
			s.set(func(s *memory) { s.ambiguous, s.away = 2, n%3 == 2 })
		}
		wg.Wait()
		s.set(func(s *memory) { s.ambiguous, s.away = 0, false })
		l.Close()
		l = start(t, s, opt)
		wantBalance(t, l, 1_000_000-500*100, 0)
		if s.count(s.events) != 500 || s.count(s.checkpoints) != 0 {
			t.Errorf("%d events, %d checkpoints", s.count(s.events), s.count(s.checkpoints))
		}
	})
}

// A store that hangs counts as away after storeTimeout.
func TestStoreHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newMemory()
		l := start(t, s, Options{Spool: filepath.Join(t.TempDir(), "spool")})
		fund(t, l, 100)
		mustHold(t, l, "call_1", 10)
		hang := make(chan struct{})
		s.set(func(s *memory) { s.hang = hang })
		begun := time.Now()
		mustSettle(t, l, "call_1", 10)
		if took := time.Since(begun); took < storeTimeout || took > 10*storeTimeout {
			t.Errorf("settled after %v", took)
		}
		s.set(func(s *memory) { s.hang = nil })
		time.Sleep(time.Minute)
		if s.count(s.events) != 1 {
			t.Error("the store has not got the call")
		}
	})
}

// A store that refuses what memory allowed stops the ledger.
func TestDisagreement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newMemory()
		l := start(t, s, Options{})
		fund(t, l, 100)
		mustHold(t, l, "call_1", 10)
		mustHold(t, l, "call_2", 85)
		waiting := ask(t.Context(), l, request("call_3", 50, 1))
		s.set(func(s *memory) { s.refuse = sluice.Errorf(sluice.CodeInsufficientFunds, "overdrawn") })
		_, err := l.Settle(t.Context(), event("call_1", 10))
		wantCode(t, err, sluice.CodeUnavailable)
		wantCode(t, waiting().err, sluice.CodeUnavailable)
		_, err = l.Hold(t.Context(), request("call_4", 1, 1))
		wantCode(t, err, sluice.CodeUnavailable)
		wantCode(t, l.Post(t.Context(), payment("tx_1", org, 1)), sluice.CodeUnavailable)
		if got := l.Extend("call_2", 1, event("call_2", 1)); got != 0 {
			t.Errorf("extended by %d", got)
		}
		l.Release("call_2")
	})
}

// broken is a store that fails while it is switched off, before or after it did
// what it was asked for.
type broken struct {
	Store
	mu     sync.Mutex
	failed int
	fail   func(n int) (before, after bool) // of the n-th commit
}

func (b *broken) Commit(ctx context.Context, batch sluice.Batch) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	before, after := b.fail(b.failed)
	if before || after {
		b.failed++
	}
	if before {
		return errAway
	}
	err := b.Store.Commit(ctx, batch)
	if err == nil && after {
		return errAway
	}
	return err
}

// The same on SQLite: commits fail before and after they were made, calls go
// to the spool, and the books are right in the end.
func TestAwayOnSQLite(t *testing.T) {
	db := sqliteStore(t)
	b := &broken{Store: db, fail: func(int) (bool, bool) { return false, false }}
	opt := Options{Spool: filepath.Join(t.TempDir(), "spool")}
	l := start(t, b, opt)
	fund(t, l, 1_000_000)
	b.mu.Lock()
	b.fail = func(n int) (before, after bool) { return n < 12 && n%3 != 0, n < 12 && n%3 == 0 }
	b.mu.Unlock()
	var wg sync.WaitGroup
	for n := range 200 {
		wg.Go(func() {
			mustHold(t, l, callID(n), 100)
			l.Extend(callID(n), 100_000, event(callID(n), 50))
			mustSettle(t, l, callID(n), 100)
		})
	}
	wg.Wait()
	l.Close()
	l = start(t, db, opt)
	wantBalance(t, l, 1_000_000-200*100, 0)
	if n := len(events(t, db)); n != 200 {
		t.Errorf("%d events are booked, want 200", n)
	}
	wantVerified(t, db)
}

func batch(n int) sluice.Batch {
	ev := event(callID(n), 10)
	ev.Charge = ev.List
	ev.FirstAt = time.Unix(1, 123456789).UTC()
	tx := sluice.Tx{ID: ev.CallID, Kind: sluice.TxUsage, At: ev.EndedAt, Entries: []sluice.Entry{
		{Account: sluice.AccountID{Owner: org, Kind: sluice.AccountPrepaid, Currency: usd}, Amount: sluice.Amount{Nano: -11, Carry: 1}},
		{Account: sluice.AccountID{Owner: sluice.Operator, Kind: sluice.AccountRevenueAPI, Currency: usd}, Amount: sluice.Amount{Nano: 10, Carry: 999}},
	}}
	return sluice.Batch{Postings: []sluice.Posting{{Tx: tx, Event: &ev}}, Checkpoints: []sluice.Event{ev}, Closed: []string{"call_x"}}
}

// Half a last line, as a crash leaves it, is dropped; so is what a failed write
// left, even when the next line is shorter.
func TestSpoolHalfLine(t *testing.T) {
	s := spool{path: filepath.Join(t.TempDir(), "spool")}
	for n := range 2 {
		if err := s.append(batch(n)); err != nil {
			t.Fatal(err)
		}
	}
	scribble := func(end string) {
		f, err := os.OpenFile(s.path, os.O_APPEND|os.O_WRONLY, 0)
		if err == nil {
			_, err = fmt.Fprintf(f, `{"Postings":[%010000d%s`, 0, end)
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	scribble("\n") // a whole line, whose sync failed
	if err := s.append(batch(2)); err != nil {
		t.Fatal(err)
	}
	scribble("")
	var got []sluice.Batch
	read := func(b sluice.Batch) error {
		got = append(got, b)
		return nil
	}
	after := spool{path: s.path} // of the next process
	if err := after.replay(1, read); err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 {
		t.Fatalf("%d batches came back, want 3", len(got))
	}
	for n, b := range got {
		if diff := cmp.Diff(b, batch(n)); diff != "" {
			t.Errorf("batch %d came back changed: %s", n, diff)
		}
	}
	if err := after.replay(1, read); err != nil || len(got) != 3 {
		t.Errorf("replayed again: %v, %d batches", err, len(got))
	}
}

// A replay that is broken off keeps the spool.
func TestSpoolReplayFails(t *testing.T) {
	s := spool{path: filepath.Join(t.TempDir(), "spool")}
	for n := range 3 {
		if err := s.append(batch(n)); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for try := range 2 {
		err := s.replay(1, func(sluice.Batch) error {
			if n++; n%2 == 0 {
				return errAway
			}
			return nil
		})
		if !errors.Is(err, errAway) {
			t.Errorf("try %d: %v", try, err)
		}
	}
	if lines, _ := inSpool(t, s.path); lines != 3 {
		t.Errorf("%d lines are left, want 3", lines)
	}
}

// A spool with a broken line in its middle is not skipped over.
func TestSpoolDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spool")
	if err := os.WriteFile(path, []byte("{\n{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), newMemory(), Options{Spool: path, Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		t.Error("opened with a damaged spool")
	}
	if _, there := inSpool(t, path); !there {
		t.Error("the damaged spool was removed")
	}
}

// A spool that cannot be written keeps calls waiting, and new ones out.
func TestSpoolAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newMemory()
		l := start(t, s, Options{Spool: filepath.Join(t.TempDir(), "missing", "spool")})
		fund(t, l, 100)
		mustHold(t, l, "call_1", 10)
		s.set(func(s *memory) { s.away = true })
		settled := make(chan error, 1)
		go func() {
			_, err := l.Settle(t.Context(), event("call_1", 10))
			settled <- err
		}()
		time.Sleep(time.Minute)
		select {
		case err := <-settled:
			t.Fatalf("settled from nowhere: %v", err)
		default:
		}
		if _, err := l.Hold(t.Context(), request("call_2", 10, 10)); sluice.CodeOf(err) != sluice.CodeUnavailable {
			t.Errorf("a call is let in that could not end: %v", err)
		}
		s.set(func(s *memory) { s.away = false })
		if err := <-settled; err != nil {
			t.Error(err)
		}
		mustHold(t, l, "call_2", 10)
		l.Release("call_2")
	})
}
