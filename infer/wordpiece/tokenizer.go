// Package wordpiece is the tokenizer of BERT's family, as a GGUF file carries
// it: text is put into lower case without accents, cut at white space and
// punctuation, and each word is covered from its beginning by the longest
// tokens. (google-research/bert, tokenization.py; llama.cpp,
// llm_tokenizer_wpm. In GGUF a token that begins a word begins with ▁, and the
// others have lost their ##.)
//
// Text cannot be got back, and no text encodes to a special token but [UNK].
package wordpiece

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"sluice/infer/gguf"
)

// begin stands before the tokens that begin a word.
const begin = "▁"

// maxWord is the longest word in runes; longer ones are unknown (bert,
// max_input_chars_per_word is 200).
const maxWord = 200

// kindControl marks tokens with no text, in tokenizer.ggml.token_type.
const kindControl = 3

// Tokenizer turns text into tokens. It is immutable and safe for concurrent
// use.
type Tokenizer struct {
	pieces  []string
	control []bool
	ids     map[string]int32
	special map[string]int32
	longest int // bytes
	unknown int32
	start   []int32
	end     []int32
}

// Load reads the tokenizer out of a GGUF file. It fails when the file's
// tokenizer is not WordPiece, and when one of its special tokens is missing.
func Load(f *gguf.File) (*Tokenizer, error) {
	t, err := load(f)
	if err != nil {
		return nil, fmt.Errorf("loading the tokenizer: %w", err)
	}
	return t, nil
}

func load(f *gguf.File) (*Tokenizer, error) {
	model, err := f.String("tokenizer.ggml.model")
	if err != nil {
		return nil, err
	}
	if model != "bert" {
		return nil, fmt.Errorf("tokenizer model %q is not \"bert\" (WordPiece)", model)
	}
	t := &Tokenizer{ids: map[string]int32{}, special: map[string]int32{}}
	if t.pieces, err = f.Strings("tokenizer.ggml.tokens"); err != nil {
		return nil, err
	}
	kinds, err := f.Ints("tokenizer.ggml.token_type")
	if err != nil && !errors.Is(err, gguf.ErrNoKey) {
		return nil, err
	}
	if err == nil && len(kinds) != len(t.pieces) {
		return nil, fmt.Errorf("%d tokens but %d token types", len(t.pieces), len(kinds))
	}
	t.control = make([]bool, len(t.pieces))
	for i, text := range t.pieces {
		named := len(text) > 2 && text[0] == '[' && text[len(text)-1] == ']'
		if kinds != nil && kinds[i] == kindControl || named {
			t.control[i], t.special[text] = true, int32(i)
			continue
		}
		if _, twice := t.ids[text]; !twice && text != "" {
			t.ids[text] = int32(i)
			t.longest = max(t.longest, len(text))
		}
	}
	for _, s := range []struct {
		key, name string
		to        *[]int32
	}{{"bos", "[CLS]", &t.start}, {"seperator", "[SEP]", &t.end}} { //nolint:misspell // the key is spelled so
		id, err := t.named(f, s.key, s.name)
		if err != nil {
			return nil, err
		}
		*s.to = []int32{id}
	}
	t.unknown, err = t.named(f, "unknown", "[UNK]")
	return t, err
}

// named finds a special token by the file's key for it, or else by its name.
func (t *Tokenizer) named(f *gguf.File, key, name string) (int32, error) {
	id, err := f.Int("tokenizer.ggml." + key + "_token_id")
	switch {
	case err == nil && (id < 0 || id >= int64(len(t.pieces))):
		return 0, fmt.Errorf("%s_token_id is %d, the vocabulary has %d tokens", key, id, len(t.pieces))
	case err == nil:
		return int32(id), nil
	case !errors.Is(err, gguf.ErrNoKey):
		return 0, err
	}
	if id, ok := t.special[name]; ok {
		return id, nil
	}
	return 0, fmt.Errorf("the token %s is missing", name)
}

// Size is the number of tokens in the vocabulary.
func (t *Tokenizer) Size() int { return len(t.pieces) }

// Special returns the id of a special token by its name, such as "[SEP]".
func (t *Tokenizer) Special(name string) (id int32, ok bool) {
	id, ok = t.special[name]
	return id, ok
}

// Ends reports whether the token ends a text: [SEP].
func (t *Tokenizer) Ends(id int32) bool { return slices.Contains(t.end, id) }

// Control reports whether the token has no text of its own.
func (t *Tokenizer) Control(id int32) bool { return t.control[id] }

// Piece returns a token's text, with a space before what begins a word.
func (t *Tokenizer) Piece(id int32) string { return strings.Replace(t.pieces[id], begin, " ", 1) }

// Start returns [CLS], which every text begins with. The caller must not
// change it.
func (t *Tokenizer) Start() []int32 { return t.start }

// End returns [SEP], which every text ends with. The caller must not change it.
func (t *Tokenizer) End() []int32 { return t.end }

// Decode returns the words of the tokens with a space between.
func (t *Tokenizer) Decode(tokens []int32) string {
	var b strings.Builder
	for _, id := range tokens {
		b.WriteString(t.Piece(id))
	}
	return strings.TrimPrefix(b.String(), " ")
}

// Encode appends the tokens of text to dst, without Start and End.
func (t *Tokenizer) Encode(dst []int32, text string) []int32 {
	var word []rune
	flush := func() {
		if len(word) > 0 {
			dst = t.word(dst, string(word), len(word))
			word = word[:0]
		}
	}
	for _, r := range norm.NFD.String(strings.ToValidUTF8(text, "")) {
		switch {
		case unicode.IsSpace(r):
			flush()
		case r == 0 || r == unicode.ReplacementChar || unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Mn, r):
		case alone(r):
			flush()
			dst = t.word(dst, string(unicode.ToLower(r)), 1)
		default:
			word = append(word, unicode.ToLower(r))
		}
	}
	flush()
	return dst
}

// alone reports whether a rune is a word of its own: punctuation, symbols of
// ASCII, and Chinese characters.
func alone(r rune) bool {
	if unicode.IsPunct(r) || r < 0x7f && unicode.IsSymbol(r) {
		return true
	}
	return r >= 0x4e00 && r <= 0x9fff || r >= 0x3400 && r <= 0x4dbf || r >= 0x20000 && r <= 0x2a6df || r >= 0x2a700 && r <= 0x2b73f ||
		r >= 0x2b740 && r <= 0x2b81f || r >= 0x2b920 && r <= 0x2ceaf || r >= 0xf900 && r <= 0xfaff || r >= 0x2f800 && r <= 0x2fa1f
}

// word covers a word by the longest tokens, or is unknown as a whole.
func (t *Tokenizer) word(dst []int32, text string, runes int) []int32 {
	if runes > maxWord {
		return append(dst, t.unknown)
	}
	from := len(dst)
	text = begin + text
	for text != "" {
		n := min(len(text), t.longest)
		for n > 0 {
			if _, ok := t.ids[text[:n]]; ok {
				break
			}
			n--
		}
		if n == 0 {
			return append(dst[:from], t.unknown)
		}
		dst = append(dst, t.ids[text[:n]])
		text = text[n:]
	}
	return dst
}
