package gguf

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// Type is a tensor's element type, numbered as ggml does.
type Type uint32

// The supported tensor types.
const (
	F32  Type = 0 // 32-bit floats
	Q8_0 Type = 8 // blocks of 32 values: a half-precision scale, then 32 signed bytes
)

// The shape of a Q8_0 block.
const (
	Q8Block = 32          // values in a block
	Q8Bytes = 2 + Q8Block // bytes of a block
)

// String is ggml's name of the type, as far as this package knows it.
func (t Type) String() string {
	names := map[Type]string{
		F32: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", Q8_0: "Q8_0",
		10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 30: "BF16",
	}
	if name, ok := names[t]; ok {
		return name
	}
	return fmt.Sprintf("type %d", uint32(t))
}

// Tensor is one tensor of a file.
type Tensor struct {
	Name string
	Type Type
	// Dims are the extents, the fastest-running first: a weight matrix that
	// maps in to out values is {in, out}.
	Dims []int
	// Data is the tensor's bytes, a view into the file.
	Data []byte
}

// Floats returns a copy of an F32 tensor's values. It fails on other types.
func (t Tensor) Floats() ([]float32, error) {
	if t.Type != F32 {
		return nil, fmt.Errorf("tensor %q is %v, want F32", t.Name, t.Type)
	}
	out := make([]float32, len(t.Data)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*i:]))
	}
	return out, nil
}

// Tensor returns the tensor of that name.
func (f *File) Tensor(name string) (Tensor, bool) {
	t, ok := f.tensors[name]
	return t, ok
}

// TensorNames lists the tensors in the file's order.
func (f *File) TensorNames() []string { return slices.Clone(f.names) }

// Values is the number of values in all tensors: the model's parameters.
func (f *File) Values() int64 {
	var n int64
	for _, t := range f.tensors {
		count := int64(1)
		for _, d := range t.Dims {
			count *= int64(d)
		}
		n += count
	}
	return n
}

// span is where a tensor's data lies in the data section.
type span struct {
	name        string
	start, size uint64
}

func (f *File) parseTensors(c *cursor, n int) error {
	f.tensors = map[string]Tensor{}
	var spans []span
	for i := range n {
		t, offset := readTensor(c, fmt.Sprintf("tensor %d", i))
		if c.err != nil {
			return c.err
		}
		if _, twice := f.tensors[t.Name]; twice {
			return fmt.Errorf("tensor %q stands twice", t.Name)
		}
		size, err := tensorSize(t)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		f.tensors[t.Name] = t
		f.names = append(f.names, t.Name)
		spans = append(spans, span{t.Name, offset, size})
	}
	align, err := f.alignment()
	if err != nil {
		return err
	}
	if n == 0 {
		return nil
	}
	c.take(-uint64(c.pos)&(align-1), "padding before the tensor data")
	if c.err != nil {
		return c.err
	}
	return f.place(c.data[c.pos:], spans, align)
}

// readTensor reads one row of the tensor table; Data is filled in later.
func readTensor(c *cursor, what string) (t Tensor, offset uint64) {
	t.Name = string(c.text(what+" name", maxTensor))
	if c.err == nil && t.Name == "" {
		c.err = fmt.Errorf("%s has no name", what)
	}
	what = fmt.Sprintf("tensor %q", t.Name)
	dims := c.u32(what + " dimension count")
	if c.err == nil && (dims < 1 || dims > 4) {
		c.err = fmt.Errorf("%s has %d dimensions, want 1 to 4", what, dims)
	}
	for i := uint32(0); i < dims && c.err == nil; i++ {
		d := c.u64(what + " dimension")
		if c.err == nil && (d < 1 || d > math.MaxInt32) {
			c.err = fmt.Errorf("%s has a dimension of %d, want 1 to %d", what, d, math.MaxInt32)
		}
		t.Dims = append(t.Dims, int(d))
	}
	t.Type = Type(c.u32(what + " type"))
	return t, c.u64(what + " offset")
}

// tensorSize is the number of bytes that the tensor's shape and type ask for.
func tensorSize(t Tensor) (uint64, error) {
	count := uint64(1)
	for _, d := range t.Dims {
		hi, lo := bits.Mul64(count, uint64(d))
		if hi != 0 || lo > math.MaxInt64/8 {
			return 0, fmt.Errorf("its dimensions %v overflow", t.Dims)
		}
		count = lo
	}
	switch t.Type {
	case F32:
		return count * 4, nil
	case Q8_0:
		if t.Dims[0]%Q8Block != 0 {
			return 0, fmt.Errorf("rows of %d values are not whole Q8_0 blocks of %d", t.Dims[0], Q8Block)
		}
		return count / Q8Block * Q8Bytes, nil
	}
	return 0, fmt.Errorf("its type %v is not supported, only F32 and Q8_0", t.Type)
}

// place gives each tensor its bytes of the data section, and refuses tensors
// that are misaligned, leave the section or lie on one another.
func (f *File) place(data []byte, spans []span, align uint64) error {
	for _, s := range spans {
		if s.start%align != 0 {
			return fmt.Errorf("tensor %q: offset %d is not a multiple of the alignment %d", s.name, s.start, align)
		}
		if s.start > uint64(len(data)) || s.size > uint64(len(data))-s.start {
			return fmt.Errorf("tensor %q: %d bytes at offset %d leave the data section of %d bytes", s.name, s.size, s.start, len(data))
		}
		t := f.tensors[s.name]
		t.Data = data[s.start : s.start+s.size : s.start+s.size]
		f.tensors[s.name] = t
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	for i := 1; i < len(spans); i++ {
		if before := spans[i-1]; before.start+before.size > spans[i].start {
			return fmt.Errorf("tensors %q and %q overlap", before.name, spans[i].name)
		}
	}
	return nil
}
