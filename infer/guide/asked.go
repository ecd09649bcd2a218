package guide

import (
	_ "embed"
	"strings"
)

//go:embed asked.txt
var askedFile string

// ways are the ways in which people ask for the answer below a heading, the
// heading itself among them, each as stems.
func (l *lexicon) ways(heading string) [][]string {
	out := [][]string{l.stems(heading)}
	_, rest, ok := strings.Cut(askedFile, "\n= "+heading+"\n")
	if !ok {
		return out
	}
	rest, _, _ = strings.Cut(rest, "\n= ")
	for line := range strings.Lines(rest) {
		_, ways, _ := strings.Cut(line, ":")
		for way := range strings.SplitSeq(ways, "|") {
			if w := l.stems(way); len(w) > 0 {
				out = append(out, w)
			}
		}
	}
	return out
}
