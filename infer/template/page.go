package template

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// page collects what is rendered: text and special tokens in turn.
type page struct {
	t     *Template
	parts []part
}

// part is a text, or a special token by its name.
type part struct {
	text    string
	special bool
}

// text adds text. Texts that follow each other are encoded as one.
func (p *page) text(texts ...string) {
	for _, text := range texts {
		if n := len(p.parts); n > 0 && !p.parts[n-1].special {
			p.parts[n-1].text += text
		} else if text != "" {
			p.parts = append(p.parts, part{text: text})
		}
	}
}

// mark adds a special token. One that the vocabulary lacks is its name as
// text: so are a family's tags in models whose vocabulary came before them.
func (p *page) mark(name string) {
	if _, ok := p.t.tokens.Special(name); !ok {
		p.text(name)
		return
	}
	p.parts = append(p.parts, part{name, true})
}

// tokens encodes the page behind what every prompt begins with.
func (p *page) tokens() []int32 {
	out := append([]int32(nil), p.t.tokens.Start()...)
	for i, part := range p.parts {
		if !part.special {
			out = p.t.tokens.Encode(out, part.text)
			continue
		}
		id, _ := p.t.tokens.Special(part.text)
		if i == 0 && len(out) == 1 && out[0] == id {
			continue // the template writes the token that is there already
		}
		out = append(out, id)
	}
	return out
}

// String is the page as text.
func (p *page) String() string {
	var b strings.Builder
	for _, part := range p.parts {
		b.WriteString(part.text)
	}
	return b.String()
}

// spaced writes JSON as Python's json.dumps does, which templates call: with a
// space behind commas and colons. Text that is not JSON stays as it is.
func spaced(text []byte) string {
	d := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var b bytes.Buffer
	e := jsontext.NewEncoder(&b, jsontext.SpaceAfterColon(true), jsontext.SpaceAfterComma(true), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true), jsontext.PreserveRawStrings(false))
	value, err := d.ReadValue()
	if err == nil {
		err = e.WriteValue(value)
	}
	if err != nil {
		return string(text)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// indented writes JSON over lines, four spaces a level, as json.dumps does.
func indented(text []byte) string {
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(spaced(text)), "", "    "); err != nil {
		return string(text)
	}
	return b.String()
}

// function is a tool as the API sends it.
func (t Tool) function() []byte {
	return fmt.Appendf(nil, `{"type": "function", "function": %s}`, t.Function)
}

// split takes the system message off the front.
func split(messages []Message) (system string, rest []Message) {
	if len(messages) > 0 && messages[0].Role == "system" {
		return messages[0].Content, messages[1:]
	}
	return "", messages
}
