package simulator

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

type embeddingList struct {
	Object string
	Model  string
	Mark   string `json:"system_fingerprint"`
	Data   []struct {
		Object    string
		Index     int
		Embedding json.RawMessage
	}
	Usage struct {
		PromptTokens int `json:"prompt_tokens"`
		TotalTokens  int `json:"total_tokens"`
	}
}

func embed(t *testing.T, s *Simulator, body string) embeddingList {
	t.Helper()
	w := ask(t.Context(), s, "/v1/embeddings", body)
	var v embeddingList
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code != 200 || v.Object != "list" || v.Model != "m" || v.Mark != "simulated" {
		t.Fatalf("%d %v %s", w.Code, err, w.Body)
	}
	return v
}

func TestEmbeddings(t *testing.T) {
	s := build(t, "sim:instant")
	v := embed(t, s, `{"model":"m","input":["12345","12345","other"]}`)
	if len(v.Data) != 3 || v.Usage.PromptTokens != 6 || v.Usage.TotalTokens != 6 {
		t.Fatalf("%d vectors, usage %+v", len(v.Data), v.Usage)
	}
	var vectors [3][]float32
	for i, d := range v.Data {
		if err := json.Unmarshal(d.Embedding, &vectors[i]); err != nil || d.Object != "embedding" || d.Index != i || len(vectors[i]) != defaultDimensions {
			t.Fatalf("vector %d: %v, %d numbers", d.Index, err, len(vectors[i]))
		}
		var square float64
		for _, f := range vectors[i] {
			square += float64(f) * float64(f)
		}
		if math.Abs(square-1) > 1e-5 {
			t.Errorf("vector %d has length² %v", i, square)
		}
	}
	if !slices.Equal(vectors[0], vectors[1]) || slices.Equal(vectors[0], vectors[2]) {
		t.Error("vectors do not depend on the text, or on something else")
	}

	var encoded string
	if err := json.Unmarshal(embed(t, s, `{"model":"m","input":"12345","encoding_format":"base64"}`).Data[0].Embedding, &encoded); err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(raw) != 4*defaultDimensions || math.Float32frombits(binary.LittleEndian.Uint32(raw[4:])) != vectors[0][1] {
		t.Errorf("base64 gives another vector: %v", err)
	}
	var three []float32
	if err := json.Unmarshal(embed(t, s, `{"model":"m","input":[[1,2],[3]],"dimensions":3}`).Data[1].Embedding, &three); err != nil || len(three) != 3 {
		t.Errorf("three dimensions: %v, %v", three, err)
	}
}

func TestEmbeddingTakesThePromptsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, "sim:h100")
		start := time.Now()
		embed(t, s, `{"model":"m","input":["one","two","three"]}`)
		var want Work
		want.add(0, 4)
		if took := time.Since(start); took != s.loop.batch.roofline.StepTime(want) {
			t.Errorf("took %v", took)
		}
	})
}
