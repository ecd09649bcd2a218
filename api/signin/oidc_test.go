package signin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sluice"
	"sluice/api/apitest"
	"sluice/plug/oidc"
	"sluice/plug/oidc/oidctest"
	"sluice/product/account"
)

func source(t *testing.T, name string) (*oidctest.Provider, *account.Source) {
	t.Helper()
	p := oidctest.New(t)
	client, err := oidc.New(oidc.Config{Issuer: p.URL, ClientID: p.Client, ClientSecret: p.Secret})
	if err != nil {
		t.Fatal(err)
	}
	return p, &account.Source{Provider: client, Name: name, Label: "Acme", Domains: []string{"example.com"}}
}

// begin goes to a provider and returns where it sends the browser.
func (v *visitor) begin(path string) string {
	v.t.Helper()
	resp, page := v.get(path)
	if resp.StatusCode != http.StatusSeeOther {
		v.t.Fatalf("GET %s: %d\n%s", path, resp.StatusCode, page)
	}
	return resp.Header.Get("Location")
}

// back comes back from a provider. The provider knows the server by its public
// address, and the test by another one.
func (v *visitor) back(u *url.URL, header ...string) (*http.Response, string) {
	v.t.Helper()
	return v.get(u.RequestURI(), header...)
}

func verified(email string) map[string]any {
	return map[string]any{"email": email, "email_verified": true}
}

// TestOIDC signs in by a provider, as every rule of linking says.
func TestOIDC(t *testing.T) {
	p, src := source(t, "acme")
	w := apitest.New(t, src)
	ada, bob := user(t, w, "ada@example.com", sluice.RoleSupport), user(t, w, "bob@elsewhere.org", "")
	if _, page := browse(t, w).get("/signin"); !strings.Contains(page, `href="/signin/oidc/acme?next=%2f"`) {
		t.Errorf("the page offers no provider:\n%s", page)
	}

	enter := func(subject string, claims map[string]any) (*visitor, *http.Response, string) {
		v := browse(t, w)
		claims["sub"] = subject
		p.Claims = claims
		resp, page := v.back(p.Approve(v.begin("/signin/oidc/acme?next=/console")))
		return v, resp, page
	}
	v, resp, page := enter("s-ada", verified("Ada@example.com"))
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/console" {
		t.Fatalf("by a verified address of the provider's domain: %d\n%s", resp.StatusCode, page)
	}
	if s := v.session(); s.User.ID != ada.ID {
		t.Errorf("signed in as %+v", s.User)
	}
	// From now on the subject says who it is, whatever the address.
	if v, _, _ := enter("s-ada", map[string]any{"email": "changed@elsewhere.org"}); v.session().User.ID != ada.ID {
		t.Error("the subject is somebody else now")
	}
	for name, claims := range map[string]map[string]any{
		"an address that is not verified":         {"email": "ada@example.com"},
		"an address of a domain it has no say in": verified(bob.Email),
		"an address that nobody has":              verified("eve@example.com"),
		"no address":                              {},
	} {
		if _, resp, page := enter("s-"+name, claims); resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d\n%s", name, resp.StatusCode, page)
		}
	}

	// Who is signed in links any address, and is found by it afterwards.
	v = browse(t, w)
	v.enter(bob.Email)
	p.Claims = map[string]any{"sub": "s-bob"}
	if resp, page := v.back(p.Approve(v.begin("/signin/oidc/acme?link=1&next=/"))); resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("linking: %d\n%s", resp.StatusCode, page)
	}
	if v, _, _ := enter("s-bob", map[string]any{}); v.session().User.ID != bob.ID {
		t.Error("a linked provider signs somebody else in")
	}
	p.Claims = map[string]any{"sub": "s-ada"}
	if resp, _ := v.back(p.Approve(v.begin("/signin/oidc/acme?link=1"))); resp.StatusCode != http.StatusConflict {
		t.Errorf("linking what is another's: %d, want 409", resp.StatusCode)
	}
}

// TestOIDCJoin lets a provider bring people in.
func TestOIDCJoin(t *testing.T) {
	p, src := source(t, "acme")
	w := apitest.New(t, src)
	src.Join = sluice.Membership{Org: w.Org("acme").ID, Role: sluice.RoleDeveloper}
	p.Claims = verified("new@example.com")
	v := browse(t, w)
	v.back(p.Approve(v.begin("/signin/oidc/acme")))
	if s := v.session(); s.User.Email != "new@example.com" || s.Acting.Organisation != src.Join.Org || s.Acting.Role != sluice.RoleDeveloper {
		t.Errorf("joined as %+v", s)
	}
}

// TestOIDCAttacks forges what comes back from a provider.
func TestOIDCAttacks(t *testing.T) {
	p, src := source(t, "acme")
	evil, evilSrc := source(t, "evil")
	w := apitest.New(t, src, evilSrc)
	user(t, w, "ada@example.com", "")
	p.Claims, evil.Claims = verified("ada@example.com"), verified("ada@example.com")
	refused := func(name string, v *visitor, back *url.URL) {
		t.Helper()
		resp, _ := v.back(back)
		if code, _ := v.call(http.MethodGet, "/session", nil); resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusServiceUnavailable || code != http.StatusUnauthorized {
			t.Errorf("%s: %d, and then %d; want 403 and 401", name, resp.StatusCode, code)
		}
	}
	edit := func(u *url.URL, name, value string) *url.URL {
		q := u.Query()
		q.Set(name, value)
		u.RawQuery = q.Encode()
		return u
	}

	v := browse(t, w)
	refused("a forged state", v, edit(p.Approve(v.begin("/signin/oidc/acme")), "state", "forged"))

	// Login CSRF: the attacker's own answer, opened in the victim's browser.
	attacker := browse(t, w)
	answer := p.Approve(attacker.begin("/signin/oidc/acme"))
	refused("an answer that another browser asked for", browse(t, w), answer)
	victim := browse(t, w)
	victim.begin("/signin/oidc/acme")
	refused("an answer that another browser asked for, in the middle of one's own", victim, answer)

	// Mix-up: one provider's answer at the address of another.
	v = browse(t, w)
	back := evil.Approve(v.begin("/signin/oidc/evil"))
	back.Path = "/signin/oidc/acme/callback"
	refused("another provider's answer", v, back)
	v = browse(t, w)
	refused("an answer that names another issuer", v, edit(p.Approve(v.begin("/signin/oidc/acme")), "iss", evil.URL))

	v = browse(t, w)
	p.Claims = map[string]any{"email": "ada@example.com", "email_verified": true, "nonce": "replayed"}
	refused("a token of another sign-in", v, p.Approve(v.begin("/signin/oidc/acme")))
	p.Claims = verified("ada@example.com")

	v = browse(t, w)
	back = p.Approve(v.begin("/signin/oidc/acme"))
	if resp, page := v.back(back); resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("an honest sign-in: %d\n%s", resp.StatusCode, page)
	}
	v.post("/signout", nil)
	refused("the same answer once more", v, back)

	v = browse(t, w)
	back = p.Approve(v.begin("/signin/oidc/acme"))
	w.Advance(11 * 60 * 1e9)
	refused("an answer that took too long", v, back)

	v = browse(t, w)
	for _, next := range []string{"https://evil.example.com/", "//evil.example.com", `/\evil.example.com`, "/\t/evil.example.com", "javascript:alert(1)"} {
		resp, _ := v.back(p.Approve(v.begin("/signin/oidc/acme?next=" + url.QueryEscape(next))))
		if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/" {
			t.Errorf("open redirect: %q leads to %d %q", next, resp.StatusCode, resp.Header.Get("Location"))
		}
	}
}

// TestOIDCProof proves to be it by signing in anew at a provider.
func TestOIDCProof(t *testing.T) {
	p, src := source(t, "acme")
	w := apitest.New(t, src)
	user(t, w, "ada@example.com", sluice.RoleOwner)
	v := browse(t, w)
	p.Claims = verified("ada@example.com")
	v.back(p.Approve(v.begin("/signin/oidc/acme")))
	w.Advance(11 * 60 * 1e9)
	if code, _ := v.call(http.MethodPost, "/keys", map[string]string{"role": "owner"}); code != http.StatusForbidden {
		t.Fatalf("a key of the owner's without a proof: %d, want 403", code)
	}
	to := v.begin("/signin/oidc/acme?proof=1&next=/")
	if !strings.Contains(to, "max_age=0") {
		t.Errorf("the provider is not asked for a new sign-in: %s", to)
	}
	p.Claims["auth_time"] = w.Now().Add(-3600 * 1e9).Unix()
	if resp, _ := v.back(p.Approve(to)); resp.StatusCode != http.StatusForbidden {
		t.Errorf("an old sign-in as a proof: %d, want 403", resp.StatusCode)
	}
	p.Claims["auth_time"] = w.Now().Unix()
	if resp, page := v.back(p.Approve(v.begin("/signin/oidc/acme?proof=1&next=/"))); resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("a proof: %d\n%s", resp.StatusCode, page)
	}
	if code, text := v.call(http.MethodPost, "/keys", map[string]string{"role": "owner"}); code != http.StatusCreated {
		t.Errorf("after the proof: %d %s", code, text)
	}
}
