package embedded

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"sluice/infer"
)

// maxTexts is how many texts one request may have: OpenAI's limit.
const maxTexts = 2048

// embeddingRequest is what is read of a request for embeddings.
type embeddingRequest struct {
	Model      string         `json:"model"`
	Input      jsontext.Value `json:"input"` // a text or its tokens, or a list of either
	Format     string         `json:"encoding_format"`
	Dimensions *int           `json:"dimensions"`
}

// embedding is one vector of the answer.
type embedding struct {
	Object    string `json:"object"`
	Index     int    `json:"index"`
	Embedding any    `json:"embedding"` // numbers, or base64 of 32-bit floats
}

// serveEmbeddings answers with the vectors of texts.
func (e *Engine) serveEmbeddings(w http.ResponseWriter, r *http.Request) {
	var req embeddingRequest
	texts, err := e.readTexts(w, r, &req)
	if err != nil {
		fail(w, err)
		return
	}
	used := infer.Usage{}
	data := make([]embedding, len(texts))
	for i, tokens := range texts {
		vector, err := e.cfg.Encoder.Embed(r.Context(), tokens)
		if err != nil {
			fail(w, err)
			return
		}
		used.Prompt += len(tokens)
		data[i] = embedding{"embedding", i, vector}
		if req.Format == "base64" {
			data[i].Embedding = base64Of(vector)
		}
	}
	w.Header().Set("X-Prompt-Tokens", fmt.Sprint(used.Prompt))
	t := tally{counter: e.counter}
	t.wrote(send(w, http.StatusOK, struct {
		Object string      `json:"object"`
		Data   []embedding `json:"data"`
		Model  string      `json:"model"`
		Usage  any         `json:"usage"`
	}{"list", data, e.cfg.ID, struct {
		Prompt int `json:"prompt_tokens"`
		Total  int `json:"total_tokens"`
	}{used.Prompt, used.Prompt}}), &used)
	t.close(w, false)
}

// readTexts reads and checks a request, and returns the tokens of its texts.
func (e *Engine) readTexts(w http.ResponseWriter, r *http.Request, req *embeddingRequest) ([][]int32, error) {
	if err := decode(w, r, req); err != nil {
		return nil, err
	}
	if err := e.checkModel(req.Model); err != nil {
		return nil, err
	}
	if e.cfg.Encoder == nil {
		return nil, refuse("model", "The model %q generates text and gives no embeddings.", req.Model)
	}
	if req.Format != "" && req.Format != "float" && req.Format != "base64" {
		return nil, refuse("encoding_format", "encoding_format must be float or base64, got %q.", req.Format)
	}
	if width := e.cfg.Encoder.Width(); req.Dimensions != nil && *req.Dimensions != width {
		return nil, refuse("dimensions", "dimensions must be %d: this model's vectors cannot be shortened.", width)
	}
	texts, err := e.texts(req.Input)
	if err != nil {
		return nil, err
	}
	for i, tokens := range texts {
		if context := e.cfg.Encoder.Context(); len(tokens) > context {
			return nil, refuse("input", "This model's maximum context length is %d tokens. However, text %d has %d tokens.", context, i, len(tokens)).coded("context_length_exceeded")
		}
		if err := e.checkTokens("input", tokens); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

// texts reads input.
func (e *Engine) texts(input jsontext.Value) ([][]int32, error) {
	wrong := refuse("input", "input must be a text, a list of texts, a list of token numbers, or a list of such lists, none of them empty.")
	read := func(v any) bool { return json.Unmarshal(input, v, jsontext.AllowInvalidUTF8(true)) == nil }
	var text string
	var list []string
	var tokens []int32
	var lists [][]int32
	switch { // a list that could not be read may have a beginning
	case len(input) == 0:
		return nil, wrong
	case read(&text):
		list = []string{text}
	case read(&list):
	case read(&tokens):
		list, lists = nil, [][]int32{tokens}
	case read(&lists):
		list = nil
	default:
		return nil, wrong
	}
	for _, text := range list {
		if text == "" {
			return nil, wrong
		}
		lists = append(lists, e.cfg.Encoder.Tokens(text))
	}
	if len(lists) == 0 || len(lists) > maxTexts {
		return nil, refuse("input", "input has %d texts, want 1 to %d.", len(lists), maxTexts)
	}
	for _, tokens := range lists {
		if len(tokens) == 0 {
			return nil, wrong
		}
	}
	return lists, nil
}

// base64Of is OpenAI's other form of a vector: its floats' bytes, little-endian.
func base64Of(vector []float32) string {
	raw := make([]byte, 0, 4*len(vector))
	for _, v := range vector {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// errEmbeds is why a model of embeddings answers nothing.
func errEmbeds(id string) error {
	return refuse("model", "The model %q gives embeddings and generates no text: ask it at /v1/embeddings.", id)
}

// one returns an error unless cfg has one model.
func (c *Config) one() error {
	if (c.Model == nil) == (c.Encoder == nil) {
		return errors.New("embedded engine: want a model or an encoder")
	}
	return nil
}
