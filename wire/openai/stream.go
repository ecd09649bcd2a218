package openai

import (
	"bytes"
	"encoding/json"
	"fmt"

	"sluice/wire/sse"
)

// MaxEvent bounds one event of an engine's stream, in bytes.
const MaxEvent = 4 << 20

// Stream watches an engine's stream on its way to the client. It decides which
// bytes pass, counts what was produced, and notes usage, errors and the end.
//
// The zero value is not usable; set the exported fields before the first Pass.
type Stream struct {
	Endpoint   Endpoint
	StripUsage bool // the client did not ask for the usage chunk

	Counted   Counted
	HasUsage  bool
	Tokens    int64 // chunks that carried output: tokens, where the engine sends one a chunk
	TextBytes int64 // bytes of the chunks that carried output, framing included
	Done      bool  // [DONE] was seen
	Err       error // why the stream is broken: the engine's error, CodeInvalid where it blames the request, or a malformed chunk

	tail []byte // the usage chunk, kept back until the call is settled
	last []byte // the newest chunk that said something or finished (or the first): to see which, and to speak in its name
}

// Pass looks at the events that are complete in buf and compacts what may go
// to the client to its front: buf[:pass] is to be written, buf[consumed:] is
// an incomplete event (or, after Done or Err, of no interest).
//
// The usage chunk and [DONE] never pass: they confirm the charge and go out
// after it is durable, by Tail and sse.Done.
func (s *Stream) Pass(buf []byte) (pass, consumed int) {
	for !s.Done && s.Err == nil {
		n := sse.Next(buf[consumed:])
		if n > MaxEvent || (n == 0 && len(buf)-consumed > MaxEvent) {
			s.Err = fmt.Errorf("the engine sent an event of more than %d bytes", MaxEvent)
			return pass, consumed
		}
		if n == 0 {
			return pass, consumed
		}
		event := buf[consumed : consumed+n]
		if s.look(event) {
			if pass != consumed {
				copy(buf[pass:], event)
			}
			pass += n
		}
		consumed += n
	}
	return pass, consumed
}

// Tail returns the chunk that confirms the usage, when the client asked for it.
func (s *Stream) Tail() []byte { return s.tail }

// Finished reports whether the engine brought the answer to its end: [DONE],
// or a finish reason in the last chunk that says something.
func (s *Stream) Finished() bool {
	return s.Done || hasFinish(s.last)
}

// look inspects one event and reports whether it passes.
func (s *Stream) look(event []byte) bool {
	payload, plain := sse.Data(event)
	if !plain {
		if payload = sse.Join(event); payload == nil {
			return s.silent(event)
		}
	}
	switch {
	case begins(payload, sse.DonePayload):
		s.Done = true
		return false
	case len(payload) == 0:
		return false // says nothing, and clients would fail to parse it
	case s.fast(payload):
		s.Tokens++
		s.TextBytes += int64(len(payload))
		s.last = append(s.last[:0], payload...)
		return true
	}
	return s.slow(event, payload)
}

// silent reports whether an event without data passes: a comment, or a field
// that clients read besides. Anything else is a page or garbage, of no engine's stream.
func (s *Stream) silent(event []byte) bool {
	for _, field := range []string{":", "event", "id", "retry", "data", "\n", "\r"} {
		if begins(event, field) {
			return true
		}
	}
	s.Err = fmt.Errorf("the engine sent what is no event: %.40q", event)
	return false
}

// fast reports whether the payload is the chunk that makes up nearly all of a
// stream: output in its only choice, no usage, no error. It decodes nothing and
// goes from colon to colon, once: inside a JSON string a quote is escaped, so
// that letters, a quote and a colon can only end a key.
func (s *Stream) fast(payload []byte) bool {
	says := false
	for b := payload; ; {
		at := bytes.IndexByte(b, ':')
		if at < 0 {
			return says && ends(payload, "}")
		}
		key, value := b[:at], b[at+1:]
		switch {
		case ends(key, s.Endpoint.delta):
			if says || !saysFirst(value) {
				return false
			}
			says = true
		case ends(key, `usage"`), ends(key, `error"`):
			if !begins(skipSpace(value), "null") {
				return false
			}
		case ends(key, " "), ends(key, "\t"), ends(key, "\n"):
			return false // a key may stand before the space
		}
		b = value
	}
}

// ends and begins compare without the call that bytes.HasSuffix makes.
func ends(b []byte, s string) bool { return len(b) >= len(s) && string(b[len(b)-len(s):]) == s }

func begins(b []byte, s string) bool { return len(b) >= len(s) && string(b[:len(s)]) == s }

// saysFirst reports whether b, which follows the key of a delta or of a text,
// begins with output: a non-empty text, or a delta with output in its leading
// members. Where they are unusual it says false, and the chunk is decoded.
func saysFirst(b []byte) bool {
	b = skipSpace(b)
	if !begins(b, "{") {
		return beginsText(b)
	}
	for len(b) > 0 && (b[0] == '{' || b[0] == ',') {
		key, value, ok := cutString(skipSpace(b[1:]))
		if !ok || !begins(value, ":") {
			return false
		}
		value = skipSpace(value[1:])
		switch string(key) {
		case "content", "reasoning_content", "reasoning", "refusal":
			if beginsText(value) {
				return true
			}
		case "tool_calls":
			return begins(value, "[{")
		}
		if begins(value, "null") {
			b = value[len("null"):]
		} else if _, b, ok = cutString(value); !ok {
			return false
		}
	}
	return false
}

// beginsText reports whether b begins with a string that is not empty.
func beginsText(b []byte) bool { return len(b) > 1 && b[0] == '"' && b[1] != '"' }

// cutString cuts a string without escapes off the front of b.
func cutString(b []byte) (s, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '"' {
		return nil, nil, false
	}
	end := bytes.IndexByte(b[1:], '"')
	if end < 0 || bytes.IndexByte(b[1:1+end], '\\') >= 0 {
		return nil, nil, false
	}
	return b[1 : 1+end], b[2+end:], true
}

func skipSpace(b []byte) []byte {
	for len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	return b
}

// chunk is the part of a streamed object that is read when it is read at all.
type chunk struct {
	Object  json.RawMessage `json:"object"`
	Choices []struct {
		Delta        delta           `json:"delta"`
		Text         json.RawMessage `json:"text"`
		FinishReason json.RawMessage `json:"finish_reason"`
	} `json:"choices"`
	Usage json.RawMessage `json:"usage"`
	Error json.RawMessage `json:"error"`
}

// delta holds what can be output. Engines call reasoning by two names, and
// some send a list of parts for the content.
type delta struct {
	Content          json.RawMessage `json:"content"`
	ReasoningContent json.RawMessage `json:"reasoning_content"`
	Reasoning        json.RawMessage `json:"reasoning"`
	Refusal          json.RawMessage `json:"refusal"`
	ToolCalls        json.RawMessage `json:"tool_calls"`
}

// says reports whether the delta carries output.
func (d delta) says() bool {
	return filled(d.Content) || filled(d.ReasoningContent) || filled(d.Reasoning) || filled(d.Refusal) || filled(d.ToolCalls)
}

// filled reports whether a value is there and not empty: what dynamic languages call true.
func filled(v []byte) bool {
	switch string(v) {
	case "", "null", "false", `""`, "[]", "{}":
		return false
	}
	return true
}

// slow decodes one chunk: the first, the last, one with usage or an error, an unusual one.
func (s *Stream) slow(event, payload []byte) bool {
	var c chunk
	if err := json.Unmarshal(payload, &c); err != nil {
		s.Err = fmt.Errorf("the engine sent a malformed chunk: %w", err)
		return false
	}
	if filled(c.Error) {
		s.Err = reported(c.Error)
		return false
	}
	if string(c.Object) == `"error"` { // older vLLM and SGLang do not wrap it
		s.Err = reported(payload)
		return false
	}
	if c.Choices == nil && !filled(c.Usage) && s.last == nil {
		s.Err = fmt.Errorf("the engine sent what is no chunk: %.80q", payload)
		return false
	}
	before := s.Tokens
	for _, choice := range c.Choices {
		if choice.Delta.says() || filled(choice.Text) {
			s.Tokens++
		}
	}
	if s.Tokens > before {
		s.TextBytes += int64(len(payload))
	}
	if s.Tokens > before || c.finishes() || s.last == nil {
		s.last = append(s.last[:0], payload...)
	}
	if !filled(c.Usage) {
		return true
	}
	counted, ok, err := parseUsage(c.Usage)
	if err != nil {
		s.Err = err
		return false
	}
	if ok {
		s.Counted, s.HasUsage = counted, true
	}
	if len(c.Choices) > 0 {
		return true
	}
	if !s.StripUsage {
		s.tail = append(s.tail[:0], event...)
	}
	return false
}

// finishes reports whether the chunk gives a finish reason.
func (c *chunk) finishes() bool {
	for _, choice := range c.Choices {
		if filled(choice.FinishReason) {
			return true
		}
	}
	return false
}

// hasFinish reports whether a chunk's payload gives a finish reason.
func hasFinish(payload []byte) bool {
	var c chunk
	return len(payload) > 0 && json.Unmarshal(payload, &c) == nil && c.finishes()
}
