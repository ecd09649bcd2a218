package infer

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/infer/box"
	"sluice/infer/gguf"
	"sluice/infer/gguf/gguftest"
)

// tiny describes a small model file: one layer of width 32 with one head, and a
// vocabulary of bytes and special tokens. Without its fields it is sound.
type tiny struct {
	quantised     bool // Q8_0 matrices instead of F32
	arch, scaling string
	numbers       map[string]uint32 // replaces numbers of the metadata
	epsilon       float32
	drop, add     string // a tensor that is missing or too many
}

func (c tiny) file(t testing.TB) []byte {
	t.Helper()
	b := tokens(t)
	if c.arch == "" {
		c.arch = "qwen3"
	}
	if c.arch != "none" {
		b.String("general.architecture", c.arch)
	}
	if c.scaling != "" {
		b.String("qwen3.rope.scaling.type", c.scaling)
	}
	if c.epsilon == 0 {
		c.epsilon = 1e-6
	}
	b.Float32("qwen3.attention.layer_norm_rms_epsilon", c.epsilon).Float32("qwen3.rope.freq_base", 10000)
	for key, n := range map[string]uint32{
		"context_length": 64, "embedding_length": 32, "block_count": 1,
		"feed_forward_length": 32, "attention.head_count": 1, "attention.head_count_kv": 1,
		"attention.key_length": 32, "attention.value_length": 32, "rope.dimension_count": 32,
	} {
		if other, changed := c.numbers[key]; changed {
			n = other
		}
		b.Uint32("qwen3."+key, n)
	}
	vector, square := []uint64{32}, []uint64{32, 32}
	for name, dims := range map[string][]uint64{
		"token_embd": {32, vocabulary}, "output_norm": vector,
		"blk.0.attn_norm": vector, "blk.0.attn_q_norm": vector, "blk.0.attn_k_norm": vector, "blk.0.ffn_norm": vector,
		"blk.0.attn_q": square, "blk.0.attn_k": square, "blk.0.attn_v": square, "blk.0.attn_output": square,
		"blk.0.ffn_gate": square, "blk.0.ffn_up": square, "blk.0.ffn_down": square, c.add: square,
	} {
		if name == "" || name == c.drop {
			continue
		}
		if len(dims) == 2 && c.quantised {
			rows := make([]byte, dims[1]*gguf.Q8Bytes)
			for i := range rows {
				rows[i] = byte(i * i % 61)
			}
			b.Tensor(name+".weight", uint32(gguf.Q8_0), dims, rows)
			continue
		}
		count := uint64(1)
		for _, d := range dims {
			count *= d
		}
		values := make([]float32, count)
		for i := range values {
			values[i] = float32(math.Sin(float64(i)))
		}
		b.Floats(name+".weight", dims, values)
	}
	return b.Bytes()
}

// vocabulary is the size of the vocabulary that tokens writes.
const vocabulary = 259

// tokens begins a file with a vocabulary of bytes and ChatML's special tokens.
func tokens(t testing.TB) *gguftest.Builder {
	t.Helper()
	source, err := gguf.Parse(box.File())
	if err != nil {
		t.Fatal(err)
	}
	names, _ := source.Strings("tokenizer.ggml.tokens")
	kinds, _ := source.Ints("tokenizer.ggml.token_type")
	names = slices.Concat(names[:256], names[len(names)-3:])
	var narrow []int32
	for _, kind := range slices.Concat(kinds[:256], kinds[len(kinds)-3:]) {
		narrow = append(narrow, int32(kind))
	}
	return gguftest.New().
		String("tokenizer.ggml.model", "gpt2").String("tokenizer.ggml.pre", "qwen2").
		Strings("tokenizer.ggml.tokens", names).Int32s("tokenizer.ggml.token_type", narrow).
		Strings("tokenizer.ggml.merges", nil)
}

func TestReadSmallModels(t *testing.T) {
	for _, c := range []tiny{{}, {quantised: true}} {
		m, err := Read(c.file(t))
		if err != nil {
			t.Fatal(err)
		}
		_, res := ask(t, m, Request{Prompt: chat(t, m, "Hi"), MaxTokens: 5})
		if res.Usage.Prompt != 21 || res.Usage.Completion == 0 {
			t.Errorf("%+v", res)
		}
	}
}

func TestReadRefusesContradictions(t *testing.T) {
	number := func(key string, n uint32) tiny { return tiny{numbers: map[string]uint32{key: n}} }
	for want, c := range map[string]tiny{
		`architecture "mamba" is not supported`:            {arch: "mamba"},
		`"general.architecture": the file has no such key`: {arch: "none"},
		`RoPE scaling "longrope"`:                          {scaling: "longrope"},
		`rms_epsilon" is -1`:                               {epsilon: -1},
		`context_length" is 0`:                             number("context_length", 0),
		`block_count" is 4294967295`:                       number("block_count", math.MaxUint32),
		`tensor "blk.1.attn_norm.weight" is missing`:       number("block_count", 2),
		`[32 259], want [64 259]`:                          number("embedding_length", 64),
		`are not multiples of 32`:                          number("embedding_length", 33),
		`[32 32], want [32 64]`:                            number("feed_forward_length", 64),
		`do not share`:                                     number("attention.head_count_kv", 3),
		`value_length 16 differs`:                          number("attention.value_length", 16),
		`RoPE dimension 31`:                                number("rope.dimension_count", 31),
		`RoPE dimension 64`:                                number("rope.dimension_count", 64),
		`tensor "output_norm.weight" is missing`:           {drop: "output_norm"},
		`the file has 1 tensors that`:                      {add: "blk.0.attn_q_extra"},
	} {
		_, err := Read(c.file(t))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestReadRefusesTruncatedModels(t *testing.T) {
	whole := box.File()
	for n := 0; n < len(whole); n += 50021 {
		if _, err := Read(whole[:n]); err == nil {
			t.Errorf("the first %d bytes load", n)
		}
	}
}

// TestReadKeepsNoBytes: the caller may reuse or unmap the file.
func TestReadKeepsNoBytes(t *testing.T) {
	data := box.File()
	m, err := Read(data)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := ask(t, boxModel(t), Request{Prompt: chat(t, m, "Hello!")})
	copy(data, bytes.Repeat([]byte{0x55}, len(data)))
	if got, _ := ask(t, m, Request{Prompt: chat(t, m, "Hello!")}); got != want {
		t.Errorf("%q after the file's bytes changed, %q before", got, want)
	}
}

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.gguf")
	if err := os.WriteFile(path, box.File(), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if m.Context() != 1024 || m.Parameters() < 3_500_000 || m.Parameters() > 3_600_000 || m.Name() == "" {
		t.Errorf("%q with a context of %d and %d parameters", m.Name(), m.Context(), m.Parameters())
	}
	if err := os.WriteFile(path, []byte("GGUF"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a broken file: error %v", err)
	}
}
