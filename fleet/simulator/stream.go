package simulator

import (
	"bytes"
	"context"
	"net/http"
)

// stream writes an answer as server-sent events. All chunks of tokens are
// alike but for the token's four bytes, so that they are rendered once and then
// only patched.
type stream struct {
	*answer
	w     http.ResponseWriter
	flush *http.ResponseController
	open  bool   // the headers are out
	chunk []byte // as many rendered chunks of one token each as go into one write
	each  int    // length of one of them
	at    int    // where the token is in it
}

// streamed answers with one event per token as they are produced, each in its
// own write (instant puts answer.batch into one), and then in one write the
// finish reason, the usage if asked for, and the end. It gives up when the
// client leaves.
func (a *answer) streamed(ctx context.Context, w http.ResponseWriter) {
	s := &stream{answer: a, w: w, flush: http.NewResponseController(w)}
	s.render()
	struck := false
	for sent, produced := 0, 0; ; {
		if sent == produced && sent < a.output {
			var err error
			if produced, err = a.wait(ctx, sent); err != nil {
				return
			}
		}
		if a.fault.inside() && a.fault.After == sent && !struck {
			struck = true
			if !s.strike(ctx) {
				return
			}
		}
		if sent == a.output {
			break
		}
		n := min(produced-sent, a.batch)
		switch {
		case a.fault.inside() && !struck:
			n = min(n, a.fault.After-sent)
		case a.fault.Kind == FaultSlow:
			n = 1
			if sleep(ctx, a.fault.Delay) != nil {
				return
			}
		}
		if s.tokens(sent, n) != nil {
			return
		}
		sent += n
	}
	_ = s.send(s.tail()) // a client that has left gets nothing
}

// strike lets the fault happen. It reports whether the stream goes on.
func (s *stream) strike(ctx context.Context) bool {
	switch s.fault.Kind {
	case FaultMalformed:
		broken := append(s.appendHead([]byte("data: "), true), `{"index":0,"delta":{"con`+"\n\n"...)
		return s.send(broken) == nil
	case FaultSlow:
		return true // from here on each token waits
	}
	breakOff(ctx, s.fault.Kind)
	return false
}

// render prepares the chunks of tokens.
func (s *stream) render() {
	b := s.appendHead([]byte("data: "), true)
	if s.chat {
		b = append(b, `{"index":0,"delta":{"content":"`...)
	} else {
		b = append(b, `{"text":"`...)
	}
	s.at = len(b)
	b = append(b, "????"...)
	if s.chat {
		b = append(b, `"},"logprobs":null,"finish_reason":null}]`...)
	} else {
		b = append(b, `","index":0,"logprobs":null,"finish_reason":null}]`...)
	}
	b = s.appendEnd(b)
	s.each = len(b)
	s.chunk = bytes.Repeat(b, min(s.batch, s.output))
}

// appendEnd ends a chunk. With the usage asked for, every chunk before the
// last has a null in its place.
func (s *stream) appendEnd(b []byte) []byte {
	if s.includeUsage && s.fault.Kind != FaultOmitUsage {
		b = append(b, `,"usage":null`...)
	}
	return append(b, "}\n\n"...)
}

// tokens sends the n tokens from the given one on; n is at most as many as
// were rendered.
func (s *stream) tokens(from, n int) error {
	for i := range n {
		copy(s.chunk[i*s.each+s.at:], s.text[(from+i)*tokenBytes:(from+i+1)*tokenBytes])
	}
	return s.send(s.chunk[:n*s.each])
}

// tail returns what follows the last token.
func (s *stream) tail() []byte {
	b := s.appendHead([]byte("data: "), true)
	if s.chat {
		b = append(b, `{"index":0,"delta":{},"logprobs":null,"finish_reason":"`...)
	} else {
		b = append(b, `{"text":"","index":0,"logprobs":null,"finish_reason":"`...)
	}
	b = append(b, s.finish...)
	b = append(b, `"}]`...)
	b = s.appendEnd(b)
	if s.includeUsage && s.fault.Kind != FaultOmitUsage {
		b = s.appendHead(append(b, "data: "...), true)
		b = append(b, `],"usage":`...)
		b = s.appendUsage(b)
		b = append(b, "}\n\n"...)
	}
	return append(b, "data: [DONE]\n\n"...)
}

// send writes and flushes. What comes first is the headers, and in a chat the
// chunk with the role.
func (s *stream) send(b []byte) error {
	if !s.open {
		s.open = true
		s.announce(s.w, "text/event-stream; charset=utf-8")
		s.w.Header().Set("Cache-Control", "no-cache")
		if s.chat {
			role := append(s.appendHead([]byte("data: "), true), `{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]`...)
			if err := s.send(s.appendEnd(role)); err != nil {
				return err
			}
		}
	}
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	return s.flush.Flush()
}
