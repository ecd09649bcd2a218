package wordpiece

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestTokensAsLlamaCpp compares with llama.cpp; the note in the file says which
// version, and how it is made again. SLUICE_VOCABULARIES names a folder to
// write the vocabulary to, for whoever does.
func TestTokensAsLlamaCpp(t *testing.T) {
	data, err := os.ReadFile("testdata/llamacpp.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Note   string
		Texts  []string
		Tokens map[string][][]int32
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	kinds := make([]int32, len(small()))
	for i := range kinds {
		kinds[i] = 1
		if i < 4 {
			kinds[i] = kindControl
		}
	}
	file := file("bert", small()...).
		Int32s("tokenizer.ggml.token_type", kinds).Uint32("tokenizer.ggml.bos_token_id", 2).Uint32("tokenizer.ggml.seperator_token_id", 3).Uint32("tokenizer.ggml.unknown_token_id", 1)
	if folder := os.Getenv("SLUICE_VOCABULARIES"); folder != "" {
		if err := os.WriteFile(filepath.Join(folder, "wordpiece.gguf"), file.String("general.architecture", "llama").Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	tok, err := read(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range golden.Texts {
		if got := tok.Encode(nil, text); !slices.Equal(got, golden.Tokens["wordpiece"][i]) {
			t.Errorf("%q gives %v, llama.cpp %v", text, got, golden.Tokens["wordpiece"][i])
		}
	}
}
