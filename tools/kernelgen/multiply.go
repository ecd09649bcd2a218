package main

import "fmt"

// prefetch is how many bytes ahead of the weights in use the next are fetched:
// far enough for memory, near enough to stay in the first cache.
const prefetch = 6144

// fetch fetches the part of a coming block that falls to run i of this one: a
// whole block at once would fill the queue of fetches.
func fetch(p *printer, l layout, i int) {
	lines := (l.bytes + 63) / 64
	for k := lines * i / len(l.subs); k < lines*(i+1)/len(l.subs); k++ {
		p.line("PREFETCHT0 %d(SI)", 64*k+prefetch)
	}
}

// set is an instruction set that weights are multiplied with.
type set interface {
	name() string
	// group is the largest number of tokens that a function takes.
	group() int
	kernel(p *printer, l layout, t int)
	float(p *printer, name string, t int)
}

// floatFormats are the formats without blocks.
func floatFormats() []string { return []string{"F32", "F16", "BF16"} }

func kernelName(s set, format string, t int) string {
	return fmt.Sprintf("%s%sx%d", s.name(), format, t)
}

// multiply writes all products of an instruction set.
func multiply(s set) []byte {
	p := assembly()
	for t := 1; t <= s.group(); t++ {
		for _, l := range layouts() {
			s.kernel(p, l, t)
		}
		for _, name := range floatFormats() {
			s.float(p, name, t)
		}
	}
	return p.Bytes()
}

// floatArguments loads the arguments of a float function: SI weights; DI and
// R11 the activations of the first and the fifth token, R12 their stride, R13
// three times that.
func floatArguments(p *printer) {
	p.line("MOVQ out+0(FP), R8")
	p.line("MOVQ stride+8(FP), R9")
	p.line("MOVQ w+16(FP), SI")
	p.line("MOVQ x+24(FP), DI")
	p.line("MOVQ xStride+32(FP), R12")
	p.line("MOVQ n+40(FP), CX")
	p.line("LEAQ (R12)(R12*2), R13")
	p.line("LEAQ (DI)(R12*4), R11")
}

// floatAddress is where token i's activation is.
func floatAddress(i int) string {
	base := "DI"
	if i >= 4 {
		base = "R11"
	}
	return []string{"(" + base + ")", "(" + base + ")(R12*1)", "(" + base + ")(R12*2)", "(" + base + ")(R13*1)"}[i%4]
}

// floatNext goes on by so many columns, which are an even number, and so many
// bytes of weights.
func floatNext(p *printer, size, columns, t int) {
	p.line("ADDQ $%d, SI", size)
	p.line("ADDQ $%d, DI", 4*columns)
	if t > 4 {
		p.line("ADDQ $%d, R11", 4*columns)
	}
	p.line("SUBQ $%d, CX", columns)
	p.line("JNZ loop")
}

// declarations writes the Go side of all functions, and one that chooses.
func declarations(sets ...set) []byte {
	p := &printer{}
	p.WriteString(header + "package kernel\n")
	for _, s := range sets {
		for _, l := range layouts() {
			for t := 1; t <= s.group(); t++ {
				fmt.Fprintf(p, "\n//go:noescape\nfunc %s(out *float32, stride uintptr, w, x *byte, n, groups int)\n", kernelName(s, l.name, t))
			}
		}
		for _, f := range floatFormats() {
			for t := 1; t <= s.group(); t++ {
				fmt.Fprintf(p, "\n//go:noescape\nfunc %s(out *float32, stride uintptr, w *byte, x *float32, xStride uintptr, n int)\n", kernelName(s, f, t))
			}
		}
		choose(p, s)
	}
	if sets[0].name() != "neon" {
		vectorDeclarations(p)
		attentionDeclarations(p)
	}
	return p.Bytes()
}

// choose writes the functions that choose by format and number of tokens.
func choose(p *printer, s set) {
	fmt.Fprintf(p, "\n// %sMul multiplies groups of 16 rows of n blocks with t tokens, 1 to %d.\n", s.name(), s.group())
	fmt.Fprintf(p, "func %sMul(f layout, t int, out *float32, stride uintptr, w, x *byte, n, groups int) {\n\tswitch int(f)*8 + t - 1 {\n", s.name())
	for i, l := range layouts() {
		for t := 1; t <= s.group(); t++ {
			fmt.Fprintf(p, "\tcase %d:\n\t\t%s(out, stride, w, x, n, groups)\n", i*8+t-1, kernelName(s, l.name, t))
		}
	}
	p.WriteString("\t}\n}\n")
	fmt.Fprintf(p, "\n// %sMulFloat multiplies n columns of 16 rows with t tokens, 1 to %d.\n", s.name(), s.group())
	fmt.Fprintf(p, "func %sMulFloat(f layout, t int, out *float32, stride uintptr, w *byte, x *float32, xStride uintptr, n int) {\n\tswitch int(f-layoutF32)*8 + t - 1 {\n", s.name())
	for i, f := range floatFormats() {
		for t := 1; t <= s.group(); t++ {
			fmt.Fprintf(p, "\tcase %d:\n\t\t%s(out, stride, w, x, xStride, n)\n", i*8+t-1, kernelName(s, f, t))
		}
	}
	p.WriteString("\t}\n}\n")
}
