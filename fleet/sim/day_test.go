package sim_test

import (
	"math"
	"testing"

	"sluice/fleet/sim"
)

// within compares to a part.
func within(t *testing.T, what string, got, want, part float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > part*want {
		t.Errorf("%s: %g, want %g within %g %%", what, got, want, 100*part)
	}
}

// TestPublishedDay replays DeepSeek's day and comes to what was published; in two
// samples, since a figure that depends on the sample says nothing of the fleet.
func TestPublishedDay(t *testing.T) {
	day := sim.PublishedDays()[0]
	for _, sample := range []int{1024, 2048} {
		r, err := day.Replay(sample, 1)
		if err != nil {
			t.Fatal(err)
		}
		if r.PeakNodes != 278 || r.Nodes != 226.75 || r.Cost != 87_072 {
			t.Errorf("1 of %d: %d nodes at most, %g on average, %g $", sample, r.PeakNodes, r.Nodes, r.Cost)
		}
		within(t, "prompt tokens", r.Prompt, 608e9, 0.02)
		within(t, "answer tokens", r.Output, 168e9, 0.02)
		within(t, "hits", r.HitRate, 0.563, 0.01)
		within(t, "KV length", r.KVLength, 4989, 0.02)
		within(t, "prompt tokens a node", r.PrefillPerNode, 73_700, 0.02)
		within(t, "answer tokens a node", r.DecodePerNode, 14_800, 0.02)
		within(t, "speed", r.Speed, 21, 0.05) // 20 to 22
		within(t, "income", r.Income, 562_027, 0.02)
		within(t, "profit", r.Profit(), 5.45, 0.03)
		if len(r.Hours) != 24 || r.Hours[0].Hour != 12 || r.Hours[12].Hour != 0 || len(r.Compared) < 12 {
			t.Errorf("%d hours from %d o'clock, %d figures", len(r.Hours), r.Hours[0].Hour, len(r.Compared))
		}
	}
	again, err := day.Replay(4096, 1)
	if err != nil {
		t.Fatal(err)
	}
	other, err := day.Replay(4096, 2)
	if err != nil {
		t.Fatal(err)
	}
	once, err := day.Replay(4096, 1)
	if err != nil || once.TTFT != again.TTFT || once.Income != again.Income || other.TTFT == again.TTFT {
		t.Errorf("a day does not depend on its seed alone: %v", err)
	}
}

// TestDayRefused refuses samples that cannot be.
func TestDayRefused(t *testing.T) {
	day := sim.PublishedDays()[0]
	if _, err := day.Replay(0, 1); err == nil {
		t.Error("none of the requests")
	}
	day.Levels = nil
	if _, err := day.Replay(512, 1); err == nil {
		t.Error("without nodes")
	}
}
