package kernel

import (
	"encoding/binary"
	"unsafe"

	"sluice/infer/gguf"
)

// layout is a form of weights, repacked from that of a file: 16 rows side by
// side, so that one register holds a few bytes of each, with the same number
// of bytes. The order is that of the generator in tools/kernelgen.
type layout int

const (
	layoutQ80 layout = iota
	layoutQ40
	layoutQ4K
	layoutQ5K
	layoutQ6K
	layoutF32
	layoutF16
	layoutBF16
)

// side is the number of rows that stand side by side.
const side = 16

// piece says where the parts of a block of a row lie in the file's form: first
// half-precision scales, then runs of words of four bytes. In the repacked
// form each scale, and each word, is followed by that of the next row.
type piece struct {
	layout layout
	halves []int    // offsets
	words  [][2]int // offset and number
}

// pieces of a type's blocks.
func pieces(t gguf.Type) piece {
	switch t {
	case gguf.Q8_0:
		return piece{layoutQ80, []int{0}, [][2]int{{2, 8}}}
	case gguf.Q4_0:
		return piece{layoutQ40, []int{0}, [][2]int{{2, 4}}}
	case gguf.Q4_K:
		return piece{layoutQ4K, []int{0, 2}, [][2]int{{4, 3}, {16, 32}}}
	case gguf.Q5_K:
		return piece{layoutQ5K, []int{0, 2}, [][2]int{{4, 3}, {16, 8}, {48, 32}}}
	case gguf.Q6_K:
		return piece{layoutQ6K, []int{208}, [][2]int{{192, 4}, {0, 32}, {128, 16}}}
	case gguf.F16:
		return piece{layout: layoutF16, halves: []int{0}}
	case gguf.BF16:
		return piece{layout: layoutBF16, halves: []int{0}}
	}
	return piece{layout: layoutF32, words: [][2]int{{0, 1}}}
}

// packedMatrix holds weights in a repacked form.
type packedMatrix struct {
	rows, cols int
	typ        gguf.Type
	piece      piece
	columns    int // of a block
	size       int // bytes of a block of one row
	blocks     int // of a row
	offset     uint32
	data       []byte // groups of 16 rows; missing rows are zero
}

func newPackedMatrix(p *Pool, t gguf.Tensor, rows, cols int) *packedMatrix {
	columns, size := t.Type.Block()
	m := &packedMatrix{
		rows: rows, cols: cols, typ: t.Type, piece: pieces(t.Type),
		columns: columns, size: size, blocks: cols / columns,
	}
	if t.Type == gguf.Q8_0 && p.set == AVX512 {
		m.offset = 0x80808080 // the instruction takes unsigned weights
	}
	m.data = large(m.groups() * m.groupBytes())
	p.Run(m.groups(), func(g int) { m.pack(g, t.Data) })
	return m
}

func (m *packedMatrix) groups() int { return (m.rows + side - 1) / side }

func (m *packedMatrix) groupBytes() int { return side * m.blocks * m.size }

func (m *packedMatrix) group(g int) []byte { return m.data[g*m.groupBytes():][:m.groupBytes()] }

// pack fills group g from the file's rows.
func (m *packedMatrix) pack(g int, rows []byte) {
	to := m.group(g)
	for i := range min(side, m.rows-g*side) {
		from := rows[(g*side+i)*m.blocks*m.size:][:m.blocks*m.size]
		for b := range m.blocks {
			block, at := from[b*m.size:][:m.size], b*m.size*side
			for _, h := range m.piece.halves {
				copy(to[at+2*i:][:2], block[h:])
				at += 2 * side
			}
			for _, w := range m.piece.words {
				for k := range w[1] {
					binary.LittleEndian.PutUint32(to[at+4*i:], binary.LittleEndian.Uint32(block[w[0]+4*k:])^m.offset)
					at += 4 * side
				}
			}
		}
	}
}

// unpack puts block b of row i back into the file's form.
func (m *packedMatrix) unpack(block []byte, i, b int) {
	from, at := m.group(i/side), b*m.size*side
	i %= side
	for _, h := range m.piece.halves {
		copy(block[h:], from[at+2*i:][:2])
		at += 2 * side
	}
	for _, w := range m.piece.words {
		for k := range w[1] {
			binary.LittleEndian.PutUint32(block[w[0]+4*k:], binary.LittleEndian.Uint32(from[at+4*i:])^m.offset)
			at += 4 * side
		}
	}
}

func (m *packedMatrix) Rows() int { return m.rows }

func (m *packedMatrix) Cols() int { return m.cols }

func (m *packedMatrix) Row(out []float32, i int) {
	var block [256]byte // the largest one has 210
	for b := range m.blocks {
		m.unpack(block[:m.size], i, b)
		m.typ.Decode(out[b*m.columns:][:m.columns], block[:m.size])
	}
}

// tileTokens is how many tokens pass by a piece of a matrix at a time: they stay
// in the second cache while its groups take turns.
const tileTokens = 64

func (m *packedMatrix) Mul(p *Pool, out []float32, x *Activations) {
	p.MulAll(x, Product{out, m})
}

func (m *packedMatrix) mulGroups(s Set, out []float32, x *Activations, first, last int) {
	for from := 0; from < x.N; from += tileTokens {
		to := min(x.N, from+tileTokens)
		m.mulTile(s, out, x, first, min(last, m.groups()), from, to)
	}
}

// mulTile multiplies groups first to last-1 with tokens from to to-1. Tokens
// that one call takes go over all groups with it, more of them over one group
// after the other.
func (m *packedMatrix) mulTile(s Set, out []float32, x *Activations, first, last, from, to int) {
	whole, step := min(last, m.rows/side), 1
	if to-from <= s.tokens() && m.piece.layout < layoutF32 {
		step = max(1, whole-first)
	}
	for g := first; g < whole; g += step {
		m.mulRows(s, out[from*m.rows+g*side:], m.rows, x, g, step, from, to)
	}
	if g := m.rows / side; g < last { // it has rows that are not there
		var room [tileTokens * side]float32
		m.mulRows(s, room[:], side, x, g, 1, from, to)
		for i := from; i < to; i++ {
			copy(out[i*m.rows+g*side:][:m.rows-g*side], room[(i-from)*side:])
		}
	}
}

// mulRows multiplies so many groups of 16 rows, from g on, with tokens from to
// to-1. Float weights go by one group at a time.
func (m *packedMatrix) mulRows(s Set, out []float32, stride int, x *Activations, g, groups, from, to int) {
	n, w := s.tokens(), unsafe.SliceData(m.group(g))
	for i := from; i < to; i += n {
		t, at := min(n, to-i), &out[(i-from)*stride]
		if m.piece.layout >= layoutF32 {
			s.mulFloat(m.piece.layout, t, at, uintptr(4*stride), w, &x.Rows[i*x.Width], uintptr(4*x.Width), m.cols)
		} else {
			s.mul(m.piece.layout, t, at, uintptr(4*stride), w, &x.groups[i/n*x.groupBytes(s)], m.blocks, groups)
		}
	}
}

// tokens is how many tokens a function of the set multiplies with at a time.
func (s Set) tokens() int {
	if s == AVX512 {
		return 8
	}
	return 4
}
