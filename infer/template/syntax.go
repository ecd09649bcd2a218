package template

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// syntax is how calls stand in an answer.
type syntax struct {
	// open begins a call: a mark, or where atStart is set, the first bytes of
	// the answer.
	open    string
	atStart bool
	// close ends it; empty for the end of the answer.
	close string
	// read takes what stands between, and reports whether it is calls of the
	// tools.
	read func(text string, tools []Tool) ([]Call, bool)
}

// tagged is <tool_call>{"name": ..., "arguments": ...}</tool_call>.
func tagged() syntax {
	return syntax{open: "<tool_call>", close: "</tool_call>", read: objects}
}

// behind is a mark, and then a list of calls up to the end of the answer.
func behind(mark string) syntax { return syntax{open: mark, read: objects} }

// whole is an answer that is nothing but calls, known by its beginning.
func whole(begin string, read func(string, []Tool) ([]Call, bool)) syntax {
	return syntax{open: begin, atStart: true, read: read}
}

// named is an answer that begins with the name of a tool, then its arguments.
func named() syntax { return whole("", nameFirst) }

// objects reads calls as JSON: one object, several with space or semicolons
// between, or a list of them. The arguments are called so, or parameters.
func objects(text string, _ []Tool) ([]Call, bool) {
	var calls []Call
	for {
		text = strings.TrimLeft(text, " \t\r\n;,")
		if text == "" {
			return calls, len(calls) > 0
		}
		value, rest, ok := first(text)
		if !ok {
			return nil, false
		}
		text = rest
		list := []jsontext.Value{value}
		if value.Kind() == '[' && json.Unmarshal(value, &list) != nil {
			return nil, false
		}
		for _, item := range list {
			var call struct {
				Name       string          `json:"name"`
				Arguments  json.RawMessage `json:"arguments"`
				Parameters json.RawMessage `json:"parameters"`
			}
			if json.Unmarshal(item, &call) != nil || call.Name == "" {
				return nil, false
			}
			arguments := call.Arguments
			if arguments == nil {
				arguments = call.Parameters
			}
			calls = append(calls, Call{Name: call.Name, Arguments: object(arguments)})
		}
	}
}

// first cuts the JSON value off the front of a text.
func first(text string) (value jsontext.Value, rest string, ok bool) {
	d := jsontext.NewDecoder(strings.NewReader(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	value, err := d.ReadValue()
	if err != nil {
		return nil, "", false
	}
	return value.Clone(), text[d.InputOffset():], true
}

// object returns arguments as the text of a JSON object: models also write
// them as a string of JSON, or not at all.
func object(arguments []byte) string {
	var text string
	if json.Unmarshal(arguments, &text) == nil && text != "" {
		return text
	}
	if arguments = bytes.TrimSpace(arguments); len(arguments) == 0 || string(arguments) == "null" {
		return "{}"
	}
	return string(arguments)
}

// nameFirst reads NAME\n{ARGUMENTS}, where the name is that of a tool.
func nameFirst(text string, tools []Tool) ([]Call, bool) {
	name, rest, _ := strings.Cut(strings.TrimSpace(text), "\n")
	for _, tool := range tools {
		if strings.TrimSpace(name) != tool.Name {
			continue
		}
		value, tail, ok := first(rest)
		if !ok || value.Kind() != '{' || strings.TrimSpace(tail) != "" {
			return nil, false
		}
		return []Call{{Name: tool.Name, Arguments: string(value)}}, true
	}
	return nil, false
}

// quoted is text as a JSON string.
func quoted(text string) []byte {
	out, err := jsontext.AppendQuote(nil, strings.ToValidUTF8(text, "\ufffd"))
	if err != nil {
		return []byte(`""`) // cannot be: the text is valid UTF-8
	}
	return out
}
