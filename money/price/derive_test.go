package price_test

import (
	"slices"
	"strings"
	"testing"

	"sluice"
	"sluice/money/price"
)

func fraction(t testing.TB, s string) price.Fraction {
	t.Helper()
	f, err := price.ParseFraction(s)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestDerived writes a whole list with three numbers: cached a tenth of the
// input, a cache write a quarter dearer, batch half, priority one and a half.
func TestDerived(t *testing.T) {
	d := draft(t, rule(sluice.ClassInput, 2_000_000, price.Conditions{}), rule(sluice.ClassOutput, 8_000_000, price.Conditions{}),
		rule(sluice.ClassInput, 4_000_000, price.Conditions{Calendar: "peak"}), rule(sluice.ClassOutput, 5_000_000, price.Conditions{Batch: true}))
	d.Derived = []price.Derived{
		{Model: "m", Class: sluice.ClassCached, Of: sluice.ClassInput, Times: fraction(t, "0.1")},
		{Model: "m", Class: sluice.ClassCacheWrite, Of: sluice.ClassInput, Times: fraction(t, "1.25")},
		{Model: "m", AllTokens: true, In: price.Conditions{Batch: true}, Times: fraction(t, "0.5")},
		{Model: "m", AllTokens: true, In: price.Conditions{ServiceTier: "priority"}, Times: fraction(t, "3/2")},
		{Model: "m", Class: sluice.ClassOutput, Of: sluice.ClassOutput, In: price.Conditions{Thinking: true}, Times: fraction(t, "3")},
	}
	b := seal(t, d)
	for _, c := range []struct {
		change func(q *price.Query)
		want   [5]int64 // input, cached, cache write, output, reasoning
	}{
		{func(*price.Query) {}, [5]int64{2_000_000, 200_000, 2_500_000, 8_000_000, 8_000_000}},
		{func(q *price.Query) { q.At = inPeak }, [5]int64{4_000_000, 400_000, 5_000_000, 8_000_000, 8_000_000}},
		{func(q *price.Query) { q.Batch = true }, [5]int64{1_000_000, 100_000, 1_250_000, 5_000_000, 5_000_000}}, // output is stated
		{func(q *price.Query) { q.ServiceTier = "priority" }, [5]int64{3_000_000, 300_000, 3_750_000, 12_000_000, 12_000_000}},
		{func(q *price.Query) { q.Thinking = true }, [5]int64{2_000_000, 200_000, 2_500_000, 24_000_000, 24_000_000}},
	} {
		q := price.QueryOf("m", now, sluice.Usage{1, 1, 1, 1, 1})
		c.change(&q)
		got, err := b.Charge(q)
		for class, want := range c.want {
			if err != nil || int64(got.Parts[class].Amount) != want {
				t.Errorf("%+v: %s is %d, want %d, %v", q.ServiceTier, sluice.Class(class), got.Parts[class].Amount, want, err)
			}
		}
	}
	if !slices.Equal(seal(t, price.Draft{Currency: "USD", EffectiveAt: now, Rules: b.Rules(), Calendars: b.Calendars()}).Rules(), b.Rules()) {
		t.Error("the book says something else when it is published again")
	}
}

func TestDerivedRefused(t *testing.T) {
	base := []price.Rule{rule(sluice.ClassInput, 3, price.Conditions{}), rule(sluice.ClassOutput, 3, price.Conditions{})}
	with := func(x price.Derived) price.Draft {
		d := draft(t, base...)
		x.Line = 9
		d.Derived = []price.Derived{x}
		return d
	}
	half := price.Fraction{Num: 1, Den: 2}
	refused(t, "no whole pico", with(price.Derived{Model: "m", AllTokens: true, In: price.Conditions{Batch: true}, Times: half}),
		"line 9: price of m, input (batch): 1/2 of 0.000003 is no whole number of pico")
	refused(t, "of nothing", with(price.Derived{Model: "m", Class: sluice.ClassOutput, Of: sluice.ClassCached, Times: half}), "line 9: price of m, output: it is a fraction of a price that is not there")
	refused(t, "of another model", with(price.Derived{Model: "n", AllTokens: true, In: price.Conditions{Batch: true}, Times: half}), "not there")
	refused(t, "of another tier", with(price.Derived{Model: "m", AllTokens: true, In: price.Conditions{Batch: true}, From: price.Conditions{ServiceTier: "x"}, Times: half}), "not there")
	refused(t, "zero", with(price.Derived{Model: "m", Class: sluice.ClassCached, Of: sluice.ClassInput}), "0/0 is not a positive fraction")
	refused(t, "negative", with(price.Derived{Model: "m", Class: sluice.ClassCached, Of: sluice.ClassInput, Times: price.Fraction{Num: -1, Den: 2}}), "not a positive fraction")
	huge := draft(t, rule(sluice.ClassInput, 1<<62, price.Conditions{}), rule(sluice.ClassOutput, 1, price.Conditions{}))
	huge.Derived = []price.Derived{{Model: "m", Class: sluice.ClassCached, Of: sluice.ClassInput, Times: price.Fraction{Num: 2, Den: 1}}}
	refused(t, "too great", huge, "no whole number")
}

func TestParseFraction(t *testing.T) {
	for s, want := range map[string]price.Fraction{
		"0.5": {1, 2}, "1.25": {5, 4}, "0.1": {1, 10}, "2": {2, 1}, "1/3": {1, 3}, "10/20": {1, 2}, "0.80": {4, 5},
	} {
		if got, err := price.ParseFraction(s); err != nil || got != want {
			t.Errorf("%q is %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "0", "0.0", "-1", "1/0", "0/1", "1/", "/2", "1.5/2", ".5", "5.", "1e3", "1/2/3", "x", "1/-2", strings.Repeat("9", 30), "0." + strings.Repeat("3", 30)} {
		if got, err := price.ParseFraction(s); sluice.CodeOf(err) != sluice.CodeInvalid {
			t.Errorf("%q is %v, %v", s, got, err)
		}
	}
}
