package infer

import "sluice/infer/template"

// Message is one turn of a conversation.
type Message = template.Message

// Chat renders a conversation without tools as tokens, up to where the assistant's
// answer begins: what Template's Prompt makes of it. Nothing that a message says
// can end its turn or begin another. It fails as Template and Prompt do.
func (m *Model) Chat(messages []Message) ([]int32, error) {
	t, err := m.Template()
	if err != nil {
		return nil, err
	}
	return t.Prompt(&template.Conversation{Messages: messages})
}
