package embedded

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"sluice/infer"
)

// The bounds on a request.
const (
	maxBody  = 4 << 20 // bytes
	maxStops = 16      // OpenAI allows 4, other engines more
)

// request is what the engine reads of a request's JSON; the rest is ignored.
type request struct {
	Model     string         `json:"model"`
	Messages  []message      `json:"messages"` // chat
	Prompt    jsontext.Value `json:"prompt"`   // completions: a string, one in a list, or a list of token numbers
	CacheSalt string         `json:"cache_salt"`

	Stream        bool `json:"stream"`
	StreamOptions struct {
		IncludeUsage    bool `json:"include_usage"`
		ContinuousUsage bool `json:"continuous_usage_stats"` // vLLM's: usage in every chunk
	} `json:"stream_options"`

	parameters `json:",inline"`

	ResponseFormat struct {
		Type   string `json:"type"` // text, json_object or json_schema
		Schema struct {
			Schema jsontext.Value `json:"schema"`
		} `json:"json_schema"`
	} `json:"response_format"`

	// Read only to be refused when they ask for what is not done.
	N          *int           `json:"n"`
	BestOf     *int           `json:"best_of"`
	ToolChoice jsontext.Value `json:"tool_choice"`
	Echo       bool           `json:"echo"`
	Suffix     string         `json:"suffix"`
}

// message is one of a chat's messages.
type message struct {
	Role    string         `json:"role"`
	Content jsontext.Value `json:"content"` // a string, a list of parts, or null
}

// decode reads a request's body into v.
func decode(w http.ResponseWriter, r *http.Request, v any) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		f := refuse("", "The body is larger than %d bytes.", maxBody)
		f.status = http.StatusRequestEntityTooLarge
		return f
	}
	if err != nil {
		return refuse("", "Reading the body: %v", err)
	}
	err = json.Unmarshal(body, v, jsontext.AllowInvalidUTF8(true))
	if wrong := (*json.SemanticError)(nil); errors.As(err, &wrong) {
		param, _, _ := strings.Cut(strings.TrimPrefix(string(wrong.JSONPointer), "/"), "/")
		return refuse(param, "%s has a value of the wrong type: JSON %v.", wrong.JSONPointer, wrong.JSONKind)
	}
	if err != nil {
		return refuse("", "The body is not valid JSON: %v", err)
	}
	return nil
}

// unsupported refuses what the engine does not do.
func (r *request) unsupported() error {
	more := func(n *int) bool { return n != nil && *n != 1 }
	switch choice := string(r.ToolChoice); {
	case more(r.N):
		return refuse("n", "n must be 1: this engine gives one answer.")
	case more(r.BestOf):
		return refuse("best_of", "best_of must be 1: this engine computes one answer.")
	case choice != "" && choice != "null" && choice != `"auto"` && choice != `"none"`:
		return refuse("tool_choice", "tool_choice %s is not supported: this engine cannot be made to call a tool.", choice)
	case r.Echo:
		return refuse("echo", "echo is not supported by this engine.")
	case r.Suffix != "":
		return refuse("suffix", "suffix is not supported by this engine.")
	}
	return nil
}

// conversation turns the messages into the model's.
func (r *request) conversation() ([]infer.Message, error) {
	if len(r.Messages) == 0 {
		return nil, refuse("messages", "messages must not be empty.")
	}
	out := make([]infer.Message, len(r.Messages))
	for i, m := range r.Messages {
		switch m.Role {
		case "system", "user", "assistant", "tool":
			out[i].Role = m.Role
		case "developer": // OpenAI's newer name
			out[i].Role = "system"
		case "function": // OpenAI's older name
			out[i].Role = "tool"
		default:
			return nil, refuse(fmt.Sprintf("messages[%d].role", i), "The role %q is not supported.", m.Role)
		}
		content, err := m.text(fmt.Sprintf("messages[%d].content", i))
		if err != nil {
			return nil, err
		}
		out[i].Content = content
	}
	return out, nil
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

// completion reads prompt: its text, or its tokens when it is given as such.
func (r *request) completion() (text string, tokens []int32, err error) {
	if json.Unmarshal(r.Prompt, &text, jsontext.AllowInvalidUTF8(true)) == nil && r.Prompt.Kind() == '"' {
		return text, nil, nil
	}
	var texts []string
	if json.Unmarshal(r.Prompt, &texts, jsontext.AllowInvalidUTF8(true)) == nil && len(texts) == 1 {
		return texts[0], nil, nil
	}
	if json.Unmarshal(r.Prompt, &tokens) == nil && len(tokens) > 0 {
		return "", tokens, nil
	}
	return "", nil, refuse("prompt", "prompt must be a string, a list of one string, or a list of token numbers.")
}
