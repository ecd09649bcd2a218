package infer

import (
	"cmp"
	"slices"

	"sluice/infer/kernel"
)

// mixture computes feed-forwards of which each token goes through a few: those
// that its router gives the highest logits, weighted by the softmax over these
// (Mixtral, arXiv 2401.04088; Qwen3 with norm_topk_prob, which is the same).
type mixture struct {
	routed []float32           // router logits of each token
	picked [][]pick            // of each expert: the tokens that go through it
	order  []int32             // experts by logit, for one token
	in     *kernel.Activations // the rows of one expert's tokens
	gated  *kernel.Activations
	up     []float32
	out    []float32
}

// pick is a token that goes through an expert.
type pick struct {
	row    int
	weight float32
}

func newMixture(s shape, tokens int) *mixture {
	return &mixture{
		routed: make([]float32, tokens*s.experts),
		picked: make([][]pick, s.experts),
		order:  make([]int32, s.experts),
		in:     kernel.NewActivations(tokens, s.width),
		gated:  kernel.NewActivations(tokens, s.hidden),
		up:     make([]float32, tokens*s.hidden),
		out:    make([]float32, tokens*s.width),
	}
}

// run sets f.added to what the experts make of f.normed, of n tokens. A token's
// experts are added up in their order in the file, so that the sum does not
// depend on other tokens.
func (m *mixture) run(f *forward, l *layer, n int) {
	l.router.Mul(f.pool, m.routed[:n*f.experts], f.normed)
	for i := range m.picked {
		m.picked[i] = m.picked[i][:0]
	}
	for i := range n {
		m.route(f, m.routed[i*f.experts:][:f.experts], i)
	}
	clear(f.added[:n*f.width])
	for i, picked := range m.picked {
		if len(picked) > 0 {
			m.expert(f, l.experts[i], picked)
		}
	}
}

// route chooses the experts of one token.
func (m *mixture) route(f *forward, logits []float32, row int) {
	for i := range m.order {
		m.order[i] = int32(i)
	}
	slices.SortFunc(m.order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(logits[b], logits[a]), cmp.Compare(a, b))
	})
	var room [64]float32
	weights := room[:0]
	for _, e := range m.order[:f.chosen] {
		weights = append(weights, logits[e])
	}
	f.pool.Softmax(weights)
	for i, e := range m.order[:f.chosen] {
		m.picked[e] = append(m.picked[e], pick{row, weights[i]})
	}
}

// expert adds what one expert makes of its tokens to f.added.
func (m *mixture) expert(f *forward, e expert, picked []pick) {
	n := len(picked)
	m.in.N, m.gated.N = n, n
	for i, c := range picked {
		copy(m.in.At(i), f.normed.At(c.row))
	}
	m.in.Pack(f.pool)
	e.gate.Mul(f.pool, m.gated.Rows[:n*f.hidden], m.in)
	e.up.Mul(f.pool, m.up[:n*f.hidden], m.in)
	f.each(n, func(i int) { f.pool.SwiGLU(m.gated.At(i), m.up[i*f.hidden:][:f.hidden]) })
	m.gated.Pack(f.pool)
	e.down.Mul(f.pool, m.out[:n*f.width], m.gated)
	for i, c := range picked {
		f.pool.AddScaled(f.added[c.row*f.width:][:f.width], m.out[i*f.width:][:f.width], c.weight)
	}
}
