package simulator

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// cutBetween returns what stands around the first text between two marks, and the text.
func cutBetween(s, left, right string) (before, between string, ok bool) {
	before, rest, ok1 := strings.Cut(s, left)
	between, _, ok2 := strings.Cut(rest, right)
	return before, between, ok1 && ok2
}

const (
	streamBody = `{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"x"}]}`
	wholeBody  = `{"model":"m","messages":[{"role":"user","content":"x"}]}`
)

// tokensIn counts the chunks with text.
func tokensIn(body string) int {
	return strings.Count(body, `"delta":{"content":"`)
}

func TestFaultsBeforeTheAnswer(t *testing.T) {
	for _, path := range []string{chatPath, "/v1/completions", "/v1/embeddings"} {
		w := ask(t.Context(), build(t, "sim:instant?fault=refuse"), path, streamBody)
		if w.Code != 503 || w.Header().Get("Retry-After") != "1" || !strings.Contains(w.Body.String(), `"error"`) || w.Header().Get("X-Sluice-Simulated") == "" {
			t.Errorf("%s refuse: %d %v %s", path, w.Code, w.Header(), w.Body)
		}
		w = ask(t.Context(), build(t, "sim:instant?fault=html"), path, streamBody)
		if w.Code != 502 || w.Header().Get("Content-Type") != "text/html" || !strings.HasPrefix(w.Body.String(), "<html>") {
			t.Errorf("%s html: %d %v %s", path, w.Code, w.Header(), w.Body)
		}
	}
}

func TestFaultEvery(t *testing.T) {
	s := build(t, "sim:instant?fault=refuse&every=3")
	var codes []int
	for range 7 {
		codes = append(codes, ask(t.Context(), s, chatPath, wholeBody).Code)
	}
	if want := []int{200, 200, 503, 200, 200, 503, 200}; !slices.Equal(codes, want) {
		t.Errorf("codes %v, want %v", codes, want)
	}
}

func TestFaultOmitUsage(t *testing.T) {
	s := build(t, "sim:instant?fault=omit_usage&tokens=5")
	for _, body := range []string{streamBody, wholeBody} {
		w := ask(t.Context(), s, chatPath, body)
		if w.Code != 200 || strings.Contains(w.Body.String(), "usage") || w.Header().Get("X-Prompt-Tokens") != "" {
			t.Errorf("%v %s", w.Header(), w.Body)
		}
	}
	w := ask(t.Context(), s, "/v1/embeddings", `{"model":"m","input":"x"}`)
	if w.Code != 200 || strings.Contains(w.Body.String(), "usage") {
		t.Errorf("embeddings: %v %s", w.Header(), w.Body)
	}
}

func TestFaultMalformed(t *testing.T) {
	s := build(t, "sim:instant?fault=malformed&after=2&tokens=5&batch=4")
	w := ask(t.Context(), s, chatPath, streamBody)
	before, after, broken := strings.Cut(w.Body.String(), `{"index":0,"delta":{"con`+"\n\n")
	if !broken || tokensIn(before) != 2 || tokensIn(after) != 3 || !strings.HasSuffix(after, "data: [DONE]\n\n") {
		t.Errorf("%s", w.Body)
	}
	w = ask(t.Context(), s, chatPath, wholeBody)
	if body := w.Body.String(); w.Code != 200 || !strings.HasPrefix(body, `{"id"`) || strings.HasSuffix(body, "}") {
		t.Errorf("not streamed: %d %s", w.Code, body)
	}
}

func TestFaultStall(t *testing.T) {
	for _, url := range []string{"sim:instant?", "sim:pace?", "sim:h100?"} {
		for _, after := range []int{0, 3, 5} {
			synctest.Test(t, func(t *testing.T) {
				s := build(t, url+"tokens=5")
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				start := time.Now()
				w := ask(ctx, s, chatPath, streamBody, "X-Sluice-Fault", "stall; after="+string(rune('0'+after)))
				if took := time.Since(start); took != time.Hour {
					t.Errorf("%s after %d: ended after %v", url, after, took)
				}
				if got := tokensIn(w.Body.String()); got != after || strings.Contains(w.Body.String(), "[DONE]") {
					t.Errorf("%s after %d: %s", url, after, w.Body)
				}
			})
		}
	}
}

func TestFaultSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, "sim:instant?fault=slow&after=2&delay=3s&tokens=4&batch=8")
		start := time.Now()
		w := ask(t.Context(), s, chatPath, streamBody)
		want := []time.Duration{0, 0, 3 * time.Second, 6 * time.Second, 6 * time.Second} // role, two, one, one, the rest
		if got := w.at(start); !slices.Equal(got, want) {
			t.Errorf("writes at %v, want %v", got, want)
		}
		start = time.Now()
		ask(t.Context(), s, chatPath, wholeBody)
		if took := time.Since(start); took != 6*time.Second {
			t.Errorf("not streamed: took %v", took)
		}
	})
}

// A fault that comes after the answer's end does not come.
func TestFaultTooLate(t *testing.T) {
	s := build(t, "sim:instant?tokens=5&fault=die&after=6")
	for _, body := range []string{streamBody, wholeBody} {
		if w := ask(t.Context(), s, chatPath, body); w.Code != 200 || !strings.Contains(w.Body.String(), `"usage":{`) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}

func TestFaultHeaderNeedsLeave(t *testing.T) {
	cfg, err := Parse("sim:instant")
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if w := ask(t.Context(), s, chatPath, wholeBody, "X-Sluice-Fault", "refuse"); w.Code != 200 {
		t.Errorf("the header was obeyed: %d", w.Code)
	}
}

// Over a real connection: what a client sees of an engine that dies, and what
// the engine sees of a client that leaves.
func TestOverTCP(t *testing.T) {
	s := build(t, "sim:h100?tokens=10")
	server := httptest.NewServer(s)
	defer server.Close()
	post := func(ctx context.Context, body, fault string) (*http.Response, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+chatPath, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Sluice-Fault", fault)
		return server.Client().Do(req)
	}
	for _, after := range []string{"1", "9", "10"} {
		resp, err := post(t.Context(), streamBody, "die; after="+after)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("die after %s: %v", after, err)
		}
		if got := tokensIn(string(body)); after != strconv.Itoa(got) || strings.Contains(string(body), "finish_reason\":\"") {
			t.Errorf("die after %s: %d tokens: %s", after, got, body)
		}
	}
	for _, body := range []string{streamBody, wholeBody} {
		if resp, err := post(t.Context(), body, "die"); err == nil {
			_ = resp.Body.Close()
			t.Errorf("die before the first byte: %d", resp.StatusCode)
		}
	}

	ctx, cancel := context.WithCancel(t.Context())
	resp, err := post(ctx, streamBody, "stall; after=1")
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	_ = resp.Body.Close()
	var wg sync.WaitGroup
	wg.Go(func() {
		for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(ms) {
			if running, waiting, _ := s.Load(); running+waiting == 0 {
				return
			}
		}
		t.Error("the engine still works for a client that has left")
	})
	wg.Wait()
}
