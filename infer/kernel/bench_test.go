package kernel

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
)

// BenchmarkMul multiplies a matrix that fits the third cache, and many that
// together do not, with few and many tokens.
func BenchmarkMul(b *testing.B) {
	const rows, cols = 4096, 2048
	for _, set := range sets() {
		for _, typ := range formats() {
			for _, c := range []struct{ tokens, matrices int }{{1, 1}, {1, 24}, {2, 1}, {4, 1}, {8, 1}, {128, 1}} {
				b.Run(fmt.Sprintf("%v/%v/%d/%d", set, typ, c.tokens, c.matrices), func(b *testing.B) {
					p := NewPoolOn(runtime.GOMAXPROCS(0), set)
					defer p.Close()
					r := rand.New(rand.NewPCG(1, 1))
					w := tensor(r, typ, rows, cols)
					matrices := make([]Matrix, c.matrices)
					for i := range matrices {
						matrices[i], _ = Load(p, w, rows, cols)
					}
					x := packed(p, r, c.tokens, cols)
					out := make([]float32, c.tokens*rows)
					i := 0
					for b.Loop() {
						matrices[i%c.matrices].Mul(p, out, x)
						i++
					}
					seconds := b.Elapsed().Seconds()
					b.ReportMetric(float64(b.N)*float64(len(w.Data))/1e9/seconds, "GB/s")
					b.ReportMetric(2*float64(b.N)*float64(c.tokens)*rows*cols/1e9/seconds, "GOP/s")
				})
			}
		}
	}
}

// BenchmarkRun is the cost of handing out a job.
func BenchmarkRun(b *testing.B) {
	p := NewPool(runtime.GOMAXPROCS(0))
	defer p.Close()
	for b.Loop() {
		p.Run(p.Threads(), func(int) {})
	}
}

// BenchmarkAttend is the attention of a prompt of 512 tokens, for one key head
// that two query heads share.
func BenchmarkAttend(b *testing.B) {
	const size, heads, tokens = 128, 2, 512
	p := NewPool(1)
	defer p.Close()
	r := rand.New(rand.NewPCG(1, 2))
	var pages [][]float32
	for range tokens / PageTokens {
		pages = append(pages, random(r, PageFloats(size)))
	}
	a := &Attention{
		Out: make([]float32, tokens*heads*size), Queries: random(r, tokens*heads*size), Tokens: tokens, Heads: heads,
		HeadSize: size, Stride: heads * size, Seen: 1, Pages: pages, Scale: 0.1,
	}
	for b.Loop() {
		p.Attend(a)
	}
	b.ReportMetric(2*float64(b.N)*heads*size*tokens*tokens/1e9/b.Elapsed().Seconds(), "GFLOP/s")
}
