package driver_test

import (
	"slices"
	"strings"
	"testing"

	"sluice/fleet/driver"
)

// TestTraps holds what is known to go wrong with each engine against its driver:
// one line for each, so that an edit of the data does not lose one of them.
func TestTraps(t *testing.T) {
	flag := func(want string) func(*driver.Driver) bool {
		return func(d *driver.Driver) bool {
			return slices.ContainsFunc(d.Flags, func(f driver.Flag) bool { return strings.Contains(f.Flag, want) })
		}
	}
	never := func(path string) func(*driver.Driver) bool {
		return func(d *driver.Driver) bool { return slices.Contains(d.Never, path) && !d.Allows(path) && !d.Asks(path) }
	}
	note := func(word string) func(*driver.Driver) bool {
		return func(d *driver.Driver) bool {
			return slices.ContainsFunc(d.Notes, func(n string) bool { return strings.Contains(n, word) })
		}
	}
	for _, c := range []struct {
		engine, trap string
		holds        func(*driver.Driver) bool
	}{
		{"vllm", "cached tokens are reported with a flag alone", flag("--enable-prompt-tokens-details")},
		{"vllm", "its mode for developers opens more than sleep", never("/collective_rpc")},
		{"vllm", "its metrics were renamed", func(d *driver.Driver) bool { return len(d.Metrics.Names) > 1 }},
		{"vllm", "tenants probe each other's cache", func(d *driver.Driver) bool { return d.CacheSalt }},
		{"sglang", "cached tokens are reported with a flag alone", flag("--enable-cache-report")},
		{"sglang", "metrics are there with a flag alone", flag("--enable-metrics")},
		{"sglang", "its information was renamed", func(d *driver.Driver) bool { return len(d.Version) > 1 }},
		{"sglang", "its cache can be emptied by anybody", never("/flush_cache")},
		{"llamacpp", "metrics are there with a setting alone", flag("LLAMA_ARG_ENDPOINT_METRICS")},
		{"llamacpp", "a slot has its part of the context", note("N-th")},
		{"llamacpp", "as a router of models its GETs want a model", note("?model=")},
		{"tgi", "it is only maintained", func(d *driver.Driver) bool { return d.AttachOnly }},
		{"tei", "it has limits of its own", note("429")},
		{"ollama", "it has no metrics", func(d *driver.Driver) bool { return d.Metrics.Path == "" }},
		{"ollama", "it passes calls on to a cloud", flag("OLLAMA_NO_CLOUD")},
		{"ollama", "it runs one call at a time", flag("OLLAMA_NUM_PARALLEL")},
		{"mindie", "its metrics have no prefix", func(d *driver.Driver) bool {
			return d.Metrics.Names[0].Running == "num_requests_running"
		}},
		{"mindie", "a path ends it", never("/stopService")},
		{"lmdeploy", "a path ends it", never("/terminate")},
		{"lmdeploy", "embeddings are unsupported", func(d *driver.Driver) bool { return !d.Allows("/v1/embeddings") }},
		{"tensorrt-llm", "its metrics are its own", func(d *driver.Driver) bool {
			return strings.HasPrefix(d.Metrics.Names[0].Running, "trtllm_")
		}},
	} {
		d := driver.Find(c.engine)
		if d == nil {
			t.Errorf("there is no driver %s", c.engine)
		} else if !c.holds(d) {
			t.Errorf("%s: %s: its driver does not know", c.engine, c.trap)
		}
	}
}
