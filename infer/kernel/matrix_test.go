package kernel

import "testing"

// TestLanesAreExact holds the packed product to the plain one at the extremes.
func TestLanesAreExact(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	for n := 1; n <= 7; n++ {
		x := NewActivations(n, 2*block)
		x.N = n
		m := &q8Matrix{rows: 2, cols: 2 * block, scales: []float32{1, 2, 0.5, 1}, bytes: make([]int8, 4*block)}
		for i := range x.Rows {
			x.Rows[i] = []float32{127, -127, -127, 64, 0}[(i/block+i%3)%5]
		}
		for i := range m.bytes {
			m.bytes[i] = []int8{-128, 127, -128, -128}[i/block]
		}
		x.Pack(p)
		got := make([]float32, 2*n)
		m.Mul(p, got, x)
		row := make([]float32, 2*block)
		for i := range n {
			for r := range 2 {
				m.Row(row, r)
				var want float32
				for j, v := range x.At(i) {
					want += v * row[j]
				}
				if got[i*2+r] != want {
					t.Errorf("%d rows: product %d,%d is %g, want %g", n, i, r, got[i*2+r], want)
				}
			}
		}
	}
}
