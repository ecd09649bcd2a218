package guide

import (
	"math"
	"slices"
	"strings"
)

// sorter tells which answer a question wants, by the ways in which people are known
// to ask for each: multinomial logistic regression over stems, what means the same,
// pairs of neighbours and pieces of words, learned by gradient descent, one way at
// a time, in a fixed order.
type sorter struct {
	*lexicon
	classes  int
	features map[string]int
	rarity   []float64   // of each feature
	weights  [][]float32 // of each feature, for each class
}

// What a feature counts beside a word of the question itself, and how it is learned.
const (
	pairPart  = 0.5
	samePart  = 0.5 // of a word that means the same
	smallWord = 0.5 // of a word that says nothing of the subject
	letters   = 4   // of a piece of a word
	piecePart = 0.2
	rounds    = 8
	firstRate = 7 // falls to zero
	ignored   = 1e-3
)

// given is a feature of a text, and how much of it.
type given struct {
	feature int
	value   float32
}

// newSorter learns from the ways to ask for each class.
func newSorter(l *lexicon, ways [][]string) *sorter {
	s := &sorter{lexicon: l, classes: len(ways), features: map[string]int{}}
	type example struct {
		class int
		parts []part
		given []given
	}
	var examples []example
	for class, texts := range ways {
		for _, text := range texts {
			parts := s.parts(text)
			for _, p := range parts {
				i, known := s.features[p.name]
				if !known {
					i = len(s.features)
					s.features[p.name] = i
					s.rarity = append(s.rarity, 0)
				}
				s.rarity[i]++
			}
			examples = append(examples, example{class: class, parts: parts})
		}
	}
	all := float64(len(examples))
	for i, n := range s.rarity {
		s.rarity[i] = math.Log(1 + all/n)
	}
	memory := make([]float32, len(s.features)*s.classes)
	for range s.features {
		s.weights = append(s.weights, memory[:s.classes:s.classes])
		memory = memory[s.classes:]
	}
	for i := range examples {
		examples[i].given = s.vector(examples[i].parts)
	}
	// Neighbours in the list want the same answer: strides through it mix them.
	const stride = 617
	for round := range rounds {
		rate := float32(firstRate * (1 - float64(round)/rounds))
		for i := range examples {
			e := &examples[(i*stride+round)%len(examples)]
			off := s.chances(e.given)
			off[e.class]--
			for _, g := range e.given {
				row := s.weights[g.feature]
				for class, d := range off {
					if d > ignored || d < -ignored {
						row[class] -= rate * g.value * d
					}
				}
			}
		}
	}
	return s
}

// part is a feature by its name, and how much of it there is.
type part struct {
	name  string
	value float64
}

// parts are the features of a text, each once, in order of their names.
func (s *sorter) parts(text string) []part {
	sum := map[string]float64{}
	before := ""
	for _, w := range split(text) {
		root, value := stem(w), 1.0
		if s.filler[w] {
			value = smallWord
		}
		sum["="+root] += value
		for _, other := range s.meanings[root] {
			if other != root {
				sum["="+other] = max(sum["="+other], samePart)
			}
		}
		sum[before+" "+root] += pairPart
		before = root
		if whole := "^" + w + "$"; len(w) > letters {
			for i := range len(whole) - letters + 1 {
				sum[whole[i:i+letters]] += piecePart
			}
		}
	}
	out := make([]part, 0, len(sum))
	for name, value := range sum {
		out = append(out, part{name, value})
	}
	slices.SortFunc(out, func(a, b part) int { return strings.Compare(a.name, b.name) })
	return out
}

// vector is a text of length one, each feature as it is rare. What was never met
// is as rare as can be, so a question that is mostly of such words says little.
func (s *sorter) vector(parts []part) []given {
	var out []given
	norm := 0.0
	for _, p := range parts {
		i, known := s.features[p.name]
		rare := math.Log(1 + float64(len(s.features)))
		if known {
			rare = s.rarity[i]
			out = append(out, given{i, float32(p.value * rare)})
		}
		norm += p.value * rare * p.value * rare
	}
	for i := range out {
		out[i].value /= float32(math.Sqrt(norm))
	}
	return out
}

// chances are the probabilities of the classes.
func (s *sorter) chances(text []given) []float32 {
	out := make([]float32, s.classes)
	for _, g := range text {
		for class, w := range s.weights[g.feature] {
			out[class] += w * g.value
		}
	}
	most, sum := slices.Max(out), float32(0)
	for i, z := range out {
		out[i] = float32(math.Exp(float64(z - most)))
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

// sort returns for each class how likely it is that a question wants it.
func (s *sorter) sort(question string) []float32 { return s.chances(s.vector(s.parts(question))) }
