package kernel

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
)

// TestQuantise: the assembly packs what plain Go packs, byte for byte, for
// values of every magnitude.
func TestQuantise(t *testing.T) {
	for _, set := range sets() {
		if set != AVX2 && set != AVX512 {
			continue
		}
		n := set.tokens()
		r := rand.New(rand.NewPCG(5, 5))
		for trial := range 2000 {
			x := NewActivations(n, 2*block)
			for i := range x.Rows {
				x.Rows[i] = (2*r.Float32() - 1) * float32(math.Pow(10, float64(trial%75-38)))
				if r.IntN(8) == 0 {
					x.Rows[i] = 0
				}
			}
			p := NewPoolOn(1, set)
			x.Pack(p)
			p.Close()
			want := make([]byte, len(x.groups))
			for i := range n {
				for b := range 2 {
					quantiseBlock(want[b*n*tokenBytes:][:n*tokenBytes], x.At(i)[b*block:][:block], n, i)
				}
			}
			if !bytes.Equal(x.groups, want) {
				t.Fatalf("%v: %v packs to\n%v, want\n%v", set, x.Rows, x.groups, want)
			}
		}
	}
}
