package wordpiece

import (
	"slices"
	"strings"
	"testing"

	"sluice/infer/gguf"
	"sluice/infer/gguf/gguftest"
)

func file(model string, tokens ...string) *gguftest.Builder {
	return gguftest.New().String("tokenizer.ggml.model", model).Strings("tokenizer.ggml.tokens", tokens)
}

func small() []string {
	return []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "▁un", "aff", "able", "▁unaffable", "▁hello", "▁,", "▁!", "▁a", "▁你", "▁好", "▁naive", "▁$", "▁x", "e"}
}

func read(b *gguftest.Builder) (*Tokenizer, error) {
	f, err := gguf.Parse(b.Bytes())
	if err != nil {
		return nil, err
	}
	return Load(f)
}

func TestEncode(t *testing.T) {
	tok, err := read(file("bert", small()...))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"UnAffable":               "▁unaffable",
		"unaff":                   "▁un aff",
		"Hello,\thello!!":         "▁hello ▁, ▁hello ▁! ▁!",
		"naïve Nai\u0308ve":       "▁naive ▁naive",
		"你好a":                     "▁你 ▁好 ▁a",
		"x$x":                     "▁x ▁$ ▁x",
		"unknown":                 "[UNK]",
		"a\x00\ufffd\x07 \xffa":   "▁a ▁a",
		"a\u00a0\u3000a\n":        "▁a ▁a",
		"[SEP]":                   "[UNK] [UNK] [UNK]",
		strings.Repeat("xe", 200): "[UNK]",
		"":                        "",
	} {
		var got []string
		for _, id := range tok.Encode(nil, text) {
			got = append(got, tok.pieces[id])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := tok.Decode(tok.Encode(nil, "Hello, unaff")); got != "hello , unaff" {
		t.Errorf("decodes to %q", got)
	}
	if !slices.Equal(tok.Start(), []int32{2}) || !slices.Equal(tok.End(), []int32{3}) || !tok.Ends(3) || !tok.Control(0) || tok.Control(4) || tok.Size() != 18 {
		t.Errorf("start %v, end %v", tok.Start(), tok.End())
	}
}

func TestRefusals(t *testing.T) {
	for want, b := range map[string]*gguftest.Builder{
		`"llama" is not`:         file("llama", small()...),
		"token [SEP] is missing": file("bert", small()[:3]...),
		"token types":            file("bert", small()...).Int32s("tokenizer.ggml.token_type", []int32{1}),
		"is 99":                  file("bert", small()...).Uint32("tokenizer.ggml.unknown_token_id", 99),
	} {
		if _, err := read(b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func FuzzEncode(f *testing.F) {
	tok, err := read(file("bert", small()...))
	if err != nil {
		f.Fatal(err)
	}
	f.Add("Hello, naïve 你好")
	f.Fuzz(func(t *testing.T, text string) {
		for _, id := range tok.Encode(nil, text) {
			if tok.Control(id) && id != tok.unknown {
				t.Errorf("%q encodes to %q", text, tok.Piece(id))
			}
		}
	})
}
