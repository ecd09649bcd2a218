package infer

import (
	"math"
	"testing"

	"sluice/infer/box"
	"sluice/infer/gguf"
	"sluice/infer/gguf/gguftest"
	"sluice/infer/kernel"
)

// reference computes the model a second time, as plainly as the formulas are
// written: float64 throughout, weights turned into floats first, no batches,
// no cache, no quantised activations, every position anew.
type reference struct {
	shape
	file *gguf.File
	t    *testing.T
}

// tensor returns a tensor's values as floats.
func (r reference) tensor(name string) []float64 {
	tensor, ok := r.file.Tensor(name)
	if !ok {
		r.t.Fatalf("no tensor %q", name)
	}
	var out []float64
	if tensor.Type == gguf.F32 {
		values, _ := tensor.Floats()
		for _, v := range values {
			out = append(out, float64(v))
		}
		return out
	}
	for raw := tensor.Data; len(raw) > 0; raw = raw[34:] {
		half := int(raw[0]) | int(raw[1])<<8
		scale := math.Ldexp(float64(1024+half&1023), half>>10&31-25)
		if half>>10&31 == 0 {
			scale = math.Ldexp(float64(half&1023), -24)
		}
		if half>>15 == 1 {
			scale = -scale
		}
		for _, b := range raw[2:34] {
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

func (r reference) norm(x, weight []float64) []float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = v / math.Sqrt(sum/float64(len(x))+float64(r.epsilon)) * weight[i]
	}
	return out
}

// split cuts x into heads, normalises each and turns it by its position.
func (r reference) split(x, weight []float64, position int) [][]float64 {
	var heads [][]float64
	for ; len(x) > 0; x = x[r.headSize:] {
		head := r.norm(x[:r.headSize], weight)
		half := r.headSize / 2
		for j := range half {
			angle := float64(position) / math.Pow(r.ropeBase, float64(2*j)/float64(r.headSize))
			pair := complex(head[j], head[j+half]) * complex(math.Cos(angle), math.Sin(angle))
			head[j], head[j+half] = real(pair), imag(pair)
		}
		heads = append(heads, head)
	}
	return heads
}

// logits returns those of the token after the last one.
func (r reference) logits(tokens []int32) []float64 {
	embedding := r.tensor("token_embd.weight")
	x := make([][]float64, len(tokens))
	for i, token := range tokens {
		x[i] = append([]float64(nil), embedding[int(token)*r.width:][:r.width]...)
	}
	for l := range r.layers {
		weight := func(part string) []float64 {
			return r.tensor("blk." + string(rune('0'+l)) + "." + part + ".weight")
		}
		attnNorm, ffnNorm := weight("attn_norm"), weight("ffn_norm")
		q, k, v, o := weight("attn_q"), weight("attn_k"), weight("attn_v"), weight("attn_output")
		gate, up, down := weight("ffn_gate"), weight("ffn_up"), weight("ffn_down")
		qNorm, kNorm := weight("attn_q_norm"), weight("attn_k_norm")
		var keys [][][]float64
		var values [][]float64
		for i := range x {
			in := r.norm(x[i], attnNorm)
			keys = append(keys, r.split(times(k, in), kNorm, i))
			values = append(values, times(v, in))
			var mixed []float64
			for h, query := range r.split(times(q, in), qNorm, i) {
				mixed = append(mixed, r.mix(query, keys, values, h/(r.heads/r.kvHeads))...)
			}
			for j, add := range times(o, mixed) {
				x[i][j] += add
			}
			in = r.norm(x[i], ffnNorm)
			hidden := times(up, in)
			for j, g := range times(gate, in) {
				hidden[j] *= g / (1 + math.Exp(-g))
			}
			for j, add := range times(down, hidden) {
				x[i][j] += add
			}
		}
	}
	return times(embedding, r.norm(x[len(x)-1], r.tensor("output_norm.weight")))
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

// unquantised turns the model's weights into floats, so that nothing is
// rounded but float32 itself.
func unquantised(t *testing.T, m *Model) {
	widen := func(w kernel.Matrix) kernel.Matrix {
		rows, cols := w.Rows(), w.Cols()
		values := make([]float32, rows*cols)
		for i := range rows {
			w.Row(values[i*cols:][:cols], i)
		}
		f, err := gguf.Parse(gguftest.New().Floats("w", []uint64{uint64(cols), uint64(rows)}, values).Bytes())
		if err != nil {
			t.Fatal(err)
		}
		tensor, _ := f.Tensor("w")
		m, err := kernel.Load(m.forward.pool, tensor, rows, cols)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	m.weights.embedding = widen(m.weights.embedding)
	m.weights.output = m.weights.embedding
	for i := range m.weights.layers {
		l := &m.weights.layers[i]
		for _, w := range []*kernel.Matrix{&l.query, &l.key, &l.value, &l.join, &l.gate, &l.up, &l.down} {
			*w = widen(*w)
		}
	}
}

// TestLogitsAsReference compares three ways to compute the same logits: the
// plain one above; the forward pass with float weights, which must agree
// closely; and with Q8_0 weights, whose activations are rounded to bytes.
func TestLogitsAsReference(t *testing.T) {
	file, err := gguf.Parse(box.File())
	if err != nil {
		t.Fatal(err)
	}
	quantised, exact := boxModel(t), boxModel(t)
	unquantised(t, exact)
	prompt, err := quantised.Chat([]Message{{"system", "You are a helpful assistant."}, {"user", "How do I see my balance? Wie geht's? 你好"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(prompt) <= batch {
		t.Fatalf("the prompt of %d tokens fits in one batch", len(prompt))
	}
	prompt = prompt[:batch+2] // the reference is slow
	want := reference{quantised.shape, file, t}.logits(prompt)
	for _, c := range []struct {
		name      string
		model     *Model
		tolerance float64
	}{{"float weights", exact, 1e-3}, {"Q8_0 weights", quantised, 0.2}} {
		var got []float32
		for start := 0; start < len(prompt); start += batch {
			got = c.model.compute(prompt[start:min(start+batch, len(prompt))])
		}
		worst := 0.0
		for i, v := range got {
			worst = max(worst, math.Abs(float64(v)-want[i]))
		}
		t.Logf("%s: largest difference %.6f", c.name, worst)
		if !(worst <= c.tolerance) {
			t.Errorf("%s: a logit differs by %.6f, tolerance %g", c.name, worst, c.tolerance)
		}
	}
}
