package storetest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"sluice"
	"sluice/money/invoice"
	"sluice/store"
)

// testInvoiceTotals lets random histories happen: calls and what else there is,
// in time and late, hours sealed between them, invoices of stretches that begin and end
// anywhere. What the sealed hours say of each is what its transactions come to.
func testInvoiceTotals(t *testing.T, db *store.DB) {
	if err := db.PublishBook(t.Context(), book(t, "book_1")); err != nil {
		t.Fatal(err)
	}
	lot := opened(t, "lot_1", "org_a", sluice.AccountPromotional)
	paid, paidB := payment("tx_1", "org_a", sluice.Amount{Nano: 100_000}), payment("tx_2", "org_b", sluice.Amount{Nano: 100_000})
	for _, p := range []*sluice.Posting{&paid, &paidB, &lot} {
		p.Tx.At = midnight()
	}
	commit(t, db, paid, paidB, lot)
	r := rand.New(rand.NewPCG(8, 15))
	open, n := midnight(), 0
	var claims []invoice.Claim
	last := map[string]invoice.Window{}
	for range 60 {
		switch r.IntN(4) {
		case 0: // time passes
			open = open.Add(time.Duration(1+r.IntN(3)) * time.Hour)
			sealed(t, db, open)
		case 1: // an invoice of what ended before, or a little later
			org := []string{"org_a", "org_b"}[r.IntN(2)]
			before := last[org]
			w := invoice.Window{Since: before.Until, Seen: before.Cutoff, Until: open.Add(time.Duration(r.IntN(16)-8) * 15 * time.Minute)}
			if w.Until.Before(w.Since) {
				w.Until = w.Since
			}
			gatheredTotals(t, db, org, &w)
			claims, last[org] = append(claims, invoice.Claim{Org: org, Window: w}), w
		default:
			var all []sluice.Posting
			for range 1 + r.IntN(6) {
				n++
				all = append(all, anything(r, n, open.Add(time.Duration(r.IntN(500)-400)*time.Minute)))
			}
			commit(t, db, all...)
		}
	}
	if len(claims) < 5 {
		t.Fatalf("%d claims only", len(claims))
	}
	totals := must[[]invoice.Totals](t)(db.InvoiceTotals(t.Context(), claims))
	for i, c := range claims {
		if want := gatheredTotals(t, db, c.Org, &c.Window); !totals[i].Equal(want) {
			t.Errorf("claim %d, %+v: the hours say %+v, the transactions %+v", i, c, totals[i], want)
		}
	}
}

// anything is a call of some kind, or something else that stands on an invoice.
func anything(r *rand.Rand, n int, ended time.Time) sluice.Posting {
	org := []string{"org_a", "org_b"}[r.IntN(2)]
	if r.IntN(4) > 0 {
		p := at(n, org, ended)
		p.Event.Simulated = r.IntN(5) == 0
		return p
	}
	kinds := []struct {
		kind     sluice.TxKind
		from, to sluice.AccountID
	}{
		{sluice.TxPlan, wallet(org), operator(sluice.AccountDeferred)},
		{sluice.TxEarned, operator(sluice.AccountDeferred), operator(sluice.AccountRevenuePlan)},
		{sluice.TxCorrection, operator(sluice.AccountRevenueAPI), wallet(org)},
		{sluice.TxVolume, operator(sluice.AccountRevenueAPI), wallet(org)},
		{sluice.TxLocal, sluice.AccountID{Owner: org, Kind: sluice.AccountReceivable, Currency: "USD"}, operator(sluice.AccountRevenueLocal)},
		{sluice.TxPayment, operator(sluice.AccountClearing), wallet(org)},
		{invoice.TxInvoice, operator(sluice.AccountRounding), operator(sluice.AccountRevenueAPI)},
	}
	k := kinds[r.IntN(len(kinds))]
	return sluice.Posting{Tx: sluice.Tx{ID: fmt.Sprint("tx_any_", n), Kind: k.kind, At: ended, Entries: transfer(k.from, k.to, sluice.Pico(1+r.Int64N(5000)).Amount())}}
}

// gatheredTotals is what the transactions in a window come to.
func gatheredTotals(t *testing.T, db *store.DB, org string, w *invoice.Window) *invoice.Totals {
	t.Helper()
	var to invoice.Totals
	if err := db.GatherInvoice(t.Context(), org, w, &to); err != nil {
		t.Fatal(err)
	}
	return &to
}

// testIssuedSince reads documents back from the last one on, across more of them
// than are read together.
func testIssuedSince(t *testing.T, db *store.DB) {
	for i := range 300 {
		d := document(fmt.Sprintf("inv_%03d", i), fmt.Sprintf("org_%03d", i), "2026-03", 0)
		d.IssuedAt = start().Add(time.Duration(i) * time.Minute)
		if err := db.IssueInvoices(t.Context(), 2026+i/200, []*invoice.Invoice{d}, []string{""}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ minute, want int }{{0, 300}, {20, 280}, {250, 50}, {300, 0}} {
		found := must[[]invoice.Issued](t)(db.IssuedSince(t.Context(), start().Add(time.Duration(c.minute)*time.Minute)))
		if len(found) != c.want || len(found) > 0 && (found[0].Number != "2027-000100" || found[0].Altered) {
			t.Errorf("since minute %d: %d documents, want %d", c.minute, len(found), c.want)
		}
	}
}
