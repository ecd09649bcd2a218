package template

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice/infer/gguf"
	"sluice/infer/grammar"
)

// ErrUnknown is wrapped when a file's chat template is of no known family.
var ErrUnknown = errors.New("the chat template is not known")

// Message is one turn of a conversation.
type Message struct {
	// Role is who speaks: system, user, assistant or tool.
	Role string
	// Content is what was said.
	Content string
	// Reasoning is what an assistant thought before.
	Reasoning string
	// Calls are the tools that an assistant called.
	Calls []Call
	// CallID is the call that a tool answers.
	CallID string
}

// Call is a call of a tool.
type Call struct {
	// ID tells calls apart. Answers have none: the caller gives it.
	ID string
	// Name is the tool's.
	Name string
	// Arguments is a JSON object.
	Arguments string
}

// Tool is a function that the model can call.
type Tool struct {
	// Name is what a call says.
	Name string
	// Function is the function as a JSON object, with name, description and
	// parameters, as OpenAI's API has it.
	Function []byte
}

// Conversation is what a prompt is made of.
type Conversation struct {
	Messages []Message
	Tools    []Tool
	// NoThinking asks for an answer at once, where the family can be asked.
	NoThinking bool
	// Date is today's, as "22 Nov 2026", for the families that tell the model;
	// empty takes the date that their template falls back on.
	Date string
}

// Tokens is what this package asks of a tokenizer.
type Tokens interface {
	// Encode appends the tokens of a text, none of them special, to dst.
	Encode(dst []int32, text string) []int32
	// Piece is the bytes of a token, and the name of a special one.
	Piece(id int32) string
	// Special returns the special token of a name.
	Special(name string) (id int32, ok bool)
	// Start is the tokens that every prompt begins with.
	Start() []int32
	// Control reports whether a token has no text.
	Control(id int32) bool
	// Ends reports whether a token ends an answer.
	Ends(id int32) bool
}

// family is how one kind of template writes.
type family struct {
	name string
	// needs lists the special tokens without which the family cannot be.
	needs []string
	// says lists what a template's program must have in it, and never what it
	// must not.
	says, never []string
	render      func(*page, *Conversation) error
	calls       syntax
	think       [2]string // what opens and closes reasoning
	format      grammar.Format
	trim        bool // answers begin with white space that is not theirs
}

// families lists what is known. The first that fits is taken.
func families() []family {
	return slices.Concat(chatMLs(), llamas(), mistrals(), others())
}

// Template renders conversations for one model and reads its answers. It is
// immutable and safe for concurrent use.
type Template struct {
	family
	tokens Tokens
	source string // the template's program
}

// For returns the template of a file. Without a program in the file it is
// ChatML where the vocabulary has ChatML's tokens. It fails with ErrUnknown,
// and names what is known, on a program of no known family, and where the
// vocabulary lacks the family's tokens.
func For(f *gguf.File, tokens Tokens) (*Template, error) {
	source, err := f.String("tokenizer.chat_template")
	if err != nil && !errors.Is(err, gguf.ErrNoKey) {
		return nil, fmt.Errorf("reading the chat template: %w", err)
	}
	return Of(source, tokens)
}

// Of is For with the program itself, empty for none.
func Of(source string, tokens Tokens) (*Template, error) {
	var names []string
	for _, family := range families() {
		if !slices.Contains(names, family.name) {
			names = append(names, family.name)
		}
		if !family.fits(source) {
			continue
		}
		for _, name := range family.needs {
			if _, ok := tokens.Special(name); !ok {
				return nil, fmt.Errorf("%w: it looks like %s, but the vocabulary lacks the token %s", ErrUnknown, family.name, name)
			}
		}
		return &Template{family, tokens, source}, nil
	}
	why := "its program is of no known family"
	if source == "" {
		why = "the file has none, and the vocabulary lacks ChatML's tokens"
		if chatML := chatMLs()[len(chatMLs())-1]; !slices.ContainsFunc(chatML.needs, func(name string) bool { _, ok := tokens.Special(name); return !ok }) {
			return &Template{chatML, tokens, source}, nil
		}
	}
	return nil, fmt.Errorf("%w: %s; known are %s", ErrUnknown, why, strings.Join(names, ", "))
}

// fits reports whether a program is of the family.
func (f *family) fits(source string) bool {
	for _, s := range f.says {
		if !strings.Contains(source, s) {
			return false
		}
	}
	for _, s := range f.never {
		if strings.Contains(source, s) {
			return false
		}
	}
	return len(f.says) > 0
}

// Name is the family's.
func (t *Template) Name() string { return t.name }

// Format is how the family writes calls and reasoning, for a grammar that an
// answer to this conversation is held to.
func (t *Template) Format(c *Conversation) grammar.Format {
	format := t.format
	format.ThinkOpen, format.ThinkClose = t.think[0], t.think[1]
	format.Thinking = t.opensThought(c)
	return format
}

// CallsTools reports whether the family knows tools.
func (t *Template) CallsTools() bool { return t.calls.read != nil }

// Prompt renders a conversation as tokens, up to where the assistant's answer
// begins. It fails on roles that are unknown and on what the family cannot
// express.
func (t *Template) Prompt(c *Conversation) ([]int32, error) {
	p, err := t.page(c)
	if err != nil {
		return nil, err
	}
	return p.tokens(), nil
}

// Text renders a conversation as text, for people: special tokens are their
// names.
func (t *Template) Text(c *Conversation) (string, error) {
	p, err := t.page(c)
	if err != nil {
		return "", err
	}
	return p.String(), nil
}

func (t *Template) page(c *Conversation) (*page, error) {
	if len(c.Messages) == 0 {
		return nil, errors.New("the conversation is empty")
	}
	for i, m := range c.Messages {
		switch m.Role {
		case "system", "user", "assistant", "tool":
		default:
			return nil, fmt.Errorf("message %d has the role %q, want system, user, assistant or tool", i, m.Role)
		}
		if !t.CallsTools() && (m.Role == "tool" || len(m.Calls) > 0) {
			return nil, fmt.Errorf("message %d is about a tool, and the %s template knows none", i, t.name)
		}
	}
	if len(c.Tools) > 0 && !t.CallsTools() {
		return nil, fmt.Errorf("the %s template knows no tools", t.name)
	}
	p := &page{t: t}
	if err := t.render(p, c); err != nil {
		return nil, fmt.Errorf("rendering for %s: %w", t.name, err)
	}
	return p, nil
}

// opensThought reports whether the prompt ends inside of reasoning.
func (t *Template) opensThought(c *Conversation) bool {
	return t.think[0] != "" && !c.NoThinking && strings.Contains(t.source, `assistant\n`+t.think[0]+`\n'`) ||
		t.think[0] != "" && strings.Contains(t.source, `<｜Assistant｜>`+t.think[0]+`\n'`)
}
