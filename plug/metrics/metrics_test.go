package metrics_test

import (
	"bytes"
	"io"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice"
	"sluice/plug/metrics"
)

// served is a call that was answered as a stream: 7 fresh, 3 cached and 5
// generated tokens, the first after 100 ms and the last after 500 ms.
func served() sluice.Report {
	begin := time.Unix(1_700_000_000, 0)
	r := sluice.Report{
		CallID: "call_1", Endpoint: "/v1/chat/completions", Model: "glm", Engine: "gpu1", Stream: true,
		StartedAt: begin, FirstAt: begin.Add(100 * time.Millisecond), EndedAt: begin.Add(500 * time.Millisecond),
	}
	r.Event.Usage = sluice.Usage{sluice.ClassInput: 7, sluice.ClassCached: 3, sluice.ClassOutput: 5}
	return r
}

// scrape returns what Prometheus would read.
func scrape(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	text, err := io.ReadAll(w.Body)
	if err != nil || w.Code != 200 {
		t.Fatalf("%d, %v", w.Code, err)
	}
	return string(text)
}

// want checks that lines are there, as they stand.
func want(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !slices.Contains(strings.Split(text, "\n"), line) {
			t.Errorf("no line %s in\n%s", line, own(text))
		}
	}
}

// own leaves out what the Go runtime and the process say.
func own(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "sluice_") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// TestUnits counts what is no token by itself.
func TestUnits(t *testing.T) {
	m := metrics.New()
	r := served()
	r.Event.Usage = sluice.Usage{sluice.ClassImage: 4, sluice.ClassCacheWriteHour: 9}
	m.CallEnded(r)
	m.CallEnded(r)
	text := scrape(t, m)
	want(t, text, `sluice_units_total{class="image",model="glm",simulated="false"} 8`, `sluice_tokens_total{class="cache_write_1h",model="glm",simulated="false"} 18`)
	if strings.Contains(text, `sluice_tokens_total{class="image"`) || strings.Contains(text, `sluice_units_total{class="second"`) {
		t.Errorf("images are no tokens, and nothing else was used:\n%s", own(text))
	}
}

// TestCalls counts calls by their end, tokens by class, and times.
func TestCalls(t *testing.T) {
	m := metrics.New()
	m.CallEnded(served())
	simulated := served()
	simulated.Event.Simulated = true
	m.CallEnded(simulated)
	left := served()
	left.Left = true
	m.CallEnded(left)
	broken := served()
	broken.Failed = sluice.Errorf(sluice.CodeEngineFailed, "it broke off")
	broken.FirstAt, broken.Event = time.Time{}, sluice.Event{}
	m.CallEnded(broken)
	m.CallEnded(sluice.Report{Endpoint: "/v1/chat/completions", Failed: sluice.Errorf(sluice.CodeInvalid, "no JSON")})

	text := scrape(t, m)
	want(t, text,
		`sluice_calls_total{endpoint="/v1/chat/completions",model="glm",result="ok"} 2`,
		`sluice_calls_total{endpoint="/v1/chat/completions",model="glm",result="left"} 1`,
		`sluice_calls_total{endpoint="/v1/chat/completions",model="glm",result="engine_failed"} 1`,
		`sluice_calls_total{endpoint="/v1/chat/completions",model="",result="invalid"} 1`,
		`sluice_tokens_total{class="input",model="glm",simulated="false"} 14`,
		`sluice_tokens_total{class="input",model="glm",simulated="true"} 7`,
		`sluice_tokens_total{class="cached",model="glm",simulated="true"} 3`,
		`sluice_tokens_total{class="output",model="glm",simulated="false"} 10`,
		`sluice_ttft_seconds_count{model="glm"} 3`,
		`sluice_inter_token_seconds_count{model="glm"} 3`,
		`sluice_inter_token_seconds_bucket{model="glm",le="0.064"} 0`, // (500 - 100) / 4 = 100 ms
		`sluice_inter_token_seconds_bucket{model="glm",le="0.128"} 3`,
		`sluice_ttft_seconds_bucket{model="glm",le="0.064"} 0`,
		`sluice_ttft_seconds_bucket{model="glm",le="0.128"} 3`,
		`sluice_call_seconds_count{model="glm"} 4`, // the refused one asked no engine
		`sluice_call_seconds_bucket{model="glm",le="0.512"} 4`,
	)
	if strings.Contains(text, `sluice_call_seconds_count{model=""}`) {
		t.Error("a call that no engine saw counts in the times")
	}
}

// TestCommits counts groups of postings.
func TestCommits(t *testing.T) {
	m := metrics.New()
	m.Committed(1, time.Millisecond)
	m.Committed(300, 3*time.Millisecond)
	want(t, scrape(t, m), "sluice_ledger_group_postings_sum 301", "sluice_ledger_group_postings_count 2",
		`sluice_ledger_group_postings_bucket{le="256"} 1`, `sluice_ledger_commit_seconds_bucket{le="0.001"} 1`, "sluice_ledger_commit_seconds_count 2")
}

// TestGauge reads a gauge when it is asked for.
func TestGauge(t *testing.T) {
	m := metrics.New()
	now := 1.0
	m.Gauge("sluice_holds", "Calls that hold money now.", func() float64 { return now })
	now = 3
	want(t, scrape(t, m), "sluice_holds 3")
}

// TestConcurrent counts from many goroutines and misses nothing.
func TestConcurrent(t *testing.T) {
	m := metrics.New()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				m.CallEnded(served())
			}
		})
	}
	group.Wait()
	want(t, scrape(t, m), `sluice_calls_total{endpoint="/v1/chat/completions",model="glm",result="ok"} 800`)
}

// TestNames pins the names, which dashboards and alerts rely on, with their
// kinds and labels.
func TestNames(t *testing.T) {
	m := metrics.New()
	m.CallEnded(served())
	m.Committed(1, time.Millisecond)
	text := scrape(t, m)
	label := regexp.MustCompile(`([a-z_]+)="`)
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^# TYPE (sluice_\S+) (\S+)$`).FindAllStringSubmatch(text, -1) {
		labels := map[string]bool{}
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, match[1]) {
				for _, l := range label.FindAllStringSubmatch(line, -1) {
					labels[l[1]] = l[1] != "le"
				}
			}
		}
		line := match[1] + " " + match[2]
		for _, l := range []string{"class", "endpoint", "model", "result", "simulated"} {
			if labels[l] {
				line += " " + l
			}
		}
		names = append(names, line+"\n")
	}
	golden, err := os.ReadFile("testdata/names.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(names, ""); !bytes.Equal(golden, []byte(got)) {
		t.Errorf("the names are\n%s\nand not those of testdata/names.txt:\n%s", got, golden)
	}
	for _, others := range []string{"go_goroutines", "process_resident_memory_bytes"} {
		if !strings.Contains(text, others) {
			t.Errorf("%s is missing", others)
		}
	}
}

// TestSeries reads metrics with labels when they are asked for.
func TestSeries(t *testing.T) {
	m := metrics.New()
	engines := []string{"a"}
	read := func(set func(float64, ...string)) {
		for i, e := range engines {
			set(float64(100*(i+1)), e, "measured")
		}
	}
	m.Gauges("sluice_engine_power_watts", "What an engine draws.", []string{"engine", "source"}, read)
	m.Counters("sluice_engine_energy_joules_total", "What an engine drew.", []string{"engine", "source"}, read)
	engines = append(engines, "b")
	want(t, scrape(t, m), `sluice_engine_power_watts{engine="a",source="measured"} 100`, `sluice_engine_power_watts{engine="b",source="measured"} 200`,
		"# TYPE sluice_engine_energy_joules_total counter", `sluice_engine_energy_joules_total{engine="b",source="measured"} 200`)
}
