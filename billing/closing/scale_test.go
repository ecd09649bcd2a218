//go:build unix

package closing_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice"
	"sluice/billing/closing"
	"sluice/money/invoice"
	"sluice/money/statement"
	"sluice/money/whatif"
	"sluice/store"
	"sluice/store/storetest"
	"sluice/store/storetest/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// scaleEvents is how many calls TestScale's day has; `make scale` sets it.
const scaleEvents = "SLUICE_SCALE_EVENTS"

// TestScale closes a day of many calls, opens its statement and rates it again,
// and says how long each took. Without scaleEvents it is a small day.
func TestScale(t *testing.T) {
	calls := int64(20_000)
	if raced {
		calls = 4_000
	}
	if text := os.Getenv(scaleEvents); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		calls = n
	}
	t.Run("SQLite", func(t *testing.T) { scale(t, "sqlite:"+filepath.Join(t.TempDir(), "ledger.db"), calls) })
	t.Run("PostgreSQL", func(t *testing.T) {
		c, err := pgx.ParseConfig(pgtest.Start(t))
		if err != nil {
			t.Fatal(err)
		}
		u := url.URL{Scheme: "postgres", User: url.User(c.User), Path: "/" + c.Database, RawQuery: url.Values{"host": {c.Host}, "sslmode": {"disable"}}.Encode()}
		scale(t, u.String(), calls)
	})
}

// watch measures one step: how long it took, and how much of a processor this
// process used, and those that it started: PostgreSQL's server, where Linux tells.
func watch(t *testing.T, what string, do func()) {
	t.Helper()
	var before, after syscall.Rusage
	serving := servers()
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	begin := time.Now()
	do()
	took := time.Since(begin)
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	used := time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
	t.Logf("%-44s %12s  processor %12s, of the server %s", what, took.Round(time.Millisecond), used.Round(time.Millisecond), servers()-serving)
}

// servers returns what the processes below this one have used of a processor.
func servers() (sum time.Duration) {
	const tick = 10 * time.Millisecond // of Linux's /proc, on all that Go knows
	parents, used := map[int]int{}, map[int]time.Duration{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		text, _ := os.ReadFile(file)
		_, rest, _ := strings.Cut(string(text), ") ") // behind the name
		f := strings.Fields(rest)
		if len(f) < 15 {
			continue // it has ended
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		parents[pid], _ = strconv.Atoi(f[1])
		for _, field := range f[11:15] { // its own time, and that of the ended ones below it
			n, _ := strconv.ParseInt(field, 10, 64)
			used[pid] += time.Duration(n) * tick
		}
	}
	for pid := range used {
		for above := parents[pid]; above > 0; above = parents[above] {
			if above == os.Getpid() {
				sum += used[pid]
				break
			}
		}
	}
	return sum
}

func scale(t *testing.T, dsn string, calls int64) {
	day := start()
	watch(t, "fill (not part of closing)", func() { storetest.FillDay(t, dsn, day, calls) })
	measure(t, dsn, calls)
}

// measure measures a store that is filled.
func measure(t *testing.T, dsn string, calls int64) {
	day := start()
	db, err := store.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	now := day.Add(23*time.Hour + 10*time.Minute)
	s := closing.New(closing.Options{
		Hours: db, Days: db, Notes: db, Invoices: db, Flush: func(context.Context) error { return nil }, Now: func() time.Time { return now },
	})
	ctx := t.Context()
	seal := func(want int) {
		if n, err := s.SealDue(ctx, nil); err != nil || n != want {
			t.Fatal(n, err)
		}
	}
	stop := settle(t, db, day.AddDate(0, 0, 1).Add(time.Minute))
	watch(t, "seal 23 hours from nothing", func() { seal(23) })
	stop()
	now = now.Add(time.Hour)
	watch(t, "seal the last hour", func() { seal(1) })
	invoiceAll(t, db, day.AddDate(0, 0, 1))
	var closed *closing.Day
	watch(t, "compare, with the invoices, and close", func() {
		if closed, err = s.Close(ctx, monday, "scale"); err != nil {
			t.Fatal(err)
		}
	})
	if n, _ := charged(closed); n != calls {
		t.Fatalf("closed with %d calls", n)
	}
	pool := func(string) (string, statement.Segment) { return "pool", statement.SegmentAPI }
	for _, what := range []string{"open the statement", "open the statement, again"} {
		watch(t, what, func() {
			rows, entries, err := db.StatementRows(ctx, day, day.AddDate(0, 0, 1), pool)
			if err != nil {
				t.Fatal(err)
			}
			reach, err := db.Reach(ctx, day, day.AddDate(0, 0, 1))
			if err != nil {
				t.Fatal(err)
			}
			st, err := statement.Make(&statement.Input{Currency: "USD", From: day, To: day.AddDate(0, 0, 1), Rows: rows, Entries: entries, Reach: &reach})
			if err != nil || st.Total.Calls != calls {
				t.Fatal(err)
			}
		})
	}
	watch(t, "receipt of a call", func() {
		if _, err := s.Receipt(ctx, "", "call_00000000000000001000000007"); err != nil {
			t.Fatal(err)
		}
	})
	rerate(t, db, calls, closed.Sums[0].Charge)
	watch(t, "audit: every row, and every copy", func() {
		if faults, err := s.Audit(ctx, time.Time{}, time.Time{}, false); err != nil || len(faults) > 0 {
			t.Fatal(faults, err)
		}
	})
}

// invoiceAll issues an invoice of each organisation with all that ended before an
// instant, as it would be made of the calls: as the sums of hours have it.
func invoiceAll(t *testing.T, db *store.DB, until time.Time) {
	t.Helper()
	p, err := db.SealPoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var claims []invoice.Claim
	for i := range storetest.DayOrganisations {
		claims = append(claims, invoice.Claim{Org: fmt.Sprintf("org_%026d", 1000+i), Window: invoice.Window{Until: until, Cutoff: p.Cutoff}})
	}
	totals, err := db.InvoiceTotals(t.Context(), claims)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range claims {
		if len(totals[i].Parts) != 1 {
			t.Fatalf("%s has %+v", c.Org, totals[i])
		}
		d := &invoice.Invoice{ID: fmt.Sprint("inv_", i), Kind: invoice.KindInvoice, Org: c.Org, Period: "2026-11", Until: until, Zone: "UTC", Currency: "USD", Window: c.Window, IssuedAt: until.Add(time.Hour), Drawn: totals[i].Drawn}
		for part, a := range totals[i].Parts {
			l := invoice.Line{Segment: part.Segment, Model: part.Model, Exact: a}
			if l.Amount, err = invoice.Round(a, 2); err != nil {
				t.Fatal(err)
			}
			d.Lines = append(d.Lines, l)
			d.Exact, d.Sum, d.Total = l.Exact, l.Amount, l.Amount
		}
		d.Rounding, _ = d.Sum.Sub(d.Exact)
		d.Due, _ = d.Exact.Sub(d.Drawn)
		if err := db.IssueInvoices(t.Context(), 2026, []*invoice.Invoice{d}, []string{""}); err != nil {
			t.Fatal(err)
		}
	}
}

// settle commits one call after another, which ended at the instant, until it is
// stopped, and then says how long they took.
func settle(t *testing.T, db *store.DB, at time.Time) (stop func()) {
	var took []time.Duration
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	wait.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			id := fmt.Sprintf("call_meanwhile_%d", n)
			begin := time.Now()
			err := db.Commit(t.Context(), sluice.Batch{Postings: []sluice.Posting{{
				Tx:    sluice.Tx{ID: id, Kind: sluice.TxUsage, At: at},
				Event: &sluice.Event{CallID: id, Org: "org_1", Key: "key_1", Model: "model-0", Engine: "eng_1", AdmittedAt: at, EndedAt: at, Status: sluice.StatusCompleted, Currency: "USD"},
			}}})
			if err != nil {
				t.Error(err)
				return
			}
			took = append(took, time.Since(begin))
			time.Sleep(5 * time.Millisecond)
		}
	})
	return func() {
		cancel()
		wait.Wait()
		slices.Sort(took)
		t.Logf("%-44s %12s  p50, %s p99, %s at most (%d)", "a commit meanwhile", took[len(took)/2].Round(time.Microsecond), took[len(took)*99/100].Round(time.Microsecond), took[len(took)-1].Round(time.Microsecond), len(took))
	}
}

// rerate rates the whole day under the book that billed it: what was billed comes
// out. Then it is broken off in its middle.
func rerate(t *testing.T, db *store.DB, calls int64, billed sluice.Amount) {
	books, err := db.Books(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, err := whatif.New(whatif.Scenario{}, books)
	if err != nil {
		t.Fatal(err)
	}
	var told atomic.Int64
	var result whatif.Result
	watch(t, "rate the day again", func() {
		result, err = closing.Rerate(t.Context(), db, r, start(), start().AddDate(0, 0, 1), func(done, _ int64) { told.Store(max(told.Load(), done)) })
		if err != nil {
			t.Fatal(err)
		}
	})
	var sum sluice.Amount
	var n int64
	for _, totals := range result {
		n += totals.Calls
		if sum, err = sum.Add(totals.ChargeAfter); err != nil {
			t.Fatal(err)
		}
	}
	if n != calls || sum != billed || told.Load() < calls {
		t.Errorf("%d calls come to %s, billed was %s; progress said %d", n, sum, billed, told.Load())
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var seen atomic.Int64
	err = db.ScanEvents(ctx, start(), start().AddDate(0, 0, 1), nil, func() func(*sluice.Event) error {
		return func(*sluice.Event) error {
			if seen.Add(1) == calls/10 {
				cancel()
			}
			return nil
		}
	})
	if !errors.Is(err, context.Canceled) || seen.Load() == calls {
		t.Errorf("broken off after %d: %v", seen.Load(), err)
	}
}
