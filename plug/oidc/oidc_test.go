package oidc_test

import (
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/plug/oidc"
	"sluice/plug/oidc/oidctest"
)

func flow() sluice.OIDCFlow {
	return sluice.OIDCFlow{Redirect: "http://sluice.test/back", State: "state", Nonce: "nonce", Verifier: strings.Repeat("v", 43)}
}

// TestExchange signs in, and has tokens refused that are not for this sign-in.
func TestExchange(t *testing.T) {
	p := oidctest.New(t)
	client, err := oidc.New(oidc.Config{Issuer: p.URL, ClientID: p.Client, ClientSecret: p.Secret})
	if err != nil {
		t.Fatal(err)
	}
	sign := func(f sluice.OIDCFlow, claims map[string]any) (*sluice.OIDCClaims, error) {
		t.Helper()
		p.Claims = claims
		to, err := client.AuthURL(t.Context(), flow(), false)
		if err != nil {
			t.Fatal(err)
		}
		return client.Exchange(t.Context(), f, p.Approve(to).Query().Get("code"))
	}
	c, err := sign(flow(), map[string]any{"email": "ada@example.com", "email_verified": true, "name": "Ada"})
	if err != nil || c.Subject != "subject-1" || c.Email != "ada@example.com" || !c.Verified || c.Name != "Ada" || time.Since(c.AuthTime) > time.Minute {
		t.Fatalf("signed in as %+v, %v", c, err)
	}
	if c, err := sign(flow(), map[string]any{"email_verified": "true"}); err != nil || !c.Verified {
		t.Errorf("verified as a text: %+v, %v", c, err)
	}
	if c, err := sign(flow(), map[string]any{"email_verified": "no"}); err != nil || c.Verified {
		t.Errorf("not verified: %+v, %v", c, err)
	}
	wrongVerifier := flow()
	wrongVerifier.Verifier = strings.Repeat("w", 43)
	if _, err := sign(wrongVerifier, nil); err == nil {
		t.Error("a code that somebody else began with was taken: PKCE")
	}
	for name, claims := range map[string]map[string]any{
		"another nonce":          {"nonce": "another"},
		"no nonce":               {"nonce": ""},
		"another audience":       {"aud": "somebody"},
		"an audience beside":     {"aud": []string{"sluice", "somebody"}},
		"another party":          {"azp": "somebody"},
		"another issuer":         {"iss": "https://evil.example.com"},
		"a token that has ended": {"exp": time.Now().Add(-time.Minute).Unix()},
	} {
		if c, err := sign(flow(), claims); err == nil {
			t.Errorf("%s: let in as %+v", name, c)
		}
	}
}

func TestNew(t *testing.T) {
	for _, issuer := range []string{"", "http://example.com", "https://example.com?a=b", "example.com", "https://example.com/#x"} {
		if _, err := oidc.New(oidc.Config{Issuer: issuer, ClientID: "x"}); err == nil {
			t.Errorf("the issuer %q was taken", issuer)
		}
	}
	if _, err := oidc.New(oidc.Config{Issuer: "https://example.com"}); err == nil {
		t.Error("no client_id was taken")
	}
}

// TestAway begins while the provider is away, and goes on when it is back.
func TestAway(t *testing.T) {
	p := oidctest.New(t)
	now := time.Now()
	client, err := oidc.New(oidc.Config{Issuer: p.URL + "/nowhere", ClientID: p.Client, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := client.AuthURL(t.Context(), flow(), false); err == nil {
			t.Error("a provider that is not there sent the browser somewhere")
		}
	}
}
