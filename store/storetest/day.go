package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/money/price"
	"sluice/store"
)

// What the calls of FillDay are of.
const (
	DayOrganisations = 200
	DayEngines       = 4
	DayModels        = 2
)

// FillDay writes a day of so many calls behind the store's back, as a ledger of
// that day would have them: evenly over the day, of 200 organisations with a key each,
// of two models on four engines, each call with its transaction, two entries and its
// event, rated by a price book that is in the store. It returns the price book. Balances
// and what keys spent are left out: only what closing reads is there.
func FillDay(t testing.TB, dsn string, day time.Time, calls int64) *price.Book {
	t.Helper()
	db, err := store.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	var rules []price.Rule
	for m := range DayModels {
		for class, p := range map[sluice.Class]sluice.Pico{sluice.ClassInput: 200_000, sluice.ClassCached: 20_000, sluice.ClassOutput: 800_000, sluice.ClassReasoning: 800_000, sluice.ClassCacheWrite: 200_000} {
			rules = append(rules, price.Rule{Model: fmt.Sprintf("model-%d", m), Class: class, Price: p})
		}
	}
	book, err := price.Publish("book_00000000000000000000000001", price.Draft{Currency: "USD", EffectiveAt: day.AddDate(-1, 0, 0), Rules: rules}, day.AddDate(-1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.PublishBook(t.Context(), book); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	behind := raw(t, dsn)
	step := 24 * time.Hour.Microseconds() / calls
	numbers := fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < %d)`, calls-1)
	if !strings.HasPrefix(dsn, "sqlite:") {
		numbers = fmt.Sprintf(`WITH n(i) AS (SELECT generate_series(CAST(0 AS BIGINT), %d))`, calls-1)
	}
	at := fmt.Sprintf(`%d + i * %d`, day.UnixMicro(), step)
	input, cached, output := `(500 + i * 7919 % 3000)`, `(i * 104729 % 2000)`, `(20 + i * 1299709 % 600)`
	list := fmt.Sprintf(`(%s * 200000 + %s * 20000 + %s * 800000)`, input, cached, output)
	org := fmt.Sprintf(`(1000 + i * 31 %% %d)`, DayOrganisations)
	for _, s := range []string{
		`INSERT INTO account (id, owner, kind, currency, lot, nano, carry) ` + numbers + fmt.Sprintf(` SELECT 1000 + i, 'org_0000000000000000000000' || CAST(1000 + i AS TEXT), 'prepaid', 'USD', '', 0, 0 FROM n WHERE i < %d`, DayOrganisations),
		`INSERT INTO account (id, owner, kind, currency, lot, nano, carry) VALUES (1, 'operator', 'revenue.api', 'USD', '', 0, 0)`,
		`INSERT INTO tx (seq, id, kind, at, memo) ` + numbers + ` SELECT i + 1, 'call_0000000000000000' || CAST(1000000000 + i AS TEXT), 'usage', ` + at + `, '' FROM n`,
		`INSERT INTO usage_event (tx, org, project, key, model, engine, endpoint, admitted_at, first_at, ended_at, status, input, cached, cache_write, output, reasoning,
			estimated, simulated, currency, book, list_pico, charge_pico, subscription, plan_version, cost) ` + numbers +
			` SELECT i + 1, 'org_0000000000000000000000' || CAST(` + org + ` AS TEXT), 'proj_0000000000000000000000' || CAST(` + org + ` AS TEXT),
			'key_0000000000000000000000' || CAST(` + org + ` AS TEXT), 'model-' || CAST(i % 2 AS TEXT), 'eng_000000000000000000000' || CAST(i % 4 AS TEXT), '/v1/chat/completions',
			` + at + ` - 9000000, ` + at + ` - 8500000, ` + at + `, CASE WHEN i % 50 = 0 THEN 'cancelled' ELSE 'completed' END, ` + input + `, ` + cached + `, 0, ` + output + `, 0,
			0, 0, 'USD', 'book_00000000000000000000000001', ` + list + `, ` + list + `, '', '', '' FROM n`,
		`INSERT INTO entry (tx, line, account, nano, carry) ` + numbers + ` SELECT i + 1, 0, ` + org + `, -(` + list + ` / 1000), 0 FROM n`,
		`INSERT INTO entry (tx, line, account, nano, carry) ` + numbers + ` SELECT i + 1, 1, 1, ` + list + ` / 1000, 0 FROM n`,
	} {
		execute(t, behind, s)
	}
	settle := []string{`VACUUM ANALYZE`, `CHECKPOINT`} // as autovacuum and the checkpointer do by and by
	if strings.HasPrefix(dsn, "sqlite:") {
		settle = []string{`PRAGMA wal_checkpoint(TRUNCATE)`} // a server's log is never as long as this one's
	}
	for _, s := range settle {
		if _, err := behind.ExecContext(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	return book
}
