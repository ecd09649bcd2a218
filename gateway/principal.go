package gateway

import (
	"net/http"

	"sluice"
	"sluice/wire/chat"
)

// Counter is a dialect with an endpoint that counts the tokens of a prompt.
type Counter interface {
	chat.Dialect

	// CountPath is the endpoint's path.
	CountPath() string

	// ParseCount reads a request. Errors: CodeInvalid, and those of whatever state the
	// dialect keeps.
	ParseCount(ask chat.Ask) (*chat.Request, error)

	// AppendCount appends the answer.
	AppendCount(dst []byte, tokens int64) []byte
}

// Principal returns whose key a request bears, or whose errand it is, from
// memory: a key of an organisation that can be used now. Errors:
// CodeUnauthenticated, CodeForbidden.
func (g *Gateway) Principal(r *http.Request) (*sluice.Principal, error) {
	p, err := g.callerOf(g.Directory(), r, errandOf(r.Context()))
	if err == nil && p.Org == nil {
		return nil, errOperator()
	}
	return p, err
}

// errOperator refuses a key that belongs to no organisation.
func errOperator() error {
	return sluice.Errorf(sluice.CodeForbidden, "This is a key of the operator's. Make a key of an organisation to call models.")
}

// CountTokens answers how long a prompt is, which is free.
func (g *Gateway) CountTokens(w http.ResponseWriter, r *http.Request, d Counter) {
	g.countTokens(w, r, d)
}
