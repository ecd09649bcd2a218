package gguf

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"
)

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
	values, bytes := t.Type.Block()
	if values == 0 {
		return 0, fmt.Errorf("its type %v is not supported, only F32, F16, BF16, Q4_0, Q8_0, Q4_K, Q5_K and Q6_K", t.Type)
	}
	if t.Dims[0]%values != 0 {
		return 0, fmt.Errorf("rows of %d values are not whole %v blocks of %d", t.Dims[0], t.Type, values)
	}
	hi, size := bits.Mul64(count/uint64(values), uint64(bytes))
	if hi != 0 {
		return 0, fmt.Errorf("its dimensions %v overflow", t.Dims)
	}
	return size, nil
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
