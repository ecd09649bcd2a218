package openai

import (
	"encoding/json"
	"fmt"
)

// Reply is what the gateway must know of an engine's whole (not streamed) answer.
type Reply struct {
	Counted
	HasUsage  bool
	TextBytes int // length of the generated text, to estimate by when there is no usage
}

// replyBody is the part of an answer that is read: of chat completions,
// completions and embeddings alike.
type replyBody struct {
	Usage   json.RawMessage `json:"usage"`
	Choices []struct {
		Text    json.RawMessage `json:"text"`
		Message json.RawMessage `json:"message"`
	} `json:"choices"`
	Data  json.RawMessage `json:"data"`
	Error json.RawMessage `json:"error"`
}

// ParseReply reads an engine's whole answer. An error says that it is none: not
// JSON, an error object under a good status, or neither choices nor data.
func ParseReply(e Endpoint, raw []byte) (Reply, error) {
	var body replyBody
	if err := json.Unmarshal(raw, &body); err != nil {
		return Reply{}, fmt.Errorf("reading the engine's answer: %w", err)
	}
	if filled(body.Error) {
		return Reply{}, fmt.Errorf("the engine answered with an error: %.200s", body.Error)
	}
	if e.Generates() && body.Choices == nil {
		return Reply{}, fmt.Errorf("the engine's answer has no choices")
	}
	if !e.Generates() && body.Data == nil {
		return Reply{}, fmt.Errorf("the engine's answer has no data")
	}
	var r Reply
	for _, c := range body.Choices {
		r.TextBytes += valueBytes(c.Text) + messageBytes(c.Message)
	}
	if filled(body.Usage) {
		counted, ok, err := parseUsage(body.Usage)
		if err != nil {
			return Reply{}, err
		}
		r.Counted, r.HasUsage = counted, ok
	}
	return r, nil
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
