package driver

import "sluice"

// tei is Hugging Face's Text Embeddings Inference 1.5 to 1.9: huggingface.co/docs/text-embeddings-inference.
func tei() *Driver {
	return &Driver{
		Name: "tei", Title: "TEI",
		Programs: []string{"text-embeddings-router"},
		Paths:    []string{"/v1/embeddings"},
		Never:    []string{"/embed", "/embed_all", "/embed_sparse", "/predict", "/rerank", "/decode"},
		Health:   []string{"/health"},
		Signs: Signs{Prefix: "te_", Members: []Sign{
			{Field: Field{"/info", "tokenization_workers"}},
		}},
		Version: []Field{{"/info", "version"}},
		Context: []Field{{"/info", "max_input_length"}},
		Metrics: Metrics{Path: "/metrics", Names: []Names{{Waiting: "te_queue_size"}}},
		Launch: Launch{
			Program: []string{"text-embeddings-router"},
			Model:   "--model-id", Served: "--served-model-name", Host: "--hostname", Port: "--port",
		},
		Flags: []Flag{{"--auto-truncate false", "longer texts are cut off in silence"}},
		Tokenize: Tokenize{
			Path: "/tokenize", Text: "inputs", List: "",
		},
		Lacks: sluice.FeatureTools | sluice.FeaturesOfMessages,
		Notes: []string{"It answers 429 past its own limits, and 413 to a batch or a text that is too long."},
	}
}
