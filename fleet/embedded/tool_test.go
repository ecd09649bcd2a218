package embedded

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/infer"
	"sluice/infer/box"
)

// newToolEngine returns an engine on the model in the box whose file says that
// its template is Qwen3's.
func newToolEngine(t *testing.T) *Engine {
	t.Helper()
	data, key := box.File(), []byte("tokenizer.chat_template\x08\x00\x00\x00")
	at := bytes.Index(data, key) + len(key)
	size := int(binary.LittleEndian.Uint64(data[at:]))
	source := "<|im_start|> <tool_call> <think>"
	if at < len(key) || size < len(source) {
		t.Fatal("the model in the box has no template")
	}
	copy(data[at+8:], source+strings.Repeat(" ", size-len(source)))
	model, err := infer.Options{Threads: 1, Cache: 8 << 20}.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(Config{Model: model, ID: "tiny", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// tools are two functions; the schema of the second cannot be kept.
const tools = `"tools":[{"type":"function","function":{"name":"get_weather","description":"The weather","parameters":{"type":"object",` +
	`"properties":{"city":{"type":"string","maxLength":20}},"required":["city"],"additionalProperties":false}}},` +
	`{"type":"function","function":{"name":"odd","parameters":{"type":"object","oneOf":[{},{}]}}}]`

// chatAnswer is what the tests read of a chat.
type chatAnswer struct {
	Choices []struct {
		Message struct {
			Content   *string
			Reasoning string `json:"reasoning_content"`
			Calls     []call `json:"tool_calls"`
		}
		FinishReason string `json:"finish_reason"`
	}
	Usage struct {
		Prompt     int `json:"prompt_tokens"`
		Completion int `json:"completion_tokens"`
		Details    struct {
			Reasoning int `json:"reasoning_tokens"`
		} `json:"completion_tokens_details"`
	}
}

func askChat(t *testing.T, e *Engine, body string) chatAnswer {
	t.Helper()
	w := post(e, "/v1/chat/completions", body)
	var a chatAnswer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return a
}

// TestToolCalls: whatever the model would rather write, calls that must be are
// calls, with arguments that fit; the same streamed and whole.
func TestToolCalls(t *testing.T) {
	e := newToolEngine(t)
	for choice, name := range map[string]string{
		`"required","parallel_tool_calls":false`:                "",
		`{"type":"function","function":{"name":"get_weather"}}`: "get_weather",
	} {
		for seed := range 5 {
			body := fmt.Sprintf(`{%s,%s,"tool_choice":%s,"temperature":1,"seed":%d,"max_tokens":200}`, hello, tools, choice, seed)
			a := askChat(t, e, body)
			c := a.Choices[0]
			if c.FinishReason == "length" {
				continue
			}
			if c.FinishReason != "tool_calls" || len(c.Message.Calls) != 1 || c.Message.Content != nil {
				t.Fatalf("%s: %+v", choice, c)
			}
			one := c.Message.Calls[0]
			var arguments map[string]any
			if err := json.Unmarshal([]byte(one.Function.Arguments), &arguments); err != nil || one.Type != "function" || !strings.HasPrefix(one.ID, "call_") {
				t.Errorf("%s: %+v: %v", choice, one, err)
			}
			if city, ok := arguments["city"].(string); one.Function.Name == "get_weather" && (len(arguments) != 1 || !ok || len([]rune(city)) > 20) || name != "" && one.Function.Name != name {
				t.Errorf("%s: %+v", choice, one)
			}
			streamed, finish := "", ""
			for frame := range strings.SplitSeq(post(e, "/v1/chat/completions", body[:len(body)-1]+`,"stream":true}`).Body.String(), "\n\n") {
				var chunk struct {
					Choices []struct {
						Delta struct {
							Calls []callDelta `json:"tool_calls"`
						}
						FinishReason string `json:"finish_reason"`
					}
				}
				if json.Unmarshal([]byte(strings.TrimPrefix(frame, "data: ")), &chunk) != nil || len(chunk.Choices) == 0 {
					continue
				}
				for _, d := range chunk.Choices[0].Delta.Calls {
					streamed += fmt.Sprint(d.Index, d.Function)
				}
				finish = chunk.Choices[0].FinishReason
			}
			if want := fmt.Sprint(0, one.Function); streamed != want || finish != "tool_calls" {
				t.Errorf("streamed %s, %s, want %s", streamed, finish, want)
			}
		}
	}
}

// TestToolTalk: calls and their results are part of the prompt; without a wish to
// call, and with none, the answer is text.
func TestToolTalk(t *testing.T) {
	e := newToolEngine(t)
	plain := askChat(t, e, `{`+hello+`,"max_tokens":5}`)
	with := askChat(t, e, `{`+hello+`,`+tools+`,"max_tokens":5}`)
	none := askChat(t, e, `{`+hello+`,`+tools+`,"tool_choice":"none","max_tokens":5}`)
	if with.Usage.Prompt < plain.Usage.Prompt+50 || none.Usage.Prompt != plain.Usage.Prompt {
		t.Errorf("prompts of %d tokens, %d with tools, %d with none to be called", plain.Usage.Prompt, with.Usage.Prompt, none.Usage.Prompt)
	}
	talk := `"model":"tiny","messages":[{"role":"user","content":"weather?"},{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Oslo\"}"}}]},` +
		`{"role":"tool","tool_call_id":"call_1","content":"rain"}]`
	after := askChat(t, e, `{`+talk+`,`+tools+`,"max_tokens":5}`)
	var counted struct{ Count int }
	if err := json.Unmarshal(post(e, "/tokenize", `{`+talk+`,`+tools+`}`).Body.Bytes(), &counted); err != nil || counted.Count != after.Usage.Prompt {
		t.Errorf("/tokenize counts %d, the usage %d: %v", counted.Count, after.Usage.Prompt, err)
	}
	for body, param := range map[string]string{
		`"tools":[{"type":"web"}]`:                                              "tools[0].type",
		`"tools":[{"type":"function","function":{}}]`:                           "tools[0].function",
		tools + `,"tool_choice":"perhaps"`:                                      "tool_choice",
		`"tool_choice":"required"`:                                              "tool_choice",
		tools + `,"response_format":{"type":"json_object"}`:                     "response_format",
		strings.Replace(tools, `"name":"odd"`, `"name":"odd","strict":true`, 1): "tools",
	} {
		if w := post(e, "/v1/chat/completions", `{`+hello+`,`+body+`}`); w.Code != 400 || !strings.Contains(w.Body.String(), `"param":"`+param+`"`) {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	if w := post(newEngine(t, 1), "/v1/chat/completions", `{`+hello+`,`+tools+`}`); w.Code != 200 && !strings.Contains(w.Body.String(), "knows no tools") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestSpeech reads pieces: reasoning, then text, then a stop string that begins
// inside of a token.
func TestSpeech(t *testing.T) {
	e := newToolEngine(t)
	p, err := e.chatPrompt(&request{Messages: []message{{Role: "user", Content: []byte(`"hi"`)}}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	var content, reasoning string
	tokens := 0
	for _, text := range []string{"<think>", "\nLet me", " see.\n", "</think>", "\n\nIt is", " so, STOP"} {
		var ids []int32
		if id, ok := e.cfg.Model.Tokenizer().Special(text); ok {
			ids = []int32{id}
		} else {
			ids = e.cfg.Model.Tokenizer().Encode(nil, text)
		}
		tokens += len(ids)
		piece := infer.Piece{IDs: ids, Usage: infer.Usage{Completion: tokens}}
		if strings.HasSuffix(text, "STOP") {
			piece.Surplus = 4
		}
		s := p.speech.piece(piece)
		content, reasoning = content+s.content, reasoning+s.reasoning
	}
	if rest := p.speech.close(infer.Usage{Completion: tokens}); !rest.empty() || content != "It is so, " || reasoning != "Let me see." {
		t.Errorf("says %q behind %q, and %+v", content, reasoning, rest)
	}
	if thought := p.speech.thought; thought < 3 || thought >= tokens-2 {
		t.Errorf("%d of %d tokens are reasoning", thought, tokens)
	}
}
