package signin_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
	"sluice/product/account"
)

// visitor is a browser: it holds cookies and follows no redirect by itself.
type visitor struct {
	t    *testing.T
	w    *apitest.World
	http *http.Client
}

func browse(t *testing.T, w *apitest.World) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t, w, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// do sends a request and returns the answer and its body.
func (v *visitor) do(method, path string, body io.Reader, header ...string) (*http.Response, string) {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), method, v.w.URL+path, body)
	if err != nil {
		v.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := v.http.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return resp, string(data)
}

func (v *visitor) get(path string, header ...string) (*http.Response, string) {
	v.t.Helper()
	return v.do(http.MethodGet, path, nil, header...)
}

// post sends a form as a browser does, from a page of the same origin.
func (v *visitor) post(path string, form url.Values, header ...string) (*http.Response, string) {
	v.t.Helper()
	return v.do(http.MethodPost, path, strings.NewReader(form.Encode()),
		append([]string{"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin"}, header...)...)
}

// call asks the management API as the console does. in may be nil.
func (v *visitor) call(method, path string, in any, header ...string) (int, string) {
	v.t.Helper()
	var body io.Reader
	header = append([]string{"Sec-Fetch-Site", "same-origin", "Sluice-Csrf", "1"}, header...)
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			v.t.Fatal(err)
		}
		body = bytes.NewReader(data)
		header = append(header, "Content-Type", "application/json")
	}
	resp, text := v.do(method, "/api/v1"+path, body, header...)
	return resp.StatusCode, text
}

// cookie is the value of a cookie that the visitor holds, or "".
func (v *visitor) cookie(name string) string {
	v.t.Helper()
	u, err := url.Parse(v.w.URL)
	if err != nil {
		v.t.Fatal(err)
	}
	for _, c := range v.http.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// session is who the server takes the visitor for.
func (v *visitor) session(header ...string) (out api.Session) {
	v.t.Helper()
	code, text := v.call(http.MethodGet, "/session", nil, header...)
	if code != http.StatusOK {
		v.t.Fatalf("GET /session: %d %s", code, text)
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		v.t.Fatal(err)
	}
	return out
}

const passphrase = "correct horse battery"

// user makes a user with the pass phrase.
func user(t *testing.T, w *apitest.World, email string, operator sluice.Role) *sluice.User {
	t.Helper()
	u, err := w.Accounts.CreateUser(t.Context(), account.NewUser{Email: email, Operator: operator, Password: passphrase})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (v *visitor) signIn(email, password string) (*http.Response, string) {
	v.t.Helper()
	return v.post("/signin", url.Values{"email": {email}, "password": {password}, "next": {"/"}})
}

// enter signs in and expects to be let in.
func (v *visitor) enter(email string) {
	v.t.Helper()
	if resp, page := v.signIn(email, passphrase); resp.StatusCode != http.StatusSeeOther {
		v.t.Fatalf("signing in as %s: %d\n%s", email, resp.StatusCode, page)
	}
}

// TestFirstRun opens the setup link, sets the first owner up and uses the API.
func TestFirstRun(t *testing.T) {
	w := apitest.New(t)
	token, err := w.Accounts.NewSetupToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v := browse(t, w)
	resp, page := v.get("/setup?token=" + token)
	if resp.StatusCode != http.StatusOK || !strings.Contains(page, `name="token" value="`+token+`"`) || strings.Contains(page, "<script") {
		t.Fatalf("the page: %d\n%s", resp.StatusCode, page)
	}
	form := url.Values{"token": {token}, "email": {" Ada@Example.com "}, "name": {"<b>Ada</b>"}, "password": {"short"}}
	if resp, page = v.post("/setup", form); resp.StatusCode != http.StatusBadRequest || !strings.Contains(page, "at least 10 characters") || !strings.Contains(page, token) {
		t.Fatalf("a short password: %d\n%s", resp.StatusCode, page)
	}
	form.Set("password", passphrase)
	if resp, page = v.post("/setup", form); resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/" {
		t.Fatalf("setting up: %d to %q\n%s", resp.StatusCode, resp.Header.Get("Location"), page)
	}
	got := v.session()
	if got.Kind != sluice.ActorUser || got.User.Email != "ada@example.com" || got.Acting.Role != sluice.RoleOwner || got.Acting.Organisation != "" || len(got.Acting.Operations) < 50 {
		t.Errorf("the session: %+v", got)
	}
	if code, text := v.call(http.MethodPost, "/organisations", api.CreateOrganisation{Name: "acme", Currency: "USD"}); code != http.StatusCreated {
		t.Errorf("making an organisation: %d %s", code, text)
	}
	for _, form := range []url.Values{form, {"token": {""}, "email": {"b@example.com"}, "password": {passphrase}}} {
		if resp, page := v.post("/setup", form); resp.StatusCode != http.StatusForbidden || !strings.Contains(page, "used already") {
			t.Errorf("a used link: %d\n%s", resp.StatusCode, page)
		}
	}
	if resp, _ = v.post("/signout", nil); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("signing out: %d", resp.StatusCode)
	}
	if code, _ := v.call(http.MethodGet, "/session", nil); code != http.StatusUnauthorized {
		t.Errorf("after signing out: %d, want 401", code)
	}
	v.enter("ADA@example.com")
	if got := v.session(); got.User.Name != "<b>Ada</b>" {
		t.Errorf("signed in as %+v", got.User)
	}
}
