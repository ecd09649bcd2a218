// Package assist is the chat assistant of an organisation's people: chats that
// are kept for whoever had them, as trees of messages, and answers that go on when
// the browser that asked has gone. What it asks of models is metered and billed like
// any call of the organisation's.
package assist

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"sluice"
)

// Bounds of what is kept.
const (
	MaxText     = 256 << 10 // of a message or a system text, in bytes
	MaxMessages = 2000      // of a chat
	maxTitle    = 200
	maxRunning  = 4 // answers at once, of one person
	maxFiles    = 16
)

// Chats keeps chats. All lookups name whose they are.
type Chats interface {
	PutChat(ctx context.Context, c *sluice.Chat) error
	Chat(ctx context.Context, org, user, id string) (*sluice.Chat, error)
	Chats(ctx context.Context, q sluice.ChatQuery) ([]*sluice.Chat, error)
	DeleteChat(ctx context.Context, org, user, id string) error
	SharedChat(ctx context.Context, hash sluice.KeyHash) (*sluice.Chat, error)
}

// Messages keeps the messages of chats.
type Messages interface {
	PutChatMessages(ctx context.Context, all []*sluice.ChatMessage) error
	ChatMessages(ctx context.Context, chat string) ([]*sluice.ChatMessage, error)
	InterruptChats(ctx context.Context) error
}

// Models answers chat completions.
type Models interface {
	// Complete answers a request in an organisation's name, as a call of a given id.
	Complete(w http.ResponseWriter, r *http.Request, org, callID string)

	// Booked returns the call as it was booked. Errors: CodeNotFound.
	Booked(ctx context.Context, callID string) (*sluice.Event, error)
}

// Options set up a Service. The interfaces are required.
type Options struct {
	Chats    Chats
	Messages Messages
	Models   Models
	Log      *slog.Logger
	Now      func() time.Time
}

// Service keeps chats and has them answered.
type Service struct {
	opt     Options
	base    context.Context //nolint:containedctx // of all answers, which outlive requests
	stop    context.CancelFunc
	working sync.WaitGroup

	mu      sync.Mutex
	answers map[string]*answer // under way, by message
}

// New makes a Service. Start makes it ready.
func New(o Options) *Service {
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	s := &Service{opt: o, answers: map[string]*answer{}}
	s.base, s.stop = context.WithCancel(context.Background())
	return s
}

// Start notes what a server that was stopped left unfinished.
func (s *Service) Start(ctx context.Context) error { return s.opt.Messages.InterruptChats(ctx) }

// Close ends the answers under way, which are billed for what was produced, and
// waits for them.
func (s *Service) Close() {
	s.stop()
	s.working.Wait()
}

// Person is whose chats they are.
type Person struct{ Org, User string }

// Draft is what a person says of a chat; nil leaves it as it is.
type Draft struct {
	Title, Model, System, Head *string
}

// Create makes a chat. Errors: CodeInvalid.
func (s *Service) Create(ctx context.Context, who Person, d Draft) (*sluice.Chat, error) {
	now := s.opt.Now()
	c := &sluice.Chat{ID: sluice.NewID(sluice.PrefixChat, now), Org: who.Org, User: who.User, CreatedAt: now}
	return c, s.put(ctx, c, d)
}

// Change changes a chat. Errors: CodeNotFound, CodeInvalid.
func (s *Service) Change(ctx context.Context, who Person, id string, d Draft) (*sluice.Chat, error) {
	c, err := s.opt.Chats.Chat(ctx, who.Org, who.User, id)
	if err != nil {
		return nil, err
	}
	return c, s.put(ctx, c, d)
}

func (s *Service) put(ctx context.Context, c *sluice.Chat, d Draft) error {
	for _, f := range []struct {
		name string
		to   *string
		from *string
		most int
	}{{"title", &c.Title, d.Title, maxTitle}, {"model", &c.Model, d.Model, 128}, {"system", &c.System, d.System, MaxText}, {"head", &c.Head, d.Head, 64}} {
		if f.from == nil {
			continue
		}
		if len(*f.from) > f.most || !utf8.ValidString(*f.from) {
			return &sluice.Error{Code: sluice.CodeInvalid, Param: f.name, Message: fmt.Sprintf("'%s' has more than %d bytes or is no UTF-8.", f.name, f.most)}
		}
		*f.to = *f.from
	}
	c.UpdatedAt = s.opt.Now()
	return s.opt.Chats.PutChat(ctx, c)
}

// List returns a person's chats, those changed last first.
func (s *Service) List(ctx context.Context, who Person, text string, before time.Time, limit int) ([]*sluice.Chat, error) {
	return s.opt.Chats.Chats(ctx, sluice.ChatQuery{Org: who.Org, User: who.User, Text: strings.TrimSpace(text), Before: before, Limit: limit})
}

// Get returns a chat with all its messages; those that are answered just now as
// far as they are. Errors: CodeNotFound.
func (s *Service) Get(ctx context.Context, who Person, id string) (*sluice.Chat, []*sluice.ChatMessage, error) {
	c, err := s.opt.Chats.Chat(ctx, who.Org, who.User, id)
	if err != nil {
		return nil, nil, err
	}
	messages, err := s.messages(ctx, id)
	return c, messages, err
}

func (s *Service) messages(ctx context.Context, chat string) ([]*sluice.ChatMessage, error) {
	messages, err := s.opt.Messages.ChatMessages(ctx, chat)
	if err != nil {
		return nil, err
	}
	for i, m := range messages {
		if a := s.running(m.ID); a != nil {
			messages[i] = a.soFar()
		}
	}
	return messages, nil
}

// Delete forgets a chat. Answers under way end.
func (s *Service) Delete(ctx context.Context, who Person, id string) error {
	if _, err := s.opt.Chats.Chat(ctx, who.Org, who.User, id); err != nil {
		return err
	}
	s.mu.Lock()
	for _, a := range s.answers {
		if a.message.Chat == id {
			a.cancel()
		}
	}
	s.mu.Unlock()
	return s.opt.Chats.DeleteChat(ctx, who.Org, who.User, id)
}

// Share returns a token under which everybody may read the chat, as it is and
// as it will be. A token from before ends.
func (s *Service) Share(ctx context.Context, who Person, id string) (token string, err error) {
	c, err := s.opt.Chats.Chat(ctx, who.Org, who.User, id)
	if err != nil {
		return "", err
	}
	token = sluice.NewSecret()
	c.Share = sluice.HashKey(token)
	return token, s.opt.Chats.PutChat(ctx, c)
}

// Unshare ends the token of a chat.
func (s *Service) Unshare(ctx context.Context, who Person, id string) error {
	c, err := s.opt.Chats.Chat(ctx, who.Org, who.User, id)
	if err != nil {
		return err
	}
	c.Share = sluice.KeyHash{}
	return s.opt.Chats.PutChat(ctx, c)
}

// Shared returns the chat of a token, with the branch that its owner looks at.
// Errors: CodeNotFound.
func (s *Service) Shared(ctx context.Context, token string) (*sluice.Chat, []*sluice.ChatMessage, error) {
	c, err := s.opt.Chats.SharedChat(ctx, sluice.HashKey(token))
	if err != nil {
		return nil, nil, err
	}
	messages, err := s.messages(ctx, c.ID)
	return c, Branch(messages, c.Head), err
}

// Import makes a chat of messages that were exported, with ids of their own.
// Errors: CodeInvalid.
func (s *Service) Import(ctx context.Context, who Person, d Draft, messages []*sluice.ChatMessage) (*sluice.Chat, error) {
	if len(messages) > MaxMessages {
		return nil, &sluice.Error{Code: sluice.CodeInvalid, Param: "messages", Message: fmt.Sprintf("A chat has at most %d messages.", MaxMessages)}
	}
	now := s.opt.Now()
	ids := map[string]string{"": ""}
	var all []*sluice.ChatMessage
	for i, in := range messages {
		parent, known := ids[in.Parent]
		if in.Role != "user" && in.Role != "assistant" || len(in.Text) > MaxText || len(in.Reasoning) > MaxText || !known {
			return nil, &sluice.Error{Code: sluice.CodeInvalid, Param: fmt.Sprintf("messages[%d]", i), Message: "It is neither of a user nor of an assistant, too long, or its parent is not before it."}
		}
		m := &sluice.ChatMessage{
			ID: sluice.NewID(sluice.PrefixMessage, now.Add(time.Duration(i)*time.Millisecond)), Parent: parent, Role: in.Role, Status: sluice.ChatDone,
			Text: in.Text, Reasoning: in.Reasoning, Model: in.Model, CreatedAt: now,
		}
		ids[in.ID] = m.ID
		all = append(all, m)
	}
	if d.Head != nil {
		head := ids[*d.Head]
		d.Head = &head
	}
	c, err := s.Create(ctx, who, d)
	if err != nil {
		return nil, err
	}
	for _, m := range all {
		m.Chat = c.ID
	}
	return c, s.opt.Messages.PutChatMessages(ctx, all)
}

// Branch returns the messages from the beginning of a chat to one of them.
func Branch(messages []*sluice.ChatMessage, head string) []*sluice.ChatMessage {
	byID := map[string]*sluice.ChatMessage{}
	for _, m := range messages {
		byID[m.ID] = m
	}
	var branch []*sluice.ChatMessage
	for m := byID[head]; m != nil; m = byID[m.Parent] {
		delete(byID, m.ID) // no way leads in circles
		branch = append([]*sluice.ChatMessage{m}, branch...)
	}
	return branch
}
