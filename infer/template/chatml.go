package template

import (
	"strings"

	"sluice/infer/grammar"
)

// chatMLs are the templates of ChatML's form: Qwen's, and plain ones.
func chatMLs() []family {
	hermes := grammar.Format{Open: "<tool_call>\n{\"name\": \"", Middle: `", "arguments": `, Close: "}\n</tool_call>", Between: "\n"}
	base := family{needs: []string{"<|im_start|>", "<|im_end|>"}, render: renderChatML}
	thinking, tools, plain := base, base, base
	thinking.name, thinking.says = "Qwen3", []string{"<|im_start|>", "<tool_call>", "<think>"}
	thinking.calls, thinking.format, thinking.think = tagged(), hermes, [2]string{"<think>", "</think>"}
	tools.name, tools.says = "Qwen2.5", []string{"<|im_start|>", "<tool_call>"}
	tools.calls, tools.format = tagged(), hermes
	plain.name, plain.says = "ChatML", []string{"<|im_start|>"}
	return []family{thinking, tools, plain}
}

// defaults lists what templates say where a conversation has no system
// message.
func defaults() []string {
	return []string{
		"You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
		"You are a helpful AI assistant named SmolLM, trained by Hugging Face",
		"You are a helpful assistant.",
		"You are a helpful assistant",
	}
}

const toolsBefore = "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n" +
	"You are provided with function signatures within <tools></tools> XML tags:\n<tools>"

const toolsBehind = "\n</tools>\n\nFor each function call, return a json object with function name and arguments within "

// renderChatML writes
//
//	<|im_start|>ROLE\nCONTENT<|im_end|>\n ... <|im_start|>assistant\n
//
// with tools, calls and their results as Qwen2.5 and Qwen3 do.
func renderChatML(p *page, c *Conversation) error {
	system, rest := split(c.Messages)
	if len(rest) == len(c.Messages) {
		for _, text := range defaults() {
			if strings.Contains(p.t.source, text) {
				system = text
				break
			}
		}
	}
	if len(c.Tools) > 0 {
		p.begin("system")
		if system != "" {
			p.text(system, "\n\n")
		}
		p.text(toolsBefore)
		for _, tool := range c.Tools {
			p.text("\n", spaced(tool.function()))
		}
		p.text(toolsBehind)
		p.mark("<tool_call>")
		p.mark("</tool_call>")
		p.text(" XML tags:\n")
		p.mark("<tool_call>")
		p.text("\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n")
		p.mark("</tool_call>")
		p.end()
	} else if system != "" || len(rest) < len(c.Messages) {
		p.begin("system")
		p.text(system)
		p.end()
	}
	last := lastQuestion(rest)
	for i, m := range rest {
		switch m.Role {
		case "assistant":
			p.assistant(m, i > last, i == len(rest)-1)
		case "tool":
			if i == 0 || rest[i-1].Role != "tool" {
				p.mark("<|im_start|>")
				p.text("user")
			}
			p.text("\n<tool_response>\n", m.Content, "\n</tool_response>")
			if i == len(rest)-1 || rest[i+1].Role != "tool" {
				p.end()
			}
		default:
			p.begin(m.Role)
			p.text(m.Content)
			p.end()
		}
	}
	p.begin("assistant")
	switch {
	case p.t.opensThought(c):
		p.mark("<think>")
		p.text("\n")
	case c.NoThinking && strings.Contains(p.t.source, "enable_thinking"):
		p.mark("<think>")
		p.text("\n\n")
		p.mark("</think>")
		p.text("\n\n")
	}
	return nil
}

// begin opens a turn.
func (p *page) begin(role string) {
	p.mark("<|im_start|>")
	p.text(role, "\n")
}

// end closes it.
func (p *page) end() {
	p.mark("<|im_end|>")
	p.text("\n")
}

// lastQuestion is the index of the last user's message, behind which Qwen3
// shows its reasoning again; -1 for none.
func lastQuestion(messages []Message) int {
	for i := len(messages) - 1; i >= 0; i-- {
		if messages[i].Role == "user" {
			return i
		}
	}
	return -1
}

// assistant writes an answer. Of reasoning only what belongs to the question
// under way is shown.
func (p *page) assistant(m Message, underWay, last bool) {
	p.begin("assistant")
	content, reasoning := m.Content, m.Reasoning
	if before, after, found := strings.Cut(content, "</think>"); found && reasoning == "" && p.t.think[0] != "" {
		reasoning = strings.TrimPrefix(strings.TrimSpace(before), "<think>")
		content = strings.TrimLeft(after, "\n")
	}
	if p.t.think[0] != "" && underWay && (last || reasoning != "") {
		p.mark("<think>")
		p.text("\n", strings.Trim(reasoning, "\n"), "\n")
		p.mark("</think>")
		p.text("\n\n")
		content = strings.TrimLeft(content, "\n")
	}
	p.text(content)
	for i, call := range m.Calls {
		if i > 0 || content != "" {
			p.text("\n")
		}
		p.mark("<tool_call>")
		p.text("\n{\"name\": ", string(quoted(call.Name)), ", \"arguments\": ", spaced([]byte(call.Arguments)), "}\n")
		p.mark("</tool_call>")
	}
	p.end()
}
