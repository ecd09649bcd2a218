//go:build !amd64

package kernel

// What only x86 has. No set that needs it is supported here, so nothing of it
// is ever called.

func (s Set) values(int, *float32, uintptr, *float32, uintptr, *float32, int, int) { panic(s) }

func avx2Quantise(*float32, *byte, *byte, uintptr, uintptr, int) { panic(AVX2) }

func avx2ExpSum(*float32, int, float32) float32 { panic(AVX2) }

func avx2SwiGLU(*float32, *float32, int) { panic(AVX2) }

func avx2Largest(*float32, int) float32 { panic(AVX2) }

func avx2Dot(*float32, *float32, int) float32 { panic(AVX2) }

func avx2AddScaled(*float32, *float32, int, float32) { panic(AVX2) }

func avx2Scale(*float32, *float32, *float32, int, float32) { panic(AVX2) }

func avx2Rotate(*float32, *float32, *float32, *float32, int) { panic(AVX2) }
