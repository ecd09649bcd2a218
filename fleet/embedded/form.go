package embedded

import (
	"sluice/infer"
	"sluice/infer/grammar"
)

// form is what the answer to a request must look like; nil when it is free.
func (e *Engine) form(req *request) (infer.Form, error) {
	var g *grammar.Grammar
	var err error
	switch f := &req.ResponseFormat; f.Type {
	case "", "text":
		return nil, nil
	case "json_object":
		g, err = grammar.Object(e.cfg.Model.Vocabulary(), grammar.Format{})
	case "json_schema":
		if len(f.Schema.Schema) == 0 {
			return nil, refuse("response_format", "response_format of type json_schema needs json_schema.schema.")
		}
		g, err = grammar.Compile(f.Schema.Schema, e.cfg.Model.Vocabulary(), grammar.Format{})
	default:
		return nil, refuse("response_format", "response_format %q is not supported, only text, json_object and json_schema.", f.Type)
	}
	if err != nil {
		return nil, refuse("response_format", "response_format.json_schema.schema %v.", err)
	}
	return g.Start(), nil
}
