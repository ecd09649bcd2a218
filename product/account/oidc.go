package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"sluice"
)

// Identities keeps who users are at OpenID Connect providers.
type Identities interface {
	CreateIdentity(ctx context.Context, i *sluice.Identity) error
	Identity(ctx context.Context, provider, subject string) (*sluice.Identity, error)
	Identities(ctx context.Context, user string) ([]*sluice.Identity, error)
	DeleteIdentity(ctx context.Context, user, provider string) error
}

// Provider signs people in elsewhere (OpenID Connect Core 1.0, by code with PKCE).
type Provider interface {
	// Issuer is the provider's own name: an https URL.
	Issuer() string

	// AuthURL is where the browser is sent. fresh asks the provider to have the
	// person sign in anew.
	AuthURL(ctx context.Context, f sluice.OIDCFlow, fresh bool) (string, error)

	// Exchange gives the code for what the provider says of the person, with its
	// token's signature, issuer, audience, expiry and nonce checked.
	Exchange(ctx context.Context, f sluice.OIDCFlow, code string) (*sluice.OIDCClaims, error)
}

// Source is a provider with what it may decide here.
type Source struct {
	Provider

	Name  string // in addresses: letters, digits, hyphens
	Label string // on the button

	// Domains are those of e-mail addresses that the provider speaks for: who
	// comes with a verified address of one is the user of that address. For any
	// other address it is believed only who somebody is there, once a user has
	// linked it.
	Domains []string

	// Join gives whoever comes with an address of Domains and has no account one,
	// with a role for an organisation; an empty role makes none.
	Join sluice.Membership
}

// speaksFor reports whether a verified address is of one of the domains.
func (p *Source) speaksFor(email string) bool {
	_, domain, ok := strings.Cut(email, "@")
	return ok && slices.Contains(p.Domains, domain)
}

// oidcFlow is what the browser holds between the halves.
type oidcFlow struct {
	sluice.OIDCFlow

	Source string `json:"source"`
	Next   string `json:"next"`
	Link   string `json:"link"`  // the user who links it; empty: signs in
	Prove  string `json:"prove"` // the user who proves to be it
}

const (
	purposeOIDC = "oidc"
	oidcLife    = 10 * time.Minute

	// freshFor is how long ago a person may have signed in at the provider for it
	// to be a proof.
	freshFor = 5 * time.Minute
)

// PathOIDC is where sign-ins at providers begin, followed by the source's name.
const PathOIDC = "/signin/oidc/"

// Sources lists the providers that people can sign in by.
func (s *Service) Sources() []*Source { return s.opt.Sources }

func (s *Service) source(name string) (*Source, error) {
	for _, p := range s.opt.Sources {
		if p.Name == name {
			return p, nil
		}
	}
	return nil, sluice.Errorf(sluice.CodeNotFound, "Nobody signs in that way here.")
}

// BeginOIDC begins a sign-in at a provider. v, when not nil, is who is signed in
// and links the provider to their account or, with prove, proves to be it. The
// browser goes to the URL and holds the sealed text until it comes back.
func (s *Service) BeginOIDC(ctx context.Context, name, next string, v *Visitor, prove bool) (to, sealed string, err error) {
	p, err := s.source(name)
	if err != nil {
		return "", "", err
	}
	f := oidcFlow{Source: name, Next: next, OIDCFlow: sluice.OIDCFlow{
		Redirect: s.opt.URL() + PathOIDC + name + "/callback", State: rand.Text(), Nonce: rand.Text(), Verifier: rand.Text() + rand.Text(),
	}}
	switch {
	case v != nil && prove:
		f.Prove = v.User.ID
	case v != nil:
		if err := s.Proven(v.Session); err != nil { // a way in is added
			return "", "", err
		}
		f.Link = v.User.ID
	}
	if to, err = p.AuthURL(ctx, f.OIDCFlow, prove); err != nil {
		return "", "", unreachable(p, err)
	}
	sealed, err = s.seal(purposeOIDC, f, oidcLife)
	return to, sealed, err
}

func unreachable(p *Source, err error) error {
	return &sluice.Error{Code: sluice.CodeUnavailable, Message: "The sign-in service does not answer as it should. Try again, or sign in another way.", Err: fmt.Errorf("%s: %w", p.Name, err)}
}

// FinishOIDC takes up a sign-in when the browser comes back with the answer. v
// is who is signed in, or nil. The entry's token is of a new session, of the
// visitor's own with another token after a proof, or empty after linking.
// Errors: CodeForbidden for an answer that was not asked for by this browser,
// of this provider; for whoever has no account.
func (s *Service) FinishOIDC(ctx context.Context, name, sealed string, answer url.Values, v *Visitor, from From) (e *Entry, next string, err error) {
	e, next, email, err := s.finishOIDC(ctx, name, sealed, answer, v, from)
	if err != nil {
		s.failed(ctx, email, err, from)
	}
	return e, next, err
}

func (s *Service) finishOIDC(ctx context.Context, name, sealed string, answer url.Values, v *Visitor, from From) (e *Entry, next, email string, err error) {
	p, err := s.source(name)
	if err != nil {
		return nil, "", "", err
	}
	var f oidcFlow
	if err := s.open(purposeOIDC, sealed, &f); err != nil {
		return nil, "", "", err
	}
	refused := sluice.Errorf(sluice.CodeForbidden, "This took too long, or was begun in another browser. Begin again.")
	iss := answer.Get("iss") // RFC 9207
	if f.Source != name || subtle.ConstantTimeCompare([]byte(f.State), []byte(answer.Get("state"))) != 1 || iss != "" && iss != p.Issuer() {
		return nil, "", "", refused
	}
	if answer.Get("code") == "" {
		return nil, f.Next, "", sluice.Errorf(sluice.CodeForbidden, "The sign-in service did not let you in.")
	}
	c, err := p.Exchange(ctx, f.OIDCFlow, answer.Get("code"))
	if err != nil {
		return nil, f.Next, "", unreachable(p, err)
	}
	if c.Subject == "" {
		return nil, f.Next, "", unreachable(p, fmt.Errorf("its token has no subject"))
	}
	switch {
	case f.Prove != "":
		e, err = s.proveOIDC(ctx, p, c, f, v)
	case f.Link != "":
		e, err = s.linkOIDC(ctx, p, c, f, v, from)
	default:
		e, err = s.enterOIDC(ctx, p, c, from)
	}
	return e, f.Next, c.Email, err
}

// enterOIDC signs in whom a provider vouches for.
func (s *Service) enterOIDC(ctx context.Context, p *Source, c *sluice.OIDCClaims, from From) (*Entry, error) {
	i, err := s.opt.Store.Identity(ctx, p.Issuer(), c.Subject)
	if err == nil {
		u, err := s.opt.Store.User(ctx, i.User)
		if err != nil {
			return nil, err
		}
		return s.begin(ctx, u, sluice.SignInOIDC, from)
	}
	if sluice.CodeOf(err) != sluice.CodeNotFound {
		return nil, err
	}
	email, err := NormaliseEmail(c.Email)
	if err != nil || !c.Verified || !p.speaksFor(email) {
		return nil, sluice.Errorf(sluice.CodeForbidden, "No account is linked to this sign-in. Sign in with your password and link it, or ask for an invitation.")
	}
	u, err := s.opt.Store.UserByEmail(ctx, email)
	if sluice.CodeOf(err) == sluice.CodeNotFound {
		u, err = s.joinOIDC(ctx, p, email, c)
	}
	if err != nil {
		return nil, err
	}
	if err := s.keepIdentity(ctx, p, c, u, from); err != nil {
		return nil, err
	}
	return s.begin(ctx, u, sluice.SignInOIDC, from)
}

// joinOIDC makes the account of somebody whom a provider may bring in.
func (s *Service) joinOIDC(ctx context.Context, p *Source, email string, c *sluice.OIDCClaims) (*sluice.User, error) {
	if p.Join.Role == "" {
		return nil, sluice.Errorf(sluice.CodeForbidden, "There is no account of this address. Ask for an invitation.")
	}
	name, err := checkName(c.Name)
	if err != nil {
		name = "" // as the provider writes it is no reason to keep somebody out
	}
	u, err := s.CreateUser(ctx, NewUser{Email: email, Name: name})
	if err != nil {
		return nil, err
	}
	return s.SetRole(ctx, p.Join.Org, u.ID, p.Join.Role)
}

func (s *Service) keepIdentity(ctx context.Context, p *Source, c *sluice.OIDCClaims, u *sluice.User, from From) error {
	ctx = context.WithoutCancel(ctx)
	if err := s.opt.Store.CreateIdentity(ctx, &sluice.Identity{Provider: p.Issuer(), Subject: c.Subject, User: u.ID, Email: c.Email, CreatedAt: s.now()}); err != nil {
		return err
	}
	return s.told(ctx, u, "link-identity", p.Name, from)
}

// linkOIDC adds a provider to the account of who is signed in.
func (s *Service) linkOIDC(ctx context.Context, p *Source, c *sluice.OIDCClaims, f oidcFlow, v *Visitor, from From) (*Entry, error) {
	if v == nil || v.User.ID != f.Link {
		return nil, sluice.Errorf(sluice.CodeForbidden, "This was begun by somebody else. Begin again.")
	}
	i, err := s.opt.Store.Identity(ctx, p.Issuer(), c.Subject)
	switch {
	case err == nil && i.User == v.User.ID:
		return &Entry{Visitor: *v}, nil
	case err == nil:
		return nil, sluice.Errorf(sluice.CodeConflict, "That sign-in is linked to another account.")
	case sluice.CodeOf(err) != sluice.CodeNotFound:
		return nil, err
	}
	return &Entry{Visitor: *v}, s.keepIdentity(ctx, p, c, v.User, from)
}

// proveOIDC takes a fresh sign-in at a linked provider as a proof.
func (s *Service) proveOIDC(ctx context.Context, p *Source, c *sluice.OIDCClaims, f oidcFlow, v *Visitor) (*Entry, error) {
	if v == nil || v.User.ID != f.Prove {
		return nil, sluice.Errorf(sluice.CodeForbidden, "This was begun by somebody else. Begin again.")
	}
	i, err := s.opt.Store.Identity(ctx, p.Issuer(), c.Subject)
	if err = unlessGone(err); err != nil {
		return nil, err
	}
	if i == nil || i.User != v.User.ID || c.AuthTime.IsZero() || s.now().Sub(c.AuthTime) > freshFor {
		return nil, sluice.Errorf(sluice.CodeForbidden, "The sign-in service did not confirm that it is you.")
	}
	token, err := s.proved(ctx, v)
	return &Entry{Visitor: *v, Token: token}, err
}

// Identities returns who a user is at providers.
func (s *Service) Identities(ctx context.Context, user string) ([]*sluice.Identity, error) {
	return s.opt.Store.Identities(ctx, user)
}

// Unlink ends a user's sign-in by the provider of an issuer. Errors:
// CodeNotFound; CodeConflict when the user has no other way in.
func (s *Service) Unlink(ctx context.Context, u *sluice.User, issuer string) error {
	all, err := s.opt.Store.Identities(ctx, u.ID)
	if err != nil {
		return err
	}
	if u.Password == "" && len(all) == 1 && all[0].Provider == issuer {
		return sluice.Errorf(sluice.CodeConflict, "This is your only way in: set a password first.")
	}
	return s.opt.Store.DeleteIdentity(context.WithoutCancel(ctx), u.ID, issuer)
}
