package whatif_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice"
	"sluice/money/calendar"
	"sluice/money/cost"
	"sluice/money/exact"
	"sluice/money/price"
	"sluice/money/quota"
	"sluice/money/whatif"
)

var day = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)

// book has a peak, a batch price, a tier for long prompts, and a model with steps.
func book(t testing.TB, id string, times int64) *price.Book {
	t.Helper()
	arcs, err := calendar.ParseArcs("Mon-Fri 09:00-18:00")
	if err != nil {
		t.Fatal(err)
	}
	peak, err := calendar.New("peak", calendar.Version{Zone: "Asia/Shanghai", Arcs: arcs})
	if err != nil {
		t.Fatal(err)
	}
	rule := func(model string, class sluice.Class, p int64, c price.Conditions) price.Rule {
		return price.Rule{Model: model, Class: class, Price: sluice.Pico(p * times), Conditions: c}
	}
	at, batch, none := price.Conditions{Calendar: "peak"}, price.Conditions{Batch: true}, price.Conditions{}
	d := price.Draft{Currency: "USD", EffectiveAt: day.AddDate(0, 0, -1), Calendars: []*calendar.Calendar{peak}, Rules: []price.Rule{
		rule("m", sluice.ClassInput, 600_000, none), rule("m", sluice.ClassInput, 900_000, at), rule("m", sluice.ClassInput, 300_000, batch),
		rule("m", sluice.ClassCached, 110_000, none), rule("m", sluice.ClassOutput, 2_200_000, none), rule("m", sluice.ClassOutput, 3_000_000, at),
	}}
	for _, class := range []sluice.Class{sluice.ClassInput, sluice.ClassOutput} {
		for i, p := range []int64{1_000_000, 500_000} {
			r := rule("stepped", class, p, none)
			r.Steps, r.Period, r.VolumeMin = price.StepsVolume, price.PeriodDay, int64(i)*10_000
			if i == 0 {
				r.VolumeMax = 10_000
			}
			d.Rules = append(d.Rules, r)
		}
	}
	b, err := price.Publish(id, d, day.AddDate(0, 0, -1))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// billed draws events as they are billed by the book: in full, in part, or by a plan.
func billed(t *rapid.T, b *price.Book) []sluice.Event {
	events := make([]sluice.Event, rapid.IntRange(0, 12).Draw(t, "events"))
	for i := range events {
		ev := &events[i]
		*ev = sluice.Event{
			CallID: strconv.Itoa(i), Model: rapid.SampledFrom([]string{"m", "stepped"}).Draw(t, "model"), Book: b.ID, Currency: "USD",
			AdmittedAt: day.Add(time.Duration(rapid.Int64Range(0, 86_399).Draw(t, "second")) * time.Second), Batch: rapid.Bool().Draw(t, "batch"),
		}
		for class := range sluice.ClassReasoning + 1 {
			ev.Usage[class] = rapid.Int64Range(0, 50_000).Draw(t, "units")
		}
		if ev.Model == "stepped" {
			for _, class := range []sluice.Class{sluice.ClassInput, sluice.ClassOutput} {
				ev.Steps = append(ev.Steps, sluice.StepUse{Class: class.String(), Period: "day", Start: day, Before: rapid.Int64Range(0, 20_000).Draw(t, "before")})
			}
		}
		c, err := b.Charge(price.QueryOfEvent(ev))
		if err != nil {
			t.Fatal(err)
		}
		ev.List, ev.Charge = c.Total, c.Total
		ev.Refund = sluice.Pico(rapid.Int64Range(0, int64(c.Refund)).Draw(t, "refund"))
		switch rapid.IntRange(0, 2).Draw(t, "paid") {
		case 0:
			ev.Charge = sluice.Pico(rapid.Int64Range(0, int64(ev.List)).Draw(t, "charge"))
		case 1:
			ev.Subscription, ev.Charge, ev.Refund, ev.Cost = "s", 0, 0, sluice.Cost{ev.Usage.Total() * 1000}
		}
	}
	return events
}

// TestSameBook: rated again under the books in force, everything is as it was billed.
func TestSameBook(t *testing.T) {
	b := book(t, "b", 1)
	q, err := quota.Compile("v", []quota.Window{{Name: "five hours", Kind: quota.Sliding, Unit: quota.Tokens, Minutes: 300, Limit: 1000}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	one := exact.Int(1)
	for name, s := range map[string]whatif.Scenario{"own": {}, "in force": {Books: []*price.Book{b}}, "plan": {Quota: q}} {
		t.Run(name, func(t *testing.T) {
			r, err := whatif.New(s, []*price.Book{b})
			if err != nil {
				t.Fatal(err)
			}
			rapid.Check(t, func(t *rapid.T) {
				whole, left, right := whatif.Result{}, whatif.Result{}, whatif.Result{}
				for i, ev := range billed(t, b) {
					got, err := r.Event(&ev)
					if err != nil {
						t.Fatal(err)
					}
					if want := (whatif.Rated{Model: ev.Model, Usage: ev.Usage, List: ev.List, Charge: ev.Charge, Refund: ev.Refund, Cost: ev.Cost}); got != want {
						t.Fatalf("%+v is rated %+v", ev, got)
					}
					half := left
					if i%2 == 0 {
						half = right
					}
					if whole.Add(r, &ev) != nil || half.Add(r, &ev) != nil {
						t.Fatal("an event cannot be added")
					}
				}
				if err := left.Merge(right); err != nil || len(left) != len(whole) {
					t.Fatalf("merged %d models of %d, %v", len(left), len(whole), err)
				}
				for model, want := range whole {
					if *left[model] != *want || want.List != want.ListAfter || want.Charge != want.ChargeAfter || want.Cost != want.CostAfter {
						t.Errorf("%s: %+v, in halves %+v", model, want, left[model])
					}
					c := whatif.Project(want, one, cost.EvenWork(), whatif.Market{Elasticity: exact.Int(-2), Follows: one})
					if c.Before.Profit.Cmp(c.After.Profit) != 0 || c.After.Demand.Cmp(one) != 0 {
						t.Errorf("%s: %+v", model, c)
					}
				}
			})
		})
	}
}

// TestOtherBook: at double prices the list amounts double and the share that was
// collected stays.
func TestOtherBook(t *testing.T) {
	b, double := book(t, "b", 1), book(t, "double", 2)
	r, err := whatif.New(whatif.Scenario{Books: []*price.Book{double}}, []*price.Book{b})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		for _, ev := range billed(t, b) {
			got, err := r.Event(&ev)
			if err != nil || got.List != 2*ev.List || got.Charge != 2*ev.Charge {
				t.Fatalf("%+v is rated %+v, %v", ev, got, err)
			}
		}
	})
	ev := sluice.Event{CallID: "x", Model: "m", Currency: "CNY", AdmittedAt: day}
	if _, err := r.Event(&ev); err == nil {
		t.Error("a call in another currency is rated")
	}
}

// TestPlain: class totals cost what their calls cost one by one, where no
// conditions hold.
func TestPlain(t *testing.T) {
	b := book(t, "b", 1)
	rapid.Check(t, func(t *rapid.T) {
		var units sluice.Usage
		var sum exact.Number
		calls := rapid.Int64Range(0, 10).Draw(t, "calls")
		for range calls {
			var u sluice.Usage
			for class := range sluice.ClassReasoning + 1 {
				u[class] = rapid.Int64Range(0, 1e6).Draw(t, "units")
				units[class] += u[class]
			}
			c, err := b.Charge(price.QueryOf("m", day, u)) // at night
			if err != nil {
				t.Fatal(err)
			}
			sum = sum.Add(exact.Pico(c.Total))
		}
		if got, err := whatif.Plain(b, "m", units, calls); err != nil || got.Cmp(sum) != 0 {
			t.Errorf("%v cost %s, and %s one by one, %v", units, got, sum, err)
		}
	})
	if _, err := whatif.Plain(b, "none", sluice.Usage{}, 0); sluice.CodeOf(err) != sluice.CodeModelNotFound {
		t.Errorf("an unknown model: %v", err)
	}
}

func TestHitRate(t *testing.T) {
	b := book(t, "b", 1)
	half := exact.Of(1, 2)
	r, err := whatif.New(whatif.Scenario{HitRate: &half}, []*price.Book{b})
	if err != nil {
		t.Fatal(err)
	}
	ev := sluice.Event{Model: "m", Book: "b", Currency: "USD", AdmittedAt: day, Usage: sluice.Usage{5, 0, 0, 1}, List: 5_200_000, Charge: 5_200_000}
	got, err := r.Event(&ev)
	if err != nil || got.Usage != (sluice.Usage{3, 2, 0, 1}) || got.List != 3*600_000+2*110_000+2_200_000 {
		t.Errorf("%+v, %v", got, err)
	}
	over := exact.Of(3, 2)
	if _, err := whatif.New(whatif.Scenario{HitRate: &over}, nil); sluice.CodeOf(err) != sluice.CodeInvalid {
		t.Errorf("a hit rate of 150 %%: %v", err)
	}
}

func amount(units int64) sluice.Amount { return sluice.Amount{Nano: units * sluice.NanoPerUnit} }

// TestProject cuts prices by a fifth where demand rises by a half of a percent for each.
func TestProject(t *testing.T) {
	total := &whatif.Totals{List: amount(1000), ListAfter: amount(800), Charge: amount(500), ChargeAfter: amount(400)}
	c := whatif.Project(total, exact.Int(300), cost.EvenWork(), whatif.Market{Elasticity: exact.Of(-1, 2), Hour: exact.Of(1, 2), Follows: exact.Of(1, 2)})
	for what, got := range map[string]exact.Number{
		"1.1": c.After.Demand, "880": c.After.List, "440": c.After.Charged, "157.5": c.After.Cost, "282.5": c.After.Profit, "200": c.Before.Profit,
	} {
		if got.String() != what {
			t.Errorf("%s is expected and is %s", what, got)
		}
	}
	gone := whatif.Project(&whatif.Totals{List: amount(1), ListAfter: amount(3)}, exact.Int(1), cost.EvenWork(), whatif.Market{Elasticity: exact.Int(-1)})
	if gone.After.Demand.Sign() != 0 || gone.After.List.Sign() != 0 {
		t.Errorf("demand below zero: %+v", gone.After)
	}
}

// TestBreakEven: DeepSeek's day pays at 15.5 % of its prices.
func TestBreakEven(t *testing.T) {
	p, ok := whatif.BreakEven(exact.Int(562_027), exact.Int(87_072), whatif.Market{})
	if !ok || !p.Endless || p.Low.Text(4) != "0.1549" {
		t.Errorf("%+v, %t", p, ok)
	}
	if p, ok = whatif.BreakEven(exact.Int(100), exact.Int(150), whatif.Market{Elasticity: exact.Int(-1)}); ok {
		t.Errorf("never pays, and is %+v", p)
	}
	if p, ok = whatif.BreakEven(exact.Int(100), exact.Int(75), whatif.Market{Elasticity: exact.Int(-1)}); !ok || p.Low.String() != "0.5" || p.High.String() != "1.5" || p.Best.String() != "1" {
		t.Errorf("%+v, %t", p, ok)
	}
	if _, ok = whatif.BreakEven(exact.Number{}, exact.Int(1), whatif.Market{}); ok {
		t.Error("what is free pays")
	}
	rapid.Check(t, func(t *rapid.T) {
		charged, spent := exact.Int(rapid.Int64Range(1, 1e9).Draw(t, "charged")), exact.Int(rapid.Int64Range(0, 1e9).Draw(t, "spent"))
		m := whatif.Market{Elasticity: exact.Of(-rapid.Int64Range(0, 300).Draw(t, "elasticity"), 100), Follows: exact.Of(rapid.Int64Range(0, 100).Draw(t, "follows"), 100)}
		p, ok := whatif.BreakEven(charged, spent, m)
		if !ok {
			return
		}
		at := func(x exact.Number) int { // the sign of the profit at a multiple of the prices
			q := exact.Int(1).Add(m.Elasticity.Mul(x.Sub(exact.Int(1))))
			return charged.Mul(x).Mul(q).Sub(spent.Mul(exact.Int(1).Sub(m.Follows))).Sub(spent.Mul(m.Follows).Mul(q)).Sign()
		}
		step := exact.Of(1, 500_000)
		inside, outside := p.Low.Add(step), p.Low.Sub(step)
		if !p.Endless && inside.Cmp(p.Best) > 0 {
			return // it just pays
		}
		if at(inside) < 0 || at(outside) > 0 {
			t.Errorf("charged %s, spent %s, %+v: %+v", charged, spent, m, p)
		}
	})
}

func TestTurningPoint(t *testing.T) {
	n := exact.Int
	got := whatif.TurningPoint([]whatif.Customer{{"a", n(5), n(9)}, {"b", n(9), n(2)}, {"c", n(1), n(1)}, {"d", n(0), n(3)}})
	if got.Customers != 2 || got.Profit.String() != "7" || got.Lost.String() != "7" {
		t.Errorf("%+v", got)
	}
}

// TestCrowd: no number of users brings more than the one that is named.
func TestCrowd(t *testing.T) {
	c := whatif.Crowd{Revenue: exact.Int(20), Load: exact.Of(1, 10), Node: exact.Int(300), Nodes: 4, Fixed: exact.Int(100)}
	if users, ok := c.Most(); !ok || users != 40 {
		t.Errorf("most is %d, %t", users, ok)
	}
	if users, ok := c.Needed(); ok {
		t.Errorf("%d users would pay, whom the nodes cannot serve", users)
	}
	c.Node = exact.Int(100)
	if users, ok := c.Most(); ok {
		t.Errorf("a node pays for itself, and most is %d", users)
	}
	if users, ok := c.Needed(); !ok || users != 25 {
		t.Errorf("needed are %d, %t", users, ok)
	}
	rapid.Check(t, func(t *rapid.T) {
		c := whatif.Crowd{
			Revenue: exact.Int(rapid.Int64Range(0, 30).Draw(t, "revenue")), Load: exact.Of(rapid.Int64Range(1, 20).Draw(t, "load"), 10),
			Node: exact.Int(rapid.Int64Range(1, 60).Draw(t, "node")), Nodes: rapid.Int64Range(0, 5).Draw(t, "nodes"), Fixed: exact.Int(7),
		}
		users, ok := c.Most()
		if !ok {
			return
		}
		best, _ := c.Profit(users)
		for other := range int64(300) {
			if p, _ := c.Profit(other); p.Cmp(best) > 0 {
				t.Fatalf("%+v: %d users bring %s and %d bring %s", c, users, best, other, p)
			}
		}
	})
}

// TestMoves: calls that are moved are before of one model and after of the other,
// the same ones each time, and simulated ones and other currencies do not count.
func TestMoves(t *testing.T) {
	draft := price.Draft{Currency: "USD", EffectiveAt: day.AddDate(0, -1, 0)}
	for i, m := range []string{"m", "n"} {
		for _, c := range []sluice.Class{sluice.ClassInput, sluice.ClassOutput} {
			draft.Rules = append(draft.Rules, price.Rule{Model: m, Class: c, Price: sluice.Pico(10 * (i + 1))})
		}
	}
	b, err := price.Publish("b", draft, day)
	if err != nil {
		t.Fatal(err)
	}
	r, err := whatif.New(whatif.Scenario{Currency: "USD", Moves: []whatif.Move{{From: "m", To: "n", Percent: 30}}}, []*price.Book{b})
	if err != nil {
		t.Fatal(err)
	}
	res := whatif.Result{}
	for i := range 1000 {
		ev := sluice.Event{CallID: fmt.Sprint("call_", i), Org: "o", Model: "m", Book: "b", Currency: "USD", AdmittedAt: day, Usage: sluice.Usage{10}, List: 100, Charge: 100}
		for _, skip := range []func(*sluice.Event){func(*sluice.Event) {}, func(e *sluice.Event) { e.Simulated = true }, func(e *sluice.Event) { e.Currency = "CNY" }} {
			other := ev
			skip(&other)
			if err := res.Add(r, &other); err != nil {
				t.Fatal(err)
			}
		}
	}
	models, err := res.Models()
	if err != nil {
		t.Fatal(err)
	}
	m, n := models["m"], models["n"]
	if m.Calls != 1000 || n.Calls != 0 || m.CallsAfter+n.CallsAfter != 1000 || n.CallsAfter < 250 || n.CallsAfter > 350 {
		t.Errorf("before %d and %d, after %d and %d", m.Calls, n.Calls, m.CallsAfter, n.CallsAfter)
	}
	if want := sluice.Pico(200 * n.CallsAfter).Amount(); n.ListAfter != want || n.ChargeAfter != want || m.ChargeAfter != sluice.Pico(100*m.CallsAfter).Amount() {
		t.Errorf("m %+v, n %+v", m, n)
	}
	for _, bad := range []whatif.Move{{"m", "m", 5}, {"m", "n", 0}, {"m", "n", 101}, {"m", "", 5}} {
		if _, err := whatif.New(whatif.Scenario{Moves: []whatif.Move{bad}}, nil); sluice.CodeOf(err) != sluice.CodeInvalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// BenchmarkEvent rates an event again, in parallel.
func BenchmarkEvent(b *testing.B) {
	old := book(b, "b", 1)
	r, err := whatif.New(whatif.Scenario{Books: []*price.Book{book(b, "double", 2)}}, []*price.Book{old})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		res := whatif.Result{}
		ev := sluice.Event{Model: "m", Book: "b", Currency: "USD", AdmittedAt: day, Usage: sluice.Usage{1000, 500, 0, 300}, List: 7, Charge: 7}
		for pb.Next() {
			if err := res.Add(r, &ev); err != nil {
				b.Fatal(err)
			}
		}
	})
}
