package gguf_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"sluice/infer/gguf"
	"sluice/infer/gguf/gguftest"
)

func TestHalf(t *testing.T) {
	for h, want := range map[uint16]float32{
		0: 0, 0x3c00: 1, 0xc000: -2, 0x7bff: 65504, 0x0001: 0x1p-24, 0x03ff: 1023 * 0x1p-24, 0x0400: 0x1p-14, 0x3555: 0.33325195,
		0x7c00: float32(math.Inf(1)), 0xfc00: float32(math.Inf(-1)),
	} {
		if got := gguf.Half(h); got != want {
			t.Errorf("0x%04x is %g, want %g", h, got, want)
		}
	}
	if v := gguf.Half(0x7e00); v == v {
		t.Errorf("0x7e00 is %g, want not-a-number", v)
	}
	if v := gguf.Half(0x8000); v != 0 || !math.Signbit(float64(v)) {
		t.Errorf("0x8000 is %g, want -0", v)
	}
}

// block describes a block by its values: of what scale, offset and bits each is
// made, and where in the block the bits stand. It is written down a second
// time here, value by value, from ggml's own dequantize_row functions.
func readBlock(t gguf.Type, b []byte, i int) float64 {
	f16 := func(at int) float64 { return float64(gguf.Half(uint16(b[at]) | uint16(b[at+1])<<8)) }
	switch t {
	case gguf.Q8_0:
		return f16(0) * float64(int8(b[2+i]))
	case gguf.Q4_0:
		if i < 16 {
			return f16(0) * (float64(b[2+i]&0xf) - 8)
		}
		return f16(0) * (float64(b[2+i-16]>>4) - 8)
	case gguf.Q4_K, gguf.Q5_K:
		sub, s := i/32, b[4:16]
		var scale, least byte
		if sub < 4 {
			scale, least = s[sub]&63, s[sub+4]&63
		} else {
			scale = s[sub+4]&0xf + s[sub-4]>>6*16
			least = s[sub+4]>>4 + s[sub]>>6*16
		}
		at := 16
		if t == gguf.Q5_K {
			at = 48
		}
		q := b[at+sub/2*32+i%32]
		if sub%2 == 0 {
			q &= 0xf
		} else {
			q >>= 4
		}
		if t == gguf.Q5_K && b[16+i%32]&(1<<sub) != 0 {
			q += 16
		}
		return f16(0)*float64(scale)*float64(q) - f16(2)*float64(least)
	}
	n, l := i/128*128, i%32
	low, high, scales := b[n/2:], b[128+n/4:], b[192+n/16:]
	var q int
	switch i % 128 / 32 {
	case 0:
		q = int(low[l]&0xf) | int(high[l]&3)<<4
	case 1:
		q = int(low[l+32]&0xf) | int(high[l]>>2&3)<<4
	case 2:
		q = int(low[l]>>4) | int(high[l]>>4&3)<<4
	case 3:
		q = int(low[l+32]>>4) | int(high[l]>>6&3)<<4
	}
	return f16(208) * float64(int8(scales[i%128/16])) * float64(q-32)
}

// TestDecode reads random blocks of every type.
func TestDecode(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, typ := range []gguf.Type{gguf.Q4_0, gguf.Q8_0, gguf.Q4_K, gguf.Q5_K, gguf.Q6_K} {
		n, size := typ.Block()
		data := gguftest.Random(r, typ, 3*n)
		if len(data) != 3*size {
			t.Fatalf("%v: %d bytes for 3 blocks of %d", typ, len(data), size)
		}
		f, err := gguf.Parse(gguftest.New().Tensor("w", uint32(typ), []uint64{uint64(n), 3}, data).Bytes())
		if err != nil {
			t.Fatal(err)
		}
		tensor, _ := f.Tensor("w")
		got, err := tensor.Float64s()
		if err != nil {
			t.Fatal(err)
		}
		narrow, err := tensor.Floats()
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range got {
			if want := readBlock(typ, data[i/n*size:], i%n); v != want {
				t.Fatalf("%v: value %d is %g, want %g", typ, i, v, want)
			}
			if !(math.Abs(float64(narrow[i])-v) <= 0x1p-22) {
				t.Fatalf("%v: value %d is %g in 32 bits, want %g", typ, i, narrow[i], v)
			}
		}
	}
}

// TestDecodeFloats reads the types without blocks.
func TestDecodeFloats(t *testing.T) {
	for typ, data := range map[gguf.Type][]byte{
		gguf.F32:  {0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0},
		gguf.F16:  {0, 0x3c, 0, 0xc1},
		gguf.BF16: {0x80, 0x3f, 0x20, 0xc0},
	} {
		got, err := gguf.Tensor{Type: typ, Dims: []int{2}, Data: data}.Floats()
		if err != nil || len(got) != 2 || got[0] != 1 || got[1] != -2.5 {
			t.Errorf("%v: %v, %v", typ, got, err)
		}
	}
	if _, err := (gguf.Tensor{Type: 3, Data: make([]byte, 40)}).Floats(); err == nil {
		t.Error("Q4_1 is decoded")
	}
	if _, err := (gguf.Tensor{Type: gguf.Q8_0, Data: make([]byte, 40)}).Float64s(); err == nil {
		t.Error("half a block is decoded")
	}
}
