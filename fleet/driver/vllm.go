package driver

// vLLM as of 0.8 to 0.22: docs.vllm.ai, "OpenAI-Compatible Server", "Production
// Metrics", "Sleep Mode". vLLM-Omni, vllm-ascend and other plugins speak the same.
func vLLM() *Driver {
	return &Driver{
		Name: "vllm", Title: "vLLM",
		Programs: []string{"vllm", "vllm.entrypoints.openai.api_server"},
		Paths:    chat(media()...), Videos: true,
		Never: []string{
			"/collective_rpc", "/sleep", "/wake_up", "/is_sleeping", "/pause", "/resume", "/reset_prefix_cache", "/reset_mm_cache",
			"/reset_encoder_cache", "/server_info", "/start_profile", "/stop_profile", "/scale_elastic_ep", "/update_weights",
			"/init_weight_transfer_engine", "/v1/load_lora_adapter", "/v1/unload_lora_adapter", "/invocations",
		},
		Health:  []string{"/health"},
		Signs:   Signs{OwnedBy: []string{"vllm"}, Prefix: "vllm:"},
		Version: []Field{{"/version", "version"}},
		Metrics: Metrics{Path: "/metrics", Names: []Names{
			{
				Since: "0.9.2", Running: "vllm:num_requests_running", Waiting: "vllm:num_requests_waiting", KV: "vllm:kv_cache_usage_perc",
				Queries: "vllm:prefix_cache_queries_total", Hits: "vllm:prefix_cache_hits_total",
				Info: "vllm:cache_config_info", BlockSize: "block_size", Blocks: "num_gpu_blocks",
			},
			{
				Before: "0.9.2", Running: "vllm:num_requests_running", Waiting: "vllm:num_requests_waiting", KV: "vllm:gpu_cache_usage_perc",
				Queries: "vllm:gpu_prefix_cache_queries_total", Hits: "vllm:gpu_prefix_cache_hits_total",
				Info: "vllm:cache_config_info", BlockSize: "block_size", Blocks: "num_gpu_blocks",
			},
		}},
		Counters: Counters{Prompt: "vllm:prompt_tokens_total", Completion: "vllm:generation_tokens_total"},
		// Several nodes: docs.vllm.ai, "LWS".
		Launch: Launch{
			Program: []string{"vllm", "serve"},
			Served:  "--served-model-name", Host: "--host", Port: "--port", Split: "--tensor-parallel-size", Stages: "--pipeline-parallel-size",
			Group:  []string{"--nnodes", "$(LWS_GROUP_SIZE)", "--node-rank", "$(LWS_WORKER_INDEX)", "--master-addr", "$(LWS_LEADER_ADDRESS)"},
			Follow: []string{"--headless"},
		},
		Flags: []Flag{
			{"--enable-prompt-tokens-details", "cached tokens are not reported and are billed as input (works from 0.9.0.1 on)"},
			{"--enable-auto-tool-choice --tool-call-parser …", "tools are refused"},
			{"--reasoning-parser …", "thinking stands in the answer's text"},
		},
		Tokenize: Tokenize{Path: "/tokenize", Text: "prompt", Count: "count", List: "tokens"},
		Adapters: Adapters{
			List: Call{"GET", "/v1/models"}, Load: Call{"POST", "/v1/load_lora_adapter"}, Unload: Call{"POST", "/v1/unload_lora_adapter"},
			Needs: "--enable-lora VLLM_ALLOW_RUNTIME_LORA_UPDATING=True",
		},
		Sleep: Sleep{
			Sleep: Call{"POST", "/sleep?level=1"}, Wake: Call{"POST", "/wake_up"}, Asleep: Call{"GET", "/is_sleeping"},
			Flags: []string{"--enable-sleep-mode", "VLLM_SERVER_DEV_MODE=1"},
			Needs: "--enable-sleep-mode VLLM_SERVER_DEV_MODE=1, which also opens /collective_rpc to whoever reaches the port",
		},
		CacheSalt: true, Thinking: "reasoning", ThinkingSince: "0.16",
		Notes: []string{
			"Cached tokens are left out of an answer that had none, also with the flag.",
			"The field user is ignored.",
		},
	}
}
