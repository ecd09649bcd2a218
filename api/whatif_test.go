package api_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
	"sluice/billing/statements"
	"sluice/money/exact"
	pricing "sluice/money/price"
)

// answer waits for what a question comes to.
func answer(t *testing.T, w *apitest.World, in api.AskWhatIf) *statements.Run {
	t.Helper()
	in.Currency = "USD"
	r, err := w.Local.AskWhatIf(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	for r.State == statements.Running {
		time.Sleep(time.Millisecond)
		if r, err = w.Local.WhatIf(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// TestWhatIfReturnsWhatWasBilled: for random histories, through the ledger, the store
// and the API, a re-rate under the books that billed, and one under those in force,
// is the statement's revenue to the last digit.
func TestWhatIfReturnsWhatWasBilled(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	// An hour is sealed some minutes after its end: at half past, that before is, whenever
	// the test runs.
	w.Advance(w.Now().Truncate(time.Hour).Add(90 * time.Minute).Sub(w.Now()))
	seed := rand.Uint64()
	t.Log("seed", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	orgs := []string{w.Org("a").ID, w.Org("b").ID}
	for _, o := range orgs {
		w.Credit(o, "1000000.00")
	}
	first := w.Now().UTC().Format(time.DateOnly)
	models := []string{"glm", "qwen"}
	priceAll := func(prices ...string) {
		for _, m := range models {
			if _, err := w.Local.PriceModel(ctx, api.PriceModel{Currency: "USD", ModelPrices: api.ModelPrices{Model: m, ClassPrices: pricesOf(t, prices...)}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	priceAll("0.6", "0.11", "2.2")
	for round := range 6 {
		if round == 3 {
			priceAll("1.37", "0.003625", "3.1")
		}
		for range rng.IntN(15) {
			call(t, w, rng, orgs, models)
		}
		w.Advance(time.Duration(1+rng.IntN(30)) * time.Hour)
		sealed(t, w)
		last := w.Now().UTC().Format(time.DateOnly)
		st, err := w.Local.Statement(ctx, api.StatementQuery{Day: first, Through: last, Currency: "USD"})
		if err != nil {
			t.Fatal(err)
		}
		for _, book := range []string{"", statements.InForce} {
			r := answer(t, w, api.AskWhatIf{Day: first, Through: last, Book: book})
			if r.State != statements.Finished {
				t.Fatalf("%q: %+v", book, r)
			}
			a := r.Answer
			if a.Calls != st.Total.Calls || a.Before.Charged.Cmp(st.Total.Charged) != 0 || a.After.Charged.Cmp(st.Total.Charged) != 0 || a.After.List.Cmp(st.Total.List) != 0 {
				t.Fatalf("round %d, books %q: %d calls for %s and then %s; the statement has %d for %s", round, book, a.Calls, a.Before.Charged, a.After.Charged, st.Total.Calls, st.Total.Charged)
			}
		}
	}
}

func pricesOf(t *testing.T, s ...string) api.ClassPrices {
	t.Helper()
	return prices(t, s[0], s[1], s[2])
}

// call books a random call, rated by the book in force.
func call(t *testing.T, w *apitest.World, rng *rand.Rand, orgs, models []string) {
	t.Helper()
	at := w.Now().UTC()
	books, err := w.Store.Books(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := pricing.InForce(books, "USD", at)
	ev := sluice.Event{
		Org: orgs[rng.IntN(len(orgs))], Key: "key_1", Model: models[rng.IntN(len(models))], Engine: "eng_1", Book: b.ID, AdmittedAt: at, EndedAt: at,
		Usage: sluice.Usage{rng.Int64N(100_000), rng.Int64N(100_000), 0, rng.Int64N(9_000), rng.Int64N(500)}, Simulated: rng.IntN(9) == 0,
	}
	if ev.Simulated {
		ev.Engine = "eng_sim"
	}
	c, err := b.Charge(pricing.QueryOfEvent(&ev))
	if err != nil {
		t.Fatal(err)
	}
	ev.List, ev.Charge = c.Total, c.Total
	if rng.IntN(5) == 0 {
		ev.Charge = sluice.Pico(rng.Int64N(int64(c.Total) + 1)) // a wallet that ended before
	}
	w.Call(ev)
}

// TestWhatIf asks other prices, demand, routing and costs of a day.
func TestWhatIf(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	org := w.Org("acme")
	w.Credit(org.ID, "10.00")
	if _, err := w.Local.PriceModel(ctx, api.PriceModel{Currency: "USD", ModelPrices: api.ModelPrices{Model: "small", ClassPrices: prices(t, "0.1", "", "0.1")}}); err != nil {
		t.Fatal(err)
	}
	at := w.Now().UTC()
	day, from := at.Format(time.DateOnly), at.Truncate(24*time.Hour)
	served(t, w, org.ID, "eng_1", at)
	w.Advance(49 * time.Hour)
	sealed(t, w)
	file := "pool,from,to,nodes,chips,price\nh800," + instant(from) + "," + instant(from.Add(24*time.Hour)) + ",1,1,0.025\n" // 0.60 a day
	if _, err := w.Local.ImportNodes(ctx, api.ImportNodes{File: file, Currency: "USD"}); err != nil {
		t.Fatal(err)
	}
	half := exact.Of(1, 2)
	double := &api.PriceList{Currency: "USD", Models: []api.ModelPrices{{Model: "glm", ClassPrices: prices(t, "2", "", "2")}}}
	for name, c := range map[string]struct {
		in                    api.AskWhatIf
		charged, cost, demand string
	}{
		"nothing":    {api.AskWhatIf{}, "1.50", "0.60", "1.00"},
		"prices":     {api.AskWhatIf{Prices: double}, "3.00", "0.60", "1.00"},
		"elasticity": {api.AskWhatIf{Prices: double, Elasticity: exact.Of(-1, 4), Follows: half}, "2.25", "0.53", "0.75"},
		"hour":       {api.AskWhatIf{HourCost: exact.Int(2)}, "1.50", "1.20", "1.00"},
		"routing":    {api.AskWhatIf{Moves: []api.MoveCalls{{From: "glm", To: "small", Percent: 100}}}, "0.15", "0.60", "1.00"},
		"hit rate":   {api.AskWhatIf{HitRate: &half}, "1.50", "0.60", "1.00"}, // cached tokens cost the same
	} {
		c.in.Day = day
		r := answer(t, w, c.in)
		if r.State != statements.Finished {
			t.Fatalf("%s: %+v", name, r)
		}
		a := r.Answer
		if a.After.Charged.Text(2) != c.charged || a.After.Cost.Text(2) != c.cost || a.After.Demand.Text(2) != c.demand || a.Before.Charged.Text(2) != "1.50" || r.Done != r.Total {
			t.Errorf("%s: charged %s, cost %s, demand %s", name, a.After.Charged, a.After.Cost, a.After.Demand)
		}
		if name == "nothing" {
			m := a.Models[0]
			if m.Pays == nil || m.Pays.Low.Text(3) != "0.400" || m.Paying["input"].Text(2) != "0.40" || a.Users.Customers != 1 {
				t.Errorf("%+v, users %+v", m, a.Users)
			}
		}
	}
	if r := answer(t, w, api.AskWhatIf{Day: day, Book: "book_none"}); r.State != statements.Failed || !strings.Contains(r.Error, "book_none") {
		t.Errorf("a book that is not there: %+v", r)
	}
}
