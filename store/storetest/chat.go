package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice"
	"sluice/store"
)

func testChats(t *testing.T, db *store.DB) {
	ctx := t.Context()
	tenants(t, db)
	put := func(c *sluice.Chat) {
		t.Helper()
		if err := db.PutChat(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	a := &sluice.Chat{ID: "chat_a", Org: "org_a", User: "user_1", Title: "100% Été", Model: "m", CreatedAt: start(), UpdatedAt: start()}
	b := &sluice.Chat{ID: "chat_b", Org: "org_a", User: "user_1", Title: "Other", System: "Be brief.", Share: sluice.HashKey("token"), CreatedAt: start(), UpdatedAt: start().Add(time.Minute)}
	of := &sluice.Chat{ID: "chat_c", Org: "org_a", User: "user_2", Title: "100 not theirs", CreatedAt: start(), UpdatedAt: start()}
	for _, c := range []*sluice.Chat{a, b, of} {
		put(c)
	}
	b.Head, b.UpdatedAt = "msg_2", start().Add(time.Hour)
	put(b)
	list := func(q sluice.ChatQuery) []*sluice.Chat {
		t.Helper()
		q.Org, q.User = "org_a", "user_1"
		if q.Limit == 0 {
			q.Limit = 10
		}
		return must[[]*sluice.Chat](t)(db.Chats(ctx, q))
	}
	if d := cmp.Diff([]*sluice.Chat{b, a}, list(sluice.ChatQuery{})); d != "" {
		t.Errorf("chats (-want +got):\n%s", d)
	}
	if got := list(sluice.ChatQuery{Before: b.UpdatedAt}); len(got) != 1 || got[0].ID != "chat_a" {
		t.Errorf("before another: %v", got)
	}

	question := &sluice.ChatMessage{ID: "msg_1", Chat: "chat_b", Role: "user", Status: sluice.ChatDone, Text: "Where is the SLUICE?", Files: []sluice.ChatFile{{ID: "file_1", Name: "map.png"}}, CreatedAt: start()}
	answer := &sluice.ChatMessage{
		ID: "msg_2", Chat: "chat_b", Parent: "msg_1", Role: "assistant", Status: sluice.ChatAnswering, Text: "好", Reasoning: "hm", Model: "m",
		Call: "call_1", Input: 7, Cached: 3, Output: 2, Charge: 1234, First: time.Second, Took: 2 * time.Second, CreatedAt: start(),
	}
	if err := db.PutChatMessages(ctx, []*sluice.ChatMessage{question, answer}); err != nil {
		t.Fatal(err)
	}
	messages := func() []*sluice.ChatMessage { return must[[]*sluice.ChatMessage](t)(db.ChatMessages(ctx, "chat_b")) }
	if d := cmp.Diff([]*sluice.ChatMessage{question, answer}, messages()); d != "" {
		t.Errorf("messages (-want +got):\n%s", d)
	}
	for text, want := range map[string]int{"sluice": 1, "100%": 1, "10_": 0, "other": 1, "nothing": 0} {
		if got := list(sluice.ChatQuery{Text: text}); len(got) != want {
			t.Errorf("%q finds %d", text, len(got))
		}
	}
	if err := db.InterruptChats(ctx); err != nil || messages()[1].Status != sluice.ChatInterrupted || messages()[1].Text != "好" || messages()[0].Status != sluice.ChatDone {
		t.Errorf("interrupted: %+v, %v", messages()[1], err)
	}
	fails(t, "a message of no chat", db.PutChatMessages(ctx, []*sluice.ChatMessage{{ID: "msg_3", Chat: "chat_none"}}), sluice.CodeNotFound)

	if d := cmp.Diff(b, must[*sluice.Chat](t)(db.SharedChat(ctx, sluice.HashKey("token")))); d != "" {
		t.Errorf("shared (-want +got):\n%s", d)
	}
	_, err := db.SharedChat(ctx, sluice.KeyHash{})
	fails(t, "one that is not shared", err, sluice.CodeNotFound)
	_, err = db.Chat(ctx, "org_a", "user_2", "chat_b")
	fails(t, "another's", err, sluice.CodeNotFound)
	_, err = db.Chat(ctx, "org_b", "user_1", "chat_b")
	fails(t, "of another organisation", err, sluice.CodeNotFound)
	fails(t, "deleting another's", db.DeleteChat(ctx, "org_a", "user_2", "chat_b"), sluice.CodeNotFound)
	if err := db.DeleteChat(ctx, "org_a", "user_1", "chat_b"); err != nil || len(messages()) != 0 {
		t.Errorf("deleted, its messages stay: %v", err)
	}
}
