package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// random returns n values from -1 to 1.
func random(r *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = 2*r.Float32() - 1
	}
	return out
}

// TestAttend compares attention with its formula in float64, and each row with
// the same one computed alone, which must be equal to the last bit.
func TestAttend(t *testing.T) {
	for _, set := range sets() {
		for _, size := range []int{8, 24, 64, 80, 128} {
			for _, heads := range []int{1, 2, 3, 8} {
				for _, whole := range []bool{false, true} {
					attend(t, set, size, heads, whole)
				}
			}
		}
	}
}

func attend(t *testing.T, set Set, size, heads int, whole bool) {
	const seen, tokens = 37, 5
	r := rand.New(rand.NewPCG(1, 2))
	p := NewPoolOn(1, set)
	defer p.Close()
	keys, values := random(r, (seen+tokens)*size), random(r, (seen+tokens)*size)
	var pages [][]float32
	for i := range seen + tokens {
		if i%PageTokens == 0 {
			pages = append(pages, make([]float32, PageFloats(size)))
		}
		PutPage(pages[i/PageTokens], i%PageTokens, keys[i*size:][:size], values[i*size:][:size])
	}
	a := &Attention{
		Out: make([]float32, tokens*(heads+1)*size), Queries: random(r, tokens*(heads+1)*size),
		Tokens: tokens, Heads: heads, HeadSize: size, Stride: (heads + 1) * size,
		Seen: seen, Whole: whole, Pages: pages, Scale: 0.3,
	}
	p.Attend(a)
	for i := range tokens {
		n := seen
		if !whole {
			n += i
		}
		for h := range heads {
			at := i*a.Stride + h*size
			got := a.Out[at:][:size]
			for j, v := range mean(a.Queries[at:][:size], keys[:n*size], values[:n*size], 0.3) {
				if !(math.Abs(float64(got[j])-v) < 2e-6) {
					t.Fatalf("%v size %d: token %d head %d value %d: %g, want %g", set, size, i, h, j, got[j], v)
				}
			}
			alone := *a
			alone.Out, alone.Queries, alone.Tokens, alone.Heads, alone.Seen = make([]float32, size), a.Queries[at:][:size], 1, 1, n
			p.Attend(&alone)
			equal(t, "a head alone", got, alone.Out)
		}
		if rest := a.Out[i*a.Stride+heads*size:][:size]; rest[0] != 0 || rest[size-1] != 0 {
			t.Fatal("values between the tokens' rows were written")
		}
	}
}

// mean is attention as its formula has it.
func mean(query, keys, values []float32, scale float64) []float64 {
	size, total := len(query), 0.0
	out := make([]float64, size)
	for ; len(keys) > 0; keys, values = keys[size:], values[size:] {
		fit := 0.0
		for j, q := range query {
			fit += float64(q) * float64(keys[j])
		}
		fit = math.Exp(fit * scale)
		total += fit
		for j := range out {
			out[j] += fit * float64(values[j])
		}
	}
	for j := range out {
		out[j] /= total
	}
	return out
}
