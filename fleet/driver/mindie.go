package driver

// mindIE is Huawei's MindIE Service 1.0 to 2.3: hiascend.com, "MindIE Service",
// RESTful interfaces of its EndPoint. Its metrics have no prefix.
func mindIE() *Driver {
	return &Driver{
		Name: "mindie", Title: "MindIE",
		Programs: []string{"mindieservice_daemon"},
		Paths:    []string{"/v1/chat/completions", "/v1/completions", "/v1/embeddings"},
		Never:    []string{"/stopService", "/generate", "/generate_stream", "/infer", "/v2/models", "/getSlotCount"},
		Health:   []string{"/v2/health/ready", "/health"}, Deep: "/health/timed-10",
		Drain: Call{"GET", "/stopService"},
		Signs: Signs{OwnedBy: []string{"MindIE Server"}, Prefix: "npu_", Members: []Sign{
			{Field: Field{"/v2", "name"}, Contains: "MindIE"},
		}},
		Version: []Field{{"/v2", "version"}, {"/info", "version"}},
		Context: []Field{{"/info", "models.max_total_tokens"}},
		Metrics: Metrics{Path: "/metrics", Names: []Names{{
			Running: "num_requests_running", Waiting: "num_requests_waiting", KV: "npu_cache_usage_perc", Rate: "npu_prefix_cache_hit_rate",
		}}},
		Counters: Counters{Prompt: "prompt_tokens_total", Completion: "generation_tokens_total"},
		Flags: []Flag{
			{"plugin_params: {\"plugin_type\":\"prefix_cache\"}", "cached tokens are not reported (they are from 2.3.0 on), and no prompt is kept"},
		},
		Tokenize: Tokenize{Path: "/v1/tokenizer", Text: "inputs", Count: "token_number", List: "tokens"},
		Notes: []string{
			"Its prefix cache goes neither with rope scaling nor with data parallelism above 1.",
			"/stopService, which drains and stops it, is a GET: keep its port to Sluice.",
		},
	}
}
