package kernel

import (
	"encoding/binary"
	"math"

	"sluice/infer/gguf"
)

// block is the number of values that share a scale in quantised activations.
const block = gguf.Q8Block

// Activations are N rows of Width values each, as floats and, after Pack,
// quantised to signed bytes, with a scale for each block of 32.
type Activations struct {
	// N is the number of rows in use, at most what there is room for.
	N int
	// Width is the number of values of a row.
	Width int
	// Rows holds the rows, one after the other. Who changes it calls Pack
	// before the next product.
	Rows []float32

	groups []byte // the form that assembly takes; see groupBytes
	lanes  lanes  // the form that plain Go takes
}

// NewActivations returns room for n rows of width values, a multiple of 32, all
// zero and in use.
func NewActivations(n, width int) *Activations {
	return &Activations{N: n, Width: width, Rows: make([]float32, n*width)}
}

// At returns row i.
func (x *Activations) At(i int) []float32 { return x.Rows[i*x.Width : (i+1)*x.Width] }

// Pack quantises the rows in use, for the products with them: in each block,
// the largest magnitude becomes 127, and values are rounded to the nearest
// integer, to the even one between two.
func (x *Activations) Pack(p *Pool) {
	room := len(x.Rows) / x.Width
	if p.set == Portable && x.lanes.packed == nil {
		x.lanes = newLanes(room, x.Width)
	}
	if p.set != Portable && x.groups == nil {
		n := p.set.tokens()
		x.groups = aligned((room + n - 1) / n * x.groupBytes(p.set))
	}
	p.pack(x)
}

// packRow quantises row i.
func (x *Activations) packRow(s Set, i int) {
	if s == Portable {
		x.lanes.pack(x.At(i), i)
		return
	}
	x.quantise(s, i)
}

// tokenBytes is what a token takes in a block of packed activations: 32 bytes,
// and four numbers.
const tokenBytes = block + 16

// groupBytes is the size of a group of packed activations: the tokens that one
// call multiplies with. For each block come the bytes of each token, then their
// scales, their scales times the sums of the bytes, -128 times these sums, and
// -128 times the sums of the first 16 bytes. All that a call needs is then at
// fixed distances from one pointer.
func (x *Activations) groupBytes(s Set) int { return s.tokens() * x.Width / block * tokenBytes }

// quantise packs row i for assembly.
func (x *Activations) quantise(s Set, i int) {
	n := s.tokens()
	group, t := x.groups[i/n*x.groupBytes(s):][:x.groupBytes(s)], i%n
	if s != NEON {
		avx2Quantise(&x.Rows[i*x.Width], &group[block*t], &group[block*n+4*t], uintptr(4*n), uintptr(n*tokenBytes), x.Width/block)
		return
	}
	row := x.At(i)
	for b := range x.Width / block {
		quantiseBlock(group[b*n*tokenBytes:][:n*tokenBytes], row[b*block:][:block], n, t)
	}
}

// quantiseBlock packs a block of token t of n. It is what avx2Quantise does.
//
//go:norace
func quantiseBlock(out []byte, values []float32, n, t int) {
	scale, inverse := blockScale(values)
	sum, half := int32(0), int32(0)
	for j, v := range values {
		q := roundToInt(v * inverse)
		out[block*t+j] = byte(q)
		sum += q
		if j == block/2-1 {
			half = sum
		}
	}
	numbers := out[block*n+4*t:]
	binary.LittleEndian.PutUint32(numbers, math.Float32bits(scale))
	binary.LittleEndian.PutUint32(numbers[4*n:], math.Float32bits(scale*float32(sum)))
	binary.LittleEndian.PutUint32(numbers[8*n:], uint32(-128*sum))
	binary.LittleEndian.PutUint32(numbers[12*n:], uint32(-128*half))
}

// smallestScale is where quantising stops: a block of values this small counts
// as zero, since the inverse of its scale could overflow.
const smallestScale = 1e-30

// blockScale is the scale that makes a block's largest magnitude 127, and its
// inverse; both are zero for a block that counts as zero.
//
//go:norace
func blockScale(values []float32) (scale, inverse float32) {
	var largest float32
	for _, v := range values {
		largest = max(largest, max(v, -v))
	}
	scale = largest / 127
	if scale < smallestScale {
		return 0, 0
	}
	return scale, 1 / scale
}

// roundToInt rounds to the nearest integer, to the even one between two: adding
// 1.5 * 2^23 leaves no bits behind the point.
func roundToInt(v float32) int32 {
	const shift = 3 << 22
	return int32(math.Float32bits(v+shift)) - int32(math.Float32bits(shift))
}
