package spm

import (
	"container/heap"
	"strings"
	"unicode/utf8"
)

// symbol is a link in the list of a text's current parts. One that was joined
// into its left neighbour is empty.
type symbol struct {
	from, to   int // bytes of the text
	prev, next int
	frozen     bool // a user-defined token, which is never joined
}

// candidate is a pair that could be joined.
type candidate struct {
	score    float32
	at, size int // the left symbol, and the bytes of both
}

// queue is a heap of candidates: highest score first, then leftmost.
type queue []candidate

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].score > q[j].score || q[i].score == q[j].score && q[i].at < q[j].at
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push and Pop are container/heap's.
func (q *queue) Push(c any) { *q = append(*q, c.(candidate)) }

// Pop removes the last candidate.
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// merger joins the parts of one text. The heap keeps n bytes at O(n log n).
type merger struct {
	t       *Tokenizer
	text    string
	symbols []symbol
	queue   queue
}

// Encode appends the tokens of text to dst. Where the vocabulary wants it, a
// space is put before the text. Names of special tokens in text are text.
func (t *Tokenizer) Encode(dst []int32, text string) []int32 {
	if text == "" {
		return dst
	}
	if t.prefix {
		text = " " + text
	}
	m := merger{t: t, text: strings.ReplaceAll(text, " ", space)}
	m.cut()
	for i := range len(m.symbols) - 1 {
		m.offer(i)
	}
	for len(m.queue) > 0 {
		m.join(heap.Pop(&m.queue).(candidate))
	}
	for i := 0; i < len(m.symbols); i = m.symbols[i].next {
		s := m.symbols[i]
		dst = t.part(dst, m.text[s.from:s.to])
	}
	return dst
}

// cut makes the first symbols: user-defined tokens, the longest first, and
// runes.
func (m *merger) cut() {
	for from := 0; from < len(m.text); {
		s := symbol{from: from, prev: len(m.symbols) - 1, next: len(m.symbols) + 1}
		s.to = from + m.userDefined(from)
		s.frozen = s.to > from
		if !s.frozen {
			_, size := utf8.DecodeRuneInString(m.text[from:])
			s.to = from + size
		}
		m.symbols = append(m.symbols, s)
		from = s.to
	}
}

// userDefined is the length of the longest user-defined token at a place.
func (m *merger) userDefined(from int) int {
	for n := min(m.t.longest, len(m.text)-from); n > 0; n-- {
		if id, ok := m.t.ids[m.text[from:from+n]]; ok && m.t.kinds[id] == kindUserDefined {
			return n
		}
	}
	return 0
}

// offer puts the pair that begins at a symbol on the heap, if it is a token.
func (m *merger) offer(at int) {
	left := m.symbols[at]
	right := m.symbols[left.next]
	if left.frozen || right.frozen {
		return
	}
	if id, ok := m.t.ids[m.text[left.from:right.to]]; ok {
		heap.Push(&m.queue, candidate{m.t.scores[id], at, right.to - left.from})
	}
}

// join joins a candidate, if neither of its symbols changed since it was found.
func (m *merger) join(c candidate) {
	left := &m.symbols[c.at]
	if left.from == left.to || left.next >= len(m.symbols) {
		return
	}
	right := &m.symbols[left.next]
	if right.to-left.from != c.size {
		return
	}
	left.to, right.from = right.to, right.to
	left.next = right.next
	if left.next < len(m.symbols) {
		m.symbols[left.next].prev = c.at
		m.offer(c.at)
	}
	if left.prev >= 0 {
		m.offer(left.prev)
	}
}

// part appends the token of a part, or those of its bytes.
func (t *Tokenizer) part(dst []int32, text string) []int32 {
	if id, ok := t.ids[text]; ok {
		return append(dst, id)
	}
	for i := range len(text) {
		dst = append(dst, t.bytes[text[i]])
	}
	return dst
}
