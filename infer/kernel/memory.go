package kernel

import "unsafe"

// hugePage is the size of a huge page, and hugeWorth that from which on memory is
// wanted in them. Weights are read from end to end for each token; from pages of
// 4 kB they come about a tenth slower.
const (
	hugePage  = 2 << 20
	hugeWorth = 256 << 10
)

// aligned returns n bytes, all zero, that begin at a cache line.
func aligned(n int) []byte {
	b := make([]byte, n+64)
	skip := -uintptr(unsafe.Pointer(unsafe.SliceData(b))) % 64
	return b[skip:][:n:n]
}

// large returns n bytes, all zero, that begin at a cache line and are read from
// end to end, again and again.
func large(n int) []byte {
	b := aligned(n)
	if n >= hugeWorth {
		wantHuge(b)
	}
	return b
}

// NewPages returns memory for n values of keys and values, all zero.
func NewPages(n int) []float32 {
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(large(4*n)))), n)
}
