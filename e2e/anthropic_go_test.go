package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
)

// TestAnthropicGo holds the server against Anthropic's official Go client.
func TestAnthropicGo(t *testing.T) {
	w := newMessagesWorld(t)
	c := messagesClient{w, w.anthropic(w.key.Secret)}
	for _, model := range []string{w.box, w.simulated, w.acts, w.alias} {
		t.Run(model, func(t *testing.T) {
			t.Run("text", func(t *testing.T) { c.text(t, model) })
			t.Run("stream", func(t *testing.T) { c.stream(t, model) })
			t.Run("count", func(t *testing.T) { c.count(t, model) })
		})
	}
	t.Run("tools", func(t *testing.T) { c.tools(t, false) })
	t.Run("tools streamed", func(t *testing.T) { c.tools(t, true) })
	t.Run("one tool at a time", c.oneTool)
	t.Run("thinking", func(t *testing.T) { c.thinking(t, false) })
	t.Run("thinking streamed", func(t *testing.T) { c.thinking(t, true) })
	t.Run("image", c.image)
	t.Run("structured output", c.structured)
	t.Run("stop sequence", c.stopSequence)
	t.Run("refusal", c.refusal)
	t.Run("models", c.models)
	t.Run("errors", c.errors)
	t.Run("error in the middle", c.breaks)
	t.Run("retries", c.retries)
	t.Run("limits", c.limits)
	t.Run("cancel", c.cancel)
	w.settled(t)
	w.checkMessages(t)
}

// messagesWorld is a world with an engine that acts, and an alias for its model.
type messagesWorld struct {
	*world
	acts, alias string
}

func newMessagesWorld(t *testing.T) *messagesWorld {
	t.Helper()
	w := &messagesWorld{world: newWorld(t), acts: "acts", alias: "claude-acts"}
	w.sell(t, w.acts, newActor(t).URL, tariff{input: 600_000, cached: 110_000, output: 2_200_000})
	w.run(t, "model", "add", w.acts, "--alias", w.alias, "--context", "200000")
	return w
}

func (w *world) anthropic(secret string, more ...option.RequestOption) anthropic.Client {
	return anthropic.NewClient(append([]option.RequestOption{
		option.WithBaseURL(w.URL), option.WithAPIKey(secret), option.WithMaxRetries(2),
	}, more...)...)
}

// messagesClient is the tests of one client.
type messagesClient struct {
	*messagesWorld
	anthropic.Client
}

func turn(model, text string) anthropic.MessageNewParams {
	return anthropic.MessageNewParams{
		Model: model, MaxTokens: 16,
		Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(text))},
	}
}

// new asks for a whole answer, or gathers a streamed one.
func (c messagesClient) new(t *testing.T, params anthropic.MessageNewParams, streamed bool, opts ...option.RequestOption) *anthropic.Message {
	t.Helper()
	if !streamed {
		got, err := c.Messages.New(t.Context(), params, opts...)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	stream := c.Messages.NewStreaming(t.Context(), params, opts...)
	defer stream.Close()
	got := new(anthropic.Message)
	for stream.Next() {
		if err := got.Accumulate(stream.Current()); err != nil {
			t.Fatalf("%v: %s", err, stream.Current().RawJSON())
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	return got
}

// billed checks that a message is billed with what the client was told.
func (c messagesClient) billed(t *testing.T, m *anthropic.Message, res *http.Response, model string) {
	t.Helper()
	d := one[detail](t, c.server, "usage", res.Header.Get("Request-Id"))
	want := tokens{Input: m.Usage.InputTokens, Cached: m.Usage.CacheReadInputTokens, Output: m.Usage.OutputTokens - m.Usage.OutputTokensDetails.ThinkingTokens, Reasoning: m.Usage.OutputTokensDetails.ThinkingTokens}
	if d.Tokens != want || d.Endpoint != "/v1/messages" || d.Model != model {
		t.Errorf("%s is billed with %+v, and the client was told %+v", model, d, want)
	}
}

// own is the model's own name.
func (c messagesClient) own(model string) string {
	if model == c.alias {
		return c.acts
	}
	return model
}

func (c messagesClient) text(t *testing.T, model string) {
	var res *http.Response
	got := c.new(t, turn(model, "What is Sluice?"), false, option.WithResponseInto(&res))
	if len(got.Content) != 1 || got.Content[0].Type != "text" || got.Content[0].Text == "" || got.StopReason == "" || got.Model != model || !strings.HasPrefix(got.ID, "msg_") {
		t.Errorf("the answer is %s", got.RawJSON())
	}
	c.billed(t, got, res, c.own(model))
	if simulated := res.Header.Get("X-Sluice-Simulated") != ""; simulated != (model == c.simulated) {
		t.Errorf("said to be simulated: %t", simulated)
	}
}

func (c messagesClient) stream(t *testing.T, model string) {
	var res *http.Response
	got := c.new(t, turn(model, "What is Sluice?"), true, option.WithResponseInto(&res))
	if len(got.Content) != 1 || got.Content[0].Text == "" || got.StopReason == "" {
		t.Errorf("the stream adds up to %+v", got)
	}
	c.billed(t, got, res, c.own(model))
}

// count: what is counted is what a message costs, where the engine can count.
func (c messagesClient) count(t *testing.T, model string) {
	before := len(c.usage(t, c.org, "--limit", "100"))
	n, err := c.Messages.CountTokens(t.Context(), anthropic.MessageCountTokensParams{
		Model: model, Messages: turn(model, "What is Sluice?").Messages,
	})
	if err != nil || n.InputTokens < 3 || n.InputTokens > 200 {
		t.Fatalf("%+v, %v", n, err)
	}
	if after := len(c.usage(t, c.org, "--limit", "100")); after != before {
		t.Errorf("counting is billed: %d calls, before %d", after, before)
	}
	if model == c.box || model == c.simulated {
		got := c.new(t, turn(model, "What is Sluice?"), false)
		if prompt := got.Usage.InputTokens + got.Usage.CacheReadInputTokens; prompt != n.InputTokens {
			t.Errorf("counted %d tokens, and the prompt had %d", n.InputTokens, prompt)
		}
	}
}

func readTool() []anthropic.ToolUnionParam {
	return []anthropic.ToolUnionParam{{OfTool: &anthropic.ToolParam{
		Name: "read", Description: anthropic.String("Reads a file."),
		InputSchema: anthropic.ToolInputSchemaParam{Properties: map[string]any{"path": map[string]any{"type": "string"}}, Required: []string{"path"}},
	}}}
}

// tools calls two tools at once, hands over their results, and gets the answer.
func (c messagesClient) tools(t *testing.T, streamed bool) {
	params := turn(c.acts, "call the tool")
	params.Tools = readTool()
	got := c.new(t, params, streamed)
	if got.StopReason != anthropic.StopReasonToolUse || len(got.Content) != 3 || got.Content[0].Text != "I read." {
		t.Fatalf("the answer is %s", got.RawJSON())
	}
	var results []anthropic.ContentBlockParamUnion
	for i, want := range []string{"a.go", "b.go"} {
		use := got.Content[1+i].AsToolUse()
		var input struct{ Path string }
		if err := json.Unmarshal(use.Input, &input); err != nil || input.Path != want || use.Name != "read" || use.ID == "" {
			t.Errorf("call %d is %s", i, use.RawJSON())
		}
		results = append(results, anthropic.NewToolResultBlock(use.ID, "package "+want, false))
	}
	params.Messages = append(params.Messages, got.ToParam(), anthropic.NewUserMessage(results...))
	if got = c.new(t, params, streamed); len(got.Content) != 1 || got.Content[0].Text != "It says: package b.go" || got.StopReason != anthropic.StopReasonEndTurn {
		t.Errorf("the answer is %s", got.RawJSON())
	}
}

func (c messagesClient) oneTool(t *testing.T) {
	params := turn(c.acts, "call the tool")
	params.Tools = readTool()
	params.ToolChoice = anthropic.ToolChoiceUnionParam{OfAuto: &anthropic.ToolChoiceAutoParam{DisableParallelToolUse: anthropic.Bool(true)}}
	if got := c.new(t, params, true); len(got.Content) != 2 {
		t.Errorf("the answer is %s", got.RawJSON())
	}
}

// thinking is shown, signed, and comes back to the model with the next turn; the
// same is so when it is not shown.
func (c messagesClient) thinking(t *testing.T, streamed bool) {
	for _, display := range []string{"summarized", "omitted"} {
		params := turn(c.acts, "think about it")
		params.MaxTokens = 4096
		params.Thinking = anthropic.ThinkingConfigParamUnion{OfEnabled: &anthropic.ThinkingConfigEnabledParam{
			BudgetTokens: 1024, Display: anthropic.ThinkingConfigEnabledDisplay(display),
		}}
		got := c.new(t, params, streamed)
		if len(got.Content) != 2 || got.Content[0].Type != "thinking" || got.Content[0].Signature == "" || got.Content[1].Text != "Four." || got.Usage.OutputTokensDetails.ThinkingTokens != 3 {
			t.Fatalf("the answer is %s", got.RawJSON())
		}
		if want := map[string]string{"summarized": "Two and two.", "omitted": ""}[display]; got.Content[0].Thinking != want {
			t.Errorf("%s: it thinks %q, want %q", display, got.Content[0].Thinking, want)
		}
		params.Messages = append(params.Messages, got.ToParam(), anthropic.NewUserMessage(anthropic.NewTextBlock("think again")))
		params.Thinking = anthropic.ThinkingConfigParamUnion{OfAdaptive: &anthropic.ThinkingConfigAdaptiveParam{}}
		if got := c.new(t, params, streamed); got.Content[0].Thinking != "As before: Two and two." {
			t.Errorf("%s: then it thinks %q", display, got.Content[0].Thinking)
		}
	}
}

// pixel is a PNG of one pixel.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

func (c messagesClient) image(t *testing.T) {
	raw, err := base64.StdEncoding.DecodeString(pixel)
	if err != nil {
		t.Fatal(err)
	}
	params := turn(c.acts, "see this")
	params.Messages[0].Content = append(params.Messages[0].Content, anthropic.NewImageBlockBase64("image/png", pixel))
	if got := c.new(t, params, false); !strings.HasPrefix(got.Content[0].Text, "image/png of 70 bytes (<nil>)") || len(raw) != 70 {
		t.Errorf("the answer is %s", got.RawJSON())
	}
}

func (c messagesClient) structured(t *testing.T) {
	params := turn(c.acts, "json please")
	params.OutputConfig = anthropic.OutputConfigParam{
		Effort: anthropic.OutputConfigEffortLow,
		Format: anthropic.JSONOutputFormatParam{Schema: map[string]any{"type": "object", "properties": map[string]any{"answer": map[string]any{"type": "integer"}}}},
	}
	if got := c.new(t, params, true); got.Content[0].Text != `{"answer":4}` {
		t.Errorf("the answer is %s", got.RawJSON())
	}
}

func (c messagesClient) stopSequence(t *testing.T) {
	params := turn(c.acts, "stop at three")
	params.StopSequences = []string{"three"}
	for _, streamed := range []bool{false, true} {
		if got := c.new(t, params, streamed); got.StopReason != anthropic.StopReasonStopSequence || got.StopSequence != "three" {
			t.Errorf("the answer is %s", got.RawJSON())
		}
	}
}

func (c messagesClient) refusal(t *testing.T) {
	for _, streamed := range []bool{false, true} {
		if got := c.new(t, turn(c.acts, "refuse"), streamed); got.StopReason != anthropic.StopReasonRefusal || got.Content[0].Text != "I will not." || got.StopDetails.Type != "refusal" {
			t.Errorf("the answer is %s", got.RawJSON())
		}
	}
}

func (c messagesClient) models(t *testing.T) {
	names := map[string]string{}
	pages := c.Models.ListAutoPaging(t.Context(), anthropic.ModelListParams{Limit: anthropic.Int(2)})
	for pages.Next() {
		m := pages.Current()
		names[m.ID] = m.DisplayName
	}
	if err := pages.Err(); err != nil {
		t.Fatal(err)
	}
	for id, name := range map[string]string{c.box: c.box, c.simulated: c.simulated, c.told: c.told, c.acts: c.acts, c.alias: c.acts} {
		if names[id] != name {
			t.Errorf("the models are %v, without %s", names, id)
		}
	}
	m, err := c.Models.Get(t.Context(), c.alias, anthropic.ModelGetParams{})
	if err != nil || m.ID != c.alias || m.MaxInputTokens != 200000 || m.CreatedAt.IsZero() {
		t.Errorf("%+v, %v", m, err)
	}
}

// refused asserts the client's typed error and that it was not tried again.
func (c messagesClient) refused(t *testing.T, call func() error, status int, typ anthropic.ErrorType) *anthropic.Error {
	t.Helper()
	before := c.recorder.count()
	err := call()
	var e *anthropic.Error
	if !errors.As(err, &e) {
		t.Fatalf("the error is %v, want the client's own", err)
	}
	if e.StatusCode != status || e.Type() != typ || !strings.HasPrefix(e.RequestID, "call_") || !strings.Contains(e.RawJSON(), e.RequestID) {
		t.Errorf("the error is %d with %s, want %d, %s", e.StatusCode, e.RawJSON(), status, typ)
	}
	if n := c.recorder.count() - before; n != 1 {
		t.Errorf("the client tried %d times, want once", n)
	}
	return e
}

func (c messagesClient) errors(t *testing.T) {
	with := func(secret, model string, change func(*anthropic.MessageNewParams)) func() error {
		params := turn(model, "hi")
		if change != nil {
			change(&params)
		}
		client := c.anthropic(secret)
		return func() error {
			_, err := client.Messages.New(t.Context(), params)
			return err
		}
	}
	key := c.key.Secret
	c.refused(t, with("sk-unknown", c.acts, nil), 401, anthropic.ErrorTypeAuthenticationError)
	c.refused(t, with(c.expired.Secret, c.acts, nil), 401, anthropic.ErrorTypeAuthenticationError)
	c.refused(t, with(key, "nothing", nil), 404, anthropic.ErrorTypeNotFoundError)
	c.refused(t, with(c.poor.Secret, c.acts, nil), 402, anthropic.ErrorTypeBillingError)
	c.refused(t, with(key, c.acts, func(p *anthropic.MessageNewParams) { p.MaxTokens = -1 }), 400, anthropic.ErrorTypeInvalidRequestError)
	search := c.refused(t, with(key, c.acts, func(p *anthropic.MessageNewParams) {
		p.Tools = []anthropic.ToolUnionParam{{OfWebSearchTool20250305: &anthropic.WebSearchTool20250305Param{}}}
	}), 400, anthropic.ErrorTypeInvalidRequestError)
	if !strings.Contains(search.RawJSON(), "web_search") {
		t.Errorf("the error does not name the tool: %s", search.RawJSON())
	}
	c.refused(t, func() error {
		stream := c.Messages.NewStreaming(t.Context(), turn("nothing", "hi"))
		defer stream.Close()
		stream.Next()
		return stream.Err()
	}, 404, anthropic.ErrorTypeNotFoundError)
	c.refused(t, func() error {
		_, err := c.Models.Get(t.Context(), "nothing", anthropic.ModelGetParams{})
		return err
	}, 404, anthropic.ErrorTypeNotFoundError)
}

// breaks: an engine that breaks off in the middle is an error, not an answer.
func (c messagesClient) breaks(t *testing.T) {
	stream := c.Messages.NewStreaming(t.Context(), turn(c.acts, "break off"))
	defer stream.Close()
	var got anthropic.Message
	for stream.Next() {
		if err := got.Accumulate(stream.Current()); err != nil {
			t.Fatal(err)
		}
	}
	var e *anthropic.Error
	if !errors.As(stream.Err(), &e) || e.Type() != anthropic.ErrorTypeAPIError {
		t.Errorf("the stream ends with %v", stream.Err())
	}
	if got.Content[0].Text != "Half an answer" {
		t.Errorf("before came %s", got.RawJSON())
	}
}

// retries: an engine that is busy once is asked again, when it said, by a client
// that does not want to wait for its turn.
func (c messagesClient) retries(t *testing.T) {
	before, begin := c.recorder.count(), time.Now()
	c.engine.busy.Store(1)
	c.new(t, turn(c.told, order{prompt: 5, output: 5}.text()), false, option.WithHeader("X-Sluice-Max-Wait", "0"))
	if n, took := c.recorder.count()-before, time.Since(begin); n != 2 || took < time.Second {
		t.Errorf("%d tries within %v, want a 529 and, a second later, the answer", n, took)
	}
}

func (c messagesClient) limits(t *testing.T) {
	rare := c.anthropic(c.rare.Secret, option.WithMaxRetries(0))
	if _, err := rare.Messages.New(t.Context(), turn(c.simulated, "hi")); err != nil {
		t.Fatal(err)
	}
	e := c.refused(t, func() error {
		_, err := rare.Messages.New(t.Context(), turn(c.simulated, "hi"))
		return err
	}, 429, anthropic.ErrorTypeRateLimitError)
	if after := e.Response.Header.Get("Retry-After"); after != "60" {
		t.Errorf("Retry-After is %q, want 60", after)
	}
	// Who may not ask may still count.
	if _, err := rare.Messages.CountTokens(t.Context(), anthropic.MessageCountTokensParams{
		Model: c.simulated, Messages: turn(c.simulated, "hi").Messages,
	}); err != nil {
		t.Errorf("counting: %v", err)
	}
}

// cancel: a client that leaves pays for what it got.
func (c messagesClient) cancel(t *testing.T) {
	o := order{prompt: 20, cached: 5, output: 20, gate: true}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	params := turn(c.told, o.text())
	params.MaxTokens = 1000
	stream := c.Messages.NewStreaming(ctx, params)
	defer stream.Close()
	for seen := int64(0); seen < o.output/2; {
		if !stream.Next() {
			t.Fatal(stream.Err())
		}
		if stream.Current().Type == "content_block_delta" {
			seen++
		}
	}
	cancel()
	if stream.Next() || !errors.Is(stream.Err(), context.Canceled) {
		t.Errorf("after leaving: %v", stream.Err())
	}
	c.awaitCancelled(t, 1, tokens{Input: o.prompt - o.cached, Cached: o.cached, Output: o.output / 2})
}
