package template

import (
	"errors"
	"strings"

	"sluice/infer/grammar"
)

// llamas are the templates of Llama 3 and 3.1 and later.
func llamas() []family {
	base := family{needs: []string{"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"}}
	tools, plain := base, base
	tools.name, tools.says, tools.render = "Llama 3.1", []string{"<|start_header_id|>", "Environment: ipython"}, renderLlama31
	tools.calls = whole("{", objects)
	tools.format = grammar.Format{Open: `{"name": "`, Middle: `", "parameters": `, Close: "}", Between: "; "}
	plain.name, plain.says, plain.render = "Llama 3", []string{"<|start_header_id|>"}, renderLlama3
	return []family{tools, plain}
}

// header opens a turn.
func (p *page) header(role string) {
	p.mark("<|start_header_id|>")
	p.text(role)
	p.mark("<|end_header_id|>")
	p.text("\n\n")
}

func renderLlama3(p *page, c *Conversation) error {
	p.mark("<|begin_of_text|>")
	for _, m := range c.Messages {
		p.header(m.Role)
		p.text(strings.TrimSpace(m.Content))
		p.mark("<|eot_id|>")
	}
	p.header("assistant")
	return nil
}

const llamaCalls = "Given the following functions, please respond with a JSON for a function call with its proper arguments that best answers the given prompt.\n\n" +
	"Respond in the format {\"name\": function name, \"parameters\": dictionary of argument name and its value}.Do not use variables.\n\n"

// renderLlama31 writes a system turn that is always there, the tools in front
// of the first question, and one call to an answer.
func renderLlama31(p *page, c *Conversation) error {
	system, rest := split(c.Messages)
	p.mark("<|begin_of_text|>")
	p.header("system")
	if len(c.Tools) > 0 {
		p.text("Environment: ipython\n")
	}
	date := c.Date
	if date == "" {
		date = "26 Jul 2024"
	}
	p.text("Cutting Knowledge Date: December 2023\nToday Date: ", date, "\n\n", strings.TrimSpace(system))
	p.mark("<|eot_id|>")
	if len(c.Tools) > 0 {
		if len(rest) == 0 || rest[0].Role != "user" {
			return errors.New("tools need a first message of the user to stand in")
		}
		p.header("user")
		p.text(llamaCalls)
		for _, tool := range c.Tools {
			p.text(indented(tool.function()), "\n\n")
		}
		p.text(strings.TrimSpace(rest[0].Content))
		p.mark("<|eot_id|>")
		rest = rest[1:]
	}
	for _, m := range rest {
		switch {
		case len(m.Calls) > 1:
			return errors.New("an answer of this family calls one tool at a time")
		case len(m.Calls) == 1:
			p.header("assistant")
			p.text(`{"name": `, string(quoted(m.Calls[0].Name)), `, "parameters": `, spaced([]byte(m.Calls[0].Arguments)), "}")
		case m.Role == "tool":
			p.header("ipython")
			p.text(string(quoted(m.Content)))
		default:
			p.header(m.Role)
			p.text(strings.TrimSpace(m.Content))
		}
		p.mark("<|eot_id|>")
	}
	p.header("assistant")
	return nil
}
