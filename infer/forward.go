package infer

import "math"

// batch is how many tokens of a prompt go through the weights together. It is
// a multiple of lanes, and small enough that the packed activations of a small
// model stay in the fastest cache.
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
	weights *weights
	cache   cache

	stream []float32    // the residual stream: a row of width for each token
	normed *activations // the stream, normalised
	mixed  *activations // what attention gives: all heads of a token in a row
	gated  *activations // what the feed-forward's gate lets through

	query, key, value []float32
	up, added         []float32
	attention         []float32 // of one head of one token, over the positions
	frequency         []float64 // radians a token, for each rotated pair
	cos, sin          []float32 // of each token of the batch, for each pair
	logits            []float32
}

func newForward(s shape, w *weights) *forward {
	queries, keys, pairs := s.heads*s.headSize, s.kvHeads*s.headSize, s.rotated/2
	f := &forward{
		shape: s, weights: w, cache: newCache(s),
		stream: make([]float32, batch*s.width),
		normed: newActivations(batch, s.width),
		mixed:  newActivations(batch, queries),
		gated:  newActivations(batch, s.hidden),
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
	f.normed.n, f.mixed.n, f.gated.n = n, n, n
	for i, token := range tokens {
		f.weights.embedding.row(f.stream[i*f.width:][:f.width], int(token))
	}
	f.turn(n, start)
	for i := range f.weights.layers {
		f.attend(i, n, start)
		f.feed(&f.weights.layers[i], n)
	}
	f.normed.n = 1
	normalise(f.normed.at(0), f.stream[(n-1)*f.width:][:f.width], f.weights.norm, f.epsilon)
	f.normed.pack()
	f.weights.output.mul(f.logits, f.normed)
	return f.logits
}

// enter normalises the stream and packs it, for the matrices of half a layer.
func (f *forward) enter(norm []float32, n int) {
	for i := range n {
		normalise(f.normed.at(i), f.stream[i*f.width:][:f.width], norm, f.epsilon)
	}
	f.normed.pack()
}

// attend adds the attention half of a layer to the stream.
func (f *forward) attend(index, n, start int) {
	l := &f.weights.layers[index]
	f.enter(l.attnNorm, n)
	l.query.mul(f.query, f.normed)
	l.key.mul(f.key, f.normed)
	l.value.mul(f.value, f.normed)
	size, shared := f.headSize, f.heads/f.kvHeads
	for i := range n {
		for h := range f.kvHeads {
			at := (i*f.kvHeads + h) * size
			key := f.key[at:][:size]
			normalise(key, key, l.keyNorm, f.epsilon)
			f.rotate(key, i)
			f.cache.add(index*f.kvHeads+h, key, f.value[at:][:size])
		}
	}
	for i := range n {
		for h := range f.heads {
			query := f.query[(i*f.heads+h)*size:][:size]
			normalise(query, query, l.queryNorm, f.epsilon)
			f.rotate(query, i)
			f.mix(f.mixed.at(i)[h*size:][:size], query, index*f.kvHeads+h/shared, start+i+1)
		}
	}
	f.mixed.pack()
	l.join.mul(f.added, f.mixed)
	add(f.stream[:n*f.width], f.added)
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
	highest := float32(math.Inf(-1))
	for i := range scores {
		scores[i] = scale * dot(query, keys[i*size:][:size])
		highest = max(highest, scores[i])
	}
	var total float32
	for i, score := range scores {
		scores[i] = float32(math.Exp(float64(score - highest)))
		total += scores[i]
	}
	clear(out)
	for i, score := range scores {
		weight := score / total
		for j, v := range values[i*size:][:size] {
			out[j] += weight * v
		}
	}
}

// feed adds the feed-forward half of a layer to the stream: SwiGLU, that is
// down(silu(gate(x)) * up(x)).
//
//go:norace
func (f *forward) feed(l *layer, n int) {
	f.enter(l.ffnNorm, n)
	l.gate.mul(f.gated.rows, f.normed)
	l.up.mul(f.up, f.normed)
	for i, gate := range f.gated.rows[:n*f.hidden] {
		f.gated.rows[i] = gate / (1 + float32(math.Exp(-float64(gate)))) * f.up[i]
	}
	f.gated.pack()
	l.down.mul(f.added, f.gated)
	add(f.stream[:n*f.width], f.added)
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

// rotate turns a head's pairs by the position of token i of the batch. In the
// NeoX pairing value j goes with value j + rotated/2.
//
//go:norace
func (f *forward) rotate(head []float32, i int) {
	pairs := len(f.frequency)
	for j := range pairs {
		sin, cos := f.sin[i*pairs+j], f.cos[i*pairs+j]
		a, b := head[j], head[j+pairs]
		head[j], head[j+pairs] = a*cos-b*sin, a*sin+b*cos
	}
}

// normalise sets out to RMSNorm(x) * weight; out may be x.
//
//go:norace
func normalise(out, x, weight []float32, epsilon float32) {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	scale := float32(1 / math.Sqrt(sum/float64(len(x))+float64(epsilon)))
	for i, v := range x {
		out[i] = v * scale * weight[i]
	}
}

// add adds b to a, value by value.
//
//go:norace
func add(a, b []float32) {
	for i := range a {
		a[i] += b[i]
	}
}
