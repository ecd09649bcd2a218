package bpe

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// stage returns the length in bytes, at least 1, of the first piece of a text
// that is not empty. What a regular expression matches is a piece, and what
// stands between two matches is one too.
type stage func(text string) int

// splitter cuts text into words: each stage cuts the pieces of the one before,
// seeing nothing outside the piece. Merges never cross the border between two
// words.
type splitter []stage

// each calls word with the words of text.
func (s splitter) each(text string, word func(string)) {
	if len(s) == 0 {
		word(text)
		return
	}
	for text != "" {
		n := s[0](text)
		s[1:].each(text[:n], word)
		text = text[n:]
	}
}

// pretokenizer is what tokenizer.ggml.pre stands for.
type pretokenizer struct {
	split splitter
	// whole says that a word that is a token is not built by merges
	// (ignore_merges in the tokenizer.json of Llama 3 and of Mistral).
	whole bool
	// begin says that texts begin with the bos token unless the file says
	// otherwise.
	begin bool
}

// known lists the names that pretokenizerFor takes, for errors.
const known = "gpt-2, llama-bpe, qwen2, glm4, smollm, tekken, gpt-4o, deepseek-llm, deepseek-coder, deepseek-v3 and their like"

// pretokenizerFor returns the pre-tokenizer of a name. Names and regular
// expressions are llama.cpp's (src/llama-vocab.cpp), except tekken's and
// gpt-4o's, which are those of the models' own tokenizer.json: llama.cpp there
// tells letters' cases apart only in ASCII.
func pretokenizerFor(pre string) (pretokenizer, error) {
	switch pre {
	case "qwen2", "deepseek-r1-qwen", "megrez", "stablelm2":
		return pretokenizer{split: splitter{modern(1)}}, nil
	case "llama-bpe", "llama3", "llama-v3", "falcon3":
		return pretokenizer{split: splitter{modern(3)}, whole: true, begin: true}, nil
	case "smaug-bpe", "dbrx", "glm4", "chatglm-bpe":
		return pretokenizer{split: splitter{modern(3)}}, nil
	case "gpt-2", "phi-2", "mpt", "olmo", "jais":
		return pretokenizer{split: splitter{splitGPT2}}, nil
	case "smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b":
		return pretokenizer{split: splitter{search(matchNumber), splitGPT2}}, nil
	case "tekken":
		return pretokenizer{split: splitter{cased(1, false)}, whole: true, begin: true}, nil
	case "gpt-4o", "llama4":
		return pretokenizer{split: splitter{cased(3, true)}}, nil
	case "deepseek-v3":
		return pretokenizer{split: splitter{search(upTo(3, unicode.IsNumber)), search(upTo(0, isKanaHan)), search(matchDeepSeek3)}}, nil
	case "deepseek-coder":
		return pretokenizer{split: splitter{search(upTo(1, isNewline)), search(spaced(unicode.IsLetter)), search(spaced(unicode.IsPunct)), search(upTo(0, isEastAsian)), search(matchNumber)}}, nil
	case "deepseek-llm":
		return pretokenizer{split: splitter{search(upTo(1, isNewline)), search(spaced(isCasedLetter)), search(spaced(isDeepSeekMark)), splitTail, search(upTo(0, isEastAsian)), search(upTo(0, unicode.IsNumber))}}, nil
	}
	return pretokenizer{}, fmt.Errorf("pre-tokenizer %q is not supported, only %s", pre, known)
}

// search makes a stage of a function that returns how long the match at the
// start of a text is, 0 for none.
func search(match func(text string) int) stage {
	return func(text string) int {
		if n := match(text); n > 0 {
			return n
		}
		end := 0
		for {
			_, size := utf8.DecodeRuneInString(text[end:])
			end += size
			if end == len(text) || match(text[end:]) > 0 {
				return end
			}
		}
	}
}

// upTo matches as many runes of the class as there are, but no more than most;
// 0 means any number.
func upTo(most int, class func(rune) bool) func(string) int {
	return func(text string) int {
		n := 0
		for i := 0; n < len(text) && (most == 0 || i < most); i++ {
			r, size := utf8.DecodeRuneInString(text[n:])
			if !class(r) {
				break
			}
			n += size
		}
		return n
	}
}

// matchNumber is \p{N}.
func matchNumber(text string) int { return upTo(1, unicode.IsNumber)(text) }

// spaced is \s?CLASS+.
func spaced(class func(rune) bool) func(string) int {
	return func(text string) int {
		if n := run(text, class); n > 0 {
			return n
		}
		first, size := utf8.DecodeRuneInString(text)
		if !unicode.IsSpace(first) {
			return 0
		}
		if n := run(text[size:], class); n > 0 {
			return size + n
		}
		return 0
	}
}

// splitTail is \s+$: white space at the end is a piece.
func splitTail(text string) int {
	if n := len(strings.TrimRightFunc(text, unicode.IsSpace)); n > 0 {
		return n
	}
	return len(text)
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
