package grammar

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxSchema      = 256 << 10 // bytes
	maxSchemaDepth = 100       // nesting of a schema's text
)

// value is a JSON value whose objects keep their order.
type value struct {
	kind    jsontext.Kind // n t f " 0 { [
	raw     jsontext.Value
	text    string            // of a string
	names   []string          // of an object, in order
	members map[string]*value // of an object
	items   []*value          // of an array
}

// parse reads a whole JSON text.
func parse(text []byte) (*value, error) {
	if len(text) > maxSchema {
		return nil, fmt.Errorf("the schema has %d bytes, more than %d", len(text), maxSchema)
	}
	d := jsontext.NewDecoder(bytes.NewReader(text))
	v, err := read(d)
	if err != nil {
		return nil, fmt.Errorf("the schema is not valid JSON: %w", err)
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the schema is not valid JSON: more text follows it")
	}
	return v, nil
}

func read(d *jsontext.Decoder) (*value, error) {
	if d.StackDepth() > maxSchemaDepth {
		return nil, fmt.Errorf("it nests deeper than %d", maxSchemaDepth)
	}
	v := &value{kind: d.PeekKind()}
	switch v.kind {
	case '{':
		return v, readObject(d, v)
	case '[':
		return v, readArray(d, v)
	}
	raw, err := d.ReadValue()
	if err != nil {
		return nil, err
	}
	v.raw = raw.Clone()
	if v.kind == '"' {
		var text []byte
		text, err = jsontext.AppendUnquote(nil, raw)
		v.text = string(text)
	}
	return v, err
}

func readObject(d *jsontext.Decoder, v *value) error {
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	v.members = map[string]*value{}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		text := name.String()
		member, err := read(d)
		if err != nil {
			return err
		}
		v.names = append(v.names, text)
		v.members[text] = member
	}
	_, err := d.ReadToken()
	return err
}

func readArray(d *jsontext.Decoder, v *value) error {
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != ']' {
		item, err := read(d)
		if err != nil {
			return err
		}
		v.items = append(v.items, item)
	}
	_, err := d.ReadToken()
	return err
}

// write appends the value as JSON without white space.
func (v *value) write(dst []byte) []byte {
	switch v.kind {
	case '{':
		dst = append(dst, '{')
		for i, name := range v.names {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(quote(dst, name), ':')
			dst = v.members[name].write(dst)
		}
		return append(dst, '}')
	case '[':
		dst = append(dst, '[')
		for i, item := range v.items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = item.write(dst)
		}
		return append(dst, ']')
	case '"':
		return quote(dst, v.text)
	}
	return append(dst, v.raw...)
}

// quote appends text as a JSON string. What the decoder returned is valid
// UTF-8, so it cannot fail.
func quote(dst []byte, text string) []byte {
	dst, _ = jsontext.AppendQuote(dst, text)
	return dst
}

// count reads a number of things.
func (v *value) count() (int, error) {
	n, err := strconv.Atoi(string(v.raw))
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s is not a whole number from 0 on", v.write(nil))
	}
	return n, nil
}

// at follows a reference such as #/$defs/name (RFC 6901) from the root.
func (v *value) at(ref string) (*value, error) {
	if ref == "#" {
		return v, nil
	}
	path, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return nil, fmt.Errorf("$ref %q does not point into this schema", ref)
	}
	for step := range strings.SplitSeq(path, "/") {
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		next := v.members[step]
		if i, err := strconv.Atoi(step); err == nil && v.kind == '[' && i >= 0 && i < len(v.items) {
			next = v.items[i]
		}
		if next == nil {
			return nil, fmt.Errorf("$ref %q points to nothing", ref)
		}
		v = next
	}
	return v, nil
}
