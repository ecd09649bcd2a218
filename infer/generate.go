package infer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"sluice/infer/sample"
)

// ErrBusy is returned by Generate while another Generate runs.
var ErrBusy = errors.New("the model is working on another sequence")

// ErrContext is wrapped when a prompt leaves no room for an answer.
var ErrContext = errors.New("the prompt does not fit in the model's context")

// Request asks for the continuation of a prompt.
type Request struct {
	// Prompt is the prompt's tokens, as Chat or the tokenizer gives them.
	Prompt []int32
	// MaxTokens bounds the answer, the token that ends it included; 0 leaves
	// it to the context's limit.
	MaxTokens int
	// Sampling says how tokens are chosen.
	Sampling sample.Options
	// Stop lists texts at which the answer ends. They are not part of it.
	Stop []string
	// CacheSalt keeps strangers apart: work on an earlier prompt is used again
	// only if it had the same salt, so that nobody learns from a cached count
	// what somebody else has asked.
	CacheSalt string
}

// Usage counts tokens.
type Usage struct {
	// Prompt is the tokens of the prompt, cached or not.
	Prompt int
	// Cached is how many of them were not computed again, since the last
	// sequence began with them too.
	Cached int
	// Completion is the tokens generated. The one that ends the answer counts,
	// and so do those of a stop string: they were computed.
	Completion int
}

// Finish says why an answer ended.
type Finish string

// The reasons why an answer ends.
const (
	FinishStop      Finish = "stop"      // the model ended it, or a stop string came
	FinishLength    Finish = "length"    // MaxTokens or the context is used up
	FinishCancelled Finish = "cancelled" // the caller's context or emit function ended it
)

// Piece is the next part of an answer.
type Piece struct {
	// Text is whole runes and never empty. It can be that of several tokens,
	// where a rune or the beginning of a stop string spans them.
	Text string
	// Usage is what was used up to here.
	Usage Usage
}

// Result is how an answer ended.
type Result struct {
	Usage  Usage
	Finish Finish
}

// Generate continues a prompt and hands the answer to emit, piece by piece. It
// ends between two tokens when ctx is done, and when emit fails; then the
// error is returned beside a Result that counts what was used until then.
//
// The same request with the same seed gives the same answer, whether or not
// the beginning of its prompt was cached.
func (m *Model) Generate(ctx context.Context, req Request, emit func(Piece) error) (Result, error) {
	if err := m.check(req); err != nil {
		return Result{}, err
	}
	if !m.busy.TryLock() {
		return Result{}, ErrBusy
	}
	defer m.busy.Unlock()
	a := &answer{
		model:   m,
		sampler: sample.New(req.Sampling, m.shape.vocab),
		text:    textStream{stops: req.Stop},
		limit:   m.shape.context - len(req.Prompt),
		emit:    emit,
	}
	if req.MaxTokens > 0 {
		a.limit = min(a.limit, req.MaxTokens)
	}
	a.sampler.Prompt(req.Prompt)
	a.usage.Prompt = len(req.Prompt)
	a.usage.Cached = m.reuse(req)
	finish, err := a.run(ctx, req.Prompt[a.usage.Cached:])
	return Result{Usage: a.usage, Finish: finish}, err
}

// check refuses requests that cannot be computed.
func (m *Model) check(req Request) error {
	if len(req.Prompt) == 0 {
		return errors.New("the prompt is empty")
	}
	if len(req.Prompt) >= m.shape.context {
		return fmt.Errorf("%w: %d tokens of %d, and the answer needs at least one", ErrContext, len(req.Prompt), m.shape.context)
	}
	for _, token := range req.Prompt {
		if token < 0 || int(token) >= m.shape.vocab {
			return fmt.Errorf("the prompt has a token %d, the vocabulary has %d", token, m.shape.vocab)
		}
	}
	if err := req.Sampling.Check(m.shape.vocab); err != nil {
		return err
	}
	if slices.Contains(req.Stop, "") {
		return errors.New("a stop string is empty")
	}
	return nil
}

// reuse keeps what the cache holds of the prompt's beginning, forgets the rest
// and returns how many tokens it kept. The last token is always computed,
// since its logits are needed.
func (m *Model) reuse(req Request) int {
	n := 0
	if req.CacheSalt == m.salt {
		for n < min(len(m.known), len(req.Prompt)-1) && m.known[n] == req.Prompt[n] {
			n++
		}
	}
	m.known, m.salt = m.known[:n], req.CacheSalt
	m.forward.cache.truncate(n, m.shape.headSize)
	return n
}

// answer is one Generate under way.
type answer struct {
	model   *Model
	sampler *sample.Sampler
	text    textStream
	limit   int // tokens it may have
	usage   Usage
	emit    func(Piece) error
}

// run computes the prompt's tokens that are not cached, then token after token.
func (a *answer) run(ctx context.Context, prompt []int32) (Finish, error) {
	var logits []float32
	for tokens := range slices.Chunk(prompt, batch) {
		if err := ctx.Err(); err != nil {
			return FinishCancelled, err
		}
		logits = a.model.compute(tokens)
	}
	for {
		if err := ctx.Err(); err != nil {
			return FinishCancelled, err
		}
		token, _, err := a.sampler.Next(logits, nil)
		if err != nil {
			return "", err
		}
		a.usage.Completion++
		finish, err := a.take(token)
		if err != nil || finish != "" {
			return finish, err
		}
		logits = a.model.compute([]int32{token})
	}
}

// take hands on the text of a new token. It returns why the answer ends, or ""
// when it goes on.
func (a *answer) take(token int32) (Finish, error) {
	tokenizer := a.model.tokenizer
	text, stopped := "", false
	if !tokenizer.Control(token) && !tokenizer.Ends(token) {
		text, stopped = a.text.push(tokenizer.Piece(token))
	}
	finish := Finish("")
	switch {
	case stopped:
		finish = FinishStop
	case tokenizer.Ends(token):
		finish = FinishStop
		text += a.text.flush()
	case a.usage.Completion == a.limit:
		finish = FinishLength
		text += a.text.flush()
	}
	if text == "" {
		return finish, nil
	}
	if err := a.emit(Piece{Text: text, Usage: a.usage}); err != nil {
		return FinishCancelled, err
	}
	return finish, nil
}

// compute runs up to batch tokens that follow the known ones.
func (m *Model) compute(tokens []int32) []float32 {
	logits := m.forward.run(tokens, len(m.known))
	m.known = append(m.known, tokens...)
	return logits
}
