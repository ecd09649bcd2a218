package sim

import (
	"fmt"
	"time"

	"sluice/fleet/router"
)

// Goal is how well a fleet has to serve, for 99 of 100 requests; zero is no
// matter how.
type Goal struct {
	TTFT time.Duration // to the first token
	ITL  time.Duration // between two tokens of an answer, on average
}

// met reports whether a run came up to it.
func (g Goal) met(r *Result) bool {
	within := func(seconds float64, goal time.Duration) bool { return goal == 0 || seconds <= goal.Seconds() }
	return r.Refused == 0 && within(r.TTFT.P99, g.TTFT) && within(r.ITL.P99, g.ITL)
}

// Size finds the fewest engines of so many chips that meet the goal under the
// run's load, by doubling and then by halves, and returns how many and what the
// run with them came to; ok is false when as many as there can be do not. More
// engines are taken to serve no worse. The run's own fleet does not count.
func (r Run) Size(g Goal, kind Group) (engines int, result *Result, ok bool, err error) {
	try := func(n int) (*Result, error) {
		kind.Engines = n
		run := r
		run.Fleet = []Group{kind}
		result, err := run.Start()
		if err != nil {
			return nil, fmt.Errorf("%d engines: %w", n, err)
		}
		return result, nil
	}
	low, high := 0, 1 // low does not meet it
	for {
		if result, err = try(high); err != nil {
			return 0, nil, false, err
		}
		if g.met(result) {
			break
		}
		if high == router.MaxEngines {
			return high, result, false, nil
		}
		low, high = high, min(2*high, router.MaxEngines)
	}
	for low+1 < high {
		middle := (low + high) / 2
		with, err := try(middle)
		if err != nil {
			return 0, nil, false, err
		}
		if g.met(with) {
			high, result = middle, with
		} else {
			low = middle
		}
	}
	return high, result, true, nil
}
