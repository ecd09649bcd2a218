package embedded

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sluice/infer"
	"sluice/infer/gguf/gguftest"
)

// newEncoder returns an engine on a BERT model of one layer.
func newEncoder(t *testing.T) *Engine {
	t.Helper()
	const width, context = 32, 16
	names := []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "▁a", "▁b", "▁c"}
	b := gguftest.New().String("general.architecture", "bert").String("tokenizer.ggml.model", "bert").Strings("tokenizer.ggml.tokens", names).
		Float32("bert.attention.layer_norm_epsilon", 1e-5).Uint32("bert.pooling_type", 1).Uint32("bert.context_length", context).
		Uint32("bert.embedding_length", width).Uint32("bert.block_count", 1).Uint32("bert.feed_forward_length", width).Uint32("bert.attention.head_count", 2)
	add := func(name string, dims ...uint64) {
		n := uint64(1)
		for _, d := range dims {
			n *= d
		}
		values := make([]float32, n)
		for i := range values {
			values[i] = float32(math.Sin(float64(i*len(name)))) / 4
		}
		b.Floats(name, dims, values)
	}
	add("token_embd.weight", width, uint64(len(names)))
	add("position_embd.weight", width, context)
	for _, norm := range []string{"token_embd_norm", "blk.0.attn_output_norm", "blk.0.layer_output_norm"} {
		add(norm+".weight", width)
		add(norm+".bias", width)
	}
	for _, part := range []string{"attn_q", "attn_k", "attn_v", "attn_output", "ffn_up", "ffn_down"} {
		add("blk.0."+part+".weight", width, width)
		add("blk.0."+part+".bias", width)
	}
	encoder, err := infer.Options{Threads: 1}.ReadEncoder(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(Config{Encoder: encoder, ID: "bert", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func TestEmbeddings(t *testing.T) {
	e := newEncoder(t)
	var got struct {
		Object, Model string
		Data          []struct {
			Object    string
			Index     int
			Embedding []float64
		}
		Usage struct {
			Prompt int `json:"prompt_tokens"`
			Total  int `json:"total_tokens"`
		}
	}
	w := post(e, "/v1/embeddings", `{"model":"bert","input":["a b","c",""]}`)
	if w.Code != 400 {
		t.Errorf("an empty text: %d %s", w.Code, w.Body)
	}
	w = post(e, "/v1/embeddings", `{"model":"bert","input":["a b","c"]}`)
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if len(got.Data) != 2 || got.Data[1].Index != 1 || got.Usage.Prompt != 7 || got.Usage.Total != 7 || w.Header().Get("X-Prompt-Tokens") != "7" {
		t.Errorf("%s", w.Body)
	}
	for _, d := range got.Data {
		length := 0.0
		for _, v := range d.Embedding {
			length += v * v
		}
		if len(d.Embedding) != 32 || math.Abs(length-1) > 1e-5 {
			t.Errorf("a vector of %d values has the length %g", len(d.Embedding), length)
		}
	}
	if e.Counted() != (Counts{Prompt: 7}) {
		t.Errorf("counted %+v", e.Counted())
	}
	// The same text as tokens, and as bytes of floats.
	vectors := map[string]string{}
	for _, input := range []string{`"a b"`, `[2,5,6,3]`, `[[2,5,6,3]]`} {
		for _, format := range []string{"float", "base64"} {
			var one struct {
				Data []struct{ Embedding json.RawMessage }
			}
			w := post(e, "/v1/embeddings", fmt.Sprintf(`{"model":"bert","input":%s,"encoding_format":"%s","dimensions":32}`, input, format))
			if err := json.Unmarshal(w.Body.Bytes(), &one); err != nil || len(one.Data) != 1 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			if text := string(one.Data[0].Embedding); vectors[format] == "" {
				vectors[format] = text
			} else if vectors[format] != text {
				t.Errorf("%s as %s: %s, before %s", input, format, text, vectors[format])
			}
		}
	}
	if raw, err := base64.StdEncoding.DecodeString(strings.Trim(vectors["base64"], `"`)); err != nil || len(raw) != 4*32 {
		t.Errorf("%d bytes, %v", len(raw), err)
	}
}

func TestEmbeddingRefusals(t *testing.T) {
	e := newEncoder(t)
	for body, param := range map[string]string{
		`{"model":"other","input":"a"}`:                               "model",
		`{"model":"bert"}`:                                            "input",
		`{"model":"bert","input":[]}`:                                 "input",
		`{"model":"bert","input":7}`:                                  "input",
		`{"model":"bert","input":[8]}`:                                "input",
		`{"model":"bert","input":"` + strings.Repeat("a ", 20) + `"}`: "input",
		`{"model":"bert","input":"a","encoding_format":"hex"}`:        "encoding_format",
		`{"model":"bert","input":"a","dimensions":8}`:                 "dimensions",
	} {
		w := post(e, "/v1/embeddings", body)
		if w.Code/100 != 4 || !strings.Contains(w.Body.String(), `"param":"`+param+`"`) {
			t.Errorf("%.60s: %d %s", body, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/v1/chat/completions", "/v1/completions"} {
		if w := post(e, path, `{"model":"bert","prompt":"a","messages":[{"role":"user","content":"a"}]}`); w.Code != 400 || !strings.Contains(w.Body.String(), "/v1/embeddings") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := post(newEngine(t, 1), "/v1/embeddings", `{"model":"tiny","input":"a"}`); w.Code != 400 || !strings.Contains(w.Body.String(), "no embeddings") {
		t.Errorf("a model that generates: %d %s", w.Code, w.Body)
	}
	if got := post(e, "/tokenize", `{"prompt":"a c"}`).Body.String(); got != `{"count":4,"max_model_len":16,"tokens":[2,5,7,3]}` {
		t.Errorf("tokenize: %s", got)
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest("GET", "/v1/models", nil))
	if !strings.Contains(w.Body.String(), `"architecture":"bert","format":"F32"`) {
		t.Errorf("%s", w.Body)
	}
}
