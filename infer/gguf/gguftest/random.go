package gguftest

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	"sluice/infer/gguf"
)

// Random returns the data of n values of a type, a whole number of its blocks:
// every bit pattern of the quantised values, with scales that keep most values
// between -1 and 1.
func Random(r *rand.Rand, typ gguf.Type, n int) []byte {
	values, size := typ.Block()
	data := make([]byte, n/values*size)
	for i := range len(data) / 8 {
		binary.LittleEndian.PutUint64(data[8*i:], r.Uint64())
	}
	for i := len(data) / 8 * 8; i < len(data); i++ {
		data[i] = byte(r.Uint32())
	}
	// power puts a half-precision number of a random fraction, below 2^exponent.
	power := func(at []byte, exponent int) {
		binary.LittleEndian.PutUint16(at, uint16(r.Uint32()&0x3ff)|uint16(exponent+14)<<10)
	}
	for b := data; len(b) > 0; b = b[size:] {
		switch typ {
		case gguf.F32:
			binary.LittleEndian.PutUint32(b, math.Float32bits(2*r.Float32()-1))
		case gguf.F16:
			power(b, -int(r.Uint32()%8))
			b[1] |= byte(r.Uint32()) & 0x80
		case gguf.BF16:
			binary.LittleEndian.PutUint16(b, uint16(math.Float32bits(2*r.Float32()-1)>>16))
		case gguf.Q4_0:
			power(b, -3)
		case gguf.Q8_0:
			power(b, -7)
		case gguf.Q4_K, gguf.Q5_K:
			power(b, -9)
			power(b[2:], -8)
		case gguf.Q6_K:
			power(b[208:], -12)
		}
	}
	return data
}
