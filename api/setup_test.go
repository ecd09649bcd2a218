package api_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
)

// setupPage opens the page, or sends its form when form is not nil.
func setupPage(t *testing.T, w *apitest.World, path string, form url.Values, header ...string) (*http.Response, string) {
	t.Helper()
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(t.Context(), method, w.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(data)
}

func setupToken(t *testing.T, w *apitest.World) string {
	t.Helper()
	token, err := api.NewSetupToken(t.Context(), w.Store)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestSetup(t *testing.T) {
	w := apitest.New(t)
	token := setupToken(t, w)
	resp, page := setupPage(t, w, "/setup?token="+token, nil)
	if resp.StatusCode != http.StatusOK || !strings.Contains(page, `name="token" value="`+token+`"`) || strings.Contains(page, "<script") {
		t.Errorf("the page: %d\n%s", resp.StatusCode, page)
	}
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		"Cache-Control":           "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
	} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if resp, _ := setupPage(t, w, "/setup?token="+token, nil); resp.StatusCode != http.StatusOK {
		t.Error("looking at the page used the token up")
	}
	if resp, _ := setupPage(t, w, "/setup", url.Values{"token": {token}}, "Sec-Fetch-Site", "cross-site"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("another site sends the form: %d, want 403", resp.StatusCode)
	}

	resp, page = setupPage(t, w, "/setup", url.Values{"token": {token}, "name": {`<b>me</b>`}}, "Sec-Fetch-Site", "same-origin")
	key := regexp.MustCompile(`sk-[\w-]{43}`).FindString(page)
	if resp.StatusCode != http.StatusCreated || key == "" || !strings.Contains(page, "sluice --server http://sluice.test --key "+key) {
		t.Fatalf("the answer: %d\n%s", resp.StatusCode, page)
	}
	me, err := w.Client(key).Me(t.Context())
	if err != nil || me.Role != sluice.RoleOwner || me.Organisation != "" || me.Local {
		t.Errorf("the key is %+v, %v", me, err)
	}
	for _, form := range []url.Values{nil, {"token": {token}}} {
		resp, page := setupPage(t, w, "/setup?token="+token, form)
		if resp.StatusCode != http.StatusForbidden || !strings.Contains(page, "used already") || strings.Contains(page, "sk-") {
			t.Errorf("a used token: %d\n%s", resp.StatusCode, page)
		}
	}
	if resp, _ := setupPage(t, w, "/setup", url.Values{"token": {""}}); resp.StatusCode != http.StatusForbidden {
		t.Errorf("no token when none is kept: %d, want 403", resp.StatusCode)
	}
	kept, err := w.Store.Setting(t.Context(), "setup_token")
	if err != nil || kept != "" {
		t.Errorf("kept %q, %v", kept, err)
	}
}

// TestSetupOnce sends the form 20 times at once: one key.
func TestSetupOnce(t *testing.T) {
	w := apitest.New(t)
	token := setupToken(t, w)
	made := 0
	for _, code := range together(20, func(int) int {
		resp, _ := setupPage(t, w, "/setup", url.Values{"token": {token}})
		return resp.StatusCode
	}) {
		if code == http.StatusCreated {
			made++
		}
	}
	keys, err := w.Local.Keys(t.Context(), "", api.Paging{})
	if err != nil || made != 1 || len(keys.Data) != 1 {
		t.Errorf("%d were told that they have a key, there are %d, %v", made, len(keys.Data), err)
	}
}

func TestSetupAttempts(t *testing.T) {
	w := apitest.New(t)
	token := setupToken(t, w)
	for range 10 {
		if resp, page := setupPage(t, w, "/setup?token=wrong", nil); resp.StatusCode != http.StatusForbidden || !strings.Contains(page, "not the one") {
			t.Fatalf("a wrong token: %d\n%s", resp.StatusCode, page)
		}
	}
	for _, guess := range []string{"wrong", token} {
		resp, _ := setupPage(t, w, "/setup?token="+guess, nil)
		if resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" {
			t.Errorf("after ten wrong ones: %d, Retry-After %q", resp.StatusCode, resp.Header.Get("Retry-After"))
		}
	}
	w.Advance(time.Minute)
	if resp, _ := setupPage(t, w, "/setup?token="+token, nil); resp.StatusCode != http.StatusOK {
		t.Errorf("a minute later: %d", resp.StatusCode)
	}
}

// TestSetupReplaced checks that a newer token ends the one before.
func TestSetupReplaced(t *testing.T) {
	w := apitest.New(t)
	first := setupToken(t, w)
	second := setupToken(t, w)
	if resp, _ := setupPage(t, w, "/setup?token="+first, nil); resp.StatusCode != http.StatusForbidden {
		t.Errorf("the first token: %d, want 403", resp.StatusCode)
	}
	if resp, _ := setupPage(t, w, "/setup?token="+second, nil); resp.StatusCode != http.StatusOK {
		t.Errorf("the second: %d", resp.StatusCode)
	}
	if resp, css := setupPage(t, w, "/setup/style.css", nil); resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/css") || css == "" {
		t.Errorf("the style: %d %v", resp.StatusCode, resp.Header)
	}
}
