package storetest

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"sluice"
	"sluice/store"
)

// rated is a settled call of "glm" whose list amount is what book makes of it.
func rated(id, org, key string, prompt, output int64) sluice.Posting {
	factor := int64(1)
	if prompt >= 1000 {
		factor = 2
	}
	list := sluice.Pico(factor * (2*prompt + 3*output))
	p := usage(id, org, key, list)
	p.Event.Usage, p.Event.List = sluice.Usage{prompt, 0, 0, output, 0}, list
	return p
}

// books fills a store with sound books of 40 calls.
func books(t testing.TB, db *store.DB) {
	t.Helper()
	if err := db.PublishBook(t.Context(), book(t, "book_1")); err != nil {
		t.Fatal(err)
	}
	b := sluice.Batch{Postings: []sluice.Posting{
		payment("tx_a", "org_a", sluice.Amount{Nano: 1000}),
		payment("tx_b", "org_b", sluice.Amount{Nano: 1000}),
	}}
	for i := range 40 {
		id, org := fmt.Sprintf("call_%d", i), []string{"org_a", "org_b"}[i%2]
		b.Postings = append(b.Postings, rated(id, org, "key_"+org, int64(i*50), int64(i)))
	}
	b.Checkpoints = []sluice.Event{*event("call_open", "org_a", "key_a", 1)}
	if err := db.Commit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func testVerify(t *testing.T, db *store.DB) {
	verify := func(want store.Report) {
		t.Helper()
		r, err := db.Verify(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got, _ := json.Marshal(r)
		want.Violations = []store.Violation{}
		if w, _ := json.Marshal(want); string(w) != string(got) || !r.OK() {
			t.Errorf("got  %s\nwant %s", got, w)
		}
	}
	verify(store.Report{})
	books(t, db)
	verify(store.Report{Transactions: 42, Entries: 84, Events: 40, Accounts: 4, Keys: 2, Checkpoints: 1, PriceBooks: 1})
}

// testDamage changes one thing behind the store's back, and Verify must name it.
func testDamage(t *testing.T, dsn string) {
	db := open(t, dsn)
	books(t, db)
	behind := raw(t, dsn)
	dropTriggers(t, behind)
	const account = `(SELECT id FROM account WHERE owner = 'org_a')`
	const event = `(SELECT seq FROM tx WHERE id = 'call_39')`
	for name, c := range map[string]struct {
		change, undo string
		want         []string // the invariants that do not hold, each at its place
	}{
		"balance one pico off": {
			`UPDATE account SET carry = carry + 1 WHERE owner = 'org_a'`, `UPDATE account SET carry = carry - 1 WHERE owner = 'org_a'`,
			[]string{"balance at account org_a prepaid USD"},
		},
		"entry one pico off": {
			`UPDATE entry SET carry = carry + 1 WHERE line = 1 AND tx = ` + event, `UPDATE entry SET carry = carry - 1 WHERE line = 1 AND tx = ` + event,
			[]string{"zero_sum at tx call_39", "balance at account operator revenue.api USD"},
		},
		"entry of another wallet": {
			`UPDATE entry SET account = ` + account + ` WHERE line = 0 AND tx = ` + event,
			`UPDATE entry SET account = (SELECT id FROM account WHERE owner = 'org_b') WHERE line = 0 AND tx = ` + event,
			[]string{"debit at tx call_39", "balance at account org_a prepaid USD", "balance at account org_b prepaid USD"},
		},
		"entry without a transaction": {
			`INSERT INTO entry (tx, line, account, nano, carry) VALUES (99999, 0, ` + account + `, 1, 0)`, `DELETE FROM entry WHERE tx = 99999`,
			[]string{"of_transaction at entry of tx 99999"},
		},
		"entry without an account": {
			`INSERT INTO entry (tx, line, account, nano, carry) VALUES (1, 7, 99, 1, 0)`, `DELETE FROM entry WHERE line = 7`,
			[]string{"of_transaction at entry of tx 1"},
		},
		"charge one pico off": {
			`UPDATE usage_event SET charge_pico = charge_pico - 1 WHERE tx = ` + event, `UPDATE usage_event SET charge_pico = charge_pico + 1 WHERE tx = ` + event,
			[]string{"debit at tx call_39", "key_spend at key key_org_b"},
		},
		"charge above the list": {
			`UPDATE usage_event SET list_pico = charge_pico - 1 WHERE tx = ` + event, `UPDATE usage_event SET list_pico = charge_pico WHERE tx = ` + event,
			[]string{"charge_in_list at tx call_39", "rating at tx call_39"},
		},
		"one token more": {
			`UPDATE usage_event SET output = output + 1 WHERE tx = ` + event, `UPDATE usage_event SET output = output - 1 WHERE tx = ` + event,
			[]string{"rating at tx call_39"},
		},
		"price book unknown": {
			`UPDATE usage_event SET book = 'book_9' WHERE tx = ` + event, `UPDATE usage_event SET book = 'book_1' WHERE tx = ` + event,
			[]string{"rating at tx call_39"},
		},
		"payment called usage": {
			`UPDATE tx SET kind = 'usage' WHERE id = 'tx_a'`, `UPDATE tx SET kind = 'payment' WHERE id = 'tx_a'`,
			[]string{"one_event at tx tx_a", "other_listed at other_tx"},
		},
		"usage called a payment": {
			`UPDATE tx SET kind = 'payment' WHERE id = 'call_39'`, `UPDATE tx SET kind = 'usage' WHERE id = 'call_39'`,
			[]string{"one_event at tx call_39"},
		},
		"spend one nano off": {
			`UPDATE key_spend SET nano = nano + 1 WHERE key = 'key_org_a'`, `UPDATE key_spend SET nano = nano - 1 WHERE key = 'key_org_a'`,
			[]string{"key_spend at key key_org_a"},
		},
		"spend of another key": {
			`UPDATE key_spend SET key = 'key_x' WHERE key = 'key_org_a'`, `UPDATE key_spend SET key = 'key_org_a' WHERE key = 'key_x'`,
			[]string{"key_spend at key key_x", "key_spend at key key_org_a"},
		},
		"checkpoint of a settled call": {
			`UPDATE checkpoint SET call_id = 'call_3'`, `UPDATE checkpoint SET call_id = 'call_open'`,
			[]string{"checkpoint_open at checkpoint call_3"},
		},
		"statement without a payment": {
			`UPDATE other_tx SET owner = 'org_b' WHERE owner = 'org_a'`, `UPDATE other_tx SET owner = 'org_a' WHERE owner = 'org_b' AND tx = 1`,
			[]string{"other_listed at other_tx"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			execute(t, behind, c.change)
			wantViolations(t, db, c.want...)
			execute(t, behind, c.undo)
			wantViolations(t, db)
		})
	}
	t.Run("more than a report lists", func(t *testing.T) {
		execute(t, behind, `INSERT INTO entry (tx, line, account, nano, carry) SELECT 100000 + tx * 2 + line, 0, account, nano, carry FROM entry`)
		execute(t, behind, `INSERT INTO entry (tx, line, account, nano, carry) SELECT tx, 1, account, nano, carry FROM entry WHERE tx > 99999`)
		r, err := db.Verify(t.Context())
		if err != nil || len(r.Violations) != 100 || r.Violated != 168 {
			t.Errorf("%d of %d violations listed, want 100 of 168 (%v)", len(r.Violations), r.Violated, err)
		}
	})
}

// wantViolations verifies and compares what is found, each written as
// "invariant at place", in any order.
func wantViolations(t *testing.T, db *store.DB, want ...string) {
	t.Helper()
	r, err := db.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	left := make(map[string]int)
	for _, w := range want {
		left[w]++
	}
	for _, v := range r.Violations {
		found := v.Invariant + " at " + v.Where
		if left[found] == 0 {
			t.Errorf("found %s: %s", found, v.What)
			continue
		}
		if left[found]--; left[found] == 0 {
			delete(left, found)
		}
	}
	if len(left) > 0 || r.OK() != (len(want) == 0) {
		t.Errorf("OK is %t and not found: %v", r.OK(), left)
	}
}

func testDamagedBook(t *testing.T, dsn string) {
	db := open(t, dsn)
	books(t, db)
	behind := raw(t, dsn)
	dropTriggers(t, behind)
	execute(t, behind, `UPDATE price_rule SET price = price + 1 WHERE class = 'cached'`)
	if _, err := db.Books(t.Context()); err == nil || !strings.Contains(err.Error(), "book_1") {
		t.Errorf("a changed book is read with %v", err)
	}
	r, err := db.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.Violated != 41 || r.Violations[0].Invariant != "sealed" || !strings.Contains(r.Violations[0].What, "book_1") {
		t.Errorf("%d violations, the first is %v; want the book and its 40 calls", r.Violated, r.Violations[0])
	}
}

// testAppendOnly tries to change what is booked.
func testAppendOnly(t *testing.T, dsn string) {
	db := open(t, dsn)
	books(t, db)
	if err := db.PublishBook(t.Context(), manifold(t, "book_m")); err != nil {
		t.Fatal(err)
	}
	if err := db.PublishPlan(t.Context(), lite(t, "plan_1")); err != nil {
		t.Fatal(err)
	}
	if err := db.CreateCreditCodes(t.Context(), []*sluice.CreditCode{code("code_1")}); err != nil {
		t.Fatal(err)
	}
	a := opened(t, "lot", "org_a", sluice.AccountPromotional)
	refund := sluice.Tx{ID: "tx_r", Kind: sluice.TxCorrection, At: lotAt, Corrects: "call_1"}
	if err := db.Commit(t.Context(), sluice.Batch{Postings: []sluice.Posting{a, redeemed(t, "code_1", "org_a", 1), {Tx: refund}}}); err != nil {
		t.Fatal(err)
	}
	behind := raw(t, dsn)
	for table, column := range map[string]string{"lot": "memo", "redemption": "key", "correction": "corrects", "plan_version": "draft", "tx": "memo", "entry": "line", "usage_event": "model", "price_book": "hash", "price_rule": "price", "price_calendar": "name"} {
		for _, change := range []string{`UPDATE ` + table + ` SET ` + column + ` = ` + column, `DELETE FROM ` + table} {
			if _, err := behind.ExecContext(t.Context(), change); err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: got %v", change, err)
			}
		}
	}
}

func execute(t testing.TB, db *sql.DB, query string) {
	t.Helper()
	res, err := db.ExecContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		t.Fatalf("%s: changed %d rows (%v)", query, n, err)
	}
}

// dropTriggers takes away what keeps the books append-only.
func dropTriggers(t testing.TB, db *sql.DB) {
	t.Helper()
	for _, table := range []string{"tx", "entry", "usage_event", "price_book", "price_rule", "price_calendar", "lot", "redemption", "correction", "seal", "seal_page", "day_close"} {
		for _, drop := range []string{
			`ALTER TABLE ` + table + ` DISABLE TRIGGER USER`, // PostgreSQL
			`DROP TRIGGER ` + table + `_update`,              // SQLite
			`DROP TRIGGER ` + table + `_delete`,
		} {
			_, _ = db.ExecContext(t.Context(), drop) // the other database does not know it
		}
	}
}
