package closing

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"sluice"
	"sluice/money/seal"
)

// tokens are those of prompts and of answers.
type tokens struct{ prompt, completion int64 }

func (t tokens) add(o tokens) tokens {
	return tokens{t.prompt + o.prompt, t.completion + o.completion}
}

func (t tokens) String() string { return fmt.Sprintf("%d + %d", t.prompt, t.completion) }

// within reports whether a difference is at most this, either way.
func (t tokens) within(most tokens) bool {
	return max(t.prompt, -t.prompt) <= most.prompt && max(t.completion, -t.completion) <= most.completion
}

// atEngine is an hour of an engine.
type atEngine struct {
	engine string
	hour   int64
}

// engines compares the tokens of events with what engines counted themselves, in
// the hours in which they say. What they counted and nobody was billed for is
// unbilled tokens.
//
// A call is billed when it ends, and its tokens are counted as they are made: where
// hours that are known begin and end, calls that are under way stand on both sides.
// A difference of at most their tokens is none.
func (s *Service) engines(ctx context.Context, e *examined) error {
	counters, err := s.opt.Notes.EngineCounters(ctx, e.window.Since, e.window.Until)
	if err != nil {
		return err
	}
	counted, known, fresh := map[atEngine]tokens{}, map[string][]int64{}, map[string]bool{}
	for i := range counters {
		c := &counters[i]
		counted[atEngine{c.Engine, c.Hour.Unix()}] = tokens{c.Prompt, c.Completion}
		known[c.Engine] = append(known[c.Engine], c.Hour.Unix())
		fresh[c.Engine] = c.Source == seal.SourceFresh
	}
	billed, names := map[atEngine]tokens{}, map[string]bool{}
	for i := range e.rows {
		r := &e.rows[i]
		t := tokens{r.Units.Prompt(), r.Units.Completion()}
		if fresh[r.Engine] {
			t.prompt -= r.Units[sluice.ClassCached]
		}
		k := atEngine{r.Engine, r.Of.Unix()}
		billed[k] = billed[k].add(t)
		names[r.Engine] = true
	}
	for engine := range known {
		names[engine] = true
	}
	for _, engine := range slices.SortedFunc(maps.Keys(names), cmp.Compare[string]) {
		check, err := s.engine(ctx, engine, known[engine], billed, counted)
		if err != nil {
			return err
		}
		e.Checks = append(e.Checks, check)
	}
	return nil
}

// engine compares one engine, in the hours in which it is known.
func (s *Service) engine(ctx context.Context, engine string, hours []int64, billed, counted map[atEngine]tokens) (seal.Check, error) {
	c := seal.Check{Subject: "engine:" + engine}
	var left, right tokens
	if len(hours) == 0 {
		for k, t := range billed {
			if k.engine == engine {
				left = left.add(t)
			}
		}
		c.Unknown, c.Left = true, left.String()
		c.What = "tokens billed, and what the engine counted itself: unknown"
		return c, nil
	}
	for _, hour := range hours {
		k := atEngine{engine, hour}
		left, right = left.add(billed[k]), right.add(counted[k])
	}
	c.Left, c.Right = left.String(), right.String()
	c.What = fmt.Sprintf("prompt and completion tokens billed, and what the engine counted itself in %d hours", len(hours))
	if left == right {
		return c, nil
	}
	d := tokens{right.prompt - left.prompt, right.completion - left.completion}
	under, err := s.underWay(ctx, engine, edges(hours))
	if err != nil {
		return c, err
	}
	if d.within(under) {
		c.What += fmt.Sprintf("; they differ by %s, and calls under way where those begin and end have %s", d, under)
		return c, nil
	}
	c.Difference = d.String() + " unbilled tokens"
	return c, nil
}

// edges are the instants at which stretches of hours begin and end.
func edges(hours []int64) []time.Time {
	const hour = int64(time.Hour / time.Second)
	var all []time.Time
	for i, h := range hours { // in order
		if i == 0 || hours[i-1] != h-hour {
			all = append(all, time.Unix(h, 0).UTC())
		}
		if i == len(hours)-1 || hours[i+1] != h+hour {
			all = append(all, time.Unix(h+hour, 0).UTC())
		}
	}
	return all
}

// Around an instant: how long after it a call that was under way may end, and how
// old a reading of an engine's counters may be.
const (
	longestCall = time.Hour
	readingAge  = 15 * time.Second
)

// underWay adds up the tokens of an engine's calls that were under way at one of
// the instants.
func (s *Service) underWay(ctx context.Context, engine string, at []time.Time) (sum tokens, err error) {
	if s.opt.Events == nil {
		return sum, nil
	}
	var mu sync.Mutex
	for _, t := range at {
		err := s.opt.Events.ScanEvents(ctx, t.Add(-readingAge), t.Add(longestCall), nil, func() func(*sluice.Event) error {
			return func(ev *sluice.Event) error {
				if ev.Engine == engine && !ev.AdmittedAt.After(t.Add(readingAge)) {
					mu.Lock()
					defer mu.Unlock()
					sum = sum.add(tokens{ev.Usage.Prompt(), ev.Usage.Completion()})
				}
				return nil
			}
		})
		if err != nil {
			return sum, fmt.Errorf("looking for calls that were under way at %s: %w", t.Format(time.RFC3339), err)
		}
	}
	return sum, nil
}
