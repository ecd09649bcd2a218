package statements_test

import (
	"testing"
	"time"

	"sluice/billing/statements"
	"sluice/money/cost"
	"sluice/money/electricity"
	"sluice/money/exact"
	"sluice/money/statement"
)

// TestDaysAddUp: the statement of a week is the sum of its days', and what segments
// report of it, open, closed and in between.
func TestDaysAddUp(t *testing.T) {
	b := newBooks(t)
	day := func(n int) string { return midnight().AddDate(0, 0, n).Format(time.DateOnly) }
	for n := range 7 {
		for i := range n + 1 {
			b.call([]string{"org_a", "org_b"}[i%2], midnight().AddDate(0, 0, n).Add(time.Duration(i)*3*time.Hour))
		}
	}
	b.now = midnight().AddDate(0, 0, 8)
	b.seal()
	b.must(b.store.PutCostPool(t.Context(), &statement.NodePool{Pool: cost.Pool{Name: "gpu1", Chips: 8, Price: exact.Int(1)}, Currency: "USD"}))
	b.must(b.store.ImportNodes(t.Context(), &statement.NodeImport{Spans: []cost.Span{{Pool: "gpu1", From: midnight(), To: midnight().AddDate(0, 0, 7), Nodes: exact.Int(2)}}}))
	for closed := range 4 {
		var charged, spent exact.Number
		for n := range 7 {
			st, err := b.Statement(t.Context(), statements.Query{Day: day(n), Currency: "USD"})
			b.must(err)
			charged, spent = charged.Add(st.Total.Charged), spent.Add(st.Total.Cost)
		}
		week, err := b.Statement(t.Context(), statements.Query{Day: day(0), Through: day(6), Currency: "USD"})
		b.must(err)
		if week.Total.Charged.Text(2) != "28.00" || week.Total.Charged.Cmp(charged) != 0 || week.Total.Cost.Cmp(spent) != 0 || spent.Text(2) != "2688.00" {
			t.Errorf("%d closed: the week charged %s for %s, its days %s for %s", closed, week.Total.Charged, week.Total.Cost, charged, spent)
		}
		of, err := b.Segments(t.Context(), "USD", []statements.Period{{Name: "week", Day: day(0), Through: day(6)}})
		b.must(err)
		if len(of.Periods) != 1 || of.Periods[0].Revenue.Cmp(week.Total.Recognised) != 0 {
			t.Errorf("%d closed: segments %+v", closed, of)
		}
		_, err = b.close.Close(t.Context(), day(2*closed), "me")
		b.must(err)
	}
}

// TestPowerThatWasRemoved opens a closed day again whose power was removed since: it
// costs what it was closed with, and nodes that are imported now are taken up.
func TestPowerThatWasRemoved(t *testing.T) {
	b := newBooks(t)
	b.call("org_a", midnight().Add(time.Hour))
	b.seal()
	b.must(b.store.PutCostPool(t.Context(), &statement.NodePool{Pool: cost.Pool{Name: "gpu1", Chips: 1, Price: exact.Int(1)}, Currency: "USD"}))
	b.must(b.store.ImportNodes(t.Context(), &statement.NodeImport{Spans: []cost.Span{{Pool: "gpu1", From: midnight(), To: midnight().AddDate(0, 0, 1), Nodes: exact.Int(1)}}}))
	contract, err := electricity.NewContract(electricity.Terms{From: midnight().AddDate(-1, 0, 0), Currency: "USD", Price: exact.Of(1, 2), Overhead: 0})
	b.must(err)
	b.must(b.store.PutPowerContract(t.Context(), contract))
	b.must(b.store.AddPower(t.Context(), &electricity.Batch{
		ID:      "1",
		Drawn:   []electricity.Drawn{{Slot: midnight().Add(time.Hour), Engine: "gpu1", Measured: electricity.Part{Energy: 2 * 3_600_000_000, For: electricity.Slot}}},
		Watched: []electricity.Watched{{Engine: "gpu1", Name: "gpu1", First: midnight(), Last: midnight().AddDate(0, 0, 1)}},
	}))
	costs := func(what, want string) {
		t.Helper()
		st, err := b.Statement(t.Context(), statements.Query{Day: monday, Currency: "USD"})
		b.must(err)
		if st.Total.Cost.Text(2) != want {
			t.Errorf("%s: it cost %s, want %s", what, st.Total.Cost, want)
		}
	}
	costs("open", "25.00") // 24 hours, and two kWh
	_, err = b.close.Close(t.Context(), monday, "me")
	b.must(err)
	removed, err := b.store.PrunePower(t.Context(), midnight().AddDate(0, 0, 1))
	if err != nil || removed != 1 {
		t.Fatal(removed, err)
	}
	costs("closed", "25.00")
	_, err = b.close.Reopen(t.Context(), monday, "me", "to look again")
	b.must(err)
	costs("opened again", "25.00")
	_, err = b.close.Close(t.Context(), monday, "me")
	b.must(err)
	costs("closed again", "25.00")
}
