package sample

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// kept is the distribution that a draw would follow.
func (w *weights) kept(logits []float32) []float64 {
	out := make([]float64, len(logits))
	total := float64(w.total())
	for token, v := range logits {
		d := w.distance(v)
		if d >= w.reach {
			continue
		}
		band := int(d >> (distanceBits - bandBits))
		if w.weight[band] > 0 && (band != w.border || slices.Contains(w.edge, int32(token))) {
			out[token] = float64(w.of(d)) / total
		}
	}
	return out
}

// plainly is the distribution by a full sort in float64, and whether a border
// is too close for rounding to tell its side.
func plainly(logits []float32, o Options) (out []float64, close bool) {
	order := make([]int32, len(logits))
	for i := range order {
		order[i] = int32(i)
	}
	sortByRank(order, logits)
	best := float64(logits[order[0]])
	p := func(t int32) float64 { return math.Exp((float64(logits[t]) - best) / o.Temperature) }
	order = slices.DeleteFunc(order, func(t int32) bool {
		close = close || math.Abs(p(t)-o.MinP) < 1e-6 && p(t) != 1
		return p(t) < o.MinP
	})
	if o.TopK > 0 {
		order = order[:min(o.TopK, len(order))]
	}
	total := 0.0
	for _, t := range order {
		total += p(t)
	}
	if o.TopP > 0 && o.TopP < 1 {
		sum := 0.0
		for i, t := range order {
			sum += p(t) / total
			close = close || math.Abs(sum-o.TopP) < 3e-6
			if sum >= o.TopP {
				order = order[:i+1]
				break
			}
		}
		total *= sum
	}
	out = make([]float64, len(logits))
	for _, t := range order {
		out[t] = p(t) / total
	}
	return out, close
}

// TestCutsAreThoseOfAFullSort compares the histogram's way with the plain one.
func TestCutsAreThoseOfAFullSort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := Options{
			Temperature: rapid.Float64Range(0.05, 3).Draw(t, "temperature"),
			TopK:        rapid.IntRange(0, 60).Draw(t, "top_k"),
			TopP:        rapid.SampledFrom([]float64{0, 1, 0.1, 0.5, 0.9, 0.95, 0.999}).Draw(t, "top_p"),
			MinP:        rapid.SampledFrom([]float64{0, 0, 0.01, 0.2, 1}).Draw(t, "min_p"),
		}
		grain := rapid.SampledFrom([]float64{0.001, 0.1, 1}).Draw(t, "grain")
		steps := rapid.SliceOfN(rapid.IntRange(-40, 40), 1, 80).Draw(t, "logits")
		logits := make([]float32, len(steps))
		for i, n := range steps {
			logits[i] = float32(float64(n) * grain)
		}
		want, close := plainly(logits, o)
		if close {
			t.Skip("a border cannot be told")
		}
		w := newWeights()
		w.fill(logits, logits[highest(logits)], &o)
		if o.TopK > 0 {
			w.keepCount(logits, o.TopK)
		}
		if o.TopP > 0 && o.TopP < 1 {
			w.keepShare(logits, o.TopP)
		}
		for token, p := range w.kept(logits) {
			if math.Abs(p-want[token]) > 1e-6 || (p == 0) != (want[token] < 1e-13) && want[token] > 1e-12 {
				t.Fatalf("token %d has %v, want %v", token, p, want[token])
			}
		}
		mark := rapid.Uint64Range(0, w.total()-1).Draw(t, "mark")
		if token := w.at(logits, mark); want[token] == 0 {
			t.Fatalf("mark %d draws token %d, which is dropped", mark, token)
		}
	})
}

// TestDrawsFollowTheDistribution judges 100,000 draws at fixed seeds by Pearson's
// chi-square: with 99 degrees of freedom it is above 149 in 1 case of 1,000.
func TestDrawsFollowTheDistribution(t *testing.T) {
	for seed := range int64(5) {
		random := rand.New(rand.NewPCG(uint64(seed), 1))
		logits := make([]float32, 100)
		for i := range logits {
			logits[i] = float32(random.NormFloat64())
		}
		want, _ := plainly(logits, Options{Temperature: 0.8})
		s := New(Options{Temperature: 0.8, Seed: &seed}, len(logits))
		const draws = 100_000
		counts := make([]float64, len(logits))
		for range draws {
			token, _, err := s.Next(logits, nil)
			if err != nil {
				t.Fatal(err)
			}
			counts[token]++
		}
		chi := 0.0
		for i, n := range counts {
			expected := want[i] * draws
			chi += (n - expected) * (n - expected) / expected
		}
		if chi > 149 {
			t.Errorf("seed %d: chi-square %.1f", seed, chi)
		}
	}
}

// TestWeightsAreThePowers holds the table and the series to math.Exp2.
func TestWeightsAreThePowers(t *testing.T) {
	w := newWeights()
	for d := int64(0); d < 24<<distanceBits; d += 9973 {
		want := math.Exp2(octaves - float64(d)/(1<<distanceBits))
		if got := float64(w.of(d)); math.Abs(got/want-1) > 1e-6+1/want || d > 0 && w.of(d) > w.of(d-1) {
			t.Fatalf("2^-%v is %v, want %v", float64(d)/(1<<distanceBits), got, want)
		}
	}
}
