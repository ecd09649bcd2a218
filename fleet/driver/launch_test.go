package driver_test

import (
	"strings"
	"testing"

	"sluice/fleet/driver"
)

func TestCommand(t *testing.T) {
	for _, c := range []struct {
		driver            string
		start             driver.Start
		lead, follow, env string
	}{
		{
			"vllm",
			driver.Start{Model: "/models/glm", Served: "glm-4.6", Port: 8000, Chips: 8},
			"vllm serve /models/glm --served-model-name glm-4.6 --host 0.0.0.0 --port 8000 --tensor-parallel-size 8 --enable-prompt-tokens-details", "", "",
		},
		{
			"vllm",
			driver.Start{Model: "/m", Served: "m", Port: 80, Chips: 8, Nodes: 2, Args: []string{"--max-model-len", "9"}},
			"vllm serve /m --served-model-name m --host 0.0.0.0 --port 80 --tensor-parallel-size 8 --enable-prompt-tokens-details --pipeline-parallel-size 2" +
				" --nnodes $(LWS_GROUP_SIZE) --node-rank $(LWS_WORKER_INDEX) --master-addr $(LWS_LEADER_ADDRESS) --max-model-len 9",
			"vllm serve /m --served-model-name m --host 0.0.0.0 --port 80 --tensor-parallel-size 8 --enable-prompt-tokens-details --pipeline-parallel-size 2" +
				" --nnodes $(LWS_GROUP_SIZE) --node-rank $(LWS_WORKER_INDEX) --master-addr $(LWS_LEADER_ADDRESS) --headless --max-model-len 9", "",
		},
		{
			"sglang",
			driver.Start{Model: "/m", Served: "m", Port: 80, Chips: 8, Nodes: 2},
			"python3 -m sglang.launch_server --model-path /m --served-model-name m --host 0.0.0.0 --port 80 --tp-size 16 --enable-cache-report --enable-metrics" +
				" --nnodes $(LWS_GROUP_SIZE) --node-rank $(LWS_WORKER_INDEX) --dist-init-addr $(LWS_LEADER_ADDRESS):20000",
			"python3 -m sglang.launch_server --model-path /m --served-model-name m --host 0.0.0.0 --port 80 --tp-size 16 --enable-cache-report --enable-metrics" +
				" --nnodes $(LWS_GROUP_SIZE) --node-rank $(LWS_WORKER_INDEX) --dist-init-addr $(LWS_LEADER_ADDRESS):20000", "",
		},
		{
			"llamacpp",
			driver.Start{Model: "/m.gguf", Served: "m", Port: 80, Chips: 1, Contained: true},
			"/app/llama-server --model /m.gguf --alias m --host 0.0.0.0 --port 80", "", "LLAMA_ARG_ENDPOINT_METRICS=1 LLAMA_ARG_JINJA=1",
		},
	} {
		lead, follow, env, err := driver.Find(c.driver).Command(c.start)
		if err != nil {
			t.Errorf("%s: %v", c.driver, err)
			continue
		}
		if got := strings.Join(lead, " "); got != c.lead {
			t.Errorf("%s leads with\n%s\nwant\n%s", c.driver, got, c.lead)
		}
		if got := strings.Join(follow, " "); got != c.follow {
			t.Errorf("%s follows with\n%s\nwant\n%s", c.driver, got, c.follow)
		}
		if got := strings.Join(env, " "); got != c.env {
			t.Errorf("%s has the variables %q, want %q", c.driver, got, c.env)
		}
	}
	if _, _, _, err := driver.Find("mindie").Command(driver.Start{Model: "m"}); err == nil || !strings.Contains(err.Error(), "give its command") {
		t.Errorf("an engine that takes more than flags: %v", err)
	}
	if _, _, _, err := driver.Find("llamacpp").Command(driver.Start{Model: "m", Nodes: 2}); err == nil {
		t.Error("llama.cpp on two nodes is not refused")
	}
}
