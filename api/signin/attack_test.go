package signin_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
	"sluice/product/account"
)

// TestCSRF has another site send what only a page of this server may.
func TestCSRF(t *testing.T) {
	w := apitest.New(t)
	user(t, w, "ada@example.com", sluice.RoleOwner)
	v := browse(t, w)
	v.enter("ada@example.com")
	body := `{"name":"x","currency":"USD"}`
	for name, header := range map[string][]string{
		"from another site":           {"Sec-Fetch-Site", "cross-site", "Sluice-Csrf", "1"},
		"from a subdomain":            {"Sec-Fetch-Site", "same-site", "Sluice-Csrf", "1"},
		"by an old browser":           {"Origin", "https://evil.example.com", "Sluice-Csrf", "1"},
		"by a form, without a header": {"Sec-Fetch-Site", "same-origin"},
		"without any hint":            nil,
	} {
		if resp, text := v.do(http.MethodPost, "/api/v1/organisations", strings.NewReader(body), append(header, "Content-Type", "application/json")...); resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d %s, want 403", name, resp.StatusCode, text)
		}
	}
	if resp, _ := v.do(http.MethodPost, "/signout", nil, "Sec-Fetch-Site", "cross-site"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("another site signs people out: %d, want 403", resp.StatusCode)
	}
	if resp, _ := v.do(http.MethodPost, "/signin", strings.NewReader("email=ada%40example.com&password=correct+horse+battery"), "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "cross-site"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("login CSRF: %d, want 403", resp.StatusCode)
	}
}

// TestFixation signs in with a session that an attacker planted before.
func TestFixation(t *testing.T) {
	w := apitest.New(t)
	user(t, w, "eve@example.com", "")
	user(t, w, "ada@example.com", sluice.RoleOwner)
	eve := browse(t, w)
	eve.enter("eve@example.com")
	planted := eve.cookie("sluice")
	victim := browse(t, w)
	resp, _ := victim.post("/signin", url.Values{"email": {"ada@example.com"}, "password": {passphrase}}, "Cookie", "sluice="+planted)
	if resp.StatusCode != http.StatusSeeOther || victim.cookie("sluice") == planted || victim.cookie("sluice") == "" {
		t.Fatalf("the browser holds %q after signing in", victim.cookie("sluice"))
	}
	if code, text := eve.call("GET", "/session", nil); code != http.StatusUnauthorized {
		t.Errorf("the planted session is %d %s, want 401", code, text)
	}
}

// TestCookie looks at how the browser is told to hold the session.
func TestCookie(t *testing.T) {
	w := apitest.New(t)
	user(t, w, "ada@example.com", "")
	for secure, want := range map[bool]string{false: "sluice=", true: "__Host-sluice="} {
		w.Browser.Secure = secure
		resp, _ := browse(t, w).signIn("ada@example.com", passphrase)
		got := strings.Join(resp.Header.Values("Set-Cookie"), "\n")
		line := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(want) + `.*$`).FindString(got)
		if !strings.Contains(line, "; Path=/; ") || !strings.Contains(line, "; HttpOnly; ") || !strings.Contains(line, "SameSite=Lax") || strings.Contains(line, "; Secure") != secure || strings.Contains(line, "Domain") {
			t.Errorf("secure %t: %q in\n%s", secure, line, got)
		}
	}
}

// TestExpiredSession lets sessions grow old, unused and used.
func TestExpiredSession(t *testing.T) {
	w := apitest.New(t)
	user(t, w, "ada@example.com", "")
	idle, busy := browse(t, w), browse(t, w)
	idle.enter("ada@example.com")
	busy.enter("ada@example.com")
	for range 7*24/11 + 1 {
		w.Advance(11 * time.Hour)
		if code, _ := busy.call("GET", "/session", nil); code != http.StatusOK {
			break
		}
	}
	if code, _ := busy.call("GET", "/session", nil); code != http.StatusUnauthorized {
		t.Errorf("a session of more than a week is %d, want 401", code)
	}
	again := browse(t, w)
	again.enter("ada@example.com")
	w.Advance(12 * time.Hour)
	for name, v := range map[string]*visitor{"a week": idle, "half a day": again} {
		if code, _ := v.call("GET", "/session", nil); code != http.StatusUnauthorized {
			t.Errorf("a session that was not used for %s is %d, want 401", name, code)
		}
	}
}

// code is what an authenticator app shows for a secret.
func code(t *testing.T, secret string, at time.Time) string {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha1.New, key)
	_ = binary.Write(mac, binary.BigEndian, at.Unix()/30) // a hash takes everything
	sum := mac.Sum(nil)
	o := sum[19] & 15
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[o:])&0x7fffffff)%1_000_000)
}

// TestSecondFactor sets an app up, and replays its codes.
func TestSecondFactor(t *testing.T) {
	w := apitest.New(t)
	user(t, w, "ada@example.com", sluice.RoleOwner)
	v, other := browse(t, w), browse(t, w)
	v.enter("ada@example.com")
	other.enter("ada@example.com")
	before := v.cookie("sluice")
	offer := ask[api.SecondFactorOffer](v, http.StatusOK, "POST", "/session/second-factor", nil)
	first := code(t, offer.Secret, w.Now())
	codes := ask[api.RecoveryCodes](v, http.StatusOK, "PUT", "/session/second-factor", api.ConfirmSecondFactor{Offer: offer.Offer, Code: first}).Codes
	if len(codes) != 10 || v.cookie("sluice") == before {
		t.Fatalf("%d recovery codes, and the session's token is another one: %t", len(codes), v.cookie("sluice") != before)
	}
	if status, _ := other.call("GET", "/session", nil); status != http.StatusUnauthorized {
		t.Errorf("another browser is signed in without a code: %d, want 401", status)
	}
	try := func(code string) (*visitor, int) {
		b := browse(t, w)
		if resp, page := b.signIn("ada@example.com", passphrase); resp.Header.Get("Location") != "/signin/code?next=%2F" {
			t.Fatalf("the password alone leads to %q\n%s", resp.Header.Get("Location"), page)
		}
		if status, _ := b.call("GET", "/session", nil); status != http.StatusUnauthorized {
			t.Errorf("signed in before the code: %d, want 401", status)
		}
		resp, _ := b.post("/signin/code", url.Values{"code": {code}, "next": {"/"}})
		return b, resp.StatusCode
	}
	if _, status := try(first); status != http.StatusUnauthorized {
		t.Errorf("the code that set it up, replayed: %d, want 401", status)
	}
	w.Advance(30 * time.Second)
	next := code(t, offer.Secret, w.Now())
	if b, status := try(next); status != http.StatusSeeOther || b.session().User.Email != "ada@example.com" {
		t.Errorf("a fresh code: %d, want 303", status)
	}
	if _, status := try(next); status != http.StatusUnauthorized {
		t.Errorf("a replayed code: %d, want 401", status)
	}
	for i, want := range []int{http.StatusSeeOther, http.StatusUnauthorized} {
		if _, status := try(codes[0]); status != want {
			t.Errorf("a recovery code, time %d: %d, want %d", i+1, status, want)
		}
	}
	// Guesses are few: five at once, whatever the browser.
	limited := false
	for range 6 {
		_, status := try("000000")
		limited = limited || status == http.StatusTooManyRequests
	}
	if !limited {
		t.Error("codes can be guessed without end")
	}
}

// TestStolenInvitation opens a link that is somebody else's, too late, or twice.
func TestStolenInvitation(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	org := w.Org("acme").ID
	invite := func(email string) string {
		t.Helper()
		_, sent, err := w.Accounts.Invite(ctx, org, sluice.RoleAdmin, email, "")
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimPrefix(sent.Link, origin)
	}
	token := func(link string) string { return strings.TrimPrefix(link, "/invitation?token=") }
	accept := func(v *visitor, link string) int {
		resp, _ := v.post("/invitation", url.Values{"token": {token(link)}, "password": {passphrase}})
		return resp.StatusCode
	}
	user(t, w, "bob@example.com", "")
	user(t, w, "eve@example.com", "")
	link := invite("bob@example.com")
	if status := accept(browse(t, w), link); status != http.StatusConflict {
		t.Errorf("a thief sets the password of an account that is there: %d, want 409", status)
	}
	eve := browse(t, w)
	eve.enter("eve@example.com")
	if status := accept(eve, link); status != http.StatusConflict {
		t.Errorf("another user accepts: %d, want 409", status)
	}
	bob := browse(t, w)
	bob.enter("bob@example.com")
	if status := accept(bob, link); status != http.StatusSeeOther {
		t.Errorf("who was invited accepts: %d, want 303", status)
	}
	if s := bob.session(); s.Acting.Organisation != org || s.Acting.Role != sluice.RoleAdmin {
		t.Errorf("he is %+v", s.Acting)
	}
	if status := accept(bob, link); status != http.StatusForbidden {
		t.Errorf("a second time: %d, want 403", status)
	}
	late := invite("new@example.com")
	w.Advance(73 * time.Hour)
	if resp, page := browse(t, w).get(late); resp.StatusCode != http.StatusForbidden || strings.Contains(page, "new@example.com") {
		t.Errorf("too late: %d\n%s", resp.StatusCode, page)
	}
	if status := accept(browse(t, w), invite("new2@example.com")); status != http.StatusSeeOther {
		t.Errorf("a new user: %d, want 303", status)
	}
}

// TestEnumeration compares what strangers are told of addresses that are known
// and of those that are not. That the work is the same, account's own tests show.
func TestEnumeration(t *testing.T) {
	w := apitest.New(t)
	user(t, w, "known@example.com", "")
	page := func(path, email string) string {
		resp, text := browse(t, w).post(path, url.Values{"email": {email}, "password": {"wrong password"}})
		return fmt.Sprint(resp.StatusCode, " ", len(resp.Header.Values("Set-Cookie")), strings.ReplaceAll(text, email, "EMAIL"))
	}
	for _, path := range []string{"/signin", "/reset"} {
		if known, unknown := page(path, "known@example.com"), page(path, "unknown@example.com"); known != unknown {
			t.Errorf("POST %s tells them apart:\n%s\n%s", path, known, unknown)
		}
	}
}

// TestLockout has a stranger try wrong passwords: the account's own browser gets in.
func TestLockout(t *testing.T) {
	w := apitest.New(t)
	user(t, w, "ada@example.com", "")
	own := browse(t, w)
	own.enter("ada@example.com")
	own.post("/signout", nil)
	stranger := browse(t, w)
	last := 0
	for range 12 {
		resp, _ := stranger.signIn("ada@example.com", "wrong password")
		last = resp.StatusCode
	}
	if last != http.StatusTooManyRequests {
		t.Fatalf("twelve wrong passwords: %d, want 429", last)
	}
	own.enter("ada@example.com")
	if resp, _ := stranger.signIn("ada@example.com", passphrase); resp.StatusCode != http.StatusTooManyRequests {
		t.Errorf("the stranger goes on: %d, want 429", resp.StatusCode)
	}
}

// TestOpenRedirect signs in on the way to somewhere else.
func TestOpenRedirect(t *testing.T) {
	w := apitest.New(t)
	user(t, w, "ada@example.com", "")
	for next, want := range map[string]string{
		"/console/keys?a=b":        "/console/keys?a=b",
		"https://evil.example.com": "/", "//evil.example.com": "/", `/\evil.example.com`: "/", "/\t/evil.example.com": "/", "javascript:alert(1)": "/", "evil.example.com": "/", "": "/",
	} {
		resp, _ := browse(t, w).post("/signin", url.Values{"email": {"ada@example.com"}, "password": {passphrase}, "next": {next}})
		if got := resp.Header.Get("Location"); got != want {
			t.Errorf("%q leads to %q, want %q", next, got, want)
		}
	}
}

// TestOversized sends more than anybody types.
func TestOversized(t *testing.T) {
	w := apitest.New(t)
	user(t, w, "ada@example.com", "")
	if resp, _ := browse(t, w).signIn("ada@example.com", strings.Repeat("x", 10_000)); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a password of 10,000 bytes: %d, want 401", resp.StatusCode)
	}
	if resp, _ := browse(t, w).signIn("ada@example.com", strings.Repeat("x", 1<<20)); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a password of 1 MiB: %d, want 400", resp.StatusCode)
	}
}

// TestReset sets a new password by a link, once; a second factor is asked for.
func TestReset(t *testing.T) {
	w := apitest.New(t)
	ada := user(t, w, "ada@example.com", "")
	v := browse(t, w)
	v.enter(ada.Email)
	sent, err := w.Accounts.NewReset(t.Context(), ada)
	if err != nil {
		t.Fatal(err)
	}
	link, err := url.Parse(sent.Link)
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"token": {link.Query().Get("token")}, "password": {"another long password"}}
	if resp, page := browse(t, w).get(link.RequestURI()); resp.StatusCode != http.StatusOK || !strings.Contains(page, ada.Email) {
		t.Fatalf("the page: %d\n%s", resp.StatusCode, page)
	}
	if resp, page := browse(t, w).post(account.PathReset, form); resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("setting it: %d\n%s", resp.StatusCode, page)
	}
	if status, _ := v.call("GET", "/session", nil); status != http.StatusUnauthorized {
		t.Errorf("an earlier session is %d, want 401", status)
	}
	if resp, _ := browse(t, w).post(account.PathReset, form); resp.StatusCode != http.StatusForbidden {
		t.Errorf("the link again: %d, want 403", resp.StatusCode)
	}
	if resp, _ := browse(t, w).signIn(ada.Email, "another long password"); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("the new password: %d, want 303", resp.StatusCode)
	}
}

// TestHeaders looks at what keeps pages safe, and that nothing stands inline.
func TestHeaders(t *testing.T) {
	w := apitest.New(t)
	for _, path := range []string{"/signin", "/signin/code", "/reset", "/setup?token=x", "/invitation?token=x", "/reset/new?token=x"} {
		resp, page := browse(t, w).get(path)
		csp := resp.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: the policy lacks %s: %s", path, want, csp)
			}
		}
		if strings.Contains(csp, "unsafe") || resp.Header.Get("Referrer-Policy") != "no-referrer" || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", path, resp.Header)
		}
		if m := regexp.MustCompile(`<script(?: [^>]*)?>[^<]|<style| style=| on[a-z]+=`).FindString(page); m != "" {
			t.Errorf("%s: %q stands inline", path, m)
		}
	}
}

// TestLanguages has every text of the pages, and every message that they may
// show, in each language.
func TestLanguages(t *testing.T) {
	wanted := map[string]bool{}
	pages := os.DirFS("pages")
	names, err := fs.Glob(pages, "*.html")
	if err != nil || len(names) < 8 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		raw, err := fs.ReadFile(pages, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\.T "([^"]+)"`).FindAllStringSubmatch(string(raw), -1) {
			wanted[m[1]] = true
		}
	}
	for _, r := range append(sluice.OperatorRoles(), sluice.OrganisationRoles()...) {
		wanted[string(r)] = true
	}
	for _, lang := range []string{"fr", "zh"} {
		raw, err := os.ReadFile("messages/" + lang + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var has map[string]string
		if err := json.Unmarshal(raw, &has); err != nil {
			t.Fatal(err)
		}
		for text := range wanted {
			if has[text] == "" {
				t.Errorf("%s has no text for %q", lang, text)
			}
		}
	}
	w := apitest.New(t)
	if _, page := browse(t, w).get("/signin", "Accept-Language", "zh-CN,zh;q=0.9,en;q=0.8"); !strings.Contains(page, `<html lang="zh">`) || !strings.Contains(page, "登录") {
		t.Errorf("in Chinese:\n%s", page)
	}
	v := browse(t, w)
	v.get("/signin?lang=fr")
	if _, page := v.get("/reset", "Accept-Language", "zh"); !strings.Contains(page, "Mot de passe oublié") {
		t.Errorf("the choice of a language is not held:\n%s", page)
	}
}
