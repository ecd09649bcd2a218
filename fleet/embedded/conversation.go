package embedded

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"sluice/infer/template"
)

// message is one of a chat's messages.
type message struct {
	Role      string         `json:"role"`
	Content   jsontext.Value `json:"content"` // a string, a list of parts, or null
	Reasoning string         `json:"reasoning_content"`
	Calls     []call         `json:"tool_calls"`
	CallID    string         `json:"tool_call_id"`
}

// call is a call of a tool, in a message and in an answer.
type call struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

// tool is a function that the model may call.
type tool struct {
	Type     string         `json:"type"`
	Function jsontext.Value `json:"function"`
}

// function is what is read of a tool's function.
type function struct {
	Name       string         `json:"name"`
	Parameters jsontext.Value `json:"parameters"`
	Strict     bool           `json:"strict"`
}

// conversation turns messages and tools into the template's.
func (r *request) conversation() (*template.Conversation, error) {
	if len(r.Messages) == 0 {
		return nil, refuse("messages", "messages must not be empty.")
	}
	c := &template.Conversation{NoThinking: r.noThinking()}
	for i, m := range r.Messages {
		out := template.Message{Role: m.Role, Reasoning: m.Reasoning, CallID: m.CallID}
		switch m.Role {
		case "system", "user", "assistant", "tool":
		case "developer": // OpenAI's newer name
			out.Role = "system"
		case "function": // OpenAI's older name
			out.Role = "tool"
		default:
			return nil, refuse(fmt.Sprintf("messages[%d].role", i), "The role %q is not supported.", m.Role)
		}
		var err error
		if out.Content, err = m.text(fmt.Sprintf("messages[%d].content", i)); err != nil {
			return nil, err
		}
		for _, one := range m.Calls {
			out.Calls = append(out.Calls, template.Call{ID: one.ID, Name: one.Function.Name, Arguments: one.Function.Arguments})
		}
		c.Messages = append(c.Messages, out)
	}
	choice, err := r.choice()
	if err != nil || choice.none {
		return c, err
	}
	for i, t := range r.Tools {
		f, err := t.read(i)
		if err != nil {
			return nil, err
		}
		c.Tools = append(c.Tools, template.Tool{Name: f.Name, Function: t.Function})
	}
	return c, nil
}

// read reads a tool's function.
func (t *tool) read(i int) (f function, err error) {
	if t.Type != "function" {
		return f, refuse(fmt.Sprintf("tools[%d].type", i), "A tool of type %q is not supported, only functions.", t.Type)
	}
	if err := json.Unmarshal(t.Function, &f, jsontext.AllowInvalidUTF8(true)); err != nil || f.Name == "" {
		return f, refuse(fmt.Sprintf("tools[%d].function", i), "tools[%d].function must be an object with a name.", i)
	}
	return f, nil
}

// noThinking reports whether the request asks for an answer at once.
func (r *request) noThinking() bool {
	switch r.Effort {
	case "none", "minimal":
		return true
	}
	return r.Template.Thinking != nil && !*r.Template.Thinking
}

// choice is what tool_choice asks for.
type choice struct {
	none, required bool
	name           string // of the one tool that must be called
}

// choice reads tool_choice.
func (r *request) choice() (c choice, err error) {
	wrong := refuse("tool_choice", `tool_choice must be "auto", "none", "required", or {"type":"function","function":{"name":NAME}} with the name of one of the tools.`)
	switch string(r.ToolChoice) {
	case "", "null", `"auto"`:
		return c, nil
	case `"none"`:
		return choice{none: true}, nil
	case `"required"`:
		if len(r.Tools) == 0 {
			return c, wrong
		}
		return choice{required: true}, nil
	}
	var named struct {
		Type     string `json:"type"`
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	}
	if json.Unmarshal(r.ToolChoice, &named) != nil || named.Type != "function" {
		return c, wrong
	}
	for i, t := range r.Tools {
		if f, err := t.read(i); err == nil && f.Name == named.Function.Name {
			return choice{required: true, name: f.Name}, nil
		}
	}
	return c, wrong
}

// text joins a message's content, which stands at path.
func (m *message) text(path string) (string, error) {
	switch m.Content.Kind() {
	case 0, 'n': // an assistant's message may have none
		return "", nil
	case '"':
		var text string
		if err := json.Unmarshal(m.Content, &text, jsontext.AllowInvalidUTF8(true)); err != nil {
			return "", refuse(path, "%s cannot be read: %v", path, err)
		}
		return text, nil
	}
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if err := json.Unmarshal(m.Content, &parts, jsontext.AllowInvalidUTF8(true)); err != nil {
		return "", refuse(path, "%s must be a string or a list of text parts.", path)
	}
	var text strings.Builder
	for i, part := range parts {
		if part.Type != "text" {
			return "", refuse(fmt.Sprintf("%s[%d]", path, i), "A part of type %q is not supported: this engine reads text only.", part.Type)
		}
		text.WriteString(part.Text)
	}
	return text.String(), nil
}
