package embedded

import (
	"sluice/infer"
	"sluice/infer/grammar"
	"sluice/infer/template"
)

// form is what the answer to a request must look like; nil when it is free.
// With tools, calls are well-formed whatever the model would rather write.
func (e *Engine) form(req *request, c *template.Conversation) (infer.Form, error) {
	var format grammar.Format
	if c != nil {
		t, err := e.cfg.Model.Template()
		if err != nil {
			return nil, err
		}
		format = t.Format(c)
	}
	switch f := &req.ResponseFormat; {
	case c != nil && len(c.Tools) > 0:
		if f.Type != "" && f.Type != "text" {
			return nil, refuse("response_format", "response_format %q beside tools is not supported.", f.Type)
		}
		return e.calls(req, format)
	case f.Type == "" || f.Type == "text":
		return nil, nil
	case f.Type == "json_object":
		return started(grammar.Object(e.cfg.Model.Vocabulary(), format))
	case f.Type != "json_schema":
		return nil, refuse("response_format", "response_format %q is not supported, only text, json_object and json_schema.", f.Type)
	case len(f.Schema.Schema) == 0:
		return nil, refuse("response_format", "response_format of type json_schema needs json_schema.schema.")
	default:
		return started(grammar.Compile(f.Schema.Schema, e.cfg.Model.Vocabulary(), format))
	}
}

// started is the state before an answer's first token.
func started(g *grammar.Grammar, err error) (infer.Form, error) {
	if err != nil {
		return nil, refuse("response_format", "response_format.json_schema.schema %v.", err)
	}
	return g.Start(), nil
}

// calls is the form of an answer that may or must call tools. Parameters whose
// schema cannot be kept are any object, unless the tool is strict.
func (e *Engine) calls(req *request, format grammar.Format) (infer.Form, error) {
	choice, err := req.choice()
	if err != nil {
		return nil, err
	}
	vocabulary := e.cfg.Model.Vocabulary()
	var tools []grammar.Tool
	for i, t := range req.Tools {
		f, err := t.read(i)
		if err != nil {
			return nil, err
		}
		if choice.name != "" && f.Name != choice.name {
			continue
		}
		one := grammar.Tool{Name: f.Name, Parameters: f.Parameters}
		if len(one.Parameters) > 0 && !f.Strict {
			if _, err := grammar.Compile(one.Parameters, vocabulary, grammar.Format{}); err != nil {
				one.Parameters = nil
			}
		}
		tools = append(tools, one)
	}
	kind := grammar.Auto
	switch {
	case choice.required && (choice.name != "" || req.oneCall()):
		kind = grammar.Single
	case choice.required:
		kind = grammar.Required
	}
	g, err := grammar.Calls(tools, kind, vocabulary, format)
	if err != nil {
		return nil, refuse("tools", "tools: %v.", err)
	}
	return g.Start(), nil
}

// oneCall reports whether at most one tool may be called in a turn.
func (r *request) oneCall() bool { return r.Parallel != nil && !*r.Parallel }
