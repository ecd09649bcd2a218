package fleettest

import (
	"net/http"
	"sync"
)

// Script is one answer. Its methods change it and return it; they must not be
// called any more once it was given to an Engine.
type Script struct {
	tokens []string
	pieces []string // sent as they are, in place of tokens
	status int
	header http.Header
	finish string

	prompt, completion, cached, reasoning int
	omitUsage, announce                   bool

	events map[int]event // by the number of tokens or pieces sent before
}

// event is what happens at one place of an answer, in this order.
type event struct {
	pause *Pause
	stall bool
	die   bool
}

// Stream answers with one chunk for each token when the request asks for a
// stream, and otherwise with one object with the same text. By default the
// prompt counts 3 tokens, none of them cached, the answer as many as are given,
// and the finish reason is "stop". The usage chunk comes if the request asks
// for it with stream_options.
func Stream(tokens ...string) *Script {
	return &Script{
		tokens: tokens, status: http.StatusOK, header: http.Header{}, finish: "stop",
		prompt: 3, completion: len(tokens), events: map[int]event{},
	}
}

// Status answers with the status and a body that is said to be JSON.
func Status(status int, body string) *Script {
	s := Raw(body).Header("Content-Type", "application/json")
	s.status = status
	return s
}

// Raw answers 200 with the pieces as they are, flushed one by one, and says
// that it is an event stream.
func Raw(pieces ...string) *Script {
	s := Stream().Header("Content-Type", "text/event-stream")
	s.pieces = append([]string{}, pieces...)
	return s
}

// Stall never answers: the request hangs until the client leaves.
func Stall() *Script { return Stream().StallAfter(0) }

// Header sets a header of the answer.
func (s *Script) Header(name, value string) *Script {
	s.header.Set(name, value)
	return s
}

// Usage sets what the answer says it consumed. cached counts prompt tokens,
// and so is not more than prompt; a negative one leaves out
// prompt_tokens_details, like an engine that was not told to report them.
func (s *Script) Usage(prompt, completion, cached int) *Script {
	s.prompt, s.completion, s.cached = prompt, completion, cached
	return s
}

// Reasoning sets how many of the completion's tokens were reasoning.
func (s *Script) Reasoning(tokens int) *Script {
	s.reasoning = tokens
	return s
}

// OmitUsage leaves out the usage, also when it is asked for.
func (s *Script) OmitUsage() *Script {
	s.omitUsage = true
	return s
}

// Announce says the prompt's counts in the headers x-prompt-tokens and
// x-cached-tokens, before the body.
func (s *Script) Announce() *Script {
	s.announce = true
	return s
}

// Finish sets the finish reason.
func (s *Script) Finish(reason string) *Script {
	s.finish = reason
	return s
}

// The places of an answer are counted in tokens, those of Raw in pieces: 0 is
// before the first byte of the head, and as many as there are is before the
// finish reason. An answer that is not streamed has two places: 0, and any other
// number is in the middle of its body. What lies beyond the end does not happen.

// DieAfter drops the connection after n tokens.
func (s *Script) DieAfter(n int) *Script {
	e := s.events[n]
	e.die = true
	s.events[n] = e
	return s
}

// StallAfter sends nothing more after n tokens, until the client leaves.
func (s *Script) StallAfter(n int) *Script {
	e := s.events[n]
	e.stall = true
	s.events[n] = e
	return s
}

// PauseAt waits after n tokens until the pause is released.
func (s *Script) PauseAt(n int, p *Pause) *Script {
	e := s.events[n]
	e.pause = p
	s.events[n] = e
	return s
}

// Pause holds an answer at one place. Any number of answers may wait there.
type Pause struct {
	reached, released    chan struct{}
	reachOnce, leaveOnce sync.Once
}

// NewPause returns a pause that holds.
func NewPause() *Pause {
	return &Pause{reached: make(chan struct{}), released: make(chan struct{})}
}

// Reached is closed when an answer has come to the pause: what stands before
// it is on its way to the client.
func (p *Pause) Reached() <-chan struct{} { return p.reached }

// Release lets all answers go on, those that come later too.
func (p *Pause) Release() { p.leaveOnce.Do(func() { close(p.released) }) }

func (p *Pause) reach() { p.reachOnce.Do(func() { close(p.reached) }) }
