package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sluice/api"
)

// TestBadEngines serves a model by a good engine and by each of those that
// answer and should not have: every call is answered by the good one, and the
// bad one gets no more of them and says why.
func TestBadEngines(t *testing.T) {
	answer := func(content string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, content)
		}
	}
	const good = `{"id":"x","object":"chat.completion","created":1,"model":"own","choices":[{"index":0,"message":{"role":"assistant","content":"fine"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}`
	p, data := launch(t, "--probe-engines=false")
	add := func(name, model string, h http.HandlerFunc) {
		t.Helper()
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		sluiceDo(t, data, "engine", "add", name, "--url", s.URL, "--model", model)
	}
	bad := map[string]http.HandlerFunc{
		"garbage":       func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte{0, 0xff, '{', 0xfe}) },
		"json":          answer(`{"status":"ok","data":[1,2,3]}`),
		"html":          answer(`<!doctype html><title>nginx</title>`),
		"empty":         answer(``),
		"cut":           answer(good[:len(good)-30]),
		"too_long":      answer(`{"choices":[{"message":{"content":"` + strings.Repeat("x", 80<<20)),
		"contradictory": answer(strings.Replace(good, `"total_tokens":12`, `"prompt_tokens_details":{"cached_tokens":99}`, 1)),
	}
	for name, h := range bad {
		add("a-"+name, name, h)
		add("b-"+name, name, answer(good))
		sluiceDo(t, data, "model", "price", name, "--input", "1", "--output", "1")
	}
	for name := range bad {
		for i := range 30 {
			req, err := http.NewRequest(http.MethodPost, p.ready["url"]+"/v1/chat/completions", strings.NewReader(fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"hello %d"}]}`, name, i)))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+p.ready["trial_key"])
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != 200 || !strings.Contains(string(body), `"fine"`) {
				t.Errorf("%s: call %d is answered %d %.200s", name, i, resp.StatusCode, body)
			}
		}
		var e api.Engine
		if err := json.Unmarshal([]byte(sluiceDo(t, data, "engine", "show", "a-"+name, "--json")), &e); err != nil {
			t.Fatal(err)
		}
		if s := e.Status; s.Failed < 3 || s.Failed > 6 || s.EjectedUntil.IsZero() && s.Health == "serving" || s.LastError == "" {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// goodStream is a stream as it should be.
const goodStream = `data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"own","choices":[{"index":0,"delta":{"role":"assistant","content":"fine"},"finish_reason":null}]}

data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"own","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"own","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}

data: [DONE]

`

// streaming answers with a text as an event stream.
func streaming(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, text)
	}
}

// raw answers with what is no HTTP any more: a beginning, and then the rest until the other side has enough.
func raw(beginning, rest string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			return // it lies about its health
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		for _, err = io.WriteString(conn, beginning); err == nil && rest != ""; {
			_, err = io.WriteString(conn, rest)
		}
	}
}

// TestBadStreams does the same with streams: whatever an engine sends in place of the
// beginning of one, the client gets the good engine's, the bad one is ejected and says why, and
// the server's memory stays what it was.
func TestBadStreams(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
	p, data := launch(t, "--probe-engines=false")
	bad := map[string]http.HandlerFunc{
		"garbage":    streaming("\x00\xff{\xfe\n\ndata: \xff\xff\n\n"),
		"json":       streaming(`{"status":"ok","data":[1,2,3]}`),
		"other-json": streaming("data: {\"status\":\"ok\",\"data\":[1,2,3]}\n\ndata: [1,2,3]\n\n"),
		"html": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "<!doctype html><title>nginx</title>")
		},
		"error":             streaming("data: {\"error\":{\"message\":\"CUDA out of memory\"}}\n\n"),
		"end":               streaming("data: [DONE]\n\n"),
		"nothing":           streaming(""),
		"chunk-of-10-mb":    streaming(`data: {"choices":[{"index":0,"delta":{"content":"` + strings.Repeat("x", 10<<20) + "\"}}]}\n\n"),
		"line-without-end":  raw(head+"\r\ndata: ", strings.Repeat("x", 1<<16)),
		"head-without-end":  raw(head, "X-More: "+strings.Repeat("x", 1<<10)+"\r\n"),
		"field-without-end": raw(head+"X-More: ", strings.Repeat("x", 1<<16)),
		"status-lines":      raw("", "HTTP/1.1 100 Continue\r\n\r\n"),
		"no-http":           raw("220 mail.example.com ESMTP\r\n", ""),
		"negative-length":   raw("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"+goodStream, ""),
		"bad-chunks":        raw(head+"Transfer-Encoding: chunked\r\n\r\nzz\r\n"+goodStream, ""),
	}
	for name, h := range bad {
		for engine, h := range map[string]http.HandlerFunc{"a-" + name: h, "b-" + name: streaming(goodStream)} {
			s := httptest.NewServer(h)
			t.Cleanup(s.Close)
			sluiceDo(t, data, "engine", "add", engine, "--url", s.URL, "--model", name)
		}
		sluiceDo(t, data, "model", "price", name, "--input", "1", "--output", "1")
	}
	for name := range bad {
		for i := range 20 {
			if body := askStream(t, p, name, fmt.Sprint("hello ", i)); !strings.Contains(body, `"fine"`) || !strings.HasSuffix(body, "data: [DONE]\n\n") || len(body) > 4096 {
				t.Errorf("%s: call %d is answered with %.200s", name, i, body)
			}
		}
		var e api.Engine
		if err := json.Unmarshal([]byte(sluiceDo(t, data, "engine", "show", "a-"+name, "--json")), &e); err != nil {
			t.Fatal(err)
		}
		if s := e.Status; s.Failed < 3 || s.Failed > 6 || s.LastError == "" {
			t.Errorf("%s: %+v", name, s)
		}
	}
	if bytes := resident(t, p); bytes > 512<<20 && !raced {
		t.Errorf("the server has grown to %d MiB", bytes>>20)
	}
}

// resident is how much memory the server has, by its own metrics; zero where they do not say.
func resident(t *testing.T, p *child) int64 {
	t.Helper()
	resp, err := http.Get(p.ready["url"] + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var bytes float64
	if _, after, ok := strings.Cut(string(text), "\nprocess_resident_memory_bytes "); ok {
		if _, err := fmt.Sscan(after, &bytes); err != nil {
			t.Fatal(err)
		}
	}
	return int64(bytes)
}

// TestBadMiddles is about streams that begin well. What follows is contained: the client is told that
// the stream is broken, and never that it is done.
func TestBadMiddles(t *testing.T) {
	p, data := launch(t, "--probe-engines=false")
	first, rest, _ := strings.Cut(goodStream, "\n\n")
	for name, c := range map[string]struct {
		answer string
		well   bool
	}{
		"cut":            {first + "\n\n", false},
		"huge":           {first + "\n\ndata: " + strings.Repeat("x", 10<<20) + "\n\n" + rest, false},
		"error-later":    {first + "\n\ndata: {\"error\":{\"message\":\"CUDA out of memory\"}}\n\n", false},
		"no-usage":       {strings.Replace(goodStream, `,"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}`, "", 1), true},
		"another-model":  {strings.ReplaceAll(goodStream, `"own"`, `"somebody-elses"`), true},
		"comments-alike": {strings.ReplaceAll(goodStream, "data: ", ": ping\n\ndata: "), true},
	} {
		s := httptest.NewServer(streaming(c.answer))
		t.Cleanup(s.Close)
		sluiceDo(t, data, "engine", "add", name, "--url", s.URL, "--model", name)
		sluiceDo(t, data, "model", "price", name, "--input", "1", "--output", "1")
		body := askStream(t, p, name, "hello")
		if done := strings.HasSuffix(body, "data: [DONE]\n\n"); !strings.Contains(body, `"fine"`) || done != c.well || strings.Contains(body, `"error":`) == c.well || strings.Contains(body, "CUDA") {
			t.Errorf("%s: %.300s", name, body)
		}
	}
}

// askStream streams a call of the model and returns all that came.
func askStream(t *testing.T, p *child, model, text string) string {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, p.ready["url"]+"/v1/chat/completions", strings.NewReader(fmt.Sprintf(`{"model":%q,"stream":true,"messages":[{"role":"user","content":%q}]}`, model, text)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.ready["trial_key"])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return string(body)
}
