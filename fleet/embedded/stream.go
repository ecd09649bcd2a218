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
	return s.chunk(u, delta{Role: "assistant", Content: new(string)}, nil, nil, nil)
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
	s.chunks++
	u := p.Usage
	if !s.continuous { // this is all that a reader can count by
		u.Completion = s.chunks
	}
	err := s.chunk(p.Usage, d, append(s.held, p.Tokens...), nil, &u)
	s.held = nil
	s.runes += utf8.RuneCountInString(what.content)
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
	if err := s.chunk(result.Usage, delta{}, nil, &finish, nil); err != nil {
		return err
	}
	if s.wantUsage {
		last := s.head
		last.Object, last.Choices, last.Usage = s.chunkObject(), []any{}, marshal(s.count(result.Usage))
		if err := s.event(marshal(last), &result.Usage); err != nil {
			return err
		}
	}
	return s.event([]byte("[DONE]"), &result.Usage)
}

// breakOff says why the stream ends before its time. There is no mark of the
// end, so that nobody takes the answer for whole.
func (s *stream) breakOff(f *failure) {
	if f.status != statusClientLeft {
		_ = s.event(marshal(errorBody{f}), nil) // a client that has left gets nothing
	}
}

// chunk sends one part of the answer, as event does.
func (s *stream) chunk(u infer.Usage, d delta, tokens []infer.Token, finish *infer.Finish, counts *infer.Usage) error {
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
	return s.event(marshal(out), counts)
}

// chunkObject is the type of a chunk's object.
func (s *stream) chunkObject() string {
	if s.chat {
		return "chat.completion.chunk"
	}
	return s.head.Object // completions have one name for both
}

// event sends one server-sent event and flushes it. It says what counts once its
// reader has it; nil changes nothing. What cannot be written counts for nothing: a
// reader that left before it has no part of it.
func (s *stream) event(data []byte, counts *infer.Usage) error {
	frame := make([]byte, 0, len(data)+8)
	frame = append(frame, "data: "...)
	frame = append(frame, data...)
	frame = append(frame, "\n\n"...)
	n, err := s.w.Write(frame)
	if err != nil {
		return err
	}
	s.tally.wrote(n, counts)
	return s.flusher.Flush()
}
