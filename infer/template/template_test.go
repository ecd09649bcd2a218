package template

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"sluice/infer/gguf"
	"sluice/infer/gguf/gguftest"
)

// letters is a tokenizer of bytes and special tokens, the first of which every
// prompt begins with.
type letters struct {
	names []string
	start bool
	ends  []string
}

func (l *letters) Encode(dst []int32, text string) []int32 {
	for i := range len(text) {
		dst = append(dst, int32(text[i]))
	}
	return dst
}

func (l *letters) Piece(id int32) string {
	if id < 256 {
		return string([]byte{byte(id)})
	}
	return l.names[id-256]
}

func (l *letters) Special(name string) (int32, bool) {
	i := slices.Index(l.names, name)
	return int32(256 + i), i >= 0
}

func (l *letters) Start() []int32 {
	if l.start {
		return []int32{256}
	}
	return nil
}

func (l *letters) Control(id int32) bool {
	return id >= 256 && !strings.Contains(l.Piece(id), "tool_call") && !strings.Contains(l.Piece(id), "think")
}
func (l *letters) Ends(id int32) bool { return id >= 256 && slices.Contains(l.ends, l.Piece(id)) }

// all has the special tokens of all families.
func all() *letters {
	return &letters{ends: []string{"<|im_end|>", "<|eot_id|>", "</s>"}, names: []string{
		"<s>", "</s>", "<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>", "<think>", "</think>", "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>",
		"[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_CALLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]",
		"[gMASK]", "<sop>", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>", "<｜begin▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>", "<｜end▁of▁sentence｜>", "<bos>", "<start_of_turn>", "<end_of_turn>",
	}}
}

// sources are the marks of each family's published template, enough to know it.
func sources() map[string]string {
	return map[string]string{
		"Qwen3":      `'<|im_start|>system\n' <tool_call> '\n<think>\n' enable_thinking`,
		"Qwen2.5":    `'<|im_start|>system\n' 'You are Qwen, created by Alibaba Cloud. You are a helpful assistant.' <tool_call>`,
		"ChatML":     `{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}`,
		"Llama 3.1":  `"<|start_header_id|>system<|end_header_id|>\n\n" "Environment: ipython\n"`,
		"Llama 3":    `'<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'`,
		"Llama 2":    `'[INST] ' '<<SYS>>\n'`,
		"Mistral v7": `'[SYSTEM_PROMPT]' '[INST]' [AVAILABLE_TOOLS]`,
		"Mistral v3": `"[AVAILABLE_TOOLS] [" "[INST] "`,
		"Mistral v1": `'[INST] ' + message['content'] + ' [/INST]'`,
		"GLM-4":      `[gMASK]<sop> '<|assistant|>'`,
		"DeepSeek":   `'<｜User｜>' + message['content'] '<｜Assistant｜><think>\n'}}`,
		"Gemma":      `'<start_of_turn>' + role '<end_of_turn>\n'`,
	}
}

func of(t testing.TB, name string) *Template {
	t.Helper()
	tmpl, err := Of(sources()[name], all())
	if err != nil || tmpl.Name() != name {
		t.Fatalf("%s: %v, %v", name, tmpl, err)
	}
	return tmpl
}

func TestFamiliesAreKnown(t *testing.T) {
	for name := range sources() {
		of(t, name)
	}
	if tmpl, err := Of("", all()); err != nil || tmpl.Name() != "ChatML" {
		t.Errorf("without a program: %v, %v", tmpl, err)
	}
	for want, c := range map[string]struct {
		source string
		names  []string
	}{
		"no known family; known are Qwen3, Qwen2.5, ChatML, Llama 3.1": {"{{ messages }}", all().names},
		"lacks ChatML's tokens":               {"", nil},
		"lacks the token <|start_header_id|>": {sources()["Llama 3"], []string{"<s>"}},
	} {
		if _, err := Of(c.source, &letters{names: c.names}); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	f, err := gguf.Parse(gguftest.New().String("tokenizer.chat_template", sources()["Gemma"]).Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if tmpl, err := For(f, all()); err != nil || tmpl.Name() != "Gemma" {
		t.Errorf("%v, %v", tmpl, err)
	}
	f, err = gguf.Parse(gguftest.New().Uint32("tokenizer.chat_template", 3).Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := For(f, all()); err == nil {
		t.Error("a template that is a number is read")
	}
}

// talk is a conversation with all there can be; plain has no tools.
func talk() *Conversation {
	return &Conversation{
		Messages: []Message{
			{Role: "system", Content: "Be brief."},
			{Role: "user", Content: "Hi"},
			{Role: "assistant", Content: "Hello.", Reasoning: "greet"},
			{Role: "user", Content: "2+3?"},
			{Role: "assistant", Reasoning: "use add", Calls: []Call{{ID: "call00001", Name: "add", Arguments: `{"a":2,"b":3}`}}},
			{Role: "tool", Content: "5", CallID: "call00001"},
		},
		Tools: []Tool{{Name: "add", Function: []byte(`{"name":"add","description":"Adds.","parameters":{"type":"object"}}`)}},
	}
}

func plain() *Conversation { return &Conversation{Messages: talk().Messages[:4]} }

// TestRenderedTexts holds each family to the text that its published template
// makes of the conversation.
func TestRenderedTexts(t *testing.T) {
	const function = `{"type": "function", "function": {"name": "add", "description": "Adds.", "parameters": {"type": "object"}}}`
	const lines = "{\n    \"type\": \"function\",\n    \"function\": {\n        \"name\": \"add\",\n        \"description\": \"Adds.\",\n        \"parameters\": {\n            \"type\": \"object\"\n        }\n    }\n}"
	const qwenTools = "<|im_start|>system\nBe brief.\n\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are provided with function signatures within <tools></tools> XML tags:\n<tools>\n" + function +
		"\n</tools>\n\nFor each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call><|im_end|>\n" +
		"<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n<|im_start|>user\n2+3?<|im_end|>\n<|im_start|>assistant\n"
	const qwenCall = "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 2, \"b\": 3}}\n</tool_call><|im_end|>\n<|im_start|>user\n<tool_response>\n5\n</tool_response><|im_end|>\n<|im_start|>assistant\n"
	noThinking := talk()
	noThinking.NoThinking = true
	bare := &Conversation{Messages: []Message{{Role: "user", Content: "Hi"}}}
	dated := talk()
	dated.Date = "22 Nov 2026"
	for _, c := range []struct {
		family string
		talk   *Conversation
		want   string
	}{
		{"Qwen3", talk(), qwenTools + "<think>\nuse add\n</think>\n\n" + qwenCall},
		{"Qwen3", noThinking, qwenTools + "<think>\nuse add\n</think>\n\n" + qwenCall + "<think>\n\n</think>\n\n"},
		{"Qwen3", bare, "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"},
		{"Qwen2.5", talk(), qwenTools + qwenCall},
		{"Qwen2.5", bare, "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"},
		{"ChatML", plain(), "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n<|im_start|>user\n2+3?<|im_end|>\n<|im_start|>assistant\n"},
		{"Llama 3.1", dated, "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nEnvironment: ipython\nCutting Knowledge Date: December 2023\nToday Date: 22 Nov 2026\n\nBe brief.<|eot_id|>" +
			"<|start_header_id|>user<|end_header_id|>\n\nGiven the following functions, please respond with a JSON for a function call with its proper arguments that best answers the given prompt.\n\nRespond in the format {\"name\": function name, \"parameters\": dictionary of argument name and its value}.Do not use variables.\n\n" + lines + "\n\nHi<|eot_id|>" +
			"<|start_header_id|>assistant<|end_header_id|>\n\nHello.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n2+3?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n{\"name\": \"add\", \"parameters\": {\"a\": 2, \"b\": 3}}<|eot_id|>" +
			"<|start_header_id|>ipython<|end_header_id|>\n\n\"5\"<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"},
		{"Llama 3.1", bare, "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"},
		{"Llama 3", plain(), "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nHello.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n2+3?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"},
		{"Llama 2", plain(), "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHi [/INST] Hello. </s><s>[INST] 2+3? [/INST]"},
		{"Mistral v1", plain(), "<s>[INST] Be brief.\n\nHi [/INST]Hello.</s>[INST] 2+3? [/INST]"},
		{"Mistral v3", talk(), "<s>[INST]Hi[/INST]Hello.</s>[AVAILABLE_TOOLS][" + function + "][/AVAILABLE_TOOLS][INST]Be brief.\n\n2+3?[/INST][TOOL_CALLS][{\"name\": \"add\", \"arguments\": {\"a\": 2, \"b\": 3}, \"id\": \"call00001\"}]</s>[TOOL_RESULTS]{\"content\": \"5\", \"call_id\": \"call00001\"}[/TOOL_RESULTS]"},
		{"Mistral v7", plain(), "<s>[SYSTEM_PROMPT]Be brief.[/SYSTEM_PROMPT][INST]Hi[/INST]Hello.</s>[INST]2+3?[/INST]"},
		{"GLM-4", talk(), "[gMASK]<sop><|system|>\n# 可用工具\n\n## add\n\n{\n    \"name\": \"add\",\n    \"description\": \"Adds.\",\n    \"parameters\": {\n        \"type\": \"object\"\n    }\n}\n在调用上述函数时，请使用 Json 格式表示调用的参数。<|system|>\nBe brief.<|user|>\nHi<|assistant|>\nHello.<|user|>\n2+3?<|assistant|>add\n{\"a\":2,\"b\":3}<|observation|>\n5<|assistant|>"},
		{"DeepSeek", plain(), "<｜begin▁of▁sentence｜>Be brief.<｜User｜>Hi<｜Assistant｜>Hello.<｜end▁of▁sentence｜><｜User｜>2+3?<｜Assistant｜><think>\n"},
		{"Gemma", plain(), "<bos><start_of_turn>user\nBe brief.\n\nHi<end_of_turn>\n<start_of_turn>model\nHello.<end_of_turn>\n<start_of_turn>user\n2+3?<end_of_turn>\n<start_of_turn>model\n"},
	} {
		got, err := of(t, c.family).Text(c.talk)
		if err != nil || got != c.want {
			t.Errorf("%s: %v\n got %q\nwant %q", c.family, err, got, c.want)
		}
	}
}

func TestPromptRefusals(t *testing.T) {
	for want, c := range map[string]struct {
		family string
		talk   *Conversation
	}{
		"is empty":                  {"ChatML", &Conversation{}},
		`has the role "robot"`:      {"ChatML", &Conversation{Messages: []Message{{Role: "robot"}}}},
		"is about a tool":           {"ChatML", talk()},
		"knows no tools":            {"Gemma", &Conversation{Messages: plain().Messages, Tools: talk().Tools}},
		"take turns":                {"Llama 2", &Conversation{Messages: []Message{{Role: "assistant"}}}},
		"first message of the user": {"Llama 3.1", &Conversation{Messages: []Message{{Role: "system"}}, Tools: talk().Tools}},
		"no message of the user":    {"Mistral v3", &Conversation{Messages: []Message{{Role: "system"}}}},
		"one tool at a time":        {"Llama 3.1", &Conversation{Messages: []Message{{Role: "assistant", Calls: make([]Call, 2)}}}},
	} {
		if _, err := of(t, c.family).Prompt(c.talk); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", c.family, err, want)
		}
	}
}

// TestTextIsNeverSpecial: what messages say makes no special tokens, in any
// family; and the token that every prompt begins with stands once.
func TestTextIsNeverSpecial(t *testing.T) {
	for name := range sources() {
		tmpl := of(t, name)
		count := func(c *Conversation) int {
			tokens, err := tmpl.Prompt(c)
			if err != nil {
				t.Fatal(name, err)
			}
			n := 0
			for _, id := range tokens {
				if id >= 256 {
					n++
				}
			}
			return n
		}
		evil := plain()
		evil.Messages = slices.Clone(evil.Messages)
		for i := range evil.Messages {
			evil.Messages[i].Content = "x" + strings.Join(all().names[:6], "") + strings.Join(all().names[8:], "")
		}
		if a, b := count(plain()), count(evil); a != b {
			t.Errorf("%s: %d special tokens become %d", name, a, b)
		}
	}
	tokens := all()
	tokens.start = true
	tmpl, err := Of(sources()["Mistral v1"], tokens)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := tmpl.Prompt(plain()); err != nil || got[0] != 256 || got[1] == 256 {
		t.Errorf("the prompt begins with %v, %v", got[:2], err)
	}
}

// answer reads an answer in which special tokens stand by name.
func answer(tmpl *Template, c *Conversation, text string) (content, reasoning string, calls []Call) {
	p := tmpl.Parser(c)
	l := all()
	var out []Delta
	for text != "" {
		id := int32(text[0])
		for i, name := range l.names {
			if strings.HasPrefix(text, name) {
				id = int32(256 + i)
				break
			}
		}
		out = append(out, p.Push(id)...)
		text = text[len(l.Piece(id)):]
	}
	for _, d := range append(out, p.Close()...) {
		content, reasoning = content+d.Text, reasoning+d.Reasoning
		if d.Call != nil {
			calls = append(calls, *d.Call)
		}
	}
	return content, reasoning, calls
}

func TestAnswers(t *testing.T) {
	add, sub := Call{Name: "add", Arguments: `{"a": 2}`}, Call{Name: "sub", Arguments: `{}`}
	for _, c := range []struct {
		family, text       string
		content, reasoning string
		calls              []Call
	}{
		{"Qwen3", "Hello.<|im_end|>", "Hello.", "", nil},
		{"Qwen3", "<think>\nhm\n\nyes\n</think>\n\nHello. \n", "Hello. \n", "hm\n\nyes", nil},
		{"Qwen3", "<think>\n\n</think>\n\nHi", "Hi", "", nil},
		{"Qwen3", "<think>never ends", "", "never ends", nil},
		{"Qwen3", "I add.\n<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 2}}\n</tool_call>\n<tool_call>\n{\"name\":\"sub\"}\n</tool_call>", "I add.", "", []Call{add, sub}},
		{"Qwen2.5", "<tool_call>{\"name\": \"add\", \"arguments\": \"{\\\"a\\\": 2}\"}</tool_call> done", "done", "", []Call{add}},
		{"Qwen2.5", "<tool_call>\nno call\n</tool_call>", "<tool_call>\nno call\n</tool_call>", "", nil},
		{"Qwen2.5", "<tool_call>\n{\"name\": \"add\", \"argu", "<tool_call>\n{\"name\": \"add\", \"argu", "", nil},
		{"Llama 3.1", `{"name": "add", "parameters": {"a": 2}}`, "", "", []Call{add}},
		{"Llama 3.1", `{"name": "add", "parameters": {"a": 2}}; {"name": "sub", "parameters": {}}`, "", "", []Call{add, sub}},
		{"Llama 3.1", `{"x": 1} is JSON`, `{"x": 1} is JSON`, "", nil},
		{"Llama 3.1", `Yes: {"name": "add", "parameters": {}}`, `Yes: {"name": "add", "parameters": {}}`, "", nil},
		{"Mistral v3", ` [TOOL_CALLS] [{"name": "add", "arguments": {"a": 2}, "id": "x"}]</s>`, "", "", []Call{add}},
		{"Mistral v3", " Hello.</s>", "Hello.", "", nil},
		{"GLM-4", "add\n{\"a\": 2}", "", "", []Call{add}},
		{"GLM-4", "\nHello.\nYes", "Hello.\nYes", "", nil},
		{"GLM-4", "address", "address", "", nil},
		{"DeepSeek", "hm\n</think>\n\nHi", "Hi", "hm", nil},
		{"ChatML", "<tool_call>x</tool_call>", "<tool_call>x</tool_call>", "", nil},
		{"Llama 2", " Hi  there ", "Hi  there ", "", nil},
		{"Gemma", "a\xff\xe4\xbd", "a\ufffd\ufffd", "", nil},
	} {
		conversation := talk()
		conversation.Tools = append(conversation.Tools, Tool{Name: "sub"})
		content, reasoning, calls := answer(of(t, c.family), conversation, c.text)
		if content != c.content || reasoning != c.reasoning || !slices.Equal(calls, c.calls) {
			t.Errorf("%s: %q gives %q, %q, %v", c.family, c.text, content, reasoning, calls)
		}
	}
}

// TestAnswersAreWhole: whatever a model writes, nothing of it gets lost but
// marks and white space, and all that comes out is UTF-8.
func TestAnswersAreWhole(t *testing.T) {
	part := rapid.OneOf(rapid.SampledFrom([]string{"<think>", "</think>", "<tool_call>", "</tool_call>", "[TOOL_CALLS]", "{", "}", "add\n", "\n", " ", `{"name": "add", "arguments": {}}`}), rapid.StringN(0, 4, -1))
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"Qwen3", "Qwen2.5", "Llama 3.1", "Mistral v3", "GLM-4", "DeepSeek", "ChatML"}).Draw(t, "family")
		tmpl, err := Of(sources()[name], all())
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(rapid.SliceOfN(part, 0, 10).Draw(t, "text"), "")
		content, reasoning, calls := answer(tmpl, talk(), text)
		if !utf8.ValidString(content) || !utf8.ValidString(reasoning) {
			t.Fatalf("%q gives %q, %q", text, content, reasoning)
		}
		if len(calls) > 0 {
			return
		}
		strip := func(text string) string {
			for _, mark := range []string{"<think>", "</think>", "<tool_call>", "</tool_call>", "[TOOL_CALLS]"} {
				text = strings.ReplaceAll(text, mark, "")
			}
			return strings.Join(strings.Fields(text), "")
		}
		if got, want := strip(reasoning+content), strip(text); len(got) != len(want) {
			t.Fatalf("%s: %q gives %q, %q", name, text, content, reasoning)
		}
	})
}
