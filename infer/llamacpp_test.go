package infer

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// toyName is a toy's name in files.
func toyName(c toy) string { return strings.NewReplacer(" ", "-", ",", "").Replace(c.name) }

// llamaCPP is what llama.cpp computed for the toys; its note says which version,
// and how it is made again.
type llamaCPP struct {
	Note   string
	Prompt []int32
	Toys   map[string]struct {
		Tokens []int32   // the likeliest after the prompt
		Values []float64 // their log probabilities
	}
}

// TestToysAsLlamaCpp compares the families with llama.cpp. SLUICE_TOYS names a
// folder to write the toys to, for whoever makes the file again.
func TestToysAsLlamaCpp(t *testing.T) {
	folder := os.Getenv("SLUICE_TOYS")
	data, err := os.ReadFile("testdata/llamacpp.json")
	if err != nil && folder == "" {
		t.Fatal(err)
	}
	var golden llamaCPP
	if folder == "" {
		if err := json.Unmarshal(data, &golden); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range toys() {
		file := c.file(t)
		if folder != "" {
			if err := os.WriteFile(filepath.Join(folder, toyName(c)+".gguf"), file, 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, ok := golden.Toys[toyName(c)]
		if !ok || len(want.Tokens) < 20 {
			t.Errorf("%s: llama.cpp computed nothing", c.name)
			continue
		}
		m, err := Options{Threads: 1}.Read(file)
		if err != nil {
			t.Fatal(err)
		}
		got, worst := logprobs(evaluate(m, golden.Prompt, 9)), 0.0
		for i, token := range want.Tokens {
			worst = max(worst, math.Abs(got[token]-want.Values[i]))
		}
		t.Logf("%s: largest difference %.5f", c.name, worst)
		if !(worst < 0.02) { // llama.cpp keeps keys and values as halves
			t.Errorf("%s: a log probability differs by %g", c.name, worst)
		}
		_ = m.Close()
	}
}
