package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"sluice/api"
)

func userPath(user string) string { return "/users/" + url.PathEscape(user) }

// Session returns who the client is, its roles and what they may do.
func (c *Client) Session(ctx context.Context) (api.Session, error) {
	return get[api.Session](ctx, c, "/session")
}

// Users lists users.
func (c *Client) Users(ctx context.Context, p api.Paging) (api.Page[api.User], error) {
	return get[api.Page[api.User]](ctx, c, query("/users", paging(p, nil)))
}

// User returns a user, by id or e-mail address.
func (c *Client) User(ctx context.Context, user string) (api.User, error) {
	return get[api.User](ctx, c, userPath(user))
}

// CreateUser makes a user.
func (c *Client) CreateUser(ctx context.Context, in api.CreateUser) (api.User, error) {
	return send[api.User](ctx, c, http.MethodPost, "/users", in)
}

// UpdateUser changes a user.
func (c *Client) UpdateUser(ctx context.Context, user string, in api.UpdateUser) (api.User, error) {
	return send[api.User](ctx, c, http.MethodPatch, userPath(user), in)
}

// ResetUser makes a link by which a user sets a new password.
func (c *Client) ResetUser(ctx context.Context, user string) (api.Link, error) {
	return send[api.Link](ctx, c, http.MethodPost, userPath(user)+"/reset", nil)
}

// RemoveSecondFactor removes a user's second factor.
func (c *Client) RemoveSecondFactor(ctx context.Context, user string) error {
	return c.call(ctx, http.MethodDelete, userPath(user)+"/second-factor", nil, nil, nil)
}

// SignUserOut ends all sessions of a user.
func (c *Client) SignUserOut(ctx context.Context, user string) error {
	return c.call(ctx, http.MethodDelete, userPath(user)+"/sessions", nil, nil, nil)
}

// Members lists who has a role for an organisation, or for the operator when
// that is empty and the client is the operator's.
func (c *Client) Members(ctx context.Context, org string, p api.Paging) (api.Page[api.Member], error) {
	return get[api.Page[api.Member]](ctx, c, query("/members", paging(p, map[string]string{"organisation": org})))
}

// PutMember gives a user a role.
func (c *Client) PutMember(ctx context.Context, user string, in api.PutMember) (api.Member, error) {
	return send[api.Member](ctx, c, http.MethodPut, "/members/"+url.PathEscape(user), in)
}

// DeleteMember takes a user's role away.
func (c *Client) DeleteMember(ctx context.Context, org, user string) error {
	return c.call(ctx, http.MethodDelete, query("/members/"+url.PathEscape(user), map[string]string{"organisation": org}), nil, nil, nil)
}

// Invitations lists an organisation's invitations, or the operator's.
func (c *Client) Invitations(ctx context.Context, org string, p api.Paging) (api.Page[api.Invitation], error) {
	return get[api.Page[api.Invitation]](ctx, c, query("/invitations", paging(p, map[string]string{"organisation": org})))
}

// CreateInvitation invites somebody. The link is in this answer, or was mailed.
func (c *Client) CreateInvitation(ctx context.Context, in api.CreateInvitation) (api.NewInvitation, error) {
	return send[api.NewInvitation](ctx, c, http.MethodPost, "/invitations", in)
}

// RevokeInvitation ends an invitation.
func (c *Client) RevokeInvitation(ctx context.Context, org, id string) error {
	return c.call(ctx, http.MethodDelete, query("/invitations/"+url.PathEscape(id), map[string]string{"organisation": org}), nil, nil, nil)
}

// AuditFilter selects entries of the audit log. Empty members select all.
type AuditFilter struct {
	Organisation, Actor, Action, Object, Outcome string
	Since, Until                                 time.Time
}

// Audit lists changes and attempts to sign in, the latest first.
func (c *Client) Audit(ctx context.Context, f AuditFilter, p api.Paging) (api.Page[api.AuditEntry], error) {
	values := map[string]string{"organisation": f.Organisation, "actor": f.Actor, "action": f.Action, "object": f.Object, "outcome": f.Outcome}
	for name, at := range map[string]time.Time{"since": f.Since, "until": f.Until} {
		if !at.IsZero() {
			values[name] = at.UTC().Format(time.RFC3339Nano)
		}
	}
	return get[api.Page[api.AuditEntry]](ctx, c, query("/audit", paging(p, values)))
}

// VerifyAudit checks that the audit log is as it was written.
func (c *Client) VerifyAudit(ctx context.Context) (api.AuditCheck, error) {
	return get[api.AuditCheck](ctx, c, "/audit/verify")
}
