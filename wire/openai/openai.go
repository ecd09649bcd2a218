// Package openai reads and patches what clients and engines say in OpenAI's
// chat-completions dialect and its siblings (completions, embeddings).
//
// A request is read in one strict pass and patched in place by offset, so that
// unknown fields survive and nothing is re-encoded. A stream is watched: its
// chunks pass through as they came, and only a chunk that carries usage, an
// error or the end is looked at closely.
package openai

import (
	"bytes"
	"strings"

	"sluice"

	"github.com/go-json-experiment/json/jsontext"
)

// Endpoint is one inference endpoint of the dialect.
type Endpoint struct {
	Path    string
	content string // the field that must be there: what is asked
	delta   string // the key that announces output in a stream's chunk
}

// The endpoints.
const (
	PathChat        = "/v1/chat/completions"
	PathCompletions = "/v1/completions"
	PathEmbeddings  = "/v1/embeddings"
	PathModels      = "/v1/models"
)

// Chat is POST /v1/chat/completions.
func Chat() Endpoint { return Endpoint{PathChat, "messages", `"delta":`} }

// Completions is POST /v1/completions.
func Completions() Endpoint { return Endpoint{PathCompletions, "prompt", `"text":`} }

// Embeddings is POST /v1/embeddings. It does not stream and has no output tokens.
func Embeddings() Endpoint { return Endpoint{PathEmbeddings, "input", ""} }

// Generates reports whether the endpoint produces output tokens.
func (e Endpoint) Generates() bool { return e.delta != "" }

// Request is what the gateway must know of a request. The rest stays bytes.
type Request struct {
	Endpoint     Endpoint
	Model        string
	Stream       bool
	IncludeUsage bool  // the client asked for the usage chunk
	MaxTokens    int64 // output tokens per choice asked for; zero when the client set none
	Choices      int64 // n, at least 1

	raw   []byte
	spans spans
}

// span is a half-open range of raw.
type span struct{ from, to int }

func (s span) empty() bool { return s.to == 0 }

// spans are the places that a patch may touch.
type spans struct {
	end           int // where the closing brace stands
	members       int // how many members the object has
	model         span
	maxTokens     span
	maxCompletion span
	cacheSalt     span
	streamOptions span
	includeUsage  span // inside streamOptions
	optionMembers int
}

// maxChoices bounds n, as OpenAI does.
const maxChoices = 128

// Parse reads a request strictly. Errors are CodeInvalid and name the field:
// not a JSON object, a duplicate name at any depth, a name that differs from a
// known one only by case (lenient readers would disagree about which of the two
// counts, and that is a billing hole), a wrong type, a missing field.
//
// The request keeps raw; it must not change as long as the request is used.
func Parse(e Endpoint, raw []byte) (*Request, error) {
	r := &Request{Endpoint: e, Choices: 1, raw: raw}
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw))
	tok, err := dec.ReadToken()
	if err != nil {
		return nil, syntaxError(err)
	}
	if tok.Kind() != jsontext.KindBeginObject {
		return nil, sluice.Errorf(sluice.CodeInvalid, "The request body must be a JSON object.")
	}
	seen := map[string]bool{}
	for dec.PeekKind() != jsontext.KindEndObject {
		tok, err := dec.ReadToken()
		if err != nil {
			return nil, syntaxError(err)
		}
		name := tok.String()
		value, err := dec.ReadValue()
		if err != nil {
			return nil, syntaxError(err)
		}
		to := int(dec.InputOffset())
		if err := r.field(name, value, span{to - len(value), to}); err != nil {
			return nil, err
		}
		r.spans.members++
		if value.Kind() != jsontext.KindNull {
			seen[name] = true
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, syntaxError(err)
	}
	r.spans.end = int(dec.InputOffset()) - 1
	if _, err := dec.ReadToken(); err == nil {
		return nil, sluice.Errorf(sluice.CodeInvalid, "The request body has more after its JSON object.")
	}
	return r, r.check(seen)
}

// check looks at the request as a whole.
func (r *Request) check(seen map[string]bool) error {
	for _, name := range []string{"model", r.Endpoint.content} {
		if !seen[name] {
			return missing(name)
		}
	}
	if r.Stream && !r.Endpoint.Generates() {
		return invalid("stream", "This endpoint does not stream.")
	}
	if seen["stream_options"] && !r.Stream {
		return invalid("stream_options", "'stream_options' is only allowed when 'stream' is true.")
	}
	return nil
}

// knownFields are the top-level names that Sluice itself reads.
func knownFields() []string {
	return []string{
		"model", "messages", "prompt", "input", "stream", "stream_options",
		"max_tokens", "max_completion_tokens", "n", "cache_salt",
	}
}

// field takes in one top-level member.
func (r *Request) field(name string, value jsontext.Value, at span) error {
	null := value.Kind() == jsontext.KindNull
	switch name {
	case "model":
		r.spans.model = at
		model, err := stringValue(name, value)
		if err != nil {
			return err
		}
		if model == "" {
			return missing(name)
		}
		r.Model = model
	case "messages":
		if r.Endpoint.content == name && !null && (value.Kind() != jsontext.KindBeginArray || emptyArray(value)) {
			return invalid(name, "'messages' must be a list with at least one message.")
		}
	case "prompt", "input":
		if k := value.Kind(); r.Endpoint.content == name && !null && k != jsontext.KindString && k != jsontext.KindBeginArray {
			return invalid(name, "'"+name+"' must be a string or a list.")
		}
	case "stream":
		return boolValue(name, value, &r.Stream)
	case "stream_options":
		r.spans.streamOptions = at
		if null {
			return nil
		}
		return r.streamOptions(value, at.from)
	case "max_tokens":
		r.spans.maxTokens = at
		return r.maxTokens(name, value)
	case "max_completion_tokens":
		r.spans.maxCompletion = at
		return r.maxTokens(name, value)
	case "n":
		if null {
			return nil
		}
		n, err := intValue(name, value)
		if err != nil {
			return err
		}
		if n < 1 || n > maxChoices {
			return invalid(name, "'n' must be between 1 and 128.")
		}
		r.Choices = n
	case "cache_salt":
		r.spans.cacheSalt = at
	default:
		return checkCase(name, knownFields())
	}
	return nil
}

// maxTokens takes max_tokens or max_completion_tokens; the smaller of the two counts.
func (r *Request) maxTokens(name string, value jsontext.Value) error {
	if value.Kind() == jsontext.KindNull {
		return nil
	}
	n, err := intValue(name, value)
	if err != nil {
		return err
	}
	if n < 1 {
		return invalid(name, "'"+name+"' must be at least 1.")
	}
	if r.MaxTokens == 0 || n < r.MaxTokens {
		r.MaxTokens = n
	}
	return nil
}

func (r *Request) streamOptions(value jsontext.Value, offset int) error {
	if value.Kind() != jsontext.KindBeginObject {
		return invalid("stream_options", "'stream_options' must be an object.")
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(value))
	if _, err := dec.ReadToken(); err != nil {
		return syntaxError(err)
	}
	for dec.PeekKind() != jsontext.KindEndObject {
		tok, err := dec.ReadToken()
		if err != nil {
			return syntaxError(err)
		}
		name := tok.String()
		v, err := dec.ReadValue()
		if err != nil {
			return syntaxError(err)
		}
		r.spans.optionMembers++
		if name != "include_usage" {
			if err := checkCase(name, []string{"include_usage"}); err != nil {
				return err
			}
			continue
		}
		to := offset + int(dec.InputOffset())
		r.spans.includeUsage = span{to - len(v), to}
		if err := boolValue("stream_options.include_usage", v, &r.IncludeUsage); err != nil {
			return err
		}
	}
	return nil
}

// checkCase refuses a name that is a known one in other letters.
func checkCase(name string, known []string) error {
	for _, k := range known {
		if strings.EqualFold(name, k) {
			return invalid(name, "Unknown field '"+name+"': did you mean '"+k+"'? Names are case-sensitive.")
		}
	}
	return nil
}

func emptyArray(v jsontext.Value) bool {
	return len(bytes.TrimSpace(v[1:len(v)-1])) == 0
}
