package gateway

import (
	"cmp"
	"net/http"
	"strings"

	"sluice"
)

// identify finds out who calls, from the snapshot: no I/O. Errors: CodeUnauthenticated.
func (c *call) identify() error {
	c.directory = c.g.Directory()
	p, err := c.g.callerOf(c.directory, c.r, c.errand)
	if err != nil {
		return err
	}
	if p.Org == nil {
		return errOperator()
	}
	c.principal = p
	return nil
}

// callerOf returns who calls, or in whose name Sluice itself does.
func (g *Gateway) callerOf(d *Directory, r *http.Request, e Errand) (*sluice.Principal, error) {
	if e == (Errand{}) {
		return g.principal(d, r)
	}
	p := d.keys[e.Key]
	if p == nil {
		return nil, sluice.Errorf(sluice.CodeUnauthenticated, "The API key %q is not there any more.", e.Key)
	}
	return p, p.Key.Usable(cmp.Or(e.At, g.Now()))
}

// principal returns who the request's key belongs to, if the key can be used now.
func (g *Gateway) principal(d *Directory, r *http.Request) (*sluice.Principal, error) {
	secret := bearer(r.Header)
	if secret == "" {
		return nil, sluice.Errorf(sluice.CodeUnauthenticated, "No API key. Send it as 'Authorization: Bearer sk-…'.")
	}
	p, ok := d.Identify(sluice.HashKey(secret))
	if !ok {
		return nil, sluice.Errorf(sluice.CodeUnauthenticated, "Incorrect API key.")
	}
	return p, p.Key.Usable(g.Now())
}

// bearer returns the key of a request: from Authorization or, as some SDKs send it, x-api-key.
func bearer(h http.Header) string {
	if values := h["Authorization"]; len(values) > 0 {
		scheme, token, _ := strings.Cut(values[0], " ")
		if strings.EqualFold(scheme, "bearer") {
			return strings.TrimSpace(token)
		}
	}
	if values := h["X-Api-Key"]; len(values) > 0 {
		return values[0]
	}
	return ""
}
