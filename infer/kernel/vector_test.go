package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// near reports whether a value is as near to the exact one as 32 bits allow
// for a short sum of terms of that magnitude.
func near(got float32, want, magnitude float64) bool {
	return math.Abs(float64(got)-want) <= 2e-6*max(magnitude, math.Abs(want))
}

// TestVectors compares the vector functions with their formulas in float64.
func TestVectors(t *testing.T) {
	for _, set := range sets() {
		p := NewPoolOn(1, set)
		for _, n := range []int{1, 7, 8, 24, 40, 67, 128} {
			r := rand.New(rand.NewPCG(uint64(n), 1))
			a, b := random(r, n), random(r, n)
			dot := 0.0
			for i, v := range a {
				dot += float64(v) * float64(b[i])
			}
			if got := p.Dot(a, b); !near(got, dot, float64(n)) {
				t.Errorf("%v: the dot product of %d values is %g, want %g", set, n, got, dot)
			}
			check := func(what string, fast func(out []float32), plain func(i int) float64, magnitude float64) {
				out := append([]float32(nil), a...)
				fast(out)
				for i, got := range out {
					if want := plain(i); !near(got, want, magnitude) {
						t.Errorf("%v: %s, value %d of %d is %g, want %g", set, what, i, n, got, want)
						return
					}
				}
			}
			check("scaled sum", func(out []float32) { p.AddScaled(out, b, 0.7) }, func(i int) float64 { return float64(a[i]) + float64(float32(0.7))*float64(b[i]) }, 1)
			check("sum", func(out []float32) { p.Add(out, b) }, func(i int) float64 { return float64(a[i]) + float64(b[i]) }, 1)
			check("SwiGLU", func(out []float32) { p.SwiGLU(out, b) }, func(i int) float64 {
				return float64(a[i]) / (1 + math.Exp(-float64(a[i]))) * float64(b[i])
			}, 1)
			squares, exps := 0.0, 0.0
			for _, v := range a {
				squares += float64(v) * float64(v)
				exps += math.Exp(float64(v))
			}
			check("RMSNorm", func(out []float32) { p.RMSNorm(out, a, b, 1e-6) }, func(i int) float64 {
				return float64(a[i]) * float64(b[i]) / math.Sqrt(squares/float64(n)+1e-6)
			}, 1)
			check("softmax", p.Softmax, func(i int) float64 { return math.Exp(float64(a[i])) / exps }, 0.1)
			if n%2 == 0 {
				cos, sin := random(r, n/2), random(r, n/2)
				check("rotation", func(out []float32) { p.Rotate(out, cos, sin) }, func(i int) float64 {
					j := i % (n / 2)
					low, high, c, s := float64(a[j]), float64(a[j+n/2]), float64(cos[j]), float64(sin[j])
					if i < n/2 {
						return low*c - high*s
					}
					return low*s + high*c
				}, 1)
				check("rotation of neighbours", func(out []float32) { p.RotateAdjacent(out, cos, sin) }, func(i int) float64 {
					j := i / 2
					low, high, c, s := float64(a[2*j]), float64(a[2*j+1]), float64(cos[j]), float64(sin[j])
					if i%2 == 0 {
						return low*c - high*s
					}
					return low*s + high*c
				}, 1)
			}
		}
		p.Close()
	}
}

// TestExponentials looks at softmax and SwiGLU far from zero.
func TestExponentials(t *testing.T) {
	for _, set := range sets() {
		p := NewPoolOn(1, set)
		x := []float32{0, -1, -10, -50, -87, -88, -1000, float32(math.Inf(-1))}
		p.Softmax(x)
		for i, want := range []float64{0.7310343, 0.2689325, 3.31888e-5, 1.41e-22, 1.2e-38} {
			if got := float64(x[i]); math.Abs(got-want) > 1e-2*want || math.Abs(got-want) > 1e-6 {
				t.Errorf("%v: softmax %d is %g, want %g", set, i, got, want)
			}
		}
		for _, v := range x[5:] {
			if v > 1e-38 {
				t.Errorf("%v: what is far below counts for %g", set, v)
			}
		}
		gate := []float32{-1000, -100, -20, 20, 100, 1000, 0, 1}
		p.SwiGLU(gate, []float32{1, 1, 1, 1, 1, 1, 1, 1})
		for i, want := range []float64{0, 0, -4.1223072e-8, 20, 100, 1000, 0, 0.7310586} {
			if got := float64(gate[i]); math.Abs(got-want) > 1e-6*math.Abs(want)+1e-30 {
				t.Errorf("%v: silu %d is %g, want %g", set, i, got, want)
			}
		}
		bad := float32(math.NaN())
		x = []float32{1, bad, 1, 1, 1, 1, 1, 1}
		p.Softmax(x)
		gate = []float32{1, bad, 1, 1, 1, 1, 1, 1}
		p.SwiGLU(gate, gate)
		if gate[1] == gate[1] || x[1] == x[1] {
			t.Errorf("%v: what is not a number became %g and %g", set, x[1], gate[1])
		}
		p.Close()
	}
}
