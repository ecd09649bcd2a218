package infer

import (
	"math"

	"sluice/infer/kernel"
)

// batch is how many tokens of a prompt go through the weights together. It is
// a multiple of what the kernels take at a time, and small enough that the
// packed activations of a small model stay in the fastest cache.
const batch = 48

// forward computes the model over one sequence. It owns the memory that the
// computation needs, so it serves one caller at a time.
//
// The formulas are those of the Qwen3 report (arXiv 2505.09388) as its
// reference code states them: RMSNorm before each half of a layer, RMSNorm
// over each query and key head, rotary positions in the NeoX pairing, grouped
// queries, SwiGLU.
type forward struct {
	shape
	pool    *kernel.Pool
	weights *weights
	cache   cache

	stream []float32           // the residual stream: a row of width for each token
	normed *kernel.Activations // the stream, normalised
	mixed  *kernel.Activations // what attention gives: all heads of a token in a row
	gated  *kernel.Activations // what the feed-forward's gate lets through

	query, key, value []float32
	up, added         []float32
	attention         []float32 // of one head of one token, over the positions
	frequency         []float64 // radians a token, for each rotated pair
	cos, sin          []float32 // of each token of the batch, for each pair
	logits            []float32
}

func newForward(p *kernel.Pool, s shape, w *weights) *forward {
	queries, keys, pairs := s.heads*s.headSize, s.kvHeads*s.headSize, s.rotated/2
	f := &forward{
		shape: s, pool: p, weights: w, cache: newCache(s),
		stream: make([]float32, batch*s.width),
		normed: kernel.NewActivations(batch, s.width),
		mixed:  kernel.NewActivations(batch, queries),
		gated:  kernel.NewActivations(batch, s.hidden),
		query:  make([]float32, batch*queries),
		key:    make([]float32, batch*keys),
		value:  make([]float32, batch*keys),
		up:     make([]float32, batch*s.hidden),
		added:  make([]float32, batch*s.width),
		cos:    make([]float32, batch*pairs),
		sin:    make([]float32, batch*pairs),
		logits: make([]float32, s.vocab),
	}
	for i := range pairs {
		f.frequency = append(f.frequency, math.Pow(s.ropeBase, -2*float64(i)/float64(s.rotated)))
	}
	return f
}

// run computes up to batch tokens, of which the first stands at position start
// of the sequence, and adds them to the cache. It returns the logits of the
// token that follows the last one; they are valid until the next call.
func (f *forward) run(tokens []int32, start int) []float32 {
	n := len(tokens)
	f.normed.N, f.mixed.N, f.gated.N = n, n, n
	for i, token := range tokens {
		f.weights.embedding.Row(f.stream[i*f.width:][:f.width], int(token))
	}
	f.turn(n, start)
	for i := range f.weights.layers {
		f.attend(i, n, start)
		f.feed(&f.weights.layers[i], n)
	}
	f.normed.N = 1
	f.pool.RMSNorm(f.normed.At(0), f.stream[(n-1)*f.width:][:f.width], f.weights.norm, f.epsilon)
	f.normed.Pack(f.pool)
	f.weights.output.Mul(f.pool, f.logits, f.normed)
	return f.logits
}

// enter normalises the stream and packs it, for the matrices of half a layer.
func (f *forward) enter(norm []float32, n int) {
	for i := range n {
		f.pool.RMSNorm(f.normed.At(i), f.stream[i*f.width:][:f.width], norm, f.epsilon)
	}
	f.normed.Pack(f.pool)
}

// attend adds the attention half of a layer to the stream.
func (f *forward) attend(index, n, start int) {
	l := &f.weights.layers[index]
	f.enter(l.attnNorm, n)
	l.query.Mul(f.pool, f.query, f.normed)
	l.key.Mul(f.pool, f.key, f.normed)
	l.value.Mul(f.pool, f.value, f.normed)
	size, shared := f.headSize, f.heads/f.kvHeads
	for i := range n {
		for h := range f.kvHeads {
			at := (i*f.kvHeads + h) * size
			key := f.key[at:][:size]
			f.pool.RMSNorm(key, key, l.keyNorm, f.epsilon)
			f.rotate(key, i)
			f.cache.add(index*f.kvHeads+h, key, f.value[at:][:size])
		}
	}
	for i := range n {
		for h := range f.heads {
			query := f.query[(i*f.heads+h)*size:][:size]
			f.pool.RMSNorm(query, query, l.queryNorm, f.epsilon)
			f.rotate(query, i)
			f.mix(f.mixed.At(i)[h*size:][:size], query, index*f.kvHeads+h/shared, start+i+1)
		}
	}
	f.mixed.Pack(f.pool)
	l.join.Mul(f.pool, f.added, f.mixed)
	f.pool.Add(f.stream[:n*f.width], f.added)
}

// mix sets out to the average of a head's first n values, weighted by the
// softmax of how well their keys fit the query.
//
//go:norace
func (f *forward) mix(out, query []float32, run, n int) {
	if cap(f.attention) < n {
		f.attention = make([]float32, n, 2*n)
	}
	scores := f.attention[:n]
	keys, values, size := f.cache.keys[run], f.cache.values[run], len(query)
	scale := float32(1 / math.Sqrt(float64(size)))
	for i := range scores {
		scores[i] = scale * f.pool.Dot(query, keys[i*size:][:size])
	}
	f.pool.Softmax(scores)
	clear(out)
	for i, weight := range scores {
		f.pool.AddScaled(out, values[i*size:][:size], weight)
	}
}

// feed adds the feed-forward half of a layer to the stream: SwiGLU, that is
// down(silu(gate(x)) * up(x)).
func (f *forward) feed(l *layer, n int) {
	f.enter(l.ffnNorm, n)
	l.gate.Mul(f.pool, f.gated.Rows, f.normed)
	l.up.Mul(f.pool, f.up, f.normed)
	f.pool.SwiGLU(f.gated.Rows[:n*f.hidden], f.up)
	f.gated.Pack(f.pool)
	l.down.Mul(f.pool, f.added, f.gated)
	f.pool.Add(f.stream[:n*f.width], f.added)
}

// turn computes the rotations of n tokens from position start on.
func (f *forward) turn(n, start int) {
	pairs := len(f.frequency)
	for i := range n {
		for j, frequency := range f.frequency {
			sin, cos := math.Sincos(float64(start+i) * frequency)
			f.sin[i*pairs+j], f.cos[i*pairs+j] = float32(sin), float32(cos)
		}
	}
}

// rotate turns a head's pairs by the position of token i of the batch.
func (f *forward) rotate(head []float32, i int) {
	pairs := len(f.frequency)
	f.pool.Rotate(head, f.cos[i*pairs:][:pairs], f.sin[i*pairs:][:pairs])
}
