package infer

import (
	"cmp"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
)

// Sampling says how a token is chosen from the logits. The steps are taken in
// this order: the logits are divided by the temperature, all but the TopK
// likeliest tokens are dropped, all but the likeliest that together reach
// TopP are dropped, and one is drawn from the rest.
type Sampling struct {
	// Temperature of 0 always takes the likeliest token; 1 draws from the
	// model's own distribution.
	Temperature float64
	// TopP is the share of probability to keep, above 0; 0 and 1 keep all.
	TopP float64
	// TopK is the number of tokens to keep; 0 keeps all.
	TopK int
	// Seed makes the draws repeatable. Nil draws a seed.
	Seed *int64
}

// errNotFinite means that the weights are damaged.
var errNotFinite = errors.New("the model computed a logit that is not a finite number")

// choice is a token and, as the sampler goes on, its logit, then its
// probability.
type choice struct {
	token int32
	value float64
}

// sampler draws the tokens of one answer.
type sampler struct {
	Sampling
	random  *rand.Rand
	choices []choice
}

func newSampler(s Sampling) *sampler {
	seed := rand.Uint64()
	if s.Seed != nil {
		seed = uint64(*s.Seed)
	}
	return &sampler{Sampling: s, random: rand.New(rand.NewPCG(seed, 0))}
}

// next draws a token.
func (s *sampler) next(logits []float32) (int32, error) {
	best := 0
	for i, v := range logits {
		if v != v || math.IsInf(float64(v), 0) {
			return 0, errNotFinite
		}
		if v > logits[best] {
			best = i
		}
	}
	if s.Temperature <= 0 {
		return int32(best), nil
	}
	s.choices = s.choices[:0]
	for i, v := range logits {
		s.choices = append(s.choices, choice{int32(i), (float64(v) - float64(logits[best])) / s.Temperature})
	}
	s.cut()
	total := 0.0
	for _, c := range s.choices {
		total += c.value
	}
	mark := s.random.Float64() * total
	for _, c := range s.choices {
		if mark -= c.value; mark < 0 {
			return c.token, nil
		}
	}
	return s.choices[len(s.choices)-1].token, nil // the sum was rounded down
}

// cut turns the choices' logits into probabilities, not normalised, and drops
// those outside TopK and TopP. It sorts only when it must.
func (s *sampler) cut() {
	keepAll := s.TopP <= 0 || s.TopP >= 1
	if s.TopK > 0 || !keepAll {
		slices.SortFunc(s.choices, func(a, b choice) int {
			return cmp.Or(cmp.Compare(b.value, a.value), cmp.Compare(a.token, b.token))
		})
	}
	if s.TopK > 0 && s.TopK < len(s.choices) {
		s.choices = s.choices[:s.TopK]
	}
	total := 0.0
	for i, c := range s.choices {
		s.choices[i].value = math.Exp(c.value)
		total += s.choices[i].value
	}
	if keepAll {
		return
	}
	sum := 0.0
	for i, c := range s.choices {
		if sum += c.value; sum >= s.TopP*total {
			s.choices = s.choices[:i+1]
			return
		}
	}
}
