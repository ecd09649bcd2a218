package electricity_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/money/calendar"
	"sluice/money/electricity"
	"sluice/money/exact"
)

func number(t *testing.T, s string) exact.Number {
	t.Helper()
	n, err := exact.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func utc(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// hours of a day in Shanghai, without the holidays.
func hours(t *testing.T, text string, holidays ...string) []calendar.Version {
	t.Helper()
	v := calendar.Version{Zone: "Asia/Shanghai"}
	arcs, err := calendar.ParseArcs(text)
	if err != nil {
		t.Fatal(err)
	}
	v.Arcs = arcs
	for _, h := range holidays {
		days, err := calendar.ParseDates(h)
		if err != nil {
			t.Fatal(err)
		}
		v.Holidays = append(v.Holidays, days...)
	}
	return []calendar.Version{v}
}

// contract is 0.60 a kWh, 1.00 at peak hours and 0.30 at night, with 100 kW held
// ready at 30 a month, and an overhead of 20 %; from December on 0.70.
func contract(t *testing.T) *electricity.Contract {
	t.Helper()
	c, err := electricity.NewContract(
		electricity.Terms{
			Currency: "CNY", Price: number(t, "0.6"), Contracted: 100_000, ContractedPrice: number(t, "30"), Overhead: 20,
			Bands: []electricity.Band{
				{Name: "peak", Price: number(t, "1"), Hours: hours(t, "Mon-Fri 08:30-11:30 18:00-23:00", "2026-11-23")},
				{Name: "valley", Price: number(t, "0.3"), Hours: hours(t, "Mon-Sun 23:00-07:00")},
			},
		},
		electricity.Terms{From: utc(t, "2026-12-01T00:00:00Z"), Currency: "CNY", Price: number(t, "0.7")},
	)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestPrice asks for the price of an instant: bands by the wall clock of their
// zone, holidays, the first band that holds, and terms by time.
func TestPrice(t *testing.T) {
	c := contract(t)
	for at, want := range map[string]string{
		"2026-11-20T00:30:00Z": "1.00 peak",   // Friday, 08:30 in Shanghai
		"2026-11-20T00:29:59Z": "0.60 ",       // a second before
		"2026-11-20T03:30:00Z": "0.60 ",       // ends are exclusive
		"2026-11-20T15:00:00Z": "0.30 valley", // 23:00
		"2026-11-20T14:59:00Z": "1.00 peak",   // 22:59
		"2026-11-23T01:00:00Z": "0.60 ",       // a Monday that is a holiday
		"2026-11-21T01:00:00Z": "0.60 ",       // a Saturday
		"2026-12-01T00:30:00Z": "0.70 ",       // other terms, without bands
		"2026-11-30T23:59:59Z": "0.60 ",       // Tuesday 07:59 in Shanghai, the terms of before
		"2026-11-30T22:59:59Z": "0.30 valley", // 06:59
	} {
		p, ok := c.PriceAt(utc(t, at))
		if got := p.Price.Text(2) + " " + p.Band; !ok || got != want {
			t.Errorf("at %s a kWh costs %q, want %q", at, got, want)
		}
	}
	next, ok := c.Next(utc(t, "2026-11-20T00:10:00Z"))
	if want := utc(t, "2026-11-20T00:30:00Z"); !ok || !next.Equal(want) {
		t.Errorf("the price changes at %s, want %s", next, want)
	}
	var none electricity.Contract
	if _, ok := none.PriceAt(time.Now()); ok {
		t.Error("no contract has a price")
	}
	if _, ok := none.Next(time.Now()); ok {
		t.Error("no contract changes")
	}
}

// TestContractRefused refuses what could not be billed.
func TestContractRefused(t *testing.T) {
	good := func() electricity.Terms { return electricity.Terms{Currency: "CNY", Price: number(t, "0.6")} }
	for want, change := range map[string]func(*electricity.Terms){
		"negative":           func(x *electricity.Terms) { x.Price = number(t, "-1") },
		"no currency":        func(x *electricity.Terms) { x.Currency = "" },
		"quarter of an hour": func(x *electricity.Terms) { x.From = utc(t, "2026-01-01T00:01:00Z") },
		"overhead":           func(x *electricity.Terms) { x.Overhead = -1 },
		"quarters of an hour": func(x *electricity.Terms) {
			x.Bands = []electricity.Band{{Name: "peak", Hours: hours(t, "Mon-Sun 08:10-09:00")}}
		},
		"price of peak is neg": func(x *electricity.Terms) {
			x.Bands = []electricity.Band{{Name: "peak", Price: number(t, "-1"), Hours: hours(t, "Mon-Sun 08:00-09:00")}}
		},
		"calendar":          func(x *electricity.Terms) { x.Bands = []electricity.Band{{Name: "peak"}} },
		"do not come after": func(x *electricity.Terms) { x.From = time.Time{} },
	} {
		bad := good()
		change(&bad)
		terms := []electricity.Terms{bad}
		if want == "do not come after" {
			terms = append(terms, bad)
		}
		_, err := electricity.NewContract(terms...)
		if sluice.CodeOf(err) != sluice.CodeInvalid || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// TestTermsJSON keeps terms as a store does.
func TestTermsJSON(t *testing.T) {
	c := contract(t)
	raw, err := json.Marshal(c.Terms())
	if err != nil {
		t.Fatal(err)
	}
	var back []electricity.Terms
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	again, err := electricity.NewContract(back...)
	if err != nil {
		t.Fatal(err)
	}
	for at := utc(t, "2026-11-20T00:00:00Z"); at.Before(utc(t, "2026-12-03T00:00:00Z")); at = at.Add(electricity.Slot) {
		a, _ := c.PriceAt(at)
		b, _ := again.PriceAt(at)
		if a.Band != b.Band || a.Price.Cmp(b.Price) != 0 {
			t.Fatalf("at %s: %v became %v", at, a, b)
		}
	}
}

const kWh = electricity.PerKWh

func drew(slot time.Time, engine string, measured, estimated electricity.Energy) electricity.Drawn {
	d := electricity.Drawn{Slot: slot, Engine: engine, Measured: electricity.Part{Energy: measured}, Estimated: electricity.Part{Energy: estimated}}
	if measured > 0 {
		d.Measured.For = electricity.Slot
	} else {
		d.Estimated.For = electricity.Slot
	}
	return d
}

// TestReport works one example out by hand: two engines, one of them with two
// models, over the edge of a band and with a gap.
func TestReport(t *testing.T) {
	nine := utc(t, "2026-11-20T02:45:00Z") // 10:45 in Shanghai; peak until 11:30
	at := func(n int) time.Time { return nine.Add(time.Duration(n) * electricity.Slot) }
	r := electricity.Make(electricity.Input{
		From: nine, To: at(5), Currency: "CNY", Contract: contract(t), Zone: time.FixedZone("", 8*3600),
		Drawn: []electricity.Drawn{
			drew(at(0), "a", 2*kWh, 0), drew(at(1), "a", 3*kWh, 0), // peak; the third slot is a gap
			drew(at(3), "a", 0, 1*kWh),                               // after the peak
			drew(at(3), "b", 10*kWh, 0), drew(at(5), "b", 99*kWh, 0), // the last is beyond the report
		},
		Worked: []electricity.Worked{
			{at(0), "a", "m", electricity.Tokens{Read: 300, Written: 100}},
			{at(0), "a", "n", electricity.Tokens{Written: 100}},
			{at(1), "a", "m", electricity.Tokens{Read: 1}},
			{at(2), "c", "m", electricity.Tokens{Written: 7}}, // of an engine whose power is not known
		},
		Watched: []electricity.Watched{
			{Engine: "a", Name: "alpha", First: nine.Add(-time.Hour), Last: at(4)},
			{Engine: "b", Name: "beta", First: at(3), Last: at(9)},
		},
	})
	texts := func(l electricity.ConsumptionLine) string {
		return strings.Join([]string{l.Model, l.KWh.Text(1), string(l.Source), l.Cost.Text(2), l.JoulesPerToken.Text(0), l.JoulesPerOutput.Text(0)}, " ")
	}
	check := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	// 5 kWh at 1.00 and 11 at 0.60, each with 20 % beside it.
	check("total", texts(r.Total), " 16.0 mixed 13.92 114970 288000")
	if r.Total.Unknown != 15*60+15*60 { // a's third slot; b was watched to the end, and its last slot is empty
		t.Errorf("unknown for %d s", r.Total.Unknown)
	}
	// m: 4/5 of 2 kWh and all of 3; n: 1/5 of 2.
	check("idle", texts(r.Models[0]), " 11.0 mixed 7.92  ")
	check("m", texts(r.Models[1]), "m 4.6 measured 5.52 41297 165600")
	check("n", texts(r.Models[2]), "n 0.4 measured 0.48 14400 14400")
	check("alpha", r.Engines[1].Name+texts(r.Engines[1]), "alpha 6.0 mixed 6.72 43114 108000")
	if len(r.Hours) != 2 || r.Hours[0].Hour.Hour() != 10 || r.Hours[1].Hour.Hour() != 11 {
		t.Fatalf("hours: %v", r.Hours)
	}
	check("first hour", texts(r.Hours[0]), " 2.0 measured 2.40 14400 36000")
	if r.Peak != 52_800 || !r.PeakAt.Equal(at(3)) || r.Above != 0 { // 11 kWh in a quarter of an hour, with 20 %
		t.Errorf("the peak is %d W at %s, %d above", r.Peak, r.PeakAt, r.Above)
	}
	check("contracted", r.Contracted.Text(4), number(t, "3000").Mul(exact.Of(5, 30*96)).Text(4)) // 5 of November's slots
	expenses, err := r.Expenses()
	if err != nil || len(expenses) != 3 || expenses[0].Pool != "alpha" || expenses[0].Amount.Nano != 2_400_000_000 {
		t.Errorf("expenses: %v, %v", expenses, err)
	}
}

// TestSharesAddUp shares random energies: what models and idle get adds up to what
// was drawn to the millijoule, and every line of the report to the same.
func TestSharesAddUp(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	from := utc(t, "2026-11-20T00:00:00Z")
	for range 50 {
		var in electricity.Input
		in.From, in.To, in.Currency = from, from.Add(6*time.Hour), "CNY"
		var want electricity.Energy
		for n := range 24 {
			for _, engine := range []string{"a", "b"} {
				slot := from.Add(time.Duration(n) * electricity.Slot)
				d := drew(slot, engine, electricity.Energy(dice.Int64N(1e12)), electricity.Energy(dice.Int64N(1e12)))
				want += d.Measured.Energy + d.Estimated.Energy
				in.Drawn = append(in.Drawn, d)
				for _, model := range []string{"x", "y", "z"}[:dice.IntN(4)] {
					in.Worked = append(in.Worked, electricity.Worked{Slot: slot, Engine: engine, Model: model, Tokens: electricity.Tokens{Read: dice.Int64N(1e9), Written: dice.Int64N(1e9)}})
				}
			}
		}
		r := electricity.Make(in)
		for name, lines := range map[string][]electricity.ConsumptionLine{"total": {r.Total}, "hours": r.Hours, "engines": r.Engines, "models": r.Models, "rows": r.Rows} {
			var sum electricity.Energy
			for _, l := range lines {
				sum += l.Energy
				if l.Measured < 0 || l.Measured > l.Energy {
					t.Errorf("%s: %d of %d is measured", name, l.Measured, l.Energy)
				}
			}
			if sum != want {
				t.Errorf("%s: %d, want %d", name, sum, want)
			}
		}
		if r.Total.Unpriced.Sign() == 0 || r.Total.Cost.Sign() != 0 {
			t.Error("without a contract nothing has a price")
		}
	}
}

// TestTokensOf leaves out what the cache held.
func TestTokensOf(t *testing.T) {
	u := sluice.Usage{sluice.ClassInput: 7, sluice.ClassCached: 3, sluice.ClassCacheWrite: 2, sluice.ClassOutput: 5, sluice.ClassReasoning: 1, sluice.ClassImage: 9}
	if got := electricity.TokensOf(&u); got != (electricity.Tokens{Read: 9, Written: 6}) {
		t.Errorf("%+v", got)
	}
}
