package gguf

import (
	"encoding/binary"
	"fmt"
)

// cursor walks over the file's bytes. After the first read past the end it
// stays failed and returns zeros, so that a run of reads needs one check.
type cursor struct {
	data []byte
	pos  int
	err  error
}

// left is the number of bytes not read yet.
func (c *cursor) left() int { return len(c.data) - c.pos }

// take returns the next n bytes without copying, or nil once failed.
func (c *cursor) take(n uint64, what string) []byte {
	if c.err != nil {
		return nil
	}
	if n > uint64(c.left()) {
		c.err = fmt.Errorf("%s: needs %d bytes at offset %d, the file has %d left", what, n, c.pos, c.left())
		return nil
	}
	b := c.data[c.pos : c.pos+int(n)]
	c.pos += int(n)
	return b
}

func (c *cursor) u32(what string) uint32 {
	b := c.take(4, what)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint32(b)
}

func (c *cursor) u64(what string) uint64 {
	b := c.take(8, what)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint64(b)
}

// text reads a string: a length of 64 bits, then that many bytes.
func (c *cursor) text(what string, max uint64) []byte {
	n := c.u64(what + " length")
	if c.err == nil && n > max {
		c.err = fmt.Errorf("%s: length %d is over the limit of %d", what, n, max)
	}
	return c.take(n, what)
}
