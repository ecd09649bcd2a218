package simulator

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// request is what the simulator reads of a request's JSON; the rest is ignored.
type request struct {
	Model     string         `json:"model"`
	Messages  []message      `json:"messages"` // chat
	Tools     jsontext.Value `json:"tools"`    // chat
	Prompt    jsontext.Value `json:"prompt"`   // completions: a string, or one in a list, or a list of token numbers
	Input     jsontext.Value `json:"input"`    // embeddings: as prompt, and lists of those
	CacheSalt string         `json:"cache_salt"`

	Stream        bool `json:"stream"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`

	N                   *int `json:"n"`
	MaxTokens           *int `json:"max_tokens"`
	MaxCompletionTokens *int `json:"max_completion_tokens"` // goes before max_tokens
	IgnoreEOS           bool `json:"ignore_eos"`            // vLLM's: the answer is as long as it may be

	Dimensions     int    `json:"dimensions"`
	EncodingFormat string `json:"encoding_format"`
}

type message struct {
	Role      string         `json:"role"`
	Content   jsontext.Value `json:"content"` // a string, a list of parts, or null
	ToolCalls jsontext.Value `json:"tool_calls"`
}

// A message's header has a fixed length, so that it makes whole tokens.
const (
	headerTokens = 4
	headerBytes  = headerTokens * tokenBytes
	padding      = "            " // 12 spaces: what a role is filled up with
)

// appendHeader appends the header of a message: "<|user        |>".
func appendHeader(text []byte, role string) []byte {
	role = role[:min(len(role), len(padding))]
	text = append(text, "<|"...)
	text = append(text, role...)
	text = append(text, padding[len(role):]...)
	return append(text, "|>"...)
}

// fill appends zeros up to a whole token.
func fill(text []byte) []byte {
	for len(text)%tokenBytes != 0 {
		text = append(text, 0)
	}
	return text
}

// appendChat appends the prompt of a chat as text, in whole tokens.
func (r *request) appendChat(text []byte) ([]byte, error) {
	if len(r.Messages) == 0 {
		return nil, badRequest("messages", "messages must not be empty")
	}
	if !absent(r.Tools) {
		text = fill(append(appendHeader(text, "tools"), r.Tools...))
	}
	for i := range r.Messages {
		m := &r.Messages[i]
		var err error
		text = appendHeader(text, m.Role)
		if text, err = appendContent(text, m.Content); err != nil {
			return nil, badRequest(fmt.Sprintf("messages[%d].content", i), "%v", err)
		}
		if !absent(m.ToolCalls) {
			text = append(text, m.ToolCalls...)
		}
		text = fill(text)
	}
	return appendHeader(text, "assistant"), nil
}

// appendContent appends a message's content: the text of a string and of text
// parts, and the JSON of other parts as it stands.
func appendContent(text []byte, content jsontext.Value) ([]byte, error) {
	switch {
	case absent(content):
		return text, nil
	case content[0] == '"':
		return appendString(text, content)
	case content[0] != '[':
		return nil, fmt.Errorf("content must be a string or a list of parts")
	}
	var parts []jsontext.Value
	if err := json.Unmarshal(content, &parts); err != nil {
		return nil, fmt.Errorf("reading the parts: %w", err)
	}
	for _, raw := range parts {
		var part struct {
			Type string  `json:"type"`
			Text *string `json:"text"`
		}
		if err := json.Unmarshal(raw, &part); err != nil {
			return nil, fmt.Errorf("reading a part: %w", err)
		}
		if part.Type == "text" && part.Text != nil {
			text = append(text, *part.Text...)
		} else {
			text = append(text, raw...)
		}
	}
	return text, nil
}

// appendString appends the value of a JSON string.
func appendString(text []byte, literal jsontext.Value) ([]byte, error) {
	if bytes.IndexByte(literal, '\\') < 0 { // nothing to unescape: it is valid, or decoding had failed
		return append(text, literal[1:len(literal)-1]...), nil
	}
	var s string
	if err := json.Unmarshal(literal, &s); err != nil {
		return nil, fmt.Errorf("reading a string: %w", err)
	}
	return append(text, s...), nil
}

// inputs reads a prompt or an embedding's input: a string, a list of strings,
// a list of token numbers or a list of such lists. Each becomes a text in whole
// tokens, at least one; a token number becomes the token's four bytes.
func inputs(param string, raw jsontext.Value) ([][]byte, error) {
	wrong := badRequest(param, "%s must be a string, a list of strings, or token numbers", param)
	if absent(raw) {
		return nil, badRequest(param, "%s must be given", param)
	}
	var list []jsontext.Value
	if raw[0] == '[' && (json.Unmarshal(raw, &list) != nil || len(list) == 0) {
		return nil, wrong
	}
	if len(list) == 0 || list[0][0] != '"' && list[0][0] != '[' {
		list = []jsontext.Value{raw} // one string, or one list of token numbers
	}
	texts := make([][]byte, len(list))
	for i, item := range list {
		var text []byte
		var ids []uint32
		var err error
		switch item[0] {
		case '"':
			text, err = appendString(nil, item)
		case '[':
			err = json.Unmarshal(item, &ids)
		default:
			err = wrong
		}
		if err != nil {
			return nil, wrong
		}
		for _, id := range ids {
			text = append(text, byte(id), byte(id>>8), byte(id>>16), byte(id>>24))
		}
		if len(text) == 0 {
			text = make([]byte, tokenBytes)
		}
		texts[i] = fill(text)
	}
	return texts, nil
}

// absent reports whether a field is missing or null.
func absent(raw jsontext.Value) bool { return len(raw) == 0 || slices.Equal(raw, []byte("null")) }

// output returns how many tokens the answer to a prompt has and why it ends
// there: "stop" at its natural end, "length" at the client's limit or where the
// context is full.
func (r *request) output(natural, room int) (tokens int, finish string, err error) {
	limit := room
	for _, p := range []struct {
		name  string
		value *int
	}{{"max_tokens", r.MaxTokens}, {"max_completion_tokens", r.MaxCompletionTokens}} {
		if p.value == nil {
			continue
		}
		if *p.value < 1 {
			return 0, "", badRequest(p.name, "%s must be at least 1", p.name)
		}
		limit = min(room, *p.value)
	}
	if r.IgnoreEOS || natural > limit {
		return limit, "length", nil
	}
	return natural, "stop", nil
}
