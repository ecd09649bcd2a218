package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// reply is a streamed answer of four tokens on the wire, in one chunk an event.
func reply() []byte {
	block, each := tokenBlock()
	s := script{before: append([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), framed(opening())...), block: block, each: each, tokens: 4}
	for _, e := range closing(4, false) {
		s.after = append(s.after, framed(e)...)
	}
	s.after = append(s.after, "0\r\n\r\n"...)
	b := make([]byte, s.length())
	s.fill(b, 0, s.length())
	return b
}

// receive gives the answer to a connection in pieces of the given size, as
// the load generator does.
func receive(answer, want []byte, size int) error {
	c := &loadConn{buf: make([]byte, 64<<10)}
	c.begin(time.Now())
	for len(answer) > 0 {
		n := copy(c.buf[c.kept:], answer[:min(size, len(answer))])
		answer = answer[n:]
		if err := c.take(c.buf[:c.kept+n], want); err != nil {
			return err
		}
	}
	if !c.complete {
		return fmt.Errorf("not complete after %d bytes of content", c.content)
	}
	return nil
}

// TestTake reads a right answer however it arrives.
func TestTake(t *testing.T) {
	for size := 1; size < 600; size++ {
		if err := receive(reply(), streamAnswer(4), size); err != nil {
			t.Fatalf("pieces of %d bytes: %v", size, err)
		}
	}
	whole := response("application/json", wholeAnswer())
	for size := 1; size <= len(whole); size++ {
		if err := receive(whole, wholeAnswer(), size); err != nil {
			t.Fatalf("a whole answer in pieces of %d bytes: %v", size, err)
		}
	}
}

// TestTakeRefuses: an answer that is not the engine's counts as wrong.
func TestTakeRefuses(t *testing.T) {
	right := string(reply())
	token, next := string(framed(tokenEvent(2))), string(framed(tokenEvent(3)))
	for name, wrong := range map[string]string{
		"a token lost":       strings.Replace(right, token, "", 1),
		"a token twice":      strings.Replace(right, token, token+token, 1),
		"two tokens swapped": strings.Replace(right, token+next, next+token, 1),
		"a letter changed":   strings.Replace(right, "word01", "word11", 1),
		"no DONE":            strings.Replace(right, string(framed([]byte("data: [DONE]\n\n"))), "", 1),
		"cut off":            right[:len(right)-5],
		"another status":     strings.Replace(right, "200 OK", "502 Bad Gateway", 1),
		"more after it":      right + "x",
		"a bad frame":        strings.Replace(right, "\r\n0\r\n", "\r\nz\r\n", 1),
	} {
		if wrong == right {
			t.Fatalf("%s: nothing was changed", name)
		}
		if receive([]byte(wrong), streamAnswer(4), 100) == nil {
			t.Errorf("%s: taken for right", name)
		}
	}
}

func TestScript(t *testing.T) {
	block, each := tokenBlock()
	s := script{before: []byte("before"), block: block, each: each, tokens: 700, after: []byte("after")}
	var want []byte
	want = append(want, "before"...)
	for i := range 700 {
		want = append(want, framed(tokenEvent(i))...)
	}
	want = append(want, "after"...)
	got := make([]byte, s.length())
	for pos := 0; pos < len(got); {
		pos += s.fill(got[pos:min(pos+1009, len(got))], pos, len(got))
	}
	if !bytes.Equal(got, want) {
		t.Error("the script's bytes differ from its tokens")
	}
	if s.released(0) != 6 || s.released(3) != 6+3*each || s.released(700) != len(want) {
		t.Errorf("released %d, %d, %d of %d", s.released(0), s.released(3), s.released(700), len(want))
	}
}
