package kernel

import "golang.org/x/sys/cpu"

//go:generate go run -C ../../tools/kernelgen . -out ../../infer/kernel

func supported(s Set) bool {
	x := &cpu.X86
	base := x.HasAVX2 && x.HasFMA
	switch s {
	case AVX2:
		return base
	case AVX512:
		return base && x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasAVX512VNNI
	}
	return false
}

// mul multiplies groups of 16 rows, n blocks long, with t tokens of one group of
// activations.
func (s Set) mul(f layout, t int, out *float32, stride uintptr, w, x *byte, n, groups int) {
	if s == AVX512 {
		avx512Mul(f, t, out, stride, w, x, n, groups)
	} else {
		avx2Mul(f, t, out, stride, w, x, n, groups)
	}
}

// mulFloat multiplies n columns of 16 rows with t tokens, stride and xStride
// bytes apart.
func (s Set) mulFloat(f layout, t int, out *float32, stride uintptr, w *byte, x *float32, xStride uintptr, n int) {
	if s == AVX512 {
		avx512MulFloat(f, t, out, stride, w, x, xStride, n)
	} else {
		avx2MulFloat(f, t, out, stride, w, x, xStride, n)
	}
}

// values adds n rows of size values, weighted by t rows of x, to t rows of out.
func (s Set) values(t int, out *float32, outStride uintptr, x *float32, xStride uintptr, v *float32, size, n int) {
	if s == AVX512 {
		avx512Values(t, out, outStride, x, xStride, v, size, n)
	} else {
		avx2Values(t, out, outStride, x, xStride, v, size, n)
	}
}
