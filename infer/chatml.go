package infer

import (
	"errors"
	"fmt"

	"sluice/infer/bpe"
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

// readChat finds the tokens that ChatML needs.
func readChat(t *bpe.Tokenizer) (chatTokens, error) {
	start, okStart := t.Special("<|im_start|>")
	end, okEnd := t.Special("<|im_end|>")
	if !okStart || !okEnd {
		return chatTokens{}, errors.New("the tokens <|im_start|> and <|im_end|> of ChatML are missing")
	}
	return chatTokens{start, end}, nil
}

// Chat renders a conversation as the tokens of ChatML, up to where the
// assistant's answer begins:
//
//	<|im_start|>ROLE\nCONTENT<|im_end|>\n ... <|im_start|>assistant\n
//
// The two special tokens are put in as tokens. All else is encoded as text, so
// nothing that a message says can end its turn or begin another. It fails on
// roles that are not ChatML's.
func (m *Model) Chat(messages []Message) ([]int32, error) {
	var tokens []int32
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
