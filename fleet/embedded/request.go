package embedded

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
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

	Tools      []tool         `json:"tools"`
	ToolChoice jsontext.Value `json:"tool_choice"`
	Parallel   *bool          `json:"parallel_tool_calls"`
	Effort     string         `json:"reasoning_effort"`
	Template   struct {       // vLLM's
		Thinking *bool `json:"enable_thinking"`
	} `json:"chat_template_kwargs"`

	// Read only to be refused when they ask for what is not done.
	N      *int   `json:"n"`
	BestOf *int   `json:"best_of"`
	Echo   bool   `json:"echo"`
	Suffix string `json:"suffix"`
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
	switch {
	case more(r.N):
		return refuse("n", "n must be 1: this engine gives one answer.")
	case more(r.BestOf):
		return refuse("best_of", "best_of must be 1: this engine computes one answer.")
	case r.Echo:
		return refuse("echo", "echo is not supported by this engine.")
	case r.Suffix != "":
		return refuse("suffix", "suffix is not supported by this engine.")
	}
	return nil
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
