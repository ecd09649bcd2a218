package sluice

import (
	"slices"
	"time"
)

// Exactness is what an engine's counts are worth: the label that it gets.
type Exactness string

// The labels.
const (
	CountsExact        Exactness = "exact"         // of all classes, cached tokens among them
	CountsWithoutCache Exactness = "without_cache" // cached tokens are not reported, and count as input
	CountsEstimated    Exactness = "estimated"     // it does not say, or not always: what passes is counted
)

// ProbeResult is what was found out about an engine by asking it.
type ProbeResult struct {
	URL   string `json:"url"`   // that was asked: Engine.Subject
	Model string `json:"model"` // the engine's own name of the one that was asked for

	Driver  string    `json:"driver"`            // which engine it is
	Version string    `json:"version,omitempty"` // as the engine says it
	Label   Exactness `json:"label,omitempty"`   // empty: it could not be asked

	Lacks         Features `json:"lacks,omitempty"`          // what it refused, or did as if it had not been asked
	NoCacheSalt   bool     `json:"no_cache_salt,omitempty"`  // it refuses cache_salt
	ReasoningKey  string   `json:"reasoning_key,omitempty"`  // what it calls thinking, where that is not reasoning_content
	ContextLength int64    `json:"context_length,omitempty"` // tokens of prompt and answer; zero when it does not say

	Findings []string  `json:"findings"` // in words, for the operator
	At       time.Time `json:"at"`
}

// Holds reports whether the result is still about the engine: that it has the
// URL and the model which were asked. No result holds for none.
func (r *ProbeResult) Holds(e *Engine) bool {
	if r == nil || r.URL != e.Subject() {
		return false
	}
	for _, own := range e.Models {
		if own == r.Model {
			return true
		}
	}
	return false
}

// Probed returns the engine as it is to be asked: as its operator defined it,
// and where the operator said nothing as its probe found it. What it was found to
// lack counts if it is said to lack nothing, and if one model of its own is all
// that it serves, since others may do more. Without a probe it is what it was.
func (e *Engine) Probed() Engine {
	p := *e
	if e.NoProbe || !e.Probe.Holds(e) {
		return p
	}
	p.NoCacheSalt = e.NoCacheSalt || e.Probe.NoCacheSalt
	if e.ReasoningKey == "" {
		p.ReasoningKey = e.Probe.ReasoningKey
	}
	if e.Lacks == 0 && e.single() {
		p.Lacks = e.Probe.Lacks
	}
	return p
}

// single reports whether it serves one model of its own, under whatever names.
func (e *Engine) single() bool {
	var owns []string
	for _, own := range e.Models {
		owns = append(owns, own)
	}
	slices.Sort(owns)
	return len(slices.Compact(owns)) == 1
}
