package kernel

import "sluice/infer/gguf"

// The race detector leaves out the loops over weights and activations
// (go:norace): under it they would run twenty times slower, in every test of
// the program that asks the model in the box.

// laneCount is how many rows of activations one multiplication serves: see
// lanes.
const laneCount = 3

// laneBits is the width of a lane: the sum of 32 products of signed bytes is
// below 2^20 in magnitude, so 21 bits hold it with its sign.
const laneBits = 21

// lanes are quantised activations for plain Go.
type lanes struct {
	width int
	// scales holds one scale for each block of each row, sums that times the
	// sum of the block's bytes.
	scales, sums []float32
	// packed holds the quantised values of three rows in one integer:
	// a + b<<21 + c<<42. Multiplied by one weight and summed over a block, it
	// gives the three rows' dot products in its three lanes: one multiplication
	// for three. The integers are exact, so a row's result does not depend on
	// which rows stand beside it.
	packed []int64
}

func newLanes(n, width int) lanes {
	return lanes{
		width:  width,
		scales: make([]float32, n*width/block),
		sums:   make([]float32, n*width/block),
		packed: make([]int64, (n+laneCount-1)/laneCount*width),
	}
}

// pack quantises row i. The rows of a group come in order, so the first one
// clears what was there.
//
//go:norace
func (x *lanes) pack(row []float32, i int) {
	packed, perRow := x.packed[i/laneCount*x.width:][:x.width], x.width/block
	if i%laneCount == 0 {
		clear(packed)
	}
	shift := uint(i%laneCount) * laneBits
	for b := range perRow {
		values := row[b*block:][:block]
		scale, inverse := blockScale(values)
		sum := int32(0)
		for j, v := range values {
			q := roundToInt(v * inverse)
			sum += q
			packed[b*block+j] += int64(q) << shift
		}
		x.scales[i*perRow+b], x.sums[i*perRow+b] = scale, scale*float32(sum)
	}
}

// plainMatrix holds quantised weights for plain Go: signed bytes, a scale for
// each run of them, and, where the format has them, a minimum: value =
// scale * byte - minimum. It takes up to twice the memory of the file's form.
type plainMatrix struct {
	rows, cols int
	run        int // bytes with a scale: 32, or 16
	scales     []float32
	minima     []float32 // of blocks of 32, or nil
	bytes      []int8
}

func newPlainMatrix(p *Pool, t gguf.Tensor, rows, cols int) *plainMatrix {
	m := &plainMatrix{rows: rows, cols: cols, run: block, bytes: make([]int8, rows*cols)}
	switch t.Type {
	case gguf.Q6_K:
		m.run = block / 2
	case gguf.Q4_K, gguf.Q5_K:
		m.minima = make([]float32, rows*cols/block)
	}
	m.scales = make([]float32, rows*cols/m.run)
	values, size := t.Type.Block()
	p.Run(rows, func(r int) {
		for b := r * cols / values; b < (r+1)*cols/values; b++ {
			m.unpack(t.Type, t.Data[b*size:][:size], b*values, values)
		}
	})
	return m
}

// unpack fills in a block of n values, the first of which is value at.
func (m *plainMatrix) unpack(t gguf.Type, b []byte, at, n int) {
	bytes := m.bytes[at:][:n]
	scale := gguf.Half(uint16(b[0]) | uint16(b[1])<<8)
	switch t {
	case gguf.Q8_0:
		m.scales[at/block] = scale
		for i, q := range b[2:] {
			bytes[i] = int8(q)
		}
	case gguf.Q4_0:
		m.scales[at/block] = scale
		for i, q := range b[2:] {
			bytes[i], bytes[i+16] = int8(q&15)-8, int8(q>>4)-8
		}
	case gguf.Q4_K, gguf.Q5_K:
		least := gguf.Half(uint16(b[2]) | uint16(b[3])<<8)
		scales, minima := gguf.Scales6(b[4:16])
		for i := range scales {
			m.scales[at/block+i], m.minima[at/block+i] = scale*float32(scales[i]), least*float32(minima[i])
		}
		low := b[len(b)-128:]
		for i := range bytes {
			bytes[i] = int8(low[i/64*32+i%32] >> (i / 32 % 2 * 4) & 15)
			if t == gguf.Q5_K {
				bytes[i] |= int8(b[16+i%32] >> (i / 32) & 1 << 4)
			}
		}
	case gguf.Q6_K:
		scale = gguf.Half(uint16(b[208]) | uint16(b[209])<<8)
		for i, s := range b[192:208] {
			m.scales[at/m.run+i] = scale * float32(int8(s))
		}
		for i := range bytes {
			h, j := i/128, i%128
			bytes[i] = int8(b[h*64+j%64]>>(j/64*4)&15|b[128+h*32+j%32]>>(j/32*2)&3<<4) - 32
		}
	}
}

func (m *plainMatrix) Rows() int { return m.rows }

func (m *plainMatrix) Cols() int { return m.cols }

func (m *plainMatrix) Row(out []float32, i int) {
	for j, b := range m.bytes[i*m.cols:][:m.cols] {
		at := i*m.cols + j
		out[j] = float32(float32(b) * m.scales[at/m.run])
		if m.minima != nil {
			out[j] -= m.minima[at/block]
		}
	}
}

func (m *plainMatrix) groups() int { return (m.rows + side - 1) / side }

func (m *plainMatrix) groupBytes() int { return side * m.cols }

func (m *plainMatrix) Mul(p *Pool, out []float32, x *Activations) {
	p.MulAll(x, Product{out, m})
}

//go:norace
func (m *plainMatrix) mulGroups(_ Set, out []float32, x *Activations, first, last int) {
	perRow := m.cols / block
	for r := first * side; r < min(last*side, m.rows); r++ {
		weights := m.bytes[r*m.cols:][:m.cols]
		scales := m.scales[r*m.cols/m.run:][:m.cols/m.run]
		for i := 0; i < x.N; i += laneCount {
			packed := x.lanes.packed[i/laneCount*m.cols:][:m.cols]
			var sums [laneCount]float32
			n := min(laneCount, x.N-i)
			dotLanes(&sums, weights, packed, scales, x.lanes.scales[i*perRow:][:n*perRow], m.run)
			for k := range n {
				if m.minima != nil {
					sums[k] -= dot(m.minima[r*perRow:][:perRow], x.lanes.sums[(i+k)*perRow:][:perRow])
				}
				out[(i+k)*m.rows+r] = sums[k]
			}
		}
	}
}

// dotLanes is the dot product of a row of weights with up to three packed rows;
// theirs are these rows' scales, one row after the other.
//
//go:norace
func dotLanes(out *[laneCount]float32, weights []int8, packed []int64, scales, theirs []float32, run int) {
	perRow := len(weights) / block
	rows := len(theirs) / perRow
	for i, scale := range scales {
		at := i * run
		sum := dotHalf((*[16]int8)(weights[at:]), (*[16]int64)(packed[at:]))
		if run == block {
			sum += dotHalf((*[16]int8)(weights[at+16:]), (*[16]int64)(packed[at+16:]))
		}
		for k := range rows {
			lane := sum << (64 - laneBits) >> (64 - laneBits)
			sum = (sum - lane) >> laneBits
			out[k] += float32(scale * theirs[k*perRow+at/block] * float32(lane))
		}
	}
}

// dotHalf is the sum of the products over half a block, in all lanes at once.
//
//go:norace
func dotHalf(w *[16]int8, x *[16]int64) int64 {
	a := int64(w[0])*x[0] + int64(w[1])*x[1] + int64(w[2])*x[2] + int64(w[3])*x[3] +
		int64(w[4])*x[4] + int64(w[5])*x[5] + int64(w[6])*x[6] + int64(w[7])*x[7]
	b := int64(w[8])*x[8] + int64(w[9])*x[9] + int64(w[10])*x[10] + int64(w[11])*x[11] +
		int64(w[12])*x[12] + int64(w[13])*x[13] + int64(w[14])*x[14] + int64(w[15])*x[15]
	return a + b
}

// floatMatrix holds weights as 32-bit floats, for plain Go.
type floatMatrix struct {
	rows, cols int
	values     []float32
}

func (m *floatMatrix) Rows() int { return m.rows }

func (m *floatMatrix) Cols() int { return m.cols }

func (m *floatMatrix) Row(out []float32, i int) { copy(out, m.values[i*m.cols:][:m.cols]) }

func (m *floatMatrix) Mul(p *Pool, out []float32, x *Activations) {
	p.MulAll(x, Product{out, m})
}

func (m *floatMatrix) groups() int { return (m.rows + side - 1) / side }

func (m *floatMatrix) groupBytes() int { return side * m.cols * 4 }

//go:norace
func (m *floatMatrix) mulGroups(_ Set, out []float32, x *Activations, first, last int) {
	for r := first * side; r < min(last*side, m.rows); r++ {
		weights := m.values[r*m.cols:][:m.cols]
		for i := range x.N {
			out[i*m.rows+r] = dot(weights, x.At(i))
		}
	}
}
