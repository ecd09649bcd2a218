package gguf

import (
	"encoding/binary"
	"fmt"
	"math"
)

// valueType is the type of a metadata value, numbered as in the specification.
type valueType uint32

const (
	typeUint8 valueType = iota
	typeInt8
	typeUint16
	typeInt16
	typeUint32
	typeInt32
	typeFloat32
	typeBool
	typeString
	typeArray
	typeUint64
	typeInt64
	typeFloat64
)

// size is the width of a fixed-size type in bytes, 0 for strings, arrays and
// unknown types.
func (t valueType) size() uint64 {
	switch t {
	case typeUint8, typeInt8, typeBool:
		return 1
	case typeUint16, typeInt16:
		return 2
	case typeUint32, typeInt32, typeFloat32:
		return 4
	case typeUint64, typeInt64, typeFloat64:
		return 8
	}
	return 0
}

func (t valueType) String() string {
	names := [...]string{
		"uint8", "int8", "uint16", "int16", "uint32", "int32", "float32",
		"bool", "string", "array", "uint64", "int64", "float64",
	}
	if int(t) < len(names) {
		return names[t]
	}
	return fmt.Sprintf("type %d", uint32(t))
}

// value is one metadata value, still as the file's bytes. For an array, typ is
// the element type and n the number of elements.
type value struct {
	typ   valueType
	array bool
	n     int
	raw   []byte
}

// readValue reads a value and checks that all of it is there.
func readValue(c *cursor, what string) value {
	typ := valueType(c.u32(what + " type"))
	switch {
	case c.err != nil:
		return value{}
	case typ == typeArray:
		return readArray(c, what)
	case typ == typeString:
		return value{typ: typ, n: 1, raw: c.text(what, math.MaxInt32)}
	case typ.size() == 0:
		c.err = fmt.Errorf("%s: unknown value %v", what, typ)
		return value{}
	}
	return value{typ: typ, n: 1, raw: c.take(typ.size(), what)}
}

// readArray reads an array of fixed-size values or of strings. Arrays of
// arrays, which no model uses, are refused: they would allow unbounded nesting.
func readArray(c *cursor, what string) value {
	typ := valueType(c.u32(what + " element type"))
	n := c.u64(what + " element count")
	if c.err != nil {
		return value{}
	}
	if typ == typeString {
		start := c.pos
		for i := uint64(0); i < n && c.err == nil; i++ {
			c.text(what+" element", math.MaxInt32)
		}
		if c.err != nil {
			return value{}
		}
		return value{typ: typ, array: true, n: int(n), raw: c.data[start:c.pos]}
	}
	size := typ.size()
	if size == 0 {
		c.err = fmt.Errorf("%s: arrays of %v are not supported", what, typ)
		return value{}
	}
	if n > uint64(c.left())/size {
		c.err = fmt.Errorf("%s: %d elements of %v do not fit in the %d bytes left", what, n, typ, c.left())
		return value{}
	}
	return value{typ: typ, array: true, n: int(n), raw: c.take(n*size, what)}
}

// integer returns the value at element i, for the integer types.
func (v value) integer(i int) (int64, bool) {
	size := int(v.typ.size())
	if size == 0 {
		return 0, false
	}
	b := v.raw[i*size : (i+1)*size]
	switch v.typ {
	case typeUint8:
		return int64(b[0]), true
	case typeInt8:
		return int64(int8(b[0])), true
	case typeUint16:
		return int64(binary.LittleEndian.Uint16(b)), true
	case typeInt16:
		return int64(int16(binary.LittleEndian.Uint16(b))), true
	case typeUint32:
		return int64(binary.LittleEndian.Uint32(b)), true
	case typeInt32:
		return int64(int32(binary.LittleEndian.Uint32(b))), true
	case typeUint64:
		u := binary.LittleEndian.Uint64(b)
		return int64(u), u <= math.MaxInt64
	case typeInt64:
		return int64(binary.LittleEndian.Uint64(b)), true
	}
	return 0, false
}
