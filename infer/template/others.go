package template

import (
	"errors"
	"strings"

	"sluice/infer/grammar"
)

// others are the templates of GLM-4, DeepSeek and Gemma.
func others() []family {
	return []family{
		{
			name: "GLM-4", says: []string{"[gMASK]<sop>", "<|assistant|>"}, never: []string{"<tool_call>"}, needs: []string{"[gMASK]", "<sop>", "<|user|>", "<|assistant|>"},
			render: renderGLM4, calls: named(), format: grammar.Format{Middle: "\n"}, trim: true,
		},
		{
			name: "DeepSeek", says: []string{"<｜User｜>", "<｜Assistant｜>"}, needs: []string{"<｜User｜>", "<｜Assistant｜>", "<｜end▁of▁sentence｜>"},
			render: renderDeepSeek, think: [2]string{"<think>", "</think>"},
		},
		{
			name: "Gemma", says: []string{"<start_of_turn>", "<end_of_turn>"}, needs: []string{"<start_of_turn>", "<end_of_turn>"}, render: renderGemma,
		},
	}
}

// renderGLM4 writes [gMASK]<sop><|ROLE|>\nCONTENT ... <|assistant|>. A call is
// a turn of the assistant that begins with the tool's name; its result is an
// observation.
func renderGLM4(p *page, c *Conversation) error {
	p.mark("[gMASK]")
	p.mark("<sop>")
	if len(c.Tools) > 0 {
		p.mark("<|system|>")
		p.text("\n# 可用工具")
		for _, tool := range c.Tools {
			p.text("\n\n## ", tool.Name, "\n\n", indented(tool.Function), "\n在调用上述函数时，请使用 Json 格式表示调用的参数。")
		}
	}
	for _, m := range c.Messages {
		role := m.Role
		if role == "tool" {
			role = "observation"
		}
		if m.Content != "" || len(m.Calls) == 0 {
			p.mark("<|" + role + "|>")
			p.text("\n", m.Content)
		}
		for _, call := range m.Calls {
			p.mark("<|assistant|>")
			p.text(call.Name, "\n", call.Arguments)
		}
	}
	p.mark("<|assistant|>")
	return nil
}

// renderDeepSeek writes V3's and R1's form: the system message bare, then
// <｜User｜>Q<｜Assistant｜>A<｜end▁of▁sentence｜>. Reasoning of earlier answers is
// left out.
func renderDeepSeek(p *page, c *Conversation) error {
	p.mark("<｜begin▁of▁sentence｜>")
	system, rest := split(c.Messages)
	p.text(system)
	for _, m := range rest {
		switch m.Role {
		case "system":
			return errors.New("the system message must come first")
		case "user":
			p.mark("<｜User｜>")
			p.text(m.Content)
		default:
			content := m.Content
			if _, after, found := strings.Cut(content, "</think>"); found {
				content = after
			}
			p.mark("<｜Assistant｜>")
			p.text(content)
			p.mark("<｜end▁of▁sentence｜>")
		}
	}
	p.mark("<｜Assistant｜>")
	if p.t.opensThought(c) {
		p.mark("<think>")
		p.text("\n")
	}
	return nil
}

// renderGemma writes <start_of_turn>ROLE\nCONTENT<end_of_turn>\n, the system
// message in front of the first question.
func renderGemma(p *page, c *Conversation) error {
	p.mark("<bos>")
	system, rest := split(c.Messages)
	for i, m := range rest {
		if err := turn(i, m); err != nil {
			return err
		}
		role := m.Role
		if role == "assistant" {
			role = "model"
		}
		p.mark("<start_of_turn>")
		p.text(role, "\n")
		if i == 0 && system != "" {
			p.text(system, "\n\n")
		}
		p.text(strings.TrimSpace(m.Content))
		p.mark("<end_of_turn>")
		p.text("\n")
	}
	p.mark("<start_of_turn>")
	p.text("model\n")
	return nil
}
