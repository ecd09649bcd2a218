package e2e

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// TestOpenAIGo holds the server against the official Go client.
func TestOpenAIGo(t *testing.T) {
	w := newWorld(t)
	g := goClient{w, w.openai(w.key.Secret)}
	for _, model := range []string{w.box, w.simulated} {
		t.Run(model, func(t *testing.T) {
			t.Run("chat", func(t *testing.T) { g.chat(t, model) })
			t.Run("stream", func(t *testing.T) { g.stream(t, model, false) })
			t.Run("stream with usage", func(t *testing.T) { g.stream(t, model, true) })
			t.Run("completion", func(t *testing.T) { g.completion(t, model) })
			t.Run("completion stream", func(t *testing.T) { g.completionStream(t, model) })
		})
	}
	t.Run("embeddings", g.embeddings)
	t.Run("models", g.models)
	t.Run("errors", g.errors)
	t.Run("engine refuses", g.engineRefuses)
	t.Run("retries", g.retries)
	t.Run("limits", g.limits)
	t.Run("abort", g.abort)
	w.settled(t)
	if c := newContract(t); c != nil {
		t.Logf("validated against OpenAI's description: %v", w.validate(t, c))
	}
}

func (w *world) openai(secret string, more ...option.RequestOption) openai.Client {
	return openai.NewClient(append([]option.RequestOption{
		option.WithBaseURL(w.URL + "/v1"), option.WithAPIKey(secret), option.WithMaxRetries(2),
	}, more...)...)
}

// goClient is the tests of one client.
type goClient struct {
	*world
	openai.Client
}

func ask(model, text string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model: model, MaxTokens: openai.Int(16), Seed: openai.Int(1),
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(text)},
	}
}

func (g goClient) chat(t *testing.T, model string) {
	var res *http.Response
	got, err := g.Chat.Completions.New(t.Context(), ask(model, "What is Sluice?"), option.WithResponseInto(&res))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Choices) != 1 || got.Choices[0].Message.Content == "" || got.Choices[0].FinishReason == "" || got.Usage.CompletionTokens == 0 {
		t.Errorf("the answer is %s", got.RawJSON())
	}
	id := res.Header.Get("X-Request-Id")
	if d := one[detail](t, g.server, "usage", id); d.Tokens.Output != got.Usage.CompletionTokens || d.Tokens.Input+d.Tokens.Cached != got.Usage.PromptTokens {
		t.Errorf("x-request-id %s is billed with %+v, and the client was told %+v", id, d.Tokens, got.Usage)
	}
	if simulated := res.Header.Get("X-Sluice-Simulated") != ""; simulated != (model == g.simulated) {
		t.Errorf("said to be simulated: %t", simulated)
	}
}

func (g goClient) stream(t *testing.T, model string, includeUsage bool) {
	params := ask(model, "What is Sluice?")
	if includeUsage {
		params.StreamOptions.IncludeUsage = openai.Bool(true)
	}
	stream := g.Chat.Completions.NewStreaming(t.Context(), params)
	defer stream.Close()
	var acc openai.ChatCompletionAccumulator
	usages := 0
	for stream.Next() {
		chunk := stream.Current()
		if !acc.AddChunk(chunk) {
			t.Errorf("the chunk does not follow: %s", chunk.RawJSON())
		}
		if chunk.JSON.Usage.Valid() {
			usages++
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	if len(acc.Choices) != 1 || acc.Choices[0].Message.Content == "" || acc.Choices[0].FinishReason == "" {
		t.Errorf("the stream adds up to %+v", acc.ChatCompletion)
	}
	if want := map[bool]int{true: 1}[includeUsage]; usages != want || (includeUsage && acc.Usage.CompletionTokens == 0) {
		t.Errorf("%d chunks with usage (%+v), want %d", usages, acc.Usage, want)
	}
}

func (g goClient) completion(t *testing.T, model string) {
	got, err := g.Completions.New(t.Context(), openai.CompletionNewParams{
		Model: openai.CompletionNewParamsModel(model), MaxTokens: openai.Int(8),
		Prompt: openai.CompletionNewParamsPromptUnion{OfString: openai.String("Sluice is")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Choices) != 1 || got.Choices[0].Text == "" || got.Usage.CompletionTokens == 0 {
		t.Errorf("the answer is %s", got.RawJSON())
	}
}

func (g goClient) completionStream(t *testing.T, model string) {
	stream := g.Completions.NewStreaming(t.Context(), openai.CompletionNewParams{
		Model: openai.CompletionNewParamsModel(model), MaxTokens: openai.Int(8),
		Prompt: openai.CompletionNewParamsPromptUnion{OfString: openai.String("Sluice is")},
	})
	defer stream.Close()
	text := ""
	for stream.Next() {
		for _, c := range stream.Current().Choices {
			text += c.Text
		}
	}
	if err := stream.Err(); err != nil || text == "" {
		t.Errorf("the stream adds up to %q (%v)", text, err)
	}
}

func (g goClient) embeddings(t *testing.T) {
	got, err := g.Embeddings.New(t.Context(), openai.EmbeddingNewParams{
		Model: g.simulated, Dimensions: openai.Int(16),
		Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"a", "b"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Data) != 2 || len(got.Data[1].Embedding) != 16 || got.Data[1].Index != 1 || got.Usage.PromptTokens == 0 {
		t.Errorf("the answer is %s", got.RawJSON())
	}
	last := g.usage(t, g.org, "--limit", "1")[0]
	if last.Endpoint != "/v1/embeddings" || last.Tokens != (tokens{Input: got.Usage.PromptTokens}) || last.Charge == 0 {
		t.Errorf("embeddings are billed as %+v", last)
	}
}

func (g goClient) models(t *testing.T) {
	page, err := g.Models.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range page.Data {
		names = append(names, m.ID)
	}
	for _, want := range []string{g.box, g.simulated, g.told} {
		if !strings.Contains(strings.Join(names, " "), want) {
			t.Errorf("the models are %q, without %s", names, want)
		}
		if m, err := g.Models.Get(t.Context(), want); err != nil || m.ID != want || m.OwnedBy == "" {
			t.Errorf("the model %s is %+v (%v)", want, m, err)
		}
	}
}

// refused asserts the client's typed error and that it was not tried again.
func (g goClient) refused(t *testing.T, call func() error, status int, code, param string) *openai.Error {
	t.Helper()
	before := g.count()
	err := call()
	var e *openai.Error
	if !errors.As(err, &e) {
		t.Fatalf("the error is %v, want the client's own", err)
	}
	if e.StatusCode != status || e.Code != code || e.Param != param || e.Message == "" || e.Type == "" {
		t.Errorf("the error is %d with %s, want %d, code %s, param %q", e.StatusCode, e.RawJSON(), status, code, param)
	}
	if n := g.count() - before; n != 1 {
		t.Errorf("the client tried %d times, want once", n)
	}
	return e
}

func (g goClient) errors(t *testing.T) {
	with := func(secret, model string, change func(*openai.ChatCompletionNewParams)) func() error {
		params := ask(model, "hi")
		if change != nil {
			change(&params)
		}
		c := g.openai(secret)
		return func() error {
			_, err := c.Chat.Completions.New(t.Context(), params)
			return err
		}
	}
	g.refused(t, with("sk-unknown", g.simulated, nil), 401, "unauthenticated", "")
	g.refused(t, with(g.expired.Secret, g.simulated, nil), 401, "unauthenticated", "")
	g.refused(t, with(g.key.Secret, "nothing", nil), 404, "model_not_found", "model")
	g.refused(t, with(g.poor.Secret, g.simulated, nil), 402, "insufficient_funds", "")
	g.refused(t, with(g.key.Secret, g.simulated, func(p *openai.ChatCompletionNewParams) { p.MaxTokens = openai.Int(-1) }), 400, "invalid", "max_tokens")
	g.refused(t, func() error { _, err := g.Models.Get(t.Context(), "nothing"); return err }, 404, "model_not_found", "")
	g.refused(t, func() error {
		stream := g.Chat.Completions.NewStreaming(t.Context(), ask("nothing", "hi"))
		defer stream.Close()
		stream.Next()
		return stream.Err()
	}, 404, "model_not_found", "model")
}

// engineRefuses passes on what an engine says of the request itself.
func (g goClient) engineRefuses(t *testing.T) {
	g.refused(t, func() error {
		_, err := g.Chat.Completions.New(t.Context(), ask(g.told, "no order at all"))
		return err
	}, 400, "invalid", "")
}

// retries: an engine that is busy once is asked again, when it said, by a client
// that does not want to wait for its turn.
func (g goClient) retries(t *testing.T) {
	before := g.count()
	g.engine.busy.Store(1)
	begin := time.Now()
	_, err := g.Chat.Completions.New(t.Context(), ask(g.told, order{prompt: 5, output: 5}.text()), option.WithHeader("X-Sluice-Max-Wait", "0"))
	if err != nil {
		t.Fatal(err)
	}
	if n, took := g.count()-before, time.Since(begin); n != 2 || took < time.Second {
		t.Errorf("%d tries within %v, want a 503 and, a second later, the answer", n, took)
	}
}

// limits: the headers tell them, and who waits as long as told is served.
func (g goClient) limits(t *testing.T) {
	rare := g.openai(g.rare.Secret, option.WithMaxRetries(0))
	var res *http.Response
	if _, err := rare.Chat.Completions.New(t.Context(), ask(g.simulated, "hi"), option.WithResponseInto(&res)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"X-Ratelimit-Limit-Requests": "1", "X-Ratelimit-Remaining-Requests": "0", "X-Ratelimit-Reset-Requests": "1m0s",
		"X-Ratelimit-Limit-Tokens": "100000",
	} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	e := g.refused(t, func() error {
		_, err := rare.Chat.Completions.New(t.Context(), ask(g.simulated, "hi"))
		return err
	}, 429, "rate_limited", "")
	if after := e.Response.Header.Get("Retry-After"); after != "60" {
		t.Errorf("Retry-After is %q, want 60", after)
	}

	single := g.openai(g.single.Secret)
	stream := single.Chat.Completions.NewStreaming(t.Context(), ask(g.told, order{prompt: 5, output: 25, pace: 20 * time.Millisecond}.text()))
	defer stream.Close()
	if !stream.Next() {
		t.Fatal(stream.Err())
	}
	before, begin := g.count(), time.Now()
	if _, err := single.Chat.Completions.New(t.Context(), ask(g.simulated, "hi")); err != nil {
		t.Fatal(err)
	}
	if n, took := g.count()-before, time.Since(begin); n != 2 || took < time.Second {
		t.Errorf("%d tries within %v, want a 429 and, a second later, the answer", n, took)
	}
	for stream.Next() {
	}
	if err := stream.Err(); err != nil {
		t.Error(err)
	}
}

// abort: a client that leaves pays for what it got.
func (g goClient) abort(t *testing.T) {
	o := order{prompt: 20, cached: 5, output: 20, gate: true}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	params := ask(g.told, o.text())
	params.MaxTokens = openai.Int(1000)
	stream := g.Chat.Completions.NewStreaming(ctx, params)
	defer stream.Close()
	for range o.output / 2 {
		if !stream.Next() {
			t.Fatal(stream.Err())
		}
	}
	cancel()
	if stream.Next() || !errors.Is(stream.Err(), context.Canceled) {
		t.Errorf("after leaving: %v", stream.Err())
	}
	g.awaitCancelled(t, 1, tokens{Input: o.prompt - o.cached, Cached: o.cached, Output: o.output / 2})
}
