package driver

import "sluice"

// ollama as of 0.5 to 0.14: docs/api.md and docs/openai.md of its repository. It
// has neither /health nor metrics.
func ollama() *Driver {
	return &Driver{
		Name: "ollama", Title: "Ollama",
		Programs: []string{"ollama"},
		Paths:    []string{"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/images/generations"},
		Never: []string{
			"/api/pull", "/api/push", "/api/create", "/api/copy", "/api/delete", "/api/blobs", "/api/generate", "/api/chat",
			"/api/signout", "/api/ps", "/api/tags",
		},
		Health:  []string{"/api/version"},
		Signs:   Signs{OwnedBy: []string{"library"}, Members: []Sign{{Field: Field{"/api/version", "version"}, Unowned: true}}},
		Version: []Field{{"/api/version", "version"}},
		Launch:  Launch{Listen: "OLLAMA_HOST"},
		Flags: []Flag{
			{"OLLAMA_NO_CLOUD=1", "it may pass requests on to its maker's cloud"},
			{"OLLAMA_NUM_PARALLEL=…", "it answers one call at a time"},
			{"OLLAMA_CONTEXT_LENGTH=…", "longer prompts are cut off at their beginning, in silence"},
		},
		Lacks: sluice.FeatureChoices | sluice.FeatureLogitBias | sluice.FeatureToolChoice | sluice.FeatureOneTool | sluice.FeatureEcho,
		Notes: []string{
			"It does not report cached tokens, and does not say how busy it is.",
			"Past OLLAMA_MAX_QUEUE (512) calls that wait it answers 503.",
		},
	}
}
