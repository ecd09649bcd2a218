package infer

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/cmplx"
	"slices"
	"testing"

	"sluice/infer/gguf"
)

// reference computes logits by the papers' formulas in float64, one token and
// one head after the other. It shares no code with the model but the reader of
// the file.
type reference struct {
	toy
	file *gguf.File
	t    testing.TB
}

// tensor unpacks a tensor, or nil when the file has none of that name.
func (r reference) tensor(name string) []float64 {
	raw, ok := r.file.Tensor(name)
	if !ok {
		return nil
	}
	var out []float64
	if raw.Type == gguf.F32 {
		for b := raw.Data; len(b) > 0; b = b[4:] {
			out = append(out, float64(math.Float32frombits(binary.LittleEndian.Uint32(b))))
		}
		return out
	}
	if raw.Type != gguf.Q8_0 {
		r.t.Fatalf("tensor %q is %v", name, raw.Type)
	}
	for block := raw.Data; len(block) > 0; block = block[34:] {
		half := binary.LittleEndian.Uint16(block)
		scale := math.Ldexp(float64(1024+half&1023), int(half>>10)-25) // positive and normal, as the toys' are
		for _, b := range block[2:34] {
			out = append(out, scale*float64(int8(b)))
		}
	}
	return out
}

func times(matrix, x []float64) []float64 {
	out := make([]float64, len(matrix)/len(x))
	for i, w := range matrix {
		out[i/len(x)] += w * x[i%len(x)]
	}
	return out
}

// plus adds b to a, when there is one.
func plus(a, b []float64) []float64 {
	for i := range b {
		a[i] += b[i]
	}
	return a
}

// norm is RMSNorm; without a weight x itself.
func norm(x, weight []float64) []float64 {
	if weight == nil {
		return x
	}
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = v / math.Sqrt(sum/float64(len(x))+float64(float32(1e-5))) * weight[i]
	}
	return out
}

// angle is by how much pair j turns at a position, and by what it grows.
func (r reference) angle(j, position int) (float64, float64) {
	d := float64(r.rotated)
	theta := math.Pow(float64(float32(r.base)), -2*float64(j)/d)
	if divisors := r.tensor("rope_freqs.weight"); divisors != nil {
		theta /= divisors[j]
	}
	switch r.scaling {
	case "linear":
		return float64(position) / r.factor * theta, 1
	case "yarn": // section 3.4 of the paper: "NTK-by-parts", and the temperature of attention
		turned := func(turns float64) float64 {
			return d * math.Log(r.original/(turns*2*math.Pi)) / (2 * math.Log(r.base))
		}
		low, high := math.Max(math.Floor(turned(32)), 0), math.Min(math.Ceil(turned(1)), d-1)
		share := (float64(j) - low) / (high - low)
		share = math.Max(0, math.Min(1, share))
		return float64(position) * (theta*(1-share) + theta/r.factor*share), 0.1*math.Log(r.factor) + 1
	}
	return float64(position) * theta, 1
}

// split cuts x into heads, normalises each and turns it by its position.
func (r reference) split(x, weight []float64, position int) [][]float64 {
	var heads [][]float64
	for ; len(x) > 0; x = x[r.headSize:] {
		head := slices.Clone(norm(x[:r.headSize], weight))
		for j := range r.rotated / 2 {
			a, b := j, j+r.rotated/2
			if r.arch == "llama" || r.arch == "glm4" {
				a, b = 2*j, 2*j+1
			}
			angle, size := r.angle(j, position)
			pair := complex(head[a], head[b]) * cmplx.Rect(size, angle)
			head[a], head[b] = real(pair), imag(pair)
		}
		heads = append(heads, head)
	}
	return heads
}

// swiglu is down(silu(gate x) * up x).
func swiglu(gate, up, down, x []float64) []float64 {
	hidden := times(up, x)
	for j, g := range times(gate, x) {
		hidden[j] *= g / (1 + math.Exp(-g))
	}
	return times(down, hidden)
}

// feed is the feed-forward of a layer.
func (r reference) feed(weight func(string) []float64, x []float64) []float64 {
	up, down := weight("ffn_up"), weight("ffn_down")
	if r.fused {
		return swiglu(up[:len(up)/2], up[len(up)/2:], down, x)
	}
	if r.experts == 0 {
		return swiglu(weight("ffn_gate"), up, down, x)
	}
	scores := times(weight("ffn_gate_inp"), x)
	sorted := slices.Clone(scores)
	slices.Sort(sorted)
	least := sorted[r.experts-r.chosen]
	out, total := make([]float64, r.width), 0.0
	size := r.width * r.hidden
	gates, ups, downs := weight("ffn_gate_exps"), weight("ffn_up_exps"), weight("ffn_down_exps")
	for e, score := range scores {
		if score < least {
			continue
		}
		total += math.Exp(score)
		for j, v := range swiglu(gates[e*size:][:size], ups[e*size:][:size], downs[e*size:][:size], x) {
			out[j] += math.Exp(score) * v
		}
	}
	for j := range out {
		out[j] /= total
	}
	return out
}

// logits returns those of the token after the last one.
func (r reference) logits(tokens []int32) []float64 {
	embedding := r.tensor("token_embd.weight")
	x := make([][]float64, len(tokens))
	for i, token := range tokens {
		x[i] = slices.Clone(embedding[int(token)*r.width:][:r.width])
	}
	for l := range r.layers {
		weight := func(part string) []float64 { return r.tensor(fmt.Sprintf("blk.%d.%s.weight", l, part)) }
		bias := func(part string) []float64 { return r.tensor(fmt.Sprintf("blk.%d.%s.bias", l, part)) }
		var keys [][][]float64
		var values [][]float64
		for i := range x {
			in := norm(x[i], weight("attn_norm"))
			keys = append(keys, r.split(plus(times(weight("attn_k"), in), bias("attn_k")), weight("attn_k_norm"), i))
			values = append(values, plus(times(weight("attn_v"), in), bias("attn_v")))
			var mixed []float64
			for h, query := range r.split(plus(times(weight("attn_q"), in), bias("attn_q")), weight("attn_q_norm"), i) {
				mixed = append(mixed, r.mix(query, keys, values, h/(r.heads/r.kvHeads))...)
			}
			plus(x[i], norm(plus(times(weight("attn_output"), mixed), bias("attn_output")), weight("post_attention_norm")))
			plus(x[i], norm(r.feed(weight, norm(x[i], weight("ffn_norm"))), weight("post_ffw_norm")))
		}
	}
	output := r.tensor("output.weight")
	if output == nil {
		output = embedding
	}
	return times(output, norm(x[len(x)-1], r.tensor("output_norm.weight")))
}

func (r reference) mix(query []float64, keys [][][]float64, values [][]float64, head int) []float64 {
	out, total := make([]float64, r.headSize), 0.0
	for i := range keys {
		fit := 0.0
		for j, v := range query {
			fit += v * keys[i][head][j]
		}
		fit = math.Exp(fit / math.Sqrt(float64(r.headSize)))
		total += fit
		for j := range out {
			out[j] += fit * values[i][head*r.headSize+j]
		}
	}
	for j := range out {
		out[j] /= total
	}
	return out
}

// TestLogitsAsReference holds every family, with float weights, to the plain
// formulas; and with Q8_0 weights, whose activations are rounded to bytes,
// loosely. The sequence is cut into steps at odd places.
func TestLogitsAsReference(t *testing.T) {
	sequence := []int32{72, 105, 33, 10, 200, 7, 7, 91, 0, 258, 64, 33, 1, 2, 3, 4, 5, 250, 99, 31, 42, 17, 65}
	for _, c := range toys() {
		for _, c.quantised = range []bool{false, true} {
			data := c.file(t)
			file, err := gguf.Parse(data)
			if err != nil {
				t.Fatal(err)
			}
			m, err := Options{Threads: 2}.Read(data)
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			want := reference{c, file, t}.logits(sequence)
			got := evaluate(m, sequence, 9)
			worst, spread := 0.0, 0.0
			for i, v := range got {
				worst = max(worst, math.Abs(float64(v)-want[i]))
				spread = max(spread, math.Abs(want[i]))
			}
			tolerance := 2e-5 * spread
			switch {
			case c.quantised && c.experts > 0: // rounding may send a token to another expert
				tolerance = 0.2 * spread
			case c.quantised:
				tolerance = 0.05 * spread
			}
			if !(worst <= tolerance) {
				t.Errorf("%s, quantised %v: a logit differs by %g of %g", c.name, c.quantised, worst, spread)
			}
			t.Logf("%s, quantised %v: largest difference %.2g of %.3g", c.name, c.quantised, worst, spread)
			_ = m.Close()
		}
	}
}
