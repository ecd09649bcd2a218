package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"sluice/infer/gguf"
	"sluice/infer/gguf/gguftest"
)

// FuzzMul takes any bytes as weights. Whatever they are, every set computes,
// and where the weights are of sound size, within the bounds of TestMul.
func FuzzMul(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 14))
	for i, typ := range formats() {
		f.Add(uint8(i), gguftest.Random(r, typ, 256), uint64(i))
	}
	f.Add(uint8(4), []byte{0xff, 0xff, 0, 0x7c}, uint64(1))
	f.Fuzz(func(t *testing.T, format uint8, data []byte, seed uint64) {
		const rows, cols, n = 17, 256, 3
		typ := formats()[int(format)%len(formats())]
		values, size := typ.Block()
		w := gguf.Tensor{Name: "w", Type: typ, Dims: []int{cols, rows}, Data: make([]byte, rows*cols/values*size)}
		for at := 0; at < len(w.Data) && len(data) > 0; {
			at += copy(w.Data[at:], data)
		}
		exact, err := w.Float64s()
		if err != nil {
			t.Fatal(err)
		}
		sound := true
		for _, v := range exact {
			sound = sound && math.Abs(v) < 1e15 && (v == 0 || math.Abs(v) > 1e-15)
		}
		for _, set := range sets() {
			p := NewPoolOn(1, set)
			m, err := Load(p, w, rows, cols)
			if err != nil {
				t.Fatal(err)
			}
			x := packed(p, rand.New(rand.NewPCG(seed, 1)), n, cols)
			out := make([]float32, n*rows)
			m.Mul(p, out, x)
			if !sound || typ == gguf.Q4_K || typ == gguf.Q5_K {
				continue // with minima, the terms can be larger than what they come to
			}
			if err := compare(out, exact, x, rows, typ); err != nil {
				t.Fatalf("%v %v: %v", set, typ, err)
			}
		}
	})
}
