package embedded

import (
	"crypto/rand"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"sluice/infer"
)

// prompt is what a request puts to the model, and in which dialect the answer
// is to be given.
type prompt struct {
	tokens []int32
	param  string // the parameter that the tokens come from
	chat   bool
}

// chatPrompt renders a chat's messages.
func (e *Engine) chatPrompt(req *request) (prompt, error) {
	messages, err := req.conversation()
	if err != nil {
		return prompt{}, err
	}
	tokens, err := e.cfg.Model.Chat(messages)
	return prompt{tokens, "messages", true}, err
}

// textPrompt encodes a completion's prompt.
func (e *Engine) textPrompt(req *request) (prompt, error) {
	text, tokens, err := req.completion()
	if err != nil {
		return prompt{}, err
	}
	size := int32(e.cfg.Model.Tokenizer().Size())
	for _, token := range tokens {
		if token < 0 || token >= size {
			return prompt{}, refuse("prompt", "prompt has the token %d, the vocabulary has %d.", token, size)
		}
	}
	tokens = e.cfg.Model.Tokenizer().Encode(tokens, text)
	if len(tokens) == 0 {
		return prompt{}, refuse("prompt", "prompt must not be empty.")
	}
	return prompt{tokens, "prompt", false}, nil
}

// serve answers a chat or a completion.
func (e *Engine) serve(w http.ResponseWriter, r *http.Request, render func(*request) (prompt, error)) {
	var req request
	a, err := e.prepare(w, r, &req, render)
	if err != nil {
		fail(w, err)
		return
	}
	if req.Stream {
		a.stream(w, r, &req)
	} else {
		a.whole(w, r)
	}
}

// answer is one answer to be given.
type answer struct {
	tally   tally
	model   *infer.Model
	request infer.Request
	chat    bool
	head    reply // what every object of it has in common
}

// prepare reads and checks the request, so that only what can be computed
// waits.
func (e *Engine) prepare(w http.ResponseWriter, r *http.Request, req *request, render func(*request) (prompt, error)) (*answer, error) {
	if err := decode(w, r, req); err != nil {
		return nil, err
	}
	if err := e.checkModel(req.Model); err != nil {
		return nil, err
	}
	if err := req.unsupported(); err != nil {
		return nil, err
	}
	generation, err := req.generation(e.cfg.Temperature)
	if err != nil {
		return nil, err
	}
	p, err := render(req)
	if err != nil {
		return nil, err
	}
	if context := e.cfg.Model.Context(); len(p.tokens) >= context {
		return nil, tooLong(p.param, context, len(p.tokens))
	}
	generation.Prompt = p.tokens
	head := reply{ID: "cmpl-" + rand.Text(), Object: "text_completion", Created: e.cfg.Now().Unix(), Model: e.cfg.ID}
	if p.chat {
		head.ID, head.Object = "chat"+head.ID, "chat.completion"
	}
	return &answer{tally: tally{counted: &e.counted}, model: e.cfg.Model, request: generation, chat: p.chat, head: head}, nil
}

// whole answers with one object when all of it is generated.
func (a *answer) whole(w http.ResponseWriter, r *http.Request) {
	var text strings.Builder
	result, err := a.model.Generate(r.Context(), a.request, func(p infer.Piece) error {
		text.WriteString(p.Text)
		return nil
	})
	if err != nil {
		fail(w, err)
		return
	}
	out := a.head
	if a.chat {
		out.Choices = []any{chatChoice{Message: chatMessage{Role: "assistant", Content: text.String()}, FinishReason: result.Finish}}
	} else {
		out.Choices = []any{textChoice{Text: text.String(), FinishReason: &result.Finish}}
	}
	out.Usage = usageOf(result.Usage)
	announce(w, result.Usage)
	a.tally.wrote(send(w, http.StatusOK, out), result.Usage)
	a.tally.close(w, false)
}

// stream answers chunk by chunk. The head of the response waits for the first
// piece of text, so that a failure before it is still an HTTP error.
func (a *answer) stream(w http.ResponseWriter, r *http.Request, req *request) {
	s := &stream{
		answer: a, w: w, flusher: http.NewResponseController(w),
		usage: req.StreamOptions.IncludeUsage, continuous: req.StreamOptions.ContinuousUsage,
	}
	defer a.tally.close(w, true)
	result, err := a.model.Generate(r.Context(), a.request, s.piece)
	if err == nil {
		err = s.end(result)
	}
	if err == nil {
		return
	}
	if s.begun {
		s.breakOff(asFailure(err))
	} else {
		fail(w, err)
	}
}

// stream writes an answer as server-sent events.
type stream struct {
	*answer
	w          http.ResponseWriter
	flusher    *http.ResponseController
	usage      bool // a chunk with the usage is asked for
	continuous bool // and in every chunk
	begun      bool
	chunks     int // of output
}

// begin sends the response's head and, in a chat, the chunk that names the role.
func (s *stream) begin(u infer.Usage) error {
	s.begun = true
	announce(s.w, u)
	s.w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	s.w.Header().Set("Cache-Control", "no-cache")
	s.w.WriteHeader(http.StatusOK)
	if !s.chat {
		return nil
	}
	u.Completion = 0
	n, err := s.chunk(u, delta{Role: "assistant", Content: new(string)}, nil)
	s.tally.passed(n)
	return err
}

// piece sends the next part of the answer.
func (s *stream) piece(p infer.Piece) error {
	if !s.begun {
		if err := s.begin(p.Usage); err != nil {
			return err
		}
	}
	n, err := s.chunk(p.Usage, delta{Content: &p.Text}, nil)
	s.chunks++
	u := p.Usage
	if !s.continuous { // this is all that a reader can count by
		u.Completion = s.chunks
	}
	s.tally.wrote(n, u)
	return err
}

// end sends the chunk with the finish reason, that with the usage when it was
// asked for, and the mark of the end.
func (s *stream) end(result infer.Result) error {
	if !s.begun { // an answer without any text
		if err := s.begin(result.Usage); err != nil {
			return err
		}
	}
	n, err := s.chunk(result.Usage, delta{}, &result.Finish)
	if s.tally.passed(n); err != nil {
		return err
	}
	if s.usage {
		last := s.head
		last.Object, last.Choices, last.Usage = s.chunkObject(), []any{}, usageOf(result.Usage)
		n, err := s.event(marshal(last))
		if s.tally.wrote(n, result.Usage); err != nil {
			return err
		}
	}
	n, err = s.event([]byte("[DONE]"))
	s.tally.wrote(n, result.Usage)
	return err
}

// breakOff says why the stream ends before its time. There is no mark of the
// end, so that nobody takes the answer for whole.
func (s *stream) breakOff(f *failure) {
	if f.status != statusClientLeft {
		_, _ = s.event(marshal(errorBody{f})) // a client that has left gets nothing
	}
}

// chunk sends one part of the answer and returns how many bytes that were.
func (s *stream) chunk(u infer.Usage, d delta, finish *infer.Finish) (n int, err error) {
	out := s.head
	out.Object = s.chunkObject()
	if s.chat {
		out.Choices = []any{chatDelta{Delta: d, FinishReason: finish}}
	} else {
		choice := textChoice{FinishReason: finish}
		if d.Content != nil {
			choice.Text = *d.Content
		}
		out.Choices = []any{choice}
	}
	switch {
	case s.continuous:
		out.Usage = usageOf(u)
	case s.usage:
		out.Usage = jsontext.Value("null") // as OpenAI does
	}
	return s.event(marshal(out))
}

// chunkObject is the type of a chunk's object.
func (s *stream) chunkObject() string {
	if s.chat {
		return "chat.completion.chunk"
	}
	return s.head.Object // completions have one name for both
}

// event sends one server-sent event, flushes it, and returns its size.
func (s *stream) event(data []byte) (n int, err error) {
	frame := make([]byte, 0, len(data)+8)
	frame = append(frame, "data: "...)
	frame = append(frame, data...)
	frame = append(frame, "\n\n"...)
	if n, err = s.w.Write(frame); err != nil {
		return n, err
	}
	return n, s.flusher.Flush()
}
