package assist

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"sluice"
)

// Ask is a question, or the wish for another answer to one.
type Ask struct {
	Parent string // the message that it follows; empty begins the chat anew
	Text   string
	Files  []sluice.ChatFile
	Model  string

	// Again asks for another answer to Parent, a question, which has no text then.
	Again bool
}

// Send puts a question to a model, and returns it with the answer that has
// begun. The answer goes on whoever leaves; Follow tells how it goes. Errors:
// CodeNotFound, CodeInvalid, CodeConcurrency.
func (s *Service) Send(ctx context.Context, who Person, chat string, ask Ask) (asked, answered *sluice.ChatMessage, err error) {
	c, err := s.opt.Chats.Chat(ctx, who.Org, who.User, chat)
	if err != nil {
		return nil, nil, err
	}
	messages, err := s.messages(ctx, chat)
	if err != nil {
		return nil, nil, err
	}
	if asked, err = s.question(c, messages, &ask); err != nil {
		return nil, nil, err
	}
	now := s.opt.Now()
	answered = &sluice.ChatMessage{
		ID: sluice.NewID(sluice.PrefixMessage, now.Add(time.Millisecond)), Chat: chat, Parent: asked.ID, Role: "assistant", Status: sluice.ChatAnswering,
		Model: ask.Model, Call: sluice.NewID(sluice.PrefixCall, now), CreatedAt: now,
	}
	a, err := s.begin(who, answered)
	if err != nil {
		return nil, nil, err
	}
	branch := append(Branch(messages, asked.Parent), asked)
	body, err := request(c, branch, ask.Model)
	if err == nil {
		err = s.opt.Messages.PutChatMessages(ctx, []*sluice.ChatMessage{asked, answered})
	}
	if err == nil {
		c.Model, c.Head, c.UpdatedAt = ask.Model, answered.ID, now
		if c.Title == "" {
			c.Title = titleOf(asked.Text)
		}
		err = s.opt.Chats.PutChat(ctx, c)
	}
	if err != nil {
		a.forget()
		return nil, nil, err
	}
	s.working.Go(func() { a.live(body) })
	return asked, a.soFar(), nil
}

// question checks what is asked and finds or makes its message. Errors:
// CodeInvalid, CodeNotFound.
func (s *Service) question(c *sluice.Chat, messages []*sluice.ChatMessage, ask *Ask) (*sluice.ChatMessage, error) {
	invalid := func(param, format string, args ...any) (*sluice.ChatMessage, error) {
		return nil, &sluice.Error{Code: sluice.CodeInvalid, Param: param, Message: fmt.Sprintf(format, args...)}
	}
	if ask.Model == "" {
		ask.Model = c.Model
	}
	var parent *sluice.ChatMessage
	for _, m := range messages {
		if m.ID == ask.Parent {
			parent = m
		}
	}
	switch {
	case ask.Model == "":
		return invalid("model", "Which model is asked?")
	case ask.Parent != "" && parent == nil:
		return nil, sluice.Errorf(sluice.CodeNotFound, "The chat has no message %.64q.", ask.Parent)
	case ask.Again && (parent == nil || parent.Role != "user"):
		return invalid("parent", "Another answer is asked for to a question.")
	case ask.Again:
		return parent, nil
	case parent != nil && parent.Role != "assistant":
		return invalid("parent", "A question follows an answer.")
	case parent != nil && parent.Status == sluice.ChatAnswering:
		return invalid("parent", "That message is still being written: stop it, or wait.")
	case len(messages)+2 > MaxMessages:
		return invalid("chat", "A chat has at most %d messages: begin another one.", MaxMessages)
	case strings.TrimSpace(ask.Text) == "" && len(ask.Files) == 0:
		return invalid("text", "The message is empty.")
	case len(ask.Text) > MaxText || !utf8.ValidString(ask.Text):
		return invalid("text", "A message has at most %d bytes of UTF-8.", MaxText)
	case len(ask.Files) > maxFiles:
		return invalid("files", "A message has at most %d files.", maxFiles)
	}
	now := s.opt.Now()
	return &sluice.ChatMessage{
		ID: sluice.NewID(sluice.PrefixMessage, now), Chat: c.ID, Parent: ask.Parent, Role: "user", Status: sluice.ChatDone,
		Text: ask.Text, Files: ask.Files, CreatedAt: now,
	}, nil
}

// titleOf is the beginning of a chat's first question.
func titleOf(text string) string {
	const most = 60
	line := strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(line) <= most {
		return line
	}
	cut := string([]rune(line)[:most])
	if i := strings.LastIndexByte(cut, ' '); i > most/2 {
		cut = cut[:i]
	}
	return cut + "…"
}

// turn is a message as chat completions have it.
type turn struct {
	Role    string `json:"role"`
	Content any    `json:"content"`
}

// request writes a branch as a request for a chat completion. Reasoning of
// earlier answers is not sent back: models are not to go on from it.
func request(c *sluice.Chat, branch []*sluice.ChatMessage, model string) ([]byte, error) {
	var turns []turn
	if c.System != "" {
		turns = append(turns, turn{"system", c.System})
	}
	for _, m := range branch {
		switch {
		case len(m.Files) > 0:
			turns = append(turns, turn{m.Role, parts(m)})
		case m.Text != "":
			turns = append(turns, turn{m.Role, m.Text})
		}
	}
	body, err := json.Marshal(map[string]any{
		"model": model, "stream": true, "stream_options": map[string]bool{"include_usage": true}, "prompt_cache_key": c.ID, "messages": turns,
	})
	if err != nil {
		return nil, fmt.Errorf("writing the request of a chat: %w", err)
	}
	return body, nil
}

// parts are a message's files, by their ids, and its text.
func parts(m *sluice.ChatMessage) []map[string]any {
	var all []map[string]any
	for _, f := range m.Files {
		all = append(all, map[string]any{"type": "file", "file": map[string]string{"file_id": f.ID}})
	}
	if m.Text != "" {
		all = append(all, map[string]any{"type": "text", "text": m.Text})
	}
	return all
}
