package assist_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/product/assist"
)

// keeper keeps chats in memory.
type keeper struct {
	mu       sync.Mutex
	chats    map[string]sluice.Chat
	messages map[string]sluice.ChatMessage
}

func (k *keeper) PutChat(_ context.Context, c *sluice.Chat) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.chats[c.ID] = *c
	return nil
}

func (k *keeper) Chat(_ context.Context, org, user, id string) (*sluice.Chat, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if c, ok := k.chats[id]; ok && c.Org == org && c.User == user {
		return &c, nil
	}
	return nil, sluice.Errorf(sluice.CodeNotFound, "no chat")
}

func (k *keeper) Chats(context.Context, sluice.ChatQuery) ([]*sluice.Chat, error) { return nil, nil }

func (k *keeper) DeleteChat(_ context.Context, _, _, id string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.chats, id)
	return nil
}

func (k *keeper) SharedChat(_ context.Context, hash sluice.KeyHash) (*sluice.Chat, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range k.chats {
		if c.Share == hash {
			return &c, nil
		}
	}
	return nil, sluice.Errorf(sluice.CodeNotFound, "no chat")
}

func (k *keeper) PutChatMessages(_ context.Context, all []*sluice.ChatMessage) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, m := range all {
		k.messages[m.ID] = *m
	}
	return nil
}

func (k *keeper) ChatMessages(_ context.Context, chat string) (all []*sluice.ChatMessage, _ error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, m := range k.messages {
		if m.Chat == chat {
			all = append(all, &m)
		}
	}
	slices.SortFunc(all, func(a, b *sluice.ChatMessage) int { return strings.Compare(a.ID, b.ID) })
	return all, nil
}

func (k *keeper) InterruptChats(context.Context) error { return nil }

// models says, in chat completions, as many words as it is told, a second each,
// and bills each as 5 pico.
type models struct {
	mu     sync.Mutex
	words  []string
	bodies []string
	status int
	booked map[string]sluice.Event
}

func (m *models) Complete(w http.ResponseWriter, r *http.Request, org, call string) {
	var body struct{ Messages json.RawMessage }
	_ = json.NewDecoder(r.Body).Decode(&body)
	m.mu.Lock()
	m.bodies = append(m.bodies, string(body.Messages))
	words, status := m.words, m.status
	m.mu.Unlock()
	if status != 0 {
		w.WriteHeader(status)
		fmt.Fprint(w, `{"error":{"message":"The balance is empty.","type":"insufficient_quota"}}`)
		return
	}
	said := 0
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.booked[call] = sluice.Event{CallID: call, Org: org, Usage: sluice.Usage{sluice.ClassInput: 3, sluice.ClassCached: 2, sluice.ClassOutput: int64(said)}, Charge: sluice.Pico(5 * said)}
	}()
	for _, word := range words {
		select {
		case <-r.Context().Done():
			return
		case <-time.After(time.Second):
		}
		text, _ := json.Marshal(word)
		field := "content"
		if strings.HasPrefix(word, "(") {
			field = "reasoning_content"
		}
		line := fmt.Sprintf("data: {\"choices\":[{\"index\":0,\"delta\":{%q:%s},\"finish_reason\":null}]}\n\n", field, text)
		_, _ = w.Write([]byte(line[:len(line)/2])) // in two pieces, as a network may
		_, _ = w.Write([]byte(line[len(line)/2:]))
		said++
	}
	fmt.Fprint(w, "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
}

func (m *models) Booked(_ context.Context, call string) (*sluice.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.booked[call]; ok {
		return &e, nil
	}
	return nil, sluice.Errorf(sluice.CodeNotFound, "no call")
}

var ada = assist.Person{Org: "org_1", User: "user_1"}

type world struct {
	*assist.Service

	t      *testing.T
	keeper *keeper
	models *models
	chat   string
}

func newWorld(t *testing.T, words ...string) *world {
	w := &world{t: t, keeper: &keeper{chats: map[string]sluice.Chat{}, messages: map[string]sluice.ChatMessage{}}, models: &models{words: words, booked: map[string]sluice.Event{}}}
	w.Service = assist.New(assist.Options{Chats: w.keeper, Messages: w.keeper, Models: w.models, Now: time.Now})
	model := "m"
	c, err := w.Create(t.Context(), ada, assist.Draft{Model: &model})
	if err != nil {
		t.Fatal(err)
	}
	w.chat = c.ID
	return w
}

func (w *world) send(ask assist.Ask) (question, answer *sluice.ChatMessage) {
	w.t.Helper()
	question, answer, err := w.Send(w.t.Context(), ada, w.chat, ask)
	if err != nil {
		w.t.Fatal(err)
	}
	return question, answer
}

func (w *world) message(id string) *sluice.ChatMessage {
	w.t.Helper()
	_, all, err := w.Get(w.t.Context(), ada, w.chat)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, m := range all {
		if m.ID == id {
			return m
		}
	}
	w.t.Fatalf("no message %s", id)
	return nil
}

// TestSend has an answer written, kept and billed, with nobody there.
func TestSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "(hm)", "Hello", " wörld")
		defer w.Close()
		q, a := w.send(assist.Ask{Text: "Say hello to all of the people who are here, and to those who are not, please"})
		if a.Status != sluice.ChatAnswering || a.Parent != q.ID {
			t.Errorf("begun %+v", a)
		}
		time.Sleep(2500 * time.Millisecond)
		if m := w.message(a.ID); m.Text != "Hello" || m.Reasoning != "(hm)" || m.Status != sluice.ChatAnswering {
			t.Errorf("after 2.5 s: %+v", m)
		}
		time.Sleep(time.Minute)
		m := w.message(a.ID)
		if m.Text != "Hello wörld" || m.Status != sluice.ChatDone || m.Finish != "stop" || m.Input != 5 || m.Cached != 2 || m.Output != 3 || m.Charge != 15 || m.First != time.Second || m.Took != 3*time.Second {
			t.Errorf("at the end: %+v", m)
		}
		c, _, err := w.Get(t.Context(), ada, w.chat)
		if err != nil || c.Head != a.ID || c.Title != "Say hello to all of the people who are here, and to those…" {
			t.Errorf("the chat is %+v, %v", c, err)
		}
	})
}

// TestBranches asks again and asks anew, each on its own branch.
func TestBranches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "one")
		defer w.Close()
		q, first := w.send(assist.Ask{Text: "first"})
		time.Sleep(5 * time.Second)
		_, second := w.send(assist.Ask{Parent: first.ID, Text: "second"})
		time.Sleep(5 * time.Second)
		w.models.mu.Lock()
		w.models.words = []string{"two"}
		w.models.mu.Unlock()
		_, again := w.send(assist.Ask{Parent: q.ID, Again: true})
		time.Sleep(5 * time.Second)
		_, edited := w.send(assist.Ask{Text: "first, edited"})
		time.Sleep(5 * time.Second)
		if again.Parent != q.ID || w.message(again.ID).Text != "two" {
			t.Errorf("again: %+v", again)
		}
		want := []string{
			`[{"role":"user","content":"first"}]`,
			`[{"role":"user","content":"first"},{"role":"assistant","content":"one"},{"role":"user","content":"second"}]`,
			`[{"role":"user","content":"first"}]`,
			`[{"role":"user","content":"first, edited"}]`,
		}
		if !slices.Equal(w.models.bodies, want) {
			t.Errorf("asked\n%s", strings.Join(w.models.bodies, "\n"))
		}
		c, all, err := w.Get(t.Context(), ada, w.chat)
		if err != nil || len(all) != 7 || c.Head != edited.ID {
			t.Errorf("%d messages, %v", len(all), err)
		}
		if b := assist.Branch(all, second.ID); len(b) != 4 || b[1].Text != "one" {
			t.Errorf("the branch has %d", len(b))
		}
	})
}

// TestFollow gives a reader that comes again what it lacks, and nothing twice.
func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "(think)", "Grüße", " an", " alle")
		defer w.Close()
		_, a := w.send(assist.Ask{Text: "hi"})
		follow := func(ctx context.Context, text, reasoning int) string {
			f, err := w.Follow(ctx, ada, w.chat, a.ID, text, reasoning, func(m *sluice.ChatMessage) any { return m })
			if err != nil {
				t.Fatal(err)
			}
			rec := httptest.NewRecorder()
			f(rec)
			return rec.Body.String()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		first := follow(ctx, 0, 0)
		if !strings.Contains(first, `"reasoning":"(think)"`) || !strings.Contains(first, `"text":"Grüße"`) || strings.Contains(first, "event: done") {
			t.Errorf("at first: %s", first)
		}
		rest := follow(t.Context(), len("Grüße"), len("(think)"))
		if strings.Contains(rest, "Grüße\",\"reasoning_at") || !strings.Contains(rest, `"text_at":7,"text":" an"`) || !strings.Contains(rest, "event: done") || !strings.Contains(rest, `"text":"Grüße an alle"`) {
			t.Errorf("then: %s", rest)
		}
		if late := follow(t.Context(), 0, 0); strings.Contains(late, "event: delta") || !strings.Contains(late, "event: done") {
			t.Errorf("after the end: %s", late)
		}
	})
}

func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a", "b", "c")
		defer w.Close()
		_, a := w.send(assist.Ask{Text: "hi"})
		time.Sleep(1500 * time.Millisecond)
		if err := w.Stop(t.Context(), ada, w.chat, a.ID); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if m := w.message(a.ID); m.Status != sluice.ChatStopped || m.Text != "a" || m.Charge != 5 {
			t.Errorf("stopped: %+v", m)
		}
	})
}

// TestClose leaves an answer that the server's end broke off marked so.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a", "b", "c")
		_, a := w.send(assist.Ask{Text: "hi"})
		time.Sleep(1500 * time.Millisecond)
		w.Close()
		if m := w.message(a.ID); m.Status != sluice.ChatInterrupted || m.Text != "a" {
			t.Errorf("interrupted: %+v", m)
		}
	})
}

func TestRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.Close()
		w.models.status = http.StatusPaymentRequired
		_, a := w.send(assist.Ask{Text: "hi"})
		synctest.Wait()
		if m := w.message(a.ID); m.Status != sluice.ChatFailed || m.Error != "The balance is empty." || m.Call != "" {
			t.Errorf("failed: %+v", m)
		}
		for why, ask := range map[string]assist.Ask{
			"is empty":      {Text: " \n"},
			"no message":    {Parent: "msg_none", Text: "x"},
			"to a question": {Parent: a.ID, Again: true},
			"at most":       {Text: strings.Repeat("x", assist.MaxText+1)},
		} {
			if _, _, err := w.Send(t.Context(), ada, w.chat, ask); err == nil || !strings.Contains(err.Error(), why) {
				t.Errorf("%s: %v", why, err)
			}
		}
		bob := assist.Person{Org: "org_1", User: "user_2"}
		if _, _, err := w.Send(t.Context(), bob, w.chat, assist.Ask{Text: "x"}); sluice.CodeOf(err) != sluice.CodeNotFound {
			t.Errorf("another's chat: %v", err)
		}
	})
}

// TestTooMany bounds the answers of one person.
func TestTooMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a")
		defer w.Close()
		for range 4 {
			w.send(assist.Ask{Text: "hi"})
		}
		if _, _, err := w.Send(t.Context(), ada, w.chat, assist.Ask{Text: "hi"}); sluice.CodeOf(err) != sluice.CodeConcurrency {
			t.Errorf("a fifth: %v", err)
		}
		time.Sleep(5 * time.Second)
		w.send(assist.Ask{Text: "hi"})
	})
}

func TestShareAndImport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "answer")
		defer w.Close()
		_, a := w.send(assist.Ask{Text: "question"})
		time.Sleep(5 * time.Second)
		token, err := w.Share(t.Context(), ada, w.chat)
		if err != nil {
			t.Fatal(err)
		}
		_, branch, err := w.Shared(t.Context(), token)
		if err != nil || len(branch) != 2 || branch[1].ID != a.ID {
			t.Errorf("shared %v, %v", branch, err)
		}
		_, all, _ := w.Get(t.Context(), ada, w.chat)
		copied, err := w.Import(t.Context(), ada, assist.Draft{Head: &a.ID}, all)
		if err != nil {
			t.Fatal(err)
		}
		c, messages, err := w.Get(t.Context(), ada, copied.ID)
		if err != nil || len(messages) != 2 || messages[1].Text != "answer" || messages[1].Parent != messages[0].ID || c.Head != messages[1].ID || messages[1].Call != "" {
			t.Errorf("imported %+v, %v", messages, err)
		}
		if err := w.Unshare(t.Context(), ada, w.chat); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.Shared(t.Context(), token); sluice.CodeOf(err) != sluice.CodeNotFound {
			t.Errorf("after its end: %v", err)
		}
		if _, err := w.Import(t.Context(), ada, assist.Draft{}, []*sluice.ChatMessage{{ID: "a", Parent: "later", Role: "user"}}); sluice.CodeOf(err) != sluice.CodeInvalid {
			t.Errorf("a parent that is not there: %v", err)
		}
	})
}
