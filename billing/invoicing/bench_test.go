package invoicing_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"sluice"
	"sluice/money/invoice"
	"sluice/money/ledger"
	"sluice/money/price"
)

// BenchmarkIssue issues a month of a million calls, of which another
// organisation has as many beside it.
func BenchmarkIssue(b *testing.B) {
	const calls = 1_000_000
	w := newWorld(b)
	acme := w.org("org_a", "1000000")
	other := w.org("org_b", "1000000")
	w.publish("book_2", date(3, 15), "0.50", "2.00")
	wallets := map[string][]sluice.Account{}
	for _, o := range []*sluice.Organisation{acme, other} {
		id := sluice.AccountID{Owner: o.ID, Kind: sluice.AccountPrepaid, Currency: "USD"}
		wallets[o.ID] = []sluice.Account{{AccountID: id, Balance: sluice.Amount{Nano: 1e15}}}
	}
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	var batch sluice.Batch
	for i := range 2 * calls {
		at := start.Add(time.Duration(i) * time.Second)
		book, org := "book_1", "org_a"
		if at.After(w.books["book_2"].EffectiveAt) {
			book = "book_2"
		}
		if i%2 == 1 {
			org = "org_b"
		}
		ev := sluice.Event{
			CallID: fmt.Sprint("call_m", i), Org: org, Key: "key_a", Model: "glm", Engine: "eng_a", Endpoint: "/v1/chat/completions",
			AdmittedAt: at, EndedAt: at, Status: sluice.StatusCompleted, Currency: "USD", Book: book,
			Usage: sluice.Usage{int64(i % 5000), int64(i % 777), 0, int64(i % 999), int64(i % 3)},
		}
		list, err := w.books[book].Charge(price.QueryOf("glm", at, ev.Usage))
		w.must(err)
		ev.List, ev.Charge = list.Total, list.Total
		tx, err := ledger.Usage(&ev, wallets[org])
		w.must(err)
		batch.Postings = append(batch.Postings, sluice.Posting{Tx: tx, Event: &ev})
		if len(batch.Postings) == 4000 || i == 2*calls-1 {
			w.must(w.store.Commit(context.Background(), batch))
			batch = sluice.Batch{}
		}
	}
	w.set(date(5, 1))
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		inv, err := w.make.Draft(context.Background(), acme, "2026-03")
		w.must(err)
		if len(inv.Lines) != 8 {
			b.Fatalf("%d lines", len(inv.Lines))
		}
	}
	b.StopTimer()
	if inv := w.issue(acme, invoice.Period("2026-03")); inv.Number == "" {
		b.Fatal("not issued")
	}
}
