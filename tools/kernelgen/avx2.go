package main

// avx2 multiplies eight rows at a time, and goes over the block of 16 rows
// twice; the second time it comes from the cache. VPMADDUBSW takes unsigned
// weights and signed activations and sums pairs in 16 bits, which hold them:
// 255*127*2 would not fit, so signed weights of eight bits lend their sign to
// the activation, and 128*127*2 does.
//
// Registers: Y0-3 integer sums and Y4-7 float sums of the tokens; Y8 weights,
// Y9 their magnitude or scratch, Y10 scales, Y11 minima, Y12 half-bytes' mask,
// Y13 ones, Y14 and Y15 scratch. SI walks over the weights, BX over the scales.
type avx2 struct{}

func (avx2) name() string { return "avx2" }
func (avx2) group() int   { return 4 }

// broadcast sets a register to copies of a constant.
func broadcast(p *printer, value uint32, y int) {
	p.line("MOVL $0x%08x, AX", value)
	p.line("VMOVD AX, X%d", y)
	p.line("VPBROADCASTD X%d, Y%d", y, y)
}

// kernel writes the function for one format and t tokens:
//
//	func(out *float32, stride uintptr, w, x *byte, n, groups int)
func (s avx2) kernel(p *printer, l layout, t int) {
	p.text(kernelName(s, l.name, t), 48)
	p.line("MOVQ out+0(FP), R11")
	p.line("MOVQ w+16(FP), R12")
	p.line("MOVQ groups+40(FP), R13")
	broadcast(p, 0x0f0f0f0f, 12)
	broadcast(p, 0x00010001, 13)
	p.label("group")
	p.line("XORQ DX, DX")
	p.label("rows")
	p.line("MOVQ R12, BX")
	p.line("LEAQ (BX)(DX*1), SI")
	p.line("MOVQ DX, R10")
	p.line("SHRQ $1, R10")
	p.line("ADDQ R10, BX")
	p.line("MOVQ x+24(FP), DI")
	p.line("MOVQ n+32(FP), CX")
	for i := range t {
		p.line("VXORPS Y%d, Y%d, Y%d", 4+i, 4+i, 4+i)
	}
	p.label("loop")
	s.block(p, l, t)
	p.line("DECQ CX")
	p.line("JNZ loop")
	p.line("MOVQ stride+8(FP), R9")
	p.line("LEAQ (R11)(DX*1), R8")
	for i := range t {
		p.line("VMOVUPS Y%d, (R8)", 4+i)
		if i < t-1 {
			p.line("ADDQ R9, R8")
		}
	}
	p.line("ADDQ $32, DX")
	p.line("CMPQ DX, $64")
	p.line("JNE rows")
	p.line("LEAQ -32(SI), R12")
	p.line("ADDQ $64, R11")
	p.line("DECQ R13")
	p.line("JNZ group")
	p.line("VZEROUPPER")
	p.line("RET")
}

func (s avx2) block(p *printer, l layout, t int) {
	for i, sub := range l.subs {
		fetch(p, l, i)
		s.start(p, l, sub, t)
		for _, w := range sub.words {
			s.weights(p, w)
			for i := range t {
				s.product(p, w.nibble, i, sub.x*xBytes(4)+xByte(4, i, w.activation))
			}
		}
		s.scales(p, l, sub)
		for i := range t {
			x := sub.x * xBytes(4)
			p.line("VCVTDQ2PS Y%d, Y%d", i, i)
			p.line("VBROADCASTSS %d(DI), Y14", x+xScale(4, i))
			p.line("VMULPS Y14, Y10, Y14")
			p.line("VFMADD231PS Y14, Y%d, Y%d", i, 4+i)
			if l.super {
				p.line("VBROADCASTSS %d(DI), Y14", x+xScaledSum(4, i))
				p.line("VFNMADD231PS Y14, Y11, Y%d", 4+i)
			}
		}
	}
	p.line("ADDQ $%d, SI", l.bytes)
	p.line("ADDQ $%d, BX", l.bytes)
	p.line("ADDQ $%d, DI", xBytes(4)*l.columns/32)
}

// product adds four columns' products of token i.
func (avx2) product(p *printer, unsigned bool, i, at int) {
	p.line("VPBROADCASTD %d(DI), Y14", at)
	if unsigned {
		p.line("VPMADDUBSW Y14, Y8, Y14")
	} else {
		p.line("VPSIGNB Y8, Y14, Y14")
		p.line("VPMADDUBSW Y14, Y9, Y14")
	}
	p.line("VPMADDWD Y13, Y14, Y14")
	p.line("VPADDD Y14, Y%d, Y%d", i, i)
}

// start sets the integer sums to what makes up for the offset of the weights.
func (avx2) start(p *printer, l layout, s sub, t int) {
	for i := range t {
		x := s.x * xBytes(4)
		switch {
		case l.super || l.name == "Q80":
			p.line("VPXOR Y%d, Y%d, Y%d", i, i, i)
			continue
		case s.half == first:
			p.line("VPBROADCASTD %d(DI), Y%d", x+xStartFirst(4, i), i)
		default:
			p.line("VPBROADCASTD %d(DI), Y%d", x+xStart(4, i), i)
		}
		if s.half == second {
			p.line("VPBROADCASTD %d(DI), Y14", x+xStartFirst(4, i))
			p.line("VPSUBD Y14, Y%d, Y%d", i, i)
		}
		shift := 4 // offset 8
		if l.name == "Q6K" {
			shift = 2 // offset 32
		}
		p.line("VPSRAD $%d, Y%d, Y%d", shift, i, i)
	}
}

// weights leaves four columns of 8 rows in Y8, and their magnitude in Y9 if
// they are signed.
func (avx2) weights(p *printer, w word) {
	p.line("VMOVDQU %d(SI), Y8", w.low)
	if !w.nibble {
		p.line("VPABSB Y8, Y9")
		return
	}
	if w.shift > 0 {
		p.line("VPSRLD $%d, Y8, Y8", w.shift)
	}
	p.line("VPAND Y12, Y8, Y8")
	if w.highMask == 0 {
		return
	}
	p.line("VMOVDQU %d(SI), Y9", w.high)
	switch {
	case w.up < 0:
		p.line("VPSLLD $%d, Y9, Y9", -w.up)
	case w.up > 0:
		p.line("VPSRLD $%d, Y9, Y9", w.up)
	}
	broadcast(p, w.highMask, 14)
	p.line("VPAND Y14, Y9, Y9")
	p.line("VPOR Y9, Y8, Y8")
}

// scales leaves the run's scales in Y10, its minima in Y11.
func (avx2) scales(p *printer, l layout, s sub) {
	at := s.scale % 4 * 8
	switch {
	case l.super:
		for i := range 2 {
			y := 10 + i
			if s.scale < 4 {
				p.line("VMOVDQU %d(SI), Y9", 64+64*i)
				p.line("VPSLLD $%d, Y9, Y9", 26-at) // the lower 6 bits of the byte
				p.line("VPSRLD $26, Y9, Y%d", y)
			} else {
				p.line("VMOVDQU 192(SI), Y9")
				p.line("VPSLLD $%d, Y9, Y9", 28-at-4*i) // half of the byte
				p.line("VPSRLD $28, Y9, Y%d", y)
				p.line("VMOVDQU %d(SI), Y9", 64+64*i)
				p.line("VPSLLD $%d, Y9, Y9", 24-at) // the upper 2 bits
				p.line("VPSRLD $30, Y9, Y9")
				p.line("VPSLLD $4, Y9, Y9")
				p.line("VPOR Y9, Y%d, Y%d", y, y)
			}
			p.line("VCVTDQ2PS Y%d, Y%d", y, y)
			p.line("VCVTPH2PS %d(BX), Y9", 32*i)
			p.line("VMULPS Y9, Y%d, Y%d", y, y)
		}
	case l.name == "Q6K":
		p.line("VMOVDQU %d(SI), Y10", 32+64*(s.scale/4))
		p.line("VPSLLD $%d, Y10, Y10", 24-at)
		p.line("VPSRAD $24, Y10, Y10")
		p.line("VCVTDQ2PS Y10, Y10")
		p.line("VCVTPH2PS (BX), Y9")
		p.line("VMULPS Y9, Y10, Y10")
	default:
		p.line("VCVTPH2PS (BX), Y10")
	}
}

// float writes the function for float weights; see avx512. Y0-7 are the sums,
// two for each token.
func (s avx2) float(p *printer, name string, t int) {
	p.text(kernelName(s, name, t), 48)
	floatArguments(p)
	for i := range 2 * t {
		p.line("VXORPS Y%d, Y%d, Y%d", i, i, i)
	}
	p.label("loop")
	size := 64
	for h := range 2 {
		switch name {
		case "F32":
			p.line("VMOVUPS %d(SI), Y%d", 32*h, 8+h)
		case "F16":
			p.line("VCVTPH2PS %d(SI), Y%d", 16*h, 8+h)
			size = 32
		case "BF16":
			p.line("VPMOVZXWD %d(SI), Y%d", 16*h, 8+h)
			p.line("VPSLLD $16, Y%d, Y%d", 8+h, 8+h)
			size = 32
		}
	}
	p.line("PREFETCHT0 %d(SI)", prefetch)
	for i := range t {
		p.line("VBROADCASTSS %s, Y10", floatAddress(i))
		p.line("VFMADD231PS Y8, Y10, Y%d", 2*i)
		p.line("VFMADD231PS Y9, Y10, Y%d", 2*i+1)
	}
	floatNext(p, size, 1, t)
	for i := range t {
		p.line("VMOVUPS Y%d, (R8)", 2*i)
		p.line("VMOVUPS Y%d, 32(R8)", 2*i+1)
		if i < t-1 {
			p.line("ADDQ R9, R8")
		}
	}
	p.line("VZEROUPPER")
	p.line("RET")
}
