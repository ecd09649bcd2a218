package infer

import (
	"strings"
	"unicode/utf8"
)

// textStream turns the bytes of one token after another into text that can be
// sent: whole runes only, and nothing of a stop string.
type textStream struct {
	stops []string
	bytes []byte // the beginning of a rune
	held  string // text that could be the beginning of a stop string
	cut   int    // bytes of text from the stop string on
}

// push takes the next bytes and returns the text that is now certain. At the
// end of a stop string it returns what stood before it, and true.
func (s *textStream) push(piece string) (text string, stopped bool) {
	s.held += s.runes(piece)
	if end := s.find(); end >= 0 {
		text, s.cut, s.held = s.held[:end], len(s.held)-end, ""
		return text, true
	}
	keep := s.undecided()
	text, s.held = s.held[:len(s.held)-keep], s.held[len(s.held)-keep:]
	return text, false
}

// flush returns what was held back, when no more comes. A rune whose end is
// missing becomes U+FFFD.
func (s *textStream) flush() string {
	text := s.held
	if len(s.bytes) > 0 {
		text += string(utf8.RuneError)
	}
	s.held, s.bytes = "", nil
	return text
}

// runes takes the next bytes and returns the whole runes. Bytes that can never
// be part of a rune become U+FFFD each.
func (s *textStream) runes(piece string) string {
	s.bytes = append(s.bytes, piece...)
	var text []byte
	for len(s.bytes) > 0 && utf8.FullRune(s.bytes) {
		r, size := utf8.DecodeRune(s.bytes)
		text = utf8.AppendRune(text, r)
		s.bytes = s.bytes[size:]
	}
	return string(text)
}

// find returns where the first stop string begins in the held text, or -1. The
// first is the one that is complete first, the longest of those, so that the
// outcome does not depend on how the text was cut into pieces.
func (s *textStream) find() int {
	first, firstEnd := -1, 0
	for _, stop := range s.stops {
		at := strings.Index(s.held, stop)
		end := at + len(stop)
		if at >= 0 && (first < 0 || end < firstEnd || end == firstEnd && at < first) {
			first, firstEnd = at, end
		}
	}
	return first
}

// undecided is the length of the longest end of the held text with which a
// stop string begins.
func (s *textStream) undecided() int {
	longest := 0
	for _, stop := range s.stops {
		for n := min(len(stop)-1, len(s.held)); n > longest; n-- {
			if strings.HasSuffix(s.held, stop[:n]) {
				longest = n
				break
			}
		}
	}
	return longest
}
