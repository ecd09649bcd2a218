package bpe

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// splitter returns the length in bytes, at least 1, of the first word of a
// text that is not empty. Merges never cross the border between two words.
type splitter func(text string) int

// splitterFor returns the splitter that tokenizer.ggml.pre names.
func splitterFor(pre string) (splitter, error) {
	if pre == "qwen2" {
		return splitQwen2, nil
	}
	return nil, fmt.Errorf("pre-tokenizer %q is not supported, only \"qwen2\"", pre)
}

// splitQwen2 is the regular expression of Qwen2 and Qwen3, first alternative
// first. It is written out because Go's regexp has no look-ahead:
//
//	(?i:'s|'t|'re|'ve|'m|'ll|'d)
//	|[^\r\n\p{L}\p{N}]?\p{L}+
//	|\p{N}
//	| ?[^\s\p{L}\p{N}]+[\r\n]*
//	|\s*[\r\n]+
//	|\s+(?!\S)
//	|\s+
func splitQwen2(text string) int {
	if n := contraction(text); n > 0 {
		return n
	}
	first, size := utf8.DecodeRuneInString(text)
	if unicode.IsLetter(first) {
		return size + run(text[size:], unicode.IsLetter)
	}
	if unicode.IsNumber(first) {
		return size
	}
	rest := text[size:]
	if first != '\r' && first != '\n' {
		if n := run(rest, unicode.IsLetter); n > 0 {
			return size + n
		}
	}
	if isMark(first) {
		size += run(rest, isMark)
		return size + run(text[size:], isNewline)
	}
	if first == ' ' {
		if n := run(rest, isMark); n > 0 {
			size += n
			return size + run(text[size:], isNewline)
		}
	}
	return whitespace(text)
}

// contraction is the length of the English ending ('s, 're, ...) that text
// begins with, in either case, or 0.
func contraction(text string) int {
	if len(text) < 2 || text[0] != '\'' {
		return 0
	}
	a := text[1] | 0x20
	switch a {
	case 's', 't', 'm', 'd':
		return 2
	}
	if len(text) < 3 {
		return 0
	}
	b := text[2] | 0x20
	if (a == 'r' || a == 'v') && b == 'e' || a == 'l' && b == 'l' {
		return 3
	}
	return 0
}

// whitespace is the word at the start of a text that begins with white space:
// up to the run's last line break; else all of the run but its last rune,
// which belongs to the word that follows; else the run.
func whitespace(text string) int {
	end, lastBreak, lastRune := 0, 0, 0
	for end < len(text) {
		r, size := utf8.DecodeRuneInString(text[end:])
		if !unicode.IsSpace(r) {
			break
		}
		lastRune = end
		end += size
		if isNewline(r) {
			lastBreak = end
		}
	}
	switch {
	case lastBreak > 0:
		return lastBreak
	case end < len(text) && lastRune > 0:
		return lastRune
	}
	return end
}

// run is the length in bytes of the runes at the start of text that are in the
// class.
func run(text string, class func(rune) bool) int {
	n := 0
	for n < len(text) {
		r, size := utf8.DecodeRuneInString(text[n:])
		if !class(r) {
			break
		}
		n += size
	}
	return n
}

func isNewline(r rune) bool { return r == '\r' || r == '\n' }

// isMark is neither white space nor letter nor number: punctuation, symbols,
// combining marks, controls, and bytes that are not UTF-8.
func isMark(r rune) bool {
	return !unicode.IsSpace(r) && !unicode.IsLetter(r) && !unicode.IsNumber(r)
}
