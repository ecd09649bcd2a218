package openai

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/wire/sse"
)

func TestParseUsage(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     sluice.Usage
		cache    bool
	}{
		{"plain", `{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8}`, sluice.Usage{5, 0, 0, 3, 0}, false},
		{"embeddings", `{"prompt_tokens":5,"total_tokens":5}`, sluice.Usage{5}, false},
		{"OpenAI", `{"prompt_tokens":10,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":5}}`, sluice.Usage{6, 4, 0, 2, 5}, true},
		{"nothing cached", `{"prompt_tokens":10,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":0}}`, sluice.Usage{10, 0, 0, 7, 0}, true},
		{"all cached, all reasoning", `{"prompt_tokens":10,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":10},"completion_tokens_details":{"reasoning_tokens":7}}`, sluice.Usage{0, 10, 0, 0, 7}, true},
		{"null details", `{"prompt_tokens":10,"completion_tokens":7,"prompt_tokens_details":null,"completion_tokens_details":null}`, sluice.Usage{10, 0, 0, 7, 0}, false},
		{"null counts in details", `{"prompt_tokens":10,"completion_tokens":null,"prompt_tokens_details":{"cached_tokens":null},"completion_tokens_details":{"reasoning_tokens":null}}`, sluice.Usage{10}, false},
		{"DeepSeek", `{"prompt_tokens":10,"completion_tokens":7,"prompt_cache_hit_tokens":9,"prompt_cache_miss_tokens":1}`, sluice.Usage{1, 9, 0, 7, 0}, true},
		{"DeepSeek and OpenAI", `{"prompt_tokens":10,"completion_tokens":7,"prompt_cache_hit_tokens":9,"prompt_tokens_details":{"cached_tokens":9}}`, sluice.Usage{1, 9, 0, 7, 0}, true},
		{"details without cached", `{"prompt_tokens":10,"completion_tokens":7,"prompt_cache_hit_tokens":9,"prompt_tokens_details":{"audio_tokens":0}}`, sluice.Usage{1, 9, 0, 7, 0}, true},
		{"Moonshot", `{"prompt_tokens":10,"completion_tokens":7,"cached_tokens":2}`, sluice.Usage{8, 2, 0, 7, 0}, true},
		{"SGLang", `{"prompt_tokens":10,"completion_tokens":7,"reasoning_tokens":3,"prompt_tokens_details":{"cached_tokens":1}}`, sluice.Usage{9, 1, 0, 4, 3}, true},
		{"cache write", `{"prompt_tokens":10,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":3,"cache_write_tokens":5}}`, sluice.Usage{2, 3, 5, 7, 0}, true},
		{"the most", `{"prompt_tokens":1099511627776,"completion_tokens":1}`, sluice.Usage{1 << 40, 0, 0, 1, 0}, false},
	} {
		got, ok, err := parseUsage([]byte(c.in))
		if err != nil || !ok || got.Usage != c.want || got.CacheKnown != c.cache {
			t.Errorf("%s: %+v, %t, %v; want %v", c.name, got, ok, err, c.want)
		}
	}
	for _, in := range []string{`null`, `{}`, `{"prompt_tokens":0,"completion_tokens":0}`, `{"total_tokens":5}`} {
		if got, ok, err := parseUsage([]byte(in)); ok || err != nil {
			t.Errorf("%s: %+v, %t, %v; want none", in, got, ok, err)
		}
	}
	for _, in := range []string{
		`{"prompt_tokens":-1,"completion_tokens":1}`,
		`{"prompt_tokens":1,"completion_tokens":-1}`,
		`{"prompt_tokens":5,"prompt_tokens_details":{"cached_tokens":6}}`,
		`{"prompt_tokens":5,"prompt_tokens_details":{"cached_tokens":-1}}`,
		`{"prompt_tokens":5,"prompt_tokens_details":{"cached_tokens":3,"cache_write_tokens":3}}`,
		`{"prompt_tokens":5,"prompt_cache_hit_tokens":6}`,
		`{"prompt_tokens":5,"completion_tokens":2,"completion_tokens_details":{"reasoning_tokens":3}}`,
		`{"prompt_tokens":1099511627777,"completion_tokens":1}`,
		`{"prompt_tokens":-9223372036854775808,"prompt_tokens_details":{"cached_tokens":9223372036854775807}}`,
		`{"prompt_tokens":9223372036854775808}`, `{"prompt_tokens":"5"}`, `{"prompt_tokens":1.5}`, `[]`, `"x"`, `{`,
	} {
		if got, ok, err := parseUsage([]byte(in)); err == nil || ok || got != (Counted{}) {
			t.Errorf("%s: %+v, %t, %v; want an error", in, got, ok, err)
		}
	}
}

func TestEstimateTokens(t *testing.T) {
	for bytes, want := range map[int]int64{0: 0, 1: 1, 4: 1, 5: 2, 400: 100} {
		if got := EstimateTokens(bytes); got != want {
			t.Errorf("%d bytes: %d, want %d", bytes, got, want)
		}
	}
}

func TestParseReply(t *testing.T) {
	for _, c := range []struct {
		name  string
		e     Endpoint
		in    string
		usage sluice.Usage
		text  int
	}{
		{"chat", Chat(), `{"choices":[{"message":{"role":"assistant","content":"Hi","reasoning_content":"Hm?"}}],"usage":{"prompt_tokens":2,"completion_tokens":1}}`, sluice.Usage{2, 0, 0, 1, 0}, 0},
		{"usage without counts", Chat(), `{"usage":{},"choices":[{"message":{"content":"Hi","reasoning_content":"Hm?"}}]}`, sluice.Usage{}, 5},
		{"a name that comes twice", Chat(), `{"usage":null,"choices":[{"message":{"content":"Hi"}}],"usage":{"prompt_tokens":1,"prompt_tokens":2,"completion_tokens":1}}`, sluice.Usage{2, 0, 0, 1, 0}, 0},
		{"half a character", Chat(), `{"choices":[{"message":{"content":"\ud83d` + "\xf0" + `"}}],"usage":{"prompt_tokens":2,"completion_tokens":1}}`, sluice.Usage{2, 0, 0, 1, 0}, 0},
		{"an escaped name", Chat(), `{"choices":[],"us\u0061ge":{"prompt_tokens":2,"completion_tokens":1}}`, sluice.Usage{2, 0, 0, 1, 0}, 0},
		{"without usage", Chat(), `{"choices":[{"message":{"content":"Hi"}},{"message":{"content":"é"}}],"error":null,"usage":null}`, sluice.Usage{}, 4},
		{"reasoning under two names", Chat(), `{"choices":[{"message":{"content":null,"reasoning":"abc","reasoning_content":"abc"}}]}`, sluice.Usage{}, 3},
		{"reasoning under the other name", Chat(), `{"choices":[{"message":{"content":"","reasoning":"abc"}}]}`, sluice.Usage{}, 3},
		{"tools", Chat(), `{"choices":[{"message":{"content":null,"tool_calls":[{"id":"1"}]}}]}`, sluice.Usage{}, 12},
		{"no tools", Chat(), `{"choices":[{"message":{"content":"a","tool_calls":[]}}]}`, sluice.Usage{}, 1},
		{"a message of an unknown form", Chat(), `{"choices":[{"message":"Hello"}]}`, sluice.Usage{}, 7},
		{"no message", Chat(), `{"choices":[{}],"error":{}}`, sluice.Usage{}, 0},
		{"completions", Completions(), `{"choices":[{"text":"a\nb"},{"text":""}]}`, sluice.Usage{}, 3},
		{"embeddings", Embeddings(), `{"data":[{"embedding":[1]}],"usage":{"prompt_tokens":4,"total_tokens":4}}`, sluice.Usage{4}, 0},
	} {
		r, err := ParseReply(c.e, []byte(c.in))
		if err != nil || r.Usage != c.usage || r.HasUsage != (c.usage != sluice.Usage{}) || r.TextBytes != c.text {
			t.Errorf("%s: %+v, %v; want %v and %d bytes", c.name, r, err, c.usage, c.text)
		}
	}
	for name, c := range map[string]struct {
		e        Endpoint
		in, says string
	}{
		"nothing":             {Chat(), ``, "reading the engine's answer"},
		"HTML":                {Chat(), `<html><body>502 Bad Gateway</body></html>`, "reading the engine's answer"},
		"text":                {Chat(), `upstream timed out`, "reading the engine's answer"},
		"cut off":             {Chat(), `{"choices":[{"message":{"content":"H`, "reading the engine's answer"},
		"a stream":            {Chat(), "data: {}\n\n", "reading the engine's answer"},
		"null":                {Chat(), `null`, "no choices"},
		"an error":            {Chat(), `{"error":{"message":"out of memory"}}`, "out of memory"},
		"an error as text":    {Chat(), `{"error":"out of memory","choices":[]}`, "out of memory"},
		"a flat error":        {Chat(), `{"object":"error","message":"out of memory"}`, "no choices"},
		"no choices":          {Completions(), `{"data":[]}`, "no choices"},
		"no data":             {Embeddings(), `{"choices":[]}`, "no data"},
		"wrong usage":         {Chat(), `{"choices":[{}],"usage":7}`, "usage"},
		"contradicting usage": {Chat(), `{"choices":[{}],"usage":{"prompt_tokens":-4}}`, "contradicts"},
	} {
		if r, err := ParseReply(c.e, []byte(c.in)); err == nil || !strings.Contains(err.Error(), c.says) || r != (Reply{}) {
			t.Errorf("%s: %+v, %v; want %q", name, r, err, c.says)
		}
	}
	long := `{"error":"` + strings.Repeat("x", 10_000) + `"}`
	if _, err := ParseReply(Chat(), []byte(long)); err == nil || len(err.Error()) > 300 {
		t.Errorf("a long error is repeated in %d bytes", len(fmt.Sprint(err)))
	}
}

func TestWriteError(t *testing.T) {
	for code, want := range map[sluice.Code]struct {
		status int
		typ    string
		retry  string
	}{
		sluice.CodeInvalid:           {400, "invalid_request_error", ""},
		sluice.CodeUnauthenticated:   {401, "authentication_error", ""},
		sluice.CodeForbidden:         {403, "permission_error", ""},
		sluice.CodeModelNotInPlan:    {403, "permission_error", ""},
		sluice.CodeQuotaExhausted:    {429, "usage_limit_reached", "false"},
		sluice.CodeNotFound:          {404, "invalid_request_error", ""},
		sluice.CodeModelNotFound:     {404, "invalid_request_error", ""},
		sluice.CodeConflict:          {409, "invalid_request_error", "false"},
		sluice.CodeTooLarge:          {413, "invalid_request_error", ""},
		sluice.CodeInsufficientFunds: {402, "insufficient_quota", "false"},
		sluice.CodeSpendingCap:       {402, "insufficient_quota", "false"},
		sluice.CodeRateLimited:       {429, "rate_limit_error", "true"},
		sluice.CodeConcurrency:       {429, "rate_limit_error", "true"},
		sluice.CodeOverloaded:        {503, "overloaded_error", "true"},
		sluice.CodeUnavailable:       {503, "server_error", "true"},
		sluice.CodeEngineFailed:      {502, "server_error", "true"},
		sluice.CodeTimeout:           {504, "server_error", "true"},
		sluice.CodeRequestTimeout:    {408, "invalid_request_error", ""},
		sluice.CodeInternal:          {500, "server_error", "true"},
		"a code of tomorrow":         {500, "server_error", "true"},
	} {
		w := httptest.NewRecorder()
		WriteError(w, &sluice.Error{Code: code, Message: "a \"b\" <c>\n", Err: errors.New("secret")})
		if w.Code != want.status || w.Header().Get("X-Should-Retry") != want.retry || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %v", code, w.Code, w.Header())
		}
		if _, ok := w.Header()["Retry-After"]; ok {
			t.Errorf("%s: Retry-After without a time", code)
		}
		var body struct{ Error map[string]any }
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || strings.Contains(w.Body.String(), "secret") {
			t.Fatalf("%s: %v: %s", code, err, w.Body)
		}
		param, there := body.Error["param"]
		if len(body.Error) != 4 || body.Error["message"] != "a \"b\" <c>\n" || body.Error["type"] != want.typ || body.Error["code"] != string(code) || param != nil || !there {
			t.Errorf("%s: %s", code, w.Body)
		}
	}
}

func TestWriteErrorDetails(t *testing.T) {
	for wait, want := range map[time.Duration][2]string{
		time.Nanosecond:         {"1", "1"},
		1500 * time.Millisecond: {"2", "1500"},
		2 * time.Second:         {"2", "2000"},
		time.Hour:               {"3600", "3600000"},
	} {
		w := httptest.NewRecorder()
		WriteError(w, &sluice.Error{Code: sluice.CodeRateLimited, Param: "model", RetryAfter: wait})
		if got := [2]string{w.Header().Get("Retry-After"), w.Header().Get("Retry-After-Ms")}; got != want {
			t.Errorf("%v: %v, want %v", wait, got, want)
		}
		if !strings.Contains(w.Body.String(), `"param":"model"`) {
			t.Errorf("%s", w.Body)
		}
	}
	if raw := ErrorObject(&sluice.Error{Message: "\xff\xfe"}); !json.Valid(raw) {
		t.Errorf("not JSON: %q", raw)
	}
	if http.StatusText(errorTable(sluice.CodeTimeout).status) == "" {
		t.Error("an unknown status")
	}
}

// TestErrorInStream: the error object ends a stream so that a watcher sees it.
func TestErrorInStream(t *testing.T) {
	s := &Stream{Endpoint: Chat()}
	pump(s, string(sse.AppendData(nil, ErrorObject(sluice.Errorf(sluice.CodeEngineFailed, "line 1\nline 2")))))
	if s.Err == nil || !strings.Contains(s.Err.Error(), "line 1") {
		t.Errorf("%v", s.Err)
	}
}

func TestNewModelObject(t *testing.T) {
	at := time.Unix(1790000000, 5).UTC()
	got, err := json.Marshal(ModelList{Object: "list", Data: []ModelObject{
		NewModelObject(&sluice.Model{Name: "m", CreatedAt: at}, false),
		NewModelObject(&sluice.Model{Name: "n", OwnedBy: "zai", Description: "d", ContextLength: 9, CreatedAt: at}, true),
	}})
	want := `{"object":"list","data":[{"id":"m","object":"model","created":1790000000,"owned_by":"sluice"},` +
		`{"id":"n","object":"model","created":1790000000,"owned_by":"zai","description":"d","context_length":9,"simulated":true}]}`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
}

// TestCutOff: the composed end is in the engine's name, reads as an ordinary
// end, and gives the usage where the client asked for it.
func TestCutOff(t *testing.T) {
	u := sluice.Usage{3, 4, 0, 5, 1}
	for _, e := range []Endpoint{Chat(), Completions()} {
		for _, strip := range []bool{false, true} {
			chunk := `{"id":"c-1","object":"o","created":7,"model":"m","choices":[{"index":0,"delta":{"content":"a"},"text":"a"}]}`
			s := &Stream{Endpoint: e, StripUsage: strip}
			pump(s, string(sse.AppendData(nil, []byte(chunk))))
			end := s.CutOff(2, u)
			after := &Stream{Endpoint: e}
			passed := pump(after, string(end))
			if after.Err != nil || !after.Finished() || after.Tokens != 0 || after.HasUsage == strip {
				t.Errorf("%s: error %v, finished %t, %d tokens, usage %t", e.Path, after.Err, after.Finished(), after.Tokens, after.HasUsage)
			}
			if want := (sluice.Usage{3, 4, 0, 6, 0}); !strip && (after.Counted.Usage != want || !strings.Contains(string(after.Tail()), `"id":"c-1"`)) {
				t.Errorf("%s: usage %v, want %v: %s", e.Path, after.Counted.Usage, want, after.Tail())
			}
			if !strings.Contains(passed, `"id":"c-1","object":"o","created":7,"model":"m"`) || strings.Count(passed, `"finish_reason":"length"`) != 2 {
				t.Errorf("%s: %s", e.Path, passed)
			}
			if strings.Contains(passed, `"delta":{}`) != (e == Chat()) || strings.Contains(passed, `"text":""`) != (e == Completions()) {
				t.Errorf("%s: %s", e.Path, passed)
			}
		}
	}
	if end := (&Stream{Endpoint: Chat()}).CutOff(1, u); sse.Next(end) == 0 {
		t.Errorf("before the first chunk: %q", end)
	}
}
