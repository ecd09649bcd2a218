package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// chatPath is what is asked for, of gateways and engine alike.
const chatPath = "/v1/chat/completions"

// plan tells a load generator what to do. Each run is a process of its own.
type plan struct {
	Address string
	Key     string
	Conns   int
	Stream  bool
	Tokens  int     // of a stream
	PaceUS  int     // time between two tokens; 0: all at once
	Rate    float64 // requests a second, arriving at random; 0: each connection asks again when it is answered
	Once    bool    // each connection asks once
	SpreadS float64 // seconds over which the first requests are spread
}

// request is what each connection sends.
func (p *plan) request() []byte {
	prompt := make([]byte, 0, 1000)
	for len(prompt) < cap(prompt) {
		prompt = append(prompt, "word "...)
	}
	options := ""
	if p.Stream {
		options = fmt.Sprintf(`"stream":true,"max_tokens":%d,"pace_us":%d,`, p.Tokens, p.PaceUS)
	}
	body := fmt.Sprintf(`{"model":%q,%s"temperature":0.7,"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":%q}]}`, model, options, prompt)
	return fmt.Appendf(nil, "POST "+chatPath+" HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nAccept: application/json\r\nContent-Type: application/json\r\n"+
		"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s", p.Address, p.Key, len(body), body)
}

// answer is what each connection must get.
func (p *plan) answer() []byte {
	if p.Stream {
		return streamAnswer(p.Tokens)
	}
	return wholeAnswer()
}

// progress is what a load generator says when asked ("mark") and at its end.
type progress struct {
	Answers int64 // complete and right, since the start
	Tokens  int64 // received, since the start
	Open    int   // answers under way
	Errors  int64
	Error   string // the first

	// Since the last mark, in seconds: from a request (or from when it should have been
	// sent) to its first byte of content, and how late paced tokens came.
	TTFT summary
	Late summary
}

// load is a running load generator.
type load struct {
	plan
	poll    *poller
	out     *json.Encoder
	want    []byte
	send    []byte
	each    int // bytes of a token in want
	before  int // bytes of want before the first token
	conns   []*loadConn
	byFD    map[int32]*loadConn
	idle    []*loadConn
	first   int         // of the connections that have not asked yet, without a rate
	waiting []time.Time // arrivals that found no idle connection
	arrival time.Time   // the next one
	random  *rand.Rand

	seen     progress
	ttft     []float64
	late     []float64
	begun    int // connections that have received content
	stopping bool
	steady   bool
}

// runLoad carries out a plan. It says {"steady"} once every connection has been
// answered to, answers "mark" with progress, and ends with progress after "stop".
func runLoad(p plan, in int, out io.Writer) error {
	runtime.LockOSThread()
	w := bufio.NewWriter(out)
	l := &load{plan: p, out: json.NewEncoder(w), byFD: map[int32]*loadConn{}, random: rand.New(rand.NewPCG(1, 2))}
	l.want, l.send = p.answer(), p.request()
	l.each, l.before = len(tokenEvent(0)), len(opening())
	if err := l.open(in); err != nil {
		return err
	}
	for {
		done, err := l.turn(in)
		if err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if done {
			return nil
		}
	}
}

// open connects and decides when each connection asks first.
func (l *load) open(in int) error {
	var err error
	if l.poll, err = newPoller(); err != nil {
		return err
	}
	if err := l.poll.watch(in, false, false); err != nil {
		return err
	}
	start := time.Now()
	for i := range l.Conns {
		fd, err := connect(l.Address)
		if err != nil {
			return err
		}
		c := &loadConn{fd: fd, buf: make([]byte, 64<<10)}
		l.conns, l.byFD[int32(fd)] = append(l.conns, c), c
		if err := l.poll.watch(fd, false, false); err != nil {
			return err
		}
		if l.Rate > 0 {
			l.idle = append(l.idle, c)
			continue
		}
		c.start = start.Add(time.Duration(l.SpreadS * float64(i) / float64(l.Conns) * float64(time.Second)))
	}
	l.arrival = start
	if l.Rate > 0 {
		l.steady = true
		return l.out.Encode("steady")
	}
	return nil
}

// turn waits for the next thing to do and does it.
func (l *load) turn(in int) (done bool, err error) {
	events, err := l.poll.wait(l.untilNext(time.Now()))
	if err != nil {
		return false, err
	}
	now := time.Now()
	for _, ev := range events {
		if int(ev.Fd) == in {
			if err := l.command(in); err != nil {
				return false, err
			}
			continue
		}
		l.read(l.byFD[ev.Fd], now)
	}
	l.begin(time.Now())
	if !l.steady && l.begun+int(l.seen.Errors) >= l.Conns {
		l.steady = true
		if err := l.out.Encode("steady"); err != nil {
			return false, err
		}
	}
	if l.stopping && l.seen.Open == 0 {
		return true, l.out.Encode(l.mark())
	}
	return false, nil
}

// untilNext is how long nothing is to be begun; negative: until something arrives.
func (l *load) untilNext(now time.Time) time.Duration {
	switch {
	case l.stopping:
		return -1
	case l.Rate > 0:
		return max(l.arrival.Sub(now), 0)
	case l.first < len(l.conns):
		return max(l.conns[l.first].start.Sub(now), 0)
	}
	return -1
}

// begin sends the requests whose time has come.
func (l *load) begin(now time.Time) {
	if l.stopping {
		return
	}
	for l.Rate > 0 && !l.arrival.After(now) {
		l.waiting = append(l.waiting, l.arrival)
		l.arrival = l.arrival.Add(time.Duration(l.random.ExpFloat64() / l.Rate * float64(time.Second)))
	}
	for len(l.waiting) > 0 && len(l.idle) > 0 {
		c := l.idle[len(l.idle)-1]
		l.idle = l.idle[:len(l.idle)-1]
		l.ask(c, l.waiting[0])
		l.waiting = l.waiting[1:]
	}
	for l.Rate == 0 && l.first < len(l.conns) && !l.conns[l.first].start.After(now) {
		l.first++
		l.ask(l.conns[l.first-1], now)
	}
}

// ask sends the request. at is when it should have been sent.
func (l *load) ask(c *loadConn, at time.Time) {
	c.begin(at)
	l.seen.Open++
	n, err := unix.Write(c.fd, l.send)
	if err == nil && n < len(l.send) {
		err = errors.New("the request did not fit into the socket")
	}
	if err != nil {
		l.fail(c, err)
	}
}

// command obeys the process that measures.
func (l *load) command(in int) error {
	var b [64]byte
	n, err := unix.Read(in, b[:])
	if err != nil {
		return err
	}
	if n == 0 {
		return errors.New("nobody measures any more")
	}
	if string(b[:n]) == "mark\n" {
		return l.out.Encode(l.mark())
	}
	l.stopping = true
	return nil
}

// mark is the progress so far; times begin anew.
func (l *load) mark() progress {
	p := l.seen
	for _, c := range l.conns {
		p.Tokens += int64(c.tokens)
	}
	p.TTFT, p.Late = summarise(l.ttft), summarise(l.late)
	l.ttft, l.late = l.ttft[:0], l.late[:0]
	return p
}

// read takes what arrived on a connection and checks it.
func (l *load) read(c *loadConn, now time.Time) {
	if c.failed {
		return
	}
	for {
		n, err := unix.Read(c.fd, c.buf[c.kept:])
		if again(err) {
			return
		}
		if err == nil && n <= 0 {
			err = errors.New("the connection was closed in the middle")
		}
		if err == nil {
			err = c.take(c.buf[:c.kept+n], l.want)
		}
		if err != nil {
			l.fail(c, err)
			return
		}
		l.note(c, now)
		if c.complete {
			l.finished(c, now)
			return
		}
		if n < len(c.buf)/2 {
			return
		}
	}
}

// note records when content came.
func (l *load) note(c *loadConn, now time.Time) {
	if c.content == 0 {
		return
	}
	if c.firstAt.IsZero() {
		c.firstAt = now
		l.ttft = append(l.ttft, now.Sub(c.asked).Seconds())
		if !c.counted {
			c.counted = true
			l.begun++
		}
	}
	if !l.Stream {
		return
	}
	tokens := min(max(c.content-l.before, 0)/l.each, l.Tokens)
	if l.PaceUS > 0 && tokens > max(c.tokens, 1) {
		due := c.firstAt.Add(time.Duration(tokens-1) * time.Duration(l.PaceUS) * time.Microsecond)
		l.late = append(l.late, now.Sub(due).Seconds())
	}
	c.tokens = tokens
}

// finished ends an answer and begins the next.
func (l *load) finished(c *loadConn, now time.Time) {
	l.seen.Open--
	l.seen.Answers++
	l.seen.Tokens += int64(c.tokens)
	c.tokens = 0
	switch {
	case l.stopping || l.Once:
	case l.Rate > 0:
		l.idle = append(l.idle, c)
	default:
		l.ask(c, now)
	}
}

// fail gives a connection up.
func (l *load) fail(c *loadConn, err error) {
	c.failed = true
	_ = unix.Close(c.fd)
	l.seen.Open--
	l.seen.Errors++
	if l.seen.Error == "" {
		l.seen.Error = err.Error()
	}
}
