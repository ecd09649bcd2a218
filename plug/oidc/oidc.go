// Package oidc signs people in at OpenID Connect providers. It is the only
// place that knows the libraries that do.
package oidc

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"sluice"
)

// Config is one provider, as an operator registers Sluice there.
type Config struct {
	Issuer       string // https URL, exactly as its tokens say it
	ClientID     string
	ClientSecret string
	Scopes       []string // beside openid; default email, profile

	Client *http.Client // default: one with a timeout and without a proxy
	Now    func() time.Time
}

// timeout bounds each request to a provider; retry is how long it is left alone
// after it could not be asked about itself.
const (
	timeout = 10 * time.Second
	retry   = 5 * time.Second
)

// Provider is an OpenID Connect provider. It asks the provider about itself when
// it is first used: a server starts while the provider is away.
type Provider struct {
	cfg Config

	mu    sync.Mutex
	found *gooidc.Provider
	fault error
	asked time.Time
}

// New returns a provider, and asks it nothing yet. Errors: a configuration that
// cannot be right.
func New(c Config) (*Provider, error) {
	u, err := url.Parse(c.Issuer)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && (u.Scheme != "http" || !local(u.Hostname())) {
		return nil, fmt.Errorf("the issuer %q is no https URL", c.Issuer)
	}
	if c.ClientID == "" {
		return nil, errors.New("the provider has no client_id")
	}
	if c.Scopes == nil {
		c.Scopes = []string{"email", "profile"}
	}
	if c.Client == nil {
		c.Client = &http.Client{Timeout: timeout, Transport: &http.Transport{ForceAttemptHTTP2: true, MaxResponseHeaderBytes: 64 << 10, TLSHandshakeTimeout: timeout}}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Provider{cfg: c}, nil
}

// local reports whether a host is this machine, where a provider may be without TLS.
func local(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

// Issuer returns the provider's own name.
func (p *Provider) Issuer() string { return p.cfg.Issuer }

// ctx has the libraries use the provider's HTTP client.
func (p *Provider) ctx(ctx context.Context) context.Context {
	return gooidc.ClientContext(ctx, p.cfg.Client)
}

// discover asks the provider about itself, once; a fault is asked again after a while.
func (p *Provider) discover(ctx context.Context) (*gooidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	if now := p.cfg.Now(); p.fault == nil || now.Sub(p.asked) >= retry {
		// The keys are fetched with this context for as long as the provider is used.
		p.found, p.fault = gooidc.NewProvider(p.ctx(context.WithoutCancel(ctx)), p.cfg.Issuer)
		p.asked = now
	}
	if p.fault != nil {
		return nil, fmt.Errorf("asking the provider about itself: %w", p.fault)
	}
	return p.found, nil
}

func (p *Provider) oauth(found *gooidc.Provider, redirect string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.cfg.ClientID, ClientSecret: p.cfg.ClientSecret, Endpoint: found.Endpoint(), RedirectURL: redirect,
		Scopes: append([]string{gooidc.ScopeOpenID}, p.cfg.Scopes...),
	}
}

// AuthURL is where a browser is sent to sign in.
func (p *Provider) AuthURL(ctx context.Context, f sluice.OIDCFlow, fresh bool) (string, error) {
	found, err := p.discover(ctx)
	if err != nil {
		return "", err
	}
	options := []oauth2.AuthCodeOption{gooidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)}
	if fresh {
		options = append(options, oauth2.SetAuthURLParam("max_age", "0"), oauth2.SetAuthURLParam("prompt", "login"))
	}
	return p.oauth(found, f.Redirect).AuthCodeURL(f.State, options...), nil
}

// Exchange gives a code for what the provider says of the person. Errors: when
// the token is not this provider's, for this client, of this flow and still good.
func (p *Provider) Exchange(ctx context.Context, f sluice.OIDCFlow, code string) (*sluice.OIDCClaims, error) {
	found, err := p.discover(ctx)
	if err != nil {
		return nil, err
	}
	tokens, err := p.oauth(found, f.Redirect).Exchange(p.ctx(ctx), code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return nil, fmt.Errorf("exchanging the code: %w", err)
	}
	raw, ok := tokens.Extra("id_token").(string)
	if !ok {
		return nil, errors.New("the provider gave no ID token")
	}
	token, err := found.Verifier(&gooidc.Config{ClientID: p.cfg.ClientID, Now: p.cfg.Now}).Verify(p.ctx(ctx), raw)
	if err != nil {
		return nil, fmt.Errorf("checking the ID token: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(f.Nonce)) != 1 {
		return nil, errors.New("the ID token is of another sign-in: its nonce differs")
	}
	var c struct {
		Email    string `json:"email"`
		Verified flag   `json:"email_verified"`
		Name     string `json:"name"`
		AuthTime int64  `json:"auth_time"`
		Party    string `json:"azp"`
	}
	if err := token.Claims(&c); err != nil {
		return nil, fmt.Errorf("reading the ID token: %w", err)
	}
	if c.Party != "" && c.Party != p.cfg.ClientID || len(token.Audience) > 1 && c.Party == "" || !slices.Contains(token.Audience, p.cfg.ClientID) {
		return nil, errors.New("the ID token is for another client")
	}
	out := &sluice.OIDCClaims{Subject: token.Subject, Email: c.Email, Verified: bool(c.Verified), Name: c.Name}
	if c.AuthTime > 0 {
		out.AuthTime = time.Unix(c.AuthTime, 0)
	}
	return out, nil
}

// flag is a boolean that some providers write as a text.
type flag bool

// UnmarshalJSON takes true and "true"; all else is false.
func (f *flag) UnmarshalJSON(text []byte) error {
	*f = string(text) == "true" || string(text) == `"true"`
	return nil
}
