package embedded

import (
	"fmt"
	"net/http"
	"strings"

	"sluice/infer"
)

func (e *Engine) serveMetrics(w http.ResponseWriter, _ *http.Request) {
	WriteMetrics(w, e.cfg.loaded().Stats(), e.Counted())
}

// WriteMetrics answers with an engine's counters in Prometheus's text format.
// Package driver knows them as the driver "sluice".
func WriteMetrics(w http.ResponseWriter, s infer.Stats, c Counts) {
	var out strings.Builder
	for _, m := range []struct {
		name, kind, help string
		value            float64
	}{
		{"requests_running", "gauge", "Sequences that are computed.", float64(s.Running)},
		{"requests_waiting", "gauge", "Sequences that wait.", float64(s.Waiting)},
		{"cache_usage_ratio", "gauge", "Share of the cache that running sequences use.", s.Used},
		{"cache_tokens", "gauge", "Tokens that the cache holds.", float64(s.Room)},
		{"prompt_tokens_total", "counter", "Tokens of prompts of the answers given, the cached ones among them.", float64(c.Prompt)},
		{"cached_tokens_total", "counter", "Tokens of those prompts that were in the cache.", float64(c.Cached)},
		{"completion_tokens_total", "counter", "Tokens of the answers given.", float64(c.Completion)},
		{"generated_tokens_total", "counter", "Tokens chosen, given or not.", float64(s.Generated)},
		{"computed_tokens_total", "counter", "Tokens that went through the model.", float64(s.Computed)},
		{"repeated_tokens_total", "counter", "Those of them that had gone through it before, and gave way for lack of memory.", float64(s.Repeated)},
		{"prefix_queries_total", "counter", "Tokens of prompts looked for in the cache.", float64(s.Queried)},
		{"prefix_hits_total", "counter", "Tokens of prompts found in the cache.", float64(s.Found)},
		{"preemptions_total", "counter", "Times that a sequence gave way for lack of memory.", float64(s.Preempted)},
	} {
		fmt.Fprintf(&out, "# HELP sluice_engine_%s %s\n# TYPE sluice_engine_%s %s\nsluice_engine_%s %v\n", m.name, m.help, m.name, m.kind, m.name, m.value)
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write([]byte(out.String())) // a client that has left gets nothing
}
