package closing_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/billing/closing"
	"sluice/money/seal"
)

// TestUnbilledTokens: what engines counted and nobody was billed for blocks the
// close until it is explained; calls under way at midnight are no difference.
func TestUnbilledTokens(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.Service = closing.New(closing.Options{Hours: w.store, Days: w.store, Notes: w.store, Events: w.store, Flush: func(context.Context) error { return nil }, Now: w.clock})
	w.book(t, start().Add(time.Hour), start().Add(24*time.Hour+time.Second)) // the second began a second before it ended
	w.pass(t, start().Add(26*time.Hour))
	count := func(prompt, completion int64, source string) *seal.Check {
		t.Helper()
		var counts []seal.Count
		for h := range 24 {
			c := seal.Count{Engine: "eng_1", Hour: start().Add(time.Duration(h) * time.Hour), Counted: true, Source: source}
			if h == 23 {
				c.Prompt, c.Completion = prompt, completion
			}
			counts = append(counts, c)
		}
		if err := w.store.AddCounts(ctx, counts, nil); err != nil {
			t.Fatal(err)
		}
		d, err := w.Day(ctx, monday)
		if err != nil {
			t.Fatal(err)
		}
		for i := range d.Checks {
			if d.Checks[i].Subject == "engine:eng_1" {
				return &d.Checks[i]
			}
		}
		t.Fatal("there is no check of the engine")
		return nil
	}
	// Each call has 120 tokens of its prompt, 20 of them cached, and 30 of its answer.
	if c := count(120+90, 30+11, seal.SourceMetrics); c.Difference != "" || !strings.Contains(c.What, "under way") {
		t.Errorf("a call under way at midnight: %+v", c)
	}
	if c := count(100, 0, seal.SourceMetrics); c.Difference != "190 + 11 unbilled tokens" || c.Unknown {
		t.Errorf("more than is under way: %+v", c)
	}
	_, err := w.Close(ctx, monday, "me")
	wants(t, "unbilled tokens", err, sluice.CodeConflict, "engine:eng_1")
	if _, err := w.Explain(ctx, monday, "engine:eng_1", "somebody asks the engine beside the gateway", "me"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Close(ctx, monday, "me"); err != nil {
		t.Error(err)
	}
}

// TestCountersWithoutCachedTokens: such counters are compared with what was not cached.
func TestCountersWithoutCachedTokens(t *testing.T) {
	w := newWorld(t)
	w.book(t, start().Add(time.Minute))
	w.pass(t, start().Add(26*time.Hour))
	for _, c := range []struct {
		source     string
		difference string
	}{{seal.SourceFresh, ""}, {seal.SourceMetrics, "-20 + 0 unbilled tokens"}} {
		if err := w.store.PutEngineCounters(t.Context(), []seal.Counter{{Engine: "eng_1", Hour: start(), Prompt: 100, Completion: 30, Source: c.source}}); err != nil {
			t.Fatal(err)
		}
		d, err := w.Day(t.Context(), monday)
		if err != nil {
			t.Fatal(err)
		}
		for _, check := range d.Checks {
			if check.Subject == "engine:eng_1" && check.Difference != c.difference {
				t.Errorf("%s: %+v", c.source, check)
			}
		}
	}
}
