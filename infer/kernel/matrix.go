package kernel

import (
	"encoding/binary"
	"fmt"

	"sluice/infer/gguf"
)

// The race detector leaves out the loops over weights and activations
// (go:norace): under it they would run twenty times slower, in every test of
// the program that asks the model in the box.

// chunk is how many rows of a matrix a worker multiplies at a time.
const chunk = 64

// Matrix is a weight matrix, by which activations are mapped from Cols to Rows
// values. It does not change, and may be used from several goroutines.
type Matrix interface {
	// Mul sets out, x.N rows of Rows values, to the products with the rows of
	// x, which must have been packed.
	Mul(p *Pool, out []float32, x *Activations)
	// Row copies row i of the matrix, as floats, into out, of Cols values.
	Row(out []float32, i int)
	// Rows is the number of values of a product.
	Rows() int
	// Cols is the number of values of a row of activations.
	Cols() int
}

// Load copies a tensor of two dimensions into the form that its type is
// multiplied in. It fails on a shape other than rows x cols and on cols that are
// not a multiple of 32.
func Load(p *Pool, t gguf.Tensor, rows, cols int) (Matrix, error) {
	if len(t.Dims) != 2 || t.Dims[0] != cols || t.Dims[1] != rows {
		return nil, fmt.Errorf("tensor %q has dimensions %v, want [%d %d]", t.Name, t.Dims, cols, rows)
	}
	if cols%block != 0 {
		return nil, fmt.Errorf("tensor %q has rows of %d values, not a multiple of %d", t.Name, cols, block)
	}
	if t.Type == gguf.F32 {
		values, err := t.Floats()
		return &floatMatrix{rows: rows, cols: cols, values: values}, err
	}
	return newQ8Matrix(t, rows, cols)
}

// q8Matrix holds Q8_0 weights with scales and bytes apart: value = scale x byte.
type q8Matrix struct {
	rows, cols int
	scales     []float32
	bytes      []int8
}

func newQ8Matrix(t gguf.Tensor, rows, cols int) (*q8Matrix, error) {
	if t.Type != gguf.Q8_0 {
		return nil, fmt.Errorf("tensor %q is %v, want Q8_0", t.Name, t.Type)
	}
	n := len(t.Data) / gguf.Q8Bytes
	m := &q8Matrix{rows: rows, cols: cols, scales: make([]float32, n), bytes: make([]int8, n*block)}
	for i := range n {
		raw := t.Data[i*gguf.Q8Bytes:][:gguf.Q8Bytes]
		m.scales[i] = gguf.Half(binary.LittleEndian.Uint16(raw))
		for j, b := range raw[2:] {
			m.bytes[i*block+j] = int8(b)
		}
	}
	return m, nil
}

func (m *q8Matrix) Rows() int { return m.rows }

func (m *q8Matrix) Cols() int { return m.cols }

func (m *q8Matrix) Row(out []float32, i int) {
	perRow := m.cols / block
	for j, b := range m.bytes[i*m.cols:][:m.cols] {
		out[j] = float32(b) * m.scales[i*perRow+j/block]
	}
}

func (m *q8Matrix) Mul(p *Pool, out []float32, x *Activations) {
	if p.threads == 1 { // no closure, no allocation
		m.mulRows(out, x, 0, m.rows)
		return
	}
	p.Run((m.rows+chunk-1)/chunk, func(c int) { m.mulRows(out, x, c*chunk, min(m.rows, (c+1)*chunk)) })
}

// mulRows computes the values of the product from row start to end.
//
//go:norace
func (m *q8Matrix) mulRows(out []float32, x *Activations, start, end int) {
	perRow, rows := m.cols/block, m.rows
	for r := start; r < end; r++ {
		weights := m.bytes[r*m.cols:][:m.cols]
		scales := m.scales[r*perRow:][:perRow]
		for i := 0; i < x.N; i += lanes {
			packed := x.packed[i/lanes*m.cols:][:m.cols]
			if i+lanes > x.N { // one or two rows are left
				for k := i; k < x.N; k++ {
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

// floatMatrix holds F32 weights.
type floatMatrix struct {
	rows, cols int
	values     []float32
}

func (m *floatMatrix) Rows() int { return m.rows }

func (m *floatMatrix) Cols() int { return m.cols }

func (m *floatMatrix) Row(out []float32, i int) { copy(out, m.values[i*m.cols:][:m.cols]) }

func (m *floatMatrix) Mul(p *Pool, out []float32, x *Activations) {
	if p.threads == 1 { // no closure, no allocation
		m.mulRows(out, x, 0, m.rows)
		return
	}
	p.Run((m.rows+chunk-1)/chunk, func(c int) { m.mulRows(out, x, c*chunk, min(m.rows, (c+1)*chunk)) })
}

//go:norace
func (m *floatMatrix) mulRows(out []float32, x *Activations, start, end int) {
	rows := m.rows
	for r := start; r < end; r++ {
		weights := m.values[r*m.cols:][:m.cols]
		for i := range x.N {
			out[i*rows+r] = dot(weights, x.At(i))
		}
	}
}
