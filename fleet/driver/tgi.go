package driver

import "sluice"

// tgi is Hugging Face's Text Generation Inference 3: huggingface.co/docs/text-generation-inference.
// Its makers keep it as it is and build no more on it.
func tgi() *Driver {
	return &Driver{
		Name: "tgi", Title: "TGI", AttachOnly: true,
		Programs: []string{"text-generation-launcher", "text-generation-router"},
		Paths:    []string{"/v1/chat/completions", "/v1/completions"},
		Never:    []string{"/generate", "/generate_stream", "/invocations", "/chat_tokenize"},
		Health:   []string{"/health"},
		Signs: Signs{Prefix: "tgi_", Members: []Sign{
			{Field: Field{"/info", "router"}, Contains: "text-generation-router"},
		}},
		Version: []Field{{"/info", "version"}},
		Context: []Field{{"/info", "max_total_tokens"}},
		Metrics: Metrics{Path: "/metrics", Names: []Names{{
			Running: "tgi_batch_current_size", Waiting: "tgi_queue_size",
		}}},
		Flags:    []Flag{{"--usage-stats off", "it reports to its maker"}},
		Tokenize: Tokenize{Path: "/tokenize", Text: "inputs", List: ""},
		Lacks:    sluice.FeatureChoices,
		Notes:    []string{"It does not report cached tokens.", "It has no counters of tokens: its histograms of lengths leave out answers that were broken off."},
	}
}
