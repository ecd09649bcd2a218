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
	Err       error // why the stream is broken: the engine's error, or a malformed chunk

	tail []byte // the usage chunk, kept back until the call is settled
	last []byte // the newest chunk's payload, to see whether it finished when [DONE] is missing
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
		if n == 0 {
			if len(buf)-consumed > MaxEvent {
				s.Err = fmt.Errorf("the engine sent an event of more than %d bytes", MaxEvent)
			}
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
// or a finish reason in its last chunk.
func (s *Stream) Finished() bool {
	return s.Done || hasFinish(s.last)
}

// look inspects one event and reports whether it passes.
func (s *Stream) look(event []byte) bool {
	payload, plain := sse.Data(event)
	if !plain {
		if payload = sse.Join(event); payload == nil {
			return true // a comment
		}
	}
	if bytes.HasPrefix(payload, []byte(sse.DonePayload)) {
		s.Done = true
		return false
	}
	if s.fast(payload) {
		s.last = append(s.last[:0], payload...)
		return true
	}
	return s.slow(event, payload)
}

// fast takes the chunk that makes up nearly all of a stream: output in its
// first choice and no usage. It decodes nothing: inside a JSON string a quote is
// escaped, so that a quoted key followed by a colon can only be a key.
func (s *Stream) fast(payload []byte) bool {
	at := bytes.Index(payload, []byte(s.Endpoint.delta))
	if at < 0 || payload[len(payload)-1] != '}' {
		return false
	}
	rest := payload[at+len(s.Endpoint.delta):]
	if !startsOutput(rest) || !s.usageNull(payload[:at]) || !s.usageNull(rest) {
		return false
	}
	s.Tokens++
	s.TextBytes += int64(len(payload))
	return true
}

// usageNull reports whether part holds no usage object.
func (s *Stream) usageNull(part []byte) bool {
	at := bytes.Index(part, []byte(`usage":`))
	if at < 0 {
		return true
	}
	return bytes.HasPrefix(bytes.TrimLeft(part[at+len(`usage":`):], " "), []byte("null"))
}

// startsOutput reports whether what follows the delta's (or text's) key is
// output: a non-empty string under the first key of a delta, or a non-empty text.
func startsOutput(b []byte) bool {
	b = bytes.TrimLeft(b, " ")
	if len(b) > 0 && b[0] == '{' {
		b = bytes.TrimLeft(b[1:], " ")
		switch {
		case bytes.HasPrefix(b, []byte(`"content":`)):
			b = b[len(`"content":`):]
		case bytes.HasPrefix(b, []byte(`"reasoning_content":`)):
			b = b[len(`"reasoning_content":`):]
		default:
			return false
		}
		b = bytes.TrimLeft(b, " ")
	}
	return len(b) > 1 && b[0] == '"' && b[1] != '"'
}

// chunk is the part of a streamed object that is read when it is read at all.
type chunk struct {
	Choices []struct {
		Delta        delta   `json:"delta"`
		Text         string  `json:"text"`
		FinishReason *string `json:"finish_reason"`
	} `json:"choices"`
	Usage json.RawMessage `json:"usage"`
	Error json.RawMessage `json:"error"`
}

type delta struct {
	Content   *string           `json:"content"`
	Reasoning *string           `json:"reasoning_content"`
	Refusal   *string           `json:"refusal"`
	ToolCalls []json.RawMessage `json:"tool_calls"`
}

// says reports whether the delta carries output.
func (d delta) says() bool {
	for _, s := range []*string{d.Content, d.Reasoning, d.Refusal} {
		if s != nil && *s != "" {
			return true
		}
	}
	return len(d.ToolCalls) > 0
}

// slow decodes one chunk: the first, the last, one with usage or tools, an error.
func (s *Stream) slow(event, payload []byte) bool {
	var c chunk
	if err := json.Unmarshal(payload, &c); err != nil {
		s.Err = fmt.Errorf("the engine sent a malformed chunk: %w", err)
		return false
	}
	if len(c.Error) > 0 && string(c.Error) != "null" {
		s.Err = fmt.Errorf("the engine reported an error: %.200s", c.Error)
		return false
	}
	s.last = append(s.last[:0], payload...)
	for _, choice := range c.Choices {
		if choice.Delta.says() || choice.Text != "" {
			s.Tokens++
			s.TextBytes += int64(len(payload))
		}
	}
	if len(c.Usage) > 0 {
		counted, ok, err := parseUsage(c.Usage)
		if err != nil {
			s.Err = err
			return false
		}
		if ok {
			s.Counted, s.HasUsage = counted, true
		}
	}
	if len(c.Choices) == 0 && s.HasUsage {
		if !s.StripUsage {
			s.tail = append(s.tail[:0], event...)
		}
		return false
	}
	return true
}

// hasFinish reports whether a chunk's payload gives a finish reason.
func hasFinish(payload []byte) bool {
	var c chunk
	if len(payload) == 0 || json.Unmarshal(payload, &c) != nil {
		return false
	}
	for _, choice := range c.Choices {
		if choice.FinishReason != nil && *choice.FinishReason != "" {
			return true
		}
	}
	return false
}
