package guide

import (
	"cmp"
	"math"
	"slices"
	"sync"
)

// index finds passages by their words: BM25 (Robertson and Zaragoza, "The
// Probabilistic Relevance Framework", 2009) over stems, with headings counted
// more, and words that stand nowhere taken for the nearest that do.
type index struct {
	*lexicon
	passages []Passage
	lengths  []float64            // of each passage, in words
	mean     float64              // of lengths
	posting  map[string][]posting // by stem
	words    []string             // all stems, sorted
	asked    map[int][]way        // the ways in which people ask for a passage
	answers  []int                // the passages for which ways are known
	sorter   func() *sorter       // among them; it learns when it is first asked
}

// posting is how often a stem stands in a passage; in its heading counts more.
type posting struct {
	passage int
	weight  float64
}

// The constants of BM25, how often a word of the heading counts, and how often at
// most one by which people ask for an answer.
const (
	saturation  = 1.2
	lengthPart  = 0.6
	headWeight  = 2.5
	mostAsked   = 4
	smallPart   = 0.8  // the rarity that words without a subject are given
	sameOpening = 1.1  // how much it counts that both the question and the heading ask "what" or "how"
	askedPart   = 1.5  // of the weight of a question's words: how much it counts to be asked so
	wantedPart  = 0.7  // likewise, for each time that what is wanted is more likely by a factor of e
	likely      = 0.05 // so likely what is wanted is looked at even where no word is shared
)

func newIndex(passages []Passage, asked func(heading string) []string) *index {
	x := &index{lexicon: newLexicon(), passages: passages, posting: map[string][]posting{}, asked: map[int][]way{}}
	total := 0.0
	var all [][]string
	for i, p := range passages {
		weights := map[string]float64{}
		head := headWeight
		if p.Page == answersPage {
			head *= 1.6 // its headings are questions
		}
		for _, w := range x.stems(p.Title) {
			weights[w] += head
		}
		length := 0.0
		for _, w := range x.stems(p.Full()) {
			weights[w]++
			length++
		}
		if p.Page == answersPage {
			texts := asked(p.Title)
			if len(texts) > 1 {
				x.answers, all = append(x.answers, i), append(all, texts)
			}
			ways := x.ways(texts)
			x.asked[i] = ways
			for w, n := range count(ways) {
				weights[w] += min(n, mostAsked)
			}
		}
		for w, n := range weights {
			x.posting[w] = append(x.posting[w], posting{i, n})
		}
		x.lengths = append(x.lengths, length)
		total += length
	}
	x.mean = total / max(1, float64(len(passages)))
	for w := range x.posting {
		x.words = append(x.words, w)
	}
	slices.Sort(x.words)
	all = append(all, beyond())
	x.sorter = sync.OnceValue(func() *sorter { return newSorter(x.lexicon, all) })
	return x
}

// count counts the stems of several ways to ask.
func count(ways []way) map[string]float64 {
	out := map[string]float64{}
	for _, way := range ways {
		for _, w := range way.stems {
			out[w]++
		}
	}
	return out
}

// rarity is the inverse document frequency of a stem; one that stands nowhere is as
// rare as can be.
func (x *index) rarity(stem string) float64 {
	n := float64(len(x.posting[stem]))
	return math.Log(1 + (float64(len(x.passages))-n+0.5)/(n+0.5))
}

// Hit is a passage that was found.
type Hit struct {
	Passage
	// Score tells which of a question's hits fits best.
	Score float64
	// Cover is how much of the question's weight of words the passage has, 0 to 1.
	Cover float64
	// Asked is how like the question is to one that the passage is known to answer,
	// 0 to 1; 0 for passages of which none is known.
	Asked float64
	// Wanted is how likely it is that the question wants this answer and no other,
	// 0 to 1; 0 for passages that answer no known question.
	Wanted float64
}

// word is a word of a question.
type word struct {
	variants []variant
	rarity   float64 // its own, or where it stands nowhere that of the rarest variant
}

// find returns the best n passages for a question, the best first.
func (x *index) find(question string, n int) []Hit {
	scores, cover := map[int]float64{}, map[int]float64{}
	whole := 0.0
	var words []word
	for _, term := range x.terms(question) {
		if len(x.posting[term]) == 0 && dated(term) {
			continue // which day it is about does not matter
		}
		w := x.word(term)
		best := map[int]float64{}
		for _, v := range w.variants {
			idf := min(v.part*x.rarity(v.stem), w.rarity)
			for _, p := range x.posting[v.stem] {
				norm := saturation * (1 - lengthPart + lengthPart*x.lengths[p.passage]/x.mean)
				best[p.passage] = max(best[p.passage], idf*p.weight*(saturation+1)/(p.weight+norm))
			}
		}
		for p, s := range best {
			scores[p] += s
			cover[p] += w.rarity
		}
		words = append(words, w)
		whole += w.rarity
	}
	wanted := map[int]float64{} // how likely, by passage
	if whole > 0 && len(x.answers) > 0 {
		chances := x.sorter().sort(question)
		for class, p := range x.answers {
			chance := chances[class]
			wanted[p] = float64(chance)
			if _, there := scores[p]; !there && chance >= likely {
				scores[p] = 0
			}
		}
	}
	hits := make([]Hit, 0, len(scores))
	for p, s := range scores {
		// What has all the words of a question goes before what has one of them often.
		s *= 0.4 + 0.6*cover[p]/whole
		if x.passages[p].Page == answersPage && opening(question) == opening(x.passages[p].Title) {
			s *= sameOpening
		}
		asked := x.likeAsked(p, question, words, whole)
		s += whole * (askedPart*asked + wantedPart*math.Log(1+wanted[p]/likely))
		hits = append(hits, Hit{x.passages[p], s, cover[p] / whole, asked, wanted[p]})
	}
	slices.SortFunc(hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Page, b.Page), cmp.Compare(a.Anchor, b.Anchor), cmp.Compare(a.Text, b.Text))
	})
	return hits[:min(n, len(hits))]
}

// beyond is how likely it is that the docs answer a question nowhere; 0 where it is
// not known how people ask.
func (x *index) beyond(question string) float64 {
	if len(x.answers) == 0 {
		return 0
	}
	return float64(x.sorter().sort(question)[len(x.answers)])
}

// word looks up a word of a question. A rare word that means the same as a common
// one tells no more than this.
func (x *index) word(term string) word {
	w := word{variants: x.similar(term)}
	if len(x.posting[term]) > 0 || len(w.variants) == 0 {
		w.rarity = x.rarity(term)
		return w
	}
	for _, v := range w.variants {
		w.rarity = max(w.rarity, v.part*x.rarity(v.stem))
	}
	return w
}

// opening is the first word of a question.
func opening(question string) string {
	words := split(question)
	if len(words) == 0 {
		return ""
	}
	return words[0]
}

// likeAsked tells how like a question is to the likest of the ways in which people
// ask for a passage: by Dice's measure of their words, each as it is rare. Words
// that say nothing of the subject count a little here: they tell "see the keys"
// from "make a key".
func (x *index) likeAsked(passage int, question string, words []word, whole float64) float64 {
	small := x.fillers(question)
	whole += smallPart * float64(len(small))
	best := 0.0
	for _, way := range x.asked[passage] {
		common, own := 0.0, smallPart*float64(len(way.small))
		for _, stem := range way.stems {
			own += x.rarity(stem)
		}
		for _, w := range words {
			most := 0.0
			for _, v := range w.variants {
				if slices.Contains(way.stems, v.stem) {
					most = max(most, v.part*x.rarity(v.stem))
				}
			}
			common += most
		}
		for _, w := range small {
			if slices.Contains(way.small, w) {
				common += smallPart
			}
		}
		best = max(best, 2*common/(whole+own))
	}
	return best
}

// variant is a stem that a word may stand for, and how much it counts.
type variant struct {
	stem string
	part float64
}

// similar returns the stems that a word of a question may stand for: itself, what
// means the same, or, when it stands nowhere, what it may be a slip for.
func (x *index) similar(stem string) []variant {
	var out []variant
	if _, ok := x.posting[stem]; ok {
		out = append(out, variant{stem, 1})
	}
	for _, other := range x.meanings[stem] {
		if _, ok := x.posting[other]; ok && other != stem {
			out = append(out, variant{other, 0.7})
		}
	}
	if len(out) > 0 || len(stem) < 4 {
		return out
	}
	for _, w := range x.words {
		if d := distance(stem, w); d == 1 || d == 2 && len(stem) >= 7 {
			out = append(out, variant{w, 0.85 - 0.15*float64(d-1)})
			for _, other := range x.meanings[w] {
				if _, ok := x.posting[other]; ok {
					out = append(out, variant{other, 0.7})
				}
			}
		}
	}
	return out
}

// distance is the number of letters to insert, delete, replace or swap with
// their neighbour that makes one word of the other, as far as 2; 3 is more. The
// first letter is taken to be right.
func distance(a, b string) int {
	if a[0] != b[0] || len(a)-len(b) > 2 || len(b)-len(a) > 2 {
		return 3
	}
	var rows [3][32]int
	if len(a) > 30 || len(b) > 30 {
		return 3
	}
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		row, above, over := &rows[i%3], &rows[(i+2)%3], &rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], over[j-2]+1)
			}
		}
	}
	return min(3, rows[len(a)%3][len(b)])
}
