package closing_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"sluice"
	"sluice/billing/closing"
	"sluice/money/seal"
	"sluice/store"
)

// monday is the day that most tests close.
const monday = "2026-11-16"

func start() time.Time { return time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC) }

// world is a store with what closes its books, and a clock.
type world struct {
	*closing.Service
	store *store.DB
	calls int

	mu    sync.Mutex
	now   time.Time
	flush error
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	return openWorld(tb, filepath.Join(tb.TempDir(), "ledger.db"))
}

func openWorld(tb testing.TB, path string) *world {
	tb.Helper()
	db, err := store.Open(context.Background(), "sqlite:"+path+"?_pragma=synchronous(off)")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	w := &world{store: db, now: start()}
	w.Service = closing.New(closing.Options{Hours: db, Days: db, Notes: db, Flush: func(context.Context) error { return w.flush }, Now: w.clock})
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// tester is what *testing.T and *rapid.T share.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// book books calls that ended at the instants, each charged 1500 pico.
func (w *world) book(t tester, ended ...time.Time) (ids []string) {
	t.Helper()
	var b sluice.Batch
	clearing := sluice.AccountID{Owner: sluice.Operator, Kind: sluice.AccountClearing, Currency: "USD"}
	for _, at := range ended {
		w.calls++
		id := fmt.Sprintf("call_%05d", w.calls)
		ids = append(ids, id)
		org := fmt.Sprint("org_", w.calls%3)
		wallet := sluice.AccountID{Owner: org, Kind: sluice.AccountPrepaid, Currency: "USD"}
		revenue := sluice.AccountID{Owner: sluice.Operator, Kind: sluice.AccountRevenueAPI, Currency: "USD"}
		b.Postings = append(b.Postings,
			sluice.Posting{Tx: sluice.Tx{ID: "tx_" + id, Kind: sluice.TxPayment, At: at, Entries: []sluice.Entry{{Account: clearing, Amount: sluice.Amount{Nano: -2}}, {Account: wallet, Amount: sluice.Amount{Nano: 2}}}}},
			sluice.Posting{
				Tx: sluice.Tx{ID: id, Kind: sluice.TxUsage, At: at, Entries: []sluice.Entry{{Account: wallet, Amount: sluice.Amount{Nano: -2, Carry: 500}}, {Account: revenue, Amount: sluice.Amount{Nano: 1, Carry: 500}}}},
				Event: &sluice.Event{
					CallID: id, Org: org, Key: "key_" + org, Model: "glm", Engine: "eng_1", AdmittedAt: at.Add(-time.Second), EndedAt: at, Status: sluice.StatusCompleted,
					Usage: sluice.Usage{100, 20, 0, 30}, Currency: "USD", Book: "book_1", List: 1500, Charge: 1500,
				},
			})
	}
	if err := w.store.Commit(context.Background(), b); err != nil {
		t.Fatal(err)
	}
	return ids
}

// pass lets time pass and seals what is due.
func (w *world) pass(t tester, to time.Time) {
	t.Helper()
	w.mu.Lock()
	w.now = to
	w.mu.Unlock()
	if _, err := w.SealDue(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
}

// whole checks both chains and every row.
func (w *world) whole(t tester) {
	t.Helper()
	faults, err := w.Audit(context.Background(), time.Time{}, time.Time{}, false)
	if err != nil || len(faults) > 0 {
		t.Fatalf("faults %+v, %v", faults, err)
	}
}

func wants(t *testing.T, what string, err error, code sluice.Code, contains string) {
	t.Helper()
	if sluice.CodeOf(err) != code || err != nil && !strings.Contains(err.Error(), contains) {
		t.Errorf("%s: %v, want %s with %q", what, err, code, contains)
	}
}

// charged is what a day's calls come to.
func charged(d *closing.Day) (calls int64, amount string) {
	if len(d.Sums) == 0 {
		return 0, "0.00"
	}
	return d.Sums[0].Events, d.Sums[0].Charge.String()
}

func TestHoursAreSealedOnceTheyAreOver(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.pass(t, start())
	if h, err := w.Head(ctx); err != nil || !h.Hash.IsZero() {
		t.Errorf("nothing was booked: %+v, %v", h, err)
	}
	id := w.book(t, start().Add(59*time.Minute))[0]
	w.pass(t, start().Add(time.Hour+4*time.Minute))
	_, err := w.Receipt(ctx, "", id)
	wants(t, "within the grace", err, sluice.CodeConflict, "not sealed")
	w.flush = errors.New("the store is away")
	w.now = start().Add(time.Hour + 6*time.Minute)
	if _, err := w.SealDue(ctx, nil); !errors.Is(err, w.flush) {
		t.Errorf("sealed while calls are on their way: %v", err)
	}
	w.flush = nil
	w.pass(t, start().Add(time.Hour+6*time.Minute))
	r, err := w.Receipt(ctx, "org_1", id)
	if err != nil {
		t.Fatal(err)
	}
	h, err := w.Head(ctx)
	if err != nil || r.Verify(h.Hash) != nil || !h.Hour.Equal(start()) {
		t.Errorf("head %+v, receipt %v, %v", h, r.Verify(h.Hash), err)
	}
	w.pass(t, start().Add(100*time.Hour)) // more than one pass takes
	again, err := w.Receipt(ctx, "org_1", id)
	if err != nil || again.Verify(h.Hash) != nil || len(again.Links) != 98 {
		t.Errorf("%d links, %v", len(again.Links), err)
	}
	_, err = w.Receipt(ctx, "org_2", id)
	wants(t, "another's call", err, sluice.CodeNotFound, "")
	w.whole(t)
}

func TestDayClosesOnceAllAgrees(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.book(t, start().Add(time.Minute), start().Add(5*time.Hour), start().Add(23*time.Hour+59*time.Minute))
	w.pass(t, start().Add(20*time.Hour))
	_, err := w.Close(ctx, monday, "me")
	wants(t, "before it is over", err, sluice.CodeConflict, "of its 24 hours")
	_, err = w.Close(ctx, "monday", "me")
	wants(t, "no day", err, sluice.CodeInvalid, "not a day such")
	w.pass(t, start().Add(25*time.Hour))
	counters := []seal.Counter{{Engine: "eng_1", Hour: start(), Prompt: 120, Completion: 30}, {Engine: "eng_1", Hour: start().Add(5 * time.Hour), Prompt: 130, Completion: 31}}
	if err := w.Count(ctx, counters); err != nil {
		t.Fatal(err)
	}
	wants(t, "half an hour", w.Count(ctx, []seal.Counter{{Engine: "e", Hour: start().Add(time.Minute)}}), sluice.CodeInvalid, "whole hour")
	_, err = w.Close(ctx, monday, "me")
	wants(t, "unbilled tokens", err, sluice.CodeConflict, "engine:eng_1")
	d, err := w.Day(ctx, monday)
	i := slices.IndexFunc(d.Checks, func(c seal.Check) bool { return c.Subject == "engine:eng_1" })
	if err != nil || d.Checks[i].Difference != "10 + 1 unbilled tokens" {
		t.Errorf("%+v, %v", d.Checks, err)
	}
	_, err = w.Explain(ctx, monday, "zero_sum:USD", "so it is", "me")
	wants(t, "what agrees", err, sluice.CodeNotFound, "")
	_, err = w.Explain(ctx, monday, "engine:eng_1", " ", "me")
	wants(t, "without why", err, sluice.CodeInvalid, "why")
	if _, err := w.Explain(ctx, monday, "engine:eng_1", "warm-up", "me"); err != nil {
		t.Fatal(err)
	}
	if err := w.Count(ctx, counters[:1]); err != nil {
		t.Fatal(err)
	}
	counters[1].Prompt++ // another difference needs another note
	if err := w.Count(ctx, counters[1:]); err != nil {
		t.Fatal(err)
	}
	_, err = w.Close(ctx, monday, "me")
	wants(t, "another difference", err, sluice.CodeConflict, "engine:eng_1")
	if _, err := w.Explain(ctx, monday, "engine:eng_1", "warm-up, again", "me"); err != nil {
		t.Fatal(err)
	}
	d, err = w.Close(ctx, monday, "me")
	if err != nil || d.State != "closed" || len(d.Closes) != 1 || len(d.Closes[0].Notes) != 2 {
		t.Fatalf("%+v, %v", d, err)
	}
	if calls, amount := charged(d); calls != 3 || amount != "0.0000000045" {
		t.Errorf("%d calls, charged %s", calls, amount)
	}
	_, err = w.Close(ctx, monday, "me")
	wants(t, "twice", err, sluice.CodeConflict, "is closed")
	w.whole(t)
}

// TestUnknownEngine: what an engine counted is not known, and blocks nothing.
func TestUnknownEngine(t *testing.T) {
	w := newWorld(t)
	w.book(t, start())
	w.pass(t, start().Add(25*time.Hour))
	d, err := w.Close(t.Context(), monday, "me")
	if err != nil {
		t.Fatal(err)
	}
	if c := d.Checks[len(d.Checks)-1]; c.Subject != "engine:eng_1" || !c.Unknown || c.Left != "120 + 30" || c.Right != "" {
		t.Errorf("%+v", c)
	}
}

// TestReopen closes a day, opens it for a call that came late, and closes it
// again: the call is in it then, in no other day, and both records stand.
func TestReopen(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.book(t, start().Add(time.Hour))
	w.pass(t, start().Add(25*time.Hour))
	_, err := w.Reopen(ctx, monday, "me", "why not")
	wants(t, "a day that is open", err, sluice.CodeConflict, "not closed")
	first, err := w.Close(ctx, monday, "me")
	if err != nil {
		t.Fatal(err)
	}
	late := w.book(t, start().Add(2*time.Hour), start().Add(26*time.Hour))[0]
	w.pass(t, start().Add(50*time.Hour))
	r, err := w.Receipt(ctx, "", late)
	if err != nil || !r.Seal.Hour.Equal(start().Add(25*time.Hour-time.Hour)) || r.Seal.Late != 2 { // the call, and its payment
		t.Fatalf("sealed in %+v, %v", r.Seal, err)
	}
	_, err = w.Reopen(ctx, monday, "me", "")
	wants(t, "without why", err, sluice.CodeInvalid, "why")
	if _, err := w.Reopen(ctx, monday, "me", "a call came late"); err != nil {
		t.Fatal(err)
	}
	second, err := w.Close(ctx, monday, "me")
	if err != nil {
		t.Fatal(err)
	}
	if calls, _ := charged(second); calls != 2 || len(second.Closes) != 3 || second.Closes[2].Revision != 2 || !reflect.DeepEqual(second.Closes[0], first.Closes[0]) {
		t.Errorf("closed again: %+v", second)
	}
	tuesday, err := w.Close(ctx, "2026-11-17", "me")
	if err != nil {
		t.Fatal(err)
	}
	if calls, _ := charged(tuesday); calls != 1 {
		t.Errorf("the day after has %d calls, and one is Monday's", calls)
	}
	w.whole(t)
}

// TestEveryCallIsInOneDay books calls in time and late, closes, opens and closes
// days in any order: each call is in one of the days, heads of before are those
// that receipts of now lead to, and nothing that was sealed has changed.
func TestEveryCallIsInOneDay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	if err := openWorld(t, path).store.Close(); err != nil {
		t.Fatal(err)
	}
	empty, err := os.ReadFile(path) // its schema takes longer to make than the rest
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		if err := os.WriteFile(path, empty, 0o600); err != nil {
			rt.Fatal(err)
		}
		w := openWorld(t, path)
		defer w.store.Close()
		ctx := t.Context()
		now := start()
		var heads []seal.Hash
		var ids []string
		days := []string{monday, "2026-11-17", "2026-11-18"}
		for range rapid.IntRange(3, 14).Draw(rt, "steps") {
			switch rapid.IntRange(0, 4).Draw(rt, "step") {
			case 0, 1:
				back := time.Duration(rapid.IntRange(0, 40).Draw(rt, "hours late")) * time.Hour
				at := now.Add(-back)
				if at.Before(start()) {
					at = start()
				}
				ids = append(ids, w.book(rt, at)...)
			case 2:
				now = now.Add(time.Duration(rapid.IntRange(1, 30).Draw(rt, "hours")) * time.Hour)
				if last := start().Add(72 * time.Hour); now.After(last) {
					now = last
				}
				w.pass(rt, now)
			case 3:
				if _, err := w.Close(ctx, rapid.SampledFrom(days).Draw(rt, "close"), "me"); err != nil && sluice.CodeOf(err) != sluice.CodeConflict {
					rt.Fatal(err)
				}
			case 4:
				if _, err := w.Reopen(ctx, rapid.SampledFrom(days).Draw(rt, "reopen"), "me", "again"); err != nil && sluice.CodeOf(err) != sluice.CodeConflict {
					rt.Fatal(err)
				}
			}
			h, err := w.Head(ctx)
			if err != nil {
				rt.Fatal(err)
			}
			if !h.Hash.IsZero() {
				heads = append(heads, h.Hash)
			}
		}
		w.pass(rt, start().Add(4*24*time.Hour+time.Hour))
		if len(ids) == 0 {
			return
		}
		var calls int64
		for i := range 4 {
			day := start().AddDate(0, 0, i).Format(time.DateOnly)
			d, err := w.Close(ctx, day, "me")
			if sluice.CodeOf(err) == sluice.CodeConflict {
				d, err = w.Day(ctx, day)
			}
			if err != nil || d.Sealed == 24 && d.State != "closed" {
				rt.Fatalf("%s: %+v, %v", day, d, err)
			}
			n, _ := charged(d)
			calls += n
		}
		if calls != int64(len(ids)) {
			rt.Fatalf("%d calls in all days, of %d", calls, len(ids))
		}
		seals, err := w.store.Seals(ctx, time.Time{}, time.Time{})
		if err != nil {
			rt.Fatal(err)
		}
		for _, h := range heads {
			if !slices.ContainsFunc(seals, func(s seal.Seal) bool { return s.Hash == h }) {
				rt.Fatalf("the head %s of before is in no chain", h)
			}
		}
		r, err := w.Receipt(ctx, "", ids[0])
		if err != nil || r.Verify(seals[len(seals)-1].Hash) != nil {
			rt.Fatalf("%v, %v", err, r.Verify(seals[len(seals)-1].Hash))
		}
		w.whole(rt)
	})
}

// TestClosedThrough is how far days are closed without one between that is not.
func TestClosedThrough(t *testing.T) {
	w := newWorld(t)
	for i := range 4 {
		w.book(t, start().Add(time.Duration(i)*24*time.Hour+5*time.Hour))
	}
	w.pass(t, start().Add(100*time.Hour))
	day := func(n int) string { return start().AddDate(0, 0, n).Format(time.DateOnly) }
	through := func(what string, want time.Time) {
		t.Helper()
		if got, err := w.ClosedThrough(t.Context()); err != nil || !got.Equal(want) {
			t.Errorf("%s: %s, %v, want %s", what, got, err, want)
		}
	}
	through("no day", time.Time{})
	for _, step := range []struct {
		close int
		want  time.Time
	}{{1, time.Time{}}, {0, start().AddDate(0, 0, 2)}, {3, start().AddDate(0, 0, 2)}, {2, start().AddDate(0, 0, 4)}} {
		if _, err := w.Close(t.Context(), day(step.close), "me"); err != nil {
			t.Fatal(err)
		}
		through("closed "+day(step.close), step.want)
	}
	if _, err := w.Reopen(t.Context(), day(1), "me", "to look again"); err != nil {
		t.Fatal(err)
	}
	through("opened again", start().AddDate(0, 0, 1))
}

// TestRun seals each hour some minutes after it is over, and ends with its context.
func TestRun(t *testing.T) {
	w := newWorld(t)
	w.book(t, start().Add(30*time.Minute))
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var sealed []time.Duration
		s := closing.New(closing.Options{
			Hours: told{w.store, func() { sealed = append(sealed, time.Since(begin)) }}, Days: w.store, Notes: w.store,
			Flush: func(context.Context) error { return nil }, Now: func() time.Time { return start().Add(time.Since(begin)) },
		})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour+10*time.Minute)
		defer cancel()
		s.Run(ctx)
		if want := []time.Duration{65 * time.Minute, 125 * time.Minute, 185 * time.Minute}; !slices.Equal(sealed, want) {
			t.Errorf("sealed after %v, want %v", sealed, want)
		}
	})
}

// TestClockJumps sets the clock two days ahead, and back some minutes later or not at
// all: what is ahead is not sealed before the clock has held for an hour.
func TestClockJumps(t *testing.T) {
	for _, back := range []bool{true, false} {
		w := newWorld(t)
		w.book(t, start().Add(30*time.Minute))
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			now := func() time.Time {
				passed := time.Since(begin)
				if passed > 90*time.Minute && (!back || passed < 130*time.Minute) {
					passed += 48 * time.Hour
				}
				return start().Add(passed)
			}
			var sealed []time.Duration
			var log strings.Builder
			s := closing.New(closing.Options{
				Hours: told{w.store, func() { sealed = append(sealed, time.Since(begin)) }}, Days: w.store, Notes: w.store, Log: slog.New(slog.NewTextHandler(&log, nil)),
				Flush: func(context.Context) error { return nil }, Now: now,
			})
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Hour+10*time.Minute)
			defer cancel()
			s.Run(ctx)
			want := []time.Duration{65 * time.Minute}
			if back { // seen to have jumped at 125 minutes, and back at 185
				want = append(want, 245*time.Minute, 245*time.Minute, 245*time.Minute)
			} else { // believed at 185 minutes: 48 hours, and those that passed
				for range 2 + 48 {
					want = append(want, 185*time.Minute)
				}
				want = append(want, 245*time.Minute)
			}
			if !slices.Equal(sealed, want) {
				t.Errorf("set back %t: sealed after %v, want %v", back, sealed, want)
			}
			if !strings.Contains(log.String(), "the clock jumped") || !strings.Contains(log.String(), "by=48h0m0s") {
				t.Errorf("it says %q", log.String())
			}
		})
	}
}

// told notes when seals are stored, without a database: no clock runs there.
type told struct {
	closing.Hours
	sealed func()
}

func (h told) PutSeal(ctx context.Context, s *seal.Seal, hour *seal.Hour, floor int64) error {
	h.sealed()
	return h.Hours.PutSeal(ctx, s, hour, floor)
}
