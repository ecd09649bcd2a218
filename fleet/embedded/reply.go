package embedded

import (
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"sluice/infer"
)

// reply is the object of an answer or of one chunk of it, as OpenAI's API
// reference has it.
type reply struct {
	ID      string         `json:"id"`
	Object  string         `json:"object"`
	Created int64          `json:"created"` // seconds since 1970
	Model   string         `json:"model"`
	Choices []any          `json:"choices"`
	Usage   jsontext.Value `json:"usage,omitzero"`
}

// chatChoice is the answer in a chat's object.
type chatChoice struct {
	Index        int            `json:"index"`
	Message      chatMessage    `json:"message"`
	Logprobs     jsontext.Value `json:"logprobs"`
	FinishReason infer.Finish   `json:"finish_reason"`
}

type chatMessage struct {
	Role      string  `json:"role"`
	Content   *string `json:"content"`
	Reasoning string  `json:"reasoning_content,omitzero"`
	Calls     []call  `json:"tool_calls,omitzero"`
	Refusal   *string `json:"refusal"`
}

// chatDelta is the answer's next part in a chat's chunk.
type chatDelta struct {
	Index        int            `json:"index"`
	Delta        delta          `json:"delta"`
	Logprobs     jsontext.Value `json:"logprobs,omitzero"`
	FinishReason *infer.Finish  `json:"finish_reason"`
}

type delta struct {
	Role      string      `json:"role,omitzero"`
	Content   *string     `json:"content,omitzero"`
	Reasoning string      `json:"reasoning_content,omitzero"`
	Calls     []callDelta `json:"tool_calls,omitzero"`
}

// callDelta is a call in a chunk: whole, and with its number.
type callDelta struct {
	Index int `json:"index"`
	call  `json:",inline"`
}

// textChoice is the answer, or its next part, in a completion's object or chunk.
type textChoice struct {
	Text         string         `json:"text"`
	Index        int            `json:"index"`
	Logprobs     jsontext.Value `json:"logprobs"`
	FinishReason *infer.Finish  `json:"finish_reason"`
}

// usage is OpenAI's count of tokens; the cached ones are among the prompt's.
type usage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`
	PromptDetails    struct {
		CachedTokens int `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
	Details *completionDetails `json:"completion_tokens_details,omitzero"` // when it thought
}

// completionDetails tells the tokens of reasoning apart, which are among the
// completion's.
type completionDetails struct {
	ReasoningTokens int `json:"reasoning_tokens"`
}

// usageOf is a count in OpenAI's form.
func usageOf(u infer.Usage) usage {
	out := usage{PromptTokens: u.Prompt, CompletionTokens: u.Completion, TotalTokens: u.Prompt + u.Completion}
	out.PromptDetails.CachedTokens = u.Cached
	return out
}

// marshal renders a value of this package's own types, whose strings are valid
// UTF-8: it cannot fail.
func marshal(v any) []byte {
	b, err := json.Marshal(v, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic(err)
	}
	return b
}

// announce sets the headers that come before the body: what the prompt counts.
func announce(w http.ResponseWriter, u infer.Usage) {
	w.Header().Set("X-Prompt-Tokens", strconv.Itoa(u.Prompt))
	w.Header().Set("X-Cached-Tokens", strconv.Itoa(u.Cached))
}

// send answers with a JSON body and returns its size.
func send(w http.ResponseWriter, status int, v any) int {
	body := marshal(v)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has left gets nothing
	return len(body)
}
