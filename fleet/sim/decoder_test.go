package sim

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// TestDecoder follows random streams beside a chip that takes one step after the
// other: each answer ends within some steps of when it ends there, in the same order
// of magnitude of load.
func TestDecoder(t *testing.T) {
	const base, each = 0.02, 6e-8
	dice := rand.New(rand.NewPCG(5, 6))
	type call struct{ at, prompt, output, ended, followed float64 }
	var calls []*call
	for at := 0.0; at < 300; at += dice.ExpFloat64() {
		calls = append(calls, &call{at: at, prompt: 1 + math.Round(8000*dice.Float64()), output: 1 + math.Round(1500*dice.Float64())})
	}
	// Step by step: a stream takes part from the step after it came.
	left := map[*call]float64{}
	now, begun := 0.0, 0
	for begun < len(calls) || len(left) > 0 {
		for begun < len(calls) && calls[begun].at <= now {
			left[calls[begun]] = calls[begun].output
			begun++
		}
		if len(left) == 0 {
			now = calls[begun].at
			continue
		}
		held := 0.0
		for c, n := range left {
			held += c.prompt + c.output - n
		}
		now += base + each*held
		for c := range left {
			if left[c]--; left[c] == 0 {
				c.ended = now
				delete(left, c)
			}
		}
	}
	// From change to change.
	d := decoder{base: base, each: each}
	of := map[*stream]*call{}
	leave := func(until time.Duration) {
		for {
			wait, ok := d.next()
			if !ok || d.at+wait > until {
				return
			}
			for _, s := range d.leave(d.at + wait) {
				of[s].followed = d.at.Seconds()
			}
		}
	}
	for _, c := range calls {
		at := time.Duration(c.at * 1e9)
		leave(at)
		s := &stream{prompt: c.prompt, output: c.output}
		of[s] = c
		d.join(s, at)
	}
	leave(math.MaxInt64)
	var sum, followed float64
	for _, c := range calls {
		if c.followed == 0 || math.Abs(c.followed-c.ended) > 0.2+0.01*(c.ended-c.at) {
			t.Errorf("of %.0f tokens from %.2f s on: ended at %.2f s, step by step at %.2f s", c.output, c.at, c.followed, c.ended)
		}
		sum, followed = sum+c.ended-c.at, followed+c.followed-c.at
	}
	if math.Abs(followed/sum-1) > 0.005 {
		t.Errorf("answers take %.3f times as long", followed/sum)
	}
	if math.Abs(d.held) > 1e-3 || len(d.streams) != 0 {
		t.Errorf("%g tokens are left in %d streams", d.held, len(d.streams))
	}
}
