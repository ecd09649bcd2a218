package catalogue

import (
	"errors"
	"fmt"
	"time"

	"go.yaml.in/yaml/v4"

	"sluice"
)

// reader reads one file and gathers what is wrong with it, with lines.
type reader struct {
	file   string
	faults []error
}

// fail notes a fault at a node.
func (r *reader) fail(n *yaml.Node, format string, args ...any) {
	r.failAt(n.Line, fmt.Sprintf(format, args...))
}

func (r *reader) failAt(line int, message string) {
	r.faults = append(r.faults, &sluice.Error{Code: sluice.CodeInvalid, Message: fmt.Sprintf("%s, line %d: %s", r.file, line, message)})
}

// failWith notes an error about a node.
func (r *reader) failWith(n *yaml.Node, err error) {
	if err != nil {
		r.fail(n, "%s", reason(err))
	}
}

// reason is an error's text without its code.
func reason(err error) string {
	if e, ok := errors.AsType[*sluice.Error](err); ok {
		return e.Message
	}
	return err.Error()
}

// fields are the keys that a mapping may have, with what reads each.
type fields map[string]func(n *yaml.Node)

// mapping reads a mapping. A key that is not among the fields goes to other; it
// is a fault when that is nil. A key that is there twice is a fault.
func (r *reader) mapping(n *yaml.Node, known fields, other func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		r.fail(n, "it must be names with values")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch read := known[key.Value]; {
		case seen[key.Value]:
			r.fail(key, "%q is there twice", key.Value)
		case read != nil:
			read(value)
		case other != nil:
			other(key, value)
		default:
			r.fail(key, "%q is unknown here", key.Value)
		}
		seen[key.Value] = true
	}
}

// list reads each item of a list.
func (r *reader) list(n *yaml.Node, item func(n *yaml.Node)) {
	if n.Kind != yaml.SequenceNode {
		r.fail(n, "it must be a list")
		return
	}
	for _, c := range n.Content {
		item(c)
	}
}

// text returns a scalar as it is written.
func (r *reader) text(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || n.Value == "" {
		r.fail(n, "it must be a text or a number")
		return ""
	}
	return n.Value
}

// into returns a function that reads a text.
func (r *reader) into(s *string) func(*yaml.Node) {
	return func(n *yaml.Node) { *s = r.text(n) }
}

// texts returns a function that reads a list of texts.
func (r *reader) texts(all *[]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.list(n, func(n *yaml.Node) { *all = append(*all, r.text(n)) })
	}
}

// number returns a function that reads a whole number of at least zero.
func (r *reader) number(to *int64) func(*yaml.Node) {
	return func(n *yaml.Node) {
		var v int64
		if err := n.Decode(&v); err != nil || v < 0 || n.ShortTag() != "!!int" {
			r.fail(n, "%q is not a whole number of at least 0", n.Value)
		}
		*to = v
	}
}

// flag returns a function that reads true or false.
func (r *reader) flag(to *bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Value != "true" && n.Value != "false" {
			r.fail(n, "%q is neither true nor false", n.Value)
		}
		*to = n.Value == "true"
	}
}

// instant returns a function that reads a day, which begins in UTC, or an instant.
func (r *reader) instant(to *time.Time) func(*yaml.Node) {
	return func(n *yaml.Node) {
		s := r.text(n)
		t, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t, err = time.Parse(time.RFC3339, s)
		}
		if err != nil {
			r.fail(n, "%q is not a day such as 2026-10-01 or an instant such as 2026-10-01T16:00:00Z", s)
		}
		*to = t.UTC()
	}
}
