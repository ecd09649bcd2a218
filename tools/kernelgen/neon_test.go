package main

import "testing"

// TestEncodings holds encoded instructions to those that GNU as writes for
// the text beside them.
func TestEncodings(t *testing.T) {
	for text, c := range map[string]struct{ got, want uint32 }{
		"sdot v7.4s, v17.16b, v27.4b[3]": {sdotElement.element(7, 17, 27, 3), 0x4fbbea27},
		"sdot v0.4s, v16.16b, v24.4b[2]": {sdotElement.element(0, 16, 24, 2), 0x4f98ea00},
		"scvtf v3.4s, v5.4s":             {scvtf.three(3, 5, 0), 0x4e21d8a3},
		"fmul v1.4s, v2.4s, v3.4s":       {fmul.three(1, 2, 3), 0x6e23dc41},
		"fmul v29.4s, v18.4s, v30.s[1]":  {fmulElement.element(29, 18, 30, 1), 0x4fbe925d},
		"fmla v1.4s, v2.4s, v3.4s":       {fmla.three(1, 2, 3), 0x4e23cc41},
		"fmla v15.4s, v19.4s, v23.s[0]":  {fmlaElement.element(15, 19, 23, 0), 0x4f97126f},
		"fmls v8.4s, v20.4s, v31.s[3]":   {fmlsElement.element(8, 20, 31, 3), 0x4fbf5a88},
		"fcvtl v29.4s, v29.4h":           {fcvtl.three(29, 29, 0), 0x0e217bbd},
		"fcvtl2 v29.4s, v29.8h":          {fcvtl2.three(29, 29, 0), 0x4e217bbd},
		"shll v1.4s, v2.4h, #16":         {shll16.three(1, 2, 0), 0x2e613841},
		"shll2 v1.4s, v2.8h, #16":        {shll16High.three(1, 2, 0), 0x6e613841},
		"and v1.16b, v2.16b, v3.16b":     {and.three(1, 2, 3), 0x4e231c41},
		"orr v1.16b, v2.16b, v3.16b":     {orr.three(1, 2, 3), 0x4ea31c41},
		"eor v1.16b, v2.16b, v3.16b":     {eor.three(1, 2, 3), 0x6e231c41},
		"sub v1.4s, v2.4s, v3.4s":        {subtract.three(1, 2, 3), 0x6ea38441},
		"ushr v1.4s, v2.4s, #28":         {ushr.right(1, 2, 28), 0x6f240441},
		"sshr v1.4s, v2.4s, #2":          {sshr.right(1, 2, 2), 0x4f3e0441},
		"shl v1.4s, v2.4s, #24":          {shl.left(1, 2, 24), 0x4f385441},
		"movi v22.16b, #0x0f":            {moviByte.immediate(22, 0x0f), 0x4f00e5f6},
		"movi v23.16b, #0x30":            {moviByte.immediate(23, 0x30), 0x4f01e617},
		"ld1r {v5.4s}, [x10]":            {ld1r.three(5, 10, 0), 0x4d40c945},
		"ldr q16, [x0, #32]":             {loadQ.memory(16, 0, 32, 16), 0x3dc00810},
		"ldr s20, [x11]":                 {loadS.memory(20, 11, 0, 4), 0xbd400174},
		"str q8, [x5, #16]":              {storeQ.memory(8, 5, 16, 16), 0x3d8004a8},
		"prfm pldl1keep, [x0, #4096]":    {prefetchKeep.memory(0, 0, 4096, 8), 0xf9880000},
	} {
		if c.got != c.want {
			t.Errorf("%s is 0x%08x, want 0x%08x", text, c.got, c.want)
		}
	}
}
