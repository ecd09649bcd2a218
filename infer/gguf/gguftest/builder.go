// Package gguftest writes GGUF files for tests: small ones, odd ones and
// broken ones.
package gguftest

import (
	"encoding/binary"
	"math"
)

// Builder collects a file's tables. The zero value with Version set is an
// empty file; Bytes gives the file at any time.
type Builder struct {
	// Version is the format's version, 2 or 3 in sound files.
	Version uint32
	// Align is the unit in which the tensor data is laid out; 0 means 32.
	Align int

	keys    int
	meta    []byte
	tensors int
	table   []byte
	data    []byte
}

// New returns an empty file of version 3.
func New() *Builder { return &Builder{Version: 3} }

func text(dst []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint64(dst, uint64(len(s))), s...)
}

// Raw adds a metadata value of the type numbered typ with the given bytes.
func (b *Builder) Raw(key string, typ uint32, value []byte) *Builder {
	b.keys++
	b.meta = binary.LittleEndian.AppendUint32(text(b.meta, key), typ)
	b.meta = append(b.meta, value...)
	return b
}

// Uint32 adds a number.
func (b *Builder) Uint32(key string, v uint32) *Builder {
	return b.Raw(key, 4, binary.LittleEndian.AppendUint32(nil, v))
}

// Float32 adds a number.
func (b *Builder) Float32(key string, v float32) *Builder {
	return b.Raw(key, 6, binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)))
}

// String adds a string.
func (b *Builder) String(key, v string) *Builder { return b.Raw(key, 8, text(nil, v)) }

// Strings adds an array of strings.
func (b *Builder) Strings(key string, vs []string) *Builder {
	raw := binary.LittleEndian.AppendUint32(nil, 8)
	raw = binary.LittleEndian.AppendUint64(raw, uint64(len(vs)))
	for _, v := range vs {
		raw = text(raw, v)
	}
	return b.Raw(key, 9, raw)
}

// Int32s adds an array of numbers.
func (b *Builder) Int32s(key string, vs []int32) *Builder {
	raw := binary.LittleEndian.AppendUint32(nil, 5)
	raw = binary.LittleEndian.AppendUint64(raw, uint64(len(vs)))
	for _, v := range vs {
		raw = binary.LittleEndian.AppendUint32(raw, uint32(v))
	}
	return b.Raw(key, 9, raw)
}

// Float32s adds an array of numbers.
func (b *Builder) Float32s(key string, vs []float32) *Builder {
	raw := binary.LittleEndian.AppendUint32(nil, 6)
	raw = binary.LittleEndian.AppendUint64(raw, uint64(len(vs)))
	for _, v := range vs {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return b.Raw(key, 9, raw)
}

// Bool adds a truth value.
func (b *Builder) Bool(key string, v bool) *Builder {
	if v {
		return b.Raw(key, 7, []byte{1})
	}
	return b.Raw(key, 7, []byte{0})
}

// Tensor adds a tensor of the type numbered typ; its data goes behind that of
// the tensors before it, aligned.
func (b *Builder) Tensor(name string, typ uint32, dims []uint64, data []byte) *Builder {
	b.data = b.pad(b.data)
	b.TensorAt(name, typ, dims, uint64(len(b.data)))
	b.data = append(b.data, data...)
	return b
}

// TensorAt adds a row to the tensor table and no data.
func (b *Builder) TensorAt(name string, typ uint32, dims []uint64, offset uint64) *Builder {
	b.tensors++
	b.table = binary.LittleEndian.AppendUint32(text(b.table, name), uint32(len(dims)))
	for _, d := range dims {
		b.table = binary.LittleEndian.AppendUint64(b.table, d)
	}
	b.table = binary.LittleEndian.AppendUint32(b.table, typ)
	b.table = binary.LittleEndian.AppendUint64(b.table, offset)
	return b
}

// Floats adds an F32 tensor.
func (b *Builder) Floats(name string, dims []uint64, values []float32) *Builder {
	var data []byte
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return b.Tensor(name, 0, dims, data)
}

// Bytes returns the file.
func (b *Builder) Bytes() []byte {
	return b.Counted(uint64(b.tensors), uint64(b.keys))
}

// Counted returns the file with a header that states these counts, true or not.
func (b *Builder) Counted(tensors, keys uint64) []byte {
	out := binary.LittleEndian.AppendUint32([]byte("GGUF"), b.Version)
	out = binary.LittleEndian.AppendUint64(out, tensors)
	out = binary.LittleEndian.AppendUint64(out, keys)
	out = append(append(out, b.meta...), b.table...)
	return append(b.pad(out), b.data...)
}

// pad adds zeros up to the next multiple of the alignment.
func (b *Builder) pad(data []byte) []byte {
	align := b.Align
	if align == 0 {
		align = 32
	}
	for len(data)%align != 0 {
		data = append(data, 0)
	}
	return data
}
