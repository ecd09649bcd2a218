package main

import (
	"fmt"
	"math"
)

// The vector functions use AVX2 and FMA on every x86: they are a small part of
// the time. Each takes a multiple of eight values.

// constant is a table of constants, each eight times, for use as operands.
type constant struct {
	name string
	bits uint32
}

func constants() []constant {
	f := func(name string, v float32) constant { return constant{name, math.Float32bits(v)} }
	return []constant{
		f("log2e", 1.44269504),
		f("ln2High", 0.693145751953125), f("ln2Low", 1.428606765330187e-06),
		// exp(r) - 1 - r, divided by r*r, for |r| <= ln(2)/2: the polynomial of
		// Cephes' expf.
		f("e0", 1.9875691500e-4), f("e1", 1.3981999507e-3), f("e2", 8.3334519073e-3),
		f("e3", 4.1665795894e-2), f("e4", 1.6666665459e-1), f("e5", 5.0000001201e-1),
		f("one", 1), f("least", -87.3), f("most", 88.3),
		{"bias", 127},
		{"magnitude", 0x7fffffff},
		{"sign", 0x80000000},
		f("by127", 127), f("smallest", 1e-30),
	}
}

// operand is the constant of that name.
func operand(name string) string {
	for i, c := range constants() {
		if c.name == name {
			return fmt.Sprintf("numbers<>+%d(SB)", 32*i)
		}
	}
	panic("no constant " + name)
}

func vectors() []byte {
	p := assembly()
	p.WriteString("\n")
	for i, c := range constants() {
		for k := range 4 {
			fmt.Fprintf(p, "DATA numbers<>+%d(SB)/8, $0x%08x%08x // %s\n", 32*i+8*k, c.bits, c.bits, c.name)
		}
	}
	fmt.Fprintf(p, "GLOBL numbers<>(SB), RODATA|NOPTR, $%d\n", 32*len(constants()))
	order(p)
	quantise(p)
	expSum(p)
	silu(p)
	largest(p)
	simple(p)
	rotate(p)
	return p.Bytes()
}

func vectorDeclarations(p *printer) {
	for _, d := range []string{
		"avx2Quantise(x *float32, bytes, numbers *byte, numberStride, blockStride uintptr, blocks int)",
		"avx2ExpSum(x *float32, n int, less float32) float32",
		"avx2SwiGLU(gate, up *float32, n int)",
		"avx2Largest(x *float32, n int) float32",
		"avx2Dot(a, b *float32, n int) float32",
		"avx2AddScaled(out, x *float32, n int, scale float32)",
		"avx2Scale(out, x, weight *float32, n int, scale float32)",
		"avx2Rotate(low, high, cos, sin *float32, n int)",
	} {
		fmt.Fprintf(p, "\n//go:noescape\nfunc %s\n", d)
	}
}

// order is a table for VPERMD that undoes the interleaving of the two packs.
func order(p *printer) {
	for i, v := range []int{0, 4, 1, 5, 2, 6, 3, 7} {
		fmt.Fprintf(p, "DATA order<>+%d(SB)/4, $%d\n", 4*i, v)
	}
	p.WriteString("GLOBL order<>(SB), RODATA|NOPTR, $32\n")
}

// sum adds the eight values of a register, into its first.
func sum(p *printer, y, scratch int) {
	p.line("VEXTRACTF128 $1, Y%d, X%d", y, scratch)
	p.line("VADDPS X%d, X%d, X%d", scratch, y, y)
	p.line("VMOVHLPS X%d, X%d, X%d", y, y, scratch)
	p.line("VADDPS X%d, X%d, X%d", scratch, y, y)
	p.line("VMOVSHDUP X%d, X%d", y, scratch)
	p.line("VADDSS X%d, X%d, X%d", scratch, y, y)
}

// quantise: see Activations.packRow, of which this is the fast form. The
// largest magnitude is found among bit patterns as integers, where what is
// not a number is larger than every number and so comes through.
func quantise(p *printer) {
	p.text("avx2Quantise", 48)
	p.line("MOVQ x+0(FP), SI")
	p.line("MOVQ bytes+8(FP), DI")
	p.line("MOVQ numbers+16(FP), R8")
	p.line("MOVQ numberStride+24(FP), R9")
	p.line("MOVQ blockStride+32(FP), R10")
	p.line("MOVQ blocks+40(FP), CX")
	p.line("VMOVDQU %s, Y10", operand("magnitude"))
	p.line("VMOVDQU order<>(SB), Y11")
	p.line("VMOVSS %s, X12", operand("by127"))
	p.line("VMOVSS %s, X13", operand("smallest"))
	p.line("VMOVSS %s, X14", operand("one"))
	p.label("loop")
	for i := range 4 {
		p.line("VMOVUPS %d(SI), Y%d", 32*i, i)
		p.line("VPAND Y%d, Y10, Y%d", i, 4+i)
	}
	p.line("VPMAXUD Y4, Y5, Y4")
	p.line("VPMAXUD Y6, Y7, Y6")
	p.line("VPMAXUD Y4, Y6, Y4")
	p.line("VEXTRACTI128 $1, Y4, X5")
	p.line("VPMAXUD X4, X5, X4")
	p.line("VPSHUFD $0x4e, X4, X5")
	p.line("VPMAXUD X4, X5, X4")
	p.line("VPSHUFD $0xb1, X4, X5")
	p.line("VPMAXUD X4, X5, X4")
	p.line("VDIVSS X12, X4, X4")     // the scale
	p.line("VCMPSS $5, X13, X4, X5") // not less than the smallest
	p.line("VDIVSS X4, X14, X6")     // its inverse
	p.line("VANDPS X5, X4, X4")
	p.line("VANDPS X5, X6, X6")
	p.line("VBROADCASTSS X6, Y6")
	for i := range 4 {
		p.line("VMULPS Y6, Y%d, Y%d", i, i)
		p.line("VCVTPS2DQ Y%d, Y%d", i, i)
	}
	p.line("VPADDD Y0, Y1, Y7")
	p.line("VPADDD Y2, Y3, Y8")
	p.line("VPHADDD Y8, Y7, Y7")
	p.line("VEXTRACTI128 $1, Y7, X8")
	p.line("VPADDD X8, X7, X7")
	p.line("VPHADDD X7, X7, X7")
	p.line("VPACKSSDW Y1, Y0, Y0")
	p.line("VPACKSSDW Y3, Y2, Y2")
	p.line("VPACKSSWB Y2, Y0, Y0")
	p.line("VPERMD Y0, Y11, Y0")
	p.line("VMOVDQU Y0, (DI)")
	p.line("VMOVD X7, AX")
	p.line("VPEXTRD $1, X7, DX")
	p.line("ADDL AX, DX")
	p.line("VCVTSI2SSL DX, X5, X5")
	p.line("VMULSS X4, X5, X5")
	p.line("VMOVSS X4, (R8)")
	p.line("VMOVSS X5, (R8)(R9*1)")
	p.line("SHLL $7, DX")
	p.line("NEGL DX")
	p.line("SHLL $7, AX")
	p.line("NEGL AX")
	p.line("LEAQ (R8)(R9*2), BX")
	p.line("MOVL DX, (BX)")
	p.line("MOVL AX, (BX)(R9*1)")
	p.line("ADDQ $128, SI")
	p.line("ADDQ R10, DI")
	p.line("ADDQ R10, R8")
	p.line("DECQ CX")
	p.line("JNZ loop")
	p.line("VZEROUPPER")
	p.line("RET")
}

// exp replaces Y0 by its exponential; it uses Y1 and Y2. The argument is kept
// between the least and the largest with a finite, normal result; what is not
// a number comes through, since VMAXPS and VMINPS give their second source
// (the first one here) then.
func exp(p *printer) {
	p.line("VMOVUPS %s, Y1", operand("least"))
	p.line("VMAXPS Y0, Y1, Y0")
	p.line("VMOVUPS %s, Y1", operand("most"))
	p.line("VMINPS Y0, Y1, Y0")
	p.line("VMULPS %s, Y0, Y1", operand("log2e"))
	p.line("VROUNDPS $8, Y1, Y1")
	p.line("VFNMADD231PS %s, Y1, Y0", operand("ln2High"))
	p.line("VFNMADD231PS %s, Y1, Y0", operand("ln2Low"))
	p.line("VCVTPS2DQ Y1, Y1")
	p.line("VPADDD %s, Y1, Y1", operand("bias"))
	p.line("VPSLLD $23, Y1, Y1") // two to that power
	p.line("VMOVUPS %s, Y2", operand("e0"))
	for i := 1; i <= 5; i++ {
		p.line("VFMADD213PS %s, Y0, Y2", operand(fmt.Sprintf("e%d", i)))
	}
	p.line("VMULPS Y0, Y2, Y2")
	p.line("VFMADD213PS Y0, Y0, Y2")
	p.line("VADDPS %s, Y2, Y2", operand("one"))
	p.line("VMULPS Y1, Y2, Y0")
}

// expSum replaces x by exp(x - less), zero where that is below the least
// normal number, and returns the sum.
func expSum(p *printer) {
	p.text("avx2ExpSum", 28)
	p.line("MOVQ x+0(FP), SI")
	p.line("MOVQ n+8(FP), CX")
	p.line("VBROADCASTSS less+16(FP), Y5")
	p.line("VXORPS Y4, Y4, Y4")
	p.label("loop")
	p.line("VMOVUPS (SI), Y0")
	p.line("VSUBPS Y5, Y0, Y0")
	p.line("VCMPPS $5, %s, Y0, Y3", operand("least"))
	exp(p)
	p.line("VANDPS Y3, Y0, Y0")
	p.line("VADDPS Y0, Y4, Y4")
	p.line("VMOVUPS Y0, (SI)")
	p.line("ADDQ $32, SI")
	p.line("SUBQ $8, CX")
	p.line("JNZ loop")
	sum(p, 4, 0)
	p.line("VMOVSS X4, ret+24(FP)")
	p.line("VZEROUPPER")
	p.line("RET")
}

func silu(p *printer) {
	p.text("avx2SwiGLU", 24)
	p.line("MOVQ gate+0(FP), DI")
	p.line("MOVQ up+8(FP), SI")
	p.line("MOVQ n+16(FP), CX")
	p.label("loop")
	p.line("VMOVUPS (DI), Y3")
	p.line("VXORPS %s, Y3, Y0", operand("sign"))
	exp(p)
	p.line("VADDPS %s, Y0, Y0", operand("one"))
	p.line("VDIVPS Y0, Y3, Y0")
	p.line("VMULPS (SI), Y0, Y0")
	p.line("VMOVUPS Y0, (DI)")
	p.line("ADDQ $32, DI")
	p.line("ADDQ $32, SI")
	p.line("SUBQ $8, CX")
	p.line("JNZ loop")
	p.line("VZEROUPPER")
	p.line("RET")
}

func largest(p *printer) {
	p.text("avx2Largest", 20)
	p.line("MOVQ x+0(FP), SI")
	p.line("MOVQ n+8(FP), CX")
	p.line("VMOVUPS (SI), Y0")
	p.label("loop")
	p.line("VMAXPS (SI), Y0, Y0")
	p.line("ADDQ $32, SI")
	p.line("SUBQ $8, CX")
	p.line("JNZ loop")
	p.line("VEXTRACTF128 $1, Y0, X1")
	p.line("VMAXPS X1, X0, X0")
	p.line("VMOVHLPS X0, X0, X1")
	p.line("VMAXPS X1, X0, X0")
	p.line("VMOVSHDUP X0, X1")
	p.line("VMAXSS X1, X0, X0")
	p.line("VMOVSS X0, ret+16(FP)")
	p.line("VZEROUPPER")
	p.line("RET")
}

// simple writes the dot product, the scaled sum and the scaled product.
func simple(p *printer) {
	p.text("avx2Dot", 28)
	p.line("MOVQ a+0(FP), SI")
	p.line("MOVQ b+8(FP), DI")
	p.line("MOVQ n+16(FP), CX")
	for i := range 4 {
		p.line("VXORPS Y%d, Y%d, Y%d", i, i, i)
	}
	p.label("four")
	p.line("CMPQ CX, $32")
	p.line("JLT one")
	for i := range 4 {
		p.line("VMOVUPS %d(SI), Y4", 32*i)
		p.line("VFMADD231PS %d(DI), Y4, Y%d", 32*i, i)
	}
	p.line("ADDQ $128, SI")
	p.line("ADDQ $128, DI")
	p.line("SUBQ $32, CX")
	p.line("JMP four")
	p.label("one")
	p.line("TESTQ CX, CX")
	p.line("JZ done")
	p.line("VMOVUPS (SI), Y4")
	p.line("VFMADD231PS (DI), Y4, Y0")
	p.line("ADDQ $32, SI")
	p.line("ADDQ $32, DI")
	p.line("SUBQ $8, CX")
	p.line("JMP one")
	p.label("done")
	p.line("VADDPS Y1, Y0, Y0")
	p.line("VADDPS Y3, Y2, Y2")
	p.line("VADDPS Y2, Y0, Y0")
	sum(p, 0, 1)
	p.line("VMOVSS X0, ret+24(FP)")
	p.line("VZEROUPPER")
	p.line("RET")

	p.text("avx2AddScaled", 28)
	p.line("MOVQ out+0(FP), DI")
	p.line("MOVQ x+8(FP), SI")
	p.line("MOVQ n+16(FP), CX")
	p.line("VBROADCASTSS scale+24(FP), Y2")
	p.label("loop")
	p.line("VMOVUPS (DI), Y0")
	p.line("VFMADD231PS (SI), Y2, Y0")
	p.line("VMOVUPS Y0, (DI)")
	p.line("ADDQ $32, DI")
	p.line("ADDQ $32, SI")
	p.line("SUBQ $8, CX")
	p.line("JNZ loop")
	p.line("VZEROUPPER")
	p.line("RET")

	p.text("avx2Scale", 36)
	p.line("MOVQ out+0(FP), DI")
	p.line("MOVQ x+8(FP), SI")
	p.line("MOVQ weight+16(FP), BX")
	p.line("MOVQ n+24(FP), CX")
	p.line("VBROADCASTSS scale+32(FP), Y2")
	p.label("loop")
	p.line("VMULPS (SI), Y2, Y0")
	p.line("VMULPS (BX), Y0, Y0")
	p.line("VMOVUPS Y0, (DI)")
	p.line("ADDQ $32, DI")
	p.line("ADDQ $32, SI")
	p.line("ADDQ $32, BX")
	p.line("SUBQ $8, CX")
	p.line("JNZ loop")
	p.line("VZEROUPPER")
	p.line("RET")
}

func rotate(p *printer) {
	p.text("avx2Rotate", 40)
	p.line("MOVQ low+0(FP), DI")
	p.line("MOVQ high+8(FP), SI")
	p.line("MOVQ cos+16(FP), BX")
	p.line("MOVQ sin+24(FP), DX")
	p.line("MOVQ n+32(FP), CX")
	p.label("loop")
	p.line("VMOVUPS (DI), Y0")
	p.line("VMOVUPS (SI), Y1")
	p.line("VMOVUPS (BX), Y2")
	p.line("VMOVUPS (DX), Y3")
	p.line("VMULPS Y3, Y1, Y4")
	p.line("VMULPS Y2, Y1, Y5")
	p.line("VFMSUB231PS Y2, Y0, Y4") // low*cos - high*sin
	p.line("VFMADD231PS Y3, Y0, Y5") // low*sin + high*cos
	p.line("VMOVUPS Y4, (DI)")
	p.line("VMOVUPS Y5, (SI)")
	for _, r := range []string{"DI", "SI", "BX", "DX"} {
		p.line("ADDQ $32, %s", r)
	}
	p.line("SUBQ $8, CX")
	p.line("JNZ loop")
	p.line("VZEROUPPER")
	p.line("RET")
}
