package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"sluice/infer/gguf"
	"sluice/infer/gguf/gguftest"
)

// sets are the instruction sets of this machine.
func sets() []Set {
	var out []Set
	for s := Portable; s <= NEON; s++ {
		if s.Supported() {
			out = append(out, s)
		}
	}
	return out
}

func formats() []gguf.Type {
	return []gguf.Type{gguf.F32, gguf.F16, gguf.BF16, gguf.Q4_0, gguf.Q8_0, gguf.Q4_K, gguf.Q5_K, gguf.Q6_K}
}

// tensor returns a random tensor of rows x cols.
func tensor(r *rand.Rand, t gguf.Type, rows, cols int) gguf.Tensor {
	return gguf.Tensor{Name: t.String(), Type: t, Dims: []int{cols, rows}, Data: gguftest.Random(r, t, rows*cols)}
}

// packed returns n rows of activations, packed.
func packed(p *Pool, r *rand.Rand, n, width int) *Activations {
	x := NewActivations(n, width)
	copy(x.Rows, random(r, n*width))
	x.Pack(p)
	return x
}

// TestMul compares products with those of the decoded weights in float64. The
// bound is that of the activations' quantisation: half a step, a 254th of the
// block's largest magnitude, times the sum of the weights' magnitudes; and for
// all sums one in a hundred thousand of the products' magnitudes.
func TestMul(t *testing.T) {
	for _, set := range sets() {
		p := NewPoolOn(2, set)
		for _, typ := range formats() {
			r := rand.New(rand.NewPCG(uint64(typ), 7))
			for _, rows := range []int{1, 16, 37} {
				const cols = 512
				w := tensor(r, typ, rows, cols)
				m, err := Load(p, w, rows, cols)
				if err != nil {
					t.Fatal(err)
				}
				exact, _ := w.Float64s()
				for _, n := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 70} {
					x := packed(p, r, n, cols)
					out := make([]float32, n*rows)
					m.Mul(p, out, x)
					if err := compare(out, exact, x, rows, typ); err != nil {
						t.Fatalf("%v %v, %d rows, %d tokens: %v", set, typ, rows, n, err)
					}
				}
			}
		}
		p.Close()
	}
}

func compare(out []float32, weights []float64, x *Activations, rows int, typ gguf.Type) error {
	values, _ := typ.Block()
	for i := range x.N {
		for r := range rows {
			want, bound, row := 0.0, 0.0, x.At(i)
			for b := 0; b < x.Width; b += block {
				largest := 0.0
				for j := b; j < b+block; j++ {
					largest = max(largest, math.Abs(float64(row[j])))
				}
				for j := b; j < b+block; j++ {
					w := weights[r*x.Width+j]
					want += w * float64(row[j])
					bound += 1e-5 * math.Abs(w*float64(row[j]))
					if values > 1 {
						bound += math.Abs(w) * (largest / 254 * 1.001)
						bound += 1e-5 * math.Abs(w) * largest
					}
				}
			}
			if got := float64(out[i*rows+r]); !(math.Abs(got-want) <= bound) {
				return fmt.Errorf("product of token %d and row %d is %g, want %g +- %g", i, r, got, want, bound)
			}
		}
	}
	return nil
}

// TestMulIsExact compares with products of the quantised activations: what is
// left is the rounding of 32-bit sums.
func TestMulIsExact(t *testing.T) {
	for _, set := range sets() {
		p := NewPoolOn(1, set)
		for _, typ := range formats() {
			r := rand.New(rand.NewPCG(uint64(typ), 8))
			const rows, cols, n = 33, 1024, 11
			w := tensor(r, typ, rows, cols)
			m, err := Load(p, w, rows, cols)
			if err != nil {
				t.Fatal(err)
			}
			exact, _ := w.Float64s()
			x := NewActivations(n, cols)
			for i := range x.Rows { // multiples of the scale quantise to themselves
				x.Rows[i] = float32(r.IntN(255) - 127)
				if i%block == 0 {
					x.Rows[i] = 127
				}
			}
			x.Pack(p)
			out := make([]float32, n*rows)
			m.Mul(p, out, x)
			for i := range n {
				for k := range rows {
					want, magnitude := 0.0, 0.0
					for j, v := range x.At(i) {
						want += exact[k*cols+j] * float64(v)
						magnitude += math.Abs(exact[k*cols+j] * float64(v))
					}
					if got := float64(out[i*rows+k]); !(math.Abs(got-want) <= 3e-6*magnitude) {
						t.Fatalf("%v %v: product of token %d and row %d is %g, want %g +- %g", set, typ, i, k, got, want, 3e-6*magnitude)
					}
				}
			}
		}
		p.Close()
	}
}

// TestMulIsStable: to the last bit, a token's products depend neither on the
// tokens beside it, nor on the number of workers, nor on the run.
func TestMulIsStable(t *testing.T) {
	for _, set := range sets() {
		one, four := NewPoolOn(1, set), NewPoolOn(4, set)
		for _, typ := range formats() {
			r := rand.New(rand.NewPCG(uint64(typ), 9))
			const rows, cols, n = 520, 512, 17
			w := tensor(r, typ, rows, cols)
			m, err := Load(four, w, rows, cols)
			if err != nil {
				t.Fatal(err)
			}
			x := packed(one, r, n, cols)
			want := make([]float32, n*rows)
			m.Mul(one, want, x)
			for range 3 {
				got := make([]float32, n*rows)
				x.Pack(four)
				m.Mul(four, got, x)
				equal(t, fmt.Sprintf("%v %v with four workers", set, typ), got, want)
			}
			alone := NewActivations(1, cols)
			for i := range n {
				copy(alone.Rows, x.At(i))
				alone.Pack(one)
				got := make([]float32, rows)
				m.Mul(one, got, alone)
				equal(t, fmt.Sprintf("%v %v alone", set, typ), got, want[i*rows:][:rows])
			}
		}
		one.Close()
		four.Close()
	}
}

func equal(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i, v := range want {
		if math.Float32bits(got[i]) != math.Float32bits(v) {
			t.Fatalf("%s: value %d is %g, want %g", what, i, got[i], v)
		}
	}
}

// TestRow: a row of the repacked matrix is the file's.
func TestRow(t *testing.T) {
	for _, set := range sets() {
		p := NewPoolOn(2, set)
		for _, typ := range formats() {
			r := rand.New(rand.NewPCG(uint64(typ), 10))
			const rows, cols = 19, 256
			w := tensor(r, typ, rows, cols)
			m, err := Load(p, w, rows, cols)
			if err != nil {
				t.Fatal(err)
			}
			if m.Rows() != rows || m.Cols() != cols {
				t.Fatalf("%d x %d", m.Rows(), m.Cols())
			}
			exact, _ := w.Float64s()
			for i := range rows {
				got := make([]float32, cols)
				m.Row(got, i)
				for j, v := range got {
					if want := exact[i*cols+j]; !(math.Abs(float64(v)-want) <= 0x1p-22) {
						t.Fatalf("%v %v: row %d value %d is %g, want %g", set, typ, i, j, v, want)
					}
				}
			}
		}
		p.Close()
	}
}

// TestNotFiniteComesThrough: an activation that is not a number makes products
// that are not finite, in every set, so that a broken model is noticed.
func TestNotFiniteComesThrough(t *testing.T) {
	for _, set := range sets() {
		p := NewPoolOn(1, set)
		for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			r := rand.New(rand.NewPCG(1, 11))
			m, err := Load(p, tensor(r, gguf.Q8_0, 16, 64), 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			x := packed(p, r, 1, 64)
			x.Rows[40] = float32(bad)
			x.Pack(p)
			out := make([]float32, 16)
			m.Mul(p, out, x)
			for i, v := range out {
				if !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0) {
					t.Fatalf("%v: value %d is %g", set, i, v)
				}
			}
		}
		p.Close()
	}
}

func TestLoadRefuses(t *testing.T) {
	p := NewPool(1)
	defer p.Close()
	r := rand.New(rand.NewPCG(1, 12))
	good := tensor(r, gguf.Q8_0, 4, 64)
	short, other, narrow := good, good, tensor(r, gguf.F32, 4, 16)
	short.Data = short.Data[:100]
	other.Type = 3
	for what, w := range map[string]gguf.Tensor{"short": short, "type": other, "narrow": narrow} {
		if _, err := Load(p, w, w.Dims[1], w.Dims[0]); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if _, err := Load(p, good, 4, 32); err == nil {
		t.Error("another shape: no error")
	}
}

// TestMulAll: several products at once are those one by one.
func TestMulAll(t *testing.T) {
	for _, set := range sets() {
		p := NewPoolOn(3, set)
		r := rand.New(rand.NewPCG(1, 13))
		const cols, n = 256, 5
		x := packed(p, r, n, cols)
		var all []Product
		var want [][]float32
		for i, rows := range []int{1, 40, 700, 16, 33, 5} {
			m, err := Load(p, tensor(r, formats()[i], rows, cols), rows, cols)
			if err != nil {
				t.Fatal(err)
			}
			out := make([]float32, n*rows)
			m.Mul(p, out, x)
			want, all = append(want, out), append(all, Product{make([]float32, n*rows), m})
		}
		p.MulAll(x, all...)
		for i := range all {
			equal(t, fmt.Sprintf("%v: product %d", set, i), all[i].Out, want[i])
		}
		p.Close()
	}
}
