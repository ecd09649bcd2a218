package process

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// ours begins the lines of Sluice's own.
const ours = "[sluice] "

const (
	ringBytes = 256 << 10 // that are kept of an engine's output
	lineBytes = 4 << 10   // of a line that are kept
)

// Line is one line of an engine's output.
type Line struct {
	Seq  int64 // from 1, growing
	Text string
}

// ring keeps the end of what an engine writes, in lines. A line may be of any
// length, and there may be any number: what it keeps is bounded.
type ring struct {
	mu      sync.Mutex
	lines   []Line
	held    int   // bytes in lines
	seq     int64 // of the last one
	partial []byte
	cut     bool          // the end of the partial line is lost
	more    chan struct{} // closed with the next line; nil while nobody waits
	percent int           // that it says it has loaded, since begin; -1: nothing was said

	escapes  *regexp.Regexp // control sequences (ECMA-48): ESC [ … and a letter
	progress *regexp.Regexp // "Loading safetensors checkpoint shards:  25% Completed | 1/4"
}

func newRing() *ring {
	return &ring{
		percent: -1, escapes: regexp.MustCompile(`\x1b\[[0-9;?]*[ -/]*[@-~]`),
		progress: regexp.MustCompile(`(?i)\b(?:load|shard|checkpoint|weight)[a-z_]*\b.*?\b(\d{1,3})(?:\.\d+)?\s?%`),
	}
}

// begin says in a line of its own what begins, and forgets how far loading was.
func (r *ring) begin(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flush()
	r.percent = -1
	r.add(ours + text)
}

// Write takes output. It never fails. Lines end with \n or, where a bar of
// progress is drawn, with \r.
func (r *ring) Write(b []byte) (int, error) {
	n := len(b)
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(b) > 0 {
		i := bytes.IndexAny(b, "\n\r")
		piece := b
		if i >= 0 {
			piece = b[:i]
		}
		if room := lineBytes - len(r.partial); len(piece) > room {
			piece, r.cut = piece[:room], true
		}
		r.partial = append(r.partial, piece...)
		if i < 0 {
			break
		}
		r.flush()
		b = b[i+1:]
	}
	return n, nil
}

// flush ends the partial line.
func (r *ring) flush() {
	text := strings.ToValidUTF8(string(r.partial), string(utf8.RuneError))
	if r.cut {
		text += "…"
	}
	r.partial, r.cut = r.partial[:0], false
	text = r.printable(text)
	if strings.TrimSpace(text) == "" {
		return
	}
	if p, ok := r.loaded(text); ok {
		r.percent = p
	}
	r.add(text)
}

// add keeps a line and drops the oldest beyond what is kept.
func (r *ring) add(text string) {
	r.seq++
	r.lines = append(r.lines, Line{r.seq, text})
	r.held += len(text)
	drop := 0
	for r.held > ringBytes && drop < len(r.lines)-1 {
		r.held -= len(r.lines[drop].Text)
		r.lines[drop].Text = ""
		drop++
	}
	r.lines = r.lines[drop:]
	if r.more != nil {
		close(r.more)
		r.more = nil
	}
}

// after returns the lines behind the one of that number. Where there are none it
// waits for one until ctx ends.
func (r *ring) after(ctx context.Context, seq int64) []Line {
	for {
		r.mu.Lock()
		var lines []Line
		for i, l := range r.lines {
			if l.Seq > seq {
				lines = append(lines, r.lines[i:]...)
				break
			}
		}
		if r.more == nil {
			r.more = make(chan struct{})
		}
		more := r.more
		r.mu.Unlock()
		if len(lines) > 0 || ctx.Err() != nil {
			return lines
		}
		select {
		case <-more:
		case <-ctx.Done():
		}
	}
}

// last returns the last line of what the process wrote.
func (r *ring) last() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.lines) == 0 || strings.HasPrefix(r.lines[len(r.lines)-1].Text, ours) {
		return "" // it has written nothing since it was started
	}
	return r.lines[len(r.lines)-1].Text
}

// loading is how much the engine says it has loaded, in percent; -1 when it says nothing.
func (r *ring) loading() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.percent
}

// copy reads an engine's output until its end.
func (r *ring) copy(from io.Reader) { _, _ = io.Copy(r, from) }

// printable takes out what would move a terminal's cursor or colour it.
func (r *ring) printable(text string) string {
	if !strings.ContainsFunc(text, isControl) {
		return text
	}
	text = r.escapes.ReplaceAllString(text, "")
	return strings.Map(func(c rune) rune {
		if isControl(c) {
			return -1
		}
		return c
	}, text)
}

// isControl reports whether a character is not for reading.
func isControl(c rune) bool { return c < ' ' && c != '\t' || c >= 0x7f && c < 0xa0 }

// loaded reads from a line of output how much of a model is loaded, in percent.
func (r *ring) loaded(text string) (int, bool) {
	if !strings.Contains(text, "%") {
		return 0, false
	}
	m := r.progress.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	p, err := strconv.Atoi(m[1])
	return p, err == nil && p <= 100
}
