package gateway

import (
	"errors"
	"io"

	"sluice"
	"sluice/wire/openai"
)

// Sizes of the relay's buffer: small while an engine sends a token at a time,
// so that many open streams cost little, and larger once it fills the small one.
const (
	smallRead = 4 << 10
	largeRead = 32 << 10
)

// maxWhole bounds an answer that is not streamed.
const maxWhole = 64 << 20

// relay passes the engine's answer on to the client. A whole answer has been
// read already and is sent once it is paid for. Errors: CodeEngineFailed,
// CodeTimeout, errLeft.
func (c *call) relay() error {
	if c.media != nil {
		return c.relayMedia()
	}
	c.takeShadow()
	if !c.request.Stream {
		return nil
	}
	// No other engine will be asked.
	c.g.bodies.put(c.body)
	c.body = nil
	for !c.stream.Done {
		if err := c.withinBudget(); err != nil {
			return err
		}
		if c.cutOff {
			return c.reply.Body.Close() // the engine stops now, not after the booking
		}
		pass, err := c.pump.next(c.reply.Body, &c.stream)
		if len(pass) > 0 {
			c.deliver(pass)
		}
		if fault := c.broken(); fault != nil {
			return fault
		}
		if c.left && c.taken.Engine.OnLeave != sluice.LeaveDrain {
			return c.clientLeft()
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF) && c.request.Choices == 1 && c.stream.Finished():
			return nil // some engines send no [DONE]; of several answers, others may have been cut off
		default:
			return c.engineFault(err)
		}
	}
	return nil
}

// firstBytes reads until something can pass to the client, while the call can
// still go to another engine.
func (c *call) firstBytes() error {
	c.stream = openai.Stream{Endpoint: c.endpoint, StripUsage: !c.request.IncludeUsage}
	if c.pump.buf == nil {
		c.pump.buf = c.g.reads.get(smallRead)[:smallRead]
	}
	c.pump = pump{buf: c.pump.buf}
	for !c.stream.Done {
		pass, err := c.pump.next(c.reply.Body, &c.stream)
		if len(pass) > 0 {
			if !c.inTime() {
				return c.engineFault(errLate)
			}
			c.deliver(pass)
			return nil // an error comes again with the next read
		}
		if err != nil {
			return c.engineFault(err)
		}
	}
	switch {
	case !c.inTime():
		return c.engineFault(errLate)
	case !c.stream.HasUsage:
		return c.engineFault(errors.New("a stream of nothing but its end"))
	}
	return nil
}

// deliver writes to the client. One that cannot be written to has left.
func (c *call) deliver(b []byte) {
	if c.firstAt.IsZero() && c.stream.Tokens > 0 {
		c.firstAt = c.g.Now()
		c.g.Fleet.Began(c.taken)
	}
	if !c.left && c.out.send(c.mended(b)) != nil {
		c.left = true
	}
}

// broken is why the engine's stream cannot be put into the client's dialect.
func (c *call) broken() error {
	if c.speech == nil || c.speech.fault == nil {
		return nil
	}
	return c.engineFault(c.speech.fault)
}

// withinBudget asks for the next slice when the hold is nearly used up, and
// cuts the answer off when there is none to be had.
func (c *call) withinBudget() error {
	if c.stream.Tokens >= c.budget.extendAt {
		checkpoint, err := c.eventNow(sluice.StatusRecovered)
		if err != nil {
			return err
		}
		c.budget.extend(c.g.Ledger.Extend(c.id, c.budget.more(c.stream.Tokens), checkpoint))
	}
	c.cutOff = c.stream.Tokens >= c.budget.endsAt
	return nil
}

// readWhole reads an answer that is not streamed to its end and checks it.
func (c *call) readWhole() error {
	if c.whole == nil {
		c.whole = c.g.bodies.get(smallRead)
	}
	var err error
	if c.whole, err = appendAll(c.whole[:0], c.reply.Body, maxWhole); err != nil {
		return c.engineFault(err)
	}
	c.parsed, err = c.g.parser.ParseReply(c.endpoint, c.whole)
	if err == nil && c.speech != nil {
		c.answer, err = openai.ParseAnswer(c.whole)
	}
	if err != nil {
		return c.engineFault(err)
	}
	if c.renames() {
		c.whole = openai.AppendThoughts(nil, c.whole)
	}
	return nil
}

// pump moves an engine's stream through one buffer.
type pump struct {
	buf   []byte
	start int // of what has not been looked at
	fill  int // end of what has been read
	ended error
}

// next reads once and returns what of it may pass, valid until the next call.
// The error is the engine's: io.EOF at its end, the watcher's for a broken stream.
func (p *pump) next(body io.Reader, s *openai.Stream) ([]byte, error) {
	if p.ended != nil {
		return nil, p.ended
	}
	p.makeRoom()
	n, err := body.Read(p.buf[p.fill:])
	p.fill += n
	if err != nil {
		p.ended = err
		if errors.Is(err, io.EOF) && p.fill > p.start {
			p.closeEvent() // a last event without its blank line
		}
	}
	pass, consumed := s.Pass(p.buf[p.start:p.fill])
	out := p.buf[p.start : p.start+pass]
	p.start += consumed
	if s.Err != nil {
		p.ended = s.Err
	}
	if s.Err != nil || pass == 0 {
		return out, p.ended
	}
	return out, nil // an end comes with the next call, after these bytes
}

// makeRoom moves what is left to the front, and grows the buffer when it is
// nearly full: what the engine's framing took of a read leaves no full one.
func (p *pump) makeRoom() {
	full := p.fill >= len(p.buf)*7/8
	copy(p.buf, p.buf[p.start:p.fill])
	p.fill, p.start = p.fill-p.start, 0
	if !full {
		return
	}
	size := max(largeRead, 2*p.fill)
	if size > len(p.buf) {
		grown := make([]byte, size)
		copy(grown, p.buf[:p.fill])
		p.buf = grown
	}
}

// closeEvent ends an event that the engine left open.
func (p *pump) closeEvent() {
	p.buf = append(p.buf[:p.fill], "\n\n"...)
	p.fill = len(p.buf)
	p.buf = p.buf[:cap(p.buf)]
}
