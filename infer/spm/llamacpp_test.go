package spm

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestTokensAsLlamaCpp compares with llama.cpp; the note in the file says which
// version, and how it is made again. SLUICE_VOCABULARIES names a folder to
// write the vocabulary to, for whoever does. No text has user-defined tokens:
// behind them llama.cpp begins a text anew, with its space, which SentencePiece
// does not.
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
	file := small().file()
	if folder := os.Getenv("SLUICE_VOCABULARIES"); folder != "" {
		if err := os.WriteFile(filepath.Join(folder, "spm.gguf"), file.String("general.architecture", "llama").Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	tok, err := load(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range golden.Texts {
		if got := tok.Encode(nil, text); !slices.Equal(got, golden.Tokens["spm"][i]) {
			t.Errorf("%q gives %v, llama.cpp %v", text, got, golden.Tokens["spm"][i])
		}
	}
}
