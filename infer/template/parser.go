package template

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Delta is the next part of an answer: text, reasoning or a call, one of them.
type Delta struct {
	// Text is part of the answer, whole runes.
	Text string
	// Reasoning is part of what the model thinks before it.
	Reasoning string
	// Call is a whole call.
	Call *Call
}

// sign stands before the names of special tokens in the parser's text. No text
// has this byte, which is never part of UTF-8.
const sign = "\xff"

// Parser reads an answer, token by token. What it gives out, put together, is
// the same however the tokens cut the text.
type Parser struct {
	t        *Template
	tools    []Tool
	bytes    []byte // the beginning of a rune
	held     string // text that is not decided
	thinking bool
	calling  bool // inside of a call
	begun    bool // some text of the answer was given out
	fresh    bool // white space that follows is the template's
	space    string
}

// Parser returns a parser for the answer to a conversation.
func (t *Template) Parser(c *Conversation) *Parser {
	return &Parser{t: t, tools: c.Tools, thinking: t.opensThought(c), fresh: t.trim || t.opensThought(c)}
}

// Push takes the next token. Control tokens that the family does not know
// have no text.
func (p *Parser) Push(token int32) []Delta {
	piece := p.t.tokens.Piece(token)
	switch id, special := p.t.tokens.Special(piece); {
	case p.t.tokens.Ends(token):
		return nil
	case special && id == token:
		p.flushBytes()
		if p.knows(piece) {
			p.held += sign + piece
		} else if !p.t.tokens.Control(token) {
			p.held += piece
		}
	default:
		p.runes(piece)
	}
	return p.read(false)
}

// Close ends the answer and returns what was held back.
func (p *Parser) Close() []Delta {
	p.flushBytes()
	return p.read(true)
}

// knows reports whether a special token means something in an answer.
func (p *Parser) knows(name string) bool {
	return name == p.t.think[0] || name == p.t.think[1] || name != "" && (name == p.t.calls.open || name == p.t.calls.close)
}

// runes holds the whole runes of a piece. Bytes that can never be part of one
// become U+FFFD.
func (p *Parser) runes(piece string) {
	p.bytes = append(p.bytes, piece...)
	for len(p.bytes) > 0 && utf8.FullRune(p.bytes) {
		r, size := utf8.DecodeRune(p.bytes)
		p.held += string(r)
		p.bytes = p.bytes[size:]
	}
}

func (p *Parser) flushBytes() {
	if len(p.bytes) > 0 {
		p.held += string(utf8.RuneError)
		p.bytes = nil
	}
}

// mark is how a mark stands in the parser's text.
func (p *Parser) mark(name string) string {
	if _, special := p.t.tokens.Special(name); special {
		return sign + name
	}
	return name
}

// read decides as much of the held text as it can, all of it at the end.
func (p *Parser) read(end bool) []Delta {
	var out []Delta
	for {
		before := len(p.held)
		switch {
		case p.thinking:
			out = p.readThought(out, end)
		case p.calling:
			out = p.readCall(out, end)
		default:
			out = p.readText(out, end)
		}
		if p.held == "" || len(p.held) == before {
			return out
		}
	}
}

// readThought gives out reasoning up to what closes it.
func (p *Parser) readThought(out []Delta, end bool) []Delta {
	closing := p.mark(p.t.think[1])
	text, found := p.until(closing, end)
	text = strings.ReplaceAll(text, sign, "")
	if p.fresh {
		text = strings.TrimLeft(strings.TrimPrefix(text, p.t.think[0]), "\n") // some open it again
		p.fresh = text == "" && !found
	}
	text = p.space + text
	kept := strings.TrimRight(text, "\n")
	p.space = text[len(kept):] // line breaks before the end are the template's
	if kept != "" {
		out = append(out, Delta{Reasoning: kept})
	}
	if found {
		p.thinking, p.fresh, p.space = false, true, ""
	}
	return out
}

// until takes the held text up to a mark, and the mark. Without it, it takes
// what cannot be the mark's beginning.
func (p *Parser) until(mark string, end bool) (text string, found bool) {
	if text, rest, found := strings.Cut(p.held, mark); found {
		p.held = rest
		return text, true
	}
	keep := 0
	if !end {
		keep = overlap(p.held, mark)
	}
	text = p.held[:len(p.held)-keep]
	p.held = p.held[len(text):]
	return text, false
}

// overlap is the length of the longest end of text with which mark begins.
func overlap(text, mark string) int {
	for n := min(len(text), len(mark)-1); n > 0; n-- {
		if strings.HasSuffix(text, mark[:n]) {
			return n
		}
	}
	return 0
}

// readText gives out text up to where reasoning or a call begins.
func (p *Parser) readText(out []Delta, end bool) []Delta {
	if p.fresh {
		p.held = strings.TrimLeftFunc(p.held, unicode.IsSpace)
		if p.held == "" {
			return out
		}
		p.fresh = false
	}
	if !p.begun && p.t.calls.atStart && len(p.tools) > 0 && p.mayCall(end) {
		p.calling = true
		return p.readCall(out, end)
	}
	thought, call := "", ""
	if p.t.think[0] != "" && !p.begun {
		thought = p.mark(p.t.think[0])
	}
	if p.t.calls.read != nil && !p.t.calls.atStart {
		call = p.mark(p.t.calls.open)
	}
	at, mark := -1, ""
	keep := 0
	for _, m := range []string{thought, call} {
		if m == "" {
			continue
		}
		if i := strings.Index(p.held, m); i >= 0 && (at < 0 || i < at) {
			at, mark = i, m
		}
		if !end {
			keep = max(keep, overlap(p.held, m))
		}
	}
	if at < 0 {
		text := p.held[:len(p.held)-keep]
		p.held = p.held[len(text):]
		return p.give(out, text, end)
	}
	out = p.give(out, p.held[:at], false)
	p.held, p.space = p.held[at+len(mark):], ""
	if mark == thought {
		p.thinking, p.fresh = true, true
	} else {
		p.calling = true
	}
	return out
}

// give gives out text. White space at its end waits: before a call it is the
// template's.
func (p *Parser) give(out []Delta, text string, end bool) []Delta {
	text = p.space + strings.ReplaceAll(text, sign, "")
	p.space = ""
	if !end && p.t.calls.read != nil && !p.t.calls.atStart {
		kept := strings.TrimRightFunc(text, unicode.IsSpace)
		text, p.space = kept, text[len(kept):]
	}
	if text == "" {
		return out
	}
	p.begun = true
	return append(out, Delta{Text: text})
}

// mayCall reports whether an answer that has just begun can be a call.
func (p *Parser) mayCall(bool) bool {
	if open := p.t.calls.open; open != "" {
		return strings.HasPrefix(p.held, open)
	}
	line, _, whole := strings.Cut(p.held, "\n")
	for _, tool := range p.tools {
		if whole && strings.TrimSpace(line) == tool.Name || !whole && strings.HasPrefix(tool.Name, line) {
			return true
		}
	}
	return false
}

// readCall waits for a call's end. What is no call after all is text.
func (p *Parser) readCall(out []Delta, end bool) []Delta {
	body, rest, found := p.held, "", false
	if p.t.calls.close != "" {
		body, rest, found = strings.Cut(p.held, p.mark(p.t.calls.close))
	}
	if p.t.calls.open == "" && !end && !p.mayCall(end) {
		p.calling, p.begun = false, true // it was no tool's name
		return out
	}
	if !found && !end {
		return out
	}
	p.calling, p.held = false, rest
	calls, ok := p.t.calls.read(strings.ReplaceAll(body, sign, ""), p.tools)
	if !ok {
		text := body
		if !p.t.calls.atStart {
			text = p.t.calls.open + body
			if found {
				text += p.t.calls.close
			}
		}
		p.begun = true
		return p.give(out, text, end)
	}
	for _, call := range calls {
		out = append(out, Delta{Call: &call})
	}
	p.begun, p.fresh = true, true
	return out
}
