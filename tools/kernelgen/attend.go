package main

import "fmt"

// attention writes, for each instruction set and number of queries, the sum of
// a page's values weighted by what each query gives to them. What queries and
// keys come to is a product with float weights, written by multiply.
//
//	func(out *float32, outStride uintptr, x *float32, xStride uintptr, v *float32, size, n int)
//
// out is read and written: rows of size values. x holds a row of n weights for
// each query, v n rows of size values.
func attention() []byte {
	p := assembly()
	for t := 1; t <= 8; t++ {
		values(p, "avx512", t, 'Z', 64)
	}
	for t := 1; t <= 4; t++ {
		values(p, "avx2", t, 'Y', 32)
	}
	return p.Bytes()
}

func values(p *printer, set string, t int, register rune, bytes int) {
	p.text(fmt.Sprintf("%sValues%d", set, t), 56)
	p.line("MOVQ x+16(FP), DI")
	p.line("MOVQ xStride+24(FP), R12")
	p.line("LEAQ (R12)(R12*2), R13")
	p.line("LEAQ (DI)(R12*4), R11")
	p.line("MOVQ outStride+8(FP), R9")
	p.line("MOVQ size+40(FP), R10")
	p.line("SHLQ $2, R10") // bytes of a row
	p.line("XORQ DX, DX")
	column(p, "two", "one", t, register, 2, bytes)
	column(p, "one", "done", t, 'Y', 1, 32)
	p.label("done")
	p.line("VZEROUPPER")
	p.line("RET")
}

// column loops over columns of so many registers while there are that many
// left; DX is the offset of the first.
func column(p *printer, label, after string, t int, register rune, registers, bytes int) {
	p.label(label)
	p.line("LEAQ %d(DX), AX", registers*bytes)
	p.line("CMPQ AX, R10")
	p.line("JGT %s", after)
	p.line("MOVQ out+0(FP), R8")
	p.line("ADDQ DX, R8")
	for i := range t {
		for k := range registers {
			p.line("VMOVUPS %d(R8), %c%d", bytes*k, register, 2*i+k)
		}
		if i < t-1 {
			p.line("ADDQ R9, R8")
		}
	}
	v, b := 8, 10
	if t > 4 { // the lower registers are taken, and these are there
		v, b = 16, 18
	}
	p.line("MOVQ v+32(FP), SI")
	p.line("ADDQ DX, SI")
	p.line("MOVQ DI, AX")
	p.line("MOVQ R11, BX")
	p.line("MOVQ n+48(FP), CX")
	p.label(label + "Loop")
	for k := range registers {
		p.line("VMOVUPS %d(SI), %c%d", bytes*k, register, v+k)
	}
	for i := range t {
		base := "AX"
		if i >= 4 {
			base = "BX"
		}
		at := []string{"(" + base + ")", "(" + base + ")(R12*1)", "(" + base + ")(R12*2)", "(" + base + ")(R13*1)"}[i%4]
		p.line("VBROADCASTSS %s, %c%d", at, register, b)
		for k := range registers {
			p.line("VFMADD231PS %c%d, %c%d, %c%d", register, v+k, register, b, register, 2*i+k)
		}
	}
	p.line("ADDQ R10, SI")
	p.line("ADDQ $4, AX")
	p.line("ADDQ $4, BX")
	p.line("DECQ CX")
	p.line("JNZ %sLoop", label)
	for i := t - 1; i >= 0; i-- {
		for k := range registers {
			p.line("VMOVUPS %c%d, %d(R8)", register, 2*i+k, bytes*k)
		}
		if i > 0 {
			p.line("SUBQ R9, R8")
		}
	}
	p.line("ADDQ $%d, DX", registers*bytes)
	p.line("JMP %s", label)
}

func attentionDeclarations(p *printer) {
	for _, s := range []set{avx512{}, avx2{}} {
		for t := 1; t <= s.group(); t++ {
			fmt.Fprintf(p, "\n//go:noescape\nfunc %sValues%d(out *float32, outStride uintptr, x *float32, xStride uintptr, v *float32, size, n int)\n", s.name(), t)
		}
		fmt.Fprintf(p, "\n// %sValues adds n values, weighted, to t rows, 1 to %d.\n", s.name(), s.group())
		fmt.Fprintf(p, "func %sValues(t int, out *float32, outStride uintptr, x *float32, xStride uintptr, v *float32, size, n int) {\n\tswitch t {\n", s.name())
		for t := 1; t <= s.group(); t++ {
			fmt.Fprintf(p, "\tcase %d:\n\t\t%sValues%d(out, outStride, x, xStride, v, size, n)\n", t, s.name(), t)
		}
		p.WriteString("\t}\n}\n")
	}
}
