package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/shared"
)

// TestOpenAIGoTools holds what a chat completion is beyond text against the
// official Go client: tools, thinking, images, structured output, refusals.
func TestOpenAIGoTools(t *testing.T) {
	w := newMessagesWorld(t)
	w.run(t, "engine", "add", "engine-blind", "--url", newActor(t).URL, "--model", "blind", "--lacks", "images", "--lacks", "json_schema,logprobs")
	w.run(t, "model", "price", "blind", "--input", "1", "--output", "1")
	c := toolsClient{goClient{w.world, w.openai(w.key.Secret)}, w.acts}
	t.Run("tools", func(t *testing.T) { c.tools(t, false) })
	t.Run("tools streamed", func(t *testing.T) { c.tools(t, true) })
	t.Run("one tool at a time", c.oneTool)
	t.Run("thinking", c.thinking)
	t.Run("image", c.image)
	t.Run("structured output", c.structured)
	t.Run("refusal", c.refusal)
	t.Run("refused loudly", c.lacks)
	w.settled(t)
	if contract := newContract(t); contract != nil {
		t.Logf("validated against OpenAI's description: %v", w.validate(t, contract))
	}
}

type toolsClient struct {
	goClient
	acts string
}

func (c toolsClient) ask(text string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{Model: c.acts, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(text)}}
}

// withTool adds the tool that the actor calls.
func withTool(p openai.ChatCompletionNewParams) openai.ChatCompletionNewParams {
	p.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
		Name: "read", Description: openai.String("reads a file"), Strict: openai.Bool(true),
		Parameters: shared.FunctionParameters{"type": "object", "properties": map[string]any{"path": map[string]any{"type": "string"}}},
	})}
	return p
}

// complete asks, streamed or not. A stream is put together by the client's own
// accumulator, and each of its chunks is looked at.
func (c toolsClient) complete(t *testing.T, p openai.ChatCompletionNewParams, streamed bool) openai.ChatCompletionMessage {
	t.Helper()
	if !streamed {
		got, err := c.Chat.Completions.New(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		return got.Choices[0].Message
	}
	stream := c.Chat.Completions.NewStreaming(t.Context(), p)
	defer stream.Close()
	var acc openai.ChatCompletionAccumulator
	finished, named := 0, map[int64]bool{}
	for stream.Next() {
		chunk := stream.Current()
		if !acc.AddChunk(chunk) {
			t.Errorf("the chunk does not follow: %s", chunk.RawJSON())
		}
		if _, ok := acc.JustFinishedToolCall(); ok {
			finished++
		}
		for _, choice := range chunk.Choices {
			for _, call := range choice.Delta.ToolCalls {
				if first := !named[call.Index]; !call.JSON.Index.Valid() || first != (call.ID != "") || first != (call.Function.Name != "") {
					t.Errorf("the piece of a call is %s", call.RawJSON())
				}
				named[call.Index] = true
			}
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	if finished != len(named) {
		t.Errorf("%d calls were finished, %d begun", finished, len(named))
	}
	return acc.Choices[0].Message
}

// tools: two calls at once, their results, and what the model makes of them.
func (c toolsClient) tools(t *testing.T, streamed bool) {
	p := withTool(c.ask("call them"))
	said := c.complete(t, p, streamed)
	if len(said.ToolCalls) != 2 || said.Content != "I read." {
		t.Fatalf("the model said %+v", said)
	}
	p.Messages = append(p.Messages, said.ToParam())
	for i, want := range []string{`{"path":"a.go"}`, `{"path":"b.go"}`} {
		call := said.ToolCalls[i]
		if call.Function.Name != "read" || call.Function.Arguments != want || call.ID == "" {
			t.Errorf("call %d is %+v", i, call)
		}
		p.Messages = append(p.Messages, openai.ToolMessage("package "+want, call.ID))
	}
	if said = c.complete(t, p, streamed); said.Content != `It says: package {"path":"b.go"}` {
		t.Errorf("to the results the model said %q", said.Content)
	}
}

func (c toolsClient) oneTool(t *testing.T) {
	p := withTool(c.ask("call it"))
	p.ParallelToolCalls = openai.Bool(false)
	if said := c.complete(t, p, true); len(said.ToolCalls) != 1 {
		t.Errorf("the model made %d calls, and one was wanted", len(said.ToolCalls))
	}
}

// thinking comes beside the content, and goes back with the next turn.
func (c toolsClient) thinking(t *testing.T) {
	p := c.ask("think")
	p.ReasoningEffort = shared.ReasoningEffortHigh
	said := c.complete(t, p, false)
	thought := said.JSON.ExtraFields["reasoning_content"].Raw()
	if thought != `"Two and two."` || said.Content != "Four." {
		t.Fatalf("the model thought %s and said %q", thought, said.Content)
	}
	again := said.ToParam()
	again.OfAssistant.SetExtraFields(map[string]any{"reasoning_content": json.RawMessage(thought)})
	p.Messages = append(p.Messages, again, openai.UserMessage("think again"))
	if said = c.complete(t, p, false); said.JSON.ExtraFields["reasoning_content"].Raw() != `"As before: Two and two."` {
		t.Errorf("what the model had thought did not come back: %s", said.RawJSON())
	}
}

// see asks about an image, of one pixel.
func (c toolsClient) see() openai.ChatCompletionNewParams {
	p := c.ask("")
	p.Messages = []openai.ChatCompletionMessageParamUnion{openai.UserMessage([]openai.ChatCompletionContentPartUnionParam{
		openai.TextContentPart("see what"),
		openai.ImageContentPart(openai.ChatCompletionContentPartImageImageURLParam{URL: "data:image/png;base64," + pixel}),
	})}
	return p
}

func (c toolsClient) image(t *testing.T) {
	if said := c.complete(t, c.see(), true); !strings.HasPrefix(said.Content, "image/png of ") {
		t.Errorf("the model saw %q", said.Content)
	}
}

// shaped asks for JSON under a schema.
func (c toolsClient) shaped() openai.ChatCompletionNewParams {
	p := c.ask("json please")
	p.ResponseFormat.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{
		Name: "sum", Strict: openai.Bool(true), Schema: map[string]any{"type": "object"},
	}}
	return p
}

func (c toolsClient) structured(t *testing.T) {
	if said := c.complete(t, c.shaped(), true); said.Content != `{"answer":4}` {
		t.Errorf("the model said %q", said.Content)
	}
}

func (c toolsClient) refusal(t *testing.T) {
	if said := c.complete(t, c.ask("refuse it"), true); said.Refusal != "I will not." {
		t.Errorf("the model said %+v", said)
	}
}

// lacks: what no engine of a model can do is refused, and the parameter is named.
func (c toolsClient) lacks(t *testing.T) {
	for _, want := range []struct {
		model, param string
		p            openai.ChatCompletionNewParams
	}{
		{"blind", "messages[0].content[1]", c.see()},
		{"blind", "response_format", c.shaped()},
		{"blind", "logprobs", openai.ChatCompletionNewParams{Messages: c.ask("hi").Messages, Logprobs: openai.Bool(true)}},
		{c.box, "n", openai.ChatCompletionNewParams{Messages: c.ask("hi").Messages, N: openai.Int(2)}},
		{c.simulated, "response_format", c.shaped()},
	} {
		want.p.Model = want.model
		c.refused(t, func() error {
			_, err := c.Chat.Completions.New(t.Context(), want.p)
			return err
		}, 400, "invalid", want.param)
	}
}
