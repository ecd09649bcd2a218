package assist

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"sluice"
	"sluice/wire/sse"
)

// Stop ends an answer that is being written. What was produced stays and is
// billed. It does nothing to a message that is finished. Errors: CodeNotFound.
func (s *Service) Stop(ctx context.Context, who Person, chat, message string) error {
	if _, err := s.message(ctx, who, chat, message); err != nil {
		return err
	}
	a := s.running(message)
	if a == nil {
		return nil
	}
	a.mu.Lock()
	a.stopped = true
	a.mu.Unlock()
	a.cancel()
	return nil
}

// message returns a message of a person's chat. Errors: CodeNotFound.
func (s *Service) message(ctx context.Context, who Person, chat, id string) (*sluice.ChatMessage, error) {
	_, messages, err := s.Get(ctx, who, chat)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		if m.ID == id {
			return m, nil
		}
	}
	return nil, sluice.Errorf(sluice.CodeNotFound, "The chat has no message %.64q.", id)
}

// piece is what an event adds to a message. Whoever has Text bytes of the text
// and Reasoning bytes of the reasoning before it has all.
type piece struct {
	TextAt      int    `json:"text_at"`
	Text        string `json:"text,omitempty"`
	ReasoningAt int    `json:"reasoning_at"`
	Reasoning   string `json:"reasoning,omitempty"`
}

// Between what is sent to a reader: pieces that come faster are joined.
const followEvery = 40 * time.Millisecond

// keepAlive is how often a silent stream gets a comment.
const keepAlive = 10 * time.Second

// writeTimeout is how long a reader may take to accept what is written.
const writeTimeout = 30 * time.Second

// Follow sends how a message goes on, as server-sent events: "delta" with what
// is added behind the bytes that the reader has, and at the end "done" with the whole
// message, as show writes it. A reader that was cut off comes again with what it
// has. Errors: CodeNotFound, before anything was sent.
func (s *Service) Follow(ctx context.Context, who Person, chat, message string, text, reasoning int, show func(*sluice.ChatMessage) any) (func(http.ResponseWriter), error) {
	if _, err := s.message(ctx, who, chat, message); err != nil {
		return nil, err
	}
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("X-Accel-Buffering", "no")
		conn := http.NewResponseController(w)
		send := func(frame []byte) bool {
			_ = conn.SetWriteDeadline(time.Now().Add(writeTimeout)) // not every writer can: then nobody stalls it
			_, err := w.Write(frame)
			return err == nil && conn.Flush() == nil
		}
		for a := s.running(message); a != nil; {
			p, changed := a.behind(text, reasoning)
			if p.Text != "" || p.Reasoning != "" {
				if !send(frame("delta", p)) {
					return
				}
				text, reasoning = p.TextAt+len(p.Text), p.ReasoningAt+len(p.Reasoning)
			}
			if changed == nil {
				break
			}
			if !s.await(ctx, changed, send) {
				return
			}
		}
		if m, err := s.message(ctx, who, chat, message); err == nil {
			send(frame("done", show(m)))
		}
	}, nil
}

// await returns true once there is more to tell, false when the reader has left
// or the server stops.
func (s *Service) await(ctx context.Context, changed <-chan struct{}, send func([]byte) bool) bool {
	silence := time.NewTicker(keepAlive)
	defer silence.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-silence.C:
			if !send([]byte(sse.Comment)) {
				return false
			}
		case <-changed:
			select {
			case <-time.After(followEvery):
				return true
			case <-ctx.Done():
				return false
			}
		}
	}
}

// behind returns what there is behind the bytes that a reader has, and what is
// closed when there is more; nil at the end. Characters are not divided.
func (a *answer) behind(text, reasoning int) (piece, <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := piece{TextAt: min(max(text, 0), a.text.Len()), ReasoningAt: min(max(reasoning, 0), a.reasoning.Len())}
	p.Text, p.Reasoning = whole(a.text.Bytes()[p.TextAt:]), whole(a.reasoning.Bytes()[p.ReasoningAt:])
	return p, a.changed
}

// whole cuts off a character at the end that has not come wholly.
func whole(b []byte) string {
	for i := 1; i <= min(3, len(b)); i++ {
		c := b[len(b)-i]
		if c < 0x80 {
			break
		}
		if c >= 0xc0 { // a character's first byte
			need := 2
			if c >= 0xf0 {
				need = 4
			} else if c >= 0xe0 {
				need = 3
			}
			if i < need {
				return string(b[:len(b)-i])
			}
			break
		}
	}
	return string(b)
}

// frame writes an event.
func frame(name string, data any) []byte {
	object, err := json.Marshal(data)
	if err != nil {
		object = []byte(`{}`) // structs of strings and numbers can be written
	}
	return fmt.Appendf(nil, "event: %s\ndata: %s\n\n", name, object)
}
