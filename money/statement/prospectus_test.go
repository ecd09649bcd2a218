package statement_test

import (
	"encoding/json"
	"strings"
	"testing"

	"sluice"
	"sluice/money/exact"
	"sluice/money/statement"
)

// TestZhipu reproduces what Zhipu's prospectus says, as the press quotes it:
// thousands of yuan, by the segments' shares and margins where those are given.
func TestZhipu(t *testing.T) {
	n := func(s string) exact.Number { return number(t, s) }
	blend := func(total, local, localMargin, cloud, cloudMargin string) []statement.Business {
		return []statement.Business{statement.ByShare("local", n(total), n(local), n(localMargin)), statement.ByShare("cloud", n(total), n(cloud), n(cloudMargin))}
	}
	reports, err := statement.Over([]statement.Period{
		{Name: "2022", Segments: blend("57409", "95.5%", "53.6%", "4.5%", "76.1%")},
		{Name: "2023", Segments: []statement.Business{{Revenue: n("124538"), GrossProfit: n("80482")}}},
		{Name: "2024", Segments: blend("312414", "84.5%", "66.0%", "15.5%", "3.4%"), Research: n("2195000"), ResearchCompute: n("1553000")},
		{Name: "first half of 2025", Against: "2024", Segments: blend("190877", "84.8%", "59.1%", "15.2%", "-0.4%"), Research: n("1594000"), ResearchCompute: n("1145000")},
	})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "2022: the blend", reports[0].Margin.Percent(1), "54.6")
	expect(t, "2022: no growth is known", reports[0].Growth.Percent(1), "")
	expect(t, "2023: the margin", reports[1].Margin.Percent(1), "64.6")
	expect(t, "2023: growth", reports[1].Growth.Percent(1), "116.9")
	expect(t, "2024: the blend", reports[2].Margin.Percent(1), "56.3")
	expect(t, "2024: growth", reports[2].Growth.Percent(1), "150.9")
	expect(t, "2024: computing in research", reports[2].Compute.Percent(2), "70.75")
	expect(t, "2024: research to revenue", reports[2].Research.Percent(0), "703")
	expect(t, "2025: the blend of rounded shares", reports[3].Margin.Percent(2), "50.06")
	expect(t, "2025: computing in research", reports[3].Compute.Percent(1), "71.8")
	expect(t, "2025: the cloud's margin", reports[3].Segments[1].Margin.Percent(1), "-0.4")
	expect(t, "2025: the cloud's share", reports[3].Segments[1].Share.Percent(1), "15.2")
	expect(t, "2025: the cloud's revenue", reports[3].Segments[1].Revenue.Text(0), "29013")

	for revenue, c := range map[string][2]string{"57409": {"31360", "54.6"}, "124538": {"80482", "64.6"}, "312414": {"175889", "56.3"}, "190877": {"95424", "50.0"}} {
		got := exact.Ratio{Of: n(c[0]), To: n(revenue)}
		expect(t, "the margin of "+revenue, got.Percent(1), c[1])
	}
	rate, err := statement.CAGR(n("57.409"), n("312.414"), 2, 4)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "growth a year", rate.Percent(0), "133")
	expect(t, "a coding plan's developer in a year", exact.Ratio{Of: n("100000000"), To: n("150000")}.Text(0), "667")
	expect(t, "growth from rounded halves, as it was printed", statement.Growth(n("0.4"), n("1.9")).Percent(0), "375")
}

// TestMiniMax: growth and margins from the published figures, in millions of
// dollars; what its consumers' margin must be.
func TestMiniMax(t *testing.T) {
	n := func(s string) exact.Number { return number(t, s) }
	reports, err := statement.Over([]statement.Period{
		{Name: "2023", Segments: []statement.Business{{Revenue: n("3.46"), GrossProfit: n("3.46").Mul(n("-24.7%"))}}},
		{Name: "2024", Segments: []statement.Business{{Revenue: n("30.52"), GrossProfit: n("30.52").Mul(n("12.2%"))}}},
		{Name: "nine months of 2024", Segments: []statement.Business{{Revenue: n("19.45")}}},
		{Name: "nine months of 2025", Segments: []statement.Business{
			statement.ByShare("consumers", n("53.44"), n("71.1%"), n("4.56%")), statement.ByShare("business", n("53.44"), n("28.9%"), n("69.4%")),
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "2023: the margin", reports[0].Margin.Percent(1), "-24.7")
	expect(t, "2024: the margin", reports[1].Margin.Percent(1), "12.2")
	expect(t, "2024: growth", reports[1].Growth.Percent(0), "782")
	expect(t, "2025: growth", reports[3].Growth.Percent(1), "174.8")
	expect(t, "2025: the blend", reports[3].Margin.Percent(1), "23.3")
	expect(t, "2025: the margin of consumers", statement.Implied(n("23.3%"), n("28.9%"), n("69.4%")).Percent(1), "4.6")
}

func TestOverRefuses(t *testing.T) {
	for name, periods := range map[string][]statement.Period{"twice": {{Name: "a"}, {Name: "a"}}, "against nothing": {{Name: "a", Against: "b"}}, "against a later one": {{Name: "a", Against: "b"}, {Name: "b"}}} {
		if _, err := statement.Over(periods); sluice.CodeOf(err) != sluice.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := statement.CAGR(exact.Int(0), exact.Int(1), 2, 4); err == nil {
		t.Error("growth from nothing has a rate")
	}
}

// TestPeriodOf makes a prospectus of a statement.
func TestPeriodOf(t *testing.T) {
	st := published(t, "hour,model,segment,customer,input,list\n"+
		"2025-02-27T12:00:00+08:00,m,api,a,10,300000\n2025-02-27T12:00:00+08:00,m,local,b,10,100000\n")
	reports, err := statement.Over([]statement.Period{statement.PeriodOf("day", st)})
	if err != nil {
		t.Fatal(err)
	}
	r := reports[0]
	expect(t, "revenue", r.Revenue.Text(0), "400000")
	expect(t, "margin", r.Margin.Percent(3), "78.232") // 1 − 87072/400000
	expect(t, "the first customer", r.TopOne.Percent(0), "75")
	expect(t, "five customers", r.TopFive.Percent(0), "100")
	expect(t, "the share of api", r.Segments[0].Share.Percent(0), "75")
}

// TestNoSegments: a period in which nothing was sold has a list, and an empty one.
func TestNoSegments(t *testing.T) {
	reports, err := statement.Over([]statement.Period{{Name: "2022"}})
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(reports)
	if err != nil || !strings.Contains(string(data), `"segments":[]`) {
		t.Errorf("%s, %v", data, err)
	}
}
