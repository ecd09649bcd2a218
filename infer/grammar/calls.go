package grammar

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Tool is a function that the model can call.
type Tool struct {
	// Name is letters, digits, _ and -, up to 64 of them.
	Name string
	// Parameters is the JSON Schema of the arguments, an object; empty for
	// any object.
	Parameters []byte
}

// Format is how a model family writes calls. The texts are put together as
//
//	Begin Open NAME Middle ARGUMENTS Close [Between Open ... Close] End
//
// and special tokens that the vocabulary has stand in them by their name.
type Format struct {
	Begin, Open, Middle, Close, Between, End string
	// ThinkOpen and ThinkClose enclose the reasoning that can come before an
	// answer or a call; empty where the family has none.
	ThinkOpen, ThinkClose string
	// Thinking says that the prompt already opened the reasoning, which then
	// must be closed before anything else comes.
	Thinking bool
}

// Choice says what an answer can be.
type Choice uint8

// The choices of OpenAI's tool_choice.
const (
	Auto     Choice = iota // text, then calls if the model wants
	Required               // at least one call
	Single                 // one call at most in Auto's place, exactly one: parallel_tool_calls false
)

// Compile makes the grammar of a JSON Schema. It fails on schemas that are not
// valid, are larger than 256 KiB or nest deeper than 100, need more than
// 200,000 states, that nothing fits, or that use what is not supported (see
// the package comment); the error says where.
func Compile(schema []byte, v *Vocabulary, f Format) (*Grammar, error) {
	b := newBuilder(v.named)
	rule, err := b.compile(schema)
	if err != nil {
		return nil, err
	}
	return newGrammar(b, b.thought(f, b.call(rule, b.finish())), v)
}

// Object makes the grammar of any JSON object: OpenAI's json_object.
func Object(v *Vocabulary, f Format) (*Grammar, error) {
	b := newBuilder(v.named)
	return newGrammar(b, b.thought(f, b.anyObject(b.finish())), v)
}

// Calls makes the grammar of answers that call tools. It fails where Compile
// would fail for a tool's parameters.
func Calls(tools []Tool, choice Choice, v *Vocabulary, f Format) (*Grammar, error) {
	if len(tools) == 0 {
		return nil, errors.New("there are no tools to call")
	}
	b := newBuilder(v.named)
	end := b.finish()
	more := b.later()
	var names []string
	one := b.later()
	var starts []int32
	for i, tool := range tools {
		if err := checkName(tool.Name, names); err != nil {
			return nil, fmt.Errorf("tool %d: %w", i, err)
		}
		names = append(names, tool.Name)
		rule := b.rule("any object", b.anyObject)
		if len(tool.Parameters) > 0 {
			var err error
			if rule, err = b.compile(tool.Parameters); err != nil {
				return nil, fmt.Errorf("tool %q: parameters: %w", tool.Name, err)
			}
		}
		starts = append(starts, b.marked(tool.Name+f.Middle, b.call(rule, b.marked(f.Close, more))))
	}
	b.become(one, b.marked(f.Open, b.either(starts...)))
	last := b.marked(f.End, end)
	if choice == Single {
		b.become(more, last)
	} else {
		b.become(more, last, b.marked(f.Between, one))
	}
	start := b.marked(f.Begin, one)
	if choice == Auto {
		start = b.textOr(f.Begin+f.Open, start, end)
	}
	return newGrammar(b, b.thought(f, start), v)
}

func checkName(name string, before []string) error {
	if name == "" || len(name) > 64 {
		return fmt.Errorf("the name has %d characters, want 1 to 64", len(name))
	}
	for _, r := range name {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", r) {
			return fmt.Errorf("the name %q has a %q, want letters, digits, _ and -", name, r)
		}
	}
	if slices.Contains(before, name) {
		return fmt.Errorf("the name %q stands twice", name)
	}
	return nil
}

// compile makes the rule of a schema's document.
func (b *builder) compile(schema []byte) (int32, error) {
	root, err := parse(schema)
	if err != nil {
		return 0, err
	}
	c := &compiler{builder: b, root: root, rules: map[*value]int32{}}
	rule, err := c.schema(root)
	if err == nil {
		err = b.err
	}
	return rule, err
}

// named reports whether a special token has the name.
func (v *Vocabulary) named(name string) bool {
	id, ok := v.tokens.Special(name)
	return ok && !v.tokens.Ends(id)
}

// special takes a special token.
func (b *builder) special(name string, next int32) int32 {
	sym := firstSpecial
	for i, known := range b.specials {
		if known == name {
			sym += symbol(i)
			return b.add(node{kind: kindTake, edges: []edge{{sym, sym, next}}})
		}
	}
	sym += symbol(len(b.specials))
	b.specials = append(b.specials, name)
	return b.add(node{kind: kindTake, edges: []edge{{sym, sym, next}}})
}

// marked takes a text of a Format, in which the names of special tokens are
// those tokens. Such names have the forms <...> and [...].
func (b *builder) marked(text string, next int32) int32 {
	for i := range len(text) {
		closing := strings.IndexByte("<[", text[i])
		if closing < 0 {
			continue
		}
		n := strings.IndexByte(text[i:], ">]"[closing])
		if n < 0 || !b.known(text[i:i+n+1]) {
			continue
		}
		rest := b.marked(text[i+n+1:], next)
		return b.literal(text[:i], b.special(text[i:i+n+1], rest))
	}
	return b.literal(text, next)
}

// anything takes any bytes and the special tokens that the grammar does not
// name, any number of them.
func (b *builder) anything(next int32) int32 {
	loop := b.later()
	b.become(loop, next, b.add(node{kind: kindTake, edges: []edge{{0, anySpecial, loop}}}))
	return loop
}

// thought lets reasoning come first, where the format has any.
func (b *builder) thought(f Format, next int32) int32 {
	if f.ThinkClose == "" {
		return next
	}
	line := b.either(next, b.take('\n', '\n', b.either(next, b.take('\n', '\n', next))))
	inside := b.anything(b.marked(f.ThinkClose, line))
	if !b.known(f.ThinkClose) {
		inside = b.until(f.ThinkClose, line)
	}
	if f.Thinking {
		return inside
	}
	return b.either(next, b.marked(f.ThinkOpen, inside))
}

// until takes any bytes up to the first time that text comes, and the text.
func (b *builder) until(text string, next int32) int32 {
	at := make([]int32, len(text))
	for i := range at {
		at[i] = b.later()
	}
	for i := range at {
		var edges []edge
		for c := range 256 {
			to := next
			if n := fallback(text, text[:i]+string([]byte{byte(c)})); n < len(text) {
				to = at[n]
			}
			edges = append(edges, edge{symbol(c), symbol(c), to})
		}
		b.become(at[i], b.add(node{kind: kindTake, edges: edges}))
	}
	return at[0]
}

// fallback is the length of the longest beginning of text with which read ends.
func fallback(text, read string) int {
	for n := min(len(text), len(read)); n > 0; n-- {
		if strings.HasSuffix(read, text[:n]) {
			return n
		}
	}
	return 0
}

// textOr takes calls, or text, or text and then calls. Calls are known by the
// special token that opens them; where a family opens them by plain text, an
// answer is a call from its first byte on or not at all.
func (b *builder) textOr(open string, calls, end int32) int32 {
	opening := b.marked(open, end)
	for b.nodes[opening].kind == kindSplit && len(b.nodes[opening].edges) == 1 {
		opening = b.nodes[opening].edges[0].to
	}
	if first := b.nodes[opening]; first.kind == kindTake && first.edges[0].low >= firstSpecial {
		return b.anything(b.either(end, calls))
	}
	if open == "" {
		return b.either(calls, b.anything(end))
	}
	first := symbol(open[0])
	free := b.anything(end)
	edges := []edge{{0, first - 1, free}, {first + 1, anySpecial, free}}
	if first == 0 {
		edges = edges[1:]
	}
	return b.either(end, calls, b.add(node{kind: kindTake, edges: edges}))
}
