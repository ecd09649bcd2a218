package fleettest

import (
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// asked is what the engine reads of a request to render its answer.
type asked struct {
	Model         string `json:"model"`
	Stream        bool   `json:"stream"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
}

// render returns the answer in pieces that are sent one by one, how many of
// them count as chunks, and what happens before each and after the last. It
// sets the headers.
func (s *Script) render(path string, body []byte, header http.Header) (pieces []string, chunks int, events map[int]event) {
	var req asked
	_ = json.Unmarshal(body, &req) // a test may send anything: the answer is the same
	embeddings := strings.HasSuffix(path, "/embeddings")
	streamed := s.pieces == nil && req.Stream && !embeddings
	switch {
	case s.pieces != nil:
		pieces, chunks, events = s.pieces, len(s.pieces), s.events
	case streamed:
		pieces, chunks, events = s.stream(path, &req), len(s.tokens), s.events
		header.Set("Content-Type", "text/event-stream; charset=utf-8")
	default:
		object := s.whole(path, &req)
		if embeddings {
			object = s.embedding(&req)
		}
		text := marshal(object)
		pieces, chunks = []string{text[:len(text)/2], text[len(text)/2:]}, 2
		events = s.halved()
		header.Set("Content-Type", "application/json")
		header.Set("Content-Length", strconv.Itoa(len(text)))
	}
	if s.announce {
		header.Set("X-Prompt-Tokens", strconv.Itoa(s.prompt))
		if s.cached >= 0 {
			header.Set("X-Cached-Tokens", strconv.Itoa(s.cached))
		}
	}
	maps.Copy(header, s.header)
	return pieces, chunks, events
}

// halved returns the events of an answer in two halves: those at 0, and all
// others between the two.
func (s *Script) halved() map[int]event {
	two := map[int]event{}
	for n, e := range s.events {
		n = min(n, 1)
		was := two[n]
		if e.pause == nil {
			e.pause = was.pause
		}
		two[n] = event{e.pause, e.stall || was.stall, e.die || was.die}
	}
	return two
}

// head returns the fields that every object of an answer has.
func (s *Script) head(path string, req *asked, chunk bool) map[string]any {
	object := "text_completion"
	if chat(path) {
		object = "chat.completion"
		if chunk {
			object += ".chunk"
		}
	}
	return map[string]any{"id": "fleettest-1", "object": object, "created": 1, "model": req.Model}
}

func chat(path string) bool { return strings.HasSuffix(path, "/chat/completions") }

// stream renders a piece for each token, the first with the chunk of the role
// before it, and one for the finish reason, the usage and the end.
func (s *Script) stream(path string, req *asked) []string {
	event := func(delta map[string]any, text string, finish any) string {
		choice := map[string]any{"index": 0, "finish_reason": finish}
		if chat(path) {
			choice["delta"] = delta
		} else {
			choice["text"] = text
		}
		chunk := s.head(path, req, true)
		chunk["choices"] = []any{choice}
		return "data: " + marshal(chunk) + "\n\n"
	}
	pieces := make([]string, 0, len(s.tokens)+1)
	for _, token := range s.tokens {
		pieces = append(pieces, event(map[string]any{"content": token}, token, nil))
	}
	tail := event(map[string]any{}, "", s.finish)
	if req.StreamOptions.IncludeUsage && !s.omitUsage {
		chunk := s.head(path, req, true)
		chunk["choices"] = []any{}
		chunk["usage"] = s.usage()
		tail += "data: " + marshal(chunk) + "\n\n"
	}
	pieces = append(pieces, tail+"data: [DONE]\n\n")
	if chat(path) {
		pieces[0] = event(map[string]any{"role": "assistant", "content": ""}, "", nil) + pieces[0]
	}
	return pieces
}

// whole renders the answer that is not streamed.
func (s *Script) whole(path string, req *asked) map[string]any {
	text := strings.Join(s.tokens, "")
	choice := map[string]any{"index": 0, "finish_reason": s.finish}
	if chat(path) {
		choice["message"] = map[string]any{"role": "assistant", "content": text}
	} else {
		choice["text"] = text
	}
	object := s.head(path, req, false)
	object["choices"] = []any{choice}
	if !s.omitUsage {
		object["usage"] = s.usage()
	}
	return object
}

// embedding renders one vector, whatever the input.
func (s *Script) embedding(req *asked) map[string]any {
	object := map[string]any{
		"object": "list", "model": req.Model,
		"data": []any{map[string]any{"object": "embedding", "index": 0, "embedding": []float64{0.6, 0.8}}},
	}
	if !s.omitUsage {
		object["usage"] = map[string]any{"prompt_tokens": s.prompt, "total_tokens": s.prompt}
	}
	return object
}

// usage renders OpenAI's usage object.
func (s *Script) usage() map[string]any {
	usage := map[string]any{
		"prompt_tokens": s.prompt, "completion_tokens": s.completion, "total_tokens": s.prompt + s.completion,
	}
	if s.cached >= 0 {
		usage["prompt_tokens_details"] = map[string]any{"cached_tokens": s.cached}
	}
	if s.reasoning > 0 {
		usage["completion_tokens_details"] = map[string]any{"reasoning_tokens": s.reasoning}
	}
	return usage
}

// marshal renders what is built here of maps, strings and numbers.
func marshal(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}
