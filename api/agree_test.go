package api_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
	"sluice/billing/statements"
	"sluice/money/exact"
	"sluice/money/invoice"
	"sluice/money/statement"
)

// TestPagesAgree: what the pages say of one day is one sum: the statement and its
// customers, the waterfall, what-if, invoices, and what customers have left.
func TestPagesAgree(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	seed := rand.Uint64()
	t.Log("seed", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	if now := w.Now().UTC(); now.Month() != now.Add(time.Hour).Month() {
		w.Advance(time.Hour) // all of it is in one month
	}
	orgs := []string{w.Org("a").ID, w.Org("b").ID, w.Org("c").ID}
	for _, o := range orgs {
		w.Credit(o, "1000000.00")
		if _, err := w.Local.AddCredit(ctx, o, "grant-"+o, api.CreateCredit{Kind: sluice.TxGrant, Amount: sluice.Amount{Nano: 5e8}}); err != nil {
			t.Fatal(err)
		}
	}
	models := []string{"glm", "qwen"}
	for _, m := range models {
		if _, err := w.Local.PriceModel(ctx, api.PriceModel{Currency: "USD", ModelPrices: api.ModelPrices{Model: m, ClassPrices: pricesOf(t, "0.6", "0.11", "2.2")}}); err != nil {
			t.Fatal(err)
		}
	}
	at := w.Now().UTC()
	for range 40 {
		call(t, w, rng, orgs, models)
	}
	for _, o := range orgs {
		events, err := w.Local.Usage(ctx, o, api.UsageQuery{})
		if err != nil {
			t.Fatal(err)
		}
		if len(events.Data) > 0 && !events.Data[0].Simulated {
			if _, err := w.Local.RefundCall(ctx, events.Data[0].ID, api.RefundCall{Reason: "an outage"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	drafts := map[string]*invoice.Invoice{}
	sum := func(inv *invoice.Invoice, segments ...invoice.Segment) (sum exact.Number) {
		for _, l := range inv.Lines {
			for _, s := range segments {
				if l.Segment == s {
					sum = sum.Add(exact.Money(l.Exact))
				}
			}
		}
		return sum
	}
	for _, o := range orgs {
		inv, err := w.Local.DraftInvoice(ctx, o, string(invoice.PeriodOf(at, time.UTC)))
		if sluice.CodeOf(err) == sluice.CodeNotFound {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		drafts[o] = inv
	}
	first := at.Format(time.DateOnly)
	last := w.Now().UTC().Format(time.DateOnly)
	w.Advance(49 * time.Hour)
	sealed(t, w)
	for _, closed := range []bool{false, true} {
		if closed {
			if _, err := w.Local.CloseDay(ctx, first); err != nil {
				t.Fatal(err)
			}
		}
		st, err := w.Local.Statement(ctx, api.StatementQuery{Day: first, Through: last, Currency: "USD"})
		if err != nil {
			t.Fatal(err)
		}
		same := func(what string, got, want exact.Number) {
			t.Helper()
			if got.Cmp(want) != 0 {
				t.Errorf("closed %t, %s: %s and %s", closed, what, got, want)
			}
		}
		var customers, invoiced, corrected, promoted exact.Number
		for _, c := range st.Customers {
			customers = customers.Add(c.Charged)
			if drafts[c.Name] != nil {
				same("what "+c.Name+" was charged, and its invoice", c.Charged, sum(drafts[c.Name], invoice.SegmentAPI))
			}
		}
		simulated := exact.Number{}
		for _, inv := range drafts {
			invoiced, corrected = invoiced.Add(sum(inv, invoice.SegmentAPI)), corrected.Add(sum(inv, invoice.SegmentCorrection))
			promoted = promoted.Add(sum(inv, invoice.SegmentCredit))
			simulated = simulated.Add(sum(inv, invoice.SegmentSimulated))
		}
		same("customers and the total", customers, st.Total.Charged)
		same("invoices and the total", invoiced, st.Total.Charged)
		bars := map[string]exact.Number{}
		for _, b := range st.Waterfall {
			bars[b.Name] = b.Amount
		}
		same("the bar of what was charged", bars[statement.BarCharged], st.Total.Charged)
		same("booked otherwise", bars[statement.BarDifference], exact.Number{})
		same("refunds, and corrections on invoices", bars[statement.BarRefunds], corrected)
		same("recognised", bars[statement.BarRecognised], st.Total.Recognised)
		same("simulated calls less granted credit, on the waterfall and on invoices", bars[statement.BarOutside].Add(bars[statement.BarPromotions]), simulated.Add(promoted))
		a := answer(t, w, api.AskWhatIf{Day: first, Through: last, Book: statements.InForce}).Answer
		same("what-if and the total", a.Before.Charged, st.Total.Charged)
		same("rated again by the books in force", a.After.List, st.Total.List)
		var left exact.Number
		for _, o := range orgs {
			b, err := w.Local.Balance(ctx, o)
			if err != nil {
				t.Fatal(err)
			}
			left = left.Add(exact.Money(b.Paid))
		}
		same("what customers have left of what they paid", left, bars[statement.BarCash].Sub(drawn(drafts)))
		same("what moved on prepaid balances", bars[statement.BarPrepaid], left)
	}
}

// drawn is what invoices say was paid from balances.
func drawn(of map[string]*invoice.Invoice) (sum exact.Number) {
	for _, inv := range of {
		sum = sum.Add(exact.Money(inv.Drawn))
	}
	return sum
}
