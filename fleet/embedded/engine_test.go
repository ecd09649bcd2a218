package embedded

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/fleet/driver"
	"sluice/infer"
	"sluice/infer/box"
)

// newEngine returns an engine on the model in the box; at most slots answers
// are computed at once, and as many wait.
func newEngine(t *testing.T, slots int) *Engine {
	t.Helper()
	model, err := infer.Options{Threads: 1, Slots: slots, Queue: slots, Cache: 8 << 20}.Read(box.File())
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(Config{
		Model: model, ID: "tiny", Description: "real but tiny",
		Now: func() time.Time { return time.Unix(1700000000, 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// post asks the engine and returns the whole answer.
func post(h http.Handler, path, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", path, strings.NewReader(body)))
	return w
}

// anonymous replaces the random part of the answer's ids.
func anonymous(body string) string {
	return regexp.MustCompile(`cmpl-[A-Z2-7]{26}`).ReplaceAllString(body, "cmpl-ID")
}

// hello is a chat with a greedy answer of some tokens.
const hello = `"model":"tiny","messages":[{"role":"user","content":"Who are you?"}]`

// answer is what the model itself answers to hello.
func answerTo(t *testing.T, e *Engine, content string, limit int) (pieces []string, res infer.Result) {
	t.Helper()
	tokens, err := e.cfg.Model.Chat([]infer.Message{{Role: "user", Content: content}})
	if err != nil {
		t.Fatal(err)
	}
	res, err = e.cfg.Model.Generate(t.Context(), infer.Request{Prompt: tokens, MaxTokens: limit, CacheSalt: t.Name()}, func(p infer.Piece) error {
		pieces = append(pieces, p.Text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return pieces, res
}

func helloAnswer(t *testing.T, e *Engine) string {
	pieces, _ := answerTo(t, e, "Who are you?", 0)
	return strings.Join(pieces, "")
}

// quoted is a string in JSON.
func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func TestChat(t *testing.T) {
	e := newEngine(t, 4)
	pieces, res := answerTo(t, e, "Who are you?", 0)
	if res.Usage.Completion < 5 {
		t.Fatalf("the model says %q", pieces)
	}
	for range 2 {
		w := post(e, "/v1/chat/completions", `{`+hello+`}`)
		want := fmt.Sprintf(`{"id":"chatcmpl-ID","object":"chat.completion","created":1700000000,"model":"tiny","choices":[{"index":0,`+
			`"message":{"role":"assistant","content":%s,"refusal":null},"logprobs":null,"finish_reason":"stop"}],`+
			`"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,"prompt_tokens_details":{"cached_tokens":0}}}`,
			quoted(strings.Join(pieces, "")), res.Usage.Prompt, res.Usage.Completion, res.Usage.Prompt+res.Usage.Completion)
		if got := anonymous(w.Body.String()); w.Code != 200 || got != want {
			t.Errorf("status %d\n got %s\nwant %s", w.Code, got, want)
		}
		if h := w.Header(); h.Get("X-Prompt-Tokens") != fmt.Sprint(res.Usage.Prompt) || h.Get("X-Cached-Tokens") != "0" || h.Get("Content-Type") != "application/json" {
			t.Errorf("header %v", h)
		}
	}
}

// TestCached: the second request with the same beginning and salt finds what
// the first one computed, and both the header and the usage say so.
func TestCached(t *testing.T) {
	e := newEngine(t, 4)
	for _, c := range []struct {
		salt   string
		cached bool
	}{{"a", false}, {"a", true}, {"b", false}} {
		w := post(e, "/v1/chat/completions", `{"model":"tiny","max_tokens":1,"cache_salt":"`+c.salt+`","messages":[{"role":"user","content":"`+strings.Repeat("Who are you? ", 20)+`"}]}`)
		var got struct {
			Usage struct {
				Prompt  int `json:"prompt_tokens"`
				Details struct {
					Cached int `json:"cached_tokens"`
				} `json:"prompt_tokens_details"`
			}
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		cached, prompt := got.Usage.Details.Cached, got.Usage.Prompt
		if w.Header().Get("X-Cached-Tokens") != fmt.Sprint(cached) || c.cached != (cached > 0) || c.cached && (cached%16 != 0 || cached < prompt-16 || cached >= prompt) {
			t.Errorf("salt %s: %d cached of %d, header %v", c.salt, cached, prompt, w.Header())
		}
	}
}

func TestChatStream(t *testing.T) {
	const head = `data: {"id":"chatcmpl-ID","object":"chat.completion.chunk","created":1700000000,"model":"tiny","choices":[`
	pieces, res := answerTo(t, newEngine(t, 4), "Who are you?", 3)
	if len(pieces) != 3 {
		t.Fatalf("the model says %q", pieces)
	}
	prompt := fmt.Sprint(res.Usage.Prompt)
	counts := fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":3,"total_tokens":%d,"prompt_tokens_details":{"cached_tokens":0}}`, res.Usage.Prompt, res.Usage.Prompt+3)
	for name, c := range map[string]struct {
		options, usage, last string
	}{
		"plain": {},
		"with usage": {
			`,"stream_options":{"include_usage":true}`, `,"usage":null`,
			head + `],"usage":` + counts + "}\n\n",
		},
	} {
		w := post(newEngine(t, 4), "/v1/chat/completions", `{`+hello+`,"stream":true,"max_tokens":3`+c.options+`}`)
		end := "]" + c.usage + "}\n\n"
		want := head + `{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}` + end +
			head + `{"index":0,"delta":{"content":` + quoted(pieces[0]) + `},"finish_reason":null}` + end +
			head + `{"index":0,"delta":{"content":` + quoted(pieces[1]) + `},"finish_reason":null}` + end +
			head + `{"index":0,"delta":{"content":` + quoted(pieces[2]) + `},"finish_reason":null}` + end +
			head + `{"index":0,"delta":{},"finish_reason":"length"}` + end +
			c.last + "data: [DONE]\n\n"
		if got := anonymous(w.Body.String()); got != want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
		if h := w.Header(); h.Get("X-Prompt-Tokens") != prompt || h.Get("X-Cached-Tokens") != "0" || h.Get("Content-Type") != "text/event-stream; charset=utf-8" {
			t.Errorf("%s: header %v", name, h)
		}
		if !w.Flushed {
			t.Errorf("%s: nothing was flushed", name)
		}
	}
}

// event is what the tests read of a chunk.
type event struct {
	Choices []struct {
		Text         string
		Delta        struct{ Content string }
		FinishReason string `json:"finish_reason"`
	}
	Usage *struct {
		Prompt     int `json:"prompt_tokens"`
		Completion int `json:"completion_tokens"`
	}
}

// events parses a stream and checks that it ends properly.
func events(t *testing.T, body string) []event {
	t.Helper()
	body, done := strings.CutSuffix(body, "data: [DONE]\n\n")
	if !done {
		t.Fatalf("the stream does not end with [DONE]: %s", body)
	}
	var out []event
	for frame := range strings.SplitSeq(strings.TrimSuffix(body, "\n\n"), "\n\n") {
		var ev event
		if err := json.Unmarshal([]byte(strings.TrimPrefix(frame, "data: ")), &ev); err != nil {
			t.Fatalf("frame %q: %v", frame, err)
		}
		out = append(out, ev)
	}
	return out
}

func TestStreamGivesTheSameTextAndUsage(t *testing.T) {
	e := newEngine(t, 4)
	text, counted := "", 0
	pieces, res := answerTo(t, e, "Who are you?", 0)
	all := events(t, post(e, "/v1/chat/completions", `{`+hello+`,"stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":true}}`).Body.String())
	for _, ev := range all {
		if ev.Usage == nil || ev.Usage.Prompt != res.Usage.Prompt || ev.Usage.Completion < counted {
			t.Fatalf("usage %+v after %d tokens", ev.Usage, counted)
		}
		counted = ev.Usage.Completion
		for _, c := range ev.Choices {
			text += c.Delta.Content
		}
	}
	if text != strings.Join(pieces, "") || counted != res.Usage.Completion {
		t.Errorf("%d tokens: %q", counted, text)
	}
	if last := all[len(all)-1]; last.Choices == nil || len(last.Choices) != 0 {
		t.Errorf("the usage chunk has the choices %v", last.Choices)
	}
	if finish := all[len(all)-2].Choices[0].FinishReason; finish != "stop" {
		t.Errorf("finish reason %q", finish)
	}
}

func TestStopSpansTokens(t *testing.T) {
	e := newEngine(t, 4)
	whole := helloAnswer(t, e)
	middle := len(whole) / 2
	for stop, want := range map[string]string{
		quoted(whole[middle : middle+9]):                                  whole[:middle],
		`["zzz",` + quoted(whole[5:9]) + `,` + quoted(whole[20:24]) + `]`: whole[:5],
		`["",` + quoted(whole[:4]) + `]`:                                  "",
		`null`:                                                            whole,
		`[]`:                                                              whole,
	} {
		for _, stream := range []string{"false", "true"} {
			w := post(e, "/v1/chat/completions", `{`+hello+`,"stop":`+stop+`,"stream":`+stream+`}`)
			got, finish := "", ""
			if stream == "true" {
				for _, ev := range events(t, w.Body.String()) {
					got += ev.Choices[0].Delta.Content
					finish = ev.Choices[0].FinishReason
				}
			} else {
				var object struct {
					Choices []struct {
						Message      struct{ Content string }
						FinishReason string `json:"finish_reason"`
					}
				}
				if err := json.Unmarshal(w.Body.Bytes(), &object); err != nil {
					t.Fatal(err)
				}
				got, finish = object.Choices[0].Message.Content, object.Choices[0].FinishReason
			}
			if got != want || finish != "stop" {
				t.Errorf("stop %s, stream %s: %q, %q, want %q", stop, stream, got, finish, want)
			}
		}
	}
}

func TestCompletions(t *testing.T) {
	e := newEngine(t, 4)
	w := post(e, "/v1/completions", `{"model":"tiny","prompt":"Once upon a time there was a","max_tokens":4}`)
	var whole struct {
		Object  string
		Choices []struct {
			Text         string
			Logprobs     any
			FinishReason string `json:"finish_reason"`
		}
		Usage struct {
			Prompt     int `json:"prompt_tokens"`
			Completion int `json:"completion_tokens"`
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &whole); err != nil || w.Code != 200 {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	tokens := e.cfg.Model.Tokenizer().Encode(nil, "Once upon a time there was a")
	if whole.Object != "text_completion" || whole.Usage.Prompt != len(tokens) || whole.Usage.Completion != 4 || whole.Choices[0].FinishReason != "length" {
		t.Errorf("%s", w.Body)
	}
	numbers, _ := json.Marshal(tokens)
	for _, prompt := range []string{`"Once upon a time there was a"`, `["Once upon a time there was a"]`, string(numbers)} {
		text := ""
		w := post(e, "/v1/completions", `{"model":"tiny","prompt":`+prompt+`,"max_tokens":4,"stream":true}`)
		for _, ev := range events(t, w.Body.String()) {
			text += ev.Choices[0].Text
		}
		if text != whole.Choices[0].Text || text == "" {
			t.Errorf("prompt %s: streamed %q, whole %q", prompt, text, whole.Choices[0].Text)
		}
	}
}

func TestContentForms(t *testing.T) {
	e := newEngine(t, 4)
	for _, messages := range []string{
		`[{"role":"user","content":[{"type":"text","text":"Who "},{"type":"text","text":"are you?"}]}]`,
		`[{"role":"user","content":"Who are you?","name":"ann"}]`,
	} {
		w := post(e, "/v1/chat/completions", `{"model":"tiny","n":1,"logprobs":false,"tool_choice":"auto","response_format":{"type":"text"},"max_completion_tokens":90,"max_tokens":1,"unknown":{"a":1},"user":null,"messages":`+messages+`}`)
		if w.Code != 200 || !strings.Contains(w.Body.String(), quoted(helloAnswer(t, e))) {
			t.Errorf("%s: %d %s", messages, w.Code, w.Body)
		}
	}
	w := post(e, "/v1/chat/completions", `{"model":"tiny","max_tokens":1,"messages":[{"role":"developer","content":"Be brief."},{"role":"user","content":"\ud83d"},{"role":"assistant","content":null,"tool_calls":[]},{"role":"user","content":"7"}]}`)
	if w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestRefusals(t *testing.T) {
	e := newEngine(t, 4)
	chat := func(extra string) string { return `{` + hello + `,` + extra + `}` }
	for _, c := range []struct {
		path, body, param, code string
		status                  int
	}{
		{"/v1/chat/completions", `{`, "null", "null", 400},
		{"/v1/chat/completions", `{"model":"tiny","model":"tiny"}`, "null", "null", 400},
		{"/v1/chat/completions", strings.Repeat(" ", maxBody+1), "null", "null", 413},
		{"/v1/chat/completions", `{"model":"huge"}`, `"model"`, `"model_not_found"`, 404},
		{"/v1/chat/completions", `{"model":7}`, `"model"`, "null", 400},
		{"/v1/chat/completions", `{"model":"tiny"}`, `"messages"`, "null", 400},
		{"/v1/chat/completions", `{"model":"tiny","messages":[{"role":"root","content":"x"}]}`, `"messages[0].role"`, "null", 400},
		{"/v1/chat/completions", `{"model":"tiny","messages":[{"role":"user","content":7}]}`, `"messages[0].content"`, "null", 400},
		{"/v1/chat/completions", `{"model":"tiny","messages":[{"role":"user","content":[{"type":"image_url"}]}]}`, `"messages[0].content[0]"`, "null", 400},
		{"/v1/chat/completions", `{"model":"tiny","messages":[{"role":"user","content":"` + strings.Repeat("river ", 1100) + `"}]}`, `"messages"`, `"context_length_exceeded"`, 400},
		{"/v1/chat/completions", chat(`"n":2`), `"n"`, "null", 400},
		{"/v1/chat/completions", chat(`"top_logprobs":3`), `"top_logprobs"`, "null", 400},
		{"/v1/chat/completions", chat(`"logprobs":3`), `"logprobs"`, "null", 400},
		{"/v1/chat/completions", chat(`"logprobs":true,"top_logprobs":21`), `"top_logprobs"`, "null", 400},
		{"/v1/chat/completions", chat(`"min_p":1.5`), `"min_p"`, "null", 400},
		{"/v1/chat/completions", chat(`"presence_penalty":-3`), `"presence_penalty"`, "null", 400},
		{"/v1/chat/completions", chat(`"frequency_penalty":2.5`), `"frequency_penalty"`, "null", 400},
		{"/v1/chat/completions", chat(`"repetition_penalty":-1`), `"repetition_penalty"`, "null", 400},
		{"/v1/chat/completions", chat(`"repetition_penalty":1e-300`), `"repetition_penalty"`, "null", 400},
		{"/v1/chat/completions", chat(`"logit_bias":{"x":1}`), `"logit_bias"`, "null", 400},
		{"/v1/chat/completions", chat(`"logit_bias":{"99999":1}`), `"logit_bias"`, "null", 400},
		{"/v1/chat/completions", chat(`"logit_bias":{"7":101}`), `"logit_bias"`, "null", 400},
		{"/v1/completions", `{"model":"tiny","prompt":"a","logprobs":21}`, `"logprobs"`, "null", 400},
		{"/detokenize", `{"tokens":[99999]}`, `"tokens"`, "null", 400},
		{"/v1/chat/completions", chat(`"tool_choice":"required"`), `"tool_choice"`, "null", 400},
		{"/v1/chat/completions", chat(`"tool_choice":{"type":"function"}`), `"tool_choice"`, "null", 400},
		{"/v1/chat/completions", chat(`"response_format":{"type":"xml"}`), `"response_format"`, "null", 400},
		{"/v1/chat/completions", chat(`"response_format":{"type":"json_schema"}`), `"response_format"`, "null", 400},
		{"/v1/chat/completions", chat(`"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"oneOf":[]}}}`), `"response_format"`, "null", 400},
		{"/v1/chat/completions", chat(`"max_tokens":0`), `"max_tokens"`, "null", 400},
		{"/v1/chat/completions", chat(`"max_completion_tokens":-1`), `"max_completion_tokens"`, "null", 400},
		{"/v1/chat/completions", chat(`"max_tokens":"9"`), `"max_tokens"`, "null", 400},
		{"/v1/chat/completions", chat(`"temperature":2.1`), `"temperature"`, "null", 400},
		{"/v1/chat/completions", chat(`"top_p":0`), `"top_p"`, "null", 400},
		{"/v1/chat/completions", chat(`"stop":7`), `"stop"`, "null", 400},
		{"/v1/chat/completions", chat(`"stop":["` + strings.Repeat(`a","`, maxStops) + `b"]`), `"stop"`, "null", 400},
		{"/v1/completions", `{"model":"tiny"}`, `"prompt"`, "null", 400},
		{"/v1/completions", `{"model":"tiny","prompt":""}`, `"prompt"`, "null", 400},
		{"/v1/completions", `{"model":"tiny","prompt":["a","b"]}`, `"prompt"`, "null", 400},
		{"/v1/completions", `{"model":"tiny","prompt":[1536]}`, `"prompt"`, "null", 400},
		{"/v1/completions", `{"model":"tiny","prompt":"a","echo":true}`, `"echo"`, "null", 400},
		{"/v1/completions", `{"model":"tiny","prompt":"a","suffix":"b"}`, `"suffix"`, "null", 400},
		{"/v1/completions", `{"model":"tiny","prompt":"a","best_of":2}`, `"best_of"`, "null", 400},
		{"/tokenize", `{}`, `"messages"`, "null", 400},
	} {
		w := post(e, c.path, c.body)
		var got struct {
			Error struct {
				Message     string
				Type        string
				Param, Code json.RawMessage
			}
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%.80s: %s: %v", c.body, w.Body, err)
		}
		if w.Code != c.status || string(got.Error.Param) != c.param || string(got.Error.Code) != c.code ||
			got.Error.Message == "" || got.Error.Type != "invalid_request_error" {
			t.Errorf("%.90s:\n%d %s", c.body, w.Code, w.Body)
		}
	}
	if running, waiting := e.Load(); running+waiting != 0 {
		t.Errorf("%d run and %d wait after refusals", running, waiting)
	}
}

// TestFarTooLong: what cannot fit is refused by its size. Encoding megabytes only to
// refuse them would take seconds and more memory than the model. Tokenize counts
// them all the same.
func TestFarTooLong(t *testing.T) {
	e := newEngine(t, 4)
	text := strings.Repeat("river ", 100_000)
	for path, body := range map[string]string{
		"/v1/chat/completions": `{"model":"tiny","messages":[{"role":"system","content":"Hi."},{"role":"user","content":"` + text + `"}]}`,
		"/v1/completions":      `{"model":"tiny","prompt":"` + text + `"}`,
	} {
		if w := post(e, path, body); w.Code != 400 || !strings.Contains(w.Body.String(), "your prompt has at least ") || !strings.Contains(w.Body.String(), "context_length_exceeded") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	blank := strings.Repeat(" ", 100_000) // which some templates take off
	if w := post(e, "/v1/chat/completions", `{"model":"tiny","messages":[{"role":"user","content":"`+blank+`"}]}`); strings.Contains(w.Body.String(), "prompt has at least") {
		t.Errorf("blanks are refused by their size: %s", w.Body)
	}
	var counted struct{ Count int }
	w := post(e, "/tokenize", `{"model":"tiny","messages":[{"role":"user","content":"`+text+`"}]}`)
	if err := json.Unmarshal(w.Body.Bytes(), &counted); err != nil || counted.Count < 100_000 {
		t.Errorf("%d tokens are counted, %v", counted.Count, err)
	}
}

func TestListings(t *testing.T) {
	e := newEngine(t, 4)
	card := fmt.Sprintf(`{"id":"tiny","object":"model","created":1700000000,"owned_by":"sluice","description":"real but tiny",`+
		`"max_model_len":1024,"context_length":1024,"parameters":%d,"architecture":"qwen3","format":"Q8_0","real":true,"tiny":true,"simulated":false}`, e.cfg.Model.Parameters())
	for path, want := range map[string]string{
		"/v1/models":      `{"object":"list","data":[` + card + `]}`,
		"/v1/models/tiny": card,
		"/health":         `{"status":"ok","running":0,"waiting":0}`,
	} {
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %s\nwant %s", path, w.Code, w.Body, want)
		}
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest("GET", "/v1/models/other", nil))
	if w.Code != 404 {
		t.Errorf("another model: %d", w.Code)
	}
}

func TestTokenize(t *testing.T) {
	e := newEngine(t, 4)
	of := func(text string) []int32 { return e.cfg.Model.Tokenizer().Encode([]int32{}, text) }
	messages, err := e.cfg.Model.Chat([]infer.Message{{Role: "user", Content: "Who are you?"}})
	if err != nil {
		t.Fatal(err)
	}
	for body, tokens := range map[string][]int32{
		`{"prompt":"Hello, world!"}`: of("Hello, world!"),
		`{"content":"<|im_end|>"}`:   of("<|im_end|>"),
		`{"content":""}`:             {},
		`{` + hello + `}`:            messages,
	} {
		list, _ := json.Marshal(tokens)
		want := fmt.Sprintf(`{"count":%d,"max_model_len":1024,"tokens":%s}`, len(tokens), list)
		if got := post(e, "/tokenize", body).Body.String(); got != want {
			t.Errorf("tokenize %s: %s, want %s", body, got, want)
		}
	}
	if n := len(of("<|im_end|>")); n < 2 {
		t.Error("what a text says became a special token")
	}
}

// TestMetrics: the driver of the fleet reads what the engine says of itself.
func TestMetrics(t *testing.T) {
	e := newEngine(t, 4)
	prompt := strings.Repeat("Who are you? ", 20)
	for range 2 {
		post(e, "/v1/completions", `{"model":"tiny","prompt":"`+prompt+`","max_tokens":3}`)
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	d := driver.Find("sluice")
	load, ok := d.Read(w.Body.Bytes(), "")
	tokens := len(e.cfg.Model.Tokenizer().Encode(nil, prompt))
	hits := float64((tokens-1)/16*16) / float64(2*tokens)
	if want := (driver.Load{HitRate: hits, Room: float64(e.cfg.Model.Stats().Room)}); !ok || load != want {
		t.Errorf("load %+v, want %+v, of\n%s", load, want, w.Body)
	}
	counted, ok := d.Count(w.Body.Bytes())
	if want := (driver.Counted{Prompt: int64(2 * tokens), Completion: 6}); !ok || counted != want || e.Counted().Prompt != want.Prompt {
		t.Errorf("counted %+v, want %+v", counted, want)
	}
}

func TestDetokenize(t *testing.T) {
	e := newEngine(t, 4)
	text := "Hello, world! 你好 🙂"
	tokens, _ := json.Marshal(e.cfg.Model.Tokenizer().Encode(nil, text))
	want := `{"prompt":` + quoted(text) + `,"content":` + quoted(text) + `}`
	if got := post(e, "/detokenize", `{"tokens":`+string(tokens)+`}`).Body.String(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// story asks for an answer of hundreds of tokens.
const story = `{"model":"tiny","stream":true,"temperature":2,"seed":3,"messages":[{"role":"user","content":"Tell me a story about a river."}]}`

// TestCancel: a client that leaves in the middle ends the generation, and the
// next one is served.
func TestCancel(t *testing.T) {
	e := newEngine(t, 4)
	returned := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.ServeHTTP(w, r)
		returned <- struct{}{}
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "POST", server.URL+"/v1/chat/completions", strings.NewReader(story))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if n, err := strconv.Atoi(res.Header.Get("X-Prompt-Tokens")); err != nil || n < 10 {
		t.Errorf("header %v", res.Header)
	}
	lines := bufio.NewReader(res.Body)
	for range 6 {
		if _, err := lines.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	<-returned
	if running, waiting := e.Load(); running+waiting != 0 {
		t.Errorf("%d run and %d wait", running, waiting)
	}
	if w := post(e, "/v1/chat/completions", `{`+hello+`}`); !strings.Contains(w.Body.String(), quoted(helloAnswer(t, e))) {
		t.Errorf("the next answer: %d %s", w.Code, w.Body)
	}
}

// TestQueueFull asks more and more until somebody is turned away: at once, with
// what a client needs to come again. All others are answered.
func TestQueueFull(t *testing.T) {
	e := newEngine(t, 1)
	answers := make(chan *httptest.ResponseRecorder)
	asked, refused := 0, false
	for asked < 1000 && !refused {
		asked++
		go func() { answers <- post(e, "/v1/chat/completions", story) }()
		select {
		case w := <-answers:
			asked--
			refused = w.Code == 503
			if want := `{"error":{"message":"The engine's queue is full.","type":"server_error","param":null,"code":"overloaded"}}`; refused && (w.Header().Get("Retry-After") != "1" || w.Body.String() != want) {
				t.Errorf("%v %s", w.Header(), w.Body)
			}
		default:
		}
	}
	for range asked {
		w := <-answers
		refused = refused || w.Code == 503
		if w.Code == 200 && !strings.HasSuffix(w.Body.String(), "data: [DONE]\n\n") {
			t.Errorf("an answer: %d %.300s", w.Code, w.Body)
		}
	}
	if !refused {
		t.Error("nobody was refused")
	}
}

// TestBrokenStreamHasNoEnd: a stream that fails in the middle ends with an
// error and without [DONE].
func TestBrokenStreamHasNoEnd(t *testing.T) {
	w := httptest.NewRecorder()
	s := &stream{answer: &answer{chat: true}, w: w, flusher: http.NewResponseController(w)}
	if err := s.piece(said{content: "Hi"}, infer.Piece{}); err != nil {
		t.Fatal(err)
	}
	s.breakOff(asFailure(io.ErrUnexpectedEOF))
	body := w.Body.String()
	if !strings.HasSuffix(body, `data: {"error":{"message":"unexpected EOF","type":"server_error","param":null,"code":null}}`+"\n\n") || strings.Contains(body, "[DONE]") {
		t.Errorf("%s", body)
	}
}

func TestNewRefusesIncompleteConfigs(t *testing.T) {
	sound := newEngine(t, 4).cfg
	for name, change := range map[string]func(*Config){
		"model": func(c *Config) { c.Model = nil },
		"id":    func(c *Config) { c.ID = "" },
		"clock": func(c *Config) { c.Now = nil },
	} {
		cfg := sound
		change(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
