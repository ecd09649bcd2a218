package embedded

import (
	"encoding/json"
	"strings"
	"testing"

	"sluice/docs"
	"sluice/infer/guide"
)

// newGuided is newEngine with a guide to the docs.
func newGuided(t *testing.T) *Engine {
	t.Helper()
	e := newEngine(t, 4)
	var pages []guide.Page
	for _, p := range docs.Pages() {
		pages = append(pages, guide.Page(p))
	}
	e.cfg.Guide = guide.New(pages)
	return e
}

// guidedAnswer is what the tests read of an answer.
type guidedAnswer struct {
	Choices []struct {
		Message struct{ Content string }
		Finish  string `json:"finish_reason"`
	}
	Usage struct {
		Prompt     int `json:"prompt_tokens"`
		Completion int `json:"completion_tokens"`
	}
}

func chat(t *testing.T, e *Engine, body string) guidedAnswer {
	t.Helper()
	w := post(e, "/v1/chat/completions", `{"model":"tiny",`+body+`}`)
	var out guidedAnswer
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != 200 || len(out.Choices) != 1 {
		t.Fatalf("status %d, %v: %s", w.Code, err, w.Body)
	}
	return out
}

const attach = `"messages":[{"role":"user","content":"How do I attach an engine?"}]`

// TestGuidedAnswerCites: a question about Sluice is answered from the docs, and
// counted by what the model computed: the prompt with the passages in it, the
// answer without what the guide wrote below it.
func TestGuidedAnswerCites(t *testing.T) {
	e := newGuided(t)
	got := chat(t, e, attach)
	text := got.Choices[0].Message.Content
	if !strings.Contains(text, "sluice engine add") || !strings.HasSuffix(text, "[1] docs/questions.md#how-do-i-attach-an-engine") {
		t.Errorf("the answer is %q", text)
	}
	own := e.cfg.Guide.Prepare("How do I attach an engine?")
	form, err := e.cfg.Model.Template()
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := form.Prompt(guidedConversation(&own))
	if err != nil {
		t.Fatal(err)
	}
	if got.Usage.Prompt != len(tokens) {
		t.Errorf("the prompt counts %d tokens, the model read %d", got.Usage.Prompt, len(tokens))
	}
	var counted struct{ Count int }
	if err := json.Unmarshal(post(e, "/tokenize", `{"model":"tiny",`+attach+`}`).Body.Bytes(), &counted); err != nil || counted.Count != len(tokens) {
		t.Errorf("/tokenize counts %d tokens, want %d (%v)", counted.Count, len(tokens), err)
	}
	if c := e.Counted(); c.Prompt != int64(got.Usage.Prompt) || c.Completion != int64(got.Usage.Completion) {
		t.Errorf("the engine counted %+v, the answer says %+v", c, got.Usage)
	}
}

// TestGuidedStream: a stream says what the whole answer does, with the same usage.
func TestGuidedStream(t *testing.T) {
	e := newGuided(t)
	whole := chat(t, e, attach)
	body := post(e, "/v1/chat/completions", `{"model":"tiny","stream":true,"stream_options":{"include_usage":true},`+attach+`}`).Body.String()
	var text strings.Builder
	chunks := 0
	for line := range strings.Lines(body) {
		data, ok := strings.CutPrefix(line, "data: {")
		if !ok {
			continue
		}
		var chunk struct {
			Choices []struct{ Delta struct{ Content string } }
			Usage   *struct {
				Completion int `json:"completion_tokens"`
			}
		}
		if err := json.Unmarshal([]byte("{"+data), &chunk); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		for _, c := range chunk.Choices {
			text.WriteString(c.Delta.Content)
			chunks++
		}
		if chunk.Usage != nil && chunk.Usage.Completion != whole.Usage.Completion {
			t.Errorf("the stream counts %d tokens, the whole answer %d", chunk.Usage.Completion, whole.Usage.Completion)
		}
	}
	if text.String() != whole.Choices[0].Message.Content {
		t.Errorf("the stream says %q, the whole answer %q", text.String(), whole.Choices[0].Message.Content)
	}
	if chunks < 10 {
		t.Errorf("the stream has %d chunks only", chunks)
	}
}

// TestGuideRefuses: what is beyond the model is refused in the words of the guide.
func TestGuideRefuses(t *testing.T) {
	e := newGuided(t)
	for _, question := range []string{"How do I knit a scarf?", "who was the first woman in space"} {
		got := chat(t, e, `"messages":[{"role":"user","content":`+quoted(question)+`}]`)
		if text := got.Choices[0].Message.Content; text != guide.Beyond {
			t.Errorf("%q is answered with %q", question, text)
		}
	}
}

// TestGuideKeepsOut: who asks for the model alone gets it, with the prompt as sent.
func TestGuideKeepsOut(t *testing.T) {
	e := newGuided(t)
	question := `{"role":"user","content":"How do I attach an engine?"}`
	for name, body := range map[string]string{
		"system message": `"messages":[{"role":"system","content":"Be brief."},` + question + `]`,
		"tool":           `"messages":[` + question + `],"tools":[{"type":"function","function":{"name":"f"}}]`,
		"json":           `"messages":[` + question + `],"response_format":{"type":"json_object"},"max_tokens":20`,
		"logprobs":       `"messages":[` + question + `],"logprobs":true`,
		"stop":           `"messages":[` + question + `],"stop":"x"`,
		"long":           `"messages":[{"role":"user","content":` + quoted(strings.Repeat("How do I attach an engine? ", 20)) + `}]`,
	} {
		if got := chat(t, e, body).Choices[0].Message.Content; strings.Contains(got, "docs/") {
			t.Errorf("%s: the guide answered: %q", name, got)
		}
	}
}

// TestGuidedAnswerCutOff: a bound on the tokens is kept, and what came of the answer
// is left as it is.
func TestGuidedAnswerCutOff(t *testing.T) {
	got := chat(t, newGuided(t), attach+`,"max_tokens":5`)
	c := got.Choices[0]
	if c.Finish != "length" || got.Usage.Completion != 5 || strings.Contains(c.Message.Content, "docs/") {
		t.Errorf("got %+v", got)
	}
}
