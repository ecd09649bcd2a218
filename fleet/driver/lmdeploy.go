package driver

// lmDeploy as of 0.10 to 0.16: lmdeploy.readthedocs.io, "OpenAI Compatible Server",
// and lmdeploy/metrics. A GET of /terminate ends it.
func lmDeploy() *Driver {
	return &Driver{
		Name: "lmdeploy", Title: "LMDeploy",
		Programs: []string{"lmdeploy", "lmdeploy.serve"},
		Paths:    []string{"/v1/chat/completions", "/v1/completions"},
		Never: []string{
			"/terminate", "/abort_request", "/sleep", "/wakeup", "/is_sleeping", "/update_weights", "/distserve/engine_info",
			"/distserve/p2p_connect", "/distserve/free_cache", "/generate", "/v1/chat/interactive",
		},
		Health: []string{"/health"},
		Signs:  Signs{OwnedBy: []string{"lmdeploy"}, Prefix: "lmdeploy:"},
		Metrics: Metrics{Path: "/metrics", Names: []Names{{
			Running: "lmdeploy:num_requests_running", Waiting: "lmdeploy:num_requests_waiting", KV: "lmdeploy:gpu_cache_usage_perc",
			Rate: "lmdeploy:prefix_cache_hit_rate",
		}}},
		Counters: Counters{Prompt: "lmdeploy:prompt_tokens_total", Completion: "lmdeploy:generation_tokens_total"},
		Launch: Launch{
			Program: []string{"lmdeploy", "serve", "api_server"},
			Served:  "--model-name", Host: "--server-name", Port: "--server-port", Split: "--tp",
		},
		Flags: []Flag{
			{"--enable-prefix-caching", "no prompt is kept"},
			{"--enable-metrics", "Sluice does not see how busy it is"},
			{"--tool-call-parser …", "tools are refused"},
		},
		Tokenize: Tokenize{Path: "/v1/encode", Text: "input", Count: "length", List: "input_ids"},
		Sleep: Sleep{
			Sleep: Call{"POST", "/sleep?level=1"}, Wake: Call{"POST", "/wakeup"}, Asleep: Call{"GET", "/is_sleeping"}, Needs: "the PyTorch backend",
		},
		Notes: []string{
			"GET /terminate ends it: keep its port to Sluice.",
			"Its /v1/embeddings says \"unsupported\", and is not asked.",
			"Cached tokens are counted in a metric and not in answers.",
		},
	}
}
