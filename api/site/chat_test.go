package site_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"sluice"
	"sluice/api"
	"sluice/api/browser"
	"sluice/api/site"
)

// oneChat is a source in which one chat is shared, and nothing else is public.
type oneChat struct {
	site.Source
	text string
}

func (oneChat) Site(context.Context) (api.Site, error) { return api.Site{Name: "Acme"}, nil }

func (c oneChat) SharedChat(_ context.Context, token string) (*api.SharedChat, error) {
	if token != "known" {
		return nil, sluice.Errorf(sluice.CodeNotFound, "There is no shared chat.")
	}
	return &api.SharedChat{Title: c.text, Messages: []api.ChatMessage{
		{ID: "m1", Role: "user", Text: c.text}, {ID: "m2", Role: "assistant", Model: c.text, Reasoning: c.text, Text: c.text},
	}}, nil
}

func sharedPage(text, path string) *httptest.ResponseRecorder {
	pages := site.New(site.Options{Source: oneChat{text: text}, Browser: browser.New("http://sluice.test", nil)})
	w := httptest.NewRecorder()
	pages.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func TestSharedChat(t *testing.T) {
	w := sharedPage("What is **bold**?\n\n| a | b |\n|---|---|\n| 1 | 2 |", "/share/known")
	for _, want := range []string{"<strong>bold</strong>", "<td>1</td>", "<h2>Question</h2>", "Reasoning"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%q is missing:\n%s", want, w.Body)
		}
	}
	if w.Code != http.StatusOK || w.Header().Get("X-Robots-Tag") != "noindex, nofollow" {
		t.Errorf("status %d, robots %q", w.Code, w.Header().Get("X-Robots-Tag"))
	}
	if w := sharedPage("", "/share/other"); w.Code != http.StatusNotFound {
		t.Errorf("an unknown link has the status %d", w.Code)
	}
}

// TestSharedChatIsHarmless shows texts that want to be scripts wherever a chat shows text.
func TestSharedChatIsHarmless(t *testing.T) {
	raw, err := os.ReadFile("testdata/hostile.json")
	if err != nil {
		t.Fatal(err)
	}
	var corpus []struct{ Text string }
	if err := json.Unmarshal(raw, &corpus); err != nil {
		t.Fatal(err)
	}
	// A tag that the page itself has none of, an attribute that runs, an address that does.
	bad := regexp.MustCompile(`(?i)<(script|iframe|object|embed|form|base|style|math|foreignobject|marquee)[\s>/]|<[^>"]*("[^">]*"[^>"]*)*\son[a-z]+\s*=|<[^>]*\s(href|src|action)\s*=\s*["']?[\s\x00-\x20]*(javascript|vbscript|file|data)[\s\x00-\x20]*:`)
	for _, c := range corpus {
		w := sharedPage(c.Text, "/share/known")
		if w.Code != http.StatusOK {
			t.Errorf("%q: status %d", c.Text, w.Code)
		}
		if found := bad.FindString(w.Body.String()); found != "" {
			t.Errorf("%q gives %q", c.Text, found)
		}
	}
	if len(corpus) < 100 {
		t.Errorf("the corpus has %d texts", len(corpus))
	}
}
