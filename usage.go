package sluice

import "fmt"

// Class is a token class. Classes are disjoint: a token is counted in one
// class only, whatever the client's dialect nests in what.
type Class uint8

// The classes. Their order is that of Usage and of the stored columns.
const (
	ClassInput      Class = iota // prompt tokens that were computed afresh
	ClassCached                  // prompt tokens read from the engine's prefix cache
	ClassCacheWrite              // prompt tokens written to a cache that is charged for
	ClassOutput                  // generated text, tool calls included
	ClassReasoning               // generated reasoning
	NumClasses      int   = iota
)

// String returns the class's name as the price book, the API and the database spell it.
func (c Class) String() string {
	switch c {
	case ClassInput:
		return "input"
	case ClassCached:
		return "cached"
	case ClassCacheWrite:
		return "cache_write"
	case ClassOutput:
		return "output"
	case ClassReasoning:
		return "reasoning"
	}
	return fmt.Sprintf("class(%d)", uint8(c))
}

// ParseClass is the inverse of Class.String.
func ParseClass(s string) (Class, error) {
	for c := range Class(NumClasses) {
		if c.String() == s {
			return c, nil
		}
	}
	return 0, Errorf(CodeInvalid, "unknown token class %q (known: input, cached, cache_write, output, reasoning)", s)
}

// Usage counts tokens by class. Counts are never negative.
type Usage [NumClasses]int64

// Prompt is the length of the whole prompt in tokens: what was computed,
// read from and written to a cache.
func (u Usage) Prompt() int64 {
	return u[ClassInput] + u[ClassCached] + u[ClassCacheWrite]
}

// Completion is the number of generated tokens, reasoning included.
func (u Usage) Completion() int64 { return u[ClassOutput] + u[ClassReasoning] }

// Total is the number of tokens in all classes.
func (u Usage) Total() int64 { return u.Prompt() + u.Completion() }

// Valid reports whether all counts are within 0 and 2^40, far beyond any
// engine: what an engine reports beyond that is a fault and is not billed.
func (u Usage) Valid() bool {
	for _, n := range u {
		if n < 0 || n > 1<<40 {
			return false
		}
	}
	return true
}
