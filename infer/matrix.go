package infer

import (
	"encoding/binary"
	"fmt"
	"math"

	"sluice/infer/gguf"
)

// The race detector leaves out the loops over weights and activations here and
// in forward.go (go:norace). They touch only memory that Generate holds a lock for, and under
// the race detector they would otherwise run twenty times slower, in every
// test of the program that asks the model in the box.

// matrix is a weight matrix of rows x cols, by which activations are mapped
// from cols to rows values. A faster kernel is another implementation of it.
type matrix interface {
	// mul sets out, x.n rows of as many values as the matrix has rows, to the
	// products with the rows of x. x must have been packed.
	mul(out []float32, x *activations)
	// row copies one row of the matrix, as floats, into out.
	row(out []float32, i int)
}

// lanes is how many rows of activations one multiplication serves: see packed
// in activations.
const lanes = 3

// laneBits is the width of a lane: the sum of 32 products of signed bytes is
// below 2^20 in magnitude, so 21 bits hold it with its sign.
const laneBits = 21

// block is the number of values that share a scale, in weights (where it is
// Q8_0's) and in activations.
const block = gguf.Q8Block

// activations are n rows of width values each, as floats and, after pack,
// quantised to signed bytes.
type activations struct {
	n, width int
	rows     []float32
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

func newActivations(n, width int) *activations {
	groups := (n + lanes - 1) / lanes
	return &activations{
		width:  width,
		rows:   make([]float32, n*width),
		scales: make([]float32, n*width/block),
		packed: make([]int64, groups*width),
	}
}

// at returns row i.
func (x *activations) at(i int) []float32 { return x.rows[i*x.width : (i+1)*x.width] }

// pack quantises the rows: in each block, the largest magnitude becomes 127.
//
//go:norace
func (x *activations) pack() {
	groups := (x.n + lanes - 1) / lanes
	clear(x.packed[:groups*x.width])
	perRow := x.width / block
	for i := range x.n {
		row, packed := x.at(i), x.packed[i/lanes*x.width:][:x.width]
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
}

// roundToInt rounds to the nearest integer, halves away from zero.
func roundToInt(v float32) int32 {
	if v < 0 {
		return int32(v - 0.5)
	}
	return int32(v + 0.5)
}

// newMatrix copies a tensor of two dimensions into the form that its type is
// multiplied in. It checks the shape.
func newMatrix(t gguf.Tensor, rows, cols int) (matrix, error) {
	if len(t.Dims) != 2 || t.Dims[0] != cols || t.Dims[1] != rows {
		return nil, fmt.Errorf("tensor %q has dimensions %v, want [%d %d]", t.Name, t.Dims, cols, rows)
	}
	if t.Type == gguf.F32 {
		values, err := t.Floats()
		return &floatMatrix{cols: cols, values: values}, err
	}
	return newQ8Matrix(t, cols)
}

// q8Matrix holds Q8_0 weights with scales and bytes apart: value = scale x byte.
type q8Matrix struct {
	cols   int
	scales []float32
	bytes  []int8
}

func newQ8Matrix(t gguf.Tensor, cols int) (*q8Matrix, error) {
	if t.Type != gguf.Q8_0 {
		return nil, fmt.Errorf("tensor %q is %v, want Q8_0", t.Name, t.Type)
	}
	n := len(t.Data) / gguf.Q8Bytes
	m := &q8Matrix{cols: cols, scales: make([]float32, n), bytes: make([]int8, n*block)}
	for i := range n {
		raw := t.Data[i*gguf.Q8Bytes:][:gguf.Q8Bytes]
		m.scales[i] = halfToFloat(binary.LittleEndian.Uint16(raw))
		for j, b := range raw[2:] {
			m.bytes[i*block+j] = int8(b)
		}
	}
	return m, nil
}

func (m *q8Matrix) row(out []float32, i int) {
	perRow := m.cols / block
	for j, b := range m.bytes[i*m.cols:][:m.cols] {
		out[j] = float32(b) * m.scales[i*perRow+j/block]
	}
}

//go:norace
func (m *q8Matrix) mul(out []float32, x *activations) {
	perRow := m.cols / block
	rows := len(m.scales) / perRow
	for r := range rows {
		weights := m.bytes[r*m.cols:][:m.cols]
		scales := m.scales[r*perRow:][:perRow]
		for i := 0; i < x.n; i += lanes {
			packed := x.packed[i/lanes*m.cols:][:m.cols]
			if i+lanes > x.n { // one or two rows are left
				for k := i; k < x.n; k++ {
					out[k*rows+r] = dotLane(weights, packed, scales, x.scales[k*perRow:][:perRow], k-i)
				}
				continue
			}
			out[i*rows+r], out[(i+1)*rows+r], out[(i+2)*rows+r] = dotLanes(weights, packed, scales, x.scales[i*perRow:][:lanes*perRow])
		}
	}
}

// dotLanes is the dot product of a row of weights with three packed rows;
// theirs are the three rows' scales, one row after the other.
//
//go:norace
func dotLanes(weights []int8, packed []int64, scales, theirs []float32) (a, b, c float32) {
	n := len(scales)
	for i, scale := range scales {
		sum := dotBlock((*[block]int8)(weights[i*block:]), (*[block]int64)(packed[i*block:]))
		first := sum << (64 - laneBits) >> (64 - laneBits)
		sum = (sum - first) >> laneBits
		second := sum << (64 - laneBits) >> (64 - laneBits)
		third := (sum - second) >> laneBits
		a += float32(scale * theirs[i] * float32(first))
		b += float32(scale * theirs[n+i] * float32(second))
		c += float32(scale * theirs[2*n+i] * float32(third))
	}
	return a, b, c
}

// dotLane is one of dotLanes' three products, to the last bit: it adds in the
// same order, and the conversions keep the compiler from fusing a product with
// a sum in the one and not in the other.
//
//go:norace
func dotLane(weights []int8, packed []int64, scales, theirs []float32, lane int) (a float32) {
	for i, scale := range scales {
		sum := dotBlock((*[block]int8)(weights[i*block:]), (*[block]int64)(packed[i*block:]))
		value := sum << (64 - laneBits) >> (64 - laneBits)
		for range lane {
			sum = (sum - value) >> laneBits
			value = sum << (64 - laneBits) >> (64 - laneBits)
		}
		a += float32(scale * theirs[i] * float32(value))
	}
	return a
}

// dotBlock is the sum of the products over one block, in all lanes at once.
//
//go:norace
func dotBlock(w *[block]int8, x *[block]int64) int64 {
	a := int64(w[0])*x[0] + int64(w[1])*x[1] + int64(w[2])*x[2] + int64(w[3])*x[3] +
		int64(w[4])*x[4] + int64(w[5])*x[5] + int64(w[6])*x[6] + int64(w[7])*x[7]
	b := int64(w[8])*x[8] + int64(w[9])*x[9] + int64(w[10])*x[10] + int64(w[11])*x[11] +
		int64(w[12])*x[12] + int64(w[13])*x[13] + int64(w[14])*x[14] + int64(w[15])*x[15]
	c := int64(w[16])*x[16] + int64(w[17])*x[17] + int64(w[18])*x[18] + int64(w[19])*x[19] +
		int64(w[20])*x[20] + int64(w[21])*x[21] + int64(w[22])*x[22] + int64(w[23])*x[23]
	d := int64(w[24])*x[24] + int64(w[25])*x[25] + int64(w[26])*x[26] + int64(w[27])*x[27] +
		int64(w[28])*x[28] + int64(w[29])*x[29] + int64(w[30])*x[30] + int64(w[31])*x[31]
	return a + b + c + d
}

// halfToFloat converts an IEEE 754 half-precision number.
func halfToFloat(h uint16) float32 {
	sign := uint32(h>>15) << 31
	exponent := uint32(h>>10) & 0x1f
	fraction := uint32(h & 0x3ff)
	switch exponent {
	case 0: // zero and subnormal: fraction x 2^-24
		value := float32(fraction) / (1 << 24)
		return math.Float32frombits(math.Float32bits(value) | sign)
	case 0x1f: // infinity and not-a-number
		return math.Float32frombits(sign | 0xff<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}

// floatMatrix holds F32 weights.
type floatMatrix struct {
	cols   int
	values []float32
}

func (m *floatMatrix) row(out []float32, i int) { copy(out, m.values[i*m.cols:][:m.cols]) }

//go:norace
func (m *floatMatrix) mul(out []float32, x *activations) {
	rows := len(m.values) / m.cols
	for r := range rows {
		weights := m.values[r*m.cols:][:m.cols]
		for i := range x.n {
			out[i*rows+r] = dot(weights, x.at(i))
		}
	}
}

// dot is the dot product of two vectors of equal length. Four sums run side by
// side, since one would wait for each addition.
//
//go:norace
func dot(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}
