package grammar

import (
	"unicode/utf8"
)

// runes takes one rune of the ranges [set[0], set[1]], [set[2], set[3]], ...
// as it stands inside a JSON string: as its UTF-8, or escaped where JSON wants
// that (RFC 8259, section 7).
func (b *builder) runes(set []rune, next int32) int32 {
	var plain []edge // bytes that stand for themselves
	var paths []int32
	for i := 0; i+1 < len(set); i += 2 {
		for low := set[i]; low <= set[i+1]; {
			high := upTo(low, set[i+1])
			switch {
			case low >= utf8.RuneSelf:
				paths = append(paths, b.encoded(low, high, next))
			case low < ' ' || low == '"' || low == '\\':
				paths = append(paths, b.escaped(low, next))
			default:
				plain = append(plain, edge{symbol(low), symbol(high), next})
			}
			low = high + 1
		}
	}
	if len(plain) > 0 || len(paths) == 0 {
		paths = append(paths, b.add(node{kind: kindTake, edges: plain}))
	}
	return b.either(paths...)
}

// upTo is the last rune from low on, at most high, that is written in the same
// way as low.
func upTo(low, high rune) rune {
	switch {
	case low < ' ' || low == '"' || low == '\\':
		return low
	case low < '"':
		return min(high, '"'-1)
	case low < '\\':
		return min(high, '\\'-1)
	}
	for _, last := range []rune{0x7f, 0x7ff, 0xd7ff, 0xdfff, 0xffff} {
		if low <= last {
			return min(high, last)
		}
	}
	return high
}

// escaped takes the one short spelling of a rune that must be escaped, or its
// \u form where it has none.
func (b *builder) escaped(r rune, next int32) int32 {
	return b.literal(string(quote(nil, string(r))[1:len(quote(nil, string(r)))-1]), next)
}

// encoded takes the UTF-8 of one rune from low to high, all of the same length
// in bytes. Surrogates have none.
func (b *builder) encoded(low, high rune, next int32) int32 {
	if low >= 0xd800 && low <= 0xdfff {
		return b.add(node{kind: kindTake})
	}
	return b.bytes(utf8.AppendRune(nil, low), utf8.AppendRune(nil, high), next)
}

// bytes takes the encodings between two, whose bytes after the first are
// continuation bytes.
func (b *builder) bytes(low, high []byte, next int32) int32 {
	if len(low) == 1 {
		return b.take(low[0], high[0], next)
	}
	if low[0] == high[0] {
		return b.take(low[0], low[0], b.bytes(low[1:], high[1:], next))
	}
	first, last := continuation(len(low)-1, 0x80), continuation(len(low)-1, 0xbf)
	var paths []int32
	from, to := low[0], high[0]
	if string(low[1:]) != string(first) {
		paths = append(paths, b.take(from, from, b.bytes(low[1:], last, next)))
		from++
	}
	if string(high[1:]) != string(last) {
		paths = append(paths, b.take(to, to, b.bytes(first, high[1:], next)))
		to--
	}
	if from <= to {
		paths = append(paths, b.take(from, to, b.bytes(first, last, next)))
	}
	return b.either(paths...)
}

func continuation(n int, fill byte) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = fill
	}
	return out
}

// character takes any rune of a JSON string, as UTF-8 or escaped in any way.
// Halves of surrogate pairs come only in pairs.
func (b *builder) character(next int32) int32 {
	hex := func(next int32) int32 { return b.hex("09AFaf", next) }
	low := b.literal(`\u`, b.one("dD", b.hex("CFcf", hex(hex(next)))))
	four := b.either(
		b.hex("09ACEFacef", hex(hex(hex(next)))),
		b.one("dD", b.either(
			b.hex("07", hex(hex(next))),
			b.hex("89ABab", hex(hex(low))))))
	escape := b.either(b.one(`"\/bfnrt`, next), b.take('u', 'u', four))
	return b.either(
		b.runes([]rune{' ', '!', '#', '[', ']', utf8.MaxRune}, next),
		b.take('\\', '\\', escape))
}

// hex takes a digit of the ranges that the pairs of ranges name.
func (b *builder) hex(ranges string, next int32) int32 {
	var edges []edge
	for i := 0; i < len(ranges); i += 2 {
		edges = append(edges, edge{symbol(ranges[i]), symbol(ranges[i+1]), next})
	}
	return b.add(node{kind: kindTake, edges: edges})
}
