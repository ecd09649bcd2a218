package queue

import "sluice"

// Rank is a call's place in the order in which calls are served, and the
// reverse of the order in which they are turned away: 0 is served first and shed last.
type Rank uint8

// Ranks is how many there are: three classes of paid calls, three of free ones.
const Ranks = 2 * sluice.QueueClasses

// RankOf returns the rank of a class. free: the call brings nothing in.
func RankOf(class sluice.QueueClass, free bool) Rank {
	if free {
		return Rank(sluice.QueueClasses) + Rank(class)
	}
	return Rank(class)
}

// Class is the class of the rank's calls.
func (r Rank) Class() sluice.QueueClass { return sluice.QueueClass(r) % sluice.QueueClasses }

// Free reports whether the rank's calls bring nothing in.
func (r Rank) Free() bool { return r >= sluice.QueueClasses }

// The parts of an engine's tokens that lower ranks get while higher ones wait
// as well: of all tokens the free calls, and within the paid and the free ones
// the agents' and the batches'.
const (
	freePart  = 0.02
	agentPart = 0.10
	batchPart = 0.05
)

// Turn is where an engine stands in the order of ranks. The zero value is at
// its beginning.
//
// The order is strict but for debts: while a lower rank waits, each token that a
// higher one gets adds the lower one's part to what it is owed, and one that is
// owed anything goes first and pays with the tokens that it gets.
type Turn struct {
	free  [2]float64                      // owed to paid calls (never) and to free ones
	class [2][sluice.QueueClasses]float64 // owed to each class, among paid and among free calls
}

// choose returns the rank that goes next of those that wait; one does.
func (t *Turn) choose(waits *[Ranks]bool) Rank {
	var halves [2]bool
	for r := range Rank(Ranks) {
		halves[half(r)] = halves[half(r)] || waits[r]
	}
	h := first(halves[:], t.free[:])
	c := first(waits[h*sluice.QueueClasses:(h+1)*sluice.QueueClasses], t.class[h][:])
	return Rank(h*sluice.QueueClasses + c)
}

// took notes that a rank got so many tokens while those ranks waited.
func (t *Turn) took(rank Rank, tokens float64, waits *[Ranks]bool) {
	var halves [2]bool
	for r := range Rank(Ranks) {
		halves[half(r)] = halves[half(r)] || waits[r]
	}
	h, c := half(rank), int(rank.Class())
	book(halves[:], t.free[:], []float64{0, freePart}, h, tokens)
	book(waits[h*sluice.QueueClasses:(h+1)*sluice.QueueClasses], t.class[h][:], []float64{0, agentPart, batchPart}, c, tokens)
}

func half(r Rank) int {
	if r.Free() {
		return 1
	}
	return 0
}

// first is the lowest that is owed something or, where none is, the highest that waits.
func first(waits []bool, owed []float64) int {
	highest := -1
	for i := len(waits) - 1; i >= 0; i-- {
		if waits[i] {
			if owed[i] > 0 {
				return i
			}
			highest = i
		}
	}
	return highest
}

// book notes what one got. One that does not wait is owed nothing; one that
// was served because no higher one waits owes nothing.
func book(waits []bool, owed, parts []float64, one int, tokens float64) {
	higher := false
	for i := range waits {
		switch {
		case i == one && higher:
			owed[i] -= (1 - parts[i]) * tokens
		case i == one || !waits[i]:
			owed[i] = 0
		default:
			owed[i] += parts[i] * tokens
		}
		higher = higher || waits[i]
	}
}
