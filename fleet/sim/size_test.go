package sim_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/fleet/sim"
	"sluice/fleet/simulator"
)

// TestSize finds a number of engines that meets a goal, and that one fewer does not.
func TestSize(t *testing.T) {
	shape, _ := simulator.ShapeNamed("dense-8b")
	policy, _ := sim.PolicyNamed("sluice")
	run := sim.Run{Shape: shape, Workload: sim.DefaultWorkload(1, 1), Policy: policy, Duration: 90 * time.Second, Warmup: 30 * time.Second}
	kind := sim.Group{Chips: 1, Chip: chip(t, "h20")}
	goal := sim.Goal{TTFT: 3 * time.Second, ITL: 60 * time.Millisecond}
	n, r, ok, err := run.Size(goal, kind)
	if err != nil || !ok || n < 2 || r.TTFT.P99 > 3 || r.ITL.P99 > 0.06 || r.ChipHours != float64(n)*60/3600 {
		t.Fatalf("%d engines, %t, TTFT %+v, inter-token %+v, %g chip-hours, %v", n, ok, r.TTFT, r.ITL, r.ChipHours, err)
	}
	kind.Engines = n - 1
	run.Fleet = []sim.Group{kind}
	fewer, err := run.Start()
	if err != nil || fewer.TTFT.P99 <= 3 && fewer.ITL.P99 <= 0.06 {
		t.Errorf("%d engines would do: TTFT %+v, inter-token %+v, %v", n-1, fewer.TTFT, fewer.ITL, err)
	}
	run.Duration, run.Warmup = 10*time.Second, 0
	if _, _, ok, err := run.Size(sim.Goal{ITL: time.Microsecond}, kind); ok || err != nil {
		t.Errorf("faster than any chip: %t, %v", ok, err)
	}
	large, _ := simulator.ShapeNamed("moe-671b-a37b")
	run.Shape = large
	if _, _, _, err := run.Size(goal, kind); err == nil {
		t.Error("a model that does not fit")
	}
}

// TestWarmup counts nothing of the beginning.
func TestWarmup(t *testing.T) {
	shape, _ := simulator.ShapeNamed("dense-8b")
	policy, _ := sim.PolicyNamed("sluice")
	run := sim.Run{
		Fleet: []sim.Group{{Engines: 2, Chips: 1, Chip: chip(t, "h20")}}, Shape: shape,
		Workload: sim.DefaultWorkload(0.5, 1), Policy: policy, Duration: 4 * time.Minute,
	}
	whole, err := run.Start()
	if err != nil {
		t.Fatal(err)
	}
	run.Warmup = 2 * time.Minute
	half, err := run.Start()
	if err != nil || half.Requests >= whole.Requests || half.ChipHours != whole.ChipHours/2 || half.HitRate <= whole.HitRate {
		t.Errorf("%d requests and %d, %g chip-hours and %g, hits %g and %g, %v", whole.Requests, half.Requests, whole.ChipHours, half.ChipHours, whole.HitRate, half.HitRate, err)
	}
}

// TestTrace reads a trace in both forms, and says what is wrong with others.
func TestTrace(t *testing.T) {
	const csv = "session,at,prompt,output,app,shared\ns1,0.5,200,10,a,100\n,1,300,20,,\n"
	const lines = `{"at":0.5,"session":"s1","app":"a","shared":100,"prompt":200,"output":10}` + "\n\n" + `{"at":1,"session":"line 3","prompt":300,"output":20}`
	var all [2][]sim.Turn
	for i, text := range []string{csv, lines} {
		turns, err := sim.ReadTrace(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		all[i] = turns
	}
	if d := cmp.Diff(all[0], all[1]); d != "" {
		t.Errorf("CSV and JSON differ:\n%s", d)
	}
	for text, want := range map[string]string{
		"":                                          "empty",
		"at,prompt\n1,2\n":                          "lacks the column output",
		"at,prompt,output,x\n":                      `column "x"`,
		"at,prompt,output\n1,2,many":                "line 2 of the trace: output: \"many\"",
		"at,prompt,output\n2,1,1\n1,1,1\n":          "line 3 of the trace: it comes before",
		"at,prompt,output\nNaN,1,1\n":               "line 2 of the trace: it comes before",
		"at,prompt,output\n1,0,1\n":                 "1 to",
		`{"at":1,"prompt":1,"output":1,"shared":2}`: "2 of 1 tokens are shared",
		"{\"at\":":                                  "line 1",
	} {
		if _, err := sim.ReadTrace(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: want %q, got %v", text, want, err)
		}
	}
}
