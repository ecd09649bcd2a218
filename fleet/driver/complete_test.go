package driver

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOfCommand(t *testing.T) {
	for line, want := range map[string]string{
		"vllm serve /m":                                        "vllm",
		"/opt/venv/bin/vllm serve /m":                          "vllm",
		"python3 -m vllm.entrypoints.openai.api_server --x":    "vllm",
		"uv run vllm serve /m":                                 "vllm",
		"python -m sglang.launch_server --model-path /m":       "sglang",
		"/app/llama-server -m a.gguf":                          "llamacpp",
		"ollama serve":                                         "ollama",
		"lmdeploy serve api_server /m":                         "lmdeploy",
		"text-embeddings-router --model-id /m":                 "tei",
		"trtllm-serve /m":                                      "tensorrt-llm",
		"./bin/mindieservice_daemon":                           "mindie",
		"text-generation-launcher":                             "tgi",
		"my-server --model vllm --and --more --words-than one": "vllm", // a word near the beginning is taken for it
		"my-server --a b --c d --model vllm":                   "generic",
		"":                                                     "generic",
	} {
		if got := OfCommand(strings.Fields(line)); got.Name != want {
			t.Errorf("%q starts %s, not %s", line, got.Name, want)
		}
	}
	for _, d := range All() {
		if len(d.Launch.Program) > 0 && OfCommand(d.Launch.Program) != nil && OfCommand(d.Launch.Program).Name != d.Name {
			t.Errorf("what starts %s is taken for %s", d.Name, OfCommand(d.Launch.Program).Name)
		}
	}
}

func TestComplete(t *testing.T) {
	for name, c := range map[string]struct {
		driver, argv string
		env          map[string]string
		sleep        bool
		want, added  string
		wantEnv      map[string]string
	}{
		"vllm": {
			"vllm", "vllm serve /m", nil, false,
			"vllm serve /m --enable-prompt-tokens-details --host 127.0.0.1 --port 80", "--enable-prompt-tokens-details|--host 127.0.0.1|--port 80",
			map[string]string{},
		},
		"all of it said": {
			"vllm", "vllm serve /m --enable_prompt_tokens_details --host=0.0.0.0 --port ${PORT}", nil, false,
			"vllm serve /m --enable_prompt_tokens_details --host=0.0.0.0 --port ${PORT}", "",
			map[string]string{},
		},
		"said otherwise": {
			"vllm", "vllm serve /m --no-enable-prompt-tokens-details --host ::1 --port 1", nil, false,
			"vllm serve /m --no-enable-prompt-tokens-details --host ::1 --port 1", "",
			map[string]string{},
		},
		"to sleep": {
			"vllm", "vllm serve /m --enable-prompt-tokens-details --host h",
			map[string]string{"P": "${PORT}"},
			true,
			"vllm serve /m --enable-prompt-tokens-details --host h --enable-sleep-mode", "--enable-sleep-mode|VLLM_SERVER_DEV_MODE=1",
			map[string]string{"P": "${PORT}", "VLLM_SERVER_DEV_MODE": "1"},
		},
		"flags with values, and the environment": {
			"llamacpp", "llama-server",
			map[string]string{"LLAMA_ARG_JINJA": "0"},
			false,
			"llama-server --host 127.0.0.1 --port 80", "LLAMA_ARG_ENDPOINT_METRICS=1|--host 127.0.0.1|--port 80",
			map[string]string{"LLAMA_ARG_JINJA": "0", "LLAMA_ARG_ENDPOINT_METRICS": "1"},
		},
		"an address in the environment": {
			"ollama", "ollama serve", nil, false,
			"ollama serve", "OLLAMA_NO_CLOUD=1|OLLAMA_HOST=127.0.0.1:80",
			map[string]string{"OLLAMA_NO_CLOUD": "1", "OLLAMA_HOST": "127.0.0.1:80"},
		},
		"a value of its own": {
			"tei", "text-embeddings-router --auto-truncate=true", nil, false,
			"text-embeddings-router --auto-truncate=true --hostname 127.0.0.1 --port 80", "--hostname 127.0.0.1|--port 80",
			map[string]string{},
		},
		"flags in a file":   {"mindie", "mindieservice_daemon", nil, false, "mindieservice_daemon", "", map[string]string{}},
		"options in a file": {"tensorrt-llm", "trtllm-serve /m", nil, false, "trtllm-serve /m", "", map[string]string{}},
		"not known":         {"generic", "x --y", nil, true, "x --y", "", map[string]string{}},
	} {
		argv, env := strings.Fields(c.argv), maps.Clone(c.env)
		got := Find(c.driver).Complete(argv, env, "80", c.sleep)
		if s := strings.Join(got.Argv, " "); s != c.want {
			t.Errorf("%s: the command line is\n%s, not\n%s", name, s, c.want)
		}
		if s := strings.Join(got.Added, "|"); s != c.added {
			t.Errorf("%s: added is %s, not %s", name, s, c.added)
		}
		if d := cmp.Diff(c.wantEnv, got.Env); d != "" {
			t.Errorf("%s: the environment (-want +got):\n%s", name, d)
		}
		if strings.Join(argv, " ") != c.argv || !maps.Equal(env, c.env) {
			t.Errorf("%s: what was given is changed", name)
		}
	}
}
