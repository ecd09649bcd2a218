package gguf

import "fmt"

// Type is a tensor's element type, numbered as ggml does.
type Type uint32

// The supported tensor types. All but the first three store blocks of values
// that share scales; block_*, of which ggml-common.h gives the layouts, are
// decoded in decode.go.
const (
	F32  Type = 0  // 32-bit floats
	F16  Type = 1  // IEEE 754 half-precision floats
	BF16 Type = 30 // the upper half of 32-bit floats
	Q4_0 Type = 2  // 32 values: a scale, 4 bits a value
	Q8_0 Type = 8  // 32 values: a scale, 8 bits a value
	Q4_K Type = 12 // 256 values: 8 scales and minima of 6 bits, 4 bits a value
	Q5_K Type = 13 // 256 values: 8 scales and minima of 6 bits, 5 bits a value
	Q6_K Type = 14 // 256 values: 16 scales of 8 bits, 6 bits a value
)

// The shape of a Q8_0 block.
const (
	Q8Block = 32          // values in a block
	Q8Bytes = 2 + Q8Block // bytes of a block
)

// SuperBlock is the number of values in a block of the types Q4_K to Q6_K.
const SuperBlock = 256

// String is ggml's name of the type, as far as this package knows it.
func (t Type) String() string {
	names := map[Type]string{
		F32: "F32", F16: "F16", Q4_0: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", Q8_0: "Q8_0", 10: "Q2_K", 11: "Q3_K",
		Q4_K: "Q4_K", Q5_K: "Q5_K", Q6_K: "Q6_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL",
		21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M", BF16: "BF16",
		34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
	}
	if name, ok := names[t]; ok {
		return name
	}
	return fmt.Sprintf("type %d", uint32(t))
}

// Block returns how many values a block of the type holds and how many bytes it
// takes; both are 0 for a type that is not supported.
func (t Type) Block() (values, bytes int) {
	switch t {
	case F32:
		return 1, 4
	case F16, BF16:
		return 1, 2
	case Q4_0:
		return 32, 18
	case Q8_0:
		return Q8Block, Q8Bytes
	case Q4_K:
		return SuperBlock, 144
	case Q5_K:
		return SuperBlock, 176
	case Q6_K:
		return SuperBlock, 210
	}
	return 0, 0
}
