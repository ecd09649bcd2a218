package bpe

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// The regular expressions as published, but for two things that Go's regexp
// lacks: SPACE is \s in Unicode's sense, and the white space that ends an
// expression, in the group tail, gives back its last rune by oneTail.
func expression(text string) *regexp.Regexp {
	return regexp.MustCompile(strings.NewReplacer("SPACE", `\t-\r\x{85}\p{Z}`, "TAIL", `(?P<tail>[\t-\r\x{85}\p{Z}]+)`).Replace(text))
}

// expressions lists the stages of the pre-tokenizers.
func expressions() map[string][]string {
	const (
		gpt2   = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^SPACE\p{L}\p{N}]+|TAIL`
		ends   = `(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])`
		upper  = `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
		lower  = `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
		prefix = `[^\r\n\p{L}\p{N}]?`
		east   = `[一-龥ࠀ-一가-퟿]+`
	)
	modern := func(digits string) []string {
		return []string{ends + `|` + prefix + `\p{L}+|\p{N}` + digits + `| ?[^SPACE\p{L}\p{N}]+[\r\n]*|[SPACE]*[\r\n]+|TAIL`}
	}
	cased := func(ends, digits string) []string {
		return []string{prefix + upper + `*` + lower + `+` + ends + `|` + prefix + upper + `+` + lower + `*` + ends + `|\p{N}` + digits + `| ?[^SPACE\p{L}\p{N}]+[\r\n/]*|[SPACE]*[\r\n]+|TAIL`}
	}
	return map[string][]string{
		"qwen2": modern(""), "llama-bpe": modern("{1,3}"), "glm4": modern("{1,3}"),
		"gpt-2": {gpt2}, "smollm": {`\p{N}`, gpt2},
		"tekken": cased("", ""), "gpt-4o": cased(ends+"?", "{1,3}"),
		"deepseek-v3":    {`\p{N}{1,3}`, `[一-龥぀-ゟ゠-ヿ]+`, "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|[SPACE]*[\\r\\n]+|TAIL"},
		"deepseek-coder": {`[\r\n]`, `[SPACE]?\p{L}+`, `[SPACE]?\p{P}+`, east, `\p{N}`},
		"deepseek-llm": {
			`[\r\n]`,
			`[SPACE]?[A-Za-z\x{b5}-\x{b5}\x{c0}-\x{d6}\x{d8}-\x{f6}\x{f8}-\x{1ba}\x{1bc}-\x{1bf}\x{1c4}-\x{293}\x{295}-\x{2af}\x{370}-\x{373}\x{376}-\x{377}\x{37b}-\x{37d}\x{37f}-\x{37f}\x{386}-\x{386}\x{388}-\x{38a}\x{38c}-\x{38c}\x{38e}-\x{3a1}\x{3a3}-\x{3f5}\x{3f7}-\x{481}\x{48a}-\x{52f}\x{531}-\x{556}\x{10a0}-\x{10c5}\x{13a0}-\x{13f5}\x{13f8}-\x{13fd}\x{1c90}-\x{1cba}\x{1cbd}-\x{1cbf}\x{1d00}-\x{1d2b}\x{1d6b}-\x{1d77}\x{1d79}-\x{1d9a}\x{1e00}-\x{1f15}\x{1f18}-\x{1f1d}\x{1f20}-\x{1f45}\x{1f48}-\x{1f4d}\x{1f50}-\x{1f57}\x{1f59}-\x{1f59}\x{1f5b}-\x{1f5b}\x{1f5d}-\x{1f5d}\x{1f5f}-\x{1f7d}\x{1f80}-\x{1fb4}\x{1fb6}-\x{1fbc}\x{1fbe}-\x{1fbe}\x{1fc2}-\x{1fc4}\x{1fc6}-\x{1fcc}\x{1fd0}-\x{1fd3}\x{1fd6}-\x{1fdb}\x{1fe0}-\x{1fec}\x{1ff2}-\x{1ff4}\x{1ff6}-\x{1ffc}\x{2102}-\x{2102}\x{2107}-\x{2107}\x{210a}-\x{2113}\x{2115}-\x{2115}\x{2119}-\x{211d}\x{2124}-\x{2124}\x{2126}-\x{2126}\x{2128}-\x{2128}\x{212a}-\x{212d}\x{212f}-\x{2134}\x{2139}-\x{2139}\x{213c}-\x{213f}\x{2145}-\x{2149}\x{214e}-\x{214e}\x{2183}-\x{2184}\x{2c00}-\x{2c7b}\x{2c7e}-\x{2ce4}\x{2ceb}-\x{2cee}\x{2cf2}-\x{2cf3}\x{a640}-\x{a66d}\x{a680}-\x{a69b}\x{a722}-\x{a76f}\x{a771}-\x{a787}\x{a78b}-\x{a78e}\x{ab70}-\x{abbf}\x{fb00}-\x{fb06}\x{fb13}-\x{fb17}\x{ff21}-\x{ff3a}\x{ff41}-\x{ff5a}\x{10400}-\x{1044f}\x{104b0}-\x{104d3}\x{104d8}-\x{104fb}\x{10c80}-\x{10cb2}\x{10cc0}-\x{10cf2}\x{118a0}-\x{118df}\x{1e900}-\x{1e943}]+`,
			`[SPACE]?[!-/:-~！-／：-～‘-‟　-。]+`, `[SPACE]+$`, east, `\p{N}+`,
		},
	}
}

// splitPlainly cuts pieces by expressions: matches, and what is between them.
func splitPlainly(pieces []string, exprs []*regexp.Regexp) []string {
	for _, expr := range exprs {
		var next []string
		for _, text := range pieces {
			for text != "" {
				m := expr.FindStringSubmatchIndex(text)
				if m == nil {
					next = append(next, text)
					break
				}
				end := m[1]
				if tail := expr.SubexpIndex("tail"); tail > 0 && m[2*tail] >= 0 && end < len(text) {
					// \s+(?!\S): all but the last rune, unless that is all there is.
					if _, size := utf8.DecodeLastRuneInString(text[m[0]:end]); end-size > m[0] {
						end -= size
					}
				}
				if m[0] > 0 {
					next = append(next, text[:m[0]])
				}
				next = append(next, text[m[0]:end])
				text = text[end:]
			}
		}
		pieces = next
	}
	return pieces
}

// TestSplitsAreTheExpressions compares the scanners with Go's regexp.
func TestSplitsAreTheExpressions(t *testing.T) {
	part := rapid.OneOf(
		rapid.StringOfN(rapid.RuneFrom([]rune("aB'sStTlLdD1٣½ \t\n\r/.!'-_=你ひアǅʰ́ꙮßÉ가ࠀ‘＂：。µ")), 0, 10, -1),
		rapid.StringOfN(rapid.RuneFrom(nil, unicode.L, unicode.N, unicode.M, unicode.P, unicode.S, unicode.Z, unicode.C), 0, 6, -1),
		rapid.SampledFrom([]string{" the", "don't", "'LL", "  ", "\r\n\n", " 12345", "\u00a0x", "\u3000", "HTTPServer", "\x00", "\xff", "a/b/\n", "，你好", "x\u0301y"}),
	)
	for pre, texts := range expressions() {
		p, err := pretokenizerFor(pre)
		if err != nil {
			t.Fatal(err)
		}
		var exprs []*regexp.Regexp
		for _, text := range texts {
			exprs = append(exprs, expression(text))
		}
		rapid.Check(t, func(t *rapid.T) {
			text := strings.Join(rapid.SliceOfN(part, 0, 8).Draw(t, "text"), "")
			var got, want []string
			p.split.each(text, func(word string) { got = append(got, word) })
			if text != "" {
				want = splitPlainly([]string{text}, exprs)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%s: %q splits into %q, want %q", pre, text, got, want)
			}
		})
	}
}

// TestSplits holds each pre-tokenizer to words that were cut by hand.
func TestSplits(t *testing.T) {
	const text = "HTTPServer's 12345 naïve\n\n  x."
	for pre, want := range map[string][]string{
		"gpt-2":          {"HTTPServer", "'s", " 12345", " naïve", "\n\n ", " x", "."},
		"smollm":         {"HTTPServer", "'s", " ", "1", "2", "3", "4", "5", " naïve", "\n\n ", " x", "."},
		"qwen2":          {"HTTPServer", "'s", " ", "1", "2", "3", "4", "5", " naïve", "\n\n", " ", " x", "."},
		"llama-bpe":      {"HTTPServer", "'s", " ", "123", "45", " naïve", "\n\n", " ", " x", "."},
		"tekken":         {"HTTPServer", "'s", " ", "1", "2", "3", "4", "5", " naïve", "\n\n", " ", " x", "."},
		"gpt-4o":         {"HTTPServer's", " ", "123", "45", " naïve", "\n\n", " ", " x", "."},
		"deepseek-v3":    {"HTTPServer", "'s", " ", "123", "45", " naïve", "\n\n", " ", " x", "."},
		"deepseek-coder": {"HTTPServer", "'", "s", " ", "1", "2", "3", "4", "5", " naïve", "\n", "\n", " ", " x", "."},
		"deepseek-llm":   {"HTTPServer", "'", "s", " ", "12345", " na", "ï", "ve", "\n", "\n", " ", " x", "."}, // the marks include a to z
	} {
		p, err := pretokenizerFor(pre)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		p.split.each(text, func(word string) { got = append(got, word) })
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", pre, got, want)
		}
	}
}

func TestWholeWordsAndBeginning(t *testing.T) {
	tokens, kinds, merges := small()
	tokens, kinds = append(tokens, "tea"), append(kinds, kindNormal) // no merge makes it
	for pre, want := range map[string][]int32{"llama-bpe": {259}, "qwen2": {'t', 'e', 'a'}} {
		tok, err := load(t, "gpt2", pre, tokens, kinds, merges, 258)
		if err != nil {
			t.Fatal(err)
		}
		if got := tok.Encode(nil, "tea"); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", pre, got, want)
		}
		if len(tok.Start()) != 0 {
			t.Errorf("%s: texts begin with %v although the file has no bos", pre, tok.Start())
		}
	}
}

func FuzzRoundTrip(f *testing.F) {
	tok := boxTokenizer(f)
	f.Add("Hello, world! 12345 \xff\r\n", 3)
	pres := []string{"gpt-2", "llama-bpe", "qwen2", "smollm", "tekken", "gpt-4o", "deepseek-llm", "deepseek-coder", "deepseek-v3"}
	f.Fuzz(func(t *testing.T, text string, n int) {
		pre, err := pretokenizerFor(pres[(n%len(pres)+len(pres))%len(pres)])
		if err != nil {
			t.Fatal(err)
		}
		other := *tok
		other.pre = pre
		if got := other.Decode(other.Encode(nil, text)); got != text {
			t.Errorf("%q comes back as %q", text, got)
		}
	})
}
