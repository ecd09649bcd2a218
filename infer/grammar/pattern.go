package grammar

import (
	"fmt"
	"regexp/syntax"
	"unicode"
	"unicode/utf8"
)

// pattern takes the inside of a JSON string that matches a regular expression
// anywhere, as JSON Schema wants it. Expressions are Go's: no look-around, no
// back-references. ^ and $ stand at the ends of the expression, or of one of
// its alternatives.
func (b *builder) pattern(expr string, next int32) (int32, error) {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return 0, fmt.Errorf("pattern %q: %w", expr, err)
	}
	start, err := b.anchored(re, next)
	if err != nil {
		return 0, fmt.Errorf("pattern %q: %w", expr, err)
	}
	return start, nil
}

// anchored takes what re matches somewhere: where it is not tied to an end,
// anything can stand before or behind it.
func (b *builder) anchored(re *syntax.Regexp, next int32) (int32, error) {
	switch re.Op {
	case syntax.OpCapture:
		return b.anchored(re.Sub[0], next)
	case syntax.OpAlternate:
		var starts []int32
		for _, sub := range re.Sub {
			start, err := b.anchored(sub, next)
			if err != nil {
				return 0, err
			}
			starts = append(starts, start)
		}
		return b.either(starts...), nil
	}
	parts := []*syntax.Regexp{re}
	if re.Op == syntax.OpConcat {
		parts = re.Sub
	}
	begins := len(parts) > 0 && parts[0].Op == syntax.OpBeginText
	if begins {
		parts = parts[1:]
	}
	ends := len(parts) > 0 && parts[len(parts)-1].Op == syntax.OpEndText
	if ends {
		parts = parts[:len(parts)-1]
	}
	anything := func(next int32) int32 {
		return b.repeat(0, -1, next, func(next int32) int32 { return b.runes([]rune{0, utf8.MaxRune}, next) })
	}
	if !ends {
		next = anything(next)
	}
	start, err := b.sequence(parts, next)
	if err == nil && !begins {
		start = anything(start)
	}
	return start, err
}

func (b *builder) sequence(parts []*syntax.Regexp, next int32) (int32, error) {
	for i := len(parts) - 1; i >= 0; i-- {
		var err error
		if next, err = b.expression(parts[i], next); err != nil {
			return 0, err
		}
	}
	return next, nil
}

// expression takes what re matches.
func (b *builder) expression(re *syntax.Regexp, next int32) (int32, error) {
	if b.err != nil {
		return 0, b.err
	}
	var err error
	times := func(min, max int) int32 {
		return b.repeat(min, max, next, func(next int32) int32 {
			start, failed := b.expression(re.Sub[0], next)
			if failed != nil {
				err = failed
			}
			return start
		})
	}
	start := next
	switch re.Op {
	case syntax.OpEmptyMatch:
	case syntax.OpLiteral:
		for i := len(re.Rune) - 1; i >= 0; i-- {
			start = b.runes(folded(re.Rune[i], re.Flags), start)
		}
	case syntax.OpCharClass:
		start = b.runes(re.Rune, next)
	case syntax.OpAnyChar:
		start = b.runes([]rune{0, utf8.MaxRune}, next)
	case syntax.OpAnyCharNotNL:
		start = b.runes([]rune{0, '\n' - 1, '\n' + 1, utf8.MaxRune}, next)
	case syntax.OpNoMatch:
		start = b.add(node{kind: kindTake})
	case syntax.OpCapture:
		return b.expression(re.Sub[0], next)
	case syntax.OpConcat:
		return b.sequence(re.Sub, next)
	case syntax.OpAlternate:
		starts := make([]int32, len(re.Sub))
		for i, sub := range re.Sub {
			if starts[i], err = b.expression(sub, next); err != nil {
				return 0, err
			}
		}
		start = b.either(starts...)
	case syntax.OpStar:
		start = times(0, -1)
	case syntax.OpPlus:
		start = times(1, -1)
	case syntax.OpQuest:
		start = times(0, 1)
	case syntax.OpRepeat:
		start = times(re.Min, re.Max)
	default:
		return 0, fmt.Errorf("%v is supported only at an end of the expression, or not at all", re.Op)
	}
	return start, err
}

// folded is a rune as ranges, with its other cases where the flags ask so.
func folded(r rune, flags syntax.Flags) []rune {
	set := []rune{r, r}
	if flags&syntax.FoldCase != 0 {
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			set = append(set, other, other)
		}
	}
	return set
}

// formats maps the formats of strings to expressions. Days are not held
// against the length of their month.
func format(name string) (expr string, ok bool) {
	const (
		date = `\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])`
		time = `([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)`
		byte = `(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`
	)
	switch name {
	case "date":
		return "^" + date + "$", true
	case "time":
		return "^" + time + "$", true
	case "date-time":
		return "^" + date + "T" + time + "$", true
	case "duration":
		return `^P(\d{1,9}W|\d{1,9}D|\d{1,9}DT\d{1,9}[HMS]|T\d{1,9}H(\d{1,9}M)?(\d{1,9}S)?|T\d{1,9}M(\d{1,9}S)?|T\d{1,9}S|\d{1,9}Y(\d{1,9}M)?(\d{1,9}D)?|\d{1,9}M(\d{1,9}D)?)$`, true
	case "email":
		return `^[A-Za-z0-9_+-]{1,32}(\.[A-Za-z0-9_+-]{1,32}){0,3}@[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?){1,4}$`, true
	case "ipv4":
		return "^" + byte + `(\.` + byte + `){3}$`, true
	case "uuid":
		return `^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`, true
	}
	return "", false
}
