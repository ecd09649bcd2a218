package main

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// loadConn is one connection of the load generator. It takes answers apart as
// they arrive and compares their content with what it must be.
type loadConn struct {
	fd   int
	buf  []byte
	kept int // bytes in buf of a head, or of a chunk's frame, that is not complete

	start   time.Time // when to ask first
	asked   time.Time
	firstAt time.Time // of content
	counted bool
	failed  bool

	inBody   bool
	chunked  bool
	left     int // of the body or of the chunk, framing not included
	afterCR  bool
	content  int // bytes compared so far
	tokens   int
	complete bool
}

// begin makes the connection ready for an answer.
func (c *loadConn) begin(at time.Time) {
	c.asked, c.firstAt = at, time.Time{}
	c.inBody, c.chunked, c.complete, c.afterCR = false, false, false, false
	c.left, c.content, c.tokens, c.kept = 0, 0, 0, 0
}

// take reads b, which begins with what was kept, and keeps what is not complete.
func (c *loadConn) take(b, want []byte) error {
	if c.asked.IsZero() || c.complete {
		return errors.New("bytes that nobody asked for")
	}
	if !c.inBody {
		end := bytes.Index(b, []byte("\r\n\r\n"))
		if end < 0 {
			return c.keep(b)
		}
		if err := c.head(b[:end+2]); err != nil {
			return fmt.Errorf("%w: %.400q", err, b)
		}
		b = b[end+4:]
	}
	for len(b) > 0 && !c.complete {
		if c.left == 0 {
			rest, ok, err := c.frame(b)
			if err != nil {
				return err
			}
			if !ok {
				return c.keep(rest)
			}
			b = rest
			continue
		}
		part := b[:min(len(b), c.left)]
		if len(part) > len(want)-c.content || !bytes.Equal(part, want[c.content:c.content+len(part)]) {
			return fmt.Errorf("wrong content after %d bytes: %.200q", c.content, part)
		}
		c.content, c.left, b = c.content+len(part), c.left-len(part), b[len(part):]
		c.afterCR = c.chunked && c.left == 0
		c.complete = !c.chunked && c.left == 0
	}
	if len(b) > 0 {
		return errors.New("bytes after the answer")
	}
	if c.complete && c.content != len(want) {
		return fmt.Errorf("the answer ended after %d of %d bytes", c.content, len(want))
	}
	c.kept = 0
	return nil
}

// keep moves what is not complete to the front of the buffer.
func (c *loadConn) keep(b []byte) error {
	if len(b) > len(c.buf)/2 {
		return errors.New("a head of more than half the buffer")
	}
	c.kept = copy(c.buf, b)
	return nil
}

// head reads the head of an answer.
func (c *loadConn) head(b []byte) error {
	if !bytes.HasPrefix(b, []byte("HTTP/1.1 200 ")) {
		return errors.New("not a 200")
	}
	length := headerValue(b, "content-length")
	c.inBody, c.chunked = true, bytes.Equal(headerValue(b, "transfer-encoding"), []byte("chunked"))
	if !c.chunked {
		if length == nil {
			return errors.New("an answer without length")
		}
		c.left = number(length)
	}
	return nil
}

// frame reads what stands between two chunks. ok is false when it is not complete.
func (c *loadConn) frame(b []byte) (rest []byte, ok bool, err error) {
	if !c.chunked {
		return b, false, errors.New("bytes after the answer")
	}
	rest = b
	if c.afterCR {
		if len(rest) < 2 {
			return b, false, nil
		}
		if rest[0] != '\r' || rest[1] != '\n' {
			return b, false, errors.New("a chunk does not end with CR LF")
		}
		rest = rest[2:]
	}
	end := bytes.IndexByte(rest, '\n')
	if end < 0 {
		return b, false, nil
	}
	size, err := hex(bytes.TrimSuffix(rest[:end], []byte("\r")))
	if err != nil {
		return b, false, err
	}
	if size == 0 {
		if len(rest) < end+3 {
			return b, false, nil
		}
		c.complete = true
		return rest[end+3:], true, nil
	}
	c.afterCR, c.left = false, size
	return rest[end+1:], true, nil
}

// hex reads a chunk's size.
func hex(b []byte) (int, error) {
	n := 0
	for _, d := range b {
		switch {
		case d >= '0' && d <= '9':
			n = n<<4 | int(d-'0')
		case d >= 'a' && d <= 'f':
			n = n<<4 | int(d-'a'+10)
		case d >= 'A' && d <= 'F':
			n = n<<4 | int(d-'A'+10)
		default:
			return 0, fmt.Errorf("a chunk's size is %.20q", b)
		}
	}
	if len(b) == 0 || len(b) > 7 {
		return 0, fmt.Errorf("a chunk's size is %.20q", b)
	}
	return n, nil
}
