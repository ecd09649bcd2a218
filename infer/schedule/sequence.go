package schedule

import "sluice/infer/page"

// Sequence is one prompt and its answer so far.
type Sequence struct {
	// Salt is whose the sequence is: it shares pages with sequences of the same
	// salt alone, and salts share the engine evenly.
	Salt string
	// Tokens are the prompt's and, behind them, those of the answer. The caller
	// appends a token after each step that asked for one.
	Tokens []int32

	prompt   int         // tokens of the prompt
	computed int         // tokens whose keys and values are in the cache
	cached   int         // tokens of the prompt that were not computed, since they were there
	lost     int         // tokens that were computed before it gave way
	table    *page.Table // nil while it waits
	begun    bool        // it was let in once, and cached is set
}

// NewSequence returns the sequence of a prompt.
func NewSequence(salt string, prompt []int32) *Sequence {
	return &Sequence{Salt: salt, Tokens: append(make([]int32, 0, len(prompt)+64), prompt...), prompt: len(prompt)}
}

// Prompt is the number of the prompt's tokens.
func (q *Sequence) Prompt() int { return q.prompt }

// Cached is how many tokens of the prompt were in the cache when the sequence
// was first let in. It is a number of whole pages, and less than the prompt.
func (q *Sequence) Cached() int { return q.cached }

// Pages are the pages that hold the sequence, in order; see page.Table.
func (q *Sequence) Pages() []page.ID { return q.table.Pages() }

// pending is how many tokens are not computed.
func (q *Sequence) pending() int { return len(q.Tokens) - q.computed }

// decodes reports whether one token is all there is to compute.
func (q *Sequence) decodes() bool { return q.pending() == 1 }

// Run is a part of a step: N tokens of a sequence from position Start on.
type Run struct {
	Sequence *Sequence
	Start, N int
}

// Last reports whether the run reaches the sequence's last token, so that the
// next one can be chosen.
func (r Run) Last() bool { return r.Start+r.N == len(r.Sequence.Tokens) }

// Running reports whether the sequence was let in and has its pages.
func (q *Sequence) Running() bool { return q.table != nil }
