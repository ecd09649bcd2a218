package kernel

import "sluice/infer/gguf"

// lanes is how many rows of activations one multiplication serves: see packed
// in Activations.
const lanes = 3

// laneBits is the width of a lane: the sum of 32 products of signed bytes is
// below 2^20 in magnitude, so 21 bits hold it with its sign.
const laneBits = 21

// block is the number of values that share a scale, in weights (where it is
// Q8_0's) and in activations.
const block = gguf.Q8Block

// Activations are N rows of Width values each, as floats and, after Pack,
// quantised to signed bytes.
type Activations struct {
	// N is the number of rows in use, at most what there is room for.
	N int
	// Width is the number of values of a row.
	Width int
	// Rows holds the rows, one after the other. Who changes it calls Pack
	// before the next product.
	Rows []float32
	// scales holds one scale for each block of each row.
	scales []float32
	// packed holds the quantised values of three rows in one integer:
	// a + b<<21 + c<<42. Multiplied by one weight and summed over a block, it
	// gives the three rows' dot products in its three lanes: one multiplication
	// for three. The last group's missing rows are zero. The integers are
	// exact, so a row's result does not depend on which rows stand beside it.
	packed []int64
}

// smallestScale is where quantising stops: a block of values this small counts
// as zero, since the inverse of its scale could overflow.
const smallestScale = 1e-30

// NewActivations returns room for n rows of width values, a multiple of 32, all
// zero and in use.
func NewActivations(n, width int) *Activations {
	groups := (n + lanes - 1) / lanes
	return &Activations{
		N:      n,
		Width:  width,
		Rows:   make([]float32, n*width),
		scales: make([]float32, n*width/block),
		packed: make([]int64, groups*width),
	}
}

// At returns row i.
func (x *Activations) At(i int) []float32 { return x.Rows[i*x.Width : (i+1)*x.Width] }

// Pack quantises the rows in use, for the products with them: in each block,
// the largest magnitude becomes 127.
//
//go:norace
func (x *Activations) Pack(p *Pool) {
	groups := (x.N + lanes - 1) / lanes
	clear(x.packed[:groups*x.Width])
	perRow := x.Width / block
	if p.threads == 1 { // no closure, no allocation
		for i := range x.N {
			x.packRow(i, perRow)
		}
		return
	}
	p.Run(groups, func(g int) {
		for i := g * lanes; i < min(x.N, (g+1)*lanes); i++ {
			x.packRow(i, perRow)
		}
	})
}

// packRow quantises one row.
//
//go:norace
func (x *Activations) packRow(i, perRow int) {
	row, packed := x.At(i), x.packed[i/lanes*x.Width:][:x.Width]
	shift := uint(i%lanes) * laneBits
	for b := range perRow {
		values := row[b*block:][:block]
		var largest float32
		for _, v := range values {
			largest = max(largest, max(v, -v))
		}
		scale := largest / 127
		if scale < smallestScale {
			x.scales[i*perRow+b] = 0
			continue
		}
		x.scales[i*perRow+b] = scale
		inverse := 1 / scale
		for j, v := range values {
			packed[b*block+j] += int64(roundToInt(v*inverse)) << shift
		}
	}
}

// roundToInt rounds to the nearest integer, halves away from zero.
func roundToInt(v float32) int32 {
	if v < 0 {
		return int32(v - 0.5)
	}
	return int32(v + 0.5)
}
