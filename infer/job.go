package infer

import (
	"cmp"
	"errors"
	"fmt"
	"sync"

	"sluice/infer/sample"
	"sluice/infer/schedule"
	"sluice/infer/tokenizer"
)

// job is one Generate under way. The server's goroutine works on it; what the
// two sides share is guarded by mu.
type job struct {
	sequence  *schedule.Sequence
	tokenizer tokenizer.Tokenizer
	sampler   *sample.Sampler
	form      Form
	text      textStream
	limit     int // tokens the answer may have
	usage     Usage
	chosen    []chosen // tokens that were not handed on

	news   chan struct{} // has one element when there is something to take
	mu     sync.Mutex
	pieces []Piece
	ended  bool
	result Result // valid once ended, as is err
	err    error
}

// chosen is a token of an answer.
type chosen struct {
	id     int32
	size   int    // bytes of its text
	scored *Token // when log probabilities are asked for
}

func newJob(m *Model, req Request) *job {
	j := &job{
		sequence:  schedule.NewSequence(req.CacheSalt, req.Prompt),
		tokenizer: m.tokenizer,
		sampler:   sample.New(req.Sampling, m.shape.vocab),
		form:      req.Form,
		text:      textStream{stops: req.Stop},
		limit:     m.shape.context - len(req.Prompt),
		usage:     Usage{Prompt: len(req.Prompt)},
		news:      make(chan struct{}, 1),
	}
	j.sampler.Prompt(req.Prompt)
	if req.MaxTokens > 0 {
		j.limit = min(j.limit, req.MaxTokens)
	}
	return j
}

// next chooses the token that follows, and hands on its text. It returns why
// the answer ends with it, or "" when it goes on.
func (j *job) next(logits []float32) (Finish, error) {
	var mask sample.Mask
	if j.form != nil {
		mask = j.form
	}
	token, top, err := j.sampler.Next(logits, mask)
	if errors.Is(err, sample.ErrNothingAllowed) && j.form != nil {
		err = fmt.Errorf("%w: %w", ErrForm, cmp.Or(j.form.Err(), err))
	}
	if err != nil {
		return "", err
	}
	complete := j.tokenizer.Ends(token)
	if j.form != nil && !complete {
		if err := j.form.Accept(token); err != nil {
			return "", err
		}
		complete = j.form.Done()
	}
	j.usage.Cached = j.sequence.Cached()
	j.usage.Completion++
	text, stopped := j.say(token, top)
	finish := Finish("")
	switch {
	case stopped:
		finish = FinishStop
	case complete:
		finish = FinishStop
		text += j.text.flush()
	case j.usage.Completion == j.limit:
		finish = FinishLength
		text += j.text.flush()
	}
	if decided := j.decided(finish != ""); text != "" || finish != "" && decided > 0 {
		p := Piece{Text: text, Surplus: j.text.cut, Usage: j.usage}
		for _, c := range j.chosen[:decided] {
			p.IDs = append(p.IDs, c.id)
			if c.scored != nil {
				p.Tokens = append(p.Tokens, *c.scored)
			}
		}
		j.chosen = append(j.chosen[:0], j.chosen[decided:]...)
		j.hand(p)
	}
	if finish == "" {
		j.sequence.Tokens = append(j.sequence.Tokens, token)
	}
	return finish, nil
}

// say returns what text is certain with a new token, and whether that is all
// before a stop string. Tokens that steer are no text.
func (j *job) say(token int32, top []sample.Logprob) (text string, stopped bool) {
	if j.tokenizer.Ends(token) {
		return "", false
	}
	c := chosen{id: token}
	if j.tokenizer.Control(token) {
		j.chosen = append(j.chosen, c)
		return "", false
	}
	if len(top) > 0 {
		c.scored = &Token{Scored: j.score(top[0])}
		for _, other := range top[1:] {
			c.scored.Top = append(c.scored.Top, j.score(other))
		}
	}
	piece := j.tokenizer.Piece(token)
	c.size = len(piece)
	j.chosen = append(j.chosen, c)
	return j.text.push(piece)
}

// decided is how many of the chosen tokens can be handed on: all at the end, and
// before it those no part of whose text is held back.
func (j *job) decided(end bool) int {
	n := len(j.chosen)
	if end {
		return n
	}
	for held := len(j.text.held) + len(j.text.bytes); held > 0 && n > 0; n-- {
		held -= j.chosen[n-1].size
	}
	return n
}

func (j *job) score(p sample.Logprob) Scored { return Scored{j.tokenizer.Piece(p.Token), p.Logprob} }

// hand leaves a piece for the caller.
func (j *job) hand(p Piece) {
	j.mu.Lock()
	j.pieces = append(j.pieces, p)
	j.mu.Unlock()
	j.wake()
}

// end says how the answer ended, once.
func (j *job) end(finish Finish, err error) {
	j.mu.Lock()
	if !j.ended {
		j.ended, j.result, j.err = true, Result{j.usage, finish}, err
	}
	j.mu.Unlock()
	j.wake()
}

func (j *job) wake() {
	select {
	case j.news <- struct{}{}:
	default:
	}
}

// take returns what was left since the last call, and whether that is all.
func (j *job) take() (pieces []Piece, ended bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	pieces, j.pieces = j.pieces, nil
	return pieces, j.ended
}
