package driver

import "testing"

// TestCount reads the counters of tokens, added up over replicas inside of an engine.
func TestCount(t *testing.T) {
	for _, c := range []struct {
		driver, text       string
		prompt, completion int64
		fresh, ok          bool
	}{
		{"vllm", "vllm:prompt_tokens_total{engine=\"0\",model_name=\"m\"} 1.2e+06\nvllm:prompt_tokens_total{engine=\"1\",model_name=\"m\"} 5\nvllm:generation_tokens_total{engine=\"0\"} 30\n", 1_200_005, 30, false, true},
		{"sglang", "sglang:prompt_tokens_total{model_name=\"m\",tp_rank=\"0\"} 7\nsglang:prompt_tokens_total{model_name=\"m\",tp_rank=\"1\"} 7\nsglang:generation_tokens_total{model_name=\"m\"} 2\n", 7, 2, false, true},
		{"llamacpp", "llamacpp:prompt_tokens_total 12\nllamacpp:tokens_predicted_total 3\n", 12, 3, true, true},
		{"sluice", "sluice_engine_prompt_tokens_total 28682\nsluice_engine_completion_tokens_total 943\n", 28682, 943, false, true},
		{"vllm", "vllm:prompt_tokens_total 12\n", 0, 0, false, false},
		{"vllm", "vllm:prompt_tokens_total NaN\nvllm:generation_tokens_total 3\n", 0, 0, false, false},
		{"lmdeploy", "lmdeploy:prompt_tokens_total{engine=\"0\",model_name=\"m\"} 9\nlmdeploy:generation_tokens_total{engine=\"0\",model_name=\"m\"} 4\n", 9, 4, false, true},
		{"mindie", "# TYPE prompt_tokens_total counter\nprompt_tokens_total{model_name=\"m\"} 9564\n# TYPE generation_tokens_total counter\ngeneration_tokens_total{model_name=\"m\"} 84425\n", 9564, 84425, false, true},
		{"tensorrt-llm", "trtllm_prompt_tokens_total{engine_type=\"pytorch\",model_name=\"m\"} 6\ntrtllm_generation_tokens_total{engine_type=\"pytorch\",model_name=\"m\"} 8\n", 6, 8, false, true},
		{"tensorrt-llm", "trtllm_request_success_total{model_name=\"m\"} 6\n", 0, 0, false, false}, // 1.1
		{"tgi", "tgi_request_input_length_sum 6\ntgi_request_generated_tokens_sum 8\n", 0, 0, false, false},
		{"ollama", "vllm:prompt_tokens_total 12\n", 0, 0, false, false},
	} {
		got, ok := Find(c.driver).Count([]byte(c.text))
		if ok != c.ok || got != (Counted{c.prompt, c.completion, c.fresh}) && ok {
			t.Errorf("%s: %+v, %t of %q", c.driver, got, ok, c.text)
		}
	}
}
