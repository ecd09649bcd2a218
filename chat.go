package sluice

import "time"

// Chat is a person's conversation with models, kept for them by their
// organisation. Nobody else sees it unless it is shared.
type Chat struct {
	ID     string `json:"id"`
	Org    string `json:"organisation"`
	User   string `json:"user"`
	Title  string `json:"title"`
	Model  string `json:"model"`            // that is asked next
	System string `json:"system,omitempty"` // what models are told before all else
	Head   string `json:"head,omitempty"`   // id of the message at the end of the branch that is shown

	// Share is the hash of the token under which everybody may read it; zero: nobody may.
	Share KeyHash `json:"-"`

	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// ChatStatus says how far a message is.
type ChatStatus string

// The states of a message. All but ChatAnswering are final.
const (
	ChatDone        ChatStatus = "done"
	ChatAnswering   ChatStatus = "answering"
	ChatStopped     ChatStatus = "stopped"     // by the person
	ChatFailed      ChatStatus = "failed"      // Error says why
	ChatInterrupted ChatStatus = "interrupted" // the server stopped in the middle
)

// ChatMessage is one message. Messages form a tree: another answer to the same
// question has the same parent, and so has a question that was asked anew.
type ChatMessage struct {
	ID     string     `json:"id"`
	Chat   string     `json:"chat"`
	Parent string     `json:"parent,omitempty"` // empty: the chat begins with it
	Role   string     `json:"role"`             // "user" or "assistant"
	Status ChatStatus `json:"status"`
	Text   string     `json:"text"`
	Files  []ChatFile `json:"files,omitempty"`

	// Of answers:
	Model     string        `json:"model,omitempty"`
	Reasoning string        `json:"reasoning,omitempty"`
	Error     string        `json:"error,omitempty"`
	Finish    string        `json:"finish,omitempty"` // "stop", "length", …
	Call      string        `json:"call,omitempty"`   // id of the call that was billed
	Input     int64         `json:"input_tokens,omitempty"`
	Cached    int64         `json:"cached_tokens,omitempty"`
	Output    int64         `json:"output_tokens,omitempty"`
	Charge    Pico          `json:"charge,omitempty"` // pico of the organisation's currency
	First     time.Duration `json:"first,omitempty"`  // until the first token
	Took      time.Duration `json:"took,omitempty"`

	CreatedAt time.Time `json:"created_at"`
}

// ChatFile is a stored file that belongs to a message.
type ChatFile struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Type string `json:"type,omitempty"` // media type, by the browser's word
	Size int64  `json:"size,omitempty"`
}

// ChatQuery selects a person's chats, those changed last first.
type ChatQuery struct {
	Org, User string
	Text      string // in a title or a message, whatever its case; empty: all
	Before    time.Time
	Limit     int
}
