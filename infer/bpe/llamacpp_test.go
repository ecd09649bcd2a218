package bpe

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/infer/gguf"
	"sluice/infer/gguf/gguftest"
)

// llamaCPP is what llama.cpp made of the texts; its note says which version,
// and how it is made again.
type llamaCPP struct {
	Note   string
	Texts  []string
	Tokens map[string][][]int32 // by pre-tokenizer
}

// pairs is a vocabulary of all bytes and all pairs of two, so that each border
// between words shows in the tokens.
func pairs() (tokens []string, kinds []int32, merges []string) {
	runes := byteRunes()
	for _, r := range runes {
		tokens, kinds = append(tokens, string(r)), append(kinds, kindNormal)
	}
	for _, a := range runes {
		for _, b := range runes {
			tokens, kinds = append(tokens, string(a)+string(b)), append(kinds, kindNormal)
			merges = append(merges, string(a)+" "+string(b))
		}
	}
	return tokens, kinds, merges
}

// TestTokensAsLlamaCpp compares the pre-tokenizers with llama.cpp.
// SLUICE_VOCABULARIES names a folder to write the vocabularies to, for whoever
// makes the file again.
func TestTokensAsLlamaCpp(t *testing.T) {
	data, err := os.ReadFile("testdata/llamacpp.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden llamaCPP
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	tokens, kinds, merges := pairs()
	file := func(pre string) []byte {
		return gguftest.New().String("general.architecture", "llama").String("tokenizer.ggml.model", "gpt2").String("tokenizer.ggml.pre", pre).
			Strings("tokenizer.ggml.tokens", tokens).Int32s("tokenizer.ggml.token_type", kinds).Strings("tokenizer.ggml.merges", merges).Bytes()
	}
	f, err := gguf.Parse(file("qwen2"))
	if err != nil {
		t.Fatal(err)
	}
	tok, err := Load(f)
	if err != nil {
		t.Fatal(err)
	}
	for pre, want := range golden.Tokens {
		if folder := os.Getenv("SLUICE_VOCABULARIES"); folder != "" {
			if err := os.WriteFile(filepath.Join(folder, pre+".gguf"), file(pre), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		other := *tok
		if other.pre, err = pretokenizerFor(pre); err != nil {
			t.Fatal(err)
		}
		for i, text := range golden.Texts {
			if apart(pre, text) {
				continue
			}
			if got := other.Encode(nil, text); !slices.Equal(got, want[i]) {
				t.Errorf("%s: %q gives %v, llama.cpp %v", pre, text, got, want[i])
			}
		}
	}
}

// apart reports where llama.cpp departs from the model's own expression, which
// is what is kept here: its tekken and gpt-4o leave marks out of words, and for
// expressions without Unicode classes it takes white space beyond ASCII for a
// vertical tab.
func apart(pre, text string) bool {
	switch pre {
	case "tekken", "gpt-4o":
		return strings.Contains(text, "\u0301")
	case "deepseek-llm", "deepseek-coder":
		return strings.Contains(text, "\u3000")
	}
	return false
}
