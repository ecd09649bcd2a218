package sample

import (
	"errors"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// ErrNotFinite means that the model's weights are damaged.
var ErrNotFinite = errors.New("the model computed a logit that is not a finite number")

// ErrNothingAllowed means that a mask ruled out every token.
var ErrNothingAllowed = errors.New("the grammar allows no token here")

// Mask rules out tokens: a grammar, or a ban.
type Mask interface {
	// Allow sets the logits of the tokens that must not come next to -Inf and
	// leaves the others as they are.
	Allow(logits []float32)
}

// Sampler draws the tokens of one answer. It is not safe for concurrent use.
type Sampler struct {
	opts    Options
	vocab   int
	random  *rand.PCG
	bias    []biased
	seen    history
	weights *weights
	raw     []float32 // a copy of the logits, for log probabilities
	top     []Logprob
}

// biased is a token with what is added to its logit.
type biased struct {
	token int32
	add   float32
}

// New returns a sampler for a vocabulary of so many tokens. The options must
// have passed Check. Prompt follows, when the repetition penalty is to see
// the prompt.
func New(o Options, vocab int) *Sampler {
	seed := rand.Uint64()
	if o.Seed != nil {
		seed = uint64(*o.Seed)
	}
	s := &Sampler{opts: o, vocab: vocab, random: rand.NewPCG(seed, 0)}
	for token, add := range o.LogitBias {
		s.bias = append(s.bias, biased{token, add})
	}
	if o.Temperature > 0 {
		s.weights = newWeights()
	}
	return s
}

// Prompt tells the sampler the tokens before the answer, which the repetition
// penalty counts.
func (s *Sampler) Prompt(tokens []int32) {
	if s.opts.repeats() {
		s.seen.prompt(tokens)
	}
}

// Next draws a token from the logits, one for each token of the vocabulary.
// They are changed by it. A nil mask allows all. When the options ask for log
// probabilities, top has the drawn token first, then the likeliest
// TopLogprobs tokens, the drawn one perhaps among them; it is good until the
// next call.
//
// It fails with ErrNotFinite when the logits are damaged, and with
// ErrNothingAllowed when the mask rules out all.
func (s *Sampler) Next(logits []float32, mask Mask) (token int32, top []Logprob, err error) {
	if !finite(logits) {
		return 0, nil, ErrNotFinite
	}
	if s.opts.Logprobs {
		s.raw = append(s.raw[:0], logits...)
	}
	if mask != nil {
		mask.Allow(logits)
	}
	for _, b := range s.bias {
		logits[b.token] += b.add
	}
	s.seen.penalise(logits, &s.opts)
	best := highest(logits)
	if isOut(logits[best]) {
		return 0, nil, ErrNothingAllowed
	}
	if v := logits[best]; v-v != 0 { // a penalty took it beyond what a float holds
		return 0, nil, ErrNotFinite
	}
	token = int32(best)
	if s.weights != nil {
		token = s.draw(logits, logits[best])
	}
	if s.opts.penalises() {
		s.seen.answer(token)
	}
	if s.opts.Logprobs {
		s.top = logprobs(s.top[:0], s.raw, token, s.opts.TopLogprobs)
	}
	return token, s.top, nil
}

// draw takes the steps from the temperature on; best is the highest logit.
func (s *Sampler) draw(logits []float32, best float32) int32 {
	w := s.weights
	w.fill(logits, best, &s.opts)
	if s.opts.TopK > 0 {
		w.keepCount(logits, s.opts.TopK)
	}
	if s.opts.TopP > 0 && s.opts.TopP < 1 {
		w.keepShare(logits, s.opts.TopP)
	}
	return w.at(logits, below(s.random, w.total()))
}

// below draws a number from 0 to n-1, each equally likely (Lemire, "Fast
// Random Integer Generation in an Interval", arXiv 1805.10941). n is not 0.
func below(random *rand.PCG, n uint64) uint64 {
	hi, lo := bits.Mul64(random.Uint64(), n)
	if lo < n {
		for reject := -n % n; lo < reject; {
			hi, lo = bits.Mul64(random.Uint64(), n)
		}
	}
	return hi
}

// finite reports whether there is no NaN and no infinity.
func finite(logits []float32) bool {
	for _, v := range logits {
		if v-v != 0 {
			return false
		}
	}
	return true
}

// highest is the index of the highest logit, the first of equals. Few logits are
// higher than all before them, so eight are compared before one is looked at.
func highest(logits []float32) int {
	best, i := 0, 0
	for ; i+8 <= len(logits); i += 8 {
		s, top := (*[8]float32)(logits[i:]), logits[best]
		if s[0] > top || s[1] > top || s[2] > top || s[3] > top || s[4] > top || s[5] > top || s[6] > top || s[7] > top {
			best = higher(logits, best, i, i+8)
		}
	}
	return higher(logits, best, i, len(logits))
}

// higher is the first of the highest logits among best and those from first to
// last-1, which stand behind it.
func higher(logits []float32, best, first, last int) int {
	for i := first; i < last; i++ {
		if logits[i] > logits[best] {
			best = i
		}
	}
	return best
}

// isOut reports whether a mask ruled the token out.
func isOut(logit float32) bool { return logit < 0 && logit-logit != 0 }

// sortByRank sorts tokens by their logits, the highest first, and of equals by
// their number.
func sortByRank(tokens []int32, logits []float32) {
	slices.SortFunc(tokens, func(a, b int32) int {
		switch {
		case logits[a] > logits[b]:
			return -1
		case logits[a] < logits[b]:
			return 1
		}
		return int(a) - int(b)
	})
}
