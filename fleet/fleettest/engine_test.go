package fleettest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const (
	streamBody = `{"model":"m","stream":true,"stream_options":{"include_usage":true}}`
	wholeBody  = `{"model":"m"}`
	chatPath   = "/v1/chat/completions"
)

// post sends a request and returns the answer's head.
func post(t *testing.T, ctx context.Context, e *Engine, path, body string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Test", "1")
	return http.DefaultClient.Do(req)
}

// read sends a request and returns the whole answer, and what broke it off.
func read(t *testing.T, e *Engine, path, body string) (string, *http.Response, error) {
	t.Helper()
	resp, err := post(t, t.Context(), e, path, body)
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return string(b), resp, err
}

func TestStream(t *testing.T) {
	e := New(t)
	e.Next(Stream("Hel", "lo").Usage(30, 2, 16).Reasoning(1).Announce().Header("X-More", "yes"))
	got, resp, err := read(t, e, chatPath, streamBody)
	const head = `"created":1,"id":"fleettest-1","model":"m","object":"chat.completion.chunk"`
	want := `data: {"choices":[{"delta":{"content":"","role":"assistant"},"finish_reason":null,"index":0}],` + head + `}

data: {"choices":[{"delta":{"content":"Hel"},"finish_reason":null,"index":0}],` + head + `}

data: {"choices":[{"delta":{"content":"lo"},"finish_reason":null,"index":0}],` + head + `}

data: {"choices":[{"delta":{},"finish_reason":"stop","index":0}],` + head + `}

data: {"choices":[],` + head + `,"usage":{"completion_tokens":2,"completion_tokens_details":{"reasoning_tokens":1},"prompt_tokens":30,"prompt_tokens_details":{"cached_tokens":16},"total_tokens":32}}

data: [DONE]

`
	if err != nil || got != want {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
	h := resp.Header
	if h.Get("X-Prompt-Tokens") != "30" || h.Get("X-Cached-Tokens") != "16" || h.Get("X-More") != "yes" || !strings.HasPrefix(h.Get("Content-Type"), "text/event-stream") {
		t.Errorf("headers %v", h)
	}
	call := e.Await(t, 0)
	if call.Method != "POST" || call.Path != chatPath || string(call.Body) != streamBody || call.Header.Get("X-Test") != "1" {
		t.Errorf("recorded %+v", call)
	}
	if r := call.Result(t); r != (Result{Chunks: 2}) {
		t.Errorf("result %+v", r)
	}
}

func TestWhole(t *testing.T) {
	e := New(t)
	e.Next(Stream("Hel", "lo").Finish("length"), Stream("Hel", "lo").OmitUsage(), Stream().Usage(7, 0, -1), Stream("a", "b").OmitUsage())
	for _, c := range []struct{ path, body, want string }{
		{chatPath, wholeBody, `{"choices":[{"finish_reason":"length","index":0,"message":{"content":"Hello","role":"assistant"}}],"created":1,"id":"fleettest-1","model":"m","object":"chat.completion","usage":{"completion_tokens":2,"prompt_tokens":3,"prompt_tokens_details":{"cached_tokens":0},"total_tokens":5}}`},
		{"/v1/completions", wholeBody, `{"choices":[{"finish_reason":"stop","index":0,"text":"Hello"}],"created":1,"id":"fleettest-1","model":"m","object":"text_completion"}`},
		{"/v1/embeddings", wholeBody, `{"data":[{"embedding":[0.6,0.8],"index":0,"object":"embedding"}],"model":"m","object":"list","usage":{"prompt_tokens":7,"total_tokens":7}}`},
	} {
		got, _, err := read(t, e, c.path, c.body)
		if err != nil || got != c.want {
			t.Errorf("%s: %v\n got %s\nwant %s", c.path, err, got, c.want)
		}
	}
	got, _, err := read(t, e, "/v1/completions", streamBody)
	if err != nil || strings.Count(got, "data: ") != 4 || !strings.Contains(got, `"text":"a"`) || strings.Contains(got, "usage") {
		t.Errorf("a streamed completion: %v %s", err, got)
	}
	if got, _, err := read(t, e, chatPath, wholeBody); err != nil || !strings.Contains(got, `"Hello, world"`) {
		t.Errorf("none queued: %v %s", err, got)
	}
	e.Default(Status(429, `{}`).Header("Retry-After", "7"))
	for range 2 {
		if got, resp, err := read(t, e, chatPath, wholeBody); err != nil || got != `{}` || resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "7" || resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("default: %v %s %v", err, got, resp)
		}
	}
}

func TestRaw(t *testing.T) {
	e := New(t)
	e.Next(Raw("data: {\"broken\n\n", "da", "ta: [DO").DieAfter(3))
	got, resp, err := read(t, e, chatPath, streamBody)
	if !errors.Is(err, io.ErrUnexpectedEOF) || got != "data: {\"broken\n\ndata: [DO" || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%v %q %v", err, got, resp.Header)
	}
	if r := e.Await(t, 0).Result(t); r.Chunks != 3 || r.Left {
		t.Errorf("result %+v", r)
	}
}

func TestDie(t *testing.T) {
	e := New(t)
	for n := range 3 {
		e.Next(Stream("a", "b").DieAfter(n))
		got, resp, err := read(t, e, chatPath, streamBody)
		if (resp == nil) != (n == 0) || err == nil || strings.Count(got, `{"content":"`)-strings.Count(got, `{"content":""`) != n || strings.Contains(got, "stop") {
			t.Errorf("after %d: %v %s", n, err, got)
		}
		if r := e.Await(t, n).Result(t); r.Chunks != n || r.Left {
			t.Errorf("after %d: %+v", n, r)
		}
	}
	e.Next(Stream("a").DieAfter(0), Stream("a", "b", "c").DieAfter(3))
	if _, resp, err := read(t, e, chatPath, wholeBody); err == nil {
		t.Errorf("not streamed, dies at once: %v", resp)
	}
	got, _, err := read(t, e, chatPath, wholeBody)
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(got, "{") || json.Valid([]byte(got)) {
		t.Errorf("not streamed, dies in the middle: %v %s", err, got)
	}
}

func TestPauseAndLeave(t *testing.T) {
	e := New(t)
	pause := NewPause()
	e.Next(Stream("a", "b").PauseAt(1, pause), Stream("a", "b").PauseAt(1, pause), Stream("a", "b").StallAfter(1))

	resp, err := post(t, t.Context(), e, chatPath, streamBody)
	if err != nil {
		t.Fatal(err)
	}
	<-pause.Reached()
	select {
	case <-e.Await(t, 0).Ended():
		t.Fatal("the answer did not pause")
	default:
	}
	pause.Release()
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || !strings.HasSuffix(string(body), "data: [DONE]\n\n") {
		t.Errorf("after the pause: %v %s", err, body)
	}
	if _, _, err := read(t, e, chatPath, streamBody); err != nil { // released once, released for all
		t.Error(err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	resp, err = post(t, ctx, e, chatPath, streamBody)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	_ = resp.Body.Close()
	if r := e.Await(t, 2).Result(t); r != (Result{Chunks: 1, Left: true}) {
		t.Errorf("result of a client that left: %+v", r)
	}
}

// Without a server, in synctest's time.
func TestUnderSynctest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e Engine
		e.Next(Stall())
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		w := httptest.NewRecorder()
		go e.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodPost, chatPath, strings.NewReader(streamBody)))
		start := time.Now()
		if r := e.Await(t, 0).Result(t); r != (Result{Left: true}) || time.Since(start) != 5*time.Second || w.Body.Len() != 0 {
			t.Errorf("result %+v after %v: %s", r, time.Since(start), w.Body)
		}
	})
}

// A probe takes no script.
func TestGet(t *testing.T) {
	e := New(t)
	e.Next(Status(500, "{}"))
	for path, want := range map[string]string{"/health": "", "/v1/models": `"id":"test-model"`} {
		resp, err := http.Get(e.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != 200 || !strings.Contains(string(body), want) {
			t.Errorf("%s: %v %d %s", path, err, resp.StatusCode, body)
		}
	}
	if len(e.Calls()) != 0 || len(e.Requests()) != 2 {
		t.Errorf("%d calls of %d requests", len(e.Calls()), len(e.Requests()))
	}
	if _, resp, err := read(t, e, chatPath, wholeBody); err != nil || resp.StatusCode != 500 {
		t.Errorf("the script: %v %v", err, resp)
	}
}
