package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice"
	"sluice/money/price"
	"sluice/money/seal"
	"sluice/money/statement"
	"sluice/store"
)

// midnight is the first instant of the day that closes are of.
func midnight() time.Time { return start().Truncate(24 * time.Hour) }

// at is a call that ended at an instant, rated by book_1.
func at(n int, org string, ended time.Time) sluice.Posting {
	p := rated(fmt.Sprintf("call_%03d", n), org, "key_"+org, int64(10+n), int64(n%7))
	p.Tx.At, p.Event.EndedAt = ended, ended
	return p
}

// day books calls of three hours with what else there is: a lot, a correction, a
// plan's call, units beside tokens, a text with the separator of rows in it.
func day(t testing.TB, db *store.DB) {
	t.Helper()
	if err := db.PublishBook(t.Context(), book(t, "book_1")); err != nil {
		t.Fatal(err)
	}
	lot := &sluice.Lot{ID: "lot_1", Org: "org_a", Kind: sluice.AccountPromotional, Currency: "USD", Amount: sluice.Amount{Nano: 50}, Models: []string{"glm"}, CreatedAt: midnight()}
	grant := sluice.Posting{Tx: sluice.Tx{ID: "tx_lot", Kind: sluice.TxGrant, At: midnight(), Lot: lot, Entries: transfer(operator(sluice.AccountPromotion), lot.Account(), lot.Amount)}}
	paid := payment("tx_1", "org_a", sluice.Amount{Nano: 100_000})
	paidB := payment("tx_2", "org_b", sluice.Amount{Nano: 100_000})
	paid.Tx.At, paidB.Tx.At = midnight(), midnight()
	b := sluice.Batch{Postings: []sluice.Posting{paid, paidB, grant}}
	for n := range 30 {
		p := at(n, []string{"org_a", "org_b"}[n%2], midnight().Add(time.Duration(n)*6*time.Minute))
		switch n {
		case 3:
			p.Event.Subscription, p.Event.PlanVersion, p.Event.Cost = "sub_1", "plan_1", sluice.Cost{1, 2}
			p.Event.Charge, p.Tx.Entries = 0, nil
		case 4:
			p.Event.Usage[sluice.ClassImage] = 7
			p.Event.Steps = []sluice.StepUse{{Class: "input", Period: "day", Start: midnight(), Units: 14}}
		case 5:
			p.Event.ServiceTier, p.Event.Thinking, p.Event.Batch = "a\x1fb", true, true
		case 6:
			p.Event.Simulated, p.Event.Status = true, sluice.StatusCancelled
		}
		b.Postings = append(b.Postings, p)
	}
	corrected := sluice.Posting{Tx: sluice.Tx{ID: "tx_3", Kind: sluice.TxCorrection, At: midnight().Add(time.Hour), Corrects: "call_001", Memo: "a\x1fmemo", Entries: transfer(operator(sluice.AccountRevenueAPI), wallet("org_b"), sluice.Amount{Nano: 0, Carry: 1})}}
	b.Postings = append(b.Postings, corrected)
	if err := db.Commit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

// sealed seals the hours from where the last seal ended up to until.
func sealed(t testing.TB, db *store.DB, until time.Time) []seal.Seal {
	t.Helper()
	p := must[seal.Point](t)(db.SealPoint(t.Context()))
	open, seen, prev := p.First, int64(0), seal.Hash{}
	if p.Last != nil {
		open, seen, prev = p.Last.Hour.Add(time.Hour), p.Last.Cutoff, p.Last.Hash
	}
	hours := must[[]seal.Hour](t)(db.GatherHours(t.Context(), open, until, p.Floor, seen, p.Cutoff, nil))
	floor := must[int64](t)(db.NextFloor(t.Context(), p.Floor, p.Cutoff, until))
	var seals []seal.Seal
	for i := range hours {
		s := must[seal.Seal](t)(hours[i].Seal(until, open, seen, p.Cutoff))
		s.Bind(prev)
		prev = s.Hash
		if err := db.PutSeal(t.Context(), &s, &hours[i], floor); err != nil {
			t.Fatal(err)
		}
		seals = append(seals, s)
	}
	return seals
}

// intact checks that what is sealed is as it is stored.
func intact(t testing.TB, db *store.DB, seals []seal.Seal) {
	t.Helper()
	for i := range seals {
		faults, _, err := db.AuditHour(t.Context(), &seals[i])
		if err != nil || len(faults) > 0 {
			t.Errorf("hour %s: %v, %v", seals[i].Hour, faults, err)
		}
	}
}

// testSeals seals hours, some calls of which come late, and reads them back.
func testSeals(t *testing.T, db *store.DB) {
	if p := must[seal.Point](t)(db.SealPoint(t.Context())); p.Last != nil || !p.First.IsZero() {
		t.Errorf("an empty store goes on at %+v", p)
	}
	day(t, db)
	first := sealed(t, db, midnight().Add(time.Hour)) // what is of later hours is booked already
	if s := first[0]; len(first) != 1 || s.Rows != 13 || s.Events != 10 || s.Late != 0 {
		t.Fatalf("the first hour: %+v", first)
	}
	commit(t, db, at(90, "org_a", midnight().Add(30*time.Minute)), at(91, "org_b", midnight().Add(90*time.Minute)))
	rest := sealed(t, db, midnight().Add(4*time.Hour))
	var rows, late int64
	for _, s := range rest {
		rows, late = rows+s.Rows, late+s.Late
	}
	if len(rest) != 3 || rows != 23 || late != 1 || rest[0].Late != 1 || rest[2].Rows != 0 || !rest[2].Root.IsZero() {
		t.Fatalf("the other hours: %+v", rest)
	}
	all := append(first, rest...)
	if d := cmp.Diff(all, must[[]seal.Seal](t)(db.Seals(t.Context(), time.Time{}, time.Time{}))); d != "" {
		t.Errorf("read back (-want +got):\n%s", d)
	}
	for i := range all {
		var before *seal.Seal
		if i > 0 {
			before = &all[i-1]
		}
		if err := all[i].Check(before); err != nil {
			t.Error(err)
		}
	}
	intact(t, db, all)
	fails(t, "an hour twice", db.PutSeal(t.Context(), &all[3], &seal.Hour{Start: all[3].Hour}, 0), sluice.CodeConflict)
	if p := must[seal.Point](t)(db.SealPoint(t.Context())); p.Floor != p.Cutoff || p.Cutoff != 36 || p.Last.Hash != all[3].Hash {
		t.Errorf("it goes on at %+v", p)
	}
	for _, call := range []string{"call_003", "call_005", "call_090", "call_029"} {
		r := must[*seal.Receipt](t)(db.Receipt(t.Context(), "", call))
		if err := r.Verify(all[3].Hash); err != nil || r.Transaction.ID != call {
			t.Errorf("%s: %v", call, err)
		}
		_, err := db.Receipt(t.Context(), "org_c", call)
		fails(t, "another's call", err, sluice.CodeNotFound)
	}
	commit(t, db, at(92, "org_a", midnight().Add(5*time.Hour)))
	_, err := db.Receipt(t.Context(), "org_a", "call_092")
	fails(t, "a call that is not sealed", err, sluice.CodeConflict)
}

// testRollups compares an hour's rows with what the events say one by one, and
// with the rows that are made again.
func testRollups(t *testing.T, db *store.DB) {
	day(t, db)
	seals := sealed(t, db, midnight().Add(24*time.Hour))
	want := map[seal.Group]statement.Sums{}
	events, _, err := db.Events(t.Context(), store.EventQuery{})
	if err != nil {
		t.Fatal(err)
	}
	rater := must[*statement.Rater](t)(statement.NewRater(must[[]*price.Book](t)(db.Books(t.Context()))))
	for i := range events {
		row, err := rater.Row(&events[i], "", statement.SegmentAPI)
		if err != nil {
			row.Sums = statement.Sums{Calls: 1, Units: events[i].Usage, Plain: events[i].List.Amount(), Untimed: events[i].List.Amount(), List: events[i].List.Amount(), Charge: events[i].Charge.Amount()}
		}
		g := seal.GroupOf(&events[i])
		g.Outcome = statement.OutcomeOf(&events[i])
		sums := want[g]
		if err := sums.Add(&row.Sums); err != nil {
			t.Fatal(err)
		}
		want[g] = sums
	}
	read := func() []seal.Rollup {
		return must[[]seal.Rollup](t)(db.Rollups(t.Context(), midnight(), midnight().Add(24*time.Hour)))
	}
	got := map[seal.Group]statement.Sums{}
	rows := read()
	for i := range rows {
		sums := got[rows[i].Group]
		if err := sums.Add(&rows[i].Sums); err != nil {
			t.Fatal(err)
		}
		got[rows[i].Group] = sums
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("rows (-want +got):\n%s", d)
	}
	for i := range seals {
		_, hour, err := db.AuditHour(t.Context(), &seals[i])
		if err == nil {
			err = db.RewriteHour(t.Context(), hour)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(rows, read()); d != "" {
		t.Errorf("made again (-first +again):\n%s", d)
	}
	sums := map[sluice.Currency]sluice.Amount{}
	for _, e := range must[[]seal.EntrySum](t)(db.EntrySums(t.Context(), midnight(), midnight().Add(24*time.Hour))) {
		sums[e.Currency], _ = sums[e.Currency].Add(e.Sum)
	}
	if sum := sums["USD"]; sum.Sign() != 0 || len(sums) != 1 {
		t.Errorf("entries come to %v", sums)
	}
}

// testDays keeps closes with their rows, explanations and counters.
func testDays(t *testing.T, db *store.DB) {
	day(t, db)
	seals := sealed(t, db, midnight().Add(24*time.Hour))
	tomorrow := midnight().AddDate(0, 0, 1)
	w := &seal.Window{Since: midnight(), Until: tomorrow}
	rows, entries := must[[]seal.Rollup](t)(db.DayRollups(t.Context(), w)), must[[]seal.EntrySum](t)(db.DayEntrySums(t.Context(), w))
	place := func(engine string) (string, statement.Segment) { return "pool of " + engine, statement.SegmentAPI }
	open, openEntries, err := db.StatementRows(t.Context(), midnight(), tomorrow, place)
	if err != nil {
		t.Fatal(err)
	}
	reach := must[statement.Reach](t)(db.Reach(t.Context(), midnight(), tomorrow))
	if want := (statement.Reach{Customers: 2, Developers: 2, CumulativeCustomers: 2, CumulativeDevelopers: 2}); reach != want {
		t.Errorf("reach %+v", reach)
	}
	last := seals[len(seals)-1]
	c := seal.Close{N: 1, Day: "2026-03-01", Kind: seal.Closed, Revision: 1, At: tomorrow, By: "key_1", Through: last.Hour, Head: last.Hash, Sums: must[[]seal.Sum](t)(seal.SumsOf(rows)), Checks: []seal.Check{}, Notes: []seal.Explanation{}}
	if err := errors.Join(c.Bind(seal.Hash{}), db.PutClose(t.Context(), &c, midnight(), rows, entries)); err != nil {
		t.Fatal(err)
	}
	fails(t, "a record twice", db.PutClose(t.Context(), &c, midnight(), rows, entries), sluice.CodeConflict)
	if d := cmp.Diff([]seal.Close{c}, must[[]seal.Close](t)(db.Closes(t.Context(), c.Day))); d != "" {
		t.Errorf("a record (-want +got):\n%s", d)
	}
	closed, closedEntries, err := db.StatementRows(t.Context(), midnight(), tomorrow, place)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(wholeDay(t, open), wholeDay(t, closed)); d != "" {
		t.Errorf("rows of a closed day (-open +closed):\n%s", d)
	}
	if d := cmp.Diff(entriesOfDay(openEntries), entriesOfDay(closedEntries)); d != "" {
		t.Errorf("entries of a closed day (-open +closed):\n%s", d)
	}
	if again := must[statement.Reach](t)(db.Reach(t.Context(), midnight(), tomorrow)); again != reach {
		t.Errorf("reach of a closed day %+v", again)
	}
	if !must[bool](t)(db.AuditDay(t.Context(), midnight(), rows, entries, false)) {
		t.Error("the rows of the day are not those that were written")
	}
	for _, same := range []bool{false, true} { // the first time they are written anew
		if must[bool](t)(db.AuditDay(t.Context(), midnight(), rows[1:], entries, true)) != same {
			t.Errorf("other rows of the day: the same is not %t", same)
		}
	}
	x := seal.Explanation{Day: c.Day, Subject: "engine:eng_1", Difference: "1 + 2", Note: "a restart", By: "key_1", At: tomorrow}
	if err := errors.Join(db.PutExplanation(t.Context(), &x), db.PutExplanation(t.Context(), &x)); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]seal.Explanation{x, x}, must[[]seal.Explanation](t)(db.Explanations(t.Context(), c.Day))); d != "" {
		t.Errorf("explanations (-want +got):\n%s", d)
	}
	counter := seal.Counter{Engine: "eng_1", Hour: midnight(), Prompt: 1, Completion: 2, Source: "test", At: tomorrow}
	for range 2 {
		counter.Prompt++
		if err := db.PutEngineCounters(t.Context(), []seal.Counter{counter}); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff([]seal.Counter{counter}, must[[]seal.Counter](t)(db.EngineCounters(t.Context(), midnight(), tomorrow))); d != "" {
		t.Errorf("counters (-want +got):\n%s", d)
	}
}

// wholeDay adds rows up without hours.
func wholeDay(t testing.TB, rows []statement.Row) map[statement.Key]statement.Sums {
	t.Helper()
	sums := map[statement.Key]statement.Sums{}
	for _, r := range rows {
		r.Hour = midnight()
		s := sums[r.Key]
		if err := s.Add(&r.Sums); err != nil {
			t.Fatal(err)
		}
		sums[r.Key] = s
	}
	return sums
}

func entriesOfDay(rows []statement.EntryRow) map[statement.EntryKey]sluice.Amount {
	sums := map[statement.EntryKey]sluice.Amount{}
	for _, r := range rows {
		r.Hour = midnight()
		sums[r.EntryKey], _ = sums[r.EntryKey].Add(r.Amount)
	}
	return sums
}

// testScanEvents reads all events beside each other, and stops where it is told to.
func testScanEvents(t *testing.T, db *store.DB) {
	day(t, db)
	scan := func(since, until time.Time) []string {
		t.Helper()
		var parts []*[]string // of each reader
		if err := db.ScanEvents(t.Context(), since, until, nil, func() func(*sluice.Event) error {
			ids := new([]string)
			parts = append(parts, ids)
			return func(e *sluice.Event) error {
				*ids = append(*ids, e.CallID)
				return nil
			}
		}); err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, ids := range parts {
			all = append(all, *ids...)
		}
		slices.Sort(all)
		return all
	}
	for range 2 { // before they are sealed, and after
		if ids := scan(midnight(), midnight().Add(24*time.Hour)); len(ids) != 30 {
			t.Errorf("%d events of the day: %v", len(ids), ids)
		}
		if ids := scan(midnight().Add(6*time.Minute), midnight().Add(18*time.Minute)); !slices.Equal(ids, []string{"call_001", "call_002"}) {
			t.Errorf("of twelve minutes %v", ids)
		}
		sealed(t, db, midnight().Add(24*time.Hour))
	}
	late := at(90, "org_a", midnight().Add(9*time.Minute)) // of a plan, and free: without entries
	late.Event.Subscription, late.Event.PlanVersion, late.Event.Charge, late.Tx.Entries = "sub_1", "plan_1", 0, nil
	commit(t, db, late)
	sealed(t, db, midnight().Add(25*time.Hour))
	if hours := must[[]time.Time](t)(db.LateHours(t.Context(), midnight(), midnight().Add(time.Hour), midnight().Add(30*time.Hour))); len(hours) != 1 || !hours[0].Equal(midnight().Add(24*time.Hour)) {
		t.Errorf("what was booked late is in %v", hours)
	}
	if ids := scan(midnight().Add(6*time.Minute), midnight().Add(18*time.Minute)); !slices.Equal(ids, []string{"call_001", "call_002", "call_090"}) {
		t.Errorf("with one that came late %v", ids)
	}
	full := errors.New("full")
	if err := db.ScanEvents(t.Context(), midnight(), midnight().Add(24*time.Hour), nil, each(func(*sluice.Event) error { return full })); !errors.Is(err, full) {
		t.Errorf("stopped with %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.ScanEvents(ctx, midnight(), midnight().Add(24*time.Hour), nil, each(func(*sluice.Event) error { return nil })); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// each hands the events of all readers to one function.
func each(take func(*sluice.Event) error) func() func(*sluice.Event) error {
	return func() func(*sluice.Event) error { return take }
}

// testSealDamage alters what is sealed behind the store's back, one thing at a
// time: it is found, in its hour and row.
func testSealDamage(t *testing.T, dsn string) {
	db := open(t, dsn)
	day(t, db)
	seals := sealed(t, db, midnight().Add(4*time.Hour))
	behind := raw(t, dsn)
	for _, change := range []string{`UPDATE seal SET late = late`, `DELETE FROM seal`, `UPDATE seal_page SET hash = hash`, `DELETE FROM seal_page`} {
		if _, err := behind.ExecContext(t.Context(), change); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: got %v", change, err)
		}
	}
	dropTriggers(t, behind)
	segmentDamage(t, db, behind, seals)
	for _, c := range []struct{ break1, mend, id string }{
		{`UPDATE usage_event SET output = output + 1 WHERE tx = 5`, `UPDATE usage_event SET output = output - 1 WHERE tx = 5`, "call_001"},
		{`UPDATE usage_event SET key = 'key_x' WHERE tx = 9`, `UPDATE usage_event SET key = 'key_org_b' WHERE tx = 9`, ""},
		{`UPDATE entry SET nano = nano + 1 WHERE tx = 20 AND line = 1`, `UPDATE entry SET nano = nano - 1 WHERE tx = 20 AND line = 1`, "call_016"},
		{`UPDATE tx SET memo = 'gift' WHERE seq = 2`, `UPDATE tx SET memo = 'paid' WHERE seq = 2`, "tx_2"},
		{`UPDATE tx SET at = at + 7200000000 WHERE seq = 6`, `UPDATE tx SET at = at - 7200000000 WHERE seq = 6`, ""},
		{`UPDATE lot SET memo = 'x'`, `UPDATE lot SET memo = ''`, "tx_lot"},
		{`UPDATE account SET owner = 'org_c' WHERE owner = 'org_a' AND lot <> ''`, `UPDATE account SET owner = 'org_a' WHERE owner = 'org_c'`, "tx_lot"},
		{`UPDATE seal_page SET marks = substr(hash, 1, 10) WHERE hour = (SELECT MIN(hour) FROM seal_page)`, ``, ""},
	} {
		execute(t, behind, c.break1)
		var faults []seal.Fault
		for i := range seals {
			faults = append(faults, faultsOf(t, db, &seals[i])...)
		}
		if len(faults) == 0 || c.id != "" && (len(faults) != 1 || faults[0].ID != c.id) {
			t.Errorf("%s: found %+v", c.break1, faults)
		}
		if c.mend != "" {
			execute(t, behind, c.mend)
			intact(t, db, seals)
		}
	}
}

// segmentDamage alters and removes the compact copies of pages: events are read as
// they were sealed all the same, or not at all.
func segmentDamage(t *testing.T, db *store.DB, behind *sql.DB, seals []seal.Seal) {
	t.Helper()
	output := func() (sum int64, err error) {
		var each sync.Mutex
		err = db.ScanEvents(t.Context(), midnight(), midnight().Add(24*time.Hour), nil, func() func(*sluice.Event) error {
			return func(e *sluice.Event) error {
				each.Lock()
				defer each.Unlock()
				sum += e.Usage[sluice.ClassOutput] + 1_000_000
				return nil
			}
		})
		return sum, err
	}
	whole := must[int64](t)(output())
	audit := func() (copies, others int) {
		for i := range seals {
			for _, f := range faultsOf(t, db, &seals[i]) {
				if f.Copy {
					copies++
				} else {
					others++
				}
			}
		}
		return copies, others
	}
	alter, mend := `UPDATE usage_event SET output = output + 1 WHERE tx = 5`, `UPDATE usage_event SET output = output - 1 WHERE tx = 5`
	execute(t, behind, alter)
	if sum := must[int64](t)(output()); sum != whole {
		t.Errorf("a row was altered, and %d is read in place of %d, which was sealed", sum, whole)
	}
	execute(t, behind, mend)
	execute(t, behind, `UPDATE seal_segment SET data = (SELECT hash FROM seal_page ORDER BY hour LIMIT 1)`)
	if copies, others := audit(); copies != 3 || others != 0 {
		t.Errorf("all copies were altered: %d faults of copies, %d of others", copies, others)
	}
	if sum := must[int64](t)(output()); sum != whole {
		t.Errorf("with altered copies %d in place of %d", sum, whole)
	}
	execute(t, behind, alter)
	if _, err := output(); sluice.CodeOf(err) != sluice.CodeConflict || !strings.Contains(err.Error(), "transactions 0 to 1023") {
		t.Errorf("a row and the copy of it were altered: %v", err)
	}
	execute(t, behind, mend)
	execute(t, behind, `DELETE FROM seal_segment`)
	if sum := must[int64](t)(output()); sum != whole {
		t.Errorf("without copies %d in place of %d", sum, whole)
	}
	for i := range seals {
		_, hour, err := db.AuditHour(t.Context(), &seals[i])
		if err == nil {
			err = db.RewriteHour(t.Context(), hour)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var n int
	if err := behind.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM seal_segment`).Scan(&n); err != nil || n != 3 {
		t.Errorf("%d copies were made again: %v", n, err)
	}
	if copies, others := audit(); copies+others != 0 || must[int64](t)(output()) != whole {
		t.Errorf("made again: %d and %d faults", copies, others)
	}
}

func faultsOf(t *testing.T, db *store.DB, s *seal.Seal) []seal.Fault {
	t.Helper()
	faults, _, err := db.AuditHour(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return faults
}
