package sim

import (
	"container/heap"
	"math"
	"time"
)

// decoder is a chip that writes answers: all its streams get a token in each step.
// It is followed from change to change and not from step to step. Between two
// changes the n streams stay, the tokens K that they look at grow by n with each
// step, and a step takes base + each × K seconds, so that m steps take
//
//	m (base + each × K) + each × n × m² / 2.
//
// Steps are taken as divisible: a stream that joins in the middle of one gains or
// loses a part of a step, some 50 ms in a minute.
type decoder struct {
	base, each float64 // seconds

	steps   float64       // taken so far
	at      time.Duration // when
	held    float64       // K
	streams streams
	turn    int // counts changes: a plan of before one is void
}

// stream is an answer being written.
type stream struct {
	end    float64 // the decoder's step that is its last
	prompt float64
	output float64
	begun  time.Duration
	talk   *talk
}

// advance goes on to the instant.
func (d *decoder) advance(now time.Duration) {
	took := (now - d.at).Seconds()
	d.at = now
	n := float64(len(d.streams))
	if n == 0 || took <= 0 {
		return
	}
	b := d.base + d.each*d.held
	m := (math.Sqrt(b*b+2*d.each*n*took) - b) / (d.each * n)
	d.steps += m
	d.held += n * m
}

// join adds a stream.
func (d *decoder) join(s *stream, now time.Duration) {
	d.advance(now)
	s.end, s.begun = d.steps+s.output, now
	d.held += s.prompt
	heap.Push(&d.streams, s)
	d.turn++
}

// next returns how long it takes until the next stream ends; ok is false when
// there is none.
func (d *decoder) next() (wait time.Duration, ok bool) {
	if len(d.streams) == 0 {
		return 0, false
	}
	m, n := max(d.streams[0].end-d.steps, 0), float64(len(d.streams))
	seconds := m*(d.base+d.each*d.held) + d.each*n*m*m/2
	return time.Duration(math.Ceil(seconds * 1e9)), true
}

// leave takes the streams that have ended.
func (d *decoder) leave(now time.Duration) (done []*stream) {
	d.advance(now)
	const nearly = 1e-6 // of a step: what arithmetic loses
	for len(d.streams) > 0 && d.streams[0].end <= d.steps+nearly {
		s := heap.Pop(&d.streams).(*stream) //nolint:forcetypeassert // it holds nothing else
		d.held -= s.prompt + s.output
		done = append(done, s)
	}
	d.turn++
	return done
}

// streams are ordered by when they end.
type streams []*stream

// Len, Less, Swap, Push and Pop are heap.Interface's.
func (s streams) Len() int           { return len(s) }
func (s streams) Less(i, j int) bool { return s[i].end < s[j].end }
func (s streams) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }

func (s *streams) Push(x any) { *s = append(*s, x.(*stream)) } //nolint:forcetypeassert // join's

func (s *streams) Pop() any {
	old := *s
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*s = old[:len(old)-1]
	return last
}
