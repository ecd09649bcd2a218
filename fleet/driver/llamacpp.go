package driver

// llamaCPP is llama.cpp's llama-server: tools/server/README.md. Its version is
// the number of a build, such as b5200.
func llamaCPP() *Driver {
	return &Driver{
		Name: "llamacpp", Title: "llama.cpp",
		Programs: []string{"llama-server"},
		Paths:    chat("/v1/rerank", "/v1/audio/transcriptions"),
		Never: []string{
			"/slots", "/slots/0?action=erase", "/lora-adapters", "/models/load", "/models/unload", "/models/sse", "/props?autoload=true", "/completion", "/infill",
			"/cors-proxy", "/tools",
		},
		Health: []string{"/health"},
		Signs: Signs{OwnedBy: []string{"llamacpp"}, Prefix: "llamacpp:", Members: []Sign{
			{Field: Field{"/props", "default_generation_settings"}},
		}},
		Version: []Field{{"/props", "build_info"}},
		Context: []Field{{"/props", "default_generation_settings.n_ctx"}},
		Metrics: Metrics{Path: "/metrics", Names: []Names{{
			Running: "llamacpp:requests_processing", Waiting: "llamacpp:requests_deferred", KV: "llamacpp:kv_cache_usage_ratio", Room: "",
		}}},
		Launch: Launch{
			Program: []string{"llama-server"}, Contained: "/app/llama-server",
			Model: "--model", Served: "--alias", Host: "--host", Port: "--port",
		},
		// tools/server/README.md, "GET /metrics": prompt tokens are those that were processed.
		Counters: Counters{Prompt: "llamacpp:prompt_tokens_total", Completion: "llamacpp:tokens_predicted_total", Fresh: true},
		Flags: []Flag{
			{"LLAMA_ARG_ENDPOINT_METRICS=1", "Sluice does not see how busy it is"},
			{"LLAMA_ARG_JINJA=1", "tools are refused"},
		},
		Tokenize: Tokenize{Path: "/tokenize", Text: "content", List: "tokens"},
		Adapters: Adapters{List: Call{"GET", "/lora-adapters"}, Load: Call{"POST", "/lora-adapters"}, Needs: "--lora FILE; adapters have numbers and scales, and are changed for all requests"},
		Sleep:    Sleep{Needs: "--sleep-idle-seconds: by itself, and a request wakes it"},
		Notes: []string{
			"A slot has its part of the context alone: with --parallel N, a call has an N-th of it.",
			"As a router of models (without --model) it wants ?model= in GETs, so that its version and metrics are not seen.",
			"It takes cache_salt and does nothing with it: its prompt cache is shared between tenants.",
		},
	}
}
