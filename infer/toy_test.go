package infer

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"testing"

	"sluice/infer/gguf"
	"sluice/infer/gguf/gguftest"
)

// toy describes a random model of a family, small enough for the plain
// reference. Its values are a function of the tensors' names.
type toy struct {
	name, arch                   string
	layers, width, hidden        int
	heads, kvHeads               int
	headSize, rotated, context   int
	experts, chosen              int
	bias, joinBias, headNorm     bool
	after, fused, tied, divisors bool
	quantised                    bool // Q8_0 matrices instead of F32
	scaling                      string
	factor, original, base       float64
}

// toys are the variants that families come in.
func toys() []toy {
	all := []toy{
		{name: "llama", arch: "llama"},
		{name: "llama tied, wide heads", arch: "llama", tied: true, headSize: 32},
		{name: "llama linear", arch: "llama", scaling: "linear", factor: 4},
		{name: "llama3 factors", arch: "llama", divisors: true, base: 500000},
		{name: "llama biases", arch: "llama", bias: true, joinBias: true},
		{name: "mixtral", arch: "llama", experts: 4, chosen: 2},
		{name: "qwen2", arch: "qwen2", bias: true, base: 1e6},
		{name: "qwen2 yarn", arch: "qwen2", bias: true, scaling: "yarn", factor: 4, original: 32},
		{name: "qwen3", arch: "qwen3", headNorm: true, tied: true, headSize: 32, base: 1e6},
		{name: "qwen3moe", arch: "qwen3moe", headNorm: true, experts: 8, chosen: 3, headSize: 32},
		{name: "glm4", arch: "glm4", bias: true, after: true, fused: true, rotated: 8},
	}
	for i := range all {
		c := &all[i]
		c.layers, c.width, c.hidden, c.heads, c.kvHeads, c.context = 3, 64, 96, 4, 2, 128
		if c.headSize == 0 {
			c.headSize = 16
		}
		if c.rotated == 0 {
			c.rotated = c.headSize
		}
		if c.base == 0 {
			c.base = 10000
		}
		if c.original == 0 {
			c.original = 128
		}
	}
	return all
}

// values are n random numbers around a mean, the same for the same name.
func (toy) values(name string, n int, mean, spread float64) []float32 {
	h := fnv.New64a()
	h.Write([]byte(name))
	r := rand.New(rand.NewPCG(h.Sum64(), 1))
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(mean + spread*(2*r.Float64()-1))
	}
	return out
}

// file writes the model.
func (c toy) file(t testing.TB) []byte {
	t.Helper()
	b := tokens(t)
	key := func(name string) string { return c.arch + "." + name }
	b.String("general.architecture", c.arch).String("general.name", c.name)
	b.Float32(key("attention.layer_norm_rms_epsilon"), 1e-5).Float32(key("rope.freq_base"), float32(c.base))
	numbers := map[string]int{
		"context_length": c.context, "embedding_length": c.width, "block_count": c.layers, "feed_forward_length": c.hidden,
		"attention.head_count": c.heads, "attention.head_count_kv": c.kvHeads, "attention.key_length": c.headSize,
		"attention.value_length": c.headSize, "rope.dimension_count": c.rotated,
	}
	if c.experts > 0 {
		numbers["expert_count"], numbers["expert_used_count"], numbers["expert_feed_forward_length"] = c.experts, c.chosen, c.hidden
	}
	for name, n := range numbers {
		b.Uint32(key(name), uint32(n))
	}
	if c.scaling != "" {
		b.String(key("rope.scaling.type"), c.scaling).Float32(key("rope.scaling.factor"), float32(c.factor))
		b.Uint32(key("rope.scaling.original_context_length"), uint32(c.original))
	}
	c.tensors(b)
	return b.Bytes()
}

// matrix adds a random weight matrix of rows x cols, or several behind each other.
func (c toy) matrix(b *gguftest.Builder, name string, cols int, more ...int) {
	dims, n := []uint64{uint64(cols)}, cols
	for _, d := range more {
		dims, n = append(dims, uint64(d)), n*d
	}
	values := c.values(name, n, 0, math.Sqrt(4/float64(cols)))
	if !c.quantised {
		b.Floats(name, dims, values)
		return
	}
	b.Tensor(name, uint32(gguf.Q8_0), dims, q8(values))
}

// q8 quantises to Q8_0 with scales that are powers of two, so that they need no
// rounding as halves.
func q8(values []float32) []byte {
	var out []byte
	for ; len(values) > 0; values = values[32:] {
		largest := 0.0
		for _, v := range values[:32] {
			largest = max(largest, math.Abs(float64(v)))
		}
		exponent := int(math.Ceil(math.Log2(largest / 127)))
		out = binary.LittleEndian.AppendUint16(out, uint16(exponent+15)<<10)
		for _, v := range values[:32] {
			out = append(out, byte(int8(math.RoundToEven(float64(v)/math.Exp2(float64(exponent))))))
		}
	}
	return out
}

func (c toy) tensors(b *gguftest.Builder) {
	vector := func(name string, n int, mean float64) {
		b.Floats(name, []uint64{uint64(n)}, c.values(name, n, mean, 0.3))
	}
	c.matrix(b, "token_embd.weight", c.width, vocabulary)
	vector("output_norm.weight", c.width, 1)
	if !c.tied {
		c.matrix(b, "output.weight", c.width, vocabulary)
	}
	if c.divisors {
		b.Floats("rope_freqs.weight", []uint64{uint64(c.rotated / 2)}, c.values("rope_freqs.weight", c.rotated/2, 4, 3))
	}
	queries, keys := c.heads*c.headSize, c.kvHeads*c.headSize
	for i := range c.layers {
		at := func(part string) string { return fmt.Sprintf("blk.%d.%s", i, part) }
		vector(at("attn_norm.weight"), c.width, 1)
		vector(at("ffn_norm.weight"), c.width, 1)
		c.matrix(b, at("attn_q.weight"), c.width, queries)
		c.matrix(b, at("attn_k.weight"), c.width, keys)
		c.matrix(b, at("attn_v.weight"), c.width, keys)
		c.matrix(b, at("attn_output.weight"), queries, c.width)
		if c.bias {
			vector(at("attn_q.bias"), queries, 0)
			vector(at("attn_k.bias"), keys, 0)
			vector(at("attn_v.bias"), keys, 0)
		}
		if c.joinBias {
			vector(at("attn_output.bias"), c.width, 0)
		}
		if c.headNorm {
			vector(at("attn_q_norm.weight"), c.headSize, 1)
			vector(at("attn_k_norm.weight"), c.headSize, 1)
		}
		if c.after {
			vector(at("post_attention_norm.weight"), c.width, 1)
			vector(at("post_ffw_norm.weight"), c.width, 1)
		}
		switch {
		case c.experts > 0:
			c.matrix(b, at("ffn_gate_inp.weight"), c.width, c.experts)
			c.matrix(b, at("ffn_gate_exps.weight"), c.width, c.hidden, c.experts)
			c.matrix(b, at("ffn_up_exps.weight"), c.width, c.hidden, c.experts)
			c.matrix(b, at("ffn_down_exps.weight"), c.hidden, c.width, c.experts)
		case c.fused:
			c.matrix(b, at("ffn_up.weight"), c.width, 2*c.hidden)
			c.matrix(b, at("ffn_down.weight"), c.hidden, c.width)
		default:
			c.matrix(b, at("ffn_gate.weight"), c.width, c.hidden)
			c.matrix(b, at("ffn_up.weight"), c.width, c.hidden)
			c.matrix(b, at("ffn_down.weight"), c.hidden, c.width)
		}
	}
}
