package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"sluice"
)

// PutChat adds a chat, or changes the one of that id: its title, model, system
// text, head and share, and when it was changed.
func (db *DB) PutChat(ctx context.Context, c *sluice.Chat) error {
	return db.create(ctx, "chat", c.ID, `INSERT INTO chat (id, org, owner, title, model, system, head, share, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO UPDATE SET title = excluded.title, model = excluded.model,
		system = excluded.system, head = excluded.head, share = excluded.share, updated_at = excluded.updated_at`,
		c.ID, c.Org, c.User, c.Title, c.Model, c.System, c.Head, shareText(c.Share), micros(c.CreatedAt), micros(c.UpdatedAt))
}

func shareText(hash sluice.KeyHash) string {
	if hash == (sluice.KeyHash{}) {
		return ""
	}
	return hex.EncodeToString(hash[:])
}

const chatColumns = `id, org, owner, title, model, system, head, share, created_at, updated_at`

func scanChat(rows *sql.Rows) (*sluice.Chat, error) {
	var c sluice.Chat
	var share string
	var created, updated int64
	if err := rows.Scan(&c.ID, &c.Org, &c.User, &c.Title, &c.Model, &c.System, &c.Head, &share, &created, &updated); err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(share)
	copy(c.Share[:], raw)
	c.CreatedAt, c.UpdatedAt = instant(created), instant(updated)
	return &c, err
}

// Chat returns a person's chat. Errors: CodeNotFound, also of another's.
func (db *DB) Chat(ctx context.Context, org, user, id string) (*sluice.Chat, error) {
	return db.oneChat(ctx, id, `WHERE id = $1 AND org = $2 AND owner = $3`, id, org, user)
}

// SharedChat returns the chat that is shared under the token of the hash. Errors: CodeNotFound.
func (db *DB) SharedChat(ctx context.Context, hash sluice.KeyHash) (*sluice.Chat, error) {
	return db.oneChat(ctx, "", `WHERE share = $1 AND share <> ''`, shareText(hash))
}

func (db *DB) oneChat(ctx context.Context, id, where string, args ...any) (*sluice.Chat, error) {
	all, err := collect(ctx, db.r, scanChat, `SELECT `+chatColumns+` FROM chat `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("reading a chat: %w", err)
	}
	if len(all) == 0 {
		return nil, notFound("chat", id)
	}
	return all[0], nil
}

// Chats returns a person's chats, those changed last first.
func (db *DB) Chats(ctx context.Context, q sluice.ChatQuery) ([]*sluice.Chat, error) {
	where, args := `WHERE org = $1 AND owner = $2`, []any{q.Org, q.User}
	if !q.Before.IsZero() {
		args = append(args, micros(q.Before))
		where += fmt.Sprintf(` AND updated_at < $%d`, len(args))
	}
	if q.Text != "" {
		args = append(args, "%"+strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToLower(q.Text))+"%")
		where += fmt.Sprintf(` AND (lower(title) LIKE $%[1]d ESCAPE '\' OR EXISTS (SELECT 1 FROM chat_message m WHERE m.chat = chat.id AND lower(m.body) LIKE $%[1]d ESCAPE '\'))`, len(args))
	}
	args = append(args, q.Limit)
	all, err := collect(ctx, db.r, scanChat, fmt.Sprintf(`SELECT %s FROM chat %s ORDER BY updated_at DESC, id DESC LIMIT $%d`, chatColumns, where, len(args)), args...)
	if err != nil {
		return nil, fmt.Errorf("reading chats: %w", err)
	}
	return all, nil
}

// DeleteChat forgets a person's chat with its messages. Errors: CodeNotFound.
func (db *DB) DeleteChat(ctx context.Context, org, user, id string) error {
	return db.change(ctx, "chat", id, `DELETE FROM chat WHERE id = $1 AND org = $2 AND owner = $3`, id, org, user)
}

// PutChatMessages adds messages, or changes those that are there, all or none.
// Errors: CodeNotFound when their chat is gone.
func (db *DB) PutChatMessages(ctx context.Context, all []*sluice.ChatMessage) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	id := ""
	err := db.write(ctx, func(tx *sql.Tx) error {
		for _, m := range all {
			id = m.ID
			rest := *m
			rest.Text = "" // it has a column
			content, err := json.Marshal(&rest)
			if err != nil {
				return fmt.Errorf("writing a message: %w", err)
			}
			_, err = tx.ExecContext(ctx, `INSERT INTO chat_message (id, chat, status, body, content, created_at) VALUES ($1, $2, $3, $4, $5, $6)
				ON CONFLICT (id) DO UPDATE SET status = excluded.status, body = excluded.body, content = excluded.content`,
				m.ID, m.Chat, string(m.Status), m.Text, string(content), micros(m.CreatedAt))
			if err != nil {
				return err
			}
		}
		return nil
	})
	return db.refused("message", id, err)
}

func scanChatMessage(rows *sql.Rows) (*sluice.ChatMessage, error) {
	var m sluice.ChatMessage
	var text, content string
	if err := rows.Scan(&text, &content); err != nil {
		return nil, err
	}
	err := json.Unmarshal([]byte(content), &m)
	m.Text = text
	return &m, err
}

// ChatMessages returns all messages of a chat, in the order in which they were made.
func (db *DB) ChatMessages(ctx context.Context, chat string) ([]*sluice.ChatMessage, error) {
	all, err := collect(ctx, db.r, scanChatMessage, `SELECT body, content FROM chat_message WHERE chat = $1 ORDER BY id`, chat)
	if err != nil {
		return nil, fmt.Errorf("reading messages: %w", err)
	}
	return all, nil
}

// InterruptChats notes of answers under way that nobody works on them any more:
// a server that was stopped left them.
func (db *DB) InterruptChats(ctx context.Context) error {
	open, err := collect(ctx, db.r, scanChatMessage, `SELECT body, content FROM chat_message WHERE status = $1`, string(sluice.ChatAnswering))
	if err != nil {
		return fmt.Errorf("reading messages that are answered: %w", err)
	}
	var errs []error
	for _, m := range open {
		m.Status = sluice.ChatInterrupted
		errs = append(errs, db.PutChatMessages(ctx, []*sluice.ChatMessage{m}))
	}
	return errors.Join(errs...)
}
