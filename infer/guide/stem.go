package guide

import (
	"slices"
	"strings"
)

// terms are the stems of a question without the words that say nothing, each once.
func (l *lexicon) terms(question string) []string {
	var out []string
	before := ""
	for _, w := range split(question) {
		// Somebody's own name for a thing says nothing of what it is.
		if !l.filler[w] && before != "named" && before != "called" {
			if s := stem(w); !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
		before = w
	}
	return out
}

// dated reports whether a word is of a date: 21, 21st, 2026.
func dated(w string) bool {
	w = strings.TrimRight(w, "stndrh")
	figures := w != "" && strings.Trim(w, "0123456789") == ""
	return figures && (len(w) <= 2 || len(w) == 4 && w[:2] == "20")
}

// stems are the stems of a text.
func (l *lexicon) stems(text string) []string {
	var out []string
	for _, w := range split(text) {
		if !l.filler[w] {
			out = append(out, stem(w))
			// key_create is found by its parts as well.
			if strings.ContainsAny(w, "_.") {
				for part := range strings.FieldsFuncSeq(w, func(r rune) bool { return r == '_' || r == '.' }) {
					out = append(out, stem(part))
				}
			}
		}
	}
	return out
}

// fillers are the words of a text that say nothing of its subject, each once.
func (l *lexicon) fillers(text string) []string {
	var out []string
	for _, w := range split(text) {
		if l.filler[w] && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

// split cuts a text into words in lower case. Dots and underscores within a word
// are part of it, as in llama.cpp and stop_timeout.
func split(text string) []string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		part := r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' || r == '.' || r > 127
		return !part
	})
	out := words[:0]
	for _, w := range words {
		if w = strings.Trim(w, "._…"); w != "" {
			out = append(out, w)
		}
	}
	return out
}

// stem takes the endings of English off a word, roughly: what matters is that
// the same is done to both sides.
func stem(w string) string {
	if len(w) < 4 || strings.ContainsAny(w, "_.0123456789") {
		return w
	}
	for _, end := range [...]string{"isations", "izations", "isation", "ization", "ingly", "ations", "ation", "ments", "ment", "ings", "ing", "ers", "ies", "ied", "ors", "er", "or", "ed", "es", "ly", "s", "e", "y"} {
		if root, ok := strings.CutSuffix(w, end); ok && len(root) >= 3 {
			if n := len(root); n > 3 && root[n-1] == root[n-2] && root[n-1] != 's' && root[n-1] != 'l' {
				root = root[:n-1] // running, run
			}
			return root
		}
	}
	return w
}
