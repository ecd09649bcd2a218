// Package passkey makes and checks passkeys (Web Authentication, level 3). It is
// the only place that knows the library that does.
package passkey

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"sluice"
)

// Party is the side that relies on passkeys: this server, at one address.
type Party struct {
	url func() string
}

// New returns the server's side. at is where browsers reach it; it is asked
// when a passkey is.
func New(at func() string) *Party { return &Party{at} }

// party prepares the library. Errors: CodeConflict where the address has no host
// name, for which there are no passkeys.
func (p *Party) party() (*webauthn.WebAuthn, error) {
	u, err := url.Parse(p.url())
	if err != nil || u.Hostname() == "" || net.ParseIP(u.Hostname()) != nil {
		return nil, sluice.Errorf(sluice.CodeConflict, "Passkeys need a host name in the server's address: open it as http://localhost, or set public_url.")
	}
	w, err := webauthn.New(&webauthn.Config{RPID: u.Hostname(), RPDisplayName: "Sluice", RPOrigins: []string{u.Scheme + "://" + u.Host}})
	if err != nil {
		return nil, fmt.Errorf("preparing passkeys: %w", err)
	}
	return w, nil
}

// person is a user as the library sees one.
type person struct {
	*sluice.User

	have []webauthn.Credential
}

// WebAuthnID is the user's id: it is random and says nothing of who it is.
func (p person) WebAuthnID() []byte { return []byte(p.ID) }

// WebAuthnName is what the user signs in as.
func (p person) WebAuthnName() string { return p.Email }

// WebAuthnDisplayName is the same: devices show it.
func (p person) WebAuthnDisplayName() string { return p.Email }

// WebAuthnCredentials are the user's passkeys.
func (p person) WebAuthnCredentials() []webauthn.Credential { return p.have }

func of(u *sluice.User, have []*sluice.Passkey) (person, error) {
	p := person{User: u}
	for _, k := range have {
		var c webauthn.Credential
		if err := json.Unmarshal([]byte(k.Credential), &c); err != nil {
			return p, fmt.Errorf("reading the passkey %s: %w", k.ID, err)
		}
		p.have = append(p.have, c)
	}
	return p, nil
}

// written writes what a browser is given and what is to be kept until it answers.
func written(options any, state *webauthn.SessionData) (json.RawMessage, string, error) {
	forBrowser, err := json.Marshal(options)
	if err != nil {
		return nil, "", fmt.Errorf("writing a challenge: %w", err)
	}
	kept, err := json.Marshal(state)
	if err != nil {
		return nil, "", fmt.Errorf("writing a challenge: %w", err)
	}
	return forBrowser, string(kept), nil
}

// refused is the error for an answer that proves nothing.
func refused(err error) error {
	if detail, ok := errors.AsType[*protocol.Error](err); ok {
		err = fmt.Errorf("%w: %s", err, detail.DevInfo)
	}
	return &sluice.Error{Code: sluice.CodeForbidden, Message: "The passkey was not accepted. Try again.", Err: err}
}

// BeginCreate returns what a browser makes a passkey with, and the state to give
// to FinishCreate. The passkey is found by the device itself, and asks for the
// device's PIN or the user's finger or face.
func (p *Party) BeginCreate(u *sluice.User, have []*sluice.Passkey) (json.RawMessage, string, error) {
	w, err := p.party()
	if err != nil {
		return nil, "", err
	}
	who, err := of(u, have)
	if err != nil {
		return nil, "", err
	}
	var exclude []protocol.CredentialDescriptor
	for _, c := range who.have {
		exclude = append(exclude, c.Descriptor())
	}
	options, state, err := w.BeginRegistration(who, webauthn.WithExclusions(exclude), webauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{
		ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(), UserVerification: protocol.VerificationRequired,
	}))
	if err != nil {
		return nil, "", fmt.Errorf("making a challenge: %w", err)
	}
	return written(options.Response, state)
}

// FinishCreate checks what a browser made, and returns the credential's id and
// what is to be kept of it. Errors: CodeForbidden.
func (p *Party) FinishCreate(u *sluice.User, have []*sluice.Passkey, state string, answer []byte) (handle []byte, credential string, err error) {
	w, err := p.party()
	if err != nil {
		return nil, "", err
	}
	who, err := of(u, have)
	if err != nil {
		return nil, "", err
	}
	var s webauthn.SessionData
	if err := json.Unmarshal([]byte(state), &s); err != nil {
		return nil, "", refused(err)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return nil, "", refused(err)
	}
	c, err := w.CreateCredential(who, s, parsed)
	if err != nil {
		return nil, "", refused(err)
	}
	text, err := json.Marshal(c)
	if err != nil {
		return nil, "", fmt.Errorf("writing a passkey: %w", err)
	}
	return c.ID, string(text), nil
}

// BeginGet returns what a browser asks any of the device's passkeys with, and
// the state to give to FinishGet.
func (p *Party) BeginGet() (json.RawMessage, string, error) {
	w, err := p.party()
	if err != nil {
		return nil, "", err
	}
	options, state, err := w.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, "", fmt.Errorf("making a challenge: %w", err)
	}
	return written(options.Response, state)
}

// FinishGet checks a browser's answer, and returns whose passkey it was, the
// credential's id, and what is to be kept of it from now on. find returns a user
// by id, with the user's passkeys. Errors: CodeForbidden, also for a passkey whose
// counter says that there is a copy of it.
func (p *Party) FinishGet(state string, answer []byte, find func(user string) (*sluice.User, []*sluice.Passkey, error)) (*sluice.User, []byte, string, error) {
	w, err := p.party()
	if err != nil {
		return nil, nil, "", err
	}
	var s webauthn.SessionData
	if err := json.Unmarshal([]byte(state), &s); err != nil {
		return nil, nil, "", refused(err)
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return nil, nil, "", refused(err)
	}
	var found *sluice.User
	c, err := w.ValidateDiscoverableLogin(func(_, userHandle []byte) (webauthn.User, error) {
		u, have, err := find(string(userHandle))
		if err != nil {
			return nil, err
		}
		found = u
		return of(u, have)
	}, s, parsed)
	if err != nil {
		return nil, nil, "", refused(err)
	}
	if c.Authenticator.CloneWarning {
		return nil, nil, "", refused(errors.New("its counter went back: somebody has a copy"))
	}
	text, err := json.Marshal(c)
	if err != nil {
		return nil, nil, "", fmt.Errorf("writing a passkey: %w", err)
	}
	return found, c.ID, string(text), nil
}
