package storetest

import (
	"testing"
	"time"

	"sluice"
	"sluice/money/cost"
	"sluice/money/exact"
	"sluice/money/seal"
	"sluice/money/statement"
	"sluice/store"
)

func testCosts(t *testing.T, db *store.DB) {
	ctx := t.Context()
	pool := statement.NodePool{Pool: cost.Pool{Name: "h800", Chips: 8, Price: exact.Of(5, 2), Watts: 10_000}, Currency: "USD"}
	day := func(d int) time.Time { return midnight().AddDate(0, 0, d) }
	first := &statement.NodeImport{
		Pools: []statement.NodePool{pool},
		Spans: []cost.Span{{Pool: "h800", From: day(0), To: day(4), Nodes: exact.Of(45_350, 200)}},
		Costs: []statement.PeriodCost{{ID: "pay_1", Currency: "USD", Expense: cost.Expense{Kind: cost.KindPeople, From: day(0), To: day(30), Amount: sluice.Amount{Nano: 5, Carry: 1}}}},
	}
	check(t, db.ImportNodes(ctx, first))
	cut := &statement.NodeImport{Removed: first.Spans, Spans: []cost.Span{
		{Pool: "h800", From: day(0), To: day(1), Nodes: exact.Int(3)}, {Pool: "h800", From: day(1), To: day(4), Nodes: exact.Int(2)},
	}, Costs: []statement.PeriodCost{first.Costs[0]}}
	if code := sluice.CodeOf(db.ImportNodes(ctx, cut)); code != sluice.CodeConflict { // the payment is there
		t.Errorf("a payment twice: %q", code)
	}
	cut.Costs = nil
	check(t, db.ImportNodes(ctx, cut))
	if code := sluice.CodeOf(db.ImportNodes(ctx, cut)); code != sluice.CodeConflict { // what it removes is gone
		t.Errorf("an import for another schedule: %q", code)
	}
	check(t, db.PlaceEngine(ctx, &statement.Placed{Engine: "eng_1", Name: "gpu1", Pool: "h800", Segment: statement.SegmentSearch, Nodes: exact.Int(2)}))
	s, err := db.Schedule(ctx, day(1), day(2))
	check(t, err)
	if len(s.Pools) != 1 || s.Pools[0].Price.String() != "2.5" || s.Pools[0].Chips != 8 || len(s.Costs) != 1 || s.Costs[0].Amount != first.Costs[0].Amount {
		t.Errorf("read %+v", s)
	}
	if len(s.Spans) != 1 || s.Spans[0].Nodes.String() != "2" || !s.Spans[0].From.Equal(day(1)) {
		t.Errorf("spans of a day: %+v", s.Spans)
	}
	if p, segment := s.Place("eng_1"); p != "h800" || segment != statement.SegmentSearch {
		t.Errorf("the engine is in %s, %s", p, segment)
	}
	check(t, db.KeepCosts(ctx, "abc", `{"a":1}`))
	check(t, db.KeepCosts(ctx, "abc", `{"a":1}`))
	if text, err := db.KeptCosts(ctx, "abc"); err != nil || text != `{"a":1}` {
		t.Errorf("kept %q, %v", text, err)
	}
	if _, err := db.KeptCosts(ctx, "abd"); sluice.CodeOf(err) != sluice.CodeNotFound {
		t.Errorf("what was not kept: %v", err)
	}
	check(t, db.DeletePeriodCost(ctx, "pay_1"))
	check(t, db.DeleteCostPool(ctx, "h800"))
	if s, err = db.Schedule(ctx, day(0), day(9)); err != nil || len(s.Pools)+len(s.Spans)+len(s.Costs)+len(s.Engines) != 0 {
		t.Errorf("after all is gone: %+v, %v", s, err)
	}
	if sluice.CodeOf(db.DeleteCostPool(ctx, "h800")) != sluice.CodeNotFound || sluice.CodeOf(db.DeletePeriodCost(ctx, "pay_1")) != sluice.CodeNotFound {
		t.Error("what is not there was deleted")
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func testCounts(t *testing.T, db *store.DB) {
	ctx := t.Context()
	hour := midnight()
	reading := seal.Reading{Engine: "eng_1", Prompt: 5, Completion: 2, At: hour.Add(time.Minute), KnownFrom: hour}
	count := seal.Count{Engine: "eng_1", Hour: hour, Up: time.Minute, Counted: true, Prompt: 5, Completion: 2, Source: seal.SourceMetrics}
	for n := range int64(2) {
		reading.Prompt, reading.Restarts = 5*(n+1), n
		check(t, db.AddCounts(ctx, []seal.Count{count, {Engine: "eng_2", Hour: hour, Up: time.Second}}, []seal.Reading{reading}))
	}
	counters, err := db.EngineCounters(ctx, hour, hour.Add(time.Hour))
	check(t, err)
	if len(counters) != 1 || counters[0].Prompt != 10 || counters[0].Completion != 4 || counters[0].Source != seal.SourceMetrics {
		t.Errorf("counted %+v", counters)
	}
	up, err := db.EnginesUp(ctx, hour, hour.Add(time.Hour))
	check(t, err)
	if len(up) != 2 || up[0].For != 2*time.Minute || up[1].For != 2*time.Second {
		t.Errorf("up %+v", up)
	}
	all, err := db.EngineReadings(ctx)
	check(t, err)
	if len(all) != 1 || all[0] != reading {
		t.Errorf("read %+v", all)
	}
}
