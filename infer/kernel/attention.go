package kernel

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
	for i := range a.Tokens {
		seen := a.Seen
		if !a.Whole {
			seen += i
		}
		for h := range a.Heads {
			at := i*a.Stride + h*a.HeadSize
			p.attend(a, a.Out[at:][:a.HeadSize], a.Queries[at:][:a.HeadSize], seen)
		}
	}
}

// attend computes one output row.
//
//go:norace
func (p *Pool) attend(a *Attention, out, query []float32, seen int) {
	scores := make([]float32, (seen+PageTokens-1)/PageTokens*PageTokens)
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
