package infer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"sluice/infer/gguf"
	"sluice/infer/gguf/gguftest"
)

// toyEncoder writes a random BERT model.
func toyEncoder(t testing.TB, pooling int, quantised bool) []byte {
	t.Helper()
	c := toy{quantised: quantised}
	const width, hidden, layers, heads, context = 64, 96, 2, 4, 48
	names := []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
	for c := 'a'; c <= 'z'; c++ {
		names = append(names, "▁"+string(c), string(c))
	}
	for len(names) < vocabulary {
		names = append(names, fmt.Sprintf("▁word%d", len(names)))
	}
	b := gguftest.New().String("tokenizer.ggml.model", "bert").Strings("tokenizer.ggml.tokens", names)
	b.String("general.architecture", "bert").Float32("bert.attention.layer_norm_epsilon", 1e-5).Uint32("bert.pooling_type", uint32(pooling))
	for name, n := range map[string]int{
		"context_length": context, "embedding_length": width, "block_count": layers, "feed_forward_length": hidden, "attention.head_count": heads,
	} {
		b.Uint32("bert."+name, uint32(n))
	}
	vector := func(name string, n int, mean float64) {
		b.Floats(name, []uint64{uint64(n)}, c.values(name, n, mean, 0.3))
	}
	norm := func(name string) { vector(name+".weight", width, 1); vector(name+".bias", width, 0) }
	c.matrix(b, "token_embd.weight", width, vocabulary)
	c.matrix(b, "position_embd.weight", width, context)
	c.matrix(b, "token_types.weight", width, 2)
	norm("token_embd_norm")
	for i := range layers {
		at := func(part string) string { return fmt.Sprintf("blk.%d.%s", i, part) }
		for _, part := range []string{"attn_q", "attn_k", "attn_v", "attn_output"} {
			c.matrix(b, at(part+".weight"), width, width)
			vector(at(part+".bias"), width, 0)
		}
		c.matrix(b, at("ffn_up.weight"), width, hidden)
		vector(at("ffn_up.bias"), hidden, 0)
		c.matrix(b, at("ffn_down.weight"), hidden, width)
		vector(at("ffn_down.bias"), width, 0)
		norm(at("attn_output_norm"))
		norm(at("layer_output_norm"))
	}
	return b.Bytes()
}

// embed is BERT by its formulas, in float64.
func (r reference) embed(tokens []int32, heads, layers int, mean bool) []float64 {
	const width = 64
	normalised := func(x []float64, name string) []float64 {
		weight, bias := r.tensor(name+".weight"), r.tensor(name+".bias")
		average, variance := 0.0, 0.0
		for _, v := range x {
			average += v / width
		}
		for _, v := range x {
			variance += (v - average) * (v - average) / width
		}
		out := make([]float64, width)
		for i, v := range x {
			out[i] = (v-average)/math.Sqrt(variance+float64(float32(1e-5)))*weight[i] + bias[i]
		}
		return out
	}
	linear := func(x []float64, name string) []float64 {
		return plus(times(r.tensor(name+".weight"), x), r.tensor(name+".bias"))
	}
	var x [][]float64
	for i, token := range tokens {
		v := append([]float64(nil), r.tensor("token_embd.weight")[int(token)*width:][:width]...)
		plus(v, r.tensor("position_embd.weight")[i*width:][:width])
		plus(v, r.tensor("token_types.weight")[:width])
		x = append(x, normalised(v, "token_embd_norm"))
	}
	size := width / heads
	for l := range layers {
		at := func(part string) string { return fmt.Sprintf("blk.%d.%s", l, part) }
		var keys, values [][]float64
		for i := range x {
			keys, values = append(keys, linear(x[i], at("attn_k"))), append(values, linear(x[i], at("attn_v")))
		}
		next := make([][]float64, len(x))
		for i := range x {
			query, mixed := linear(x[i], at("attn_q")), make([]float64, width)
			for h := range heads {
				total, part := 0.0, make([]float64, size)
				for k := range keys {
					fit := 0.0
					for j := range size {
						fit += query[h*size+j] * keys[k][h*size+j]
					}
					fit = math.Exp(fit / math.Sqrt(float64(size)))
					total += fit
					for j := range size {
						part[j] += fit * values[k][h*size+j]
					}
				}
				for j := range size {
					mixed[h*size+j] = part[j] / total
				}
			}
			v := normalised(plus(linear(mixed, at("attn_output")), x[i]), at("attn_output_norm"))
			grown := linear(v, at("ffn_up"))
			for j, g := range grown {
				grown[j] = g * 0.5 * math.Erfc(-g/math.Sqrt2)
			}
			next[i] = normalised(plus(linear(grown, at("ffn_down")), v), at("layer_output_norm"))
		}
		x = next
	}
	sum, length := make([]float64, width), 0.0
	for i := range x {
		if mean || i == 0 {
			plus(sum, x[i])
		}
	}
	for _, v := range sum {
		length += v * v
	}
	for i := range sum {
		sum[i] /= math.Sqrt(length)
	}
	return sum
}

func TestEmbeddingsAsReference(t *testing.T) {
	text := []int32{101, 7, 33, 250, 99, 31, 42, 17, 65, 1, 2, 3, 4, 5, 200, 180, 160, 140, 102}
	for _, pooling := range []int{1, 2} {
		for tolerance, quantised := range map[float64]bool{1e-6: false, 0.02: true} {
			data := toyEncoder(t, pooling, quantised)
			file, err := gguf.Parse(data)
			if err != nil {
				t.Fatal(err)
			}
			e, err := Options{Threads: 2}.ReadEncoder(data)
			if err != nil {
				t.Fatal(err)
			}
			want := reference{file: file, t: t}.embed(text, 4, 2, pooling == 1)
			for range 2 { // nothing is left over of the first time
				got, err := e.Embed(t.Context(), text)
				if err != nil {
					t.Fatal(err)
				}
				worst := 0.0
				for i, v := range got {
					worst = max(worst, math.Abs(float64(v)-want[i]))
				}
				if !(worst <= tolerance) || len(got) != e.Width() {
					t.Errorf("pooling %d, quantised %v: a value differs by %g", pooling, quantised, worst)
				}
				if _, err := e.Embed(t.Context(), text[3:9]); err != nil {
					t.Fatal(err)
				}
			}
			_ = e.Close()
		}
	}
}

func TestEncoderTokens(t *testing.T) {
	e, err := Options{Threads: 1}.ReadEncoder(toyEncoder(t, 1, false))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if got := fmt.Sprint(e.Tokens("Ab c!")); got != "[2 5 8 9 1 3]" { // [CLS] ▁a b ▁c [UNK] [SEP]
		t.Errorf("tokens %v", got)
	}
}

// TestEncoderLeaves: who leaves while another text is computed gives up the place at
// once.
func TestEncoderLeaves(t *testing.T) {
	e, err := Options{Queue: 1}.ReadEncoder(toyEncoder(t, 1, false))
	if err != nil {
		t.Fatal(err)
	}
	e.turn <- struct{}{} // as if a text were computed
	ctx, leave := context.WithCancel(t.Context())
	leave()
	for range 5 { // more than there are places
		if _, err := e.Embed(ctx, []int32{1}); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	}
	<-e.turn
	if _, err := e.Embed(t.Context(), []int32{1}); err != nil {
		t.Error(err)
	}
	_ = e.Close()
}

func TestEncoderRefusals(t *testing.T) {
	data := toyEncoder(t, 1, false)
	if _, err := Read(data); !errors.Is(err, ErrEncoder) {
		t.Errorf("read as a model that generates: %v", err)
	}
	if _, err := (Options{}).ReadEncoder(tiny{}.file(t)); err == nil || !strings.Contains(err.Error(), `"qwen3" does not give embeddings`) {
		t.Errorf("a decoder: %v", err)
	}
	if _, err := (Options{}).ReadEncoder(toyEncoder(t, 3, false)); err == nil || !strings.Contains(err.Error(), "pooling_type 3") {
		t.Errorf("another pooling: %v", err)
	}
	if _, err := (Options{Memory: 1000}).ReadEncoder(data); !errors.Is(err, ErrMemory) {
		t.Errorf("a thousand bytes: %v", err)
	}
	for n := 0; n < len(data); n += 4001 {
		if _, err := (Options{}).ReadEncoder(data[:n]); err == nil {
			t.Errorf("the first %d bytes load", n)
		}
	}
	e, err := Options{}.ReadEncoder(data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Embed(t.Context(), make([]int32, 49)); !errors.Is(err, ErrContext) {
		t.Errorf("49 tokens: %v", err)
	}
	for _, text := range [][]int32{nil, {-1}, {vocabulary}} {
		if _, err := e.Embed(t.Context(), text); err == nil {
			t.Errorf("%v: no error", text)
		}
	}
	_ = e.Close()
	if _, err := e.Embed(t.Context(), []int32{1}); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}
