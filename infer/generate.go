package infer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"sluice/infer/sample"
)

// ErrFull is returned by Generate when as many wait as may.
var ErrFull = errors.New("as many requests wait for the model as may")

// ErrClosed is returned once a model is closed.
var ErrClosed = errors.New("the model is closed")

// ErrContext is wrapped when a prompt leaves no room for an answer.
var ErrContext = errors.New("the prompt does not fit in the model's context")

// ErrForm is wrapped when an answer cannot keep to its request's form any longer:
// the fault of the form, not of the model.
var ErrForm = errors.New("the answer cannot keep to the form that is asked for")

// Request asks for the continuation of a prompt.
type Request struct {
	// Prompt is the prompt's tokens, as Chat or the tokenizer gives them.
	Prompt []int32
	// MaxTokens bounds the answer, the token that ends it included; 0 leaves
	// it to the context's limit.
	MaxTokens int
	// Sampling says how tokens are chosen.
	Sampling sample.Options
	// Form keeps the answer within a form; nil lets it be free.
	Form Form
	// Stop lists texts at which the answer ends. They are not part of it.
	Stop []string
	// CacheSalt keeps strangers apart: work on an earlier prompt is used again
	// only if it had the same salt, so that nobody learns from a cached count
	// what somebody else has asked. Those with different salts share the engine
	// evenly.
	CacheSalt string
}

// Form is what an answer must look like: a grammar, and how far the answer came
// in it. It serves one answer.
type Form interface {
	sample.Mask
	// Accept goes on behind a token that Allow left in.
	Accept(token int32) error
	// Done reports whether the answer is complete and must end.
	Done() bool
	// Err is why no token is allowed any longer, if that is so.
	Err() error
}

// Usage counts tokens.
type Usage struct {
	// Prompt is the tokens of the prompt, cached or not.
	Prompt int
	// Cached is how many of them were not computed, since sequences with the
	// same salt began with them too.
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
	// Text is whole runes. It can be that of several tokens, where a rune or the
	// beginning of a stop string spans them; it is empty when an answer ends
	// with tokens that have none.
	Text string
	// IDs are the tokens since the last piece, without the one that ends an
	// answer. One whose text is held back in part comes with a later piece.
	IDs []int32
	// Surplus is how many bytes at the end of the tokens' text are no part of
	// the answer: those from a stop string on.
	Surplus int
	// Tokens are those of IDs that have text, with their log probabilities, when
	// the request asked for them.
	Tokens []Token
	// Usage is what was used up to here.
	Usage Usage
}

// Token is a token of an answer.
type Token struct {
	// Scored is the token itself.
	Scored
	// Top are the likeliest tokens in its place, as many as were asked for.
	Top []Scored
}

// Scored is a token with its probability.
type Scored struct {
	// Piece is the token's bytes, which may be a part of a rune.
	Piece string
	// Logprob is the natural logarithm of its probability.
	Logprob float64
}

// Result is how an answer ended.
type Result struct {
	Usage  Usage
	Finish Finish
}

// Generate continues a prompt and hands the answer to emit, piece by piece, in
// the caller's goroutine; the model goes on meanwhile. It ends when ctx is
// done, and when emit fails; then the error is returned beside a Result that
// counts what was handed out until then. Other errors: ErrFull, ErrClosed, those
// that wrap ErrContext or ErrForm, and those of bad requests.
//
// The same request with the same seed gives the same answer, whatever runs
// beside it, and whether or not the beginning of its prompt was cached.
func (m *Model) Generate(ctx context.Context, req Request, emit func(Piece) error) (Result, error) {
	if err := m.check(req); err != nil {
		return Result{}, err
	}
	if err := ctx.Err(); err != nil {
		return Result{Finish: FinishCancelled}, err
	}
	j := newJob(m, req)
	if err := m.server.add(j); err != nil {
		return Result{}, err
	}
	told := Usage{Prompt: len(req.Prompt)} // what was handed out
	for {
		select {
		case <-j.news:
		case <-ctx.Done():
			m.server.cancel(j)
			return Result{told, FinishCancelled}, ctx.Err()
		}
		pieces, ended := j.take()
		for _, p := range pieces {
			err := ctx.Err()
			if err == nil {
				err = emit(p)
			}
			if err != nil {
				m.server.cancel(j)
				return Result{told, FinishCancelled}, err
			}
			told = p.Usage
		}
		if ended {
			return j.result, j.err
		}
	}
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
	if slices.Contains(req.Stop, "") {
		return errors.New("a stop string is empty")
	}
	return req.Sampling.Check(m.shape.vocab)
}
