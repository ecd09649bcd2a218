package grammar

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// validate is a validator of JSON Schema that knows nothing of automata. It
// returns the first thing that is wrong.
func validate(root, schema any, doc any) error {
	s, ok := schema.(map[string]any)
	if !ok {
		if schema == true {
			return nil
		}
		return fmt.Errorf("false allows nothing")
	}
	if ref, ok := s["$ref"].(string); ok {
		target := root
		for _, step := range strings.Split(ref, "/")[1:] { // the first is #
			target = target.(map[string]any)[step]
		}
		return validate(root, target, doc)
	}
	if any, ok := s["anyOf"].([]any); ok {
		if !slices.ContainsFunc(any, func(sub interface{}) bool { return validate(root, sub, doc) == nil }) {
			return fmt.Errorf("%v fits none of anyOf", doc)
		}
	}
	if c, ok := s["const"]; ok && !reflect.DeepEqual(c, doc) {
		return fmt.Errorf("%v is not %v", doc, c)
	}
	if enum, ok := s["enum"].([]any); ok && !slices.ContainsFunc(enum, func(v any) bool { return reflect.DeepEqual(v, doc) }) {
		return fmt.Errorf("%v is not in %v", doc, enum)
	}
	if err := validateType(s["type"], doc); err != nil {
		return err
	}
	switch doc := doc.(type) {
	case map[string]any:
		return validateObject(root, s, doc)
	case []any:
		return validateArray(root, s, doc)
	case string:
		return validateString(s, doc)
	case float64:
		return validateNumber(s, doc)
	}
	return nil
}

func validateType(t any, doc any) error {
	names := []any{t}
	if list, ok := t.([]any); ok {
		names = list
	}
	for _, name := range names {
		switch doc := doc.(type) {
		case map[string]any:
			if name == "object" {
				return nil
			}
		case []any:
			if name == "array" {
				return nil
			}
		case string:
			if name == "string" {
				return nil
			}
		case float64:
			if name == "number" || name == "integer" && doc == math.Trunc(doc) {
				return nil
			}
		case bool:
			if name == "boolean" {
				return nil
			}
		case nil:
			if name == "null" {
				return nil
			}
		}
	}
	if t == nil {
		return nil
	}
	return fmt.Errorf("%v is not of type %v", doc, t)
}

func validateObject(root any, s, doc map[string]any) error {
	properties, _ := s["properties"].(map[string]any)
	required, _ := s["required"].([]any)
	for _, name := range required {
		if _, ok := doc[name.(string)]; !ok {
			return fmt.Errorf("%v lacks %v", doc, name)
		}
	}
	for name, member := range doc {
		sub, known := properties[name]
		if !known {
			sub = s["additionalProperties"]
			if sub == nil {
				continue
			}
		}
		if err := validate(root, sub, member); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func validateArray(root any, s map[string]any, doc []any) error {
	if n, ok := s["minItems"].(float64); ok && len(doc) < int(n) {
		return fmt.Errorf("%d items", len(doc))
	}
	if n, ok := s["maxItems"].(float64); ok && len(doc) > int(n) {
		return fmt.Errorf("%d items", len(doc))
	}
	if items, ok := s["items"]; ok {
		for i, item := range doc {
			if err := validate(root, items, item); err != nil {
				return fmt.Errorf("%d: %w", i, err)
			}
		}
	}
	return nil
}

func validateString(s map[string]any, doc string) error {
	n := float64(utf8.RuneCountInString(doc))
	if least, ok := s["minLength"].(float64); ok && n < least {
		return fmt.Errorf("%q is short", doc)
	}
	if most, ok := s["maxLength"].(float64); ok && n > most {
		return fmt.Errorf("%q is long", doc)
	}
	if p, ok := s["pattern"].(string); ok && !regexp.MustCompile(p).MatchString(doc) {
		return fmt.Errorf("%q does not match %s", doc, p)
	}
	if f, ok := s["format"].(string); ok {
		if p, _ := format(f); !regexp.MustCompile(p).MatchString(doc) {
			return fmt.Errorf("%q is no %s", doc, f)
		}
	}
	return nil
}

func validateNumber(s map[string]any, doc float64) error {
	for name, wrong := range map[string]func(limit float64) bool{
		"minimum":          func(limit float64) bool { return doc < limit },
		"maximum":          func(limit float64) bool { return doc > limit },
		"exclusiveMinimum": func(limit float64) bool { return doc <= limit },
		"exclusiveMaximum": func(limit float64) bool { return doc >= limit },
	} {
		if limit, ok := s[name].(float64); ok && wrong(limit) {
			return fmt.Errorf("%v against %s %v", doc, name, limit)
		}
	}
	return nil
}

// check parses the document and validates it.
func check(schema, doc string) error {
	var s, d any
	if err := json.Unmarshal([]byte(schema), &s); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(doc), &d); err != nil {
		return fmt.Errorf("%q is not JSON: %w", doc, err)
	}
	return validate(s, s, d)
}
