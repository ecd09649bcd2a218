package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"sluice"
)

// localKey is the context key under which serve leaves the local operator, or
// nil for callers that need a key.
type localKey struct{}

// callerKey is the context key under which an authorised caller stands.
type callerKey struct{}

// caller is who asks for an operation.
type caller struct {
	role    sluice.Role
	org     string // empty for the operator's roles
	key     string // its id; empty for the local operator
	project string
	local   bool
}

// sees reports whether the caller may know of what belongs to an organisation.
// "" is what belongs to the operator.
func (c *caller) sees(org string) bool { return c.role.Operator() || org == c.org }

// The roles that operations are open to. An organisation's own see and change
// only what is theirs.
func anyone() []sluice.Role {
	return []sluice.Role{sluice.RoleOwner, sluice.RoleFinance, sluice.RoleSupport, sluice.RoleAdmin, sluice.RoleDeveloper}
}

func operators() []sluice.Role {
	return []sluice.Role{sluice.RoleOwner, sluice.RoleFinance, sluice.RoleSupport}
}
func owners() []sluice.Role     { return []sluice.Role{sluice.RoleOwner} }
func treasurers() []sluice.Role { return []sluice.Role{sluice.RoleOwner, sluice.RoleFinance} }
func admins() []sluice.Role     { return []sluice.Role{sluice.RoleOwner, sluice.RoleAdmin} }
func adminsAndSupport() []sluice.Role {
	return []sluice.Role{sluice.RoleOwner, sluice.RoleSupport, sluice.RoleAdmin}
}

// authorise finds out who asks and whether the roles have them. Errors:
// CodeUnauthenticated, CodeForbidden.
func (s *Server) authorise(r *http.Request, roles []sluice.Role) (*caller, error) {
	c, _ := r.Context().Value(localKey{}).(*caller)
	if c == nil {
		var err error
		if c, err = s.identify(r.Header, s.opt.Now()); err != nil {
			return nil, err
		}
	}
	if !slices.Contains(roles, c.role) {
		return nil, sluice.Errorf(sluice.CodeForbidden, "The role %s may not do this.", c.role)
	}
	return c, nil
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
	c := &caller{role: p.Key.Role, org: p.Key.Org, key: p.Key.ID, project: p.Key.Project}
	if !c.role.Valid() || c.role.Operator() != (c.org == "") {
		return nil, sluice.Errorf(sluice.CodeForbidden, "The API key has no role that means anything here.")
	}
	return c, nil
}

// callerOf returns who asks for the operation that runs under ctx. It panics
// where nobody was authorised, since that would be open to everybody.
func callerOf(ctx context.Context) *caller {
	return ctx.Value(callerKey{}).(*caller)
}
