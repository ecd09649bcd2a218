package gguf

import (
	"encoding/binary"
	"fmt"
	"math"
)

// float is what values are decoded to. In float64 every product and sum below
// is exact, but for scales that are not finite: a scale has 11 significant
// bits, what it is multiplied by at most 14.
type float interface{ float32 | float64 }

// Floats returns a copy of a tensor's values, decoded to 32-bit floats. It
// takes up to eight times the memory of the tensor, so it is meant for small
// ones. It fails on a type that is not supported.
func (t Tensor) Floats() ([]float32, error) { return values[float32](t) }

// Float64s is Floats in twice the precision, where decoding is exact: the
// reference that kernels are held to.
func (t Tensor) Float64s() ([]float64, error) { return values[float64](t) }

func values[F float](t Tensor) ([]F, error) {
	n, size := t.Type.Block()
	if n == 0 || len(t.Data)%size != 0 {
		return nil, fmt.Errorf("tensor %q of %d bytes is %v, which cannot be decoded", t.Name, len(t.Data), t.Type)
	}
	out := make([]F, len(t.Data)/size*n)
	decode(t.Type, out, t.Data)
	return out, nil
}

// Decode writes the values of data, whole blocks of the type, to out, which has
// room for them. It panics on a type that is not supported.
func (t Type) Decode(out []float32, data []byte) { decode(t, out, data) }

func decode[F float](t Type, out []F, data []byte) {
	n, size := t.Block()
	var block func(out []F, b []byte)
	switch t {
	case F32:
		block = func(out []F, b []byte) { out[0] = F(math.Float32frombits(binary.LittleEndian.Uint32(b))) }
	case F16:
		block = func(out []F, b []byte) { out[0] = half[F](b) }
	case BF16:
		block = func(out []F, b []byte) {
			out[0] = F(math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16))
		}
	case Q4_0:
		block = decodeQ40[F]
	case Q8_0:
		block = decodeQ80[F]
	case Q4_K:
		block = decodeQ4K[F]
	case Q5_K:
		block = decodeQ5K[F]
	case Q6_K:
		block = decodeQ6K[F]
	default:
		panic(fmt.Sprintf("gguf: %v cannot be decoded", t))
	}
	for ; len(data) > 0; data, out = data[size:], out[n:] {
		block(out[:n], data[:size])
	}
}

// half reads a half-precision number.
func half[F float](b []byte) F { return F(Half(binary.LittleEndian.Uint16(b))) }

// Half is the value of an IEEE 754 half-precision number.
func Half(h uint16) float32 {
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

// decodeQ40: scale, then 16 bytes whose lower halves are values 0 to 15 and
// whose upper halves are 16 to 31; a value is scale * (bits - 8).
func decodeQ40[F float](out []F, b []byte) {
	scale := half[F](b)
	for i, q := range b[2:18] {
		out[i] = scale * F(int(q&15)-8)
		out[i+16] = scale * F(int(q>>4)-8)
	}
}

// decodeQ80: scale, then 32 signed bytes.
func decodeQ80[F float](out []F, b []byte) {
	scale := half[F](b)
	for i, q := range b[2:34] {
		out[i] = scale * F(int8(q))
	}
}

// Scales6 unpacks the 12 bytes in which Q4_K and Q5_K keep 8 scales and 8
// minima of 6 bits: the first four of each lie in the lower bits of a byte,
// the others are split between a half-byte and the bits left over.
func Scales6(b []byte) (scales, minima [8]byte) {
	for i := range 4 {
		scales[i], minima[i] = b[i]&63, b[i+4]&63
		scales[i+4] = b[i+8]&15 | b[i]>>6<<4
		minima[i+4] = b[i+8]>>4 | b[i+4]>>6<<4
	}
	return scales, minima
}

// decodeQ4K: scale of the scales, scale of the minima, their 12 bytes, then 128
// bytes; 32 of these hold 64 values, the first 32 in their lower halves. A
// value is scale * bits - minimum.
func decodeQ4K[F float](out []F, b []byte) {
	scale, least := half[F](b), half[F](b[2:])
	scales, minima := Scales6(b[4:16])
	for i := range out {
		q := b[16+i/64*32+i%32] >> (i / 32 % 2 * 4) & 15
		out[i] = F(scale*F(scales[i/32])*F(q)) - F(least*F(minima[i/32])) //nolint:unconvert // the conversion keeps the compiler from fusing the product into the difference
	}
}

// decodeQ5K: as Q4_K, with 32 bytes between that hold a fifth bit for each
// value: bit i/32 of byte i%32.
func decodeQ5K[F float](out []F, b []byte) {
	scale, least := half[F](b), half[F](b[2:])
	scales, minima := Scales6(b[4:16])
	for i := range out {
		q := b[48+i/64*32+i%32]>>(i/32%2*4)&15 | b[16+i%32]>>(i/32)&1<<4
		out[i] = F(scale*F(scales[i/32])*F(q)) - F(least*F(minima[i/32])) //nolint:unconvert // as above
	}
}

// decodeQ6K: 128 bytes of lower halves, 64 bytes of upper bits, 16 signed
// scales for 16 values each, their scale. Of 128 values, the first 64 have
// their lower four bits in the lower halves of 64 bytes, the others in the
// upper halves; two more bits are in byte i%32 of 32. A value is
// scale * (bits - 32).
func decodeQ6K[F float](out []F, b []byte) {
	low, high, scales, scale := b[:128], b[128:192], b[192:208], half[F](b[208:])
	for i := range out {
		h, j := i/128, i%128
		q := low[h*64+j%64]>>(j/64*4)&15 | high[h*32+j%32]>>(j/32*2)&3<<4
		out[i] = scale * F(int8(scales[i/16])) * F(int(q)-32)
	}
}
