package gguf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// The limits on what a file may claim. Real files stay far below them.
const (
	maxKey       = 1<<16 - 1 // bytes of a metadata key, the specification's limit
	maxTensor    = 64        // bytes of a tensor's name, the specification's limit
	maxKeys      = 1 << 16
	maxTensors   = 1 << 16
	maxAlignment = 1 << 20
)

// ErrNoKey is wrapped by the accessors when the file has no such key.
var ErrNoKey = errors.New("the file has no such key")

// File is a parsed GGUF file. It refers to the bytes it was parsed from, which
// must stay unchanged while it is in use.
type File struct {
	version uint32
	values  map[string]value
	tensors map[string]Tensor
	names   []string
}

// Parse reads the file's tables and checks that every value and every tensor
// lies inside data. The returned File refers to data and copies none of it.
func Parse(data []byte) (*File, error) {
	f := &File{}
	c := &cursor{data: data}
	if err := f.parse(c); err != nil {
		return nil, fmt.Errorf("reading GGUF: %w", err)
	}
	return f, nil
}

func (f *File) parse(c *cursor) error {
	if magic := c.take(4, "magic"); c.err == nil && string(magic) != "GGUF" {
		return fmt.Errorf("magic is %q, want \"GGUF\"", magic)
	}
	f.version = c.u32("version")
	if c.err == nil && f.version != 2 && f.version != 3 {
		if f.version&0xffff == 0 {
			return errors.New("the file is big-endian, only little-endian is supported")
		}
		return fmt.Errorf("version %d is not supported, only 2 and 3", f.version)
	}
	tensors := c.u64("tensor count")
	keys := c.u64("metadata count")
	if c.err != nil {
		return c.err
	}
	if keys > maxKeys {
		return fmt.Errorf("metadata count %d is over the limit of %d", keys, maxKeys)
	}
	if tensors > maxTensors {
		return fmt.Errorf("tensor count %d is over the limit of %d", tensors, maxTensors)
	}
	if err := f.parseValues(c, int(keys)); err != nil {
		return err
	}
	return f.parseTensors(c, int(tensors))
}

func (f *File) parseValues(c *cursor, n int) error {
	f.values = map[string]value{}
	for i := range n {
		key := string(c.text(fmt.Sprintf("metadata key %d", i), maxKey))
		if c.err != nil {
			return c.err
		}
		if key == "" {
			return fmt.Errorf("metadata key %d is empty", i)
		}
		if _, twice := f.values[key]; twice {
			return fmt.Errorf("metadata key %q stands twice", key)
		}
		v := readValue(c, fmt.Sprintf("metadata %q", key))
		if c.err != nil {
			return c.err
		}
		f.values[key] = v
	}
	return nil
}

// alignment is the unit in which tensor data is laid out, 32 unless stated.
func (f *File) alignment() (uint64, error) {
	n, err := f.Int("general.alignment")
	switch {
	case errors.Is(err, ErrNoKey):
		return 32, nil
	case err != nil:
		return 0, err
	case n < 8 || n > maxAlignment || n&(n-1) != 0:
		return 0, fmt.Errorf("general.alignment is %d, want a power of two from 8 to %d", n, maxAlignment)
	}
	return uint64(n), nil
}

// Version is the format's version, 2 or 3.
func (f *File) Version() int { return int(f.version) }

// scalar returns the value of a key that must not be an array.
func (f *File) scalar(key string) (value, error) {
	v, ok := f.values[key]
	if !ok {
		return value{}, fmt.Errorf("metadata %q: %w", key, ErrNoKey)
	}
	if v.array {
		return value{}, fmt.Errorf("metadata %q is an array of %v", key, v.typ)
	}
	return v, nil
}

// Int returns an integer of any width. It fails on other types, and wraps
// ErrNoKey when the key is missing.
func (f *File) Int(key string) (int64, error) {
	v, err := f.scalar(key)
	if err != nil {
		return 0, err
	}
	n, ok := v.integer(0)
	if !ok {
		return 0, fmt.Errorf("metadata %q is a %v, want an integer", key, v.typ)
	}
	return n, nil
}

// Float returns a float32 or float64. It fails on other types, and wraps
// ErrNoKey when the key is missing.
func (f *File) Float(key string) (float64, error) {
	v, err := f.scalar(key)
	if err != nil {
		return 0, err
	}
	switch v.typ {
	case typeFloat32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(v.raw))), nil
	case typeFloat64:
		return math.Float64frombits(binary.LittleEndian.Uint64(v.raw)), nil
	}
	return 0, fmt.Errorf("metadata %q is a %v, want a float", key, v.typ)
}

// Bool returns a boolean. It fails on other types and on bytes other than 0
// and 1, and wraps ErrNoKey when the key is missing.
func (f *File) Bool(key string) (bool, error) {
	v, err := f.scalar(key)
	if err != nil {
		return false, err
	}
	if v.typ != typeBool || v.raw[0] > 1 {
		return false, fmt.Errorf("metadata %q is not a bool", key)
	}
	return v.raw[0] == 1, nil
}

// String returns a string. It fails on other types, and wraps ErrNoKey when
// the key is missing.
func (f *File) String(key string) (string, error) {
	v, err := f.scalar(key)
	if err != nil {
		return "", err
	}
	if v.typ != typeString {
		return "", fmt.Errorf("metadata %q is a %v, want a string", key, v.typ)
	}
	return string(v.raw), nil
}

// Strings returns a copy of an array of strings. It fails on other types, and
// wraps ErrNoKey when the key is missing.
func (f *File) Strings(key string) ([]string, error) {
	v, ok := f.values[key]
	if !ok {
		return nil, fmt.Errorf("metadata %q: %w", key, ErrNoKey)
	}
	if !v.array || v.typ != typeString {
		return nil, fmt.Errorf("metadata %q is not an array of strings", key)
	}
	out := make([]string, v.n)
	c := &cursor{data: v.raw}
	for i := range out {
		out[i] = string(c.text(key, math.MaxInt32))
	}
	return out, c.err
}

// Ints returns a copy of an array of integers of any width. It fails on other
// types, and wraps ErrNoKey when the key is missing.
func (f *File) Ints(key string) ([]int64, error) {
	v, ok := f.values[key]
	if !ok {
		return nil, fmt.Errorf("metadata %q: %w", key, ErrNoKey)
	}
	if !v.array {
		return nil, fmt.Errorf("metadata %q is not an array", key)
	}
	out := make([]int64, v.n)
	for i := range out {
		n, ok := v.integer(i)
		if !ok {
			return nil, fmt.Errorf("metadata %q is an array of %v, want integers", key, v.typ)
		}
		out[i] = n
	}
	return out, nil
}

// Floats returns a copy of an array of float32. It fails on other types, and
// wraps ErrNoKey when the key is missing.
func (f *File) Floats(key string) ([]float32, error) {
	v, ok := f.values[key]
	if !ok {
		return nil, fmt.Errorf("metadata %q: %w", key, ErrNoKey)
	}
	if !v.array || v.typ != typeFloat32 {
		return nil, fmt.Errorf("metadata %q is not an array of float32", key)
	}
	out := make([]float32, v.n)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(v.raw[4*i:]))
	}
	return out, nil
}
