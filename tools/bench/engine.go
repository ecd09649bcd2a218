package main

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// engine is an inference engine without a model: it answers chat completions
// as fast as a socket takes them, or one token at a time at a set pace. A request
// says in its body how: "stream", "max_tokens", "stream_options.include_usage", and
// "pace_us", the time between two tokens in microseconds.
type engine struct {
	poll     *poller
	listener int
	conns    map[int32]*engineConn
	due      []*engineConn // paced streams; one pace a run keeps them in order
	scratch  []byte

	whole  []byte // the answer that is not streamed
	models []byte
	before []byte
	block  []byte
	each   int
}

// engineConn is one connection and the answer that is on its way.
type engineConn struct {
	fd      int
	in      []byte
	script  *script
	pos     int // bytes sent
	end     int // bytes that may be sent by now
	told    int // tokens released
	pace    time.Duration
	next    time.Time
	writing bool // waits for room in the socket
	closed  bool
}

// runEngine serves until it is killed. It writes its address to out when ready.
func runEngine(out io.Writer) error {
	runtime.LockOSThread()
	p, err := newPoller()
	if err != nil {
		return err
	}
	fd, address, err := listen()
	if err != nil {
		return err
	}
	if err := p.watch(fd, false, false); err != nil {
		return err
	}
	e := newEngine(p, fd)
	fmt.Fprintln(out, address)
	for {
		if err := e.turn(); err != nil {
			return err
		}
	}
}

func newEngine(p *poller, listener int) *engine {
	e := &engine{poll: p, listener: listener, conns: map[int32]*engineConn{}, scratch: make([]byte, 64<<10)}
	e.whole = response("application/json", wholeAnswer())
	e.models = response("application/json", []byte(`{"object":"list","data":[{"id":"`+model+`","object":"model"}]}`))
	e.before = append([]byte("HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"), framed(opening())...)
	e.block, e.each = tokenBlock()
	return e
}

// response is a whole answer with its head.
func response(contentType string, body []byte) []byte {
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", contentType, len(body))
	return append([]byte(head), body...)
}

// turn waits for sockets or the next token's time, and serves what is ready.
func (e *engine) turn() error {
	wait := time.Duration(-1)
	if len(e.due) > 0 {
		wait = max(time.Until(e.due[0].next), 0)
	}
	events, err := e.poll.wait(wait)
	if err != nil {
		return err
	}
	for _, ev := range events {
		if int(ev.Fd) == e.listener {
			if err := e.accept(); err != nil {
				return err
			}
			continue
		}
		c := e.conns[ev.Fd]
		if ev.Events&unix.EPOLLOUT != 0 {
			e.write(c)
		}
		if ev.Events&^unix.EPOLLOUT != 0 {
			e.read(c)
		}
	}
	e.tick(time.Now())
	return nil
}

func (e *engine) accept() error {
	for {
		fd, _, err := unix.Accept4(e.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if again(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		if err := noDelay(fd); err != nil {
			return err
		}
		e.conns[int32(fd)] = &engineConn{fd: fd}
		if err := e.poll.watch(fd, false, false); err != nil {
			return err
		}
	}
}

// tick releases the tokens whose time has come. One that is late does not
// move those after it.
func (e *engine) tick(now time.Time) {
	for range len(e.due) {
		c := e.due[0]
		if c.next.After(now) {
			return
		}
		e.due = e.due[1:]
		if c.closed || c.script == nil {
			continue
		}
		c.told++
		c.end = c.script.released(c.told)
		c.next = c.next.Add(c.pace)
		if c.told < c.script.tokens {
			e.due = append(e.due, c)
		}
		if !c.writing {
			e.write(c)
		}
	}
}

// read takes in requests. One at a time is answered.
func (e *engine) read(c *engineConn) {
	n, err := unix.Read(c.fd, e.scratch)
	if again(err) {
		return
	}
	if n <= 0 || err != nil {
		e.close(c)
		return
	}
	c.in = append(c.in, e.scratch[:n]...)
	body := bytes.Index(c.in, []byte("\r\n\r\n")) + 4
	if body < 4 || c.script != nil {
		return
	}
	length := 0
	if v := headerValue(c.in[:body], "content-length"); v != nil {
		length = number(v)
	}
	if len(c.in) < body+length {
		return
	}
	e.begin(c, c.in[:body], c.in[body:body+length])
	c.in = append(c.in[:0], c.in[body+length:]...)
	e.write(c)
}

// begin chooses the answer to a request.
func (e *engine) begin(c *engineConn, head, body []byte) {
	c.pos, c.told = 0, 0
	switch {
	case bytes.HasPrefix(head, []byte("GET ")):
		c.script = &script{before: e.models}
	case !bytes.Contains(body, []byte(`"stream":true`)):
		c.script = &script{before: e.whole}
	default:
		tokens := member(body, `"max_tokens":`)
		s := &script{before: e.before, block: e.block, each: e.each, tokens: tokens}
		for _, ev := range closing(tokens, bytes.Contains(body, []byte(`"include_usage":true`))) {
			s.after = append(s.after, framed(ev)...)
		}
		s.after = append(s.after, "0\r\n\r\n"...)
		c.script, c.pace = s, time.Duration(member(body, `"pace_us":`))*time.Microsecond
		if c.pace > 0 {
			c.told = 1
			c.next = time.Now().Add(c.pace)
			e.due = append(e.due, c)
		}
	}
	c.end = c.script.length()
	if c.told > 0 {
		c.end = c.script.released(c.told)
	}
}

// write sends what may be sent by now.
func (e *engine) write(c *engineConn) {
	for c.script != nil && c.pos < c.end {
		n := c.script.fill(e.scratch, c.pos, c.end)
		n, err := unix.Write(c.fd, e.scratch[:n])
		if again(err) {
			e.waitForRoom(c, true)
			return
		}
		if err != nil {
			e.close(c)
			return
		}
		c.pos += n
	}
	e.waitForRoom(c, false)
	if c.script != nil && c.pos == c.script.length() {
		c.script = nil
	}
}

func (e *engine) waitForRoom(c *engineConn, writing bool) {
	if c.writing == writing || c.closed {
		return
	}
	c.writing = writing
	if e.poll.watch(c.fd, writing, true) != nil {
		e.close(c)
	}
}

func (e *engine) close(c *engineConn) {
	if c.closed {
		return
	}
	c.closed, c.script = true, nil
	delete(e.conns, int32(c.fd))
	_ = unix.Close(c.fd)
}

// headerValue finds a field's value in a head, by its lower-case name.
func headerValue(head []byte, name string) []byte {
	for len(head) > 0 {
		end := bytes.IndexByte(head, '\n')
		if end < 0 {
			return nil
		}
		line := head[:end]
		head = head[end+1:]
		if len(line) > len(name) && line[len(name)] == ':' && bytes.EqualFold(line[:len(name)], []byte(name)) {
			return bytes.TrimSpace(line[len(name)+1:])
		}
	}
	return nil
}

// member reads the number after a name in a JSON text of our own making; 0 when it is not there.
func member(body []byte, name string) int {
	at := bytes.Index(body, []byte(name))
	if at < 0 {
		return 0
	}
	return number(body[at+len(name):])
}

// number reads leading decimal digits.
func number(b []byte) int {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + int(c-'0')
	}
	return n
}
