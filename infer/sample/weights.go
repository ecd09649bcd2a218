package sample

import (
	"math"
	"sort"
)

const (
	// octaves is how far below the best token, in powers of two, a token can be
	// and still be drawn. The best token's weight is 1<<octaves, so that the
	// sum over a vocabulary of up to 2^19 tokens fits in 63 bits.
	octaves = 44
	// distanceBits are the binary places of a distance.
	distanceBits = 24
	// tableBits is the part of them that the table answers.
	tableBits = 8
	// bandBits are the binary places that tell the bands of the histogram
	// apart: 16 bands in an octave.
	bandBits = 4
	bands    = octaves << bandBits
	// maxDistance is where weights end.
	maxDistance = octaves << distanceBits
)

// weights is the distribution of one draw. A token's distance is how many
// powers of two it is less likely than the best one, in fixed point with
// distanceBits places; its weight follows from that. Tokens of like distance
// share a band of the histogram, band 0 the best.
//
// After a cut the bands behind the border are empty, and the band at the
// border has its remaining tokens in edge.
type weights struct {
	table  [1 << tableBits]uint64 // 2^(-i/256), 31 places
	scale  float64                // from a logit's difference to a distance
	best   float64                // the highest logit
	floor  float32                // every logit below it is out of reach; some above it are too
	reach  int64                  // distances from here on are dropped, by min-p or their weight
	count  [bands]int32
	weight [bands]uint64
	border int     // band of the cut, or -1
	edge   []int32 // the tokens of the border's band that are left
}

// newWeights makes the table by the series of e^x, in which each operation is
// rounded alone: the same bits on every platform.
func newWeights() *weights {
	w := &weights{border: -1}
	for i := range w.table {
		x := -float64(float64(i)/(1<<tableBits)) * math.Ln2
		term, sum := 1.0, 1.0
		for n := 1.0; n < 24; n++ {
			term = float64(float64(term*x) / n)
			sum = float64(sum + term)
		}
		w.table[i] = uint64(float64(sum*(1<<31)) + 0.5)
	}
	return w
}

// distance is a token's distance from the best, or maxDistance for those
// farther off.
func (w *weights) distance(logit float32) int64 {
	d := (w.best - float64(logit)) * w.scale
	if d >= maxDistance {
		return maxDistance
	}
	return int64(d)
}

// logit is about the logit at a distance, a little lower: comparing with it is
// faster than computing distances, which decide what it leaves open.
func (w *weights) logit(distance int64) float32 {
	d := float64(distance+1) / w.scale
	return float32(w.best-d) - float32(d+math.Abs(w.best))/(1<<20)
}

// of is the weight at a distance: 2^(octaves-d). What the table leaves of the
// distance is under 2^-8, so that three terms of the series give 2^-d to 3e-9.
func (w *weights) of(distance int64) uint64 {
	const rest = distanceBits - tableBits
	const ln2 = 2977044472 // ln 2 with 32 places
	whole := distance >> distanceBits
	entry := w.table[distance>>rest&(1<<tableBits-1)]
	x := uint64(distance) & (1<<rest - 1) * ln2 >> (32 + distanceBits - 40) // x ln 2 with 40 places
	series := 1<<31 - x>>9 + x*x>>50                                        // 1 - x + x²/2 with 31 places
	return entry * series >> (62 - octaves + whole)
}

// fill counts the tokens that min-p leaves into the histogram.
func (w *weights) fill(logits []float32, best float32, o *Options) {
	w.count, w.weight = [bands]int32{}, [bands]uint64{}
	w.border, w.edge = -1, w.edge[:0]
	w.best = float64(best)
	w.scale = min((1<<distanceBits)/math.Ln2/o.Temperature, 1e300)
	least := uint64(o.MinP * (1 << octaves))
	w.reach = int64(sort.Search(maxDistance, func(d int) bool { return w.of(int64(d)) < least }))
	w.floor = w.logit(w.reach)
	for _, v := range logits {
		if v < w.floor {
			continue
		}
		if d := w.distance(v); d < w.reach {
			band := d >> (distanceBits - bandBits)
			w.count[band]++
			w.weight[band] += w.of(d)
		}
	}
}

// total is the sum of the weights that are left.
func (w *weights) total() uint64 {
	sum := uint64(0)
	for _, weight := range w.weight {
		sum += weight
	}
	return sum
}

// keepCount keeps the k highest tokens.
func (w *weights) keepCount(logits []float32, k int) {
	before := 0
	for band := range w.count {
		n := int(w.count[band])
		if before+n <= k {
			before += n
			continue
		}
		w.cut(logits, band, func(rank int, _ uint64) bool { return before+rank < k })
		return
	}
}

// keepShare keeps the highest tokens until they have the share of what there
// is. The token that reaches it is kept, and reaching it by all but a
// millionth counts: logits are rounded, so a half and a fifth make no exact 0.7.
func (w *weights) keepShare(logits []float32, share float64) {
	enough := uint64(max(0, share-1e-6) * float64(w.total()))
	before := uint64(0)
	for band := range w.weight {
		if before+w.weight[band] < enough {
			before += w.weight[band]
			continue
		}
		w.cut(logits, band, func(rank int, weight uint64) bool { return rank == 0 && before == 0 || before+weight < enough })
		return
	}
}

// cut drops the bands behind border, and of the border's tokens those from the
// first on that keep refuses; keep is asked with the number and the weight of
// those of the band that stand before.
func (w *weights) cut(logits []float32, border int, keep func(rank int, weight uint64) bool) {
	if w.border != border {
		w.gather(logits, border)
	}
	w.border = border
	sum, n := uint64(0), 0
	for ; n < len(w.edge) && keep(n, sum); n++ {
		sum += w.of(w.distance(logits[w.edge[n]]))
	}
	w.edge = w.edge[:n]
	w.count[border], w.weight[border] = int32(n), sum
	clear(w.count[border+1:])
	clear(w.weight[border+1:])
}

// gather collects the tokens of a band, the highest first.
func (w *weights) gather(logits []float32, band int) {
	w.edge = w.edge[:0]
	low := w.lowest(band)
	for token, v := range logits {
		if v >= low && w.inBand(v, band) {
			w.edge = append(w.edge, int32(token))
		}
	}
	sortByRank(w.edge, logits)
}

// lowest is about the lowest logit of a band, a little lower.
func (w *weights) lowest(band int) float32 {
	return w.logit(int64(band+1) << (distanceBits - bandBits))
}

// inBand reports whether a token counts in the band.
func (w *weights) inBand(logit float32, band int) bool {
	d := w.distance(logit)
	return d>>(distanceBits-bandBits) == int64(band) && d < w.reach
}

// at is the token at a mark below the total: bands from the best on, in a band
// the tokens by number.
func (w *weights) at(logits []float32, mark uint64) int32 {
	band := 0
	for mark >= w.weight[band] {
		mark -= w.weight[band]
		band++
	}
	if band == w.border {
		for _, token := range w.edge {
			weight := w.of(w.distance(logits[token]))
			if mark < weight {
				return token
			}
			mark -= weight
		}
	}
	low := w.lowest(band)
	for token, v := range logits {
		if v < low || !w.inBand(v, band) {
			continue
		}
		weight := w.of(w.distance(v))
		if mark < weight {
			return int32(token)
		}
		mark -= weight
	}
	panic("sample: the histogram does not hold the logits it was made of")
}
