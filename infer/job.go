package infer

import (
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
	ids       []int32 // of tokens that were not handed on
	scored    []Token // theirs

	news   chan struct{} // has one element when there is something to take
	mu     sync.Mutex
	pieces []Piece
	ended  bool
	result Result // valid once ended, as is err
	err    error
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
	if err != nil && j.form != nil && j.form.Err() != nil {
		err = j.form.Err()
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
	if text != "" || finish != "" && len(j.ids) > 0 {
		j.hand(Piece{Text: text, IDs: j.ids, Surplus: j.text.cut, Tokens: j.scored, Usage: j.usage})
		j.ids, j.scored = nil, nil
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
	j.ids = append(j.ids, token)
	if j.tokenizer.Control(token) {
		return "", false
	}
	if len(top) > 0 {
		t := Token{Scored: j.score(top[0])}
		for _, other := range top[1:] {
			t.Top = append(t.Top, j.score(other))
		}
		j.scored = append(j.scored, t)
	}
	return j.text.push(j.tokenizer.Piece(token))
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
