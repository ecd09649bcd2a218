package sluice

import "time"

// OIDCFlow is one sign-in at an OpenID Connect provider, between its two halves.
type OIDCFlow struct {
	Redirect string `json:"redirect"` // where the provider sends the browser back to
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"` // of PKCE (RFC 7636)
}

// OIDCClaims are what a provider says of a person.
type OIDCClaims struct {
	Subject  string // the same for ever at this provider
	Email    string
	Verified bool // the provider has checked that the address is the person's
	Name     string
	AuthTime time.Time // when the person signed in there; zero: not said
}
