package infer

import (
	"fmt"
	"slices"

	"sluice/infer/gguf"
	"sluice/infer/kernel"
)

// weights are the tensors of a decoder.
type weights struct {
	embedding kernel.Matrix
	layers    []layer
	norm      []float32
	output    kernel.Matrix // the embedding, when the file ties the two
	divisors  []float32     // of the rotation's frequencies, or nil
}

// layer is one transformer block. Parts that a family does not have are nil.
type layer struct {
	attnNorm, ffnNorm                       []float32
	attnAfter, ffnAfter                     []float32 // over what each half adds
	queryNorm, keyNorm                      []float32 // over each head
	query, key, value, join                 kernel.Matrix
	queryBias, keyBias, valueBias, joinBias []float32
	gate, up, down                          kernel.Matrix
	router                                  kernel.Matrix // experts x width
	experts                                 []expert
}

// expert is one feed-forward of a mixture.
type expert struct{ gate, up, down kernel.Matrix }

// tensorReader fetches tensors by name, keeps the first error, and notes what
// it fetched. Without a pool it only checks matrices, and returns none.
type tensorReader struct {
	file *gguf.File
	pool *kernel.Pool
	read map[string]bool
	err  error
}

func newTensorReader(p *kernel.Pool, f *gguf.File) *tensorReader {
	return &tensorReader{file: f, pool: p, read: map[string]bool{}}
}

func (r *tensorReader) has(name string) bool {
	_, ok := r.file.Tensor(name)
	return ok
}

func (r *tensorReader) tensor(name string) gguf.Tensor {
	t, ok := r.file.Tensor(name)
	if !ok && r.err == nil {
		r.err = fmt.Errorf("tensor %q is missing", name)
	}
	r.read[name] = true
	return t
}

func (r *tensorReader) matrix(name string, rows, cols int) kernel.Matrix {
	return r.load(r.tensor(name), rows, cols)
}

func (r *tensorReader) load(t gguf.Tensor, rows, cols int) kernel.Matrix {
	if r.err != nil {
		return nil
	}
	if r.pool == nil {
		r.err = kernel.Check(t, rows, cols)
		return nil
	}
	m, err := kernel.Load(r.pool, t, rows, cols)
	r.err = err
	return m
}

// stack reads n matrices of rows x cols that lie one behind the other in a
// tensor, whose dimensions are dims.
func (r *tensorReader) stack(name string, dims []int, n, rows, cols int) []kernel.Matrix {
	t := r.tensor(name)
	if r.err == nil && !slices.Equal(t.Dims, dims) {
		r.err = fmt.Errorf("tensor %q has dimensions %v, want %v", name, t.Dims, dims)
	}
	if r.err != nil {
		return make([]kernel.Matrix, n)
	}
	all, size := make([]kernel.Matrix, n), len(t.Data)/n
	for i := range all {
		part := t
		part.Dims, part.Data = []int{cols, rows}, t.Data[i*size:][:size]
		all[i] = r.load(part, rows, cols)
	}
	return all
}

func (r *tensorReader) vector(name string, n int) []float32 {
	t := r.tensor(name)
	if r.err != nil {
		return nil
	}
	if len(t.Dims) != 1 || t.Dims[0] != n {
		r.err = fmt.Errorf("tensor %q has dimensions %v, want [%d]", name, t.Dims, n)
		return nil
	}
	v, err := t.Floats()
	r.err = err
	return v
}

// optional is vector for a part that a family's files have, may have or never
// have.
func (r *tensorReader) optional(p presence, name string, n int) []float32 {
	if p == never || p == may && !r.has(name) {
		return nil
	}
	return r.vector(name, n)
}

// unread returns an error when the file has tensors that were not fetched:
// leaving one out would compute another model than the file's.
func (r *tensorReader) unread() error {
	var left []string
	for _, name := range r.file.TensorNames() {
		if !r.read[name] {
			left = append(left, name)
		}
	}
	if len(left) == 0 {
		return nil
	}
	return fmt.Errorf("the file has %d tensors that this architecture is not computed with, the first is %q", len(left), left[0])
}

// readWeights copies the tensors out of the file or, without a pool, checks
// that it could.
func readWeights(p *kernel.Pool, f *gguf.File, kind family, s shape) (weights, error) {
	r := newTensorReader(p, f)
	w := weights{
		embedding: r.matrix("token_embd.weight", s.vocab, s.width),
		norm:      r.vector("output_norm.weight", s.width),
		divisors:  r.optional(may, "rope_freqs.weight", s.rotated/2),
	}
	w.output = w.embedding
	if r.has("output.weight") {
		w.output = r.matrix("output.weight", s.vocab, s.width)
	}
	for i := 0; i < s.layers && r.err == nil; i++ {
		name := func(part string) string { return fmt.Sprintf("blk.%d.%s", i, part) }
		w.layers = append(w.layers, readLayer(r, kind, s, name))
	}
	for _, d := range w.divisors {
		if r.err == nil && !(d > 0) {
			r.err = fmt.Errorf("tensor \"rope_freqs.weight\" has the value %v, want positive ones", d)
		}
	}
	if r.err == nil {
		r.err = r.unread()
	}
	return w, r.err
}

// readLayer reads one block, whose tensors' names name makes.
func readLayer(r *tensorReader, kind family, s shape, name func(string) string) layer {
	queries, keys := s.heads*s.headSize, s.kvHeads*s.headSize
	l := layer{
		attnNorm:  r.vector(name("attn_norm.weight"), s.width),
		query:     r.matrix(name("attn_q.weight"), queries, s.width),
		key:       r.matrix(name("attn_k.weight"), keys, s.width),
		value:     r.matrix(name("attn_v.weight"), keys, s.width),
		join:      r.matrix(name("attn_output.weight"), s.width, queries),
		queryBias: r.optional(kind.bias, name("attn_q.bias"), queries),
		keyBias:   r.optional(kind.bias, name("attn_k.bias"), keys),
		valueBias: r.optional(kind.bias, name("attn_v.bias"), keys),
		joinBias:  r.optional(min(kind.bias, may), name("attn_output.bias"), s.width),
		queryNorm: r.optional(kind.headNorm, name("attn_q_norm.weight"), s.headSize),
		keyNorm:   r.optional(kind.headNorm, name("attn_k_norm.weight"), s.headSize),
		ffnNorm:   r.vector(name("ffn_norm.weight"), s.width),
		attnAfter: r.optional(kind.after, name("post_attention_norm.weight"), s.width),
		ffnAfter:  r.optional(kind.after, name("post_ffw_norm.weight"), s.width),
	}
	switch {
	case s.experts > 0:
		l.router = r.matrix(name("ffn_gate_inp.weight"), s.experts, s.width)
		into, back := []int{s.width, s.hidden, s.experts}, []int{s.hidden, s.width, s.experts}
		gates := r.stack(name("ffn_gate_exps.weight"), into, s.experts, s.hidden, s.width)
		ups := r.stack(name("ffn_up_exps.weight"), into, s.experts, s.hidden, s.width)
		downs := r.stack(name("ffn_down_exps.weight"), back, s.experts, s.width, s.hidden)
		for i := range gates {
			l.experts = append(l.experts, expert{gates[i], ups[i], downs[i]})
		}
	case kind.fused: // the gate's rows stand before the others
		both := r.stack(name("ffn_up.weight"), []int{s.width, 2 * s.hidden}, 2, s.hidden, s.width)
		l.gate, l.up = both[0], both[1]
		l.down = r.matrix(name("ffn_down.weight"), s.width, s.hidden)
	default:
		l.gate = r.matrix(name("ffn_gate.weight"), s.hidden, s.width)
		l.up = r.matrix(name("ffn_up.weight"), s.hidden, s.width)
		l.down = r.matrix(name("ffn_down.weight"), s.width, s.hidden)
	}
	return l
}
