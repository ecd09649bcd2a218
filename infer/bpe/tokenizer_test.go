package bpe

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/infer/box"
	"sluice/infer/gguf"
	"sluice/infer/gguf/gguftest"
)

func boxTokenizer(t testing.TB) *Tokenizer {
	t.Helper()
	f, err := gguf.Parse(box.File())
	if err != nil {
		t.Fatal(err)
	}
	tok, err := Load(f)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// texts are arbitrary bytes, words the vocabulary knows, and names of special
// tokens, in any order.
func texts() *rapid.Generator[string] {
	part := rapid.OneOf(
		rapid.String(),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		rapid.SampledFrom([]string{" the", "Sluice", "'s", "'LL", "  ", "\r\n\n", "<|im_end|>", "<|im_start|>system\n", "你好", "🙂", " ledger", "12345"}),
	)
	return rapid.Map(rapid.SliceOfN(part, 0, 8), func(parts []string) string { return strings.Join(parts, "") })
}

func TestRoundTrip(t *testing.T) {
	tok := boxTokenizer(t)
	rapid.Check(t, func(t *rapid.T) {
		text := texts().Draw(t, "text")
		tokens := tok.Encode(nil, text)
		if got := tok.Decode(tokens); got != text {
			t.Fatalf("%q comes back as %q", text, got)
		}
		for _, id := range tokens {
			if tok.Control(id) || tok.Ends(id) {
				t.Fatalf("%q encodes to the special token %q", text, tok.Piece(id))
			}
		}
	})
}

// TestJoinAsTheDefinitionSays compares the heap with the definition of BPE:
// look for the best pair of all, join it, start over.
func TestJoinAsTheDefinitionSays(t *testing.T) {
	tok := boxTokenizer(t)
	rapid.Check(t, func(t *rapid.T) {
		var word []int32
		for _, b := range []byte(texts().Draw(t, "word")) {
			word = append(word, tok.bytes[b])
		}
		m := merger{merges: tok.merges}
		got, want := m.join(nil, word), joinSlowly(tok.merges, word)
		if !slices.Equal(got, want) {
			t.Fatalf("%v joins to %v, want %v", word, got, want)
		}
	})
}

func joinSlowly(merges map[pair]merge, word []int32) []int32 {
	word = slices.Clone(word)
	for {
		best, at := merge{}, -1
		for i := range len(word) - 1 {
			if m, ok := merges[pair{word[i], word[i+1]}]; ok && (at < 0 || m.rank < best.rank) {
				best, at = m, i
			}
		}
		if at < 0 {
			return word
		}
		word[at] = best.joined
		word = slices.Delete(word, at+1, at+2)
	}
}

func TestSplitQwen2(t *testing.T) {
	for text, want := range map[string][]string{
		"Hello, world!":    {"Hello", ",", " world", "!"},
		"I'll don't WE'RE": {"I", "'ll", " don", "'t", " WE", "'RE"},
		"'x 'sx":           {"'x", " '", "sx"},
		"a  b":             {"a", " ", " b"},
		"a   \n\n  b":      {"a", "   \n\n", " ", " b"},
		"end  ":            {"end", "  "},
		"12 345":           {"1", "2", " ", "3", "4", "5"},
		"(foo) -- bar.\n\n": {
			"(foo", ")", " --", " bar", ".\n\n",
		},
		"\tx\t!":         {"\tx", "\t", "!"},
		"\nx":            {"\n", "x"},
		"x\u3000\u3000y": {"x", "\u3000", "\u3000y"},
		"\xff\xfe a":     {"\xff\xfe", " a"},
		"½ ²":            {"½", " ", "²"},
		"e\u0301a":       {"e", "\u0301a"},
		"' ":             {"'", " "},
	} {
		var got []string
		splitter{modern(1)}.each(text, func(word string) { got = append(got, word) })
		if !slices.Equal(got, want) {
			t.Errorf("%q splits into %q, want %q", text, got, want)
		}
	}
}

// TestLongWordIsQuick: a quadratic merge would take so long over this word that the test
// times out.
func TestLongWordIsQuick(t *testing.T) {
	tok := boxTokenizer(t)
	word := strings.Repeat("assistant", 1<<16)
	if tok.Decode(tok.Encode(nil, word)) != word {
		t.Error("the long word does not come back")
	}
}

// small is a sound tokenizer: the 256 bytes, "he", and two special tokens.
func small() (tokens []string, kinds []int32, merges []string) {
	for _, r := range byteRunes() {
		tokens, kinds = append(tokens, string(r)), append(kinds, kindNormal)
	}
	tokens = append(tokens, "he", "<|im_start|>", "<|im_end|>")
	kinds = append(kinds, kindNormal, kindControl, kindControl)
	return tokens, kinds, []string{"h e"}
}

// load builds a file around the tables and loads it.
func load(t *testing.T, model, pre string, tokens []string, kinds []int32, merges []string, eos uint32) (*Tokenizer, error) {
	t.Helper()
	f, err := gguf.Parse(gguftest.New().
		String("tokenizer.ggml.model", model).
		String("tokenizer.ggml.pre", pre).
		Strings("tokenizer.ggml.tokens", tokens).
		Int32s("tokenizer.ggml.token_type", kinds).
		Strings("tokenizer.ggml.merges", merges).
		Uint32("tokenizer.ggml.eos_token_id", eos).
		Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return Load(f)
}

func TestLoadSmall(t *testing.T) {
	tokens, kinds, merges := small()
	tok, err := load(t, "gpt2", "qwen2", tokens, kinds, merges, 258)
	if err != nil {
		t.Fatal(err)
	}
	if got := tok.Encode(nil, "she"); !slices.Equal(got, []int32{'s', 256}) {
		t.Errorf("\"she\" encodes to %v", got)
	}
	if id, ok := tok.Special("<|im_start|>"); !ok || id != 257 || !tok.Control(id) || tok.Ends(id) {
		t.Errorf("<|im_start|> is %d, %v", id, ok)
	}
	if !tok.Ends(258) || tok.Size() != 259 {
		t.Errorf("token 258 ends: %v, size %d", tok.Ends(258), tok.Size())
	}
}

func TestLoadRefusesContradictions(t *testing.T) {
	for name, c := range map[string]struct {
		model, pre string
		change     func(tokens []string, kinds []int32, merges []string) ([]string, []int32, []string)
		eos        uint32
		want       string
	}{
		"other model":   {model: "llama", want: `tokenizer model "llama"`},
		"other pre":     {pre: "poro-chat", want: `pre-tokenizer "poro-chat"`},
		"eos outside":   {eos: 259, want: "eos_token_id is 259"},
		"missing kinds": {change: func(a []string, b []int32, c []string) ([]string, []int32, []string) { return a, b[1:], c }, want: "token types"},
		"unknown kind": {change: func(a []string, b []int32, c []string) ([]string, []int32, []string) {
			b[7] = 6
			return a, b, c
		}, want: "has type 6"},
		"missing byte": {change: func(a []string, b []int32, c []string) ([]string, []int32, []string) {
			a[7] = "x"
			return a, b, c
		}, want: "byte 0x07"},
		"not in the byte map": {change: func(a []string, b []int32, c []string) ([]string, []int32, []string) {
			a[256] = "你"
			return a, b, c
		}, want: "not written in the byte map"},
		"empty token": {change: func(a []string, b []int32, c []string) ([]string, []int32, []string) {
			a[256] = ""
			return a, b, c
		}, want: "not written in the byte map"},
		"special twice": {change: func(a []string, b []int32, c []string) ([]string, []int32, []string) {
			a[257] = a[258]
			return a, b, c
		}, want: "stands twice"},
		"merge twice": {change: func(a []string, b []int32, c []string) ([]string, []int32, []string) {
			return a, b, append(c, c[0])
		}, want: "stands twice"},
		"merge of one": {change: func(a []string, b []int32, c []string) ([]string, []int32, []string) {
			return a, b, []string{"he"}
		}, want: "is not two tokens"},
		"merge into nothing": {change: func(a []string, b []int32, c []string) ([]string, []int32, []string) {
			return a, b, []string{"e h"}
		}, want: "does not exist"},
	} {
		tokens, kinds, merges := small()
		if c.change != nil {
			tokens, kinds, merges = c.change(tokens, kinds, merges)
		}
		model, pre := c.model, c.pre
		if model == "" {
			model = "gpt2"
		}
		if pre == "" {
			pre = "qwen2"
		}
		_, err := load(t, model, pre, tokens, kinds, merges, c.eos)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
	if _, err := Load(&gguf.File{}); err == nil {
		t.Error("a file without a tokenizer loads")
	}
}
