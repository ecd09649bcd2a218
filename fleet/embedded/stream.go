package embedded

import (
	"net/http"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"sluice/infer"
)

// stream answers chunk by chunk. The head of the response waits for the first
// piece of text, so that a failure before it is still an HTTP error.
func (a *answer) stream(w http.ResponseWriter, r *http.Request, req *request) {
	s := &stream{
		answer: a, w: w, flusher: http.NewResponseController(w),
		wantUsage: req.StreamOptions.IncludeUsage, continuous: req.StreamOptions.ContinuousUsage,
	}
	defer a.tally.close(w, true)
	result, err := a.generate(r.Context(), s.piece)
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
	wantUsage  bool // a chunk with the usage is asked for
	continuous bool // and in every chunk
	begun      bool
	chunks     int           // of output
	runes      int           // of text
	calls      int           // of tools
	held       []infer.Token // of pieces that said nothing yet
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
	n, err := s.chunk(u, delta{Role: "assistant", Content: new(string)}, nil, nil)
	s.tally.passed(n)
	return err
}

// piece sends the next part of the answer, all that it says in one chunk.
func (s *stream) piece(what said, p infer.Piece) error {
	if !s.begun {
		if err := s.begin(p.Usage); err != nil {
			return err
		}
	}
	if what.empty() {
		s.held = append(s.held, p.Tokens...)
		return nil
	}
	d := delta{Reasoning: what.reasoning}
	if what.content != "" {
		d.Content = &what.content
	}
	for _, one := range what.calls {
		d.Calls = append(d.Calls, callDelta{s.calls, one})
		s.calls++
	}
	n, err := s.chunk(p.Usage, d, append(s.held, p.Tokens...), nil)
	s.held = nil
	s.chunks++
	s.runes += utf8.RuneCountInString(what.content)
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
	finish := s.finish(result.Finish, s.calls)
	n, err := s.chunk(result.Usage, delta{}, nil, &finish)
	if s.tally.passed(n); err != nil {
		return err
	}
	if s.wantUsage {
		last := s.head
		last.Object, last.Choices, last.Usage = s.chunkObject(), []any{}, marshal(s.count(result.Usage))
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
func (s *stream) chunk(u infer.Usage, d delta, tokens []infer.Token, finish *infer.Finish) (n int, err error) {
	out := s.head
	out.Object = s.chunkObject()
	if s.chat {
		choice := chatDelta{Delta: d, FinishReason: finish}
		if len(tokens) > 0 {
			choice.Logprobs = chatLogprobs(tokens)
		}
		out.Choices = []any{choice}
	} else {
		choice := textChoice{Logprobs: textLogprobs(tokens, s.runes), FinishReason: finish}
		if d.Content != nil {
			choice.Text = *d.Content
		}
		out.Choices = []any{choice}
	}
	switch {
	case s.continuous:
		out.Usage = marshal(usageOf(u))
	case s.wantUsage:
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
