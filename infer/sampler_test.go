package infer

import (
	"errors"
	"math"
	"testing"
)

func TestGreedyTakesTheFirstOfTheHighest(t *testing.T) {
	s := newSampler(Sampling{})
	if got, err := s.next([]float32{-1, 3, 2, 3}); got != 1 || err != nil {
		t.Errorf("token %d, %v", got, err)
	}
}

// TestSamplingFollowsTheDistribution draws often and compares the shares.
func TestSamplingFollowsTheDistribution(t *testing.T) {
	logits := []float32{0, float32(math.Log(2)), float32(math.Log(5)), float32(math.Log(2))} // 1:2:5:2
	for name, c := range map[string]struct {
		sampling Sampling
		want     []float64
	}{
		"plain":       {Sampling{Temperature: 1}, []float64{.1, .2, .5, .2}},
		"top_p 1":     {Sampling{Temperature: 1, TopP: 1}, []float64{.1, .2, .5, .2}},
		"top_p 0.7":   {Sampling{Temperature: 1, TopP: .7}, []float64{0, 2. / 7, 5. / 7, 0}},
		"top_p 0.71":  {Sampling{Temperature: 1, TopP: .71}, []float64{0, 2. / 9, 5. / 9, 2. / 9}},
		"tiny top_p":  {Sampling{Temperature: 1, TopP: 1e-9}, []float64{0, 0, 1, 0}},
		"top_k 1":     {Sampling{Temperature: 1, TopK: 1}, []float64{0, 0, 1, 0}},
		"top_k 2":     {Sampling{Temperature: 1, TopK: 2}, []float64{0, 2. / 7, 5. / 7, 0}},
		"top_k 99":    {Sampling{Temperature: 1, TopK: 99}, []float64{.1, .2, .5, .2}},
		"temperature": {Sampling{Temperature: .5}, []float64{1. / 34, 4. / 34, 25. / 34, 4. / 34}},
	} {
		c.sampling.Seed = new(int64(7))
		s := newSampler(c.sampling)
		const draws = 20000
		counts := make([]int, len(logits))
		for range draws {
			token, err := s.next(logits)
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
			s := newSampler(Sampling{Temperature: temperature})
			if _, err := s.next([]float32{0, float32(bad), 1}); !errors.Is(err, errNotFinite) {
				t.Errorf("logit %v: error %v", bad, err)
			}
		}
	}
}
