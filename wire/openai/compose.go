package openai

import (
	"encoding/json"

	"sluice"
	"sluice/wire/sse"
)

// composed is a chunk that the gateway itself puts at the end of a stream.
type composed struct {
	ID      string           `json:"id"`
	Object  string           `json:"object"`
	Created int64            `json:"created"`
	Model   string           `json:"model"`
	Choices []composedChoice `json:"choices"`
	Usage   *composedUsage   `json:"usage,omitempty"`
}

type composedChoice struct {
	Index        int       `json:"index"`
	Delta        *struct{} `json:"delta,omitempty"`
	Text         *string   `json:"text,omitempty"`
	FinishReason string    `json:"finish_reason"`
}

type composedUsage struct {
	PromptTokens     int64 `json:"prompt_tokens"`
	CompletionTokens int64 `json:"completion_tokens"`
	TotalTokens      int64 `json:"total_tokens"`
	PromptDetails    struct {
		Cached int64 `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
}

// CutOff returns the events that end a stream cleanly in the middle, as if the
// output limit had been reached: a chunk with finish_reason "length" in the
// name of the engine's own chunks and, when the client asked for usage, the
// usage so far.
func (s *Stream) CutOff(choices int64, u sluice.Usage) []byte {
	c := s.head()
	for i := range int(choices) {
		choice := composedChoice{Index: i, FinishReason: "length"}
		if s.Endpoint.Path == PathCompletions {
			choice.Text = new(string)
		} else {
			choice.Delta = &struct{}{}
		}
		c.Choices = append(c.Choices, choice)
	}
	out := appendChunk(nil, c)
	if s.StripUsage {
		return out
	}
	c.Choices = []composedChoice{}
	c.Usage = &composedUsage{PromptTokens: u.Prompt(), CompletionTokens: u.Completion(), TotalTokens: u.Total()}
	c.Usage.PromptDetails.Cached = u[sluice.ClassCached]
	return appendChunk(out, c)
}

// head takes id, object, created and model over from the engine's newest chunk.
func (s *Stream) head() composed {
	var c composed
	_ = json.Unmarshal(s.last, &struct {
		ID      *string `json:"id"`
		Object  *string `json:"object"`
		Created *int64  `json:"created"`
		Model   *string `json:"model"`
	}{&c.ID, &c.Object, &c.Created, &c.Model}) // a chunk that cannot be read leaves them empty
	return c
}

func appendChunk(dst []byte, c composed) []byte {
	payload, err := json.Marshal(c)
	if err != nil {
		return dst // strings and numbers cannot fail
	}
	return sse.AppendData(dst, payload)
}
