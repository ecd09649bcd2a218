package main

// A weight format in its repacked layout. Sixteen rows stand side by side: a
// register of 64 bytes holds four bytes of each row. Scales stand in front.
type layout struct {
	name string
	// columns of a block, and its bytes for 16 rows.
	columns, bytes int
	// super says that scales and minima of 6 bits stand behind two
	// half-precision ones.
	super bool
	subs  []sub
}

// sub is a run of columns that share a scale: 32 or 16 of them.
type sub struct {
	// x is the block of 32 activations it meets, half whether it is the first
	// or second half of it; whole means both.
	x    int
	half half
	// scale is where its scale is, see the instruction sets.
	scale int
	words []word
}

type half int

const (
	whole half = iota
	first
	second
)

// word is a register of weights: where its bits are, and how they are put
// together. Bits at offset low are shifted right and masked to half-bytes;
// those at high are shifted (left if negative) and masked by highMask.
type word struct {
	low, shift int
	nibble     bool // mask to four bits
	high, up   int
	highMask   uint32
	activation int // byte offset in the block of 32
}

// layouts lists the formats. The order is that of the constants in
// infer/kernel/packed.go.
func layouts() []layout {
	return []layout{q80(), q40(), q4k(), q5k(), q6k()}
}

func q80() layout {
	s := sub{}
	for k := range 8 {
		s.words = append(s.words, word{low: 32 + 64*k, activation: 4 * k})
	}
	return layout{name: "Q80", columns: 32, bytes: 544, subs: []sub{s}}
}

func q40() layout {
	s := sub{}
	for k := range 8 {
		s.words = append(s.words, word{low: 32 + 64*(k%4), shift: k / 4 * 4, nibble: true, activation: 4 * k})
	}
	return layout{name: "Q40", columns: 32, bytes: 288, subs: []sub{s}}
}

func q4k() layout { return superblock("Q4K", 256, false) }

func q5k() layout { return superblock("Q5K", 768, true) }

// superblock is Q4_K or Q5_K: two half-precision scales, 12 bytes of small
// ones, perhaps 32 bytes of fifth bits, 128 of half-bytes at offset low.
func superblock(name string, low int, fifth bool) layout {
	l := layout{name: name, columns: 256, bytes: low + 2048, super: true}
	for i := range 8 {
		s := sub{x: i, scale: i}
		for k := range 8 {
			w := word{low: low + 64*(i/2*8+k), shift: i % 2 * 4, nibble: true, activation: 4 * k}
			if fifth {
				w.high, w.up, w.highMask = 256+64*k, i-4, 0x10101010
			}
			s.words = append(s.words, w)
		}
		l.subs = append(l.subs, s)
	}
	return l
}

// q6k is Q6_K: half-precision scale, 16 signed bytes of small ones, 128 bytes of
// half-bytes, 64 of upper bits.
func q6k() layout {
	l := layout{name: "Q6K", columns: 256, bytes: 3360}
	for i := range 16 {
		quarter, part := i/8, i%8/2
		s := sub{x: i / 2, half: first + half(i%2), scale: i}
		for k := i % 2 * 4; k < i%2*4+4; k++ {
			s.words = append(s.words, word{
				low: 288 + 64*(quarter*16+part%2*8+k), shift: part / 2 * 4, nibble: true,
				high: 2336 + 64*(quarter*8+k), up: 2*part - 4, highMask: 0x30303030,
				activation: 4 * k,
			})
		}
		l.subs = append(l.subs, s)
	}
	return l
}

// The packed activations of a group of g tokens: for each block of 32 columns,
// the bytes of each token, then four numbers of each.
func xBytes(g int) int         { return 48 * g }
func xByte(g, t, at int) int   { return t*32 + at }
func xScale(g, t int) int      { return 32*g + 4*t } // float32
func xScaledSum(g, t int) int  { return 36*g + 4*t } // float32: scale times the sum
func xStart(g, t int) int      { return 40*g + 4*t } // int32: -128 times the sum
func xStartFirst(g, t int) int { return 44*g + 4*t } // int32: -128 times the sum of the first half
