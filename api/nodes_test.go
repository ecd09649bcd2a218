package api_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
	"sluice/billing/closing"
	"sluice/billing/statements"
	"sluice/money/cost"
	"sluice/money/exact"
	"sluice/money/statement"
)

// sealed seals what is due, as a server does.
func sealed(t *testing.T, w *apitest.World) {
	t.Helper()
	books := closing.New(closing.Options{Hours: w.Store, Days: w.Store, Notes: w.Store, Flush: w.Ledger.Flush, Now: w.Now})
	if _, err := books.SealDue(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

// served books a call of a million tokens in and half a million out, at an instant.
func served(t *testing.T, w *apitest.World, org, engine string, at time.Time) {
	t.Helper()
	priced, err := w.Local.PriceModel(t.Context(), api.PriceModel{Currency: "USD", ModelPrices: api.ModelPrices{Model: "glm", ClassPrices: prices(t, "1", "", "1")}})
	if err != nil {
		t.Fatal(err)
	}
	w.Call(sluice.Event{
		Org: org, Key: "key_1", Model: "glm", Engine: engine, Book: priced.Book, AdmittedAt: at, EndedAt: at,
		Usage: sluice.Usage{1_000_000, 0, 0, 500_000}, List: 1_500_000_000_000, Charge: 1_500_000_000_000,
	})
}

func instant(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// TestNodesOfTheServer imports a schedule, reads a statement with costs, closes the
// day, and changes the schedule: the closed day keeps the one that it was closed with.
func TestNodesOfTheServer(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	engine, err := w.Local.PutEngine(ctx, "gpu1", api.PutEngine{Kind: sluice.EngineSimulated, URL: "sim:h100", Models: map[string]string{"glm": "glm"}})
	if err != nil {
		t.Fatal(err)
	}
	org := w.Org("acme")
	w.Credit(org.ID, "10.00")
	at := w.Now().UTC()
	from := at.Truncate(24 * time.Hour)
	to, day := from.Add(24*time.Hour), from.Format(time.DateOnly)
	served(t, w, org.ID, engine.Name, at) // events have the name
	w.Advance(49 * time.Hour)
	sealed(t, w)

	head := "pool,from,to,nodes,chips,price,expense,amount\n"
	file := head + "h800," + instant(from) + "," + instant(to) + ",2,8,0.01,,\n," + instant(from) + "," + instant(to) + ",,,,people,0.16\n"
	got, err := w.Local.ImportNodes(ctx, api.ImportNodes{File: file, Currency: "USD"})
	if err != nil || len(got.Pools) != 1 || len(got.Spans) != 1 || len(got.Costs) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	_, err = w.Local.ImportNodes(ctx, api.ImportNodes{File: file + "x,y\n", Currency: "USD"})
	if sluice.CodeOf(err) != sluice.CodeInvalid || !strings.Contains(err.Error(), "line 4") {
		t.Errorf("a damaged file: %v", err)
	}
	_, err = w.Local.ImportNodes(ctx, api.ImportNodes{File: head + "new," + instant(from) + "," + instant(to) + ",2,8,1,,\nh800," + instant(to.Add(-time.Hour)) + "," + instant(to.Add(time.Hour)) + ",2,8,0.01,,\n", Currency: "USD"})
	if sluice.CodeOf(err) != sluice.CodeInvalid || !strings.Contains(err.Error(), "line 3: the schedule of \"h800\"") {
		t.Errorf("an overlap: %v", err)
	}
	if _, err := w.Local.PlaceEngine(ctx, "gpu1", api.PlaceEngine{Pool: "h800", Segment: statement.SegmentSearch}); err != nil {
		t.Fatal(err)
	}
	s, err := w.Local.Nodes(ctx, from, to)
	if err != nil || len(s.Pools) != 1 || len(s.Spans) != 1 || s.Engines[0].Pool != "h800" {
		t.Fatalf("kept %+v, %v", s, err)
	}
	q := api.StatementQuery{Day: day, Currency: "USD", Prefill: "1000000", Decode: "500000"}
	costs := func(what, want string) {
		t.Helper()
		st, err := w.Local.Statement(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		// Two nodes of 8 chips for a day at 0.01, and people: 3.84 + 0.16.
		if st.Total.Cost.String() != want || len(st.Pools) != 1 || st.Pools[0].Name != "h800" || st.Pools[0].Cost.String() != want || st.Models[0].Cost.String() != want ||
			st.Customers[0].Cost.String() != want || st.Segments[0].Name != "search" || st.Segments[0].Cost.String() != want || st.Nodes == nil || st.Nodes.Implied.Sign() == 0 {
			t.Errorf("%s: cost %s, pools %+v, notes %q", what, st.Total.Cost, st.Pools, st.Notes)
		}
	}
	costs("open", "4")
	if _, err := w.Local.CloseDay(ctx, day); err != nil {
		t.Fatal(err)
	}
	closed, err := w.Local.Day(ctx, day)
	if err != nil || len(closed.Closes[0].Costs) != 64 {
		t.Fatalf("closed with %+v, %v", closed, err)
	}
	if _, err := w.Local.ImportNodes(ctx, api.ImportNodes{File: strings.Replace(file, ",2,8,", ",4,8,", 1), Currency: "USD", Replace: true}); err != nil {
		t.Fatal(err)
	}
	costs("closed", "4")
	if _, err := w.Local.ReopenDay(ctx, day, "the schedule was wrong"); err != nil {
		t.Fatal(err)
	}
	costs("opened again", "8") // 7.68 + two times 0.16
	if _, err := w.Local.CloseDay(ctx, day); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Local.DeleteNodes(ctx, "h800", from, to); err != nil {
		t.Fatal(err)
	}
	costs("closed again", "8")
	altered(t, w, ctx, q)
}

// altered: costs of a closed day are by their hash, so that others are not taken for them.
func altered(t *testing.T, w *apitest.World, ctx context.Context, q api.StatementQuery) {
	t.Helper()
	d, err := w.Local.Day(ctx, q.Day)
	if err != nil {
		t.Fatal(err)
	}
	hash := d.Closes[len(d.Closes)-1].Costs
	kept, err := w.Store.KeptCosts(ctx, hash)
	if err != nil || !strings.Contains(kept, `"h800"`) {
		t.Errorf("kept %s, %v", kept, err)
	}
}

func TestPoolsAndCosts(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	if _, err := w.Local.PutNodePool(ctx, "a", api.PutNodePool{Chips: 8, Price: exact.Of(5, 2), Currency: "USD", Measured: true}); err != nil {
		t.Fatal(err)
	}
	_, err := w.Local.PutNodePool(ctx, "b", api.PutNodePool{Chips: 8, Price: exact.Int(-1), Currency: "USD"})
	if sluice.CodeOf(err) != sluice.CodeInvalid {
		t.Errorf("a price below zero: %v", err)
	}
	amount, _ := sluice.ParseAmount("12.50")
	day := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	c, err := w.Local.AddCost(ctx, api.AddCost{Kind: cost.KindBandwidth, Pool: "a", From: day, To: day.AddDate(0, 1, 0), Amount: amount, Currency: "USD"})
	if err != nil || c.ID == "" {
		t.Fatalf("%+v, %v", c, err)
	}
	for name, bad := range map[string]api.AddCost{
		"no pool": {Kind: cost.KindPeople, Pool: "z", From: day, To: day.AddDate(0, 1, 0), Amount: amount, Currency: "USD"},
		"no time": {Kind: cost.KindPeople, From: day, To: day, Amount: amount, Currency: "USD"},
		"no kind": {Kind: "beer", From: day, To: day.AddDate(0, 1, 0), Amount: amount, Currency: "USD"},
	} {
		if _, err := w.Local.AddCost(ctx, bad); sluice.CodeOf(err) != sluice.CodeInvalid && sluice.CodeOf(err) != sluice.CodeNotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := w.Local.DeleteCost(ctx, c.ID); err != nil {
		t.Error(err)
	}
	if err := w.Local.DeleteNodePool(ctx, "a"); err != nil {
		t.Error(err)
	}
	if _, err := w.Local.PlaceEngine(ctx, "nobody", api.PlaceEngine{Pool: "a"}); sluice.CodeOf(err) != sluice.CodeNotFound {
		t.Errorf("an engine that is not there: %v", err)
	}
}

// TestBooksTimezone: days begin by another clock from a day on, a closed day keeps
// its own, and no hour is lost.
func TestBooksTimezone(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	org := w.Org("acme")
	w.Credit(org.ID, "10.00")
	at := w.Now().UTC()
	day := at.Format(time.DateOnly)
	served(t, w, org.ID, "eng_1", at)
	w.Advance(80 * time.Hour)
	sealed(t, w)
	if _, err := w.Local.PutTimezone(ctx, api.PutTimezone{Zone: "Asia/Kolkata"}); sluice.CodeOf(err) != sluice.CodeInvalid {
		t.Errorf("half an hour: %v", err)
	}
	if _, err := w.Local.CloseDay(ctx, day); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{"", day} {
		if _, err := w.Local.PutTimezone(ctx, api.PutTimezone{Zone: "Asia/Shanghai", From: from}); sluice.CodeOf(err) != sluice.CodeConflict || !strings.Contains(err.Error(), "UTC") {
			t.Errorf("from %q a closed chain changes its clock: %v", from, err)
		}
	}
	next := at.AddDate(0, 0, 1).Format(time.DateOnly)
	set, err := w.Local.PutTimezone(ctx, api.PutTimezone{Zone: "Asia/Shanghai", From: next})
	if err != nil || len(set.Clocks) != 2 {
		t.Fatalf("%+v, %v", set, err)
	}
	first, err := w.Local.StatementRows(ctx, api.StatementQuery{Day: day, Currency: "USD"})
	if err != nil {
		t.Fatal(err)
	}
	second, err := w.Local.StatementRows(ctx, api.StatementQuery{Day: next, Currency: "USD"})
	if err != nil || !second.From.Equal(first.To) || second.To.Sub(second.From) != 16*time.Hour || len(first.Rows) != 1 || !first.Closed {
		t.Errorf("%s from %s to %s, then to %s, %v", day, first.From, first.To, second.To, err)
	}
	closed, err := w.Local.CloseDay(ctx, next)
	if err != nil || closed.Closes[0].Zone != "Asia/Shanghai" || !closed.Closes[0].To.Equal(second.To) {
		t.Errorf("closed %+v, %v", closed, err)
	}
	if audit, err := w.Local.AuditSeals(ctx, api.Audit{}); err != nil || !audit.OK {
		t.Errorf("%+v, %v", audit, err)
	}
}

// TestOpenBars: what a bar opens to is what it says, down to the calls.
func TestOpenBars(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	org := w.Org("acme")
	w.Credit(org.ID, "10.00")
	at := w.Now().UTC()
	for range 3 {
		served(t, w, org.ID, "eng_1", at)
	}
	w.Advance(3 * time.Hour)
	sealed(t, w)
	q := api.StatementQuery{Day: at.Format(time.DateOnly), Currency: "USD"}
	st, err := w.Local.Statement(ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	opened := 0
	for _, bar := range st.Waterfall {
		if bar.Total || bar.Name == statement.BarDifference {
			if _, err := w.Local.OpenBar(ctx, api.BarQuery{StatementQuery: q, Bar: bar.Name}); sluice.CodeOf(err) != sluice.CodeInvalid {
				t.Errorf("%s: %v", bar.Name, err)
			}
			continue
		}
		parts, err := w.Local.OpenBar(ctx, api.BarQuery{StatementQuery: q, Bar: bar.Name})
		if err != nil {
			t.Fatalf("%s: %v", bar.Name, err)
		}
		var sum exact.Number
		for _, p := range parts.Data {
			sum = sum.Add(p.Amount)
		}
		if sum.Cmp(bar.Amount) != 0 {
			t.Errorf("%s is %s, and opens to %s", bar.Name, bar.Amount, sum)
		}
		calls, err := w.Local.OpenBarCalls(ctx, api.BarCallsQuery{BarQuery: api.BarQuery{StatementQuery: q, Bar: bar.Name}, Customer: org.ID})
		if err != nil {
			t.Fatalf("%s: %v", bar.Name, err)
		}
		sum = exact.Number{}
		for _, c := range calls.Data {
			sum = sum.Add(c.Amount)
		}
		if sum.Cmp(bar.Amount) != 0 {
			t.Errorf("%s is %s, and its calls come to %s", bar.Name, bar.Amount, sum)
		}
		if bar.Amount.Sign() != 0 {
			opened++
		}
	}
	if opened < 2 {
		t.Errorf("only %d bars opened to something", opened)
	}
	first, err := w.Local.OpenBarCalls(ctx, api.BarCallsQuery{BarQuery: api.BarQuery{StatementQuery: q, Bar: statement.BarTheoretical, Paging: api.Paging{Limit: 2}}, Customer: org.ID, Model: "glm"})
	if err != nil || len(first.Data) != 2 || first.Next == "" {
		t.Errorf("a page: %+v, %v", first, err)
	}
}

// TestSegmentsOverTime reports two months of the server's books, research apart.
func TestSegmentsOverTime(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	org := w.Org("acme")
	w.Credit(org.ID, "10.00")
	at := w.Now().UTC()
	served(t, w, org.ID, "eng_1", at)
	w.Advance(3 * time.Hour)
	sealed(t, w)
	day := at.Truncate(24 * time.Hour)
	for kind, s := range map[cost.Kind]string{cost.KindPeople: "0.30", cost.KindTraining: "0.45", cost.KindResearch: "0.15"} {
		amount, err := sluice.ParseAmount(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Local.AddCost(ctx, api.AddCost{Kind: kind, From: day, To: day.AddDate(0, 0, 1), Amount: amount, Currency: "USD"}); err != nil {
			t.Fatal(err)
		}
	}
	yearAgo := day.AddDate(-1, 0, 0).Format(time.DateOnly)
	s, err := w.Local.ReportSegments(ctx, api.ReportSegments{Currency: "USD", Periods: []statements.Period{
		{Name: "before", Day: yearAgo, Through: yearAgo}, {Name: "now", Day: day.Format(time.DateOnly), Through: day.Format(time.DateOnly)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	p := s.Periods[1]
	if p.Revenue.Text(2) != "1.50" || p.GrossProfit.Text(2) != "1.20" || p.Research.Percent(0) != "40" || p.Compute.Percent(0) != "75" || p.TopOne.Percent(0) != "100" || len(p.Segments) == 0 || s.Years != 1 || s.CAGR != nil {
		t.Errorf("%+v", s)
	}
}
