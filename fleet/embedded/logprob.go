package embedded

import (
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"sluice/infer"
)

// scored is a token in a chat's logprobs.
type scored struct {
	Token   string  `json:"token"`
	Logprob float64 `json:"logprob"`
	Bytes   []int   `json:"bytes"`
}

func scoredOf(s infer.Scored) scored {
	out := scored{Token: s.Piece, Logprob: s.Logprob, Bytes: make([]int, len(s.Piece))}
	for i := range len(s.Piece) {
		out.Bytes[i] = int(s.Piece[i])
	}
	return out
}

// chatLogprobs renders the tokens of a chat's answer; null for none.
func chatLogprobs(tokens []infer.Token) jsontext.Value {
	if len(tokens) == 0 {
		return jsontext.Value("null")
	}
	type token struct {
		scored `json:",inline"`
		Top    []scored `json:"top_logprobs"`
	}
	out := struct {
		Content []token        `json:"content"`
		Refusal jsontext.Value `json:"refusal"`
	}{}
	for _, t := range tokens {
		one := token{scored: scoredOf(t.Scored), Top: []scored{}}
		for _, other := range t.Top {
			one.Top = append(one.Top, scoredOf(other))
		}
		out.Content = append(out.Content, one)
	}
	return marshal(out)
}

// textLogprobs renders the tokens of a completion, of which the first begins at
// an offset in runes; null for none.
func textLogprobs(tokens []infer.Token, offset int) jsontext.Value {
	if len(tokens) == 0 {
		return jsontext.Value("null")
	}
	out := struct {
		Tokens   []string             `json:"tokens"`
		Logprobs []float64            `json:"token_logprobs"`
		Top      []map[string]float64 `json:"top_logprobs"`
		Offset   []int                `json:"text_offset"`
	}{}
	for _, t := range tokens {
		out.Tokens = append(out.Tokens, t.Piece)
		out.Logprobs = append(out.Logprobs, t.Logprob)
		out.Offset = append(out.Offset, offset)
		offset += utf8.RuneCountInString(t.Piece)
		top := map[string]float64{}
		for _, other := range t.Top {
			top[other.Piece] = other.Logprob
		}
		out.Top = append(out.Top, top)
	}
	return marshal(out)
}
