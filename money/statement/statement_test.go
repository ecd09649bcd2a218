package statement_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice"
	"sluice/money/calendar"
	"sluice/money/cost"
	"sluice/money/exact"
	"sluice/money/ledger"
	"sluice/money/price"
	"sluice/money/statement"
)

// book sells two models: one with a peak, batch and tier prices, one flat.
func book(t testing.TB) *price.Book {
	t.Helper()
	arcs, err := calendar.ParseArcs("Mon-Sun 00:00-08:00")
	if err != nil {
		t.Fatal(err)
	}
	night, err := calendar.New("night", calendar.Version{Zone: "Asia/Shanghai", Arcs: arcs})
	if err != nil {
		t.Fatal(err)
	}
	rule := func(model string, class sluice.Class, p sluice.Pico, c price.Conditions) price.Rule {
		return price.Rule{Model: model, Class: class, Price: p, Conditions: c}
	}
	none, at := price.Conditions{}, price.Conditions{Calendar: "night"}
	b, err := price.Publish("b", price.Draft{Currency: "USD", EffectiveAt: from, Calendars: []*calendar.Calendar{night}, Rules: []price.Rule{
		rule("r", sluice.ClassInput, 550_001, none), rule("r", sluice.ClassCached, 140_000, none), rule("r", sluice.ClassOutput, 2_190_000, none),
		rule("r", sluice.ClassInput, 135_000, at), rule("r", sluice.ClassOutput, 550_000, at),
		rule("r", sluice.ClassOutput, 1_000_000, price.Conditions{Batch: true}), rule("r", sluice.ClassOutput, 4_000_000, price.Conditions{ServiceTier: "fast"}),
		rule("v", sluice.ClassInput, 270_000, none), rule("v", sluice.ClassOutput, 1_100_000, none),
	}}, from)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// history is events and transactions of a day, as billing makes them.
type history struct {
	events  []sluice.Event
	rows    []statement.Row // of each event
	entries []statement.EntryRow
	fleet   *cost.Fleet
}

// pools says which pool serves a model.
func poolOf(model string) string { return "pool " + model }

func draw(t *rapid.T, b *price.Book) *history {
	h := &history{entries: []statement.EntryRow{}}
	rater, err := statement.NewRater([]*price.Book{b})
	if err != nil {
		t.Fatal(err)
	}
	for i := range rapid.IntRange(0, 25).Draw(t, "events") {
		ev := event(t, b, strconv.Itoa(i))
		row, err := rater.Row(&ev, poolOf(ev.Model), statement.SegmentAPI)
		if err != nil {
			t.Fatal(err)
		}
		h.events, h.rows = append(h.events, ev), append(h.rows, row)
		h.book(t, &ev, &row)
	}
	for i := range rapid.IntRange(0, 5).Draw(t, "others") {
		h.other(t, i)
	}
	h.fleet = &cost.Fleet{Currency: "USD", Pools: []cost.Pool{{Name: "pool r", Chips: 8, Price: exact.Int(2)}, {Name: "idle", Chips: 1, Price: exact.Of(1, 3)}}}
	h.fleet.Pools = append(h.fleet.Pools, cost.Pool{Name: "reads", Role: cost.RolePrefill, Chips: 1, Price: exact.Int(5)}, cost.Pool{Name: "writes", Role: cost.RoleDecode, Chips: 1, Price: exact.Int(7)})
	for i, name := range []string{"pool r", "idle", "reads", "writes"} {
		h.fleet.Spans = append(h.fleet.Spans, cost.Span{Pool: name, From: from.Add(time.Duration(i) * 7 * time.Hour), To: to, Nodes: exact.Int(rapid.Int64Range(0, 9).Draw(t, "nodes"))})
	}
	h.fleet.Expenses = []cost.Expense{{Kind: cost.KindPeople, From: from.AddDate(0, 0, -1), To: to, Amount: sluice.Amount{Nano: 77_000_000_001}}}
	return h
}

// event draws a call as it was billed: in full, in part, not at all, or by a plan.
func event(t *rapid.T, b *price.Book, id string) sluice.Event {
	ev := sluice.Event{
		CallID: id, Org: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "org"), Model: rapid.SampledFrom([]string{"r", "v"}).Draw(t, "model"),
		Book: b.ID, Currency: "USD", EndedAt: from.Add(time.Duration(rapid.Int64Range(0, 86_399).Draw(t, "second")) * time.Second),
		Batch: rapid.Bool().Draw(t, "batch"), ServiceTier: rapid.SampledFrom([]string{"", "fast"}).Draw(t, "tier"),
		Status:    rapid.SampledFrom([]sluice.Status{sluice.StatusCompleted, sluice.StatusRecovered}).Draw(t, "status"),
		Estimated: rapid.Bool().Draw(t, "estimated"), Simulated: rapid.IntRange(0, 4).Draw(t, "simulated") == 0,
	}
	ev.AdmittedAt = ev.EndedAt
	for class := range sluice.ClassReasoning + 1 {
		ev.Usage[class] = rapid.Int64Range(0, 1_000_000).Draw(t, "units")
	}
	c, err := b.Charge(price.QueryOfEvent(&ev))
	if err != nil {
		t.Fatal(err)
	}
	ev.List, ev.Charge = c.Total, c.Total
	switch rapid.IntRange(0, 3).Draw(t, "paid") {
	case 0:
		ev.Charge = sluice.Pico(rapid.Int64Range(0, int64(ev.List)).Draw(t, "charge"))
	case 1:
		ev.Charge = 0
	case 2:
		ev.Subscription, ev.Charge = "s", 0
	}
	return ev
}

// book makes the entries of an event: from both wallets, and gives some of it back.
func (h *history) book(t *rapid.T, ev *sluice.Event, row *statement.Row) {
	promotional := sluice.Pico(rapid.Int64Range(0, int64(ev.Charge)).Draw(t, "promotional")).Amount()
	wallets := []sluice.Account{
		{AccountID: sluice.AccountID{Owner: ev.Org, Kind: sluice.AccountPromotional, Currency: "USD"}, Balance: promotional},
		{AccountID: sluice.AccountID{Owner: ev.Org, Kind: sluice.AccountPrepaid, Currency: "USD"}, Balance: ev.Charge.Amount()},
	}
	tx, err := ledger.Usage(ev, wallets)
	if err != nil {
		t.Fatal(err)
	}
	key := statement.EntryKey{Org: ev.Org, Model: ev.Model, Pool: row.Pool, Segment: row.Segment, Simulated: ev.Simulated}
	h.add(&tx, key)
	if ev.Charge > 0 && rapid.IntRange(0, 4).Draw(t, "refunded") == 0 {
		back, err := ledger.Refund(sluice.Tx{ID: "r" + ev.CallID, At: ev.EndedAt}, &tx, sluice.Amount{}, sluice.Pico(rapid.Int64Range(1, int64(ev.Charge)).Draw(t, "back")).Amount(),
			func(id sluice.AccountID) sluice.AccountID { return id })
		if err != nil {
			t.Fatal(err)
		}
		h.add(&back, key)
	}
}

// other makes a transaction without a call.
func (h *history) other(t *rapid.T, i int) {
	amount := sluice.Amount{Nano: rapid.Int64Range(1, 1e12).Draw(t, "amount"), Carry: rapid.Int64Range(0, 999).Draw(t, "carry")}
	base := sluice.Tx{ID: fmt.Sprint("o", i), At: from.Add(time.Duration(rapid.Int64Range(0, 86_399).Draw(t, "at")) * time.Second)}
	var tx sluice.Tx
	var err error
	key := statement.EntryKey{Org: "a"}
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 0:
		tx, err = ledger.Payment(base, "a", "USD", amount)
	case 1:
		tx, err = ledger.Grant(base, "a", "USD", amount)
	case 2:
		key.Segment = statement.SegmentPlan
		tx, err = ledger.PlanPaid(base, "a", "USD", sluice.AccountPrepaid, amount)
	case 3:
		key.Segment = statement.SegmentPlan
		tx, err = ledger.PlanEarned(base, "a", "USD", amount)
	case 4:
		tx, err = ledger.TakenBack(base, "a", "USD", amount, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	h.add(&tx, key)
}

func (h *history) add(tx *sluice.Tx, key statement.EntryKey) {
	for _, e := range tx.Entries {
		key.Hour, key.Kind, key.Account, key.Currency = tx.At.Truncate(time.Hour), tx.Kind, e.Account.Kind, e.Account.Currency
		h.entries = append(h.entries, statement.EntryRow{EntryKey: key, Amount: e.Amount})
	}
}

// input is the statement's input for [begin, end) of the history.
func (h *history) input(begin, end time.Time, ref *statement.Reference) *statement.Input {
	in := &statement.Input{Currency: "USD", From: begin, To: end, Fleet: h.fleet, Reference: ref, Entries: []statement.EntryRow{}, Rates: cost.NodeRates{Prefill: exact.Int(5), Decode: exact.Int(1)}}
	gathered := statement.Rows{}
	for _, row := range h.rows {
		if err := gathered.Add(row); err != nil {
			panic(err)
		}
	}
	in.Rows = statement.Within(gathered, begin, end)
	for _, e := range h.entries {
		if !e.Hour.Before(begin) && e.Hour.Before(end) {
			in.Entries = append(in.Entries, e)
		}
	}
	return in
}

// TestBars: every bar is the sum of what it opens to, totals are the sums of their
// steps, and the last one is what moved on clearing.
func TestBars(t *testing.T) {
	b, ref := book(t), r1(t)
	rapid.Check(t, func(t *rapid.T) {
		h := draw(t, b)
		st, err := statement.Make(h.input(from, to, ref))
		if err != nil {
			t.Fatal(err)
		}
		var sum, list, charged, recognised, cash exact.Number
		for i := range h.events {
			if ev := &h.events[i]; !ev.Simulated {
				list, charged = list.Add(exact.Pico(ev.List)), charged.Add(exact.Pico(ev.Charge))
			}
		}
		for i := range h.entries {
			e := &h.entries[i]
			if e.Account == sluice.AccountRevenueAPI || e.Account == sluice.AccountRevenuePlan || (e.Account == sluice.AccountPromotional && e.Kind != sluice.TxGrant && !e.Simulated) {
				recognised = recognised.Add(exact.Money(e.Amount))
			}
			if e.Account == sluice.AccountClearing {
				cash = cash.Sub(exact.Money(e.Amount))
			}
		}
		totals := map[string]exact.Number{statement.BarList: list, statement.BarCharged: charged, statement.BarRecognised: recognised, statement.BarCash: cash}
		for _, bar := range st.Waterfall {
			if bar.Total {
				if want := totals[bar.Name]; bar.Amount.Cmp(sum) != 0 || bar.Amount.Cmp(want) != 0 {
					t.Errorf("%s is %s, its steps sum to %s, and it should be %s", bar.Name, bar.Amount, sum, want)
				}
				continue
			}
			var opened exact.Number
			for i := range h.rows {
				opened = opened.Add(statement.OfRow(bar.Name, &h.rows[i], ref))
			}
			for i := range h.entries {
				opened = opened.Add(statement.OfEntry(bar.Name, &h.entries[i]))
			}
			if bar.Amount.Cmp(opened) != 0 {
				t.Errorf("%s is %s and opens to %s", bar.Name, bar.Amount, opened)
			}
			sum = sum.Add(bar.Amount)
		}
		if len(st.Waterfall) != 23 || st.Total.Recognised.Cmp(recognised) != 0 {
			t.Errorf("%d bars; recognised %s, want %s", len(st.Waterfall), st.Total.Recognised, recognised)
		}
	})
}

// TestSums: a day is the sum of its hours, and of its models, pools, segments and
// customers, whatever the order of the rows.
func TestSums(t *testing.T) {
	b, ref := book(t), r1(t)
	rapid.Check(t, func(t *rapid.T) {
		h := draw(t, b)
		in := h.input(from, to, ref)
		day, err := statement.Make(in)
		if err != nil {
			t.Fatal(err)
		}
		var hours []statement.Part
		bars := make([]exact.Number, len(day.Waterfall))
		for at := from; at.Before(to); at = at.Add(time.Hour) {
			hour, err := statement.Make(h.input(at, at.Add(time.Hour), ref))
			if err != nil {
				t.Fatal(err)
			}
			hours = append(hours, hour.Total)
			for i, bar := range hour.Waterfall {
				bars[i] = bars[i].Add(bar.Amount)
			}
		}
		for i, bar := range day.Waterfall {
			if bar.Amount.Cmp(bars[i]) != 0 {
				t.Errorf("%s is %s, in the hours %s", bar.Name, bar.Amount, bars[i])
			}
		}
		for name, parts := range map[string][]statement.Part{"hours": hours, "models": day.Models, "pools": day.Pools, "segments": day.Segments, "customers": day.Customers} {
			sum := total(parts)
			if got, want := figures(&sum), figures(&day.Total); !slices.Equal(got, want) {
				t.Errorf("the %s sum to %v, the day is %v", name, got, want)
			}
		}
		slices.Reverse(in.Rows)
		slices.Reverse(in.Entries)
		again, err := statement.Make(in)
		if err != nil || fmt.Sprint(again.Facts()) != fmt.Sprint(day.Facts()) {
			t.Errorf("in another order it is another statement, %v", err)
		}
	})
}

// total sums what of parts can be summed.
func total(parts []statement.Part) statement.Part {
	var sum statement.Part
	for i := range parts {
		p := &parts[i]
		sum.Calls += p.Calls
		for class := range p.Units {
			sum.Units[class] += p.Units[class]
		}
		for _, n := range []struct {
			to  *exact.Number
			add exact.Number
		}{
			{&sum.List, p.List},
			{&sum.Charged, p.Charged},
			{&sum.Recognised, p.Recognised},
			{&sum.Cost, p.Cost},
			{&sum.ListProfit, p.ListProfit},
			{&sum.Profit, p.Profit},
			{&sum.Leakage.Crash, p.Leakage.Crash},
			{&sum.Leakage.Estimated, p.Leakage.Estimated},
			{&sum.Leakage.Free, p.Leakage.Free},
			{&sum.Leakage.Short, p.Leakage.Short},
		} {
			*n.to = n.to.Add(n.add)
		}
	}
	return sum
}

func figures(p *statement.Part) []string {
	all := []string{fmt.Sprint(p.Calls, p.Units)}
	for _, n := range []exact.Number{p.List, p.Charged, p.Recognised, p.Cost, p.ListProfit, p.Profit, p.Leakage.Crash, p.Leakage.Estimated, p.Leakage.Free, p.Leakage.Short} {
		all = append(all, n.String())
	}
	return all
}

// TestRoles: prompts bear what nodes for prefill cost, and answers what those for
// decode do, whatever each takes of a node.
func TestRoles(t *testing.T) {
	nodes := "pool,role,from,to,nodes,chips,price\nreads,prefill,2025-02-27T04:00:00Z,2025-02-28T04:00:00Z,10,1,1\nwrites,decode,2025-02-27T04:00:00Z,2025-02-28T04:00:00Z,20,1,1\n"
	fleet, err := statement.LoadNodes(strings.NewReader(nodes), "USD")
	if err != nil {
		t.Fatal(err)
	}
	usage := "hour,model,customer,input,cached,output,list\n2025-02-27T04:00:00Z,m,a,1000000,2000000,0,1\n2025-02-27T04:00:00Z,m,b,0,1000000,2000000,1\n"
	loaded, err := statement.LoadUsage(strings.NewReader(usage), "USD", nil)
	if err != nil {
		t.Fatal(err)
	}
	st, err := statement.Make(&statement.Input{Currency: "USD", From: from, To: to, Rows: statement.Within(loaded.Rows, from, to), Fleet: fleet})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "a million tokens of prompts", st.Unit.PerMillion["input"].Text(2), "60.00")
	expect(t, "a million cached tokens", st.Unit.PerMillion["cached"].Text(2), "60.00")
	expect(t, "a million tokens of answers", st.Unit.PerMillion["output"].Text(2), "240.00")
	expect(t, "who only asks", st.Customers[0].Cost.Text(2), "180.00")
	expect(t, "who is answered", st.Customers[1].Cost.Text(2), "540.00")
	expect(t, "tokens that a node reads", st.Nodes.PrefillRate.Text(3), "4.630") // 4 M in 10 node-days
	expect(t, "tokens that a node writes", st.Nodes.DecodeRate.Text(3), "1.157")
	if st.Reach.Customers != 2 {
		t.Errorf("%d customers", st.Reach.Customers)
	}
}

// TestLeakage: what is lost is told by its cause.
func TestLeakage(t *testing.T) {
	for _, c := range []struct {
		ev   sluice.Event
		want statement.Outcome
	}{
		{sluice.Event{List: 5, Charge: 5, Estimated: true}, statement.OutcomeCharged},
		{sluice.Event{List: 5, Charge: 4}, statement.OutcomeShort},
		{sluice.Event{List: 5}, statement.OutcomeFree},
		{sluice.Event{List: 5, Estimated: true}, statement.OutcomeEstimated},
		{sluice.Event{List: 5, Estimated: true, Status: sluice.StatusRecovered}, statement.OutcomeCrash},
		{sluice.Event{List: 5, Subscription: "s"}, statement.OutcomePlan},
		{sluice.Event{List: 5, Subscription: "s", Simulated: true}, statement.OutcomeSimulated},
	} {
		if got := statement.OutcomeOf(&c.ev); got != c.want {
			t.Errorf("%+v is %s, want %s", c.ev, got, c.want)
		}
	}
}

// TestDifference: where the books do not say what events were charged, a bar says so.
func TestDifference(t *testing.T) {
	row := statement.Row{Key: statement.Key{Hour: from, Model: "m", Currency: "USD", Outcome: statement.OutcomeCharged}, Sums: statement.Sums{List: sluice.Amount{Nano: 5}, Charge: sluice.Amount{Nano: 5}}}
	in := &statement.Input{Currency: "USD", From: from, To: to, Rows: []statement.Row{row}, Entries: []statement.EntryRow{
		{EntryKey: statement.EntryKey{Hour: from, Kind: sluice.TxUsage, Account: sluice.AccountRevenueAPI, Currency: "USD", Model: "m"}, Amount: sluice.Amount{Nano: 4}},
	}}
	st, err := statement.Make(in)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "what is booked otherwise", bar(st, statement.BarDifference), "-0.000000001")
	expect(t, "recognised", bar(st, statement.BarRecognised), "0.000000004")
}

func TestMakeRefuses(t *testing.T) {
	good := statement.Row{Key: statement.Key{Hour: from, Model: "m", Currency: "USD", Outcome: statement.OutcomeCharged}}
	for name, change := range map[string]func(in *statement.Input){
		"currency": func(in *statement.Input) { in.Rows[0].Currency = "CNY" },
		"before":   func(in *statement.Input) { in.Rows[0].Hour = from.Add(-time.Hour) },
		"after":    func(in *statement.Input) { in.Rows[0].Hour = to },
		"outcome":  func(in *statement.Input) { in.Rows[0].Outcome = "lost" },
		"no time":  func(in *statement.Input) { in.To = from },
		"entry currency": func(in *statement.Input) {
			in.Entries = []statement.EntryRow{{EntryKey: statement.EntryKey{Hour: from, Currency: "CNY"}}}
		},
		"fleet currency":             func(in *statement.Input) { in.Fleet = &cost.Fleet{Currency: "CNY"} },
		"claim":                      func(in *statement.Input) { in.Claims = []statement.Claim{{Of: "luck", Value: "1"}} },
		"claim of what is not known": func(in *statement.Input) { in.Claims = []statement.Claim{{Of: "cost", Value: "1"}} },
	} {
		in := &statement.Input{Currency: "USD", From: from, To: to, Rows: []statement.Row{good}}
		change(in)
		if st, err := statement.Make(in); sluice.CodeOf(err) != sluice.CodeInvalid || st != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
