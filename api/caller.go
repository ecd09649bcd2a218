package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"sluice"
	"sluice/api/browser"
	"sluice/product/account"
)

// localKey is the context key under which serve leaves the local operator, or
// nil for callers that need a key.
type localKey struct{}

// callerKey is the context key under which an authorised caller stands.
type callerKey struct{}

// caller is who asks for an operation, in the one role that holds for it.
type caller struct {
	role    sluice.Role
	org     string // empty for the operator's roles
	key     string // its id; empty for the local operator and for users
	project string
	local   bool

	user    *sluice.User // who is signed in; nil for keys and the local operator
	session *sluice.Session
	from    account.From
	keyName string // the key's
	note    audited
	cookies func(token string, left time.Duration) // has the browser hold another token of the session; "" ends it
}

// operator reports whether the caller's role is one of the operator's.
func (c *caller) operator() bool { return c.org == "" && c.role != "" }

// sees reports whether the caller may know of what belongs to an organisation.
// "" is what belongs to the operator.
func (c *caller) sees(org string) bool { return c.operator() || org == c.org && org != "" }

// mayGive returns CodeForbidden where the caller may not make, change or take
// away what has the role for the organisation, or for the operator when org is
// empty: only owners decide over owners, and over who the operator is.
func (c *caller) mayGive(org string, role sluice.Role) error {
	switch {
	case c.role == sluice.RoleOwner && (c.operator() || org != ""):
		return nil
	case org != "" && (c.operator() || role != sluice.RoleOwner):
		return nil
	case org == "":
		return sluice.Errorf(sluice.CodeForbidden, "Only an owner of the operator's decides over the operator's roles.")
	}
	return sluice.Errorf(sluice.CodeForbidden, "Only an owner of the organisation decides over its owners.")
}

// access says whom an operation is open to. An organisation's own see and
// change only what is theirs.
type access struct {
	operator, organisation []sluice.Role

	self   bool // to signed-in users, whatever their roles: it is about themselves
	people bool // to signed-in users alone, and to no key
}

// allows reports whether the caller's role is one of them.
func (a access) allows(c *caller) bool {
	if a.people && c.user == nil {
		return false
	}
	if c.operator() {
		return slices.Contains(a.operator, c.role)
	}
	return slices.Contains(a.organisation, c.role)
}

func anyone() access {
	return access{operator: sluice.OperatorRoles(), organisation: sluice.OrganisationRoles()}
}

// users is for what signed-in users do about themselves.
func users() access { return access{self: true} }

func operators() access { return access{operator: sluice.OperatorRoles()} }

// owners is for what decides over everything: who the operator is, and what
// writes prices together with the rest.
func owners() access { return access{operator: []sluice.Role{sluice.RoleOwner}} }

// stewards run the platform: models, engines, organisations.
func stewards() access { return access{operator: []sluice.Role{sluice.RoleOwner, sluice.RoleAdmin}} }

// treasurers decide over money on the operator's side.
func treasurers() access {
	return access{operator: []sluice.Role{sluice.RoleOwner, sluice.RoleFinance}}
}

// treasurersAndAdmins are, for an organisation, all who may spend its money.
func treasurersAndAdmins() access {
	return access{operator: treasurers().operator, organisation: []sluice.Role{sluice.RoleOwner, sluice.RoleAdmin, sluice.RoleBilling}}
}

// admins run an organisation: its projects, keys, webhooks and people.
func admins() access {
	return access{operator: stewards().operator, organisation: []sluice.Role{sluice.RoleOwner, sluice.RoleAdmin}}
}

func adminsAndSupport() access {
	a := admins()
	a.operator = append(a.operator, sluice.RoleSupport)
	return a
}

// proven returns CodeProofRequired where a signed-in user has not proved to be
// it for some minutes. Keys and the local operator have nothing to prove by.
func (s *Server) proven(who *caller) error {
	if who.user == nil {
		return nil
	}
	return s.opt.Accounts.Proven(who.session)
}

// authorise finds out who asks and whether the operation is open to them.
// Errors: CodeUnauthenticated, CodeForbidden.
func (s *Server) authorise(r *http.Request, open access) (*caller, error) {
	c, err := s.caller(r)
	if err != nil {
		return nil, err
	}
	if c.user != nil && open.self {
		return c, nil
	}
	if !open.allows(c) {
		if c.role == "" {
			return nil, sluice.Errorf(sluice.CodeForbidden, "You have no role for the operator or an organisation yet: ask for an invitation.")
		}
		if open.self {
			return nil, sluice.Errorf(sluice.CodeForbidden, "This is for users who are signed in, about themselves.")
		}
		return nil, sluice.Errorf(sluice.CodeForbidden, "The role %s may not do this.", c.role)
	}
	return c, nil
}

// caller finds out who asks: the local operator, a key or, where the request
// has none, a signed-in user.
func (s *Server) caller(r *http.Request) (*caller, error) {
	from := s.browser.From(r)
	if local, ok := r.Context().Value(localKey{}).(*caller); ok && local != nil {
		c := *local
		c.from = from
		return &c, nil
	}
	if token := s.browser.Session(r); token != "" && len(r.Header.Values("Authorization")) == 0 && s.opt.Accounts != nil {
		return s.visitor(r, token, from)
	}
	c, err := s.identify(r.Header, s.opt.Now())
	if err != nil {
		return nil, err
	}
	c.from = from
	return c, nil
}

// visitor finds the signed-in user of a session, in the role that the request
// is made in. Errors: CodeUnauthenticated; CodeForbidden where the user has no
// such role, or a change lacks the header that shows that no other site made it.
func (s *Server) visitor(r *http.Request, token string, from account.From) (*caller, error) {
	v, err := s.opt.Accounts.Identify(r.Context(), token, from)
	if err != nil {
		return nil, err
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Header.Get(browser.HeaderCSRF) == "" {
		return nil, sluice.Errorf(sluice.CodeForbidden, "A change by a signed-in user needs the header %s, with any value.", browser.HeaderCSRF)
	}
	c := &caller{user: v.User, session: v.Session, from: from}
	acting := r.Header.Get(browser.HeaderOrganisation)
	switch {
	case acting == browser.AsOperator:
	case acting != "":
		c.org = acting
	case v.User.Operator == "" && len(v.User.Members) > 0:
		c.org = s.meant(r, v.User)
	}
	if c.role = v.User.RoleFor(c.org); c.role == "" {
		if acting == "" {
			return c, nil // without any role: what is the user's own is open all the same
		}
		return nil, sluice.Errorf(sluice.CodeForbidden, "You have no role for %q.", acting)
	}
	return c, nil
}

// meant is the organisation that a request without HeaderOrganisation is about,
// such as a download by a link: the one in its address, or else the user's first.
func (s *Server) meant(r *http.Request, u *sluice.User) string {
	rest, ok := strings.CutPrefix(r.URL.Path, Prefix+"/organisations/")
	if id, _, _ := strings.Cut(rest, "/"); ok && u.RoleFor(id) != "" {
		return id
	}
	return u.Members[0].Org
}

// identify finds the caller by the key in the Authorization header.
func (s *Server) identify(h http.Header, now time.Time) (*caller, error) {
	values := h.Values("Authorization")
	if len(values) == 0 {
		return nil, sluice.Errorf(sluice.CodeUnauthenticated, "No API key was given: send the header \"Authorization: Bearer sk-…\".")
	}
	scheme, secret, _ := strings.Cut(values[0], " ")
	if len(values) > 1 || !strings.EqualFold(scheme, "Bearer") || secret == "" {
		return nil, sluice.Errorf(sluice.CodeUnauthenticated, "The Authorization header is not of the form \"Bearer sk-…\".")
	}
	p, ok := s.opt.Identity.Identify(sluice.HashKey(secret))
	if !ok {
		return nil, sluice.Errorf(sluice.CodeUnauthenticated, "The API key is not known.")
	}
	if err := p.Key.Usable(now); err != nil {
		return nil, err
	}
	c := &caller{role: p.Key.Role, org: p.Key.Org, key: p.Key.ID, project: p.Key.Project, keyName: p.Key.Name}
	if !c.role.For(c.org) {
		return nil, sluice.Errorf(sluice.CodeForbidden, "The API key has no role that means anything here.")
	}
	return c, nil
}

// callerOf returns who asks for the operation that runs under ctx. It panics
// where nobody was authorised, since that would be open to everybody.
func callerOf(ctx context.Context) *caller {
	return ctx.Value(callerKey{}).(*caller)
}
