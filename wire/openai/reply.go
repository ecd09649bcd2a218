package openai

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// Reply is what the gateway must know of an engine's whole (not streamed) answer.
type Reply struct {
	Counted
	HasUsage  bool
	TextBytes int // length of the generated text, to estimate by; zero when there is usage
}

// replyBody is the part of an answer that is read: of chat completions,
// completions and embeddings alike. What is null is as if it were not there.
type replyBody struct {
	counted  Counted
	hasUsage bool
	choices  jsontext.Value
	data     bool
	fault    jsontext.Value
}

// ParseReply is the Parser's, for a single answer.
func ParseReply(e Endpoint, raw []byte) (Reply, error) { return new(Parser).ParseReply(e, raw) }

// ParseReply reads an engine's whole answer. An error says that it is none: not
// JSON, an error object under a good status, or neither choices nor data.
func (p *Parser) ParseReply(e Endpoint, raw []byte) (Reply, error) {
	dec := p.get(raw, true)
	defer p.put(dec)
	var body replyBody
	if err := body.read(raw, dec); err != nil {
		return Reply{}, fmt.Errorf("reading the engine's answer: %w", err)
	}
	switch {
	case filled(body.fault):
		return Reply{}, fmt.Errorf("the engine answered with an error: %.200s", body.fault)
	case e.Generates() && body.choices == nil:
		return Reply{}, fmt.Errorf("the engine's answer has no choices")
	case !e.Generates() && !body.data:
		return Reply{}, fmt.Errorf("the engine's answer has no data")
	}
	r := Reply{Counted: body.counted, HasUsage: body.hasUsage}
	if r.HasUsage || body.choices == nil {
		return r, nil
	}
	var err error
	if r.TextBytes, err = textBytes(body.choices); err != nil {
		return Reply{}, fmt.Errorf("reading the engine's answer: %w", err)
	}
	return r, nil
}

// read reads the answer once. Its text is checked for syntax and not looked at.
func (b *replyBody) read(raw []byte, dec *jsontext.Decoder) error {
	err := members(dec, func(name []byte) (err error) {
		switch string(name) {
		case "usage":
			b.counted, b.hasUsage, err = readUsage(dec)
		case "choices":
			b.choices, err = valueOf(raw, dec)
			if err == nil && b.choices != nil && b.choices.Kind() != jsontext.KindBeginArray {
				err = errors.New("its choices are no list")
			}
		case "data":
			var data jsontext.Value
			data, err = valueOf(raw, dec)
			b.data = data != nil
		case "error":
			b.fault, err = valueOf(raw, dec)
		default:
			err = dec.SkipValue()
		}
		return err
	})
	if err != nil {
		return err
	}
	return atEnd(dec)
}

// textBytes is the length of what the choices say.
func textBytes(choices jsontext.Value) (n int, err error) {
	var list []struct {
		Text    json.RawMessage `json:"text"`
		Message json.RawMessage `json:"message"`
	}
	if err := json.Unmarshal(choices, &list); err != nil {
		return 0, err
	}
	for _, c := range list {
		n += valueBytes(c.Text) + messageBytes(c.Message)
	}
	return n, nil
}

// messageBytes is the length of what a message says: content, reasoning, tool calls.
func messageBytes(raw json.RawMessage) int {
	var m delta
	if len(raw) == 0 || json.Unmarshal(raw, &m) != nil {
		return len(raw)
	}
	n := 0
	for _, v := range []json.RawMessage{m.Content, m.ReasoningContent, m.Refusal, m.ToolCalls} {
		n += valueBytes(v)
	}
	if !filled(m.ReasoningContent) { // some engines send it under both names
		n += valueBytes(m.Reasoning)
	}
	return n
}

// valueBytes is the length of a text, or of another value as it is written.
func valueBytes(v json.RawMessage) int {
	var text string
	switch {
	case !filled(v):
		return 0
	case json.Unmarshal(v, &text) == nil:
		return len(text)
	}
	return len(v)
}
