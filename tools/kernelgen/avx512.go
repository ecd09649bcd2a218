package main

// avx512 multiplies by VPDPBUSD: unsigned weights, signed activations. Where
// weights are signed, the accumulator starts with what their offset adds.
//
// Registers: Z0-7 integer sums and Z8-15 float sums of the tokens; Z16 weights,
// Z17 and Z29 scratch, Z18 scales, Z19 minima, Z20 and Z21 scales of scales and
// of minima, Z22-25 their small scales and minima, Z26-28 masks.
type avx512 struct{}

func (avx512) name() string { return "avx512" }
func (avx512) group() int   { return 8 }

func (avx512) constants(p *printer, l layout) {
	masks := []uint32{0x0f0f0f0f, 0x3f3f3f3f, 0x30303030}
	if l.name == "Q5K" {
		p.line("MOVL $0x10101010, AX")
		p.line("VPBROADCASTD AX, Z30")
	}
	for i, m := range masks {
		p.line("MOVL $0x%08x, AX", m)
		p.line("VPBROADCASTD AX, Z%d", 26+i)
	}
}

// block multiplies one block of weights at SI with t tokens at DI.
func (s avx512) block(p *printer, l layout, t int) {
	p.line("VCVTPH2PS (SI), Z20")
	if l.super {
		s.smallScales(p)
	}
	for i, sub := range l.subs {
		fetch(p, l, i)
		s.scales(p, l, sub)
		s.start(p, l, sub, t)
		for _, w := range sub.words {
			s.weights(p, l, w)
			for i := range t {
				p.line("VPDPBUSD.BCST %d(DI), Z16, Z%d", sub.x*xBytes(8)+xByte(8, i, w.activation), i)
			}
		}
		scale := "Z18"
		if !l.super && l.name != "Q6K" {
			scale = "Z20"
		}
		for i := range t {
			x := sub.x * xBytes(8)
			p.line("VCVTDQ2PS Z%d, Z%d", i, i)
			p.line("VMULPS.BCST %d(DI), %s, Z17", x+xScale(8, i), scale)
			p.line("VFMADD231PS Z17, Z%d, Z%d", i, 8+i)
			if l.super {
				p.line("VFNMADD231PS.BCST %d(DI), Z19, Z%d", x+xScaledSum(8, i), 8+i)
			}
		}
	}
	p.line("ADDQ $%d, SI", l.bytes)
	p.line("ADDQ $%d, DI", xBytes(8)*l.columns/32)
}

// smallScales unpacks 8 scales and minima of 6 bits, four to a register.
func (avx512) smallScales(p *printer) {
	p.line("VCVTPH2PS 32(SI), Z21")
	p.line("VMOVDQU32 64(SI), Z17")
	p.line("VMOVDQU32 192(SI), Z29")
	p.line("VPANDD Z27, Z17, Z22")
	p.line("VPSRLD $2, Z17, Z17")
	p.line("VPANDD Z28, Z17, Z17")
	p.line("VPANDD Z26, Z29, Z24")
	p.line("VPORD Z17, Z24, Z24")
	p.line("VMOVDQU32 128(SI), Z17")
	p.line("VPANDD Z27, Z17, Z23")
	p.line("VPSRLD $2, Z17, Z17")
	p.line("VPANDD Z28, Z17, Z17")
	p.line("VPSRLD $4, Z29, Z29")
	p.line("VPANDD Z26, Z29, Z25")
	p.line("VPORD Z17, Z25, Z25")
}

// scales leaves the run's scales in Z18, its minima in Z19.
func (avx512) scales(p *printer, l layout, s sub) {
	at := 24 - s.scale%4*8
	if l.super {
		from := 22 + s.scale/4*2
		for i := range 2 {
			p.line("VPSLLD $%d, Z%d, Z%d", at, from+i, 18+i)
			p.line("VPSRLD $24, Z%d, Z%d", 18+i, 18+i)
			p.line("VCVTDQ2PS Z%d, Z%d", 18+i, 18+i)
			p.line("VMULPS Z%d, Z%d, Z%d", 20+i, 18+i, 18+i)
		}
	}
	if l.name == "Q6K" {
		p.line("VPSLLD $%d, %d(SI), Z18", at, 32+64*(s.scale/4))
		p.line("VPSRAD $24, Z18, Z18")
		p.line("VCVTDQ2PS Z18, Z18")
		p.line("VMULPS Z20, Z18, Z18")
	}
}

// start sets the integer sums to what makes up for the offset of the weights.
func (avx512) start(p *printer, l layout, s sub, t int) {
	for i := range t {
		x := s.x * xBytes(8)
		switch {
		case l.super:
			p.line("VPXORD Z%d, Z%d, Z%d", i, i, i)
			continue
		case s.half == first:
			p.line("VPBROADCASTD %d(DI), Z%d", x+xStartFirst(8, i), i)
		default:
			p.line("VPBROADCASTD %d(DI), Z%d", x+xStart(8, i), i)
		}
		if s.half == second {
			p.line("VPSUBD.BCST %d(DI), Z%d, Z%d", x+xStartFirst(8, i), i, i)
		}
		switch l.name {
		case "Q40":
			p.line("VPSRAD $4, Z%d, Z%d", i, i) // offset 8
		case "Q6K":
			p.line("VPSRAD $2, Z%d, Z%d", i, i) // offset 32
		}
	}
}

// weights leaves four columns of 16 rows in Z16, as unsigned bytes.
func (avx512) weights(p *printer, l layout, w word) {
	if !w.nibble {
		p.line("VMOVDQU32 %d(SI), Z16", w.low)
		return
	}
	if w.shift == 0 {
		p.line("VPANDD %d(SI), Z26, Z16", w.low)
	} else {
		p.line("VPSRLD $%d, %d(SI), Z16", w.shift, w.low)
		p.line("VPANDD Z26, Z16, Z16")
	}
	if w.highMask == 0 {
		return
	}
	mask := 28
	if w.highMask == 0x10101010 {
		mask = 30
	}
	switch {
	case w.up < 0:
		p.line("VPSLLD $%d, %d(SI), Z17", -w.up, w.high)
	case w.up > 0:
		p.line("VPSRLD $%d, %d(SI), Z17", w.up, w.high)
	default:
		p.line("VMOVDQU32 %d(SI), Z17", w.high)
	}
	p.line("VPTERNLOGD $0xf8, Z%d, Z17, Z16", mask) // Z16 | Z17 & mask
}

// kernel writes the function for one format and t tokens:
//
//	func(out *float32, stride uintptr, w, x *byte, n, groups int)
func (s avx512) kernel(p *printer, l layout, t int) {
	p.text(kernelName(s, l.name, t), 48)
	p.line("MOVQ out+0(FP), R8")
	p.line("MOVQ stride+8(FP), R9")
	p.line("MOVQ w+16(FP), SI")
	p.line("MOVQ groups+40(FP), DX")
	s.constants(p, l)
	p.label("group")
	p.line("MOVQ x+24(FP), DI")
	p.line("MOVQ n+32(FP), CX")
	for i := range t {
		p.line("VPXORD Z%d, Z%d, Z%d", 8+i, 8+i, 8+i)
	}
	p.label("loop")
	s.block(p, l, t)
	p.line("DECQ CX")
	p.line("JNZ loop")
	p.line("MOVQ R8, R10")
	for i := range t {
		p.line("VMOVUPS Z%d, (R10)", 8+i)
		if i < t-1 {
			p.line("ADDQ R9, R10")
		}
	}
	p.line("ADDQ $64, R8")
	p.line("DECQ DX")
	p.line("JNZ group")
	p.line("VZEROUPPER")
	p.line("RET")
}

// float writes the function for float weights, which meet activations as they
// are: columns of 16 rows, one after the other. Even and odd columns have sums
// of their own, since one would wait for each addition.
//
//	func(out *float32, stride uintptr, w *byte, x *float32, xStride uintptr, n int)
func (s avx512) float(p *printer, name string, t int) {
	p.text(kernelName(s, name, t), 48)
	floatArguments(p)
	for i := range 2 * t {
		p.line("VPXORD Z%d, Z%d, Z%d", i, i, i)
	}
	p.label("loop")
	size := 64
	if name != "F32" {
		size = 32
	}
	p.line("PREFETCHT0 %d(SI)", prefetch)
	for h := range 2 {
		switch name {
		case "F32":
			p.line("VMOVUPS %d(SI), Z%d", size*h, 16+h)
			p.line("PREFETCHT0 %d(SI)", prefetch+64*h)
		case "F16":
			p.line("VCVTPH2PS %d(SI), Z%d", size*h, 16+h)
		case "BF16":
			p.line("VPMOVZXWD %d(SI), Z%d", size*h, 16+h)
			p.line("VPSLLD $16, Z%d, Z%d", 16+h, 16+h)
		}
		for i := range t {
			p.line("VFMADD231PS.BCST %d%s, Z%d, Z%d", 4*h, floatAddress(i), 16+h, 2*i+h)
		}
	}
	floatNext(p, 2*size, 2, t)
	for i := range t {
		p.line("VADDPS Z%d, Z%d, Z%d", 2*i+1, 2*i, 2*i)
		p.line("VMOVUPS Z%d, (R8)", 2*i)
		if i < t-1 {
			p.line("ADDQ R9, R8")
		}
	}
	p.line("VZEROUPPER")
	p.line("RET")
}
