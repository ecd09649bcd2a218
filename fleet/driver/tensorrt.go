package driver

// tensorRT is TensorRT-LLM's trtllm-serve 1.0 on: tensorrt_llm/serve and its
// Prometheus metrics. It refuses fields that it does not know.
func tensorRT() *Driver {
	return &Driver{
		Name: "tensorrt-llm", Title: "TensorRT-LLM",
		Programs: []string{"trtllm-serve"},
		Paths:    []string{"/v1/chat/completions", "/v1/completions", "/v1/images/generations", "/v1/images/edits", "/v1/videos", "/v1/videos/sync"},
		Videos:   true,
		Never:    []string{"/release_memory", "/resume_memory", "/update_weights", "/kv_cache_events", "/perf_metrics", "/server_info", "/_internal/tokenize"},
		Health:   []string{"/health"},
		Deep:     "/health_generate",
		Signs:    Signs{OwnedBy: []string{"tensorrt_llm"}, Prefix: "trtllm_"},
		Version:  []Field{{"/version", "version"}},
		Metrics: Metrics{Path: "/prometheus/metrics", Names: []Names{{
			Running: "trtllm_num_requests_running", Waiting: "trtllm_num_requests_waiting", KV: "trtllm_kv_cache_utilization", Rate: "trtllm_kv_cache_hit_rate",
		}}},
		Counters:     Counters{Prompt: "trtllm_prompt_tokens_total", Completion: "trtllm_generation_tokens_total"},
		Flags:        []Flag{{"return_perf_metrics: true (in --extra_llm_api_options)", "Sluice does not see how busy it is"}},
		StrictFields: true,
		Notes:        []string{"Behind Triton its metrics have other names (nv_trt_llm_…) and are not read.", "Older versions (1.1) have no counters of tokens."},
	}
}
