package api_test

import (
	"net/http"
	"strings"
	"testing"

	"sluice"
	"sluice/api/apitest"
)

// TestChatPicture gets what goes with a question of one's own chat, if it is a
// picture by its bytes, whatever it is called.
func TestChatPicture(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	org, other := w.Org("acme").ID, w.Org("globex").ID
	member := func(name, org string) *sluice.User {
		return w.User(name+"@example.com", "", sluice.Membership{Org: org, Role: sluice.RoleDeveloper})
	}
	ada, bob, eve := member("ada", org), member("bob", org), member("eve", other)
	upload := func(org, content string) sluice.ChatFile {
		now := w.Now().UTC()
		f := &sluice.File{ID: sluice.NewID(sluice.PrefixFile, now), Org: org, Name: "dot.png", Purpose: sluice.FileUserData, CreatedAt: now}
		if err := w.Store.BeginFile(ctx, f); err != nil {
			t.Fatal(err)
		}
		b, err := w.Blobs.Put(ctx, f.ID, strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		f.Size, f.SHA256 = b.Size, b.SHA256
		if err := w.Store.FinishFile(ctx, f, 1<<20); err != nil {
			t.Fatal(err)
		}
		return sluice.ChatFile{ID: f.ID, Name: f.Name, Type: "image/png"}
	}
	const png = "\x89PNG\r\n\x1a\nand so on"
	picture, page, apart, foreign := upload(org, png), upload(org, "<svg onload=alert(1)>"), upload(org, png), upload(other, png)
	chat := &sluice.Chat{ID: "chat_1", Org: org, User: ada.ID, Title: "t", CreatedAt: w.Now(), UpdatedAt: w.Now()}
	if err := w.Store.PutChat(ctx, chat); err != nil {
		t.Fatal(err)
	}
	question := &sluice.ChatMessage{ID: "msg_1", Chat: chat.ID, Role: "user", Status: sluice.ChatDone, Files: []sluice.ChatFile{picture, page, foreign}, CreatedAt: w.Now()}
	if err := w.Store.PutChatMessages(ctx, []*sluice.ChatMessage{question}); err != nil {
		t.Fatal(err)
	}

	get := func(who *sluice.User, org string, f sluice.ChatFile) (*http.Response, string) {
		return do(t, w, "GET", "/chats/chat_1/files/"+f.ID+"?organisation="+org, "", "", "Cookie", "sluice="+w.SignIn(who), "Sluice-Csrf", "1")
	}
	resp, body := get(ada, org, picture)
	if resp.StatusCode != http.StatusOK || body != png || resp.Header.Get("Content-Type") != "image/png" {
		t.Errorf("her own: %d, %q, %q", resp.StatusCode, resp.Header.Get("Content-Type"), body)
	}
	if h := resp.Header; h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("its head: %v", h)
	}
	for name, c := range map[string]struct {
		who  *sluice.User
		org  string
		file sluice.ChatFile
		want int
	}{
		"a page that is called a picture": {ada, org, page, http.StatusBadRequest},
		"a file of no question":           {ada, org, apart, http.StatusNotFound},
		"another organisation's file":     {ada, org, foreign, http.StatusNotFound},
		"a colleague's chat":              {bob, org, picture, http.StatusNotFound},
		"a stranger's":                    {eve, other, picture, http.StatusNotFound},
	} {
		if resp, body := get(c.who, c.org, c.file); resp.StatusCode != c.want {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
		}
	}
}
