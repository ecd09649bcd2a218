package main

import (
	"fmt"
	"math/rand/v2"
	"os"

	"sluice/infer/gguf"
	"sluice/infer/gguf/gguftest"
)

// The shape of Qwen3-0.6B (arXiv 2505.09388, and its file's metadata).
const (
	randomWidth  = 1024
	randomHidden = 3072
	randomLayers = 28
	randomHeads  = 16
	randomKeys   = 8 // key heads
	randomHead   = 128
	randomVocab  = 151936
)

// writeRandom writes a model of random weights, its matrices all of one type.
func writeRandom(path string, typ gguf.Type) error {
	b := gguftest.New().
		String("general.architecture", "qwen3").String("general.name", "random "+typ.String()).
		Float32("qwen3.attention.layer_norm_rms_epsilon", 1e-6).Float32("qwen3.rope.freq_base", 1e6)
	for _, n := range []struct {
		key   string
		value uint32
	}{
		{"context_length", 4096},
		{"embedding_length", randomWidth},
		{"block_count", randomLayers},
		{"feed_forward_length", randomHidden},
		{"attention.head_count", randomHeads},
		{"attention.head_count_kv", randomKeys},
		{"attention.key_length", randomHead},
		{"attention.value_length", randomHead},
	} {
		b.Uint32("qwen3."+n.key, n.value)
	}
	randomTokens(b)
	r := rand.New(rand.NewPCG(6, 6))
	matrix := func(name string, rows, cols int) {
		b.Tensor(name+".weight", uint32(typ), []uint64{uint64(cols), uint64(rows)}, gguftest.Random(r, typ, rows*cols))
	}
	ones := func(name string, n int) {
		values := make([]float32, n)
		for i := range values {
			values[i] = 1
		}
		b.Floats(name+".weight", []uint64{uint64(n)}, values)
	}
	matrix("token_embd", randomVocab, randomWidth)
	ones("output_norm", randomWidth)
	for i := range randomLayers {
		name := func(part string) string { return fmt.Sprintf("blk.%d.%s", i, part) }
		ones(name("attn_norm"), randomWidth)
		ones(name("ffn_norm"), randomWidth)
		ones(name("attn_q_norm"), randomHead)
		ones(name("attn_k_norm"), randomHead)
		matrix(name("attn_q"), randomHeads*randomHead, randomWidth)
		matrix(name("attn_k"), randomKeys*randomHead, randomWidth)
		matrix(name("attn_v"), randomKeys*randomHead, randomWidth)
		matrix(name("attn_output"), randomWidth, randomHeads*randomHead)
		matrix(name("ffn_gate"), randomHidden, randomWidth)
		matrix(name("ffn_up"), randomHidden, randomWidth)
		matrix(name("ffn_down"), randomWidth, randomHidden)
	}
	return os.WriteFile(path, b.Bytes(), 0o600)
}

// randomTokens adds a vocabulary of words that nobody says, in the byte map of
// byte-level BPE: bytes first, special tokens last.
func randomTokens(b *gguftest.Builder) {
	var tokens []string
	var kinds []int32
	other := rune(256)
	for c := range rune(256) {
		if c >= '!' && c <= '~' || c >= 0xa1 && c <= 0xac || c >= 0xae {
			tokens = append(tokens, string(c))
		} else {
			tokens = append(tokens, string(other))
			other++
		}
	}
	tokens = append(tokens, "w1", "w2")
	for len(tokens) < randomVocab-3 {
		tokens = append(tokens, fmt.Sprintf("w%d", len(tokens)))
	}
	for range tokens {
		kinds = append(kinds, 1)
	}
	tokens = append(tokens, "<|endoftext|>", "<|im_start|>", "<|im_end|>")
	kinds = append(kinds, 3, 3, 3)
	b.String("tokenizer.ggml.model", "gpt2").String("tokenizer.ggml.pre", "qwen2").
		Strings("tokenizer.ggml.tokens", tokens).Int32s("tokenizer.ggml.token_type", kinds).
		Strings("tokenizer.ggml.merges", []string{"w 1", "w 2"}).
		Uint32("tokenizer.ggml.eos_token_id", randomVocab-1).Uint32("tokenizer.ggml.padding_token_id", randomVocab-3)
}
