package openai

import "github.com/go-json-experiment/json/jsontext"

// steers reports whether engines take a request's field as an order about
// themselves: which cache, slot or adapter to use, whom to connect to, what code
// to load, whom to serve first. Engines trust whoever sends it, and here that
// would be any tenant. The names are those of vLLM and SGLang (disaggregated
// serving, sessions, ranks, embeddings in place of tokens, logits processors) and
// of llama.cpp (slots, adapters).
func steers(name string) bool {
	switch name {
	case "kv_transfer_params", "bootstrap_host", "bootstrap_port", "bootstrap_room",
		"data_parallel_rank", "routed_dp_rank", "disagg_prefill_dp_rank",
		"rid", "session_params", "extra_key", "id_slot", "priority",
		"lora", "lora_path", "prompt_embeds", "input_embeds",
		"custom_logit_processor", "logits_processors":
		return true
	}
	return false
}

// refuseSteering refuses such a field, unless it is null.
func refuseSteering(name []byte, value jsontext.Value) error {
	if steers(string(name)) && value.Kind() != jsontext.KindNull {
		return invalid(string(name), "'"+string(name)+"' steers the engine and is not open to clients.")
	}
	return nil
}
