package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
)

// do asks for an operation over TCP, with further headers as pairs.
func do(t *testing.T, w *apitest.World, method, path, key, body string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, w.URL+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
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

// problemOf reads an error answer and checks its form.
func problemOf(t *testing.T, resp *http.Response, body string) api.Problem {
	t.Helper()
	var p api.Problem
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatalf("%d %q is no problem: %v", resp.StatusCode, body, err)
	}
	if ct := resp.Header.Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("an error has the content type %q", ct)
	}
	if p.Status != resp.StatusCode || p.Title != http.StatusText(p.Status) || p.Detail == "" || p.Code == "" {
		t.Errorf("status %d with the problem %+v", resp.StatusCode, p)
	}
	return p
}

func TestBadRequests(t *testing.T) {
	w := apitest.New(t)
	key := keyOf(t, w, sluice.RoleOwner)
	deep := strings.Repeat(`[`, 20_000)
	for name, c := range map[string]struct {
		method, path, body string
		code               sluice.Code
		says               string
	}{
		"no JSON":               {"POST", "/organisations", `{"name":`, sluice.CodeInvalid, "no JSON"},
		"no body":               {"POST", "/organisations", ``, sluice.CodeInvalid, ""},
		"unknown name":          {"POST", "/organisations", `{"name":"a","currency":"USD","admin":true}`, sluice.CodeInvalid, "admin"},
		"name twice":            {"POST", "/organisations", `{"name":"a","name":"b","currency":"USD"}`, sluice.CodeInvalid, "twice"},
		"name in another case":  {"POST", "/organisations", `{"Name":"a","currency":"USD"}`, sluice.CodeInvalid, ""},
		"both cases":            {"POST", "/organisations", `{"name":"a","NAME":"b","currency":"USD"}`, sluice.CodeInvalid, ""},
		"missing name":          {"POST", "/organisations", `{"currency":"USD"}`, sluice.CodeInvalid, "name"},
		"null":                  {"POST", "/organisations", `{"name":null,"currency":"USD"}`, sluice.CodeInvalid, "name"},
		"number for a string":   {"POST", "/organisations", `{"name":1,"currency":"USD"}`, sluice.CodeInvalid, "body.name"},
		"amount as a number":    {"POST", "/organisations", `{"name":"a","currency":"USD","credit":1.5}`, sluice.CodeInvalid, "body.credit"},
		"amount with exponent":  {"POST", "/organisations", `{"name":"a","currency":"USD","credit":"1e3"}`, sluice.CodeInvalid, "decimal"},
		"credit of zero":        {"POST", "/organisations", `{"name":"a","currency":"USD","credit":"0"}`, sluice.CodeInvalid, "more than zero"},
		"negative credit":       {"POST", "/organisations", `{"name":"a","currency":"USD","credit":"-1"}`, sluice.CodeInvalid, "more than zero"},
		"small currency":        {"POST", "/organisations", `{"name":"a","currency":"usd"}`, sluice.CodeInvalid, "ISO 4217"},
		"name of two lines":     {"POST", "/organisations", `{"name":"a\nb","currency":"USD"}`, sluice.CodeInvalid, "one line"},
		"name of spaces":        {"POST", "/organisations", `{"name":"  ","currency":"USD"}`, sluice.CodeInvalid, "name"},
		"broken UTF-8":          {"POST", "/organisations", "{\"name\":\"\xff\",\"currency\":\"USD\"}", sluice.CodeInvalid, ""},
		"deep nesting":          {"POST", "/organisations", deep, sluice.CodeInvalid, ""},
		"two values":            {"POST", "/organisations", `{"name":"a","currency":"USD"} {}`, sluice.CodeInvalid, ""},
		"a body too large":      {"POST", "/organisations", `{"name":"` + strings.Repeat("a", 1<<20) + `"}`, sluice.CodeTooLarge, "bytes"},
		"unknown parameter":     {"GET", "/organisations?all=1", ``, sluice.CodeInvalid, "all"},
		"limit of zero":         {"GET", "/organisations?limit=0", ``, sluice.CodeInvalid, "limit"},
		"limit too large":       {"GET", "/organisations?limit=1001", ``, sluice.CodeInvalid, "limit"},
		"limit no number":       {"GET", "/organisations?limit=x", ``, sluice.CodeInvalid, "limit"},
		"unknown operation":     {"GET", "/nothing", ``, sluice.CodeNotFound, "/nothing"},
		"unknown method":        {"DELETE", "/organisations", ``, sluice.CodeNotFound, "DELETE"},
		"a negative limit":      {"POST", "/keys", `{"role":"owner","limits":{"concurrent":-1}}`, sluice.CodeInvalid, "concurrent"},
		"role of nobody":        {"POST", "/keys", `{"role":"root"}`, sluice.CodeInvalid, "role"},
		"key of nobody":         {"POST", "/keys", `{}`, sluice.CodeInvalid, "organisation"},
		"an expiry in the past": {"POST", "/keys", `{"role":"owner","expires_at":"2020-01-01T00:00:00Z"}`, sluice.CodeInvalid, "future"},
		"a negative cap":        {"POST", "/keys", `{"role":"owner","spending_cap":"-1.00"}`, sluice.CodeInvalid, "negative"},
		"credit without a key":  {"POST", "/organisations/org_1/credits", `{"amount":"1","kind":"grant"}`, sluice.CodeInvalid, "Idempotency-Key"},
		"credit of no kind":     {"POST", "/organisations/org_1/credits", `{"amount":"1","kind":"usage"}`, sluice.CodeInvalid, "kind"},
		"model name":            {"PUT", "/models/a%20b", `{}`, sluice.CodeInvalid, "model"},
		"price too fine":        {"POST", "/prices", `{"currency":"USD","model":"m","input":"0.0000001","output":"1"}`, sluice.CodeInvalid, "/input"},
		"negative price":        {"POST", "/prices", `{"currency":"USD","model":"m","input":"-1","output":"1"}`, sluice.CodeInvalid, "/input"},
		"null price":            {"POST", "/prices", `{"currency":"USD","model":"m","input":null,"output":"1"}`, sluice.CodeInvalid, "input"},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := do(t, w, c.method, c.path, key, c.body)
			p := problemOf(t, resp, body)
			if p.Code != string(c.code) || !strings.Contains(body, c.says) {
				t.Errorf("%d %s, want %s that says %q", resp.StatusCode, body, c.code, c.says)
			}
		})
	}
	orgs, err := w.Local.Organisations(t.Context(), api.Paging{})
	if err != nil || len(orgs.Data) != 0 {
		t.Errorf("refused requests left %v, %v", orgs.Data, err)
	}
}

// TestOneStatus checks that a request that does not fit its schema has the
// status of any other that is invalid.
func TestOneStatus(t *testing.T) {
	w := apitest.New(t)
	for _, body := range []string{`{`, `{"x":1}`, `{"name":"a","currency":"USD","credit":"-1"}`} {
		if resp, got := do(t, w, "POST", "/organisations", keyOf(t, w, sluice.RoleOwner), body); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d %s, want 400", body, resp.StatusCode, got)
		}
	}
}

// TestSecretsStay checks that no answer repeats a secret that was sent.
func TestSecretsStay(t *testing.T) {
	w := apitest.New(t)
	key := keyOf(t, w, sluice.RoleOwner)
	const secret = "my-engine-secret"
	for name, body := range map[string]string{
		"accepted":      `{"url":"http://127.0.0.1:1","models":{"m":"m"},"secret":"` + secret + `"}`,
		"wrong type":    `{"url":"http://127.0.0.1:1","models":{"m":"m"},"secret":["` + secret + `"]}`,
		"unknown field": `{"url":"http://127.0.0.1:1","models":{"m":"m"},"secret":"` + secret + `","x":1}`,
		"no JSON":       `{"secret":"` + secret + `"`,
		"with a line":   `{"url":"http://127.0.0.1:1","models":{"m":"m"},"secret":"` + secret + `\n"}`,
		"in the URL":    `{"url":"http://user:` + secret + `@127.0.0.1:1","models":{"m":"m"}}`,
	} {
		if _, got := do(t, w, "PUT", "/engines/e", key, body); strings.Contains(got, secret) {
			t.Errorf("%s: the answer %s has the secret", name, got)
		}
	}
	if _, got := do(t, w, "GET", "/engines", key, ""); strings.Contains(got, secret) || !strings.Contains(got, `"has_secret":true`) {
		t.Errorf("the list %s", got)
	}
	_, got := do(t, w, "GET", "/keys", key, "")
	hash := sluice.HashKey(key)
	if strings.Contains(got, key) || strings.Contains(got, string(hash[:])) || !strings.Contains(got, key[len(key)-4:]) {
		t.Errorf("the list of keys %s", got)
	}
}

// TestAmbient checks that nothing but the Authorization header, in its one
// form, says who a caller is.
func TestAmbient(t *testing.T) {
	w := apitest.New(t)
	key := keyOf(t, w, sluice.RoleOwner)
	for name, header := range map[string][]string{
		"a cookie":     {"Cookie", "session=" + key + "; Authorization=Bearer " + key},
		"basic":        {"Authorization", "Basic " + key},
		"no scheme":    {"Authorization", key},
		"an empty key": {"Authorization", "Bearer "},
		"x-api-key":    {"X-Api-Key", key},
		"the host":     {"Host", "localhost", "X-Forwarded-For", "127.0.0.1", "X-Forwarded-Host", "local"},
	} {
		resp, body := do(t, w, "GET", "/me", "", "", header...)
		if p := problemOf(t, resp, body); p.Code != string(sluice.CodeUnauthenticated) || resp.Header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s: %d %s, want 401 with WWW-Authenticate", name, resp.StatusCode, body)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", w.URL+"/api/v1/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header["Authorization"] = []string{"Bearer " + key, "Bearer " + key}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("two Authorization headers: %d, want 401", resp.StatusCode)
	}
	if resp, body := do(t, w, "GET", "/me", "", "", "Authorization", "bearer "+key); resp.StatusCode != http.StatusOK || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a scheme in small letters: %d %s, %v", resp.StatusCode, body, resp.Header)
	}
}

// TestCrossOrigin checks that another site's page changes nothing, with
// whatever key it found.
func TestCrossOrigin(t *testing.T) {
	w := apitest.New(t)
	key := keyOf(t, w, sluice.RoleOwner)
	body := `{"name":"a","currency":"USD"}`
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://elsewhere.example"}} {
		resp, got := do(t, w, "POST", "/organisations", key, body, header...)
		if p := problemOf(t, resp, got); p.Code != string(sluice.CodeForbidden) {
			t.Errorf("%v: %d %s, want 403", header, resp.StatusCode, got)
		}
	}
	if resp, got := do(t, w, "POST", "/organisations", key, body, "Sec-Fetch-Site", "same-origin"); resp.StatusCode != http.StatusCreated {
		t.Errorf("the same origin: %d %s", resp.StatusCode, got)
	}
}

// TestUnusableKeys checks that a key ends at once when it is revoked, and when it expires.
func TestUnusableKeys(t *testing.T) {
	w := apitest.New(t)
	soon := w.Now().Add(time.Hour)
	k, err := w.Local.CreateKey(t.Context(), api.CreateKey{Role: sluice.RoleOwner, ExpiresAt: &soon})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Client(k.Secret).Me(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Advance(time.Hour)
	if _, err := w.Client(k.Secret).Me(t.Context()); sluice.CodeOf(err) != sluice.CodeUnauthenticated {
		t.Errorf("an expired key: %v", err)
	}
	again := keyOf(t, w, sluice.RoleOwner)
	me, err := w.Client(again).Me(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Client(again).RevokeKey(t.Context(), me.Key); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Client(again).Me(t.Context()); sluice.CodeOf(err) != sluice.CodeUnauthenticated {
		t.Errorf("a revoked key: %v", err)
	}
}
