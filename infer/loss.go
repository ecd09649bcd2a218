package infer

import (
	"context"
	"errors"
	"math"

	"sluice/infer/sample"
)

// Loss is the mean loss of the tokens of next behind prompt, in nats: how much
// they surprise the model. Both must have tokens. It waits and is computed as an
// answer is, in the turn of those of the salt, and is no part of any usage.
func (m *Model) Loss(ctx context.Context, salt string, prompt, next []int32) (float64, error) {
	if len(next) == 0 {
		return 0, errors.New("there are no tokens to take the loss of")
	}
	f := &forced{tokens: next}
	_, err := m.Generate(ctx, Request{Prompt: prompt, CacheSalt: salt, MaxTokens: len(next), Sampling: sample.Options{}, Form: f}, func(Piece) error { return nil })
	return f.loss / float64(len(next)), err
}

// forced is the form of an answer that is given, and sums up its loss.
type forced struct {
	tokens []int32 // those to come
	loss   float64
}

func (f *forced) Allow(logits []float32) {
	next := f.tokens[0]
	top, sum := logits[next], 0.0
	for _, v := range logits {
		top = max(top, v)
	}
	for i, v := range logits {
		sum += math.Exp(float64(v - top))
		if int32(i) != next {
			logits[i] = float32(math.Inf(-1))
		}
	}
	f.loss += math.Log(sum) + float64(top-logits[next])
}

func (f *forced) Accept(int32) error {
	f.tokens = f.tokens[1:]
	return nil
}

func (f *forced) Done() bool { return len(f.tokens) == 0 }

// Err is nil: there is always one token to be had.
func (f *forced) Err() error { return nil }
