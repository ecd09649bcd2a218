package sample

import (
	"fmt"
	"math"
)

// MaxTopLogprobs is the most alternatives that a token's log probabilities can
// list: the limit of OpenAI's chat completions.
const MaxTopLogprobs = 20

// LeastRepetitionPenalty is the least of them but 0: dividing by less makes
// infinities of logits.
const LeastRepetitionPenalty = 0.01

// Options says how tokens are chosen. The zero value takes the likeliest.
type Options struct {
	// Temperature of 0 always takes the likeliest token; 1 draws from the
	// model's own distribution.
	Temperature float64
	// TopK is the number of tokens to keep; 0 keeps all.
	TopK int
	// TopP is the share of probability to keep, above 0; 0 and 1 keep all.
	TopP float64
	// MinP drops tokens whose probability is under this share of the likeliest
	// token's; 0 keeps all.
	MinP float64
	// RepetitionPenalty divides the positive logits, and multiplies the
	// negative ones, of tokens that the prompt or the answer has (Keskar et
	// al., CTRL, arXiv 1909.05858), 0.01 to 100; 0 and 1 change nothing.
	RepetitionPenalty float64
	// FrequencyPenalty is subtracted from a token's logit once for each time
	// that the answer has it (OpenAI's rule); -2 to 2.
	FrequencyPenalty float64
	// PresencePenalty is subtracted once from the logit of each token that the
	// answer has; -2 to 2.
	PresencePenalty float64
	// LogitBias is added to the logits of single tokens; -100 to 100.
	LogitBias map[int32]float32
	// Logprobs asks for the log probability of the chosen token.
	Logprobs bool
	// TopLogprobs asks for those of so many of the likeliest tokens, up to
	// MaxTopLogprobs. It needs Logprobs.
	TopLogprobs int
	// Seed makes the draws repeatable. Nil draws a seed.
	Seed *int64
}

// Check returns what is wrong with the options, for a vocabulary of so many
// tokens. The parameter's name in the error is that of the API.
func (o *Options) Check(vocab int) error {
	for _, p := range []struct {
		name     string
		v        float64
		min, max float64
	}{
		{"temperature", o.Temperature, 0, 100},
		{"top_k", float64(o.TopK), 0, math.MaxInt32},
		{"top_p", o.TopP, 0, 1},
		{"min_p", o.MinP, 0, 1},
		{"repetition_penalty", o.RepetitionPenalty, 0, 100},
		{"frequency_penalty", o.FrequencyPenalty, -2, 2},
		{"presence_penalty", o.PresencePenalty, -2, 2},
		{"top_logprobs", float64(o.TopLogprobs), 0, MaxTopLogprobs},
	} {
		if !(p.v >= p.min && p.v <= p.max) {
			return fmt.Errorf("%s is %v, want %v to %v", p.name, p.v, p.min, p.max)
		}
	}
	if o.RepetitionPenalty > 0 && o.RepetitionPenalty < LeastRepetitionPenalty {
		return fmt.Errorf("repetition_penalty is %v, want 0 or at least %v", o.RepetitionPenalty, LeastRepetitionPenalty)
	}
	if o.TopLogprobs > 0 && !o.Logprobs {
		return fmt.Errorf("top_logprobs is %d without logprobs", o.TopLogprobs)
	}
	for token, bias := range o.LogitBias {
		if token < 0 || int(token) >= vocab {
			return fmt.Errorf("logit_bias names the token %d, the vocabulary has %d", token, vocab)
		}
		if !(bias >= -100 && bias <= 100) {
			return fmt.Errorf("logit_bias of token %d is %v, want -100 to 100", token, bias)
		}
	}
	return nil
}

// penalises reports whether the options look back at earlier tokens.
func (o *Options) penalises() bool {
	return o.repeats() || o.FrequencyPenalty != 0 || o.PresencePenalty != 0
}

func (o *Options) repeats() bool {
	return o.RepetitionPenalty > 0 && o.RepetitionPenalty != 1
}
