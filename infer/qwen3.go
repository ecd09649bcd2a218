package infer

import (
	"errors"
	"fmt"
	"math"

	"sluice/infer/gguf"
	"sluice/infer/kernel"
)

// shape holds the sizes of a Qwen3 model, named as in the file's metadata.
type shape struct {
	context  int // tokens a sequence can have
	width    int // embedding_length
	layers   int // block_count
	hidden   int // feed_forward_length
	heads    int // attention.head_count
	kvHeads  int // attention.head_count_kv
	headSize int // attention.key_length and value_length
	rotated  int // rope.dimension_count: values of a head that turn
	ropeBase float64
	epsilon  float32
	vocab    int
}

// weights are the tensors of a Qwen3 model.
type weights struct {
	embedding kernel.Matrix
	layers    []layer
	norm      []float32
	output    kernel.Matrix // the embedding, when the file ties the two
}

// layer is one transformer block.
type layer struct {
	attnNorm, ffnNorm       []float32
	queryNorm, keyNorm      []float32 // over each head
	query, key, value, join kernel.Matrix
	gate, up, down          kernel.Matrix
}

// shapeReader reads the numbers of one architecture and keeps the first error.
type shapeReader struct {
	file *gguf.File
	arch string
	err  error
}

// size reads a number from 1 to max. With or above 0, a missing key means or.
func (r *shapeReader) size(key string, max, or int) int {
	key = r.arch + "." + key
	n, err := r.file.Int(key)
	switch {
	case r.err != nil:
	case errors.Is(err, gguf.ErrNoKey) && or > 0:
		return or
	case err != nil:
		r.err = err
	case n < 1 || n > int64(max):
		r.err = fmt.Errorf("metadata %q is %d, want 1 to %d", key, n, max)
	default:
		return int(n)
	}
	return 1
}

// float reads a positive, finite number.
func (r *shapeReader) float(key string) float64 {
	key = r.arch + "." + key
	v, err := r.file.Float(key)
	if err == nil && !(v > 0 && v <= math.MaxFloat32) {
		err = fmt.Errorf("metadata %q is %v, want a positive number", key, v)
	}
	if r.err == nil {
		r.err = err
	}
	return v
}

// readShape reads and checks the sizes. The limits are far above every model of
// this family, and low enough that no product of two overflows.
func readShape(f *gguf.File, vocab int) (shape, error) {
	arch, err := f.String("general.architecture")
	if err != nil {
		return shape{}, err
	}
	if arch != "qwen3" {
		return shape{}, fmt.Errorf("architecture %q is not supported, only \"qwen3\"", arch)
	}
	r := &shapeReader{file: f, arch: arch}
	s := shape{
		context:  r.size("context_length", 1<<24, 0),
		width:    r.size("embedding_length", 1<<16, 0),
		layers:   r.size("block_count", 1<<10, 0),
		hidden:   r.size("feed_forward_length", 1<<18, 0),
		heads:    r.size("attention.head_count", 1<<10, 0),
		ropeBase: r.float("rope.freq_base"),
		epsilon:  float32(r.float("attention.layer_norm_rms_epsilon")),
		vocab:    vocab,
	}
	s.kvHeads = r.size("attention.head_count_kv", 1<<10, s.heads)
	s.headSize = r.size("attention.key_length", 1<<12, max(1, s.width/s.heads))
	s.rotated = r.size("rope.dimension_count", 1<<12, s.headSize)
	valueSize := r.size("attention.value_length", 1<<12, s.headSize)
	if r.err != nil {
		return shape{}, r.err
	}
	scaling, err := f.String(arch + ".rope.scaling.type")
	switch {
	case err == nil && scaling != "none":
		return shape{}, fmt.Errorf("RoPE scaling %q is not supported", scaling)
	case s.heads%s.kvHeads != 0:
		return shape{}, fmt.Errorf("%d query heads do not share %d key heads evenly", s.heads, s.kvHeads)
	case valueSize != s.headSize:
		return shape{}, fmt.Errorf("value_length %d differs from key_length %d", valueSize, s.headSize)
	case s.rotated%2 != 0 || s.rotated > s.headSize:
		return shape{}, fmt.Errorf("RoPE dimension %d does not fit a head of %d", s.rotated, s.headSize)
	case s.width%gguf.Q8Block != 0 || s.hidden%gguf.Q8Block != 0 || s.heads*s.headSize%gguf.Q8Block != 0:
		return shape{}, fmt.Errorf("widths %d, %d and %d are not multiples of %d", s.width, s.hidden, s.heads*s.headSize, gguf.Q8Block)
	}
	return s, nil
}

// tensorReader fetches tensors by name, keeps the first error, and counts what
// it fetched.
type tensorReader struct {
	file *gguf.File
	pool *kernel.Pool
	read int
	err  error
}

func (r *tensorReader) tensor(name string) gguf.Tensor {
	t, ok := r.file.Tensor(name)
	if !ok && r.err == nil {
		r.err = fmt.Errorf("tensor %q is missing", name)
	}
	r.read++
	return t
}

func (r *tensorReader) matrix(name string, rows, cols int) kernel.Matrix {
	t := r.tensor(name)
	if r.err != nil {
		return nil
	}
	m, err := kernel.Load(r.pool, t, rows, cols)
	r.err = err
	return m
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

// readWeights copies the tensors out of the file. A file with tensors beside
// those of the architecture is refused: leaving one out would compute another
// model than the file's.
func readWeights(p *kernel.Pool, f *gguf.File, s shape) (weights, error) {
	r := &tensorReader{file: f, pool: p}
	w := weights{
		embedding: r.matrix("token_embd.weight", s.vocab, s.width),
		norm:      r.vector("output_norm.weight", s.width),
	}
	w.output = w.embedding
	if _, untied := f.Tensor("output.weight"); untied {
		w.output = r.matrix("output.weight", s.vocab, s.width)
	}
	queries, keys := s.heads*s.headSize, s.kvHeads*s.headSize
	for i := 0; i < s.layers && r.err == nil; i++ {
		name := func(part string) string { return fmt.Sprintf("blk.%d.%s.weight", i, part) }
		w.layers = append(w.layers, layer{
			attnNorm:  r.vector(name("attn_norm"), s.width),
			query:     r.matrix(name("attn_q"), queries, s.width),
			key:       r.matrix(name("attn_k"), keys, s.width),
			value:     r.matrix(name("attn_v"), keys, s.width),
			queryNorm: r.vector(name("attn_q_norm"), s.headSize),
			keyNorm:   r.vector(name("attn_k_norm"), s.headSize),
			join:      r.matrix(name("attn_output"), s.width, queries),
			ffnNorm:   r.vector(name("ffn_norm"), s.width),
			gate:      r.matrix(name("ffn_gate"), s.hidden, s.width),
			up:        r.matrix(name("ffn_up"), s.hidden, s.width),
			down:      r.matrix(name("ffn_down"), s.width, s.hidden),
		})
	}
	if r.err != nil {
		return weights{}, r.err
	}
	if names := f.TensorNames(); len(names) != r.read {
		return weights{}, fmt.Errorf("the file has %d tensors, a qwen3 model of %d layers has %d", len(names), s.layers, r.read)
	}
	return w, nil
}
