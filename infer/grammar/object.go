package grammar

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// shareCall calls a shared rule.
func (b *builder) shareCall(name string, next int32, build func(end int32) int32) int32 {
	return b.call(b.rule(name, build), next)
}

// space takes the white space allowed between two parts.
func (b *builder) space(next int32) int32 {
	return b.shareCall("space", next, func(end int32) int32 {
		indent := b.repeat(0, 20, end, func(next int32) int32 { return b.take(' ', ' ', next) })
		return b.either(end, b.take(' ', ' ', end), b.take('\n', '\n', indent))
	})
}

// anyString takes any string, quotes included.
func (b *builder) anyString(next int32) int32 {
	return b.shareCall("string", next, func(end int32) int32 {
		inside := b.later()
		b.become(inside, b.take('"', '"', end), b.character(inside))
		return b.take('"', '"', inside)
	})
}

// any takes any JSON value.
func (b *builder) any(next int32) int32 {
	return b.shareCall("any", next, func(end int32) int32 {
		return b.either(b.anyObject(end), b.anyArray(end), b.anyString(end), b.number(end),
			b.literal("true", end), b.literal("false", end), b.literal("null", end))
	})
}

func (b *builder) anyObject(next int32) int32 {
	member := func(next int32) int32 { return b.anyString(b.colon(b.any(next))) }
	return b.take('{', '{', b.space(b.list(0, -1, member, b.take('}', '}', next))))
}

func (b *builder) anyArray(next int32) int32 {
	return b.take('[', '[', b.space(b.list(0, -1, b.any, b.take(']', ']', next))))
}

func (b *builder) colon(next int32) int32 { return b.take(':', ':', b.space(next)) }
func (b *builder) comma(next int32) int32 { return b.take(',', ',', b.space(next)) }

// list takes from least to most items with commas between, and white space
// behind the last; most is -1 for any number.
func (b *builder) list(least, most int, item func(next int32) int32, next int32) int32 {
	if most == 0 {
		return next
	}
	if most > 0 {
		most--
	}
	rest := b.repeat(max(0, least-1), most, b.space(next), func(next int32) int32 { return b.comma(item(next)) })
	if least > 0 {
		return item(rest)
	}
	return b.either(next, item(rest))
}

// array takes an array that the schema describes.
func (c *compiler) array(s *value, next int32) (int32, error) {
	min, max, err := c.counts(s, "minItems", "maxItems")
	if err != nil {
		return 0, err
	}
	if u := s.members["uniqueItems"]; u != nil && u.kind != 'f' {
		return 0, c.failf("the keyword uniqueItems is not supported")
	}
	item := c.any
	if s.members["items"] != nil {
		rule, err := c.inside(s.members["items"], "items")
		if err != nil {
			return 0, err
		}
		item = func(next int32) int32 { return c.call(rule, next) }
	}
	return c.take('[', '[', c.space(c.list(min, max, item, c.take(']', ']', next)))), nil
}

// member is a property of an object.
type member struct {
	required bool
	take     func(next int32) int32 // name, colon, value
}

// object takes an object that the schema describes: its properties in order,
// those that are not required perhaps left out, then the additional ones.
func (c *compiler) object(s *value, next int32) (int32, error) {
	properties, more := s.members["properties"], s.members["additionalProperties"]
	if properties == nil && more == nil && s.members["required"] == nil {
		return c.anyObject(next), nil
	}
	if properties == nil {
		properties = &value{kind: '{'}
	}
	if properties.kind != '{' {
		return 0, c.failf("properties must be an object")
	}
	required, err := c.required(s, properties)
	if err != nil {
		return 0, err
	}
	var members []member
	for _, name := range properties.names {
		rule, err := c.inside(properties.members[name], "properties", name)
		if err != nil {
			return 0, err
		}
		text := string(quote(nil, name))
		members = append(members, member{required[name], func(next int32) int32 {
			return c.literal(text, c.colon(c.call(rule, next)))
		}})
	}
	end := c.take('}', '}', next)
	first, rest := end, c.space(end)
	if more != nil && more.kind != 'f' {
		if first, rest, err = c.additional(more, properties.names, end); err != nil {
			return 0, err
		}
	}
	// Going backwards, first is what follows when no member stands yet, rest
	// when one does.
	for _, m := range slices.Backward(members) {
		behind := rest
		begin, goOn := m.take(behind), c.comma(m.take(behind))
		if !m.required {
			begin, goOn = c.either(begin, first), c.either(goOn, rest)
		}
		first, rest = begin, goOn
	}
	return c.take('{', '{', c.space(first)), nil
}

// required reads the names that must be there.
func (c *compiler) required(s, properties *value) (map[string]bool, error) {
	names := map[string]bool{}
	list := s.members["required"]
	if list == nil {
		return names, nil
	}
	if list.kind != '[' {
		return nil, c.failf("required must be a list of names")
	}
	for _, item := range list.items {
		if item.kind != '"' || properties.members[item.text] == nil {
			return nil, c.failf("required lists %s, which properties does not have", item.write(nil))
		}
		names[item.text] = true
	}
	return names, nil
}

// additional takes properties that the schema does not name, up to the end:
// first where no other stands before them, rest where one does.
func (c *compiler) additional(s *value, known []string, end int32) (first, rest int32, err error) {
	rule, err := c.inside(s, "additionalProperties")
	if err != nil {
		return 0, 0, err
	}
	name := c.rule(fmt.Sprintf("name but %q", known), func(end int32) int32 { return c.nameBut(known, end) })
	item := func(next int32) int32 { return c.call(name, c.colon(c.call(rule, next))) }
	rest = c.repeat(0, -1, c.space(end), func(next int32) int32 { return c.comma(item(next)) })
	return c.either(end, item(rest)), rest, nil
}

// nameBut takes a string that is none of the names. It has no other escapes
// than JSON needs, so that none of the names comes in disguise.
func (b *builder) nameBut(names []string, next int32) int32 {
	free := b.later()
	b.become(free, b.take('"', '"', next), b.runes([]rune{0, utf8.MaxRune}, free))
	lists := make([][]rune, len(names))
	for i, name := range names {
		lists[i] = []rune(name)
	}
	return b.take('"', '"', b.differ(lists, free, next))
}

// differ takes what is left of a string and is none of the rests: it leaves
// them all at some rune, or ends before or behind them.
func (b *builder) differ(rests [][]rune, free, next int32) int32 {
	heads := map[rune][][]rune{}
	ended := false
	var order []rune
	for _, rest := range rests {
		if len(rest) == 0 {
			ended = true
			continue
		}
		if heads[rest[0]] == nil {
			order = append(order, rest[0])
		}
		heads[rest[0]] = append(heads[rest[0]], rest[1:])
	}
	slices.Sort(order)
	var paths []int32
	if !ended {
		paths = append(paths, b.take('"', '"', next))
	}
	var others []rune
	from := rune(0)
	for _, r := range order {
		if r > from {
			others = append(others, from, r-1)
		}
		from = r + 1
		paths = append(paths, b.runes([]rune{r, r}, b.differ(heads[r], free, next)))
	}
	others = append(others, from, utf8.MaxRune)
	return b.either(append(paths, b.runes(others, free))...)
}
