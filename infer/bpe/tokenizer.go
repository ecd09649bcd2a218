package bpe

import (
	"errors"
	"fmt"
	"slices"
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
)

// Tokenizer turns text into tokens and back. It is immutable and safe for
// concurrent use.
type Tokenizer struct {
	pieces  []string         // the bytes of each token
	kinds   []int64          // the kind of each token
	special map[string]int32 // control and user-defined tokens by their name
	bytes   [256]int32       // the token of each single byte
	merges  map[pair]merge
	ids     map[string]int32 // the first normal token of the bytes
	pre     pretokenizer
	ends    []int32
	start   []int32
}

// Load reads the tokenizer out of a GGUF file. It fails when the file's
// tokenizer is not byte-level BPE, when its pre-tokenizer is unknown, and when
// its tables contradict themselves.
func Load(f *gguf.File) (*Tokenizer, error) {
	t := &Tokenizer{}
	for _, step := range []func(*gguf.File) error{t.loadKind, t.loadTokens, t.loadMerges, t.loadEnds, t.loadStart} {
		if err := step(f); err != nil {
			return nil, fmt.Errorf("loading the tokenizer: %w", err)
		}
	}
	return t, nil
}

func (t *Tokenizer) loadKind(f *gguf.File) error {
	kind, err := f.String("tokenizer.ggml.model")
	if err != nil {
		return err
	}
	if kind != "gpt2" {
		return fmt.Errorf("tokenizer model %q is not supported, only \"gpt2\" (byte-level BPE)", kind)
	}
	pre, err := f.String("tokenizer.ggml.pre")
	if err != nil {
		return err
	}
	t.pre, err = pretokenizerFor(pre)
	return err
}

func (t *Tokenizer) loadTokens(f *gguf.File) error {
	tokens, err := f.Strings("tokenizer.ggml.tokens")
	if err != nil {
		return err
	}
	kinds, err := f.Ints("tokenizer.ggml.token_type")
	if err != nil {
		return err
	}
	if len(kinds) != len(tokens) {
		return fmt.Errorf("%d tokens but %d token types", len(tokens), len(kinds))
	}
	t.pieces = make([]string, len(tokens))
	t.kinds = kinds
	t.special = map[string]int32{}
	byteOf := runeBytes()
	for i, text := range tokens {
		switch kinds[i] {
		case kindNormal:
			piece, ok := unmap(text, byteOf)
			if !ok || len(piece) == 0 {
				return fmt.Errorf("token %d (%q) is not written in the byte map", i, text)
			}
			t.pieces[i] = string(piece)
		case kindControl, kindUserDefined, kindUnknown:
			if _, twice := t.special[text]; twice {
				return fmt.Errorf("special token %q stands twice", text)
			}
			t.pieces[i], t.special[text] = text, int32(i)
		case kindUnused:
			t.pieces[i] = text
		default:
			return fmt.Errorf("token %d (%q) has type %d, which byte-level BPE does not have", i, text, kinds[i])
		}
	}
	return nil
}

// loadMerges reads the merge table, whose lines are "left right" in the byte
// map, in order of rank, and finds the token of each byte.
func (t *Tokenizer) loadMerges(f *gguf.File) error {
	lines, err := f.Strings("tokenizer.ggml.merges")
	if err != nil {
		return err
	}
	byteOf := runeBytes()
	t.ids = make(map[string]int32, len(t.pieces))
	ids := t.ids
	for i := len(t.pieces) - 1; i >= 0; i-- { // backwards, so that the first of equals wins
		if t.kinds[i] == kindNormal {
			ids[t.pieces[i]] = int32(i)
		}
	}
	for b := range t.bytes {
		id, ok := ids[string([]byte{byte(b)})]
		if !ok {
			return fmt.Errorf("there is no token for the byte 0x%02x", b)
		}
		t.bytes[b] = id
	}
	t.merges = make(map[pair]merge, len(lines))
	for rank, line := range lines {
		left, right, found := strings.Cut(line, " ")
		l, okL := unmap(left, byteOf)
		r, okR := unmap(right, byteOf)
		if !found || !okL || !okR {
			return fmt.Errorf("merge %d (%q) is not two tokens in the byte map", rank, line)
		}
		lid, okL := ids[string(l)]
		rid, okR := ids[string(r)]
		joined, ok := ids[string(l)+string(r)]
		if !okL || !okR || !ok {
			return fmt.Errorf("merge %d (%q) names a token that does not exist", rank, line)
		}
		if _, twice := t.merges[pair{lid, rid}]; twice {
			return fmt.Errorf("merge %d (%q) stands twice", rank, line)
		}
		t.merges[pair{lid, rid}] = merge{rank: int32(rank), joined: joined}
	}
	return nil
}

// loadEnds finds the tokens that end an answer: those the file names, and
// those by which families of models end a turn or a text.
func (t *Tokenizer) loadEnds(f *gguf.File) error {
	for _, key := range []string{"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"} {
		id, err := f.Int(key)
		if errors.Is(err, gguf.ErrNoKey) {
			continue
		}
		if err != nil {
			return err
		}
		if id < 0 || id >= int64(len(t.pieces)) {
			return fmt.Errorf("%s is %d, the vocabulary has %d tokens", key, id, len(t.pieces))
		}
		t.ends = append(t.ends, int32(id))
	}
	for _, name := range []string{"<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|user|>", "<|observation|>", "<｜end▁of▁sentence｜>", "<|end|>"} {
		if id, ok := t.special[name]; ok {
			t.ends = append(t.ends, id)
		}
	}
	return nil
}

// loadStart finds the token that texts begin with, if they do.
func (t *Tokenizer) loadStart(f *gguf.File) error {
	begin, err := f.Bool("tokenizer.ggml.add_bos_token")
	if errors.Is(err, gguf.ErrNoKey) {
		begin, err = t.pre.begin, nil
	}
	if err != nil || !begin {
		return err
	}
	id, err := f.Int("tokenizer.ggml.bos_token_id")
	switch {
	case errors.Is(err, gguf.ErrNoKey):
		return nil
	case err != nil:
		return err
	case id < 0 || id >= int64(len(t.pieces)):
		return fmt.Errorf("tokenizer.ggml.bos_token_id is %d, the vocabulary has %d tokens", id, len(t.pieces))
	}
	t.start = []int32{int32(id)}
	return nil
}

// Start returns the tokens that every text begins with: the bos token, or
// none. The caller must not change them.
func (t *Tokenizer) Start() []int32 { return t.start }

// Size is the number of tokens in the vocabulary.
func (t *Tokenizer) Size() int { return len(t.pieces) }

// Special returns the id of a control or user-defined token by its name, such
// as "<|im_start|>".
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

// Piece returns the bytes of a token, which need not be whole UTF-8 runes. For
// special tokens it is their name. The id must be within the vocabulary.
func (t *Tokenizer) Piece(id int32) string { return t.pieces[id] }

// Encode appends the tokens of text to dst. Names of special tokens in text
// are text like any other.
func (t *Tokenizer) Encode(dst []int32, text string) []int32 {
	m := merger{merges: t.merges}
	var word []int32
	t.pre.split.each(text, func(text string) {
		if id, ok := t.ids[text]; ok && t.pre.whole {
			dst = append(dst, id)
			return
		}
		word = word[:0]
		for i := range len(text) {
			word = append(word, t.bytes[text[i]])
		}
		dst = m.join(dst, word)
	})
	return dst
}

// Decode returns the bytes of the tokens, one after the other. All ids must be
// within the vocabulary.
func (t *Tokenizer) Decode(tokens []int32) string {
	var b strings.Builder
	for _, id := range tokens {
		b.WriteString(t.pieces[id])
	}
	return b.String()
}
