package bpe

import (
	"unicode"
	"unicode/utf8"
)

// modern is the regular expression of GPT-4's kind, with numbers of up to
// digits digits, first alternative first. It is written out because Go's
// regexp has no look-ahead:
//
//	(?i:'s|'t|'re|'ve|'m|'ll|'d)
//	|[^\r\n\p{L}\p{N}]?\p{L}+
//	|\p{N}{1,digits}
//	| ?[^\s\p{L}\p{N}]+[\r\n]*
//	|\s*[\r\n]+
//	|\s+(?!\S)
//	|\s+
func modern(digits int) stage {
	number := upTo(digits, unicode.IsNumber)
	return func(text string) int {
		if n := contraction(text); n > 0 {
			return n
		}
		first, size := utf8.DecodeRuneInString(text)
		if unicode.IsLetter(first) {
			return size + run(text[size:], unicode.IsLetter)
		}
		if n := number(text); n > 0 {
			return n
		}
		if !isNewline(first) {
			if n := run(text[size:], unicode.IsLetter); n > 0 {
				return size + n
			}
		}
		if n := marks(text, isNewline); n > 0 {
			return n
		}
		return whitespace(text)
	}
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

// marks is " ?[^\s\p{L}\p{N}]+" and then as many runes of tail as there are.
func marks(text string, tail func(rune) bool) int {
	space := 0
	if text[0] == ' ' {
		space = 1
	}
	n := run(text[space:], isMark)
	if n == 0 {
		return 0
	}
	return space + n + run(text[space+n:], tail)
}

// whitespace is "\s*[\r\n]+|\s+(?!\S)|\s+": up to the run's last line break;
// else all of the run but its last rune, which belongs to the word that
// follows; else the run. It is 0 where the text does not begin with white space.
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

// splitGPT2 is the regular expression of GPT-2:
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
func splitGPT2(text string) int {
	if n := contraction(text); n > 0 && text[1] >= 'a' && (n == 2 || text[2] >= 'a') {
		return n
	}
	space := 0
	if text[0] == ' ' {
		space = 1
	}
	for _, class := range []func(rune) bool{unicode.IsLetter, unicode.IsNumber, isMark} {
		if n := run(text[space:], class); n > 0 {
			return space + n
		}
	}
	end := run(text, unicode.IsSpace)
	_, last := utf8.DecodeLastRuneInString(text[:end])
	if end < len(text) && end > last {
		return end - last
	}
	return end
}

// cased is the regular expression of Mistral's tekken and of GPT-4o, which
// tells apart upper and lower case; contractions, of GPT-4o alone, hang on the
// word:
//
//	[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+CONTRACTION?
//	|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*CONTRACTION?
//	|\p{N}{1,digits}
//	| ?[^\s\p{L}\p{N}]+[\r\n/]*
//	|\s*[\r\n]+|\s+(?!\S)|\s+
func cased(digits int, contractions bool) stage {
	number := upTo(digits, unicode.IsNumber)
	ending := func(text string, n int) int {
		if n > 0 && contractions {
			n += contraction(text[n:])
		}
		return n
	}
	return func(text string) int {
		first, size := utf8.DecodeRuneInString(text)
		prefix := 0
		if !isNewline(first) && !unicode.IsLetter(first) && !unicode.IsNumber(first) {
			prefix = size
		}
		for _, word := range []func(string) int{lowerWord, upperWord} {
			if n := word(text[prefix:]); n > 0 {
				return ending(text, prefix+n)
			}
			if n := word(text); n > 0 { // a mark is a prefix or a part of the word
				return ending(text, n)
			}
		}
		if n := number(text); n > 0 {
			return n
		}
		if n := marks(text, func(r rune) bool { return isNewline(r) || r == '/' }); n > 0 {
			return n
		}
		return whitespace(text)
	}
}

// isUpper and isLower share the letters without case, and the marks.
func isUpper(r rune) bool {
	return unicode.In(r, unicode.Lu, unicode.Lt, unicode.Lm, unicode.Lo, unicode.M)
}
func isLower(r rune) bool { return unicode.In(r, unicode.Ll, unicode.Lm, unicode.Lo, unicode.M) }

// lowerWord is UPPER*LOWER+. The first part takes all it can, and gives back
// what the second needs.
func lowerWord(text string) int {
	upper := run(text, isUpper)
	if n := run(text[upper:], isLower); n > 0 {
		return upper + n
	}
	for upper > 0 {
		r, size := utf8.DecodeLastRuneInString(text[:upper])
		if isLower(r) {
			return upper
		}
		upper -= size
	}
	return 0
}

// upperWord is UPPER+LOWER*, asked only where no lowerWord is.
func upperWord(text string) int { return run(text, isUpper) }
