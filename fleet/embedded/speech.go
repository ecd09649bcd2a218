package embedded

import (
	"crypto/rand"

	"sluice/infer"
	"sluice/infer/template"
)

// said is what a piece of an answer says: text, reasoning, calls.
type said struct {
	content, reasoning string
	calls              []call
}

func (s *said) empty() bool { return s.content == "" && s.reasoning == "" && len(s.calls) == 0 }

// speech reads an answer's tokens as what they say, in the form of the model's
// family.
type speech struct {
	parser   *template.Parser
	ended    bool
	thinking bool // the last that was said was reasoning
	thought  int  // tokens of reasoning
	counted  int  // tokens so far
}

// piece returns what a piece says.
func (s *speech) piece(p infer.Piece) said {
	var deltas []template.Delta
	for _, id := range p.IDs {
		deltas = append(deltas, s.parser.Push(id)...)
	}
	if p.Surplus > 0 { // the last piece: a stop string came
		s.ended = true
		deltas = cut(append(deltas, s.parser.Close()...), p.Surplus)
	}
	return s.join(deltas, p.Usage.Completion)
}

// close returns what was held back, when all of u was generated.
func (s *speech) close(u infer.Usage) said {
	if s.ended {
		return said{}
	}
	s.ended = true
	return s.join(s.parser.Close(), u.Completion)
}

// join puts deltas together, and counts the tokens of reasoning: those up to
// the piece with which something else is said.
func (s *speech) join(deltas []template.Delta, tokens int) (out said) {
	for _, d := range deltas {
		out.content += d.Text
		out.reasoning += d.Reasoning
		if d.Call != nil {
			one := call{ID: "call_" + rand.Text(), Type: "function"}
			one.Function.Name, one.Function.Arguments = d.Call.Name, d.Call.Arguments
			out.calls = append(out.calls, one)
		}
		s.thinking = d.Reasoning != ""
	}
	if s.thinking {
		s.thought += tokens - s.counted
	}
	s.counted = tokens
	return out
}

// cut takes bytes off the end of what was said.
func cut(deltas []template.Delta, bytes int) []template.Delta {
	for i := len(deltas) - 1; i >= 0 && bytes > 0; i-- {
		for _, text := range []*string{&deltas[i].Text, &deltas[i].Reasoning} {
			n := min(bytes, len(*text))
			*text, bytes = (*text)[:len(*text)-n], bytes-n
		}
	}
	return deltas
}
