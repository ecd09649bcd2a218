package cost_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice"
	"sluice/money/cost"
	"sluice/money/exact"
)

var day = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func hour(h int) time.Time { return day.Add(time.Duration(h) * time.Hour) }

func pool(name string, price, watts int64) cost.Pool {
	return cost.Pool{Name: name, Chips: 8, Price: exact.Int(price), Watts: watts}
}

func span(pool string, from, to int, nodes int64) cost.Span {
	return cost.Span{Pool: pool, From: hour(from), To: hour(to), Nodes: exact.Int(nodes), Line: from + 2}
}

func amount(t testing.TB, s string) sluice.Amount {
	t.Helper()
	a, err := sluice.ParseAmount(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func expect(t *testing.T, what string, got exact.Number, want string) {
	t.Helper()
	if got.Text(4) != want {
		t.Errorf("%s is %s, want %s", what, got.Text(4), want)
	}
}

func TestBetween(t *testing.T) {
	f := cost.Fleet{
		Currency: "USD", Pools: []cost.Pool{pool("a", 2, 10_000), pool("b", 3, 0)}, PowerPrice: exact.Of(1, 10),
		Spans: []cost.Span{span("a", 0, 12, 10), span("a", 12, 24, 4), span("b", 6, 18, 3), span("b", 30, 40, 99)},
		Expenses: []cost.Expense{
			{Kind: cost.KindPeople, From: hour(-24), To: hour(48), Amount: amount(t, "300.00")},
			{Kind: cost.KindTraining, Pool: "b", From: hour(0), To: hour(48), Amount: amount(t, "10.00")},
			{Kind: cost.KindBandwidth, From: hour(24), To: hour(25), Amount: amount(t, "7.00")},
		},
	}
	r, err := f.Between(hour(0), hour(24))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "node-hours", r.Total.NodeHours, "204.0000") // 168 + 36
	expect(t, "mean", r.Total.Mean, "8.5000")
	expect(t, "peak", r.Total.Peak, "13.0000")
	expect(t, "energy", r.Total.KWh, "1680.0000")
	expect(t, "rent", r.Total.Rent, "3552.0000") // 168×16 + 36×24
	expect(t, "power", r.Total.Power, "168.0000")
	expect(t, "people", r.Total.Expenses[cost.KindPeople], "100.0000")
	expect(t, "training", r.Total.Expenses[cost.KindTraining], "5.0000")
	expect(t, "bandwidth of the next day", r.Total.Expenses[cost.KindBandwidth], "0.0000")
	expect(t, "all", r.Total.Total, "3825.0000")
	if len(r.Pools) != 3 || r.Pools[0].Pool != "" || r.Pools[2].Pool != "b" {
		t.Fatalf("pools %+v", r.Pools)
	}
	expect(t, "what is for no pool", r.Pools[0].Total, "100.0000")
	expect(t, "the mean of b", r.Pools[2].Mean, "1.5000")
	expect(t, "the peak of b", r.Pools[2].Peak, "3.0000")
	per, ok := r.Total.PerNodeHour().Value()
	if !ok || per.Text(2) != "18.75" {
		t.Errorf("a node-hour costs %s", per)
	}
}

func TestRefused(t *testing.T) {
	good := cost.Fleet{Currency: "USD", Pools: []cost.Pool{pool("a", 1, 0), pool("b", 1, 0)}}
	for name, c := range map[string]struct {
		change func(*cost.Fleet)
		want   string
	}{
		"overlap": {func(f *cost.Fleet) {
			f.Spans = []cost.Span{span("a", 3, 6, 1), span("b", 0, 9, 1), span("a", 1, 4, 1)}
			f.Spans[2].Line = 9
		}, `line 9: the schedule of "a" from 2026-03-01T01:00:00Z to 2026-03-01T04:00:00Z overlaps that of line 5, from 2026-03-01T03:00:00Z`},
		"clock":        {func(f *cost.Fleet) { f.Spans = []cost.Span{span("a", 4, 4, 1)} }, "line 6: the schedule of \"a\" goes from 2026-03-01T04:00:00Z to 2026-03-01T04:00:00Z: the clock stands"},
		"no pool":      {func(f *cost.Fleet) { f.Spans = []cost.Span{span("c", 1, 2, 1)} }, `line 3: there is no pool "c"`},
		"negative":     {func(f *cost.Fleet) { f.Spans = []cost.Span{span("a", 1, 2, -1)} }, "-1 nodes"},
		"two pools":    {func(f *cost.Fleet) { f.Pools = append(f.Pools, pool("a", 1, 0)) }, `two pools "a"`},
		"no chips":     {func(f *cost.Fleet) { f.Pools = []cost.Pool{{Name: "x"}} }, "0 chips"},
		"power":        {func(f *cost.Fleet) { f.PowerPrice = exact.Int(-1) }, "price of power"},
		"kind":         {func(f *cost.Fleet) { f.Expenses = []cost.Expense{{Kind: "beer", Line: 3}} }, `line 3: an expense for "beer"`},
		"expense time": {func(f *cost.Fleet) { f.Expenses = []cost.Expense{{Kind: cost.KindPeople}} }, "the expense goes from"},
		"expense pool": {func(f *cost.Fleet) { f.Expenses = []cost.Expense{{Kind: cost.KindPeople, Pool: "z"}} }, `no pool "z"`},
	} {
		f := good
		c.change(&f)
		_, err := f.Between(hour(0), hour(1))
		if sluice.CodeOf(err) != sluice.CodeInvalid || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
	}
	touching := good
	touching.Spans = []cost.Span{span("a", 0, 3, 1), span("a", 3, 4, 1)}
	if err := touching.Check(); err != nil {
		t.Errorf("spans that touch: %v", err)
	}
	if _, err := touching.Between(hour(1), hour(1)); sluice.CodeOf(err) != sluice.CodeInvalid {
		t.Errorf("no time: %v", err)
	}
}

func TestAmortised(t *testing.T) {
	price, err := cost.Amortised(exact.Int(35_040), 4)
	if err != nil || price.String() != "1" {
		t.Errorf("%s, %v", price, err)
	}
	if _, err := cost.Amortised(exact.Int(1), 0); err == nil {
		t.Error("over no years")
	}
}

func TestWork(t *testing.T) {
	r := cost.NodeRates{Prefill: exact.Int(4), Decode: exact.Int(1)}
	w := r.Work()
	units := sluice.Usage{sluice.ClassInput: 4_000_000, sluice.ClassReasoning: 1_000_000, sluice.ClassImage: 5}
	if got := w.Of(&units).String(); got != "2000000" {
		t.Errorf("the work is %s", got)
	}
	prices := w.PerMillion(exact.Int(100), &units)
	expect(t, "input", prices[sluice.ClassInput], "12.5000")
	expect(t, "reasoning", prices[sluice.ClassReasoning], "50.0000")
	expect(t, "images", prices[sluice.ClassImage], "0.0000")
	even := cost.EvenWork()
	expect(t, "even", even.PerMillion(exact.Int(100), &units)[sluice.ClassOutput], "20.0000")
	expect(t, "nothing", even.PerMillion(exact.Int(100), &sluice.Usage{})[sluice.ClassOutput], "0.0000")
}

// TestParts: what a fleet costs in a day is what it costs in the hours of the day.
func TestParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := cost.Fleet{Currency: "USD", Pools: []cost.Pool{pool("a", 2, 700), pool("b", 3, 10)}, PowerPrice: exact.Of(1, 7)}
		for _, name := range []string{"a", "b"} {
			at := day
			for range rapid.IntRange(0, 5).Draw(t, "spans") {
				at = at.Add(time.Duration(rapid.Int64Range(0, 9e12).Draw(t, "gap")))
				end := at.Add(time.Duration(rapid.Int64Range(1, 2e13).Draw(t, "length")))
				f.Spans = append(f.Spans, cost.Span{Pool: name, From: at, To: end, Nodes: exact.Int(rapid.Int64Range(0, 300).Draw(t, "nodes"))})
				at = end
			}
		}
		f.Expenses = []cost.Expense{{Kind: cost.KindOther, From: day.Add(-time.Minute), To: day.Add(7 * time.Hour), Amount: sluice.Amount{Nano: rapid.Int64Range(0, 1e15).Draw(t, "amount"), Carry: 7}}}
		whole, err := f.Between(day, day.Add(24*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		var total, hours, most exact.Number
		for h := range 24 {
			part, err := f.Between(hour(h), hour(h+1))
			if err != nil {
				t.Fatal(err)
			}
			total, hours = total.Add(part.Total.Total), hours.Add(part.Total.NodeHours)
			if part.Total.Peak.Cmp(most) > 0 {
				most = part.Total.Peak
			}
		}
		if total.Cmp(whole.Total.Total) != 0 || hours.Cmp(whole.Total.NodeHours) != 0 || most.Cmp(whole.Total.Peak) != 0 {
			t.Errorf("the hours: %s for %s node-hours, peak %s; the day: %s for %s, peak %s", total, hours, most, whole.Total.Total, whole.Total.NodeHours, whole.Total.Peak)
		}
	})
}

// TestMeasuredPower: what was measured stands in place of the nodes' watts, for its time alone.
func TestMeasuredPower(t *testing.T) {
	f := cost.Fleet{
		Currency: "USD", Pools: []cost.Pool{pool("a", 2, 1000)}, PowerPrice: exact.Of(1, 10),
		Spans: []cost.Span{span("a", 0, 6, 2), span("a", 8, 10, 2)},
		Drawn: []cost.Drawn{
			{Pool: "a", From: hour(2), To: hour(4), KWh: exact.Int(7), Amount: exact.Int(3)},
			{Pool: "a", From: hour(1), To: hour(3), KWh: exact.Int(5), Amount: exact.Int(1)},
			{Pool: "a", From: hour(9), To: hour(11), KWh: exact.Int(4), Amount: exact.Int(2)},
		},
	}
	r, err := f.Between(hour(0), hour(10))
	if err != nil {
		t.Fatal(err)
	}
	// Without a measure are the hours 0, 4, 5 and 8: two nodes each, of a kW.
	expect(t, "energy", r.Total.KWh, "22.0000") // 7 + 5 + half of 4 + 8
	expect(t, "power", r.Total.Power, "5.8000") // 3 + 1 + half of 2 + 0.8
	expect(t, "all", r.Total.Total, "261.8000") // and the rent of 16 node-hours
	f.Drawn[0].Pool = "b"
	if _, err := f.Between(hour(0), hour(1)); sluice.CodeOf(err) != sluice.CodeInvalid {
		t.Errorf("energy of no pool: %v", err)
	}
}

// TestTogether: what periods cost one by one is what they cost together.
func TestTogether(t *testing.T) {
	f := cost.Fleet{
		Currency: "USD", Pools: []cost.Pool{pool("a", 2, 0), pool("b", 3, 0)},
		Spans: []cost.Span{span("a", 0, 30, 10), span("b", 40, 44, 3)},
		Expenses: []cost.Expense{
			{Kind: cost.KindPeople, From: hour(0), To: hour(48), Amount: amount(t, "48.00")},
			{Kind: cost.KindTraining, Pool: "b", From: hour(0), To: hour(48), Amount: amount(t, "12.00")},
		},
	}
	whole, err := f.Between(hour(0), hour(48))
	if err != nil {
		t.Fatal(err)
	}
	first, err := f.Between(hour(0), hour(24))
	if err != nil {
		t.Fatal(err)
	}
	second, err := f.Between(hour(24), hour(48))
	if err != nil {
		t.Fatal(err)
	}
	sum := cost.Together([]*cost.Report{first, second})
	if d := cmp.Diff(whole, sum, cmp.Comparer(func(a, b exact.Number) bool { return a.Cmp(b) == 0 })); d != "" {
		t.Error(d)
	}
	if cost.Together(nil) != nil {
		t.Error("no periods cost something")
	}
	left := whole.Without(cost.KindTraining, cost.KindResearch)
	if left.Total.Total.Add(exact.Int(12)).Cmp(whole.Total.Total) != 0 || left.Total.NodeHours.Cmp(whole.Total.NodeHours) != 0 || whole.Total.Expenses[cost.KindTraining].Sign() == 0 {
		t.Errorf("without training: %+v", left.Total)
	}
}
