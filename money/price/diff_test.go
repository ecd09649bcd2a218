package price_test

import (
	"slices"
	"testing"

	"sluice"
	"sluice/money/price"
)

func TestDiff(t *testing.T) {
	prices := func(model, input, cached, output string) []price.Rule { return flat(t, model, input, cached, output) }
	text := func(before, after *price.Book) (lines []string) {
		for _, c := range price.Diff(before, after) {
			lines = append(lines, c.String())
		}
		return lines
	}
	expect := func(name string, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	old := seal(t, draft(t, append(prices("a", "1", "0.1", "2"), prices("b", "5", "0.5", "9")...)...))
	expect("the same", text(old, old))
	expect("one price", text(old, seal(t, draft(t, append(prices("a", "1", "0.1", "2.50"), prices("b", "5", "0.5", "9")...)...))),
		"a output: 2.00 -> 2.50", "a reasoning: 2.00 -> 2.50")
	gone := text(old, seal(t, draft(t, prices("a", "1", "0.1", "2")...)))
	expect("a model that goes", gone[:2], "b input: 5.00 -> gone", "b cached: 0.50 -> gone")
	added := text(nil, old)
	expect("the first book", added[:1], "a input: new -> 1.00")
	if len(added) != 10 || len(gone) != 5 {
		t.Errorf("%q\n%q", added, gone)
	}

	cents := price.Diff(old, seal(t, draft(t, append(prices("a", "0.01", "0.00101", "2"), prices("b", "0", "50", "9")...)...)))
	var jumps []string
	for _, c := range price.Jumps(cents) {
		jumps = append(jumps, c.String())
	}
	expect("jumps", jumps,
		"a input: 1.00 -> 0.01 (a jump of 100 times or more)",
		"a cache_write: 1.00 -> 0.01 (a jump of 100 times or more)",
		"b input: 5.00 -> 0.00 (a jump of 100 times or more)",
		"b cached: 0.50 -> 50.00 (a jump of 100 times or more)",
		"b cache_write: 5.00 -> 0.00 (a jump of 100 times or more)")

	// A rule that is new jumps from what its case cost before.
	with := func(p sluice.Pico, c price.Conditions) *price.Book {
		return seal(t, draft(t, append(append(prices("a", "1", "0.1", "2"), prices("b", "5", "0.5", "9")...), price.Rule{Model: "a", Class: sluice.ClassOutput, Price: p, Conditions: c})...))
	}
	expect("a calendar", text(old, with(4_000_000, price.Conditions{Calendar: "peak"})),
		"a output, calendar peak: new -> 4.00", "a reasoning, calendar peak: new -> 4.00", "the calendar peak is new")
	expect("a jump under a condition", text(old, with(200_000_000, price.Conditions{Batch: true})),
		"a output, batch: new -> 200.00 (a jump of 100 times or more)", "a reasoning, batch: new -> 200.00 (a jump of 100 times or more)")
	expect("back", text(with(200_000_000, price.Conditions{Batch: true}), old),
		"a output, batch: 200.00 -> gone (a jump of 100 times or more)", "a reasoning, batch: 200.00 -> gone (a jump of 100 times or more)")
	expect("the calendar goes", text(with(4_000_000, price.Conditions{Calendar: "peak"}), old)[2:], "the calendar peak goes")

	split := prices("a", "1", "0.1", "2")
	split[1].ContextMax = 100
	split = append(split, price.Rule{Model: "a", Class: sluice.ClassOutput, ContextMin: 100, Price: 3_000_000})
	base := seal(t, draft(t, prices("a", "1", "0.1", "2")...))
	if got := text(base, seal(t, draft(t, split...))); !slices.Contains(got, "a output, prompt from 100: new -> 3.00") || !slices.Contains(got, "a output, prompt below 100: new -> 2.00") || !slices.Contains(got, "a output: 2.00 -> gone") {
		t.Errorf("a cut: %q", got)
	}
}
