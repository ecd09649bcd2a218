package gateway_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/fleet/fleettest"
	"sluice/fleet/simulator"
	"sluice/gateway"
)

func TestWhole(t *testing.T) {
	r := newRig(t, setup{})
	r.engines[0].Next(fleettest.Stream("Hel", "lo").Usage(12, 2, 8))
	a := r.post(chatPath, plainCall)
	if a.StatusCode != 200 || !strings.Contains(a.body, `"content":"Hello"`) || a.ContentLength != int64(len(a.body)) {
		t.Errorf("status %d, length %d, body %s", a.StatusCode, a.ContentLength, a.body)
	}
	if a.Header.Get("Content-Type") != "application/json" || a.Header.Get("X-Sluice-Simulated") != "" {
		t.Errorf("header %v", a.Header)
	}
	ev := r.event()
	wantUsage(t, ev, sluice.Usage{sluice.ClassInput: 4, sluice.ClassCached: 8, sluice.ClassOutput: 2}, sluice.StatusCompleted, false)
	if ev.CallID != a.Header.Get("X-Request-Id") || ev.Charge != ev.List || ev.Org != "org_1" || ev.Key != "key_1" ||
		ev.Model != model || ev.Engine != "name-eng_1" || ev.Endpoint != chatPath || ev.Book != "book_1" || ev.Simulated || !ev.FirstAt.IsZero() {
		t.Errorf("booked %+v", ev)
	}
	report := r.ended(1)[0]
	if report.Result() != "ok" || report.Engine != "name-eng_1" || report.FirstAt.IsZero() || report.Event.CallID != ev.CallID {
		t.Errorf("reported %+v", report)
	}
	sent := r.engines[0].Calls()[0]
	var got struct {
		Model         string
		CacheSalt     string          `json:"cache_salt"`
		StreamOptions json.RawMessage `json:"stream_options"`
		MaxTokens     json.RawMessage `json:"max_tokens"`
	}
	if err := json.Unmarshal(sent.Body, &got); err != nil {
		t.Fatal(err)
	}
	if got.Model != "own-name" || len(got.CacheSalt) != 32 || got.StreamOptions != nil || got.MaxTokens != nil {
		t.Errorf("the engine was sent %s", sent.Body)
	}
	if sent.Header.Get("Authorization") != "" || sent.Header.Get("X-Request-Id") != ev.CallID {
		t.Errorf("the engine was sent the header %v", sent.Header)
	}
}

func TestStream(t *testing.T) {
	for name, asked := range map[string]bool{streamed: false, withUsage: true} {
		r := newRig(t, setup{engine: func(e *sluice.Engine) { e.NoCacheSalt = true }})
		r.engines[0].Next(fleettest.Stream("Hel", "lo").Usage(12, 2, 8))
		a := r.post(chatPath, name)
		if a.StatusCode != 200 || text(t, a.body) != "Hello" || !strings.HasSuffix(a.body, "\n\ndata: [DONE]\n\n") {
			t.Errorf("status %d, body %s", a.StatusCode, a.body)
		}
		if got := strings.Contains(a.body, `"usage"`); got != asked {
			t.Errorf("usage chunk there: %t, want %t: %s", got, asked, a.body)
		}
		if h := a.Header; !strings.HasPrefix(h.Get("Content-Type"), "text/event-stream") || h.Get("Cache-Control") != "no-cache" || h.Get("X-Accel-Buffering") != "no" {
			t.Errorf("header %v", h)
		}
		ev := r.event()
		wantUsage(t, ev, sluice.Usage{sluice.ClassInput: 4, sluice.ClassCached: 8, sluice.ClassOutput: 2}, sluice.StatusCompleted, false)
		if ev.FirstAt.IsZero() || ev.FirstAt.After(ev.EndedAt) || ev.FirstAt.Before(ev.AdmittedAt) {
			t.Errorf("admitted %v, first %v, ended %v", ev.AdmittedAt, ev.FirstAt, ev.EndedAt)
		}
		if body := string(r.engines[0].Calls()[0].Body); !strings.Contains(body, `"include_usage":true`) || strings.Contains(body, "cache_salt") {
			t.Errorf("the engine was sent %s", body)
		}
	}
}

func TestCompletionsAndEmbeddings(t *testing.T) {
	r := newRig(t, setup{})
	a := r.post("/v1/completions", `{"model":"test-model","prompt":"hi","stream":true}`)
	if text(t, a.body) != "Hello, world" || !strings.HasSuffix(a.body, "data: [DONE]\n\n") {
		t.Errorf("body %s", a.body)
	}
	r.engines[0].Next(fleettest.Stream().Usage(7, 0, 0))
	a = r.post("/v1/embeddings", `{"model":"test-model","input":["hi"]}`)
	if !strings.Contains(a.body, `"embedding":[0.6,0.8]`) {
		t.Errorf("body %s", a.body)
	}
	r.ended(2)
	all := r.events()
	wantUsage(t, all[0], sluice.Usage{sluice.ClassInput: 3, sluice.ClassOutput: 3}, sluice.StatusCompleted, false)
	wantUsage(t, all[1], sluice.Usage{sluice.ClassInput: 7}, sluice.StatusCompleted, false)
}

// An engine that gives no usage is counted for, and the event says so.
func TestUsageOmitted(t *testing.T) {
	r := newRig(t, setup{})
	prompt := int64(len(plainCall)+3) / 4
	r.engines[0].Next(fleettest.Stream("Hel", "lo").OmitUsage(), fleettest.Stream("12345678", "9").OmitUsage())
	r.post(chatPath, streamed)
	r.post(chatPath, plainCall)
	r.ended(2)
	all := r.events()
	wantUsage(t, all[0], sluice.Usage{sluice.ClassInput: int64(len(streamed)+3) / 4, sluice.ClassOutput: 2}, sluice.StatusCompleted, true)
	wantUsage(t, all[1], sluice.Usage{sluice.ClassInput: prompt, sluice.ClassOutput: 3}, sluice.StatusCompleted, true)
}

// blocked is a ledger that settles when it is told to.
type blocked struct {
	gateway.Ledger
	reached, release chan struct{}
}

func (b *blocked) Settle(ctx context.Context, ev sluice.Event) (sluice.Event, error) {
	close(b.reached)
	<-b.release
	return b.Ledger.Settle(ctx, ev)
}

// The content passes at once; what confirms the charge comes when it is durable.
func TestDoneIsDurable(t *testing.T) {
	b := &blocked{reached: make(chan struct{}), release: make(chan struct{})}
	r := newRig(t, setup{options: gateway.Options{Ledger: b}})
	b.Ledger = r.ledger
	_, lines := r.open(t.Context(), withUsage)
	readUntil(t, lines, `" world"`)
	readUntil(t, lines, `"stop"`)
	<-b.reached
	after := make(chan string)
	go func() {
		line, _ := lines.ReadString('\n') // the blank line of the event before
		next, _ := lines.ReadString('\n')
		after <- line + next
	}()
	select {
	case got := <-after:
		t.Errorf("before the call was settled came %q", got)
	case <-time.After(20 * time.Millisecond):
	}
	close(b.release)
	if got := <-after; !strings.Contains(got, `"usage"`) {
		t.Errorf("after the call was settled came %q", got)
	}
	readUntil(t, lines, "[DONE]")
	r.event()
}

// A settlement that fails is an error, never a clean end.
type failing struct{ gateway.Ledger }

func (failing) Settle(_ context.Context, ev sluice.Event) (sluice.Event, error) {
	return ev, sluice.Errorf(sluice.CodeUnavailable, "The ledger stopped.")
}

func TestSettleFails(t *testing.T) {
	f := &failing{}
	r := newRig(t, setup{options: gateway.Options{Ledger: f}})
	f.Ledger = r.ledger
	wantError(t, r.post(chatPath, plainCall), 503, sluice.CodeUnavailable)
	a := r.post(chatPath, withUsage)
	if strings.Contains(a.body, "[DONE]") || strings.Contains(a.body, `"usage"`) || !strings.Contains(a.body, `"error":`) {
		t.Errorf("body %s", a.body)
	}
	r.wantFree(2)
}

func TestSimulatedIsLabelled(t *testing.T) {
	cfg, err := simulator.Parse("sim:instant?tokens=5")
	if err != nil {
		t.Fatal(err)
	}
	sim, err := simulator.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{plainCall, streamed} {
		r := newRig(t, setup{handler: sim, engine: func(e *sluice.Engine) { e.Kind = sluice.EngineSimulated }})
		a := r.post(chatPath, body)
		if a.StatusCode != 200 || a.Header.Get("X-Sluice-Simulated") != "true" {
			t.Errorf("status %d, header %v", a.StatusCode, a.Header)
		}
		if ev := r.event(); !ev.Simulated || ev.Usage.Completion() != 5 || ev.Status != sluice.StatusCompleted {
			t.Errorf("booked %+v", ev)
		}
		list := r.do(r.request(t.Context(), http.MethodGet, "/v1/models", ""))
		if !strings.Contains(list.body, `"simulated":true`) {
			t.Errorf("models %s", list.body)
		}
	}
}

func TestModels(t *testing.T) {
	r := newRig(t, setup{})
	list := func() string { return r.do(r.request(t.Context(), http.MethodGet, "/v1/models", "")).body }
	if got := list(); strings.Count(got, `"object":"model"`) != 3 || !strings.HasPrefix(got, `{"object":"list"`) {
		t.Errorf("models %s", got)
	}
	one := r.do(r.request(t.Context(), http.MethodGet, "/v1/models/test-model", ""))
	if one.StatusCode != 200 || !strings.HasPrefix(one.body, `{"id":"test-model","object":"model"`) || one.Header.Get("X-Request-Id") == "" {
		t.Errorf("model: %d %s", one.StatusCode, one.body)
	}
	r.config.Keys[0].Models = []string{"other-model"}
	if got := list(); strings.Count(got, `"object":"model"`) != 1 || !strings.Contains(got, "other-model") {
		t.Errorf("models of a scoped key %s", got)
	}
	wantError(t, r.do(r.request(t.Context(), http.MethodGet, "/v1/models/test-model", "")), 404, sluice.CodeModelNotFound)
	for _, m := range r.config.Models {
		m.Hidden = m.Name == "other-model"
	}
	r.use()
	if got := list(); strings.Contains(got, "other-model") {
		t.Errorf("a hidden model is listed: %s", got)
	}
	if a := r.do(r.request(t.Context(), http.MethodGet, "/v1/models/other-model", "")); a.StatusCode != 200 {
		t.Errorf("a hidden model that is named: %d %s", a.StatusCode, a.body)
	}
	req := r.request(t.Context(), http.MethodGet, "/v1/models", "")
	req.Header.Del("Authorization")
	wantError(t, r.do(req), 401, sluice.CodeUnauthenticated)
	req.Header.Set("X-Api-Key", r.secret)
	if a := r.do(req); a.StatusCode != 200 {
		t.Errorf("with x-api-key: %d", a.StatusCode)
	}
}

func TestWrongMethod(t *testing.T) {
	r := newRig(t, setup{})
	for _, c := range []struct{ method, path, allow string }{
		{http.MethodGet, chatPath, "POST"},
		{http.MethodHead, chatPath, "POST"},
		{http.MethodOptions, "/v1/embeddings", "POST"},
		{http.MethodDelete, "/v1/completions", "POST"},
		{http.MethodPost, "/v1/models", "GET, HEAD"},
		{http.MethodDelete, "/v1/models/test-model", "GET, HEAD"},
	} {
		a := r.do(r.request(t.Context(), c.method, c.path, ""))
		if a.Header.Get("Allow") != c.allow {
			t.Errorf("%s %s: Allow is %q", c.method, c.path, a.Header.Get("Allow"))
		}
		if c.method != http.MethodHead {
			wantError(t, a, 405, sluice.CodeInvalid)
		}
	}
	wantError(t, r.do(r.request(t.Context(), http.MethodPost, "/v1/nothing", "{}")), 404, sluice.CodeNotFound)
	if a := r.do(r.request(t.Context(), http.MethodHead, "/v1/models", "")); a.StatusCode != 200 || a.body != "" {
		t.Errorf("HEAD of the models: %d %q", a.StatusCode, a.body)
	}
}
