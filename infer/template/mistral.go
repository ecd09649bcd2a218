package template

import (
	"errors"
	"fmt"
	"strings"

	"sluice/infer/grammar"
)

// mistrals are the templates with [INST]: Llama 2's, and Mistral's versions 1,
// 3 (also with tekken) and 7.
func mistrals() []family {
	v3Format := grammar.Format{Begin: "[TOOL_CALLS][", Open: `{"name": "`, Middle: `", "arguments": `, Close: "}", Between: ", ", End: "]"}
	llama2 := family{name: "Llama 2", says: []string{"[INST]", "<<SYS>>"}, render: renderLlama2, trim: true}
	v7 := family{name: "Mistral v7", says: []string{"[INST]", "[SYSTEM_PROMPT]"}, needs: []string{"[INST]", "[/INST]", "[SYSTEM_PROMPT]"}, calls: behind("[TOOL_CALLS]"), format: v3Format, trim: true}
	v3 := family{name: "Mistral v3", says: []string{"[INST]", "[AVAILABLE_TOOLS]"}, needs: []string{"[INST]", "[/INST]"}, calls: behind("[TOOL_CALLS]"), format: v3Format, trim: true}
	v1 := family{name: "Mistral v1", says: []string{"[INST]"}, render: renderMistral1, trim: true}
	v7.render, v3.render = renderMistral(true), renderMistral(false)
	return []family{llama2, v7, v3, v1}
}

// renderLlama2 writes <s>[INST] <<SYS>>\nS\n<</SYS>>\n\nQ [/INST] A </s>...
func renderLlama2(p *page, c *Conversation) error {
	system, rest := split(c.Messages)
	for i, m := range rest {
		content := strings.TrimSpace(m.Content)
		if err := turn(i, m); err != nil {
			return err
		}
		if m.Role == "assistant" {
			p.text(" ", content, " ")
			p.mark("</s>")
			continue
		}
		if i == 0 && system != "" {
			content = "<<SYS>>\n" + system + "\n<</SYS>>\n\n" + content
		}
		p.mark("<s>")
		p.text("[INST] ", content, " [/INST]")
	}
	return nil
}

// turn refuses turns that are not the user's and the assistant's by turns.
func turn(i int, m Message) error {
	if (m.Role == "user") != (i%2 == 0) {
		return fmt.Errorf("user and assistant must take turns, and message %d behind the system's is the %s's", i, m.Role)
	}
	return nil
}

// renderMistral1 writes <s>[INST] Q [/INST]A</s>[INST] ..., the system message
// in front of the first question.
func renderMistral1(p *page, c *Conversation) error {
	system, rest := split(c.Messages)
	p.mark("<s>")
	for i, m := range rest {
		if err := turn(i, m); err != nil {
			return err
		}
		content := m.Content
		if m.Role == "assistant" {
			p.text(content)
			p.mark("</s>")
			continue
		}
		if i == 0 && system != "" {
			content = system + "\n\n" + content
		}
		p.text("[INST] ", content, " [/INST]")
	}
	return nil
}

// renderMistral writes versions 3 and 7, in which [INST] is a token. The tools
// stand before the last question, and so does in version 3 the system message.
// Vocabularies of SentencePiece put a space behind such tokens by themselves;
// tekken has none.
func renderMistral(systemTurn bool) func(*page, *Conversation) error {
	return func(p *page, c *Conversation) error {
		system, rest := split(c.Messages)
		last := lastQuestion(rest)
		if last < 0 {
			return errors.New("there is no message of the user")
		}
		p.mark("<s>")
		if systemTurn && system != "" {
			p.mark("[SYSTEM_PROMPT]")
			p.text(system)
			p.mark("[/SYSTEM_PROMPT]")
		}
		for i, m := range rest {
			switch {
			case m.Role == "tool":
				p.mark("[TOOL_RESULTS]")
				p.text(`{"content": `, string(quoted(m.Content)), `, "call_id": `, string(quoted(m.CallID)), "}")
				p.mark("[/TOOL_RESULTS]")
			case len(m.Calls) > 0:
				p.mark("[TOOL_CALLS]")
				var calls []string
				for _, call := range m.Calls {
					calls = append(calls, fmt.Sprintf(`{"name": %s, "arguments": %s, "id": %s}`, quoted(call.Name), spaced([]byte(call.Arguments)), quoted(call.ID)))
				}
				p.text("[", strings.Join(calls, ", "), "]")
				p.mark("</s>")
			case m.Role == "assistant":
				p.text(m.Content)
				p.mark("</s>")
			default:
				if i == last && len(c.Tools) > 0 {
					p.availableTools(c.Tools)
				}
				p.mark("[INST]")
				if i == last && system != "" && !systemTurn {
					p.text(system, "\n\n")
				}
				p.text(m.Content)
				p.mark("[/INST]")
			}
		}
		return nil
	}
}

func (p *page) availableTools(tools []Tool) {
	var list []string
	for _, tool := range tools {
		list = append(list, spaced(tool.function()))
	}
	p.mark("[AVAILABLE_TOOLS]")
	p.text("[", strings.Join(list, ", "), "]")
	p.mark("[/AVAILABLE_TOOLS]")
}
