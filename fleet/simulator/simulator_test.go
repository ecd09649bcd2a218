package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// recorder is a response writer that notes when each write came.
type recorder struct {
	*httptest.ResponseRecorder
	writes []write
}

type write struct {
	at   time.Time
	data string
}

func (r *recorder) Write(b []byte) (int, error) {
	r.writes = append(r.writes, write{time.Now(), string(b)})
	return r.ResponseRecorder.Write(b)
}

// at returns when the writes came, in time since start.
func (r *recorder) at(start time.Time) []time.Duration {
	var at []time.Duration
	for _, w := range r.writes {
		at = append(at, w.at.Sub(start))
	}
	return at
}

// ask sends a request to the simulator and returns the whole answer. Header
// fields come as name and value in turn.
func ask(ctx context.Context, s *Simulator, path, body string, header ...string) *recorder {
	req := httptest.NewRequestWithContext(ctx, http.MethodPost, path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := &recorder{ResponseRecorder: httptest.NewRecorder()}
	s.ServeHTTP(w, req)
	return w
}

func build(t testing.TB, url string) *Simulator {
	t.Helper()
	cfg, err := Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	cfg.AllowFaultHeader = true
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const chatPath = "/v1/chat/completions"

// chat is a streaming request whose prompt has the given number of tokens, at
// least 9, and is unlike that of another name.
func chat(name string, prompt, output int) string {
	content := name + strings.Repeat("x", (prompt-8)*tokenBytes-len(name))
	return fmt.Sprintf(`{"model":"m","stream":true,"max_tokens":%d,"ignore_eos":true,"messages":[{"role":"user","content":%q}]}`, output, content)
}

// events parses a stream's data lines and checks their framing.
func events(t *testing.T, body string) []map[string]any {
	t.Helper()
	body, done := strings.CutSuffix(body, "data: [DONE]\n\n")
	if !done {
		t.Errorf("the stream does not end with [DONE]: …%q", body[max(0, len(body)-80):])
	}
	var list []map[string]any
	for event := range strings.SplitSeq(strings.TrimSuffix(body, "\n\n"), "\n\n") {
		data, ok := strings.CutPrefix(event, "data: ")
		var v map[string]any
		if err := json.Unmarshal([]byte(data), &v); !ok || err != nil {
			t.Fatalf("event %q: %v", event, err)
		}
		list = append(list, v)
	}
	return list
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestStreamShape(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, "sim:instant")
		w := ask(t.Context(), s, chatPath, `{"model":"my/\"model","stream":true,"stream_options":{"include_usage":true},"max_tokens":4,"messages":[{"role":"user","content":"hello"}]}`)
		const head = `"created":946684800,"id":"chatcmpl-sim1","model":"my/\"model","object":"chat.completion.chunk","system_fingerprint":"simulated"`
		var words []string
		list := events(t, w.Body.String())
		for i, e := range list {
			if i >= 1 && i <= 4 { // the text is what it is: checked below
				delta := e["choices"].([]any)[0].(map[string]any)["delta"].(map[string]any)
				words = append(words, delta["content"].(string))
				delta["content"] = "*"
			}
		}
		choice := func(delta, finish string) string {
			return `{"choices":[{"delta":` + delta + `,"finish_reason":` + finish + `,"index":0,"logprobs":null}],` + head + `,"usage":null}`
		}
		want := []string{
			choice(`{"content":"","role":"assistant"}`, "null"),
			choice(`{"content":"*"}`, "null"), choice(`{"content":"*"}`, "null"),
			choice(`{"content":"*"}`, "null"), choice(`{"content":"*"}`, "null"),
			choice(`{}`, `"length"`),
			`{"choices":[],` + head + `,"usage":{"completion_tokens":4,"completion_tokens_details":{"reasoning_tokens":0},"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":0},"total_tokens":14}}`,
		}
		if len(list) != len(want) {
			t.Fatalf("%d events, want %d: %s", len(list), len(want), w.Body)
		}
		for i, e := range list {
			if got := asJSON(t, e); got != want[i] {
				t.Errorf("event %d:\n got %s\nwant %s", i, got, want[i])
			}
		}
		if text := strings.Join(words, ""); !strings.HasPrefix(text, "[simulated] ") || len(text) != 16 {
			t.Errorf("text %q", text)
		}
		for name, want := range map[string]string{
			"Content-Type": "text/event-stream; charset=utf-8", "X-Sluice-Simulated": "true", "X-Prompt-Tokens": "10", "X-Cached-Tokens": "0",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("header %s: %q, want %q", name, got, want)
			}
		}
		// role, four tokens and the rest: one write each
		if len(w.writes) != 6 {
			t.Errorf("%d writes", len(w.writes))
		}
	})
}

func TestStreamWithoutUsage(t *testing.T) {
	w := ask(t.Context(), build(t, "sim:instant?tokens=5"), chatPath, `{"model":"m","stream":true,"messages":[{"role":"user","content":"hello"}]}`)
	list := events(t, w.Body.String())
	if len(list) != 7 || strings.Contains(w.Body.String(), "usage") {
		t.Errorf("%d events, want role, five tokens and stop, without usage: %s", len(list), w.Body)
	}
	if got := asJSON(t, list[6]["choices"]); got != `[{"delta":{},"finish_reason":"stop","index":0,"logprobs":null}]` {
		t.Errorf("last choices %s", got)
	}
}

func TestWholeShape(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, "sim:instant?tokens=3")
		for path, want := range map[string]string{
			chatPath: `{"choices":[{"finish_reason":"stop","index":0,"logprobs":null,"message":{"content":"[simulated] ","refusal":null,"role":"assistant"}}],"created":946684800,"id":"chatcmpl-sim*","model":"m","object":"chat.completion","system_fingerprint":"simulated",` +
				`"usage":{"completion_tokens":3,"completion_tokens_details":{"reasoning_tokens":0},"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":0},"total_tokens":13}}`,
			"/v1/completions": `{"choices":[{"finish_reason":"stop","index":0,"logprobs":null,"text":"[simulated] "}],"created":946684800,"id":"cmpl-sim*","model":"m","object":"text_completion","system_fingerprint":"simulated",` +
				`"usage":{"completion_tokens":3,"completion_tokens_details":{"reasoning_tokens":0},"prompt_tokens":2,"prompt_tokens_details":{"cached_tokens":0},"total_tokens":5}}`,
		} {
			w := ask(t.Context(), s, path, `{"model":"m","messages":[{"role":"user","content":"hello"}],"prompt":"hello"}`)
			var v map[string]any
			if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
				t.Fatal(err)
			}
			v["id"] = strings.TrimRight(v["id"].(string), "0123456789") + "*"
			if got := asJSON(t, v); got != want {
				t.Errorf("%s:\n got %s\nwant %s", path, got, want)
			}
			if w.Header().Get("X-Sluice-Simulated") != "true" || w.Header().Get("X-Prompt-Tokens") == "" || w.Header().Get("X-Cached-Tokens") != "0" {
				t.Errorf("%s: headers %v", path, w.Header())
			}
		}
	})
}

func TestCompletionStream(t *testing.T) {
	w := ask(t.Context(), build(t, "sim:instant?tokens=2"), "/v1/completions", `{"model":"m","stream":true,"prompt":[1,2,3]}`)
	list := events(t, w.Body.String())
	if len(list) != 3 {
		t.Fatalf("%d events: %s", len(list), w.Body)
	}
	if got := asJSON(t, list[0]["choices"]); got != `[{"finish_reason":null,"index":0,"logprobs":null,"text":"[sim"}]` {
		t.Errorf("first choices %s", got)
	}
	if got := asJSON(t, list[2]["choices"]); got != `[{"finish_reason":"stop","index":0,"logprobs":null,"text":""}]` {
		t.Errorf("last choices %s", got)
	}
	if got := w.Header().Get("X-Prompt-Tokens"); got != "3" {
		t.Errorf("three token numbers are %s tokens", got)
	}
}

// What is written into one write changes nothing of what is sent.
func TestBatchedWrites(t *testing.T) {
	body := `{"model":"m","stream":true,"messages":[{"role":"user","content":"hello"}]}`
	synctest.Test(t, func(t *testing.T) {
		single := ask(t.Context(), build(t, "sim:instant?tokens=50"), chatPath, body)
		many := ask(t.Context(), build(t, "sim:instant?tokens=50&batch=16"), chatPath, body)
		if !bytes.Equal(single.Body.Bytes(), many.Body.Bytes()) {
			t.Errorf("in batches:\n%s\none by one:\n%s", many.Body, single.Body)
		}
		if len(single.writes) != 52 || len(many.writes) != 1+4+1 {
			t.Errorf("%d and %d writes", len(single.writes), len(many.writes))
		}
	})
}

func TestAnswersDependOnPromptAndSeedAlone(t *testing.T) {
	text := func(url, content string) string {
		w := ask(t.Context(), build(t, url), chatPath, fmt.Sprintf(`{"model":"m","messages":[{"role":"user","content":%q}]}`, content))
		var v struct {
			Choices []struct{ Message struct{ Content string } }
			Usage   struct {
				CompletionTokens int `json:"completion_tokens"`
			}
		}
		if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		answer := v.Choices[0].Message.Content
		if !strings.HasPrefix(answer, "[simulated] ") || !strings.HasSuffix(answer, "end.") || len(answer) != 4*v.Usage.CompletionTokens || len(answer) < 80 || len(answer) > 800 {
			t.Errorf("%d tokens: %q", v.Usage.CompletionTokens, answer)
		}
		return answer
	}
	first := text("sim:instant", "hello")
	if again := text("sim:instant", "hello"); again != first {
		t.Errorf("the same again: %q and %q", first, again)
	}
	if other := text("sim:instant?seed=2", "hello"); other == first {
		t.Error("another seed gives the same answer")
	}
	if other := text("sim:instant", "hallo"); other == first {
		t.Error("another prompt gives the same answer")
	}
}

func TestLimitsOfOutput(t *testing.T) {
	s := build(t, "sim:instant?tokens=50")
	for body, want := range map[string]string{
		``:                   "50 stop",
		`,"max_tokens":50`:   "50 stop",
		`,"max_tokens":49`:   "49 length",
		`,"max_tokens":1`:    "1 length",
		`,"max_tokens":1000`: "50 stop",
		`,"max_tokens":10,"max_completion_tokens":20`: "20 length",
		`,"max_tokens":100,"ignore_eos":true`:         "100 length",
	} {
		w := ask(t.Context(), s, "/v1/completions", `{"model":"m","prompt":"hello"`+body+`}`)
		var v struct {
			Choices []struct {
				FinishReason string `json:"finish_reason"`
			}
			Usage struct {
				CompletionTokens int `json:"completion_tokens"`
			}
		}
		if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || len(v.Choices) != 1 {
			t.Fatalf("%s: %v: %s", body, err, w.Body)
		}
		if got := fmt.Sprint(v.Usage.CompletionTokens, " ", v.Choices[0].FinishReason); got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
}

func TestPromptTokens(t *testing.T) {
	s := build(t, "sim:instant")
	for messages, want := range map[string]int{
		`[{"role":"user","content":""}]`:                                                        8,
		`[{"role":"user","content":null}]`:                                                      8,
		`[{"role":"user","content":"1"}]`:                                                       9,
		`[{"role":"user","content":"1234"}]`:                                                    9,
		`[{"role":"user","content":"12345"}]`:                                                   10,
		`[{"role":"user","content":"\u00e9\n\"12"}]`:                                            10,
		`[{"role":"system","content":"1"},{"role":"user","content":"1"}]`:                       14,
		`[{"role":"user","content":[{"type":"text","text":"12"},{"type":"text","text":"34"}]}]`: 9,
		`[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]`:            8 + 11,
		`[{"role":"assistant","content":null,"tool_calls":[{"id":"1"}]}]`:                       8 + 3,
	} {
		w := ask(t.Context(), s, "/tokenize", `{"model":"m","messages":`+messages+`}`)
		var v struct {
			Count  int
			Tokens []uint32
			Max    int    `json:"max_model_len"`
			Mark   string `json:"system_fingerprint"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || v.Count != want || len(v.Tokens) != want || v.Max != maxContext || v.Mark != "simulated" {
			t.Errorf("%s: %s, want %d tokens", messages, w.Body, want)
		}
		w = ask(t.Context(), s, chatPath, `{"model":"m","messages":`+messages+`}`)
		if got := w.Header().Get("X-Prompt-Tokens"); got != fmt.Sprint(want) {
			t.Errorf("%s: x-prompt-tokens %s, want %d", messages, got, want)
		}
	}
}

func TestModelsAndHealth(t *testing.T) {
	s := build(t, "sim:h20?model=moe-106b-a12b&name=air")
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Header().Get("X-Sluice-Simulated") != "true" {
			t.Errorf("%s is not labelled", path)
		}
		return w
	}
	if w := get("/health"); w.Code != 200 || w.Body.Len() != 0 {
		t.Errorf("health: %d %s", w.Code, w.Body)
	}
	var v struct {
		Object string
		Data   []struct {
			ID         string
			Object     string
			Simulated  bool
			OwnedBy    string `json:"owned_by"`
			Max        int    `json:"max_model_len"`
			Simulation struct {
				Chip  string
				Chips int
				Watts float64
				KV    int `json:"kv_tokens"`
			}
		}
	}
	if err := json.Unmarshal(get("/v1/models").Body.Bytes(), &v); err != nil || len(v.Data) != 1 {
		t.Fatalf("models: %v, %+v", err, v)
	}
	m := v.Data[0]
	if v.Object != "list" || m.ID != "air" || m.Object != "model" || !m.Simulated || m.OwnedBy != "sluice-simulator" || m.Max != 131072 ||
		m.Simulation.Chip != "h20" || m.Simulation.Chips != 2 || m.Simulation.Watts != 800 || m.Simulation.KV != 354534 {
		t.Errorf("models: %+v", v)
	}
	if w := get("/v1/unknown"); w.Code != http.StatusNotFound {
		t.Errorf("unknown path: %d", w.Code)
	}
}

func TestBadRequests(t *testing.T) {
	s := build(t, "sim:h100")
	for _, c := range []struct{ path, body, says string }{
		{chatPath, ``, "not the JSON"},
		{chatPath, `{`, "not the JSON"},
		{chatPath, `{"model":"m","stream":true,"stream":false,"messages":[{"role":"user","content":"x"}]}`, "duplicate object member name"},
		{chatPath, `{"messages":[{"role":"user","content":"x"}]}`, "model parameter"},
		{chatPath, `{"model":"m"}`, "messages must not be empty"},
		{chatPath, `{"model":"m","messages":[{"role":"user","content":5}]}`, "content must be a string or a list"},
		{chatPath, `{"model":"m","messages":[{"role":"user","content":["x"]}]}`, "reading a part"},
		{chatPath, `{"model":"m","n":2,"messages":[{"role":"user","content":"x"}]}`, "one choice"},
		{chatPath, `{"model":"m","max_tokens":0,"messages":[{"role":"user","content":"x"}]}`, "max_tokens must be at least 1"},
		{chatPath, `{"model":"m","messages":[{"role":"user","content":"` + strings.Repeat("x", 131064*4) + `"}]}`, "maximum context length is 131072 tokens"},
		{"/v1/completions", `{"model":"m","prompt":["a","b"]}`, "one prompt, not 2"},
		{"/v1/completions", `{"model":"m","prompt":[]}`, "must be a string"},
		{"/v1/completions", `{"model":"m","prompt":[[1],2]}`, "must be a string"},
		{"/v1/completions", `{"model":"m","prompt":{"a":1}}`, "must be a string"},
		{"/v1/completions", `{"model":"m"}`, "prompt must be given"},
		{"/v1/embeddings", `{"model":"m","input":null}`, "input must be given"},
		{"/v1/embeddings", `{"model":"m","input":"x","dimensions":-1}`, "dimensions"},
		{"/v1/embeddings", `{"model":"m","input":"x","encoding_format":"int8"}`, "encoding_format"},
		{"/tokenize", `{"model":"m"}`, "prompt must be given"},
	} {
		w := ask(t.Context(), s, c.path, c.body)
		var v struct {
			Error struct{ Message, Type string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code != 400 || v.Error.Type != "invalid_request_error" || !strings.Contains(v.Error.Message, c.says) {
			t.Errorf("%s %.80s: %d %s, want %q", c.path, c.body, w.Code, w.Body, c.says)
		}
		if w.Header().Get("X-Sluice-Simulated") != "true" {
			t.Errorf("%s %.80s: not labelled", c.path, c.body)
		}
	}
	w := ask(t.Context(), s, chatPath, `{"model":"m","messages":[{"role":"user","content":"x"}]}`, "X-Sluice-Fault", "explode")
	if w.Code != 400 || !strings.Contains(w.Body.String(), "unknown fault") {
		t.Errorf("an unknown fault: %d %s", w.Code, w.Body)
	}
}
