package driver

// sglang as of 0.4 to 0.5.12: docs.sglang.io, "Server Arguments", "Production
// Metrics". /server_info was /get_server_info; it tells the server's arguments, its
// key among them, so that nothing of it is kept but the version and a size.
func sglang() *Driver {
	return &Driver{
		Name: "sglang", Title: "SGLang",
		Programs: []string{"sglang", "sglang.launch_server"},
		Paths:    chat("/v1/rerank", "/v1/audio/transcriptions", "/v1/images/generations", "/v1/images/edits", "/v1/videos", "/v1/videos/sync"), Videos: true,
		Never: []string{
			"/flush_cache", "/abort_request", "/pause_generation", "/continue_generation", "/update_weights_from_disk", "/update_weights_from_tensor",
			"/update_weights_from_distributed", "/init_weights_update_group", "/release_memory_occupation", "/resume_memory_occupation",
			"/set_internal_state", "/slow_down", "/configure_logging", "/freeze_gc", "/start_profile", "/stop_profile",
			"/load_lora_adapter", "/unload_lora_adapter", "/generate", "/v1/loads",
		},
		Health: []string{"/health"}, Deep: "/health_generate",
		Signs:   Signs{OwnedBy: []string{"sglang"}, Prefix: "sglang:"},
		Version: []Field{{"/server_info", "version"}, {"/get_server_info", "version"}},
		Context: []Field{{"/server_info", "max_req_input_len"}, {"/get_server_info", "max_req_input_len"}},
		Metrics: Metrics{Path: "/metrics", Names: []Names{{
			Running: "sglang:num_running_reqs", Waiting: "sglang:num_queue_reqs", KV: "sglang:token_usage",
			Rate: "sglang:cache_hit_rate", Room: "sglang:max_total_num_tokens",
		}}},
		// Several nodes: docs.sglang.io, "Multi-Node Deployment".
		Launch: Launch{
			Program: []string{"python3", "-m", "sglang.launch_server"},
			Model:   "--model-path", Served: "--served-model-name", Host: "--host", Port: "--port", Split: "--tp-size",
			Group: []string{"--nnodes", "$(LWS_GROUP_SIZE)", "--node-rank", "$(LWS_WORKER_INDEX)", "--dist-init-addr", "$(LWS_LEADER_ADDRESS):20000"},
		},
		Counters: Counters{Prompt: "sglang:prompt_tokens_total", Completion: "sglang:generation_tokens_total"},
		Flags: []Flag{
			{"--enable-cache-report", "cached tokens are not reported and are billed as input"},
			{"--enable-metrics", "Sluice does not see how busy it is"},
			{"--tool-call-parser …", "calls of tools stand in the answer's text"},
			{"--reasoning-parser …", "thinking stands in the answer's text"},
		},
		Tokenize: Tokenize{Path: "/tokenize", Text: "prompt", Count: "count", List: "tokens"},
		Adapters: Adapters{
			List: Call{"GET", "/v1/models"}, Load: Call{"POST", "/load_lora_adapter"}, Unload: Call{"POST", "/unload_lora_adapter"},
			Needs: "--enable-lora --lora-paths …",
		},
		Sleep: Sleep{
			Sleep: Call{"POST", "/release_memory_occupation"}, Wake: Call{"POST", "/resume_memory_occupation"},
			Flags: []string{"--enable-memory-saver"},
			Needs: "--enable-memory-saver",
		},
		CacheSalt: true,
		Notes:     []string{"Each scrape of /metrics writes a line to its access log."},
	}
}
