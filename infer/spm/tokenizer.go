package spm

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sluice/infer/gguf"
)

// The kinds of token in tokenizer.ggml.token_type, numbered as llama.cpp does.
const (
	kindNormal      = 1
	kindUnknown     = 2
	kindControl     = 3
	kindUserDefined = 4
	kindUnused      = 5
	kindByte        = 6
)

// space is how SentencePiece writes a space.
const space = "▁"

// Tokenizer turns text into tokens and back. It is immutable and safe for
// concurrent use.
type Tokenizer struct {
	pieces  []string // the bytes of each token
	kinds   []int64
	scores  []float32
	ids     map[string]int32 // normal and user-defined tokens, with ▁ for spaces
	longest int              // bytes of the longest user-defined token
	special map[string]int32 // control tokens by their name
	bytes   [256]int32       // the token of each byte, -1 for none
	unknown int32            // the token of what cannot be encoded
	prefix  bool             // a space stands before each text
	ends    []int32
	start   []int32
}

// Load reads the tokenizer out of a GGUF file. It fails when the file's
// tokenizer is not SentencePiece's, and when its tables contradict themselves.
func Load(f *gguf.File) (*Tokenizer, error) {
	t := &Tokenizer{}
	for _, step := range []func(*gguf.File) error{t.loadTokens, t.loadBytes, t.loadFlags} {
		if err := step(f); err != nil {
			return nil, fmt.Errorf("loading the tokenizer: %w", err)
		}
	}
	return t, nil
}

func (t *Tokenizer) loadTokens(f *gguf.File) error {
	model, err := f.String("tokenizer.ggml.model")
	if err == nil && model != "llama" {
		err = fmt.Errorf("tokenizer model %q is not \"llama\" (SentencePiece)", model)
	}
	if err != nil {
		return err
	}
	tokens, err := f.Strings("tokenizer.ggml.tokens")
	if err != nil {
		return err
	}
	if t.scores, err = f.Floats("tokenizer.ggml.scores"); err != nil {
		return err
	}
	if t.kinds, err = f.Ints("tokenizer.ggml.token_type"); err != nil {
		return err
	}
	if len(t.scores) != len(tokens) || len(t.kinds) != len(tokens) {
		return fmt.Errorf("%d tokens but %d scores and %d token types", len(tokens), len(t.scores), len(t.kinds))
	}
	t.pieces = make([]string, len(tokens))
	t.ids, t.special, t.unknown = map[string]int32{}, map[string]int32{}, -1
	for b := range t.bytes {
		t.bytes[b] = -1
	}
	for i, text := range tokens {
		if err := t.add(int32(i), text); err != nil {
			return err
		}
	}
	return nil
}

// add takes one token into the tables.
func (t *Tokenizer) add(id int32, text string) error {
	t.pieces[id] = strings.ReplaceAll(text, space, " ")
	switch t.kinds[id] {
	case kindNormal, kindUserDefined:
		marker := t.kinds[id] == kindUserDefined && isMarker(text)
		if marker {
			t.special[text] = id
			return nil
		}
		if t.scores[id] != t.scores[id] {
			return fmt.Errorf("token %d (%q) has a score that is not a number", id, text)
		}
		if _, twice := t.ids[text]; !twice && text != "" {
			t.ids[text] = id
		}
		if t.kinds[id] == kindUserDefined {
			t.longest = max(t.longest, len(text))
		}
	case kindByte:
		b, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimPrefix(text, "<0x"), ">"), 16, 8)
		if err != nil || len(text) != 6 {
			return fmt.Errorf("byte token %d is %q, want the form <0x0A>", id, text)
		}
		t.bytes[b], t.pieces[id] = id, string([]byte{byte(b)})
	case kindUnknown, kindControl:
		if _, twice := t.special[text]; twice {
			return fmt.Errorf("special token %q stands twice", text)
		}
		t.special[text] = id
		if t.kinds[id] == kindUnknown && t.unknown < 0 {
			t.unknown = id
		}
	case kindUnused:
	default:
		return fmt.Errorf("token %d (%q) has the unknown type %d", id, text, t.kinds[id])
	}
	return nil
}

// isMarker reports whether a user-defined token looks like one that steers a
// model, which text must not become: <|name|>, [NAME].
func isMarker(text string) bool {
	return strings.HasPrefix(text, "<|") && strings.HasSuffix(text, "|>") || strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") && len(text) > 3
}

// loadBytes checks that each byte can be encoded.
func (t *Tokenizer) loadBytes(*gguf.File) error {
	for b, id := range t.bytes {
		if id < 0 && t.unknown < 0 {
			return fmt.Errorf("there is no token for the byte 0x%02x, and none for what is unknown", b)
		}
		if id < 0 {
			t.bytes[b] = t.unknown
		}
	}
	return nil
}

// loadFlags reads what stands before texts and what ends answers.
func (t *Tokenizer) loadFlags(f *gguf.File) error {
	flag := func(key string) (bool, error) {
		v, err := f.Bool(key)
		if errors.Is(err, gguf.ErrNoKey) {
			return true, nil
		}
		return v, err
	}
	var err error
	if t.prefix, err = flag("tokenizer.ggml.add_space_prefix"); err != nil {
		return err
	}
	begin, err := flag("tokenizer.ggml.add_bos_token")
	if err != nil {
		return err
	}
	for _, key := range []string{"bos", "eos", "eot"} {
		id, err := f.Int("tokenizer.ggml." + key + "_token_id")
		switch {
		case errors.Is(err, gguf.ErrNoKey):
			continue
		case err != nil:
			return err
		case id < 0 || id >= int64(len(t.pieces)):
			return fmt.Errorf("%s_token_id is %d, the vocabulary has %d tokens", key, id, len(t.pieces))
		case key == "bos" && begin:
			t.start = []int32{int32(id)}
		case key != "bos":
			t.ends = append(t.ends, int32(id))
		}
	}
	for _, name := range []string{"<end_of_turn>", "<|im_end|>", "<|end|>"} {
		if id, ok := t.special[name]; ok {
			t.ends = append(t.ends, id)
		}
	}
	return nil
}

// Size is the number of tokens in the vocabulary.
func (t *Tokenizer) Size() int { return len(t.pieces) }

// Special returns the id of a token that steers the model by its name, such as
// "</s>".
func (t *Tokenizer) Special(name string) (id int32, ok bool) {
	id, ok = t.special[name]
	return id, ok
}

// Ends reports whether the token ends an answer.
func (t *Tokenizer) Ends(id int32) bool { return slices.Contains(t.ends, id) }

// Control reports whether the token steers the model and has no text of its
// own.
func (t *Tokenizer) Control(id int32) bool {
	return t.kinds[id] == kindControl || t.kinds[id] == kindUnknown
}

// Piece returns the bytes of a token. For special tokens it is their name. The
// id must be within the vocabulary.
func (t *Tokenizer) Piece(id int32) string { return t.pieces[id] }

// Start returns the tokens that every text begins with: the bos token, or
// none. The caller must not change them.
func (t *Tokenizer) Start() []int32 { return t.start }

// Decode returns the text of the tokens of one Encode: their bytes, without
// the space that Encode put before. All ids must be within the vocabulary.
func (t *Tokenizer) Decode(tokens []int32) string {
	var b strings.Builder
	for _, id := range tokens {
		b.WriteString(t.pieces[id])
	}
	if t.prefix {
		return strings.TrimPrefix(b.String(), " ")
	}
	return b.String()
}
