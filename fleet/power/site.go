package power

import (
	"slices"
	"time"
)

// Flex says how much a kind of work minds being slowed for power, after the
// tiers of Emerald AI's field trial (arXiv 2507.00909).
type Flex int

// The tiers. Work of the first two is never deferred: when engines are parked,
// it shares the others.
const (
	FlexChat  Flex = iota // people who wait
	FlexAgent             // programs that wait
	FlexJob               // videos, images and the like that are fetched later
	FlexBatch             // batches
)

// What of the flexible work is let begin is one number: from 0, nothing, over
// 100, all jobs and no batches, to 200, all of both.
const allFlex = 200

// policy decides what is deferred and parked. It is pure.
type policy struct {
	margin int64         // percent below the limit above which nothing is given back
	settle time.Duration // what was cut gets so long to show before more is cut
	hold   time.Duration // so long it stays within the limit before something is given back, and between two such steps
	step   int64         // of flexible work given back at once
}

// site is what is deferred and parked.
type site struct {
	flex   int64
	parked []string // engines' ids, in the order in which they were parked
	cut    time.Time
	over   time.Time // when the limit was last exceeded
	gave   time.Time // when something was last given back
	above  bool      // it is exceeded now
	stuck  bool      // and there is nothing left to cut
}

// share is the part of its usual places that work of a tier gets, in percent.
func (s *site) share(f Flex) int64 {
	switch f {
	case FlexJob:
		return min(s.flex, 100)
	case FlexBatch:
		return max(s.flex-100, 0)
	default:
		return 100
	}
}

// candidate is an engine as the policy sees it.
type candidate struct {
	id      string
	models  []string
	serving bool  // it would take calls if it is not parked
	running int64 // calls
	draw    int64 // milliwatts; what it draws, or could at most where that is not known
	idle    int64 // without work
	busy    int64 // when it is full
}

// next returns what is deferred and parked from now on, with a limit and what is
// drawn in milliwatts. Known is false when what some engine draws is not known:
// then nothing is changed but what the models need.
func (p policy) next(now time.Time, limit, draw int64, known bool, s site, engines []candidate) site {
	if limit <= 0 {
		return site{flex: allFlex}
	}
	s.parked = slices.DeleteFunc(slices.Clone(s.parked), func(id string) bool {
		return !slices.ContainsFunc(engines, func(c candidate) bool { return c.id == id })
	})
	s.rescue(engines)
	switch {
	case !known:
		s.above, s.stuck = false, false
	case draw > limit:
		s.above, s.over = true, now
		p.reduce(now, draw-limit, &s, engines)
	default:
		s.above, s.stuck = false, false
		p.restore(now, limit*(100-p.margin)/100-draw, &s, engines)
	}
	return s
}

// reduce cuts what is drawn too much: all flexible work at once, then engines.
func (p policy) reduce(now time.Time, excess int64, s *site, engines []candidate) {
	if s.flex > 0 {
		s.flex, s.cut = 0, now
		return
	}
	if now.Sub(s.cut) < p.settle {
		return
	}
	s.stuck = false
	for i := range engines { // what those that are parked still draw ends with their calls
		if c := &engines[i]; slices.Contains(s.parked, c.id) {
			excess -= max(c.draw-c.idle, 0)
		}
	}
	for excess > 0 {
		c := s.least(engines)
		if c == nil {
			s.stuck = true
			return
		}
		s.parked, s.cut = append(s.parked, c.id), now
		excess -= max(c.draw-c.idle, 0)
	}
}

// least returns the engine that is needed least: of those whose models others
// serve too, the one with the fewest calls and, of several, the one that draws the
// most. An engine without calls comes first although that saves nothing by
// itself: otherwise it would take the work of the next one.
func (s *site) least(engines []candidate) *candidate {
	var best *candidate
	for i := range engines {
		c := &engines[i]
		if !s.takes(c) || slices.ContainsFunc(c.models, func(m string) bool { return s.servers(m, engines) < 2 }) {
			continue
		}
		if best == nil || c.running < best.running || c.running == best.running && c.draw > best.draw {
			best = c
		}
	}
	return best
}

// takes reports whether an engine takes calls.
func (s *site) takes(c *candidate) bool { return c.serving && !slices.Contains(s.parked, c.id) }

// servers counts the engines that take calls for a model.
func (s *site) servers(model string, engines []candidate) (n int) {
	for i := range engines {
		if s.takes(&engines[i]) && slices.Contains(engines[i].models, model) {
			n++
		}
	}
	return n
}

// rescue brings back an engine for each model that none serves any more, such
// as when the last one failed: calls are not refused for power.
func (s *site) rescue(engines []candidate) {
	for i := range engines {
		c := &engines[i]
		if c.serving && slices.Contains(s.parked, c.id) && slices.ContainsFunc(c.models, func(m string) bool { return s.servers(m, engines) == 0 }) {
			s.parked = slices.DeleteFunc(s.parked, func(id string) bool { return id == c.id })
		}
	}
}

// restore gives back one step where there is room: engines first, the last that
// was parked before the others, then flexible work.
func (p policy) restore(now time.Time, room int64, s *site, engines []candidate) {
	if len(s.parked) == 0 && s.flex == allFlex || now.Sub(s.over) < p.hold || now.Sub(s.gave) < p.hold {
		return
	}
	if last := len(s.parked) - 1; last >= 0 {
		i := slices.IndexFunc(engines, func(c candidate) bool { return c.id == s.parked[last] })
		if c := &engines[i]; max(c.busy-c.draw, 0) <= room {
			s.parked, s.gave = s.parked[:last], now
		}
		return
	}
	if room > 0 {
		s.flex, s.gave = min(s.flex+p.step, allFlex), now
	}
}
