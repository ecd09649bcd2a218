package infer

import (
	"errors"
	"fmt"
	"slices"

	"sluice/infer/tokenizer"
)

// Message is one turn of a conversation.
type Message struct {
	// Role is who speaks: system, user, assistant or tool.
	Role string
	// Content is what was said.
	Content string
}

// chatTokens are the special tokens of ChatML.
type chatTokens struct{ start, end int32 }

// readChat finds the tokens that ChatML needs; nil without them.
func readChat(t tokenizer.Tokenizer) *chatTokens {
	start, okStart := t.Special("<|im_start|>")
	end, okEnd := t.Special("<|im_end|>")
	if !okStart || !okEnd {
		return nil
	}
	return &chatTokens{start, end}
}

// ErrNoChat is returned by Chat when the file has no chat template that is known.
var ErrNoChat = errors.New("this model has no chat template: ask it for completions")

// Chat renders a conversation as the tokens of ChatML, up to where the
// assistant's answer begins:
//
//	<|im_start|>ROLE\nCONTENT<|im_end|>\n ... <|im_start|>assistant\n
//
// The two special tokens are put in as tokens. All else is encoded as text, so
// nothing that a message says can end its turn or begin another. It fails on
// roles that are not ChatML's, and with ErrNoChat on a file without its tokens.
func (m *Model) Chat(messages []Message) ([]int32, error) {
	if m.chat == nil {
		return nil, ErrNoChat
	}
	tokens := slices.Clone(m.tokenizer.Start())
	line := "" // what is left of the line that the last token closed
	for i, msg := range messages {
		switch msg.Role {
		case "system", "user", "assistant", "tool":
		default:
			return nil, fmt.Errorf("message %d has the role %q, want system, user, assistant or tool", i, msg.Role)
		}
		tokens = m.tokenizer.Encode(tokens, line)
		tokens = append(tokens, m.chat.start)
		tokens = m.tokenizer.Encode(tokens, msg.Role+"\n"+msg.Content)
		tokens = append(tokens, m.chat.end)
		line = "\n"
	}
	tokens = m.tokenizer.Encode(tokens, line)
	tokens = append(tokens, m.chat.start)
	return m.tokenizer.Encode(tokens, "assistant\n"), nil
}
