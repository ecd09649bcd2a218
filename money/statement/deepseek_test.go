package statement_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/money/cost"
	"sluice/money/exact"
	"sluice/money/statement"
)

// What DeepSeek published of its day of 27 and 28 February 2025, 12:00 to 12:00
// in UTC+8 (github.com/deepseek-ai/open-infra-index, day 6): 608 billion tokens of
// prompts, 342 of them cached, 168 of answers; 226.75 nodes of 8 H800 on average
// and 278 at most, $2 a chip and hour; R1's prices. The schedule is made up: it
// has that mean and that peak.

var (
	from = time.Date(2025, 2, 27, 4, 0, 0, 0, time.UTC)
	to   = from.Add(24 * time.Hour)
)

func r1(t testing.TB) *statement.Reference {
	t.Helper()
	ref := &statement.Reference{Model: "deepseek-r1"}
	for class, s := range map[sluice.Class]string{sluice.ClassInput: "0.55", sluice.ClassCached: "0.14", sluice.ClassOutput: "2.19"} {
		p, err := sluice.ParsePrice(s)
		if err != nil {
			t.Fatal(err)
		}
		ref.Prices[class] = p
	}
	return ref
}

func number(t testing.TB, s string) exact.Number {
	t.Helper()
	n, err := exact.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func open(t testing.TB, name string) *os.File {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// published is the day from the files, with usage instead of the published counts when it is not empty.
func published(t testing.TB, usage string, claims ...statement.Claim) *statement.Statement {
	t.Helper()
	fleet, err := statement.LoadNodes(open(t, "deepseek_nodes.csv"), "USD")
	if err != nil {
		t.Fatal(err)
	}
	ref := r1(t)
	var loaded *statement.Loaded
	if usage == "" {
		loaded, err = statement.LoadUsage(open(t, "deepseek_usage.csv"), "USD", ref)
	} else {
		loaded, err = statement.LoadUsage(strings.NewReader(usage), "USD", ref)
	}
	if err != nil {
		t.Fatal(err)
	}
	st, err := statement.Make(&statement.Input{
		Currency: "USD", From: from, To: to, Rows: statement.Within(loaded.Rows, from, to), Fleet: fleet, Reference: ref,
		Rates: cost.NodeRates{Prefill: exact.Int(73_700), Decode: exact.Int(14_800)}, Slack: loaded.Slack, Notes: loaded.Notes,
		Claims: claims, Convert: &statement.Conversion{Currency: "CNY", Rate: number(t, "7.28")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %q, want %q", what, got, want)
	}
}

// TestDeepSeekRounded makes the statement from the figures as they are printed,
// rounded to billions of tokens.
func TestDeepSeekRounded(t *testing.T) {
	st := published(t, "", statement.Claim{Of: "list", Value: "562027"}, statement.Claim{Of: "cost", Value: "87072"},
		statement.Claim{Of: "profit", Value: "474955"}, statement.Claim{Of: "cost_profit", Value: "545%"}, statement.Claim{Of: "margin", Value: "84.5%"},
		statement.Claim{Of: "hit_rate", Value: "56.3%"}, statement.Claim{Of: "nodes", Value: "226.75"}, statement.Claim{Of: "peak", Value: "278"},
		statement.Claim{Of: "list", Value: "570000"})
	expect(t, "cost", st.Total.Cost.Text(2), "87072.00")
	expect(t, "list revenue", st.Total.List.Text(2), "562100.00")
	expect(t, "profit", st.Total.ListProfit.Text(2), "475028.00")
	expect(t, "hit rate", st.Total.HitRate.Percent(1), "56.3") // 342/608 is 56.25 %
	expect(t, "margin", st.Total.ListMargin.Percent(1), "84.5")
	expect(t, "nodes", st.Nodes.Cost.Total.Mean.String(), "226.75")
	expect(t, "peak", st.Nodes.Cost.Total.Peak.String(), "278")
	expect(t, "chip-hours", st.Nodes.Cost.Total.ChipHours.String(), "43536")
	expect(t, "nodes implied by prompts", st.Nodes.ImpliedPrefill.Text(1), "95.5")
	expect(t, "nodes implied by answers", st.Nodes.ImpliedDecode.Text(1), "131.4")
	expect(t, "nodes implied", st.Nodes.Implied.Text(2), "226.86")
	expect(t, "implied to actual", st.Nodes.Busy.Percent(2), "100.05")
	expect(t, "cost of a million tokens of answers", st.Unit.Output.Text(3), "0.518")
	expect(t, "cost of a million tokens", st.Unit.Million.Text(3), "0.112")
	expect(t, "cost of a node-hour", st.Unit.NodeHour.Text(2), "16.00")
	expect(t, "tokens of a day", st.DailyTokens.String(), "776000000000")

	for i, want := range []struct {
		agrees bool
		why    string
	}{
		{false, "the list of what they stand for is between 560660 and 563540, and the claim of 562027 is within that"},
		{true, ""},
		{false, "between 473588 and 476468, and the claim of 474955 is within that"},
		{false, "between 544% and 547%, and the claim of 545% is within that"},
		{true, ""},
		{true, ""},
		{true, ""},
		{true, ""},
		{false, "outside of that"},
	} {
		if c := st.Claims[i]; c.Agrees != want.agrees || !strings.Contains(c.Why, want.why) || (want.why == "") != (c.Why == "") {
			t.Errorf("the claim of %s for %s: %+v", c.Value, c.Of, c)
		}
	}
	expect(t, "the claim's difference", st.Claims[0].Difference.String(), "-73")
}

// TestDeepSeekPublished makes it with the revenue that they print, which is of
// counts before rounding.
func TestDeepSeekPublished(t *testing.T) {
	st := published(t, "hour,model,input,cached,output,list\n2025-02-27T12:00:00+08:00,deepseek-r1,266000000000,342000000000,168000000000,562027\n",
		statement.Claim{Of: "list", Value: "562027"}, statement.Claim{Of: "profit", Value: "474955"}, statement.Claim{Of: "cost_profit", Value: "545%"}, statement.Claim{Of: "margin", Value: "84.5%"})
	expect(t, "profit", st.Total.ListProfit.Text(2), "474955.00")
	expect(t, "cost-profit ratio", st.Total.CostProfit.Percent(2), "545.47")
	expect(t, "cost-profit ratio", st.Total.CostProfit.Percent(0), "545")
	expect(t, "margin", st.Total.ListMargin.Percent(1), "84.5")
	expect(t, "list revenue in yuan", st.Converted.List.Text(0), "4091557")
	expect(t, "profit in yuan", st.Converted.ListProfit.Text(0), "3457672")
	expect(t, "cost in yuan", st.Converted.Cost.Text(0), "633884")
	for _, c := range st.Claims {
		if !c.Agrees {
			t.Errorf("the claim of %s for %s: %+v", c.Value, c.Of, c)
		}
	}
}

// TestDeepSeekMix: with V3's prices in place of R1's for everything, the model mix
// alone halves what is theoretical.
func TestDeepSeekMix(t *testing.T) {
	v3 := &statement.Reference{Model: "deepseek-v3"}
	for class, p := range map[sluice.Class]sluice.Pico{sluice.ClassInput: 270_000, sluice.ClassCached: 70_000, sluice.ClassOutput: 1_100_000} {
		v3.Prices[class] = p
	}
	loaded, err := statement.LoadUsage(open(t, "deepseek_usage.csv"), "USD", v3)
	if err != nil {
		t.Fatal(err)
	}
	st, err := statement.Make(&statement.Input{Currency: "USD", From: from, To: to, Rows: statement.Within(loaded.Rows, from, to), Reference: r1(t)})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "theoretical revenue", bar(st, statement.BarTheoretical), "562100")
	expect(t, "model mix", bar(st, statement.BarModelMix), "-281540")
	expect(t, "list revenue", bar(st, statement.BarList), "280560")
	expect(t, "charged", bar(st, statement.BarCharged), "280560")
}

func bar(st *statement.Statement, name string) string {
	for _, b := range st.Waterfall {
		if b.Name == name {
			return b.Amount.String()
		}
	}
	return "absent"
}
