package guide

import (
	_ "embed"
	"strings"
)

//go:embed asked.txt
var askedFile string

// way is a way in which people ask.
type way struct {
	stems []string // of what it is about
	small []string // the words beside them
}

func (l *lexicon) way(text string) way { return way{l.stems(text), l.fillers(text)} }

//go:embed beyond.txt
var beyondFile string

// beyond are questions that the docs answer nowhere.
func beyond() []string {
	lines := strings.Split(strings.TrimSpace(beyondFile), "\n")
	return lines[1:] // the first one is a comment
}

// askedFor are the ways in which people ask for the answer below a heading, as whole
// questions, the heading itself first.
func askedFor(heading string) []string {
	out := []string{heading}
	_, rest, ok := strings.Cut(askedFile, "\n= "+heading+"\n")
	if !ok {
		return out
	}
	rest, _, _ = strings.Cut(rest, "\n= ")
	for line := range strings.Lines(rest) {
		kind, ways, _ := strings.Cut(line, ":")
		begin := map[string]string{"do": "how do i ", "what": "what is "}[kind]
		for text := range strings.SplitSeq(ways, "|") {
			if text = strings.TrimSpace(text); text != "" {
				out = append(out, begin+text)
			}
		}
	}
	return out
}

// ways are those that have a subject.
func (l *lexicon) ways(asked []string) []way {
	var out []way
	for _, text := range asked {
		if w := l.way(text); len(w.stems) > 0 {
			out = append(out, w)
		}
	}
	return out
}
