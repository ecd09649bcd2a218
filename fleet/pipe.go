package fleet

import (
	"errors"
	"io"
	"sync"
)

const (
	pipeFull  = 64 << 10 // bytes in the pipe that make the writer wait
	pipeFlush = 4 << 10  // bytes that are passed on without a flush
)

// pipe is the way of an answer's bytes from a handler's goroutine to the
// reader. One goroutine writes, one reads.
type pipe struct {
	mu      sync.Mutex
	buf     []byte
	from    int   // buf[from:to] may be read
	to      int   // buf[to:] waits for a flush
	end     error // why no more will be written: io.EOF, or the handler's failure
	left    error // why nobody reads any more
	taken   int64 // bytes that were read
	whole   bool  // the reader was told of io.EOF
	ended   func(taken int64, whole bool)
	toRead  chan struct{}
	toWrite chan struct{}
}

func newPipe() *pipe {
	return &pipe{toRead: make(chan struct{}, 1), toWrite: make(chan struct{}, 1)}
}

// wake leaves one token in c.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// write takes all of b, waiting while the pipe is full.
func (p *pipe) write(b []byte) (n int, err error) {
	for {
		p.mu.Lock()
		if p.left != nil {
			defer p.mu.Unlock()
			return n, p.left
		}
		m := min(len(b), pipeFull-(len(p.buf)-p.from))
		if m > 0 {
			if p.from > 0 && len(p.buf)+m > cap(p.buf) {
				p.to -= p.from
				p.buf = p.buf[:copy(p.buf, p.buf[p.from:])]
				p.from = 0
			}
			p.buf = append(p.buf, b[:m]...)
			n, b = n+m, b[m:]
		}
		if len(p.buf)-p.to >= pipeFlush || len(b) > 0 {
			p.to = len(p.buf)
			wake(p.toRead)
		}
		p.mu.Unlock()
		if len(b) == 0 {
			return n, nil
		}
		<-p.toWrite
	}
}

// flush lets the reader have everything that was written. It says when
// nobody reads any more.
func (p *pipe) flush() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.to = len(p.buf)
	wake(p.toRead)
	return p.left
}

// finish ends the writing side: io.EOF for a proper end.
func (p *pipe) finish(end error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.end == nil {
		p.end = end
	}
	p.to = len(p.buf)
	wake(p.toRead)
}

// leave ends the reading side: writes fail from now on, one that waits too.
func (p *pipe) leave(why error) {
	p.mu.Lock()
	if p.left == nil {
		p.left = why
	}
	tell := p.ended
	p.ended = nil
	wake(p.toWrite)
	wake(p.toRead)
	p.mu.Unlock()
	if tell != nil {
		tell(p.taken, p.whole) // neither changes any more
	}
}

// onEnd has f called once, when the reader left, or now if it has.
func (p *pipe) onEnd(f func(taken int64, whole bool)) {
	p.mu.Lock()
	left := p.left != nil
	if !left {
		p.ended = f
	}
	p.mu.Unlock()
	if left {
		f(p.taken, p.whole)
	}
}

// take moves what may be read into b. Without any it returns the end, or nil
// when the reader has to wait for toRead.
func (p *pipe) take(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left != nil {
		return 0, p.left
	}
	n := copy(b, p.buf[p.from:p.to])
	p.from += n
	p.taken += int64(n)
	if p.from == len(p.buf) {
		p.buf, p.from, p.to = p.buf[:0], 0, 0
	}
	if n > 0 {
		wake(p.toWrite)
		return n, nil
	}
	p.whole = errors.Is(p.end, io.EOF)
	return 0, p.end
}
