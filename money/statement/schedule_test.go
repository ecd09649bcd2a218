package statement_test

import (
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/money/cost"
	"sluice/money/exact"
	"sluice/money/statement"
)

func loadNodes(t *testing.T, text string) *cost.Fleet {
	t.Helper()
	f, err := statement.LoadNodes(strings.NewReader(text), "USD")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

const nodesHead = "pool,from,to,nodes,chips,price,expense,amount\n"

// take puts an import into a schedule, as a store does.
func take(s *statement.NodeSchedule, in *statement.NodeImport) {
	for _, gone := range in.Removed {
		for i, span := range s.Spans {
			if span.Pool == gone.Pool && span.From.Equal(gone.From) {
				s.Spans = append(s.Spans[:i:i], s.Spans[i+1:]...)
				break
			}
		}
	}
	s.Pools, s.Spans, s.Costs = append(s.Pools, in.Pools...), append(s.Spans, in.Spans...), append(s.Costs, in.Costs...)
}

func TestImportOfNodes(t *testing.T) {
	s := &statement.NodeSchedule{}
	id := func() string { return "pay_1" }
	first, err := s.Take(loadNodes(t, nodesHead+"h800,2026-03-01,2026-03-03,10,8,2,,\n,2026-03-01,2026-04-01,,,,people,310\n"), false, id)
	if err != nil || len(first.Pools) != 1 || len(first.Spans) != 1 || len(first.Costs) != 1 {
		t.Fatalf("%+v, %v", first, err)
	}
	take(s, first)
	for name, c := range map[string]struct{ text, want string }{
		"overlap":  {nodesHead + "h800,2026-02-28,2026-03-01,1,8,2,,\nh800,2026-03-02,2026-03-04,1,8,2,,\n", "line 3: the schedule of \"h800\" from 2026-03-02T00:00:00Z to 2026-03-04T00:00:00Z overlaps what is there, from 2026-03-01T00:00:00Z"},
		"price":    {nodesHead + "h800,2026-03-05,2026-03-06,1,8,3,,\n", "line 2: the pool \"h800\" is there with another"},
		"the file": {nodesHead + "x,2026-03-05,2026-03-06,1,8,3,,\n,2026-03-05,2026-03-06,,,,people,1\n", ""},
	} {
		_, err := s.Take(loadNodes(t, c.text), false, id)
		if c.want == "" && err != nil || c.want != "" && (sluice.CodeOf(err) != sluice.CodeInvalid || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	again, err := s.Take(loadNodes(t, nodesHead+"h800,2026-03-02,2026-03-02T12:00:00Z,7,8,2,,\n"), true, id)
	if err != nil {
		t.Fatal(err)
	}
	take(s, again)
	f := s.Fleet("USD", nil, nil)
	r, err := f.Between(day(2026, 3, 1), day(2026, 3, 3))
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Total.NodeHours.String(); got != "444" { // 240, 84 and 120
		t.Errorf("after a replacement there are %s node-hours", got)
	}
	if s.Fleet("CNY", nil, nil) != nil {
		t.Error("there is a fleet in a currency that nothing is paid in")
	}
}

func day(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

func TestMeasuredPools(t *testing.T) {
	s := &statement.NodeSchedule{
		Pools: []statement.NodePool{{Pool: cost.Pool{Name: "a", Chips: 8, Price: exact.Int(2)}, Currency: "USD", Measured: true}},
		Engines: []statement.Placed{
			{Engine: "eng_1", Name: "one", Pool: "a", Segment: statement.SegmentSearch, Nodes: exact.Int(2)},
			{Engine: "eng_2", Name: "two", Pool: "a", Segment: statement.SegmentAPI, Nodes: exact.Int(1)},
		},
	}
	hour := day(2026, 3, 1)
	up := []statement.Up{{"eng_1", hour, time.Hour}, {"eng_2", hour, 30 * time.Minute}, {"eng_2", hour.Add(time.Hour), 15 * time.Minute}, {"eng_3", hour, time.Hour}}
	drawn := []cost.Drawn{{Pool: "eng_2", From: hour, To: hour.Add(time.Hour), KWh: exact.Int(3), Amount: exact.Int(1)}}
	f := s.Fleet("USD", up, drawn)
	r, err := f.Between(hour, hour.Add(24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if r.Total.NodeHours.String() != "2.75" || r.Total.Peak.String() != "2.5" || r.Total.Power.String() != "1" || r.Total.Total.String() != "45" {
		t.Errorf("%+v", r.Total)
	}
	if pool, segment := s.Place("eng_1"); pool != "a" || segment != statement.SegmentSearch {
		t.Errorf("placed in %s, %s", pool, segment)
	}
	if pool, segment := s.Place("eng_9"); pool != "eng_9" || segment != statement.SegmentAPI {
		t.Errorf("placed in %s, %s", pool, segment)
	}
	if _, err := s.Take(loadNodes(t, nodesHead+"a,2026-03-05,2026-03-06,1,8,2,,\n"), false, nil); err == nil || !strings.Contains(err.Error(), "measured") {
		t.Errorf("a schedule of a measured pool: %v", err)
	}
}
