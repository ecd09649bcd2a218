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

// ways are the ways in which people ask for the answer below a heading, the
// heading itself among them.
func (l *lexicon) ways(heading string) []way {
	out := []way{l.way(heading)}
	_, rest, ok := strings.Cut(askedFile, "\n= "+heading+"\n")
	if !ok {
		return out
	}
	rest, _, _ = strings.Cut(rest, "\n= ")
	for line := range strings.Lines(rest) {
		_, ways, _ := strings.Cut(line, ":")
		for text := range strings.SplitSeq(ways, "|") {
			if w := l.way(text); len(w.stems) > 0 {
				out = append(out, w)
			}
		}
	}
	return out
}
