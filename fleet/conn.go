package fleet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"syscall"
	"time"
)

// smallHead is the size of a connection's buffer. It holds the head of an
// answer and, before that, the request when it is small. Bodies do not go through it.
const smallHead = 4 << 10

// conn is one connection to an engine. It carries one call at a time.
type conn struct {
	net    net.Conn
	secure bool            // net is a TLS connection
	raw    syscall.RawConn // what lies beneath; nil when there is none to look at
	abort  func()          // closes net; made once, for context.AfterFunc
	peek   func(fd uintptr)
	silent bool // what peek found

	readBy, writeBy deadline

	buf   []byte    // read and not yet used
	store []byte    // what buf lies in, as a rule
	since time.Time // idle since
}

// deadline bounds reading or writing. Each move of it moves a timer of the
// runtime, which is dear at every chunk of a stream, so it is moved in steps: it
// comes when the time that was given has passed, or up to an eighth of it later.
type deadline struct {
	set func(time.Time) error
	at  time.Time
}

// give gives whoever is waited for so much time from now.
func (d *deadline) give(now time.Time, t time.Duration) error {
	if left := d.at.Sub(now); left >= t && left <= t+t/8 {
		return nil
	}
	return d.put(now.Add(t + t/8))
}

// put moves the deadline to an instant.
func (d *deadline) put(at time.Time) error {
	d.at = at
	return d.set(at)
}

func newConn(nc, beneath net.Conn) *conn {
	c := &conn{net: nc, secure: nc != beneath, store: make([]byte, smallHead)}
	c.readBy.set, c.writeBy.set = nc.SetReadDeadline, nc.SetWriteDeadline
	c.abort = func() { nc.Close() }
	if sc, ok := beneath.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			c.raw = raw
			c.peek = func(fd uintptr) { c.silent = nothingToRead(fd) }
		}
	}
	return c
}

// alive reports whether an idle connection can carry another call: since the
// last answer ended the engine has neither closed it nor sent anything. Bytes that
// nobody asked for would be taken for the answer to the next call, another customer's.
func (c *conn) alive() bool {
	if c.secure {
		// TLS may hold bytes that it has read and decrypted. With the deadline in the
		// past it gives those, or a timeout, and does not touch the socket.
		var b [1]byte
		_ = c.readBy.put(time.Unix(1, 0))
		if n, err := c.net.Read(b[:]); n > 0 || !timedOut(err) {
			return false
		}
	}
	if c.raw == nil {
		return true
	}
	// Control and not Read: that would mind the deadline of the last answer.
	return c.raw.Control(c.peek) == nil && c.silent
}

// write sends the whole request: opening is its head up to the content length.
// A small one is one write, a large one a vectored write.
func (c *conn) write(opening, callID string, body []byte) error {
	b := append(c.store[:0], opening...)
	if callID != "" {
		b = append(b, "X-Request-Id: "...)
		b = append(b, callID...)
		b = append(b, "\r\n"...)
	}
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, int64(len(body)), 10)
	b = append(b, "\r\n\r\n"...)
	var err error
	if len(b)+len(body) <= cap(c.store) {
		_, err = c.net.Write(append(b, body...))
	} else {
		vector := net.Buffers{b, body}
		_, err = vector.WriteTo(c.net)
	}
	return err
}

// readHead reads the head of the final answer and skips interim ones. began
// says whether any byte came at all.
func (c *conn) readHead() (h head, began bool, err error) {
	c.buf = c.store[:0]
	for range maxInterim {
		n, err := c.fillHead(&began)
		if err != nil {
			return h, began, err
		}
		h, err = parseHead(c.buf[:n])
		if err != nil {
			return h, began, fmt.Errorf("the head of the answer: %w", err)
		}
		c.buf = c.buf[n:]
		switch {
		case h.status == 101:
			return h, began, errors.New("the engine switches protocols unasked")
		case h.status >= 200:
			return h, began, nil
		}
	}
	return h, began, fmt.Errorf("more than %d interim answers", maxInterim)
}

// fillHead reads until buf begins with a complete head and returns its length.
func (c *conn) fillHead(began *bool) (int, error) {
	seen := 0
	for {
		from := max(0, seen-3)
		if i := bytes.Index(c.buf[from:], []byte("\r\n\r\n")); i >= 0 {
			return from + i + 4, nil
		}
		seen = len(c.buf)
		if seen >= maxHead {
			return 0, fmt.Errorf("the head of the answer exceeds %d bytes", maxHead)
		}
		if cap(c.buf) == seen {
			grown := make([]byte, seen, max(smallHead, min(2*seen, maxHead)))
			copy(grown, c.buf)
			c.buf = grown
		}
		n, err := c.net.Read(c.buf[seen:cap(c.buf)])
		c.buf = c.buf[:seen+n]
		*began = *began || n > 0
		if n == 0 && err != nil {
			return 0, fmt.Errorf("reading the head of the answer: %w", cut(err))
		}
	}
}

// read takes what was read with the head first, then reads the socket, for as
// long as idle, straight into p.
func (c *conn) read(p []byte, idle time.Duration) (int, error) {
	if len(c.buf) > 0 {
		n := copy(p, c.buf)
		if c.buf = c.buf[n:]; len(c.buf) == 0 {
			c.buf = nil // a large head's memory is not kept
		}
		return n, nil
	}
	if err := c.readBy.give(time.Now(), idle); err != nil {
		return 0, err
	}
	n, err := c.net.Read(p)
	if n > 0 {
		return n, nil // an error comes again with the next read
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return 0, err
}
