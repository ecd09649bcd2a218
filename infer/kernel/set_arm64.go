package kernel

import "golang.org/x/sys/cpu"

func supported(s Set) bool { return s == NEON && cpu.ARM64.HasASIMD && cpu.ARM64.HasASIMDDP }

// mul multiplies groups of 16 rows, n blocks long, with t tokens of one group of
// activations.
func (s Set) mul(f layout, t int, out *float32, stride uintptr, w, x *byte, n, groups int) {
	neonMul(f, t, out, stride, w, x, n, groups)
}

// mulFloat multiplies n columns of 16 rows with t tokens, stride and xStride
// bytes apart.
func (s Set) mulFloat(f layout, t int, out *float32, stride uintptr, w *byte, x *float32, xStride uintptr, n int) {
	neonMulFloat(f, t, out, stride, w, x, xStride, n)
}
