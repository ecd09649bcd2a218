package sample

import (
	"errors"
	"math"
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
