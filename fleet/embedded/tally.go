package embedded

import (
	"net/http"
	"sync/atomic"

	"sluice/infer"
)

// Counts are tokens that the engine counted.
type Counts struct {
	// Prompt is the tokens of prompts, the cached ones among them.
	Prompt int64
	// Cached is those of them that were not computed.
	Cached int64
	// Completion is the tokens of answers.
	Completion int64
}

// Counter adds up Counts. The zero value is ready.
type Counter struct{ prompt, cached, completion atomic.Int64 }

// Counts returns the sums so far.
func (c *Counter) Counts() Counts {
	return Counts{c.prompt.Load(), c.cached.Load(), c.completion.Load()}
}

func (c *Counter) add(u infer.Usage) {
	c.prompt.Add(int64(u.Prompt))
	c.cached.Add(int64(u.Cached))
	c.completion.Add(int64(u.Completion))
}

// Counted returns how many tokens the engine's counter has counted. An
// answer counts when its reader is done with it: wholly when the reader has
// its usage, and else, of a stream, by what the reader took of it: its prompt
// and a token for each chunk of output, or what the last chunk said where
// usage in every chunk was asked for. This is how a reader counts a stream
// that it breaks off, so that the two agree.
func (e *Engine) Counted() Counts { return e.counter.Counts() }

// ender is a response's writer that knows its reader. It calls f once, when the
// reader is done: with the number of bytes that the reader took, and whether it
// came to the end.
type ender interface {
	Ended(f func(taken int64, whole bool))
}

// tally counts one answer by what its reader takes.
type tally struct {
	counter *Counter
	written int64  // bytes
	marks   []mark // in order
}

// mark says what counts once the reader took so many bytes.
type mark struct {
	bytes int64
	usage infer.Usage
}

// wrote notes n more bytes, behind which u counts; nil changes no count.
func (t *tally) wrote(n int, u *infer.Usage) {
	t.written += int64(n)
	if u != nil {
		t.marks = append(t.marks, mark{t.written, *u})
	}
}

// close counts the answer when the reader of w is done. Without an ender all
// that was written counts as taken. An answer that is no stream counts whole or
// not at all.
func (t *tally) close(w http.ResponseWriter, stream bool) {
	watched, ok := w.(ender)
	if !ok {
		t.count(t.written)
		return
	}
	watched.Ended(func(taken int64, whole bool) {
		if stream || whole {
			t.count(taken)
		}
	})
}

func (t *tally) count(taken int64) {
	for i := len(t.marks) - 1; i >= 0; i-- {
		if t.marks[i].bytes <= taken {
			t.counter.add(t.marks[i].usage)
			return
		}
	}
}
