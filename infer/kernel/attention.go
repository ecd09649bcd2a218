package kernel

import (
	"math"
	"unsafe"
)

// PageTokens is the number of tokens in a page of keys and values.
const PageTokens = 16

// PageFloats is the size of a page: the keys and values of PageTokens tokens
// for one key head of headSize values, a multiple of 8.
func PageFloats(headSize int) int { return 2 * PageTokens * headSize }

// PutPage writes a token's key and value into a page, at slot 0 to
// PageTokens-1. The order inside a page belongs to this package: keys stand
// value by value for all tokens, so that a query meets 16 tokens at once;
// values stand token by token.
//
//go:norace
func PutPage(page []float32, slot int, key, value []float32) {
	for j, v := range key {
		page[j*PageTokens+slot] = v
	}
	copy(page[(PageTokens+slot)*len(value):], value)
}

// Attention is the attention of Tokens consecutive tokens of one sequence, by
// the query heads that share one key head.
type Attention struct {
	// Out and Queries hold, for each token, Heads rows of HeadSize values, one
	// behind the other; from one token to the next there are Stride values.
	Out, Queries []float32
	// Tokens is the number of tokens that ask.
	Tokens int
	// Heads is the number of query heads that share the key head.
	Heads int
	// HeadSize is the number of values of a head, a multiple of 8.
	HeadSize int
	// Stride is the number of values from one token's queries to the next's.
	Stride int
	// Seen is the number of tokens that the first one sees, itself among them.
	// Each further token sees one more, or as many if Whole is set.
	Seen int
	// Whole says that no token is hidden from another.
	Whole bool
	// Pages holds the keys and values of the sequence: token i is in page
	// i/PageTokens, at slot i%PageTokens. All that is seen must be there.
	Pages [][]float32
	// Scale is what a query's product with a key is multiplied by.
	Scale float32
}

// Attend computes a: each output row is the mean of the values of the tokens
// seen, weighted by the softmax of the scaled products of query and keys.
// Several calls may run side by side, inside Run.
func (p *Pool) Attend(a *Attention) {
	s := p.scratch.Get().(*attentionScratch)
	defer p.scratch.Put(s)
	if p.set == Portable || p.set == NEON {
		for r := range a.Tokens * a.Heads {
			at := a.row(r)
			p.attend(a, s, a.Out[at:][:a.HeadSize], a.Queries[at:][:a.HeadSize], a.seen(r))
		}
		return
	}
	for r := 0; r < a.Tokens*a.Heads; r += p.set.tokens() {
		p.attendTile(a, s, r, min(p.set.tokens(), a.Tokens*a.Heads-r))
	}
}

// row is where query r is, of Tokens*Heads, the heads of a token side by side.
func (a *Attention) row(r int) int { return r/a.Heads*a.Stride + r%a.Heads*a.HeadSize }

// seen is how many tokens query r sees.
func (a *Attention) seen(r int) int {
	if a.Whole {
		return a.Seen
	}
	return a.Seen + r/a.Heads
}

// attentionScratch is memory for one Attend at a time.
type attentionScratch struct{ queries, out, scores []float32 }

// room returns n floats of whatever *s holds, with more memory if need be.
func room(s *[]float32, n int) []float32 {
	if cap(*s) < n {
		*s = make([]float32, n, n+n/2)
	}
	return (*s)[:n]
}

// attend computes one output row in plain Go.
//
//go:norace
func (p *Pool) attend(a *Attention, s *attentionScratch, out, query []float32, seen int) {
	scores := room(&s.scores, whole(seen))
	clear(scores)
	for i := 0; i < seen; i += PageTokens {
		keys, row := a.Pages[i/PageTokens], (*[PageTokens]float32)(scores[i:])
		for j, q := range query {
			for t, k := range (*[PageTokens]float32)(keys[j*PageTokens:]) {
				row[t] += float32(q * k)
			}
		}
		for t := range row {
			row[t] *= a.Scale
		}
	}
	scores = scores[:seen]
	p.Softmax(scores)
	clear(out)
	for i, weight := range scores {
		at := (PageTokens + i%PageTokens) * a.HeadSize
		p.AddScaled(out, a.Pages[i/PageTokens][at:], weight)
	}
}

// whole is n tokens, rounded up to whole pages.
func whole(n int) int { return (n + PageTokens - 1) / PageTokens * PageTokens }

// attendTile computes rows first to first+n-1, as many as one call takes. Each
// row's sums run over values and tokens in order, and what it does not see
// counts as exactly zero, so the row does not depend on the others.
func (p *Pool) attendTile(a *Attention, s *attentionScratch, first, n int) {
	size, most := a.HeadSize, a.seen(first+n-1)
	wide := whole(most)
	queries, out, scores := room(&s.queries, n*size), room(&s.out, n*size), room(&s.scores, n*wide)
	for i := range n {
		for j, q := range a.Queries[a.row(first+i):][:size] {
			queries[i*size+j] = q * a.Scale
		}
	}
	clear(out)
	for i := 0; i < most; i += PageTokens {
		page := a.Pages[i/PageTokens][:PageFloats(size)]
		p.set.mulFloat(layoutF32, n, &scores[i], uintptr(4*wide), (*byte)(unsafe.Pointer(&page[0])), &queries[0], uintptr(4*size), size)
	}
	var total [8]float32
	for i := range n {
		row, seen := scores[i*wide:][:wide], a.seen(first+i)
		for t := seen; t < whole(seen); t++ {
			row[t] = float32(math.Inf(-1))
		}
		total[i] = avx2ExpSum(&row[0], whole(seen), avx2Largest(&row[0], whole(seen)))
		clear(row[whole(seen):])
	}
	for i := 0; i < most; i += PageTokens {
		page := a.Pages[i/PageTokens][:PageFloats(size)]
		p.set.values(n, &out[0], uintptr(4*size), &scores[i], uintptr(4*wide), &page[PageTokens*size], size, min(PageTokens, most-i))
	}
	for i := range n {
		inverse := 1 / total[i]
		to := a.Out[a.row(first+i):][:size]
		for j, v := range out[i*size:][:size] {
			to[j] = v * inverse
		}
	}
}
