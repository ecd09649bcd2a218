package main

import "fmt"

// neon multiplies by SDOT, of ARMv8.2's dot product extension: signed weights
// and activations, four products to a sum. Eight rows at a time, in two
// registers, so the block of 16 rows is gone over twice.
//
// Go's assembler lacks most of the instructions, so they are written as words.
//
// Registers: V0-7 integer sums and V8-15 float sums, two for each token; V16
// and V17 weights, V18 and V19 scales, V20 and V21 minima, V22 and V23 masks,
// V24-27 16 activations of each token, V28-31 scratch. R0 walks over the
// weights, R1 over the activations, R2 over the scales.
type neon struct{}

func (neon) name() string { return "neon" }
func (neon) group() int   { return 4 }

// instruction is an encoding of the Arm Architecture Reference Manual (DDI
// 0487, C7.2), with registers and offset zero.
type instruction uint32

const (
	sdotElement  instruction = 0x4f80e000 // SDOT Vd.4S, Vn.16B, Vm.4B[i]
	scvtf        instruction = 0x4e21d800 // SCVTF Vd.4S, Vn.4S
	fmul         instruction = 0x6e20dc00 // FMUL Vd.4S, Vn.4S, Vm.4S
	fmulElement  instruction = 0x4f809000 // FMUL Vd.4S, Vn.4S, Vm.S[i]
	fmla         instruction = 0x4e20cc00 // FMLA Vd.4S, Vn.4S, Vm.4S
	fmlaElement  instruction = 0x4f801000 // FMLA Vd.4S, Vn.4S, Vm.S[i]
	fmlsElement  instruction = 0x4f805000 // FMLS Vd.4S, Vn.4S, Vm.S[i]
	fcvtl        instruction = 0x0e217800 // FCVTL Vd.4S, Vn.4H
	fcvtl2       instruction = 0x4e217800 // FCVTL2 Vd.4S, Vn.8H
	shll16       instruction = 0x2e613800 // SHLL Vd.4S, Vn.4H, #16
	shll16High   instruction = 0x6e613800 // SHLL2 Vd.4S, Vn.8H, #16
	and          instruction = 0x4e201c00 // AND Vd.16B, Vn.16B, Vm.16B
	orr          instruction = 0x4ea01c00 // ORR Vd.16B, Vn.16B, Vm.16B
	eor          instruction = 0x6e201c00 // EOR Vd.16B, Vn.16B, Vm.16B
	subtract     instruction = 0x6ea08400 // SUB Vd.4S, Vn.4S, Vm.4S
	ushr         instruction = 0x6f000400 // USHR Vd.4S, Vn.4S, #shift
	sshr         instruction = 0x4f000400 // SSHR Vd.4S, Vn.4S, #shift
	shl          instruction = 0x4f005400 // SHL Vd.4S, Vn.4S, #shift
	moviByte     instruction = 0x4f00e400 // MOVI Vd.16B, #imm
	ld1r         instruction = 0x4d40c800 // LD1R {Vt.4S}, [Xn]
	loadQ        instruction = 0x3dc00000 // LDR Qt, [Xn, #offset]
	loadS        instruction = 0xbd400000 // LDR St, [Xn, #offset]
	storeQ       instruction = 0x3d800000 // STR Qt, [Xn, #offset]
	prefetchKeep instruction = 0xf9800000 // PRFM PLDL1KEEP, [Xn, #offset]
)

// three is an instruction on three registers; two leaves m out.
func (i instruction) three(d, n, m int) uint32 { return uint32(i) | uint32(m<<16|n<<5|d) }

// element is one whose third operand is value e, 0 to 3, of register m.
func (i instruction) element(d, n, m, e int) uint32 {
	return i.three(d, n, m) | uint32(e&1<<21|e>>1<<11)
}

// right is a shift to the right by 1 to 31 bits, left one by 0 to 31.
func (i instruction) right(d, n, bits int) uint32 { return i.three(d, n, 0) | uint32(64-bits)<<16 }
func (i instruction) left(d, n, bits int) uint32  { return i.three(d, n, 0) | uint32(32+bits)<<16 }

// memory is a load or store of so many bytes at an offset.
func (i instruction) memory(t, base, offset, size int) uint32 {
	if offset%size != 0 || offset/size > 4095 {
		panic(fmt.Sprintf("offset %d of %d bytes cannot be written", offset, size))
	}
	return uint32(i) | uint32(offset/size<<10|base<<5|t)
}

// immediate sets all bytes to a value.
func (i instruction) immediate(d int, value byte) uint32 {
	return uint32(i) | uint32(value>>5)<<16 | uint32(value&31)<<5 | uint32(d)
}

// word writes an encoded instruction.
func (p *printer) word(code uint32, format string, args ...any) {
	p.line("WORD $0x%08x // %s", code, fmt.Sprintf(format, args...))
}

func (neon) load(p *printer, v, base, offset int) {
	p.word(loadQ.memory(v, base, offset, 16), "LDR Q%d, [X%d, #%d]", v, base, offset)
}

// spread loads four bytes at an offset from R1 into all values of a register.
func (neon) spread(p *printer, v, offset int) {
	p.line("ADD $%d, R1, R10", offset)
	p.word(ld1r.three(v, 10, 0), "LD1R {V%d.4S}, [X10]", v)
}

// kernel: see avx2.kernel.
func (s neon) kernel(p *printer, l layout, t int) {
	p.text(kernelName(s, l.name, t), 48)
	p.line("MOVD out+0(FP), R8")
	p.line("MOVD w+16(FP), R7")
	p.line("MOVD groups+40(FP), R9")
	p.word(moviByte.immediate(22, 0x0f), "MOVI V22.16B, #0x0f")
	mask := byte(0x30)
	if l.name == "Q5K" {
		mask = 0x10
	}
	p.word(moviByte.immediate(23, mask), "MOVI V23.16B, #%#x", mask)
	p.label("group")
	p.line("MOVD $0, R3")
	p.label("rows")
	p.line("MOVD R7, R2")
	p.line("ADD R3, R2, R0")
	p.line("ADD R3>>1, R2, R2")
	p.line("MOVD x+24(FP), R1")
	p.line("MOVD n+32(FP), R4")
	for i := range 2 * t {
		p.word(eor.three(8+i, 8+i, 8+i), "EOR V%d.16B, V%d.16B, V%d.16B", 8+i, 8+i, 8+i)
	}
	p.label("loop")
	s.block(p, l, t)
	p.line("SUBS $1, R4, R4")
	p.line("BNE loop")
	p.line("MOVD stride+8(FP), R6")
	p.line("ADD R3, R8, R5")
	for i := range t {
		for h := range 2 {
			p.word(storeQ.memory(8+2*i+h, 5, 16*h, 16), "STR Q%d, [X5, #%d]", 8+2*i+h, 16*h)
		}
		p.line("ADD R6, R5, R5")
	}
	p.line("ADD $32, R3, R3")
	p.line("CMP $64, R3")
	p.line("BNE rows")
	p.line("SUB $32, R0, R7")
	p.line("ADD $64, R8, R8")
	p.line("SUBS $1, R9, R9")
	p.line("BNE group")
	p.line("RET")
}

func (s neon) block(p *printer, l layout, t int) {
	for i, sub := range l.subs {
		lines := (l.bytes + 63) / 64
		for k := lines * i / len(l.subs); k < lines*(i+1)/len(l.subs); k++ {
			p.word(prefetchKeep.memory(0, 0, 64*k+prefetch, 8), "PRFM PLDL1KEEP, [X0, #%d]", 64*k+prefetch)
		}
		s.start(p, l, sub, t)
		for k, w := range sub.words {
			if k == 0 || w.activation%16 == 0 {
				for i := range t {
					s.load(p, 24+i, 1, sub.x*xBytes(4)+xByte(4, i, w.activation&^15))
				}
			}
			for h := range 2 {
				s.weights(p, w, h)
			}
			for i := range t {
				for h := range 2 {
					e := w.activation % 16 / 4
					p.word(sdotElement.element(2*i+h, 16+h, 24+i, e), "SDOT V%d.4S, V%d.16B, V%d.4B[%d]", 2*i+h, 16+h, 24+i, e)
				}
			}
		}
		for h := range 2 {
			s.scales(p, l, sub, h)
		}
		s.load(p, 30, 1, sub.x*xBytes(4)+xScale(4, 0))
		s.load(p, 31, 1, sub.x*xBytes(4)+xScaledSum(4, 0))
		for i := range t {
			for h := range 2 {
				sum, total := 2*i+h, 8+2*i+h
				p.word(scvtf.three(sum, sum, 0), "SCVTF V%d.4S, V%d.4S", sum, sum)
				p.word(fmulElement.element(29, 18+h, 30, i), "FMUL V29.4S, V%d.4S, V30.S[%d]", 18+h, i)
				p.word(fmla.three(total, 29, sum), "FMLA V%d.4S, V29.4S, V%d.4S", total, sum)
				if l.super {
					p.word(fmlsElement.element(total, 20+h, 31, i), "FMLS V%d.4S, V%d.4S, V31.S[%d]", total, 20+h, i)
				}
			}
		}
	}
	p.line("ADD $%d, R0, R0", l.bytes)
	p.line("ADD $%d, R2, R2", l.bytes)
	p.line("ADD $%d, R1, R1", xBytes(4)*l.columns/32)
}

// start: see avx2.start.
func (s neon) start(p *printer, l layout, sub sub, t int) {
	for i := range t {
		x, v := sub.x*xBytes(4), 2*i
		switch {
		case l.super || l.name == "Q80":
			for h := range 2 {
				p.word(eor.three(v+h, v+h, v+h), "EOR V%d.16B, V%d.16B, V%d.16B", v+h, v+h, v+h)
			}
			continue
		case sub.half == first:
			s.spread(p, v, x+xStartFirst(4, i))
		default:
			s.spread(p, v, x+xStart(4, i))
		}
		if sub.half == second {
			s.spread(p, 28, x+xStartFirst(4, i))
			p.word(subtract.three(v, v, 28), "SUB V%d.4S, V%d.4S, V28.4S", v, v)
		}
		shift := 4 // offset 8
		if l.name == "Q6K" {
			shift = 2 // offset 32
		}
		p.word(sshr.right(v, v, shift), "SSHR V%d.4S, V%d.4S, #%d", v, v, shift)
		p.word(orr.three(v+1, v, v), "ORR V%d.16B, V%d.16B, V%d.16B", v+1, v, v)
	}
}

// weights leaves four columns of rows 4h to 4h+3 in V16+h.
func (s neon) weights(p *printer, w word, h int) {
	v := 16 + h
	s.load(p, v, 0, w.low+16*h)
	if !w.nibble {
		return
	}
	if w.shift > 0 {
		p.word(ushr.right(v, v, w.shift), "USHR V%d.4S, V%d.4S, #%d", v, v, w.shift)
	}
	p.word(and.three(v, v, 22), "AND V%d.16B, V%d.16B, V22.16B", v, v)
	if w.highMask == 0 {
		return
	}
	s.load(p, 28, 0, w.high+16*h)
	switch {
	case w.up < 0:
		p.word(shl.left(28, 28, -w.up), "SHL V28.4S, V28.4S, #%d", -w.up)
	case w.up > 0:
		p.word(ushr.right(28, 28, w.up), "USHR V28.4S, V28.4S, #%d", w.up)
	}
	p.word(and.three(28, 28, 23), "AND V28.16B, V28.16B, V23.16B")
	p.word(orr.three(v, v, 28), "ORR V%d.16B, V%d.16B, V28.16B", v, v)
}

// bits leaves so many bits from bit at of a word of the scales in register v.
func (s neon) bits(p *printer, v, offset, at, bits int) {
	s.load(p, v, 0, offset)
	if left := 32 - at - bits; left > 0 {
		p.word(shl.left(v, v, left), "SHL V%d.4S, V%d.4S, #%d", v, v, left)
	}
	p.word(ushr.right(v, v, 32-bits), "USHR V%d.4S, V%d.4S, #%d", v, v, 32-bits)
}

// halves leaves four half-precision numbers, of rows 4h on, in V29 as floats.
func (s neon) halves(p *printer, offset, h int) {
	s.load(p, 29, 2, offset)
	if h == 0 {
		p.word(fcvtl.three(29, 29, 0), "FCVTL V29.4S, V29.4H")
	} else {
		p.word(fcvtl2.three(29, 29, 0), "FCVTL2 V29.4S, V29.8H")
	}
}

// scales leaves the scales of rows 4h to 4h+3 in V18+h, minima in V20+h.
func (s neon) scales(p *printer, l layout, sub sub, h int) {
	at := sub.scale % 4 * 8
	switch {
	case l.super:
		for i := range 2 {
			v := 18 + 2*i + h
			if sub.scale < 4 {
				s.bits(p, v, 64+64*i+16*h, at, 6)
			} else {
				s.bits(p, v, 192+16*h, at+4*i, 4)
				s.bits(p, 28, 64+64*i+16*h, at+6, 2)
				p.word(shl.left(28, 28, 4), "SHL V28.4S, V28.4S, #4")
				p.word(orr.three(v, v, 28), "ORR V%d.16B, V%d.16B, V28.16B", v, v)
			}
			p.word(scvtf.three(v, v, 0), "SCVTF V%d.4S, V%d.4S", v, v)
			s.halves(p, 32*i, h)
			p.word(fmul.three(v, v, 29), "FMUL V%d.4S, V%d.4S, V29.4S", v, v)
		}
	case l.name == "Q6K":
		v := 18 + h
		s.load(p, v, 0, 32+64*(sub.scale/4)+16*h)
		p.word(shl.left(v, v, 24-at), "SHL V%d.4S, V%d.4S, #%d", v, v, 24-at)
		p.word(sshr.right(v, v, 24), "SSHR V%d.4S, V%d.4S, #24", v, v)
		p.word(scvtf.three(v, v, 0), "SCVTF V%d.4S, V%d.4S", v, v)
		s.halves(p, 0, h)
		p.word(fmul.three(v, v, 29), "FMUL V%d.4S, V%d.4S, V29.4S", v, v)
	default:
		s.halves(p, 0, h)
		p.word(orr.three(18+h, 29, 29), "ORR V%d.16B, V29.16B, V29.16B", 18+h)
	}
}

// float: see avx512.float. V0-15 are the sums, four for each token.
func (s neon) float(p *printer, name string, t int) {
	p.text(kernelName(s, name, t), 48)
	p.line("MOVD w+16(FP), R0")
	p.line("MOVD x+24(FP), R1")
	p.line("MOVD xStride+32(FP), R7")
	p.line("MOVD n+40(FP), R4")
	for i := 1; i < t; i++ {
		p.line("ADD R7, R%d, R%d", xRegister(i-1), xRegister(i))
	}
	for i := range 4 * t {
		p.word(eor.three(i, i, i), "EOR V%d.16B, V%d.16B, V%d.16B", i, i, i)
	}
	p.label("loop")
	size := 64
	if name != "F32" {
		size = 32
	}
	p.word(prefetchKeep.memory(0, 0, prefetch, 8), "PRFM PLDL1KEEP, [X0, #%d]", prefetch)
	for h := range 4 {
		v := 16 + h
		switch {
		case name == "F32":
			s.load(p, v, 0, 16*h)
		case h%2 == 1: // the upper half of what is loaded for the one before
			p.word(map[string]instruction{"F16": fcvtl2, "BF16": shll16High}[name].three(v, 24, 0), "widen V%d.4S, V24.8H", v)
		default:
			s.load(p, 24, 0, 8*h)
			p.word(map[string]instruction{"F16": fcvtl, "BF16": shll16}[name].three(v, 24, 0), "widen V%d.4S, V24.4H", v)
		}
	}
	for i := range t {
		p.word(loadS.memory(20+i, xRegister(i), 0, 4), "LDR S%d, [X%d]", 20+i, xRegister(i))
		for h := range 4 {
			p.word(fmlaElement.element(4*i+h, 16+h, 20+i, 0), "FMLA V%d.4S, V%d.4S, V%d.S[0]", 4*i+h, 16+h, 20+i)
		}
		p.line("ADD $4, R%d, R%d", xRegister(i), xRegister(i))
	}
	p.line("ADD $%d, R0, R0", size)
	p.line("SUBS $1, R4, R4")
	p.line("BNE loop")
	p.line("MOVD out+0(FP), R5")
	p.line("MOVD stride+8(FP), R6")
	for i := range t {
		for h := range 4 {
			p.word(storeQ.memory(4*i+h, 5, 16*h, 16), "STR Q%d, [X5, #%d]", 4*i+h, 16*h)
		}
		p.line("ADD R6, R5, R5")
	}
	p.line("RET")
}

// xRegister points to token i's activations.
func xRegister(i int) int { return []int{1, 11, 12, 13}[i] }
