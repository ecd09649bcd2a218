package infer

import (
	"math"

	"sluice/infer/kernel"
	"sluice/infer/page"
)

// span is a part of a step: tokens of one sequence, the first of which stands
// at position start. The sequence's pages have room for them, and hold the
// tokens before them.
type span struct {
	tokens []int32
	start  int
	pages  []page.ID
	last   bool // the logits behind the last of them are wanted
}

// forward computes a decoder over the tokens of many sequences at once. It owns
// the memory that the computation needs, so it serves one caller at a time.
//
// The formulas are those of the Llama and Qwen reports (arXiv 2302.13971,
// 2412.15115, 2505.09388): RMSNorm before each half of a layer, rotary
// positions, grouped queries, SwiGLU; what a family has besides stands in its
// family. Each token's values depend on its own sequence alone, to the last
// bit, whichever others share the step and however the sequence is cut into
// steps.
type forward struct {
	shape
	adjacent bool // how pairs of a head stand
	pool     *kernel.Pool
	weights  *weights
	coming   []*kernel.Ahead // the weights of each product, in order
	cache    cache

	stream []float32           // the residual stream: a row of width for each token
	normed *kernel.Activations // the stream, normalised
	mixed  *kernel.Activations // what attention gives: all heads of a token in a row
	gated  *kernel.Activations // what the feed-forward's gate lets through

	query, key, value []float32
	up, added         []float32
	logits            []float32
	mixture           *mixture // nil without experts

	radians  []float64 // a token, for each rotated pair
	turnSize float64   // what cosines and sines are multiplied by
	cos, sin []float32 // of each token of the step, for each pair

	rows  []row
	ahead []int // the rows of spans of several tokens, which see each other
	tasks []task
}

// row is a token of a step.
type row struct {
	page     page.ID
	position int
}

// task is the attention of some tokens of a span, by the heads that share a key
// head.
type task struct {
	span       *span
	head       int // key head
	row, n     int // of the step
	seen       int // by the first of them
	pagesInUse int
}

// newForward returns a forward pass for steps of up to tokens tokens, of which
// up to answers ask for logits, over so many pages.
func newForward(p *kernel.Pool, kind family, s shape, w *weights, tokens, answers, pages int) *forward {
	queries, keys, pairs := s.heads*s.headSize, s.kvHeads*s.headSize, s.rotated/2
	f := &forward{
		shape: s, adjacent: kind.adjacent, pool: p, weights: w, coming: coming(p, w), cache: newCache(s, pages),
		stream: make([]float32, tokens*s.width),
		normed: kernel.NewActivations(tokens, s.width),
		mixed:  kernel.NewActivations(tokens, queries),
		gated:  kernel.NewActivations(tokens, s.hidden),
		query:  make([]float32, tokens*queries),
		key:    make([]float32, tokens*keys),
		value:  make([]float32, tokens*keys),
		up:     make([]float32, tokens*s.hidden),
		added:  make([]float32, tokens*s.width),
		cos:    make([]float32, tokens*pairs),
		sin:    make([]float32, tokens*pairs),
		logits: make([]float32, answers*s.vocab),
	}
	f.radians, f.turnSize = s.rope.frequencies(s.rotated, w.divisors)
	if s.experts > 0 {
		f.mixture = newMixture(s, tokens)
	}
	return f
}

// The products of a layer, in the order in which they are computed.
const (
	intoAttention = iota
	outOfAttention
	intoFeed
	outOfFeed
	productsOfLayer
)

// coming is what can be read ahead of each product of a step, from the first
// layer's to the output. Which experts are next is not known.
func coming(p *kernel.Pool, w *weights) []*kernel.Ahead {
	var all []*kernel.Ahead
	for i := range w.layers {
		l := &w.layers[i]
		all = append(all, p.NewAhead(l.query, l.key, l.value), p.NewAhead(l.join), nil, nil)
		if l.experts == nil {
			all[len(all)-2], all[len(all)-1] = p.NewAhead(l.gate, l.up), p.NewAhead(l.down)
		}
	}
	return append(all, p.NewAhead(w.output))
}

// behind says that the product after this one of a layer comes next.
func (f *forward) behind(index, product int) {
	f.pool.Expect(f.coming[index*productsOfLayer+product+1])
}

// run computes a step. It returns the logits of the spans that want them, in
// order, one row of the vocabulary's size each; they are valid until the next
// call.
func (f *forward) run(spans []span) []float32 {
	f.enterSpans(spans)
	n := len(f.rows)
	f.mixed.N, f.gated.N = n, n
	for i := range f.weights.layers {
		f.attend(i, n)
		f.feed(i, n)
	}
	wanted, at := 0, 0
	for i := range spans {
		at += len(spans[i].tokens)
		if spans[i].last {
			f.pool.RMSNorm(f.normed.At(wanted), f.stream[(at-1)*f.width:][:f.width], f.weights.norm, f.epsilon)
			wanted++
		}
	}
	if wanted == 0 {
		return nil
	}
	f.normed.N = wanted
	f.normed.Pack(f.pool)
	f.pool.Expect(f.coming[0]) // of the next step
	f.weights.output.Mul(f.pool, f.logits[:wanted*f.vocab], f.normed)
	return f.logits[:wanted*f.vocab]
}

// taskTokens is how many tokens of a span one worker attends to at a time.
const taskTokens = 16

// enterSpans fills the stream with the tokens' embeddings, and prepares what
// all layers share: positions, rotations, the tasks of attention.
func (f *forward) enterSpans(spans []span) {
	f.rows, f.ahead, f.tasks = f.rows[:0], f.ahead[:0], f.tasks[:0]
	pairs := len(f.radians)
	for s := range spans {
		sp := &spans[s]
		f.cache.hold(sp.pages)
		first := len(f.rows)
		for i, token := range sp.tokens {
			position, at := sp.start+i, len(f.rows)
			f.weights.embedding.Row(f.stream[at*f.width:][:f.width], int(token))
			for j, radians := range f.radians {
				sin, cos := math.Sincos(float64(position) * radians)
				f.sin[at*pairs+j], f.cos[at*pairs+j] = float32(sin*f.turnSize), float32(cos*f.turnSize)
			}
			if len(sp.tokens) > 1 {
				f.ahead = append(f.ahead, at)
			}
			f.rows = append(f.rows, row{sp.pages[position/kernel.PageTokens], position})
		}
		for i := 0; i < len(sp.tokens); i += taskTokens {
			n := min(taskTokens, len(sp.tokens)-i)
			end := sp.start + i + n
			for h := range f.kvHeads {
				f.tasks = append(f.tasks, task{sp, h, first + i, n, sp.start + i + 1, (end + kernel.PageTokens - 1) / kernel.PageTokens})
			}
		}
	}
}

// each calls work for all rows from 0 to n-1, on all cores.
func (f *forward) each(n int, work func(i int)) { f.pool.Run(n, work) }

// enter normalises the stream and packs it, for the matrices of half a layer.
func (f *forward) enter(norm []float32, n int) {
	f.normed.N = n
	f.each(n, func(i int) { f.pool.RMSNorm(f.normed.At(i), f.stream[i*f.width:][:f.width], norm, f.epsilon) })
	f.normed.Pack(f.pool)
}

// leave adds what half a layer computed to the stream, through the norm that
// some families have there.
func (f *forward) leave(after []float32, n int) {
	if after != nil {
		f.each(n, func(i int) {
			row := f.added[i*f.width:][:f.width]
			f.pool.RMSNorm(row, row, after, f.epsilon)
		})
	}
	f.pool.Add(f.stream[:n*f.width], f.added[:n*f.width])
}

// attend adds the attention half of a layer to the stream.
func (f *forward) attend(index, n int) {
	l := &f.weights.layers[index]
	f.enter(l.attnNorm, n)
	queries, keys := f.heads*f.headSize, f.kvHeads*f.headSize
	f.behind(index, intoAttention)
	f.pool.MulAll(f.normed,
		kernel.Product{Out: f.query[:n*queries], Matrix: l.query},
		kernel.Product{Out: f.key[:n*keys], Matrix: l.key},
		kernel.Product{Out: f.value[:n*keys], Matrix: l.value})
	f.each(len(f.ahead), func(k int) {
		for h := range f.kvHeads {
			f.position(l, index, f.ahead[k], h)
		}
	})
	scale, group := float32(1/math.Sqrt(float64(f.headSize))), f.heads/f.kvHeads
	f.pool.Run(len(f.tasks), func(i int) {
		t := &f.tasks[i]
		if len(t.span.tokens) == 1 {
			f.position(l, index, t.row, t.head)
		}
		at := t.row*queries + t.head*group*f.headSize
		f.pool.Attend(&kernel.Attention{
			Out: f.mixed.Rows[at:], Queries: f.query[at:], Tokens: t.n, Heads: group, HeadSize: f.headSize, Stride: queries,
			Seen: t.seen, Scale: scale,
			Pages: f.cache.view(make([][]float32, 0, t.pagesInUse), t.span.pages[:t.pagesInUse], index*f.kvHeads+t.head),
		})
	})
	f.mixed.Pack(f.pool)
	f.behind(index, outOfAttention)
	l.join.Mul(f.pool, f.added[:n*f.width], f.mixed)
	f.bias(f.added, l.joinBias, n)
	f.leave(l.attnAfter, n)
}

// position finishes one key head of one token, and the queries that share it:
// bias, norm, rotation; and puts key and value into the cache.
func (f *forward) position(l *layer, index, i, h int) {
	size, wide := f.headSize, f.heads/f.kvHeads*f.headSize
	query := f.query[(i*f.kvHeads+h)*wide:][:wide]
	key := f.key[(i*f.kvHeads+h)*size:][:size]
	value := f.value[(i*f.kvHeads+h)*size:][:size]
	if l.queryBias != nil {
		f.pool.Add(query, l.queryBias[h*wide:][:wide])
		f.pool.Add(key, l.keyBias[h*size:][:size])
		f.pool.Add(value, l.valueBias[h*size:][:size])
	}
	f.turn(query, l.queryNorm, i)
	f.turn(key, l.keyNorm, i)
	r := f.rows[i]
	kernel.PutPage(f.cache.at(r.page, index*f.kvHeads+h), r.position%kernel.PageTokens, key, value)
}

// turn normalises heads of token i of the step, where the family does, and
// rotates them by its position.
func (f *forward) turn(heads, norm []float32, i int) {
	pairs := len(f.radians)
	cos, sin := f.cos[i*pairs:][:pairs], f.sin[i*pairs:][:pairs]
	for ; len(heads) > 0; heads = heads[f.headSize:] {
		head := heads[:f.headSize]
		if norm != nil {
			f.pool.RMSNorm(head, head, norm, f.epsilon)
		}
		if f.adjacent {
			f.pool.RotateAdjacent(head, cos, sin)
		} else {
			f.pool.Rotate(head, cos, sin)
		}
	}
}

// bias adds a bias to n rows, where there is one.
func (f *forward) bias(rows, bias []float32, n int) {
	if bias == nil {
		return
	}
	for i := range n {
		f.pool.Add(rows[i*len(bias):][:len(bias)], bias)
	}
}

// feed adds the feed-forward half of a layer to the stream: SwiGLU, that is
// down(silu(gate(x)) * up(x)), or a mixture of several of them.
func (f *forward) feed(index, n int) {
	l := &f.weights.layers[index]
	f.enter(l.ffnNorm, n)
	if l.experts != nil {
		f.mixture.run(f, l, n)
	} else {
		f.behind(index, intoFeed)
		f.pool.MulAll(f.normed,
			kernel.Product{Out: f.gated.Rows[:n*f.hidden], Matrix: l.gate},
			kernel.Product{Out: f.up[:n*f.hidden], Matrix: l.up})
		f.each(n, func(i int) { f.pool.SwiGLU(f.gated.At(i), f.up[i*f.hidden:][:f.hidden]) })
		f.gated.Pack(f.pool)
		f.behind(index, outOfFeed)
		l.down.Mul(f.pool, f.added[:n*f.width], f.gated)
	}
	f.leave(l.ffnAfter, n)
}
