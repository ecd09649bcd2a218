package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"sluice"
	"sluice/product/assist"
)

// Chats keeps the chats of people.
type Chats interface {
	Create(ctx context.Context, who assist.Person, d assist.Draft) (*sluice.Chat, error)
	Change(ctx context.Context, who assist.Person, id string, d assist.Draft) (*sluice.Chat, error)
	List(ctx context.Context, who assist.Person, text string, before time.Time, limit int) ([]*sluice.Chat, error)
	Get(ctx context.Context, who assist.Person, id string) (*sluice.Chat, []*sluice.ChatMessage, error)
	Delete(ctx context.Context, who assist.Person, id string) error
	Import(ctx context.Context, who assist.Person, d assist.Draft, messages []*sluice.ChatMessage) (*sluice.Chat, error)
}

// Answers has the messages of chats answered.
type Answers interface {
	Send(ctx context.Context, who assist.Person, chat string, ask assist.Ask) (asked, answered *sluice.ChatMessage, err error)
	Stop(ctx context.Context, who assist.Person, chat, message string) error
	Follow(ctx context.Context, who assist.Person, chat, message string, text, reasoning int, show func(*sluice.ChatMessage) any) (func(http.ResponseWriter), error)
}

// SharedChats lets chats be read under a token.
type SharedChats interface {
	Share(ctx context.Context, who assist.Person, id string) (token string, err error)
	Unshare(ctx context.Context, who assist.Person, id string) error
	Shared(ctx context.Context, token string) (*sluice.Chat, []*sluice.ChatMessage, error)
}

// Chat is a person's conversation with models.
type Chat struct {
	ID        string    `json:"id"`
	Title     string    `json:"title"`
	Model     string    `json:"model,omitempty" doc:"That is asked next."`
	System    string    `json:"system,omitempty" doc:"What models are told before all else."`
	Head      string    `json:"head,omitempty" doc:"Id of the message at the end of the branch that is shown."`
	Shared    bool      `json:"shared" doc:"Whoever has its link may read it."`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// ChatMessage is one message of a chat. Messages form a tree.
type ChatMessage struct {
	ID          string            `json:"id"`
	Parent      string            `json:"parent,omitempty" doc:"The message that it follows; absent: the chat begins with it."`
	Role        string            `json:"role" enum:"user,assistant"`
	Status      sluice.ChatStatus `json:"status" enum:"done,answering,stopped,failed,interrupted"`
	Text        string            `json:"text"`
	Files       []ChatFile        `json:"files,omitempty"`
	Model       string            `json:"model,omitempty"`
	Reasoning   string            `json:"reasoning,omitempty"`
	Error       string            `json:"error,omitempty" doc:"Why it failed."`
	Finish      string            `json:"finish,omitempty" doc:"Why the answer ended: stop, length, …"`
	Call        string            `json:"call,omitempty" doc:"Id of the call that was billed."`
	InputTokens int64             `json:"input_tokens,omitempty"`
	Cached      int64             `json:"cached_tokens,omitempty" doc:"Of the input."`
	Output      int64             `json:"output_tokens,omitempty"`
	Charge      *sluice.Amount    `json:"charge,omitempty" doc:"What it cost, in the organisation's currency."`
	FirstMS     int64             `json:"first_ms,omitempty" doc:"Milliseconds until the first token."`
	TookMS      int64             `json:"took_ms,omitempty"`
	CreatedAt   time.Time         `json:"created_at"`
}

// ChatFile is a stored file that belongs to a message.
type ChatFile struct {
	ID   string `json:"id" maxLength:"64"`
	Name string `json:"name" maxLength:"256"`
	Type string `json:"type,omitempty" maxLength:"128"`
	Size int64  `json:"size,omitempty" minimum:"0"`
}

// ChatDetail is a chat with its messages, in the order in which they were made.
type ChatDetail struct {
	Chat

	Messages []ChatMessage `json:"messages"`
}

// PutChat is what a person says of a chat; what is absent stays.
type PutChat struct {
	Title  *string `json:"title,omitempty" maxLength:"200"`
	Model  *string `json:"model,omitempty" maxLength:"128"`
	System *string `json:"system,omitempty" maxLength:"262144"`
	Head   *string `json:"head,omitempty" maxLength:"64"`
}

// AskChat is a question to a model, or the wish for another answer.
type AskChat struct {
	Parent string     `json:"parent,omitempty" maxLength:"64" doc:"The message that it follows; absent begins the chat anew. With again, the question."`
	Text   string     `json:"text,omitempty" maxLength:"262144"`
	Files  []ChatFile `json:"files,omitempty" maxItems:"16"`
	Model  string     `json:"model,omitempty" maxLength:"128" doc:"The chat's when absent."`
	Again  bool       `json:"again,omitempty" doc:"Another answer to the question parent, in place of a new question."`
}

// ChatTurn is a question and the answer that has begun.
type ChatTurn struct {
	Question ChatMessage `json:"question"`
	Answer   ChatMessage `json:"answer" doc:"Follow its events."`
}

// ChatLink is where a chat can be read by everybody.
type ChatLink struct {
	Token string `json:"token"`
	Page  string `json:"page" doc:"The page of this server on which people read it."`
	Path  string `json:"path" doc:"Of this API, where it is read without a key."`
}

// SharedChat is a chat as everybody may read it who has its link.
type SharedChat struct {
	Title     string        `json:"title"`
	UpdatedAt time.Time     `json:"updated_at"`
	Messages  []ChatMessage `json:"messages" doc:"The branch that its owner looks at, without costs."`
}

// ImportChat is a chat that was exported: the answer of get-chat.
type ImportChat struct {
	Title    string          `json:"title" maxLength:"200"`
	Model    string          `json:"model,omitempty" maxLength:"128"`
	System   string          `json:"system,omitempty" maxLength:"262144"`
	Head     string          `json:"head,omitempty" maxLength:"64"`
	Messages []ImportMessage `json:"messages" maxItems:"2000"`
}

// ImportMessage is a message that was exported.
type ImportMessage struct {
	ID        string `json:"id" maxLength:"64"`
	Parent    string `json:"parent,omitempty" maxLength:"64"`
	Role      string `json:"role" enum:"user,assistant"`
	Text      string `json:"text" maxLength:"262144"`
	Reasoning string `json:"reasoning,omitempty" maxLength:"262144"`
	Model     string `json:"model,omitempty" maxLength:"128"`
}

// people is for signed-in people: of an organisation, and those of the operator's
// who may act for any.
func people() access {
	a := access{organisation: sluice.OrganisationRoles(), people: true}
	a.operator = stewards().operator
	return a
}

// registerChats adds the chats. What people write in them stays out of the audit
// log, so that these operations count as reading.
func (s *Server) registerChats() {
	const tag, all, one = "chats", "/chats", "/chats/{chat}"
	const message = one + "/messages/{message}"
	register(s, route{id: "list-chats", method: http.MethodGet, path: all, tag: tag, summary: "List one's own chats, those changed last first", roles: people()}, s.listChats)
	register(s, route{id: "create-chat", method: http.MethodPost, path: all, tag: tag, summary: "Begin a chat", roles: people(), status: http.StatusCreated, reads: true}, s.createChat)
	register(s, route{id: "import-chat", method: http.MethodPost, path: all + "/import", tag: tag, summary: "Make a chat of one that was exported", roles: people(), status: http.StatusCreated, reads: true, keyed: true, most: 16 << 20}, s.importChat)
	register(s, route{id: "get-chat", method: http.MethodGet, path: one, tag: tag, summary: "Get a chat with all its messages; also its export", roles: people()}, s.getChat)
	register(s, route{id: "update-chat", method: http.MethodPatch, path: one, tag: tag, summary: "Change a chat's title, model, system text or branch", roles: people(), reads: true}, s.updateChat)
	registerEmpty(s, route{id: "delete-chat", method: http.MethodDelete, path: one, tag: tag, summary: "Forget a chat", roles: people(), reads: true}, s.deleteChat)
	register(s, route{id: "ask-chat", method: http.MethodPost, path: one + "/messages", tag: tag, summary: "Ask a model, or again; the answer goes on by itself", roles: people(), status: http.StatusAccepted, reads: true, keyed: true}, s.askChat)
	registerEmpty(s, route{id: "stop-chat", method: http.MethodPost, path: message + "/stop", tag: tag, summary: "End an answer that is being written", roles: people(), reads: true, keyed: true}, s.stopChat)
	add(s, route{id: "follow-chat", method: http.MethodGet, path: message + "/events", tag: tag, summary: "Follow an answer: delta events with what is added, then done with the message", roles: people(), content: "text/event-stream"}, s.followChat)
	register(s, route{id: "share-chat", method: http.MethodPost, path: one + "/share", tag: tag, summary: "Make a link under which everybody may read a chat; one from before ends", roles: people(), status: http.StatusCreated}, s.shareChat)
	registerEmpty(s, route{id: "unshare-chat", method: http.MethodDelete, path: one + "/share", tag: tag, summary: "End the link of a chat", roles: people()}, s.unshareChat)
	s.registerChatPicture()
	add(s, route{id: "get-shared-chat", method: http.MethodGet, path: "/shared/{token}", tag: tag, summary: "Read a chat that is shared", public: true}, s.getSharedChat)
}

// InPerson says in whose name a person chats.
type InPerson struct {
	Organisation string `query:"organisation" maxLength:"64" doc:"In whose name; the caller's own when absent."`
}

// person is whose chats a caller has: the user's own, in the name of an
// organisation that pays. Errors: CodeForbidden, CodeNotFound, CodeInvalid.
func (s *Server) person(ctx context.Context, who *caller, in InPerson) (assist.Person, error) {
	if who.user == nil {
		return assist.Person{}, sluice.Errorf(sluice.CodeForbidden, "Chats belong to people: sign in.")
	}
	org, err := s.paying(ctx, who, in.Organisation)
	return assist.Person{Org: org, User: who.user.ID}, err
}

type inChats struct {
	InPerson

	Query string `query:"query" maxLength:"256" doc:"In a title or a message."`
	Paging
}

func (s *Server) listChats(ctx context.Context, who *caller, in *inChats) (Page[Chat], error) {
	p, err := s.person(ctx, who, in.InPerson)
	if err != nil {
		return Page[Chat]{}, err
	}
	var before time.Time // the last one that is known was changed
	if in.Cursor != "" {
		if before, err = time.Parse(time.RFC3339Nano, in.Cursor); err != nil {
			return Page[Chat]{}, &sluice.Error{Code: sluice.CodeInvalid, Param: "cursor", Message: fmt.Sprintf("The cursor %q is none that a list returned.", in.Cursor)}
		}
	}
	chats, err := s.opt.Chats.List(ctx, p, in.Query, before, in.limit())
	page := Page[Chat]{Data: []Chat{}}
	for _, c := range chats {
		page.Data = append(page.Data, chat(c))
	}
	if len(chats) == in.limit() {
		page.Next = chats[len(chats)-1].UpdatedAt.Format(time.RFC3339Nano)
	}
	return page, err
}

type inPutChat struct {
	InPerson

	Body PutChat
}

func (s *Server) createChat(ctx context.Context, who *caller, in *inPutChat) (Chat, error) {
	p, err := s.person(ctx, who, in.InPerson)
	if err != nil {
		return Chat{}, err
	}
	c, err := s.opt.Chats.Create(ctx, p, assist.Draft(in.Body))
	if err != nil {
		return Chat{}, err
	}
	return chat(c), nil
}

type inImportChat struct {
	InPerson

	Body ImportChat
}

func (s *Server) importChat(ctx context.Context, who *caller, in *inImportChat) (Chat, error) {
	p, err := s.person(ctx, who, in.InPerson)
	if err != nil {
		return Chat{}, err
	}
	b := &in.Body
	var messages []*sluice.ChatMessage
	for _, m := range b.Messages {
		messages = append(messages, &sluice.ChatMessage{ID: m.ID, Parent: m.Parent, Role: m.Role, Text: m.Text, Reasoning: m.Reasoning, Model: m.Model})
	}
	c, err := s.opt.Chats.Import(ctx, p, assist.Draft{Title: &b.Title, Model: &b.Model, System: &b.System, Head: &b.Head}, messages)
	if err != nil {
		return Chat{}, err
	}
	return chat(c), nil
}

// InChat names a chat.
type InChat struct {
	InPerson

	Chat string `path:"chat" maxLength:"64"`
}

func (s *Server) getChat(ctx context.Context, who *caller, in *InChat) (ChatDetail, error) {
	p, err := s.person(ctx, who, in.InPerson)
	if err != nil {
		return ChatDetail{}, err
	}
	c, messages, err := s.opt.Chats.Get(ctx, p, in.Chat)
	if err != nil {
		return ChatDetail{}, err
	}
	return ChatDetail{Chat: chat(c), Messages: chatMessages(messages)}, nil
}

type inUpdateChat struct {
	InChat

	Body PutChat
}

func (s *Server) updateChat(ctx context.Context, who *caller, in *inUpdateChat) (Chat, error) {
	p, err := s.person(ctx, who, in.InPerson)
	if err != nil {
		return Chat{}, err
	}
	c, err := s.opt.Chats.Change(ctx, p, in.Chat, assist.Draft(in.Body))
	if err != nil {
		return Chat{}, err
	}
	return chat(c), nil
}

func (s *Server) deleteChat(ctx context.Context, who *caller, in *InChat) error {
	p, err := s.person(ctx, who, in.InPerson)
	if err != nil {
		return err
	}
	return s.opt.Chats.Delete(ctx, p, in.Chat)
}

type inAskChat struct {
	InChat

	Body AskChat
}

func (s *Server) askChat(ctx context.Context, who *caller, in *inAskChat) (ChatTurn, error) {
	p, err := s.person(ctx, who, in.InPerson)
	if err != nil {
		return ChatTurn{}, err
	}
	b := &in.Body
	ask := assist.Ask{Parent: b.Parent, Text: b.Text, Model: b.Model, Again: b.Again}
	for _, f := range b.Files {
		ask.Files = append(ask.Files, sluice.ChatFile(f))
	}
	question, answer, err := s.opt.Answers.Send(ctx, p, in.Chat, ask)
	if err != nil {
		return ChatTurn{}, err
	}
	return ChatTurn{chatMessage(question), chatMessage(answer)}, nil
}

// InChatMessage names a message of a chat.
type InChatMessage struct {
	InChat

	Message string `path:"message" maxLength:"64"`
}

func (s *Server) stopChat(ctx context.Context, who *caller, in *InChatMessage) error {
	p, err := s.person(ctx, who, in.InPerson)
	if err != nil {
		return err
	}
	return s.opt.Answers.Stop(ctx, p, in.Chat, in.Message)
}

type inFollowChat struct {
	InChatMessage

	Text      int `query:"text" minimum:"0" doc:"Bytes of the text that are known."`
	Reasoning int `query:"reasoning" minimum:"0" doc:"Bytes of the reasoning that are known."`
}

func (s *Server) followChat(ctx context.Context, in *inFollowChat) (*huma.StreamResponse, error) {
	p, err := s.person(ctx, callerOf(ctx), in.InPerson)
	if err != nil {
		return nil, err
	}
	follow, err := s.opt.Answers.Follow(ctx, p, in.Chat, in.Message, in.Text, in.Reasoning, func(m *sluice.ChatMessage) any { return chatMessage(m) })
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humago.Unwrap(hc)
		follow(w)
	}}, nil
}

func (s *Server) shareChat(ctx context.Context, who *caller, in *InChat) (ChatLink, error) {
	p, err := s.person(ctx, who, in.InPerson)
	if err != nil {
		return ChatLink{}, err
	}
	token, err := s.opt.SharedChats.Share(ctx, p, in.Chat)
	return ChatLink{Token: token, Page: "/share/" + token, Path: Prefix + "/shared/" + token}, err
}

func (s *Server) unshareChat(ctx context.Context, who *caller, in *InChat) error {
	p, err := s.person(ctx, who, in.InPerson)
	if err != nil {
		return err
	}
	return s.opt.SharedChats.Unshare(ctx, p, in.Chat)
}

type inSharedChat struct {
	Token string `path:"token" maxLength:"128"`
}

func (s *Server) getSharedChat(ctx context.Context, in *inSharedChat) (*answer[*SharedChat], error) {
	shared, err := s.SharedChat(ctx, in.Token)
	return &answer[*SharedChat]{shared}, err
}

// SharedChat returns a chat that is shared, by what its link says. Errors: CodeNotFound.
func (s *Server) SharedChat(ctx context.Context, token string) (*SharedChat, error) {
	c, messages, err := s.opt.SharedChats.Shared(ctx, token)
	if err != nil {
		return nil, err
	}
	shared := &SharedChat{Title: c.Title, UpdatedAt: c.UpdatedAt, Messages: []ChatMessage{}}
	for _, m := range messages {
		shared.Messages = append(shared.Messages, ChatMessage{
			ID: m.ID, Parent: m.Parent, Role: m.Role, Status: m.Status, Text: m.Text, Reasoning: m.Reasoning, Model: m.Model, CreatedAt: m.CreatedAt,
		})
	}
	return shared, nil
}

// chat writes a chat as it is shown.
func chat(c *sluice.Chat) Chat {
	return Chat{
		ID: c.ID, Title: c.Title, Model: c.Model, System: c.System, Head: c.Head, Shared: c.Share != sluice.KeyHash{}, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
}

func chatMessages(messages []*sluice.ChatMessage) []ChatMessage {
	all := make([]ChatMessage, len(messages))
	for i, m := range messages {
		all[i] = chatMessage(m)
	}
	return all
}

// chatMessage writes a message as it is shown.
func chatMessage(m *sluice.ChatMessage) ChatMessage {
	shown := ChatMessage{
		ID: m.ID, Parent: m.Parent, Role: m.Role, Status: m.Status, Text: m.Text, Model: m.Model, Reasoning: m.Reasoning,
		Error: m.Error, Finish: m.Finish, Call: m.Call, InputTokens: m.Input, Cached: m.Cached, Output: m.Output,
		FirstMS: m.First.Milliseconds(), TookMS: m.Took.Milliseconds(), CreatedAt: m.CreatedAt,
	}
	for _, f := range m.Files {
		shown.Files = append(shown.Files, ChatFile(f))
	}
	if m.Call != "" {
		charge := m.Charge.Amount()
		shown.Charge = &charge
	}
	return shown
}
