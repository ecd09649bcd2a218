package grammar

import (
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// compiler turns the schemas of one document into rules.
type compiler struct {
	*builder
	root  *value
	rules map[*value]int32
	path  []string // where in the document it is, for errors
}

// refused lists the keywords that restrict and are not supported.
func refused() []string {
	return []string{
		"oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies", "patternProperties",
		"propertyNames", "minProperties", "maxProperties", "unevaluatedProperties", "unevaluatedItems", "prefixItems",
		"additionalItems", "contains", "minContains", "maxContains", "$dynamicRef", "$recursiveRef",
	}
}

// restricts lists the keywords that say something about values beside $ref,
// anyOf and the like.
func restricts() []string {
	return []string{
		"type", "properties", "required", "additionalProperties", "items", "minItems", "maxItems", "minLength", "maxLength",
		"pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "enum", "const",
		"anyOf", "allOf", "$ref",
	}
}

// rule returns the rule of a schema, compiling it when it is first met.
func (c *compiler) schema(s *value) (int32, error) {
	if id, ok := c.rules[s]; ok {
		return id, nil
	}
	id := c.later()
	c.rules[s] = id
	start, err := c.schemaTo(s, c.finish())
	if err != nil {
		return 0, err
	}
	if c.err != nil {
		return 0, c.err
	}
	c.become(id, start)
	return id, nil
}

// schemaTo takes a value that the schema describes.
func (c *compiler) schemaTo(s *value, next int32) (int32, error) {
	switch s.kind {
	case 't':
		return c.any(next), nil
	case 'f':
		return 0, c.failf("the schema false allows nothing")
	case '{':
	default:
		return 0, c.failf("a schema must be an object or a boolean, not %s", s.write(nil))
	}
	for _, name := range refused() {
		if s.members[name] != nil {
			return 0, c.failf("the keyword %s is not supported", name)
		}
	}
	var used []string
	for _, name := range restricts() {
		if s.members[name] != nil {
			used = append(used, name)
		}
	}
	alone := func(name string) error {
		typed := len(used) == 2 && slices.Contains(used, "type") && name != "$ref"
		if len(used) > 1 && !typed {
			return c.failf("%s beside %v is not supported: put them into one schema", name, slices.DeleteFunc(used, func(n string) bool { return n == name }))
		}
		return nil
	}
	switch {
	case s.members["$ref"] != nil:
		if err := alone("$ref"); err != nil {
			return 0, err
		}
		return c.reference(s.members["$ref"], next)
	case s.members["allOf"] != nil:
		if err := alone("allOf"); err != nil {
			return 0, err
		}
		if all := s.members["allOf"]; len(all.items) != 1 || slices.Contains(used, "type") {
			return 0, c.failf("allOf is supported with one schema and nothing else")
		}
		return c.alternatives(s, "allOf", next)
	case s.members["anyOf"] != nil:
		if len(used) > 1 {
			return 0, alone("anyOf")
		}
		return c.alternatives(s, "anyOf", next)
	case s.members["const"] != nil:
		return c.literals(s, []*value{s.members["const"]}, next)
	case s.members["enum"] != nil:
		return c.literals(s, s.members["enum"].items, next)
	}
	return c.types(s, next)
}

// failf says where in the document something is wrong.
func (c *compiler) failf(format string, args ...any) error {
	at := jsontext.Pointer("")
	for _, step := range c.path {
		at = at.AppendToken(step)
	}
	return fmt.Errorf("at #%s: %w", at, fmt.Errorf(format, args...))
}

// inside compiles the schema under a name of the current one.
func (c *compiler) inside(s *value, steps ...string) (int32, error) {
	c.path = append(c.path, steps...)
	id, err := c.schema(s)
	c.path = c.path[:len(c.path)-len(steps)]
	return id, err
}

func (c *compiler) reference(ref *value, next int32) (int32, error) {
	target, err := c.root.at(ref.text)
	if err != nil {
		return 0, c.failf("%w", err)
	}
	rule, err := c.schema(target)
	return c.call(rule, next), err
}

func (c *compiler) alternatives(s *value, name string, next int32) (int32, error) {
	list := s.members[name]
	if len(list.items) == 0 {
		return 0, c.failf("%s must be a list of schemas", name)
	}
	var starts []int32
	for i, item := range list.items {
		rule, err := c.inside(item, name, fmt.Sprint(i))
		if err != nil {
			return 0, err
		}
		starts = append(starts, c.call(rule, next))
	}
	return c.either(starts...), nil
}

// literals takes one of the values that are of the schema's type.
func (c *compiler) literals(s *value, values []*value, next int32) (int32, error) {
	names, err := c.typeNames(s)
	if err != nil {
		return 0, err
	}
	for name := range s.members {
		if slices.Contains(restricts(), name) && name != "type" && name != "enum" && name != "const" {
			return 0, c.failf("%s beside enum or const is not supported", name)
		}
	}
	var starts []int32
	for _, v := range values {
		if slices.ContainsFunc(names, func(name string) bool { return v.is(name) }) {
			starts = append(starts, c.literal(string(v.write(nil)), next))
		}
	}
	if len(starts) == 0 {
		return 0, c.failf("enum or const lists no value of the type")
	}
	return c.either(starts...), nil
}

// is reports whether a value is of a type.
func (v *value) is(name string) bool {
	switch v.kind {
	case '{':
		return name == "object"
	case '[':
		return name == "array"
	case '"':
		return name == "string"
	case '0':
		return name == "number" || name == "integer" && isWhole(string(v.raw))
	case 'n':
		return name == "null"
	}
	return name == "boolean"
}

// isWhole reports whether a number has neither fraction nor exponent.
func isWhole(number string) bool {
	for i := range len(number) {
		switch number[i] {
		case '.', 'e', 'E':
			return false
		}
	}
	return true
}

// typeNames lists the types that a schema allows.
func (c *compiler) typeNames(s *value) ([]string, error) {
	all := []string{"object", "array", "string", "number", "integer", "boolean", "null"}
	t := s.members["type"]
	if t == nil {
		return all, nil
	}
	list := t.items
	if t.kind == '"' {
		list = []*value{t}
	}
	var names []string
	for _, item := range list {
		if !slices.Contains(all, item.text) {
			return nil, c.failf("type %s is unknown", item.write(nil))
		}
		names = append(names, item.text)
	}
	if len(names) == 0 {
		return nil, c.failf("type must be a name or a list of names")
	}
	return names, nil
}

// types takes a value of one of the schema's types. Without type, the keywords
// of one type imply it: what they are meant for is what is generated.
func (c *compiler) types(s *value, next int32) (int32, error) {
	names, err := c.typeNames(s)
	if err != nil {
		return 0, err
	}
	if s.members["type"] == nil {
		if names = implied(s); names == nil {
			return c.any(next), nil
		}
	}
	var starts []int32
	for _, name := range names {
		if name == "integer" && slices.Contains(names, "number") {
			continue // a number can be one
		}
		start, err := c.ofType(s, name, next)
		if err != nil {
			return 0, err
		}
		starts = append(starts, start)
	}
	return c.either(starts...), nil
}

func implied(s *value) []string {
	for _, k := range []struct{ keyword, name string }{
		{"properties", "object"},
		{"required", "object"},
		{"additionalProperties", "object"},
		{"items", "array"},
		{"minItems", "array"},
		{"maxItems", "array"},
		{"pattern", "string"},
		{"minLength", "string"},
		{"maxLength", "string"},
		{"format", "string"},
		{"minimum", "number"},
		{"maximum", "number"},
		{"exclusiveMinimum", "number"},
		{"exclusiveMaximum", "number"},
		{"multipleOf", "number"},
	} {
		if s.members[k.keyword] != nil {
			return []string{k.name}
		}
	}
	return nil
}

func (c *compiler) ofType(s *value, name string, next int32) (int32, error) {
	switch name {
	case "object":
		return c.object(s, next)
	case "array":
		return c.array(s, next)
	case "string":
		return c.text(s, next)
	case "boolean":
		return c.either(c.literal("true", next), c.literal("false", next)), nil
	case "null":
		return c.literal("null", next), nil
	}
	if m := s.members["multipleOf"]; m != nil && (name != "integer" || string(m.raw) != "1") {
		return 0, c.failf("multipleOf %s is not supported", m.write(nil))
	}
	limits, err := readBounds(s, name == "integer")
	switch {
	case err != nil:
		return 0, c.failf("%w", err)
	case name == "integer":
		return c.integers(limits.low, limits.high, next), nil
	case limits.bounded:
		return c.decimals(limits.low, limits.high, next), nil
	}
	return c.number(next), nil
}

// counts reads a pair of keywords such as minItems and maxItems; max is -1
// without the second.
func (c *compiler) counts(s *value, low, high string) (min, max int, err error) {
	max = -1
	if v := s.members[low]; v != nil {
		if min, err = v.count(); err != nil {
			return 0, 0, c.failf("%s: %w", low, err)
		}
	}
	if v := s.members[high]; v != nil {
		if max, err = v.count(); err != nil {
			return 0, 0, c.failf("%s: %w", high, err)
		}
		if max < min {
			return 0, 0, c.failf("%s %d is over %s %d", low, min, high, max)
		}
	}
	return min, max, nil
}

// text takes a string.
func (c *compiler) text(s *value, next int32) (int32, error) {
	min, max, err := c.counts(s, "minLength", "maxLength")
	if err != nil {
		return 0, err
	}
	limited := s.members["minLength"] != nil || s.members["maxLength"] != nil
	end := c.take('"', '"', next)
	expr, patterned := "", false
	if p := s.members["pattern"]; p != nil {
		expr, patterned = p.text, true
	}
	if f := s.members["format"]; f != nil {
		known := false
		if patterned {
			return 0, c.failf("format beside pattern is not supported")
		}
		if expr, known = format(f.text); !known {
			return 0, c.failf("format %q is not supported, only date, time, date-time, duration, email, ipv4 and uuid", f.text)
		}
		patterned = true
	}
	switch {
	case patterned && limited:
		return 0, c.failf("minLength and maxLength beside pattern or format are not supported: say the length in the pattern")
	case patterned:
		start, err := c.pattern(expr, end)
		if err != nil {
			return 0, c.failf("%w", err)
		}
		return c.take('"', '"', start), nil
	case !limited:
		return c.anyString(next), nil
	}
	character := c.rule("character", c.character)
	return c.take('"', '"', c.repeat(min, max, end, func(next int32) int32 { return c.call(character, next) })), nil
}
