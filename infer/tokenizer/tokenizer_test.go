package tokenizer

import (
	"strings"
	"testing"

	"sluice/infer/box"
	"sluice/infer/gguf"
	"sluice/infer/gguf/gguftest"
)

func TestLoad(t *testing.T) {
	f, err := gguf.Parse(box.File())
	if err != nil {
		t.Fatal(err)
	}
	tok, err := Load(f)
	if err != nil {
		t.Fatal(err)
	}
	if got := tok.Decode(tok.Encode(nil, "Hello 你好")); got != "Hello 你好" {
		t.Errorf("comes back as %q", got)
	}
	for model, want := range map[string]string{"t5": `model "t5" is not supported`, "gpt2": "tokenizer.ggml.pre", "llama": "tokenizer.ggml.tokens", "bert": "tokenizer.ggml.tokens"} {
		f, err := gguf.Parse(gguftest.New().String("tokenizer.ggml.model", model).Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if tok, err := Load(f); tok != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v", model, tok, err)
		}
	}
}
