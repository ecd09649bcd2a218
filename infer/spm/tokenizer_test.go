package spm

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/infer/gguf"
	"sluice/infer/gguf/gguftest"
)

// table is a vocabulary under construction.
type table struct {
	tokens []string
	kinds  []int32
	scores []float32
}

func (v *table) add(kind int32, score float32, tokens ...string) {
	for _, token := range tokens {
		v.tokens, v.kinds, v.scores = append(v.tokens, token), append(v.kinds, kind), append(v.scores, score)
	}
}

// small is laid out as Llama 2's: <unk>, <s>, </s>, the bytes, then pieces.
func small() *table {
	v := &table{}
	v.add(kindUnknown, 0, "<unk>")
	v.add(kindControl, 0, "<s>", "</s>")
	for b := range 256 {
		v.add(kindByte, 0, fmt.Sprintf("<0x%02X>", b))
	}
	v.add(kindNormal, -1, "▁t")
	v.add(kindNormal, -2, "he")
	v.add(kindNormal, -3, "▁the")
	v.add(kindNormal, -4, "▁▁", "in", "▁a", "er")
	v.add(kindNormal, -9, "▁", "t", "h", "e", "i", "n", "a", "r", "你")
	v.add(kindUserDefined, 0, "<b>", "\n\n", "<|mark|>")
	return v
}

func (v *table) file(change ...func(*gguftest.Builder)) *gguftest.Builder {
	b := gguftest.New().String("tokenizer.ggml.model", "llama").
		Strings("tokenizer.ggml.tokens", v.tokens).Float32s("tokenizer.ggml.scores", v.scores).Int32s("tokenizer.ggml.token_type", v.kinds).
		Uint32("tokenizer.ggml.bos_token_id", 1).Uint32("tokenizer.ggml.eos_token_id", 2)
	for _, c := range change {
		c(b)
	}
	return b
}

func load(b *gguftest.Builder) (*Tokenizer, error) {
	f, err := gguf.Parse(b.Bytes())
	if err != nil {
		return nil, err
	}
	return Load(f)
}

func mustLoad(t testing.TB, change ...func(*gguftest.Builder)) *Tokenizer {
	t.Helper()
	tok, err := load(small().file(change...))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func pieces(tok *Tokenizer, text string) []string {
	var out []string
	for _, id := range tok.Encode(nil, text) {
		out = append(out, tok.Piece(id))
	}
	return out
}

func TestEncode(t *testing.T) {
	bare := func(b *gguftest.Builder) { b.Bool("tokenizer.ggml.add_space_prefix", false) }
	for _, c := range []struct {
		text   string
		change []func(*gguftest.Builder)
		want   []string
	}{
		{"the tea", nil, []string{" the", " t", "e", "a"}},
		{"the tea", []func(*gguftest.Builder){bare}, []string{"t", "he", " t", "e", "a"}},
		{"", nil, nil},
		{"   a", nil, []string{"  ", "  ", "a"}},
		{"你é", nil, []string{" ", "你", "\xc3", "\xa9"}},
		{"the<b>in\n\ner", nil, []string{" the", "<b>", "in", "\n\n", "er"}},
		{"</s>", nil, []string{" ", "<", "/", "s", ">"}},
		{"<|mark|>", nil, []string{" ", "<", "|", "m", "a", "r", "k", "|", ">"}},
	} {
		if got := pieces(mustLoad(t, c.change...), c.text); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

func TestFlags(t *testing.T) {
	tok := mustLoad(t)
	if !slices.Equal(tok.Start(), []int32{1}) || !tok.Ends(2) || tok.Ends(1) || !tok.Control(0) || tok.Control(5) || tok.Size() != len(small().tokens) {
		t.Errorf("start %v, ends %t %t, control %t %t, size %d", tok.Start(), tok.Ends(2), tok.Ends(1), tok.Control(0), tok.Control(5), tok.Size())
	}
	if id, ok := tok.Special("</s>"); !ok || id != 2 {
		t.Errorf("</s> is %d, %t", id, ok)
	}
	if tok := mustLoad(t, func(b *gguftest.Builder) { b.Bool("tokenizer.ggml.add_bos_token", false) }); len(tok.Start()) != 0 {
		t.Errorf("texts begin with %v", tok.Start())
	}
}

// joinSlowly is the definition: look for the best pair of all, join, start over.
func joinSlowly(tok *Tokenizer, text string) []string {
	parts := strings.Split(strings.ReplaceAll(" "+text, " ", space), "")
	for {
		at, best := -1, float32(0)
		for i := range len(parts) - 1 {
			if id, ok := tok.ids[parts[i]+parts[i+1]]; ok && (at < 0 || tok.scores[id] > best) {
				at, best = i, tok.scores[id]
			}
		}
		if at < 0 {
			return parts
		}
		parts[at] += parts[at+1]
		parts = slices.Delete(parts, at+1, at+2)
	}
}

func TestJoinAsTheDefinitionSays(t *testing.T) {
	tok := mustLoad(t)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("thein ar你")), 1, 30, -1).Draw(t, "text")
		var want []int32
		for _, part := range joinSlowly(tok, text) {
			want = tok.part(want, part)
		}
		if got := tok.Encode(nil, text); !slices.Equal(got, want) {
			t.Fatalf("%q: %v, want %v", text, got, want)
		}
	})
}

func TestRefusals(t *testing.T) {
	for want, change := range map[string]func(*table) *gguftest.Builder{
		"not \"llama\"":         func(v *table) *gguftest.Builder { return gguftest.New().String("tokenizer.ggml.model", "gpt2") },
		"scores":                func(v *table) *gguftest.Builder { v.scores = v.scores[1:]; return v.file() },
		"want the form":         func(v *table) *gguftest.Builder { v.tokens[5] = "<0xZZ>"; return v.file() },
		"unknown type 9":        func(v *table) *gguftest.Builder { v.kinds[5] = 9; return v.file() },
		"stands twice":          func(v *table) *gguftest.Builder { v.tokens[2] = "<s>"; return v.file() },
		"no token for the byte": func(v *table) *gguftest.Builder { v.kinds[0], v.kinds[4] = kindControl, kindUnused; return v.file() },
		"eot_token_id is 999":   func(v *table) *gguftest.Builder { return v.file().Uint32("tokenizer.ggml.eot_token_id", 999) },
	} {
		if _, err := load(change(small())); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestLongTextIsQuick: a quadratic merge would make the test time out.
func TestLongTextIsQuick(t *testing.T) {
	tok := mustLoad(t)
	text := strings.Repeat("the", 1<<16)
	if tok.Decode(tok.Encode(nil, text)) != text {
		t.Error("the long text does not come back")
	}
}

func FuzzRoundTrip(f *testing.F) {
	tok := mustLoad(f)
	f.Add("the tea\n\n<b> 你 \xff  ")
	f.Fuzz(func(t *testing.T, text string) {
		tokens := tok.Encode(nil, text)
		if got := tok.Decode(tokens); got != strings.ReplaceAll(text, space, " ") {
			t.Errorf("%q comes back as %q", text, got)
		}
		for _, id := range tokens {
			if tok.Control(id) || tok.Ends(id) {
				t.Errorf("%q encodes to the special token %q", text, tok.Piece(id))
			}
		}
	})
}
