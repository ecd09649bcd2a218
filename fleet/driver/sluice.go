package driver

// sluiceEngine is Sluice's own engine (package embedded), in this process or
// behind a URL.
func sluiceEngine() *Driver {
	return &Driver{
		Name: "sluice", Title: "Sluice's own engine",
		Paths:  chat(),
		Never:  []string{"/detokenize"},
		Health: []string{"/health"},
		Signs:  Signs{Prefix: "sluice_engine_"},
		Metrics: Metrics{Path: "/metrics", Names: []Names{{
			Running: "sluice_engine_requests_running", Waiting: "sluice_engine_requests_waiting", KV: "sluice_engine_cache_usage_ratio",
			Room: "sluice_engine_cache_tokens", Queries: "sluice_engine_prefix_queries_total", Hits: "sluice_engine_prefix_hits_total",
		}}},
		Counters:  Counters{Prompt: "sluice_engine_prompt_tokens_total", Completion: "sluice_engine_completion_tokens_total"},
		Tokenize:  Tokenize{Path: "/tokenize", Text: "prompt", Count: "count", List: "tokens"},
		CacheSalt: true,
	}
}
