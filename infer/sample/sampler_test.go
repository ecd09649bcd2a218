package sample

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestGreedyTakesTheFirstOfTheHighest(t *testing.T) {
	s := New(Options{}, 4)
	if got, _, err := s.Next([]float32{-1, 3, 2, 3}, nil); got != 1 || err != nil {
		t.Errorf("token %d, %v", got, err)
	}
}

// TestSamplingFollowsTheDistribution draws often and compares the shares.
func TestSamplingFollowsTheDistribution(t *testing.T) {
	logits := []float32{0, float32(math.Log(2)), float32(math.Log(5)), float32(math.Log(2))} // 1:2:5:2
	for name, c := range map[string]struct {
		options Options
		want    []float64
	}{
		"plain":       {Options{Temperature: 1}, []float64{.1, .2, .5, .2}},
		"top_p 1":     {Options{Temperature: 1, TopP: 1}, []float64{.1, .2, .5, .2}},
		"top_p 0.7":   {Options{Temperature: 1, TopP: .7}, []float64{0, 2. / 7, 5. / 7, 0}},
		"top_p 0.71":  {Options{Temperature: 1, TopP: .71}, []float64{0, 2. / 9, 5. / 9, 2. / 9}},
		"tiny top_p":  {Options{Temperature: 1, TopP: 1e-9}, []float64{0, 0, 1, 0}},
		"top_k 1":     {Options{Temperature: 1, TopK: 1}, []float64{0, 0, 1, 0}},
		"top_k 2":     {Options{Temperature: 1, TopK: 2}, []float64{0, 2. / 7, 5. / 7, 0}},
		"top_k 99":    {Options{Temperature: 1, TopK: 99}, []float64{.1, .2, .5, .2}},
		"temperature": {Options{Temperature: .5}, []float64{1. / 34, 4. / 34, 25. / 34, 4. / 34}},
	} {
		c.options.Seed = new(int64(7))
		s := New(c.options, len(logits))
		const draws = 20000
		counts := make([]int, len(logits))
		for range draws {
			token, _, err := s.Next(logits, nil)
			if err != nil {
				t.Fatal(err)
			}
			counts[token]++
		}
		for token, want := range c.want {
			got := float64(counts[token]) / draws
			if math.Abs(got-want) > 0.015 || want == 0 && counts[token] > 0 {
				t.Errorf("%s: token %d has a share of %.3f, want %.3f", name, token, got, want)
			}
		}
	}
}

func TestSamplerRefusesWhatIsNotANumber(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for _, temperature := range []float64{0, 1} {
			s := New(Options{Temperature: temperature}, 3)
			if _, _, err := s.Next([]float32{0, float32(bad), 1}, nil); !errors.Is(err, ErrNotFinite) {
				t.Errorf("logit %v: error %v", bad, err)
			}
		}
	}
}

// A penalty may take a logit beyond what a float holds: that is an error too, and no
// panic.
func TestSamplerRefusesWhatPenaltiesBlowUp(t *testing.T) {
	for _, temperature := range []float64{0, 1} {
		s := New(Options{Temperature: temperature, RepetitionPenalty: LeastRepetitionPenalty}, 3)
		s.Prompt([]int32{1})
		if _, _, err := s.Next([]float32{0, 3e38, 1}, nil); !errors.Is(err, ErrNotFinite) {
			t.Errorf("temperature %v: error %v", temperature, err)
		}
	}
	if err := (&Options{RepetitionPenalty: 1e-300}).Check(3); err == nil {
		t.Error("a penalty that divides by nothing is taken")
	}
}

// allow is a mask of the tokens it lists.
type allow []int32

func (a allow) Allow(logits []float32) {
	for i := range logits {
		if !slices.Contains(a, int32(i)) {
			logits[i] = float32(math.Inf(-1))
		}
	}
}

func TestMaskRulesOut(t *testing.T) {
	for _, temperature := range []float64{0, 1, 5} {
		s := New(Options{Temperature: temperature, Logprobs: true, TopLogprobs: 2, LogitBias: map[int32]float32{0: 100}, RepetitionPenalty: 1.1}, 4)
		s.Prompt([]int32{0, 2})
		for range 50 {
			token, top, err := s.Next([]float32{5, 1, 2, 2}, allow{2, 3})
			if err != nil || token != 2 && token != 3 {
				t.Fatalf("token %d, %v", token, err)
			}
			if len(top) != 3 || top[0].Token != token || top[1].Token != 0 || top[2].Token != 2 {
				t.Fatalf("log probabilities %v", top)
			}
			if want := 2 - math.Log(math.Exp(5)+math.Exp(1)+2*math.Exp(2)); math.Abs(top[0].Logprob-want) > 1e-9 {
				t.Fatalf("log probability %v, want %v, the model's own", top[0].Logprob, want)
			}
		}
		if _, _, err := s.Next([]float32{1, 2, 3, 4}, allow{}); !errors.Is(err, ErrNothingAllowed) {
			t.Errorf("with nothing allowed: %v", err)
		}
	}
}

// TestPenalties follows greedy answers by hand.
func TestPenalties(t *testing.T) {
	for name, c := range map[string]struct {
		options Options
		prompt  []int32
		want    []int32
	}{
		"none":                       {Options{}, []int32{1}, []int32{1, 1, 1}},
		"presence, once":             {Options{PresencePenalty: 1.5}, []int32{1}, []int32{1, 2, 1}},
		"frequency, each time":       {Options{FrequencyPenalty: 0.6}, []int32{1}, []int32{1, 1, 2}},
		"repetition sees the prompt": {Options{RepetitionPenalty: 2}, []int32{1}, []int32{2, 1, 1}},
		"repetition of a negative":   {Options{RepetitionPenalty: 4, LogitBias: map[int32]float32{1: -5, 2: -3.5}}, nil, []int32{0, 2, 0}},
		"bias":                       {Options{LogitBias: map[int32]float32{0: 4}}, nil, []int32{0, 0, 0}},
	} {
		s := New(c.options, 3)
		s.Prompt(c.prompt)
		for i, want := range c.want {
			if got, _, err := s.Next([]float32{-0.5, 3, 2}, nil); got != want || err != nil {
				t.Errorf("%s: token %d is %d, %v, want %d", name, i, got, err, want)
				break
			}
		}
	}
}

// TestDrawsAreTheSameEverywhere fixes what a seed draws: on another platform
// the same numbers must come.
func TestDrawsAreTheSameEverywhere(t *testing.T) {
	logits := make([]float32, 2000)
	s := New(Options{Temperature: 0.9, TopP: 0.97, TopK: 400, MinP: 0.001, FrequencyPenalty: 0.3, Seed: new(int64(42))}, len(logits))
	var got []int32
	for range 12 {
		for i := range logits {
			logits[i] = float32(i*7919%1013) / 100
		}
		token, _, err := s.Next(logits, nil)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, token)
	}
	want := []int32{603, 313, 1588, 1807, 137, 1775, 1304, 1807, 1216, 762, 745, 537}
	if !slices.Equal(got, want) {
		t.Errorf("drew %v, want %v", got, want)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, o := range map[string]Options{
		"temperature":                   {Temperature: -1},
		"temperature is NaN":            {Temperature: math.NaN()},
		"top_p":                         {TopP: 1.1},
		"min_p":                         {MinP: -0.1},
		"top_k":                         {TopK: -1},
		"presence_penalty":              {PresencePenalty: 3},
		"frequency_penalty":             {FrequencyPenalty: -2.5},
		"repetition_penalty":            {RepetitionPenalty: -1},
		"top_logprobs":                  {Logprobs: true, TopLogprobs: 21},
		"top_logprobs is 3 without":     {TopLogprobs: 3},
		"logit_bias names the token 10": {LogitBias: map[int32]float32{10: 1}},
		"logit_bias of token 1":         {LogitBias: map[int32]float32{1: 101}},
	} {
		if err := o.Check(10); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (&Options{Temperature: 2, TopP: 1, LogitBias: map[int32]float32{9: -100}}).Check(10); err != nil {
		t.Error(err)
	}
}

// settings are what requests ask for, for allocations and benchmarks.
func settings() map[string]Options {
	return map[string]Options{
		"greedy":              {},
		"temperature":         {Temperature: 1, Seed: new(int64(1))},
		"top_p":               {Temperature: 0.8, TopP: 0.95, Seed: new(int64(1))},
		"top_k and top_p":     {Temperature: 0.7, TopK: 20, TopP: 0.8, Seed: new(int64(1))},
		"penalties, logprobs": {Temperature: 0.7, TopP: 0.9, FrequencyPenalty: 0.5, Logprobs: true, TopLogprobs: 5, Seed: new(int64(1))},
	}
}

// normal fills logits as a model's look: a bell, with few far above it.
func normal(n int) []float32 {
	random := rand.New(rand.NewPCG(3, 3))
	logits := make([]float32, n)
	for i := range logits {
		logits[i] = float32(random.NormFloat64() * 3)
	}
	for i := range 20 {
		logits[i*(n/20)] += 14
	}
	return logits
}

func TestNextDoesNotAllocate(t *testing.T) {
	logits := normal(5000)
	for name, o := range settings() {
		s := New(o, len(logits))
		next := func() {
			if _, _, err := s.Next(logits, nil); err != nil {
				t.Fatal(err)
			}
		}
		for range 200 {
			next()
		}
		if n := testing.AllocsPerRun(100, next); n > 0 {
			t.Errorf("%s: %v allocations in each call", name, n)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	for name, o := range settings() {
		logits := normal(151_936)
		b.Run(name, func(b *testing.B) {
			s := New(o, len(logits))
			for b.Loop() {
				if _, _, err := s.Next(logits, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
