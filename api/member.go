package api

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"sluice"
)

// Member is a user with a role for an organisation, or for the operator.
type Member struct {
	User         string      `json:"user" doc:"The user's id."`
	Organisation string      `json:"organisation,omitempty" doc:"Absent: the operator."`
	Email        string      `json:"email"`
	Name         string      `json:"name,omitempty"`
	Role         sluice.Role `json:"role"`
	SecondFactor bool        `json:"second_factor"`
	SignedInAt   time.Time   `json:"signed_in_at,omitzero"`
	DisabledAt   time.Time   `json:"disabled_at,omitzero"`
}

// PutMember gives a user a role.
type PutMember struct {
	Organisation string      `json:"organisation,omitempty" maxLength:"64" doc:"The caller's own when absent; for the operator an absent one is the operator."`
	Role         sluice.Role `json:"role" enum:"owner,admin,finance,support,billing,developer,viewer"`
}

// Invitation offers a role to whoever reads the mails of an address.
type Invitation struct {
	ID           string      `json:"id" example:"invite_06f2k8c0q5xg3e8v7m1n4r9t2w"`
	Organisation string      `json:"organisation,omitempty" doc:"Absent: the operator."`
	Role         sluice.Role `json:"role"`
	Email        string      `json:"email"`
	State        string      `json:"state" enum:"open,accepted,revoked,expired"`
	CreatedAt    time.Time   `json:"created_at"`
	ExpiresAt    time.Time   `json:"expires_at"`
	AcceptedAt   time.Time   `json:"accepted_at,omitzero"`
}

// NewInvitation is an invitation that was just made.
type NewInvitation struct {
	Invitation
	Link
}

// CreateInvitation asks for an invitation.
type CreateInvitation struct {
	Organisation string      `json:"organisation,omitempty" maxLength:"64" doc:"The caller's own when absent; for the operator an absent one is the operator."`
	Role         sluice.Role `json:"role" enum:"owner,admin,finance,support,billing,developer,viewer"`
	Email        string      `json:"email" maxLength:"254"`
}

func (s *Server) registerMembers() {
	const tag, one = "members", "/members/{user}"
	register(s, route{
		id: "list-members", method: http.MethodGet, path: "/members", tag: tag,
		summary: "List who has a role for an organisation, or for the operator", roles: anyone(),
	}, s.listMembers)
	register(s, route{
		id: "put-member", method: http.MethodPut, path: one, tag: tag,
		summary: "Give a member another role; somebody new is invited, or named by the operator", roles: admins(), proof: true,
	}, s.putMember)
	registerEmpty(s, route{
		id: "delete-member", method: http.MethodDelete, path: one, tag: tag,
		summary: "Take a member's role away", roles: admins(), proof: true,
	}, s.deleteMember)
	register(s, route{
		id: "list-invitations", method: http.MethodGet, path: "/invitations", tag: tag,
		summary: "List an organisation's invitations, or the operator's", roles: adminsAndSupport(),
	}, s.listInvitations)
	register(s, route{
		id: "create-invitation", method: http.MethodPost, path: "/invitations", tag: tag, status: http.StatusCreated,
		summary: "Invite somebody; the link is mailed, or shown this once", roles: admins(), proof: true,
	}, s.createInvitation)
	registerEmpty(s, route{
		id: "revoke-invitation", method: http.MethodDelete, path: "/invitations/{invitation}", tag: tag,
		summary: "End an invitation", roles: admins(),
	}, s.revokeInvitation)
}

// team is the organisation that a request about people is about; empty is the
// operator. Errors: CodeNotFound for one that the caller does not see.
func (s *Server) team(ctx context.Context, who *caller, org string) (string, error) {
	org = cmp.Or(org, who.org)
	if org == "" {
		return "", nil
	}
	_, err := s.organisation(ctx, who, org)
	return org, err
}

func (s *Server) listMembers(ctx context.Context, who *caller, in *inTenant) (Page[Member], error) {
	org, err := s.team(ctx, who, in.Organisation)
	if err != nil {
		return Page[Member]{}, err
	}
	page := Page[Member]{Data: []Member{}}
	// The operator's people are few among many: go on until the page is full.
	for after := in.Cursor; ; {
		users, err := s.opt.Accounts.Users(ctx, org, after, in.limit()+1)
		if err != nil {
			return Page[Member]{}, err
		}
		for _, u := range users {
			after = u.ID
			if u.RoleFor(org) == "" {
				continue
			}
			if len(page.Data) == in.limit() {
				page.Next = page.Data[len(page.Data)-1].User
				return page, nil
			}
			page.Data = append(page.Data, member(u, org))
		}
		if len(users) <= in.limit() {
			return page, nil
		}
	}
}

func member(u *sluice.User, org string) Member {
	return Member{
		User: u.ID, Organisation: org, Email: u.Email, Name: u.Name, Role: u.RoleFor(org), SecondFactor: u.TOTP != "",
		SignedInAt: u.SignedInAt, DisabledAt: u.DisabledAt,
	}
}

// colleague returns a user whom the caller may find: for an organisation's own
// people, only those who belong to it.
func (s *Server) colleague(ctx context.Context, who *caller, org, name string) (*sluice.User, error) {
	u, err := s.opt.Accounts.User(ctx, name)
	if err == nil && !who.operator() && u.RoleFor(org) == "" {
		err = sluice.Errorf(sluice.CodeNotFound, "There is no user %q.", name)
	}
	return u, err
}

type inPutMember struct {
	User string `path:"user" maxLength:"254" doc:"Id or e-mail address."`
	Body PutMember
}

func (s *Server) putMember(ctx context.Context, who *caller, in *inPutMember) (Member, error) {
	org, err := s.team(ctx, who, in.Body.Organisation)
	if err != nil {
		return Member{}, err
	}
	u, err := s.colleague(ctx, who, org, in.User)
	if err != nil {
		return Member{}, err
	}
	for _, role := range []sluice.Role{in.Body.Role, u.RoleFor(org)} { // what is given, and what is taken away
		if err := who.mayGive(org, role); role != "" && err != nil {
			return Member{}, err
		}
	}
	before := member(u, org)
	if u, err = s.opt.Accounts.SetRole(ctx, org, u.ID, in.Body.Role); err != nil {
		return Member{}, err
	}
	who.changed(before, member(u, org))
	return member(u, org), nil
}

type inDeleteMember struct {
	User         string `path:"user" maxLength:"254" doc:"Id or e-mail address."`
	Organisation string `query:"organisation" maxLength:"64" doc:"The caller's own when absent; for the operator an absent one is the operator."`
}

func (s *Server) deleteMember(ctx context.Context, who *caller, in *inDeleteMember) error {
	org, err := s.team(ctx, who, in.Organisation)
	if err != nil {
		return err
	}
	u, err := s.colleague(ctx, who, org, in.User)
	if err != nil {
		return err
	}
	role := u.RoleFor(org)
	if role == "" {
		return sluice.Errorf(sluice.CodeNotFound, "%s has no role there.", u.Email)
	}
	if err := who.mayGive(org, role); err != nil {
		return err
	}
	who.changed(member(u, org), nil)
	_, err = s.opt.Accounts.SetRole(ctx, org, u.ID, "")
	return err
}

func (s *Server) listInvitations(ctx context.Context, who *caller, in *inTenant) (Page[Invitation], error) {
	org, err := s.team(ctx, who, in.Organisation)
	if err != nil {
		return Page[Invitation]{}, err
	}
	found, err := s.opt.Accounts.Invitations(ctx, org, in.Cursor, in.limit()+1)
	if err != nil {
		return Page[Invitation]{}, err
	}
	all := make([]Invitation, len(found))
	for i, v := range found {
		all[i] = s.invitation(v)
	}
	return paged(all, func(i Invitation) string { return i.ID }, in.Paging), nil
}

// invitation shows an invitation without its link.
func (s *Server) invitation(i *sluice.Invitation) Invitation {
	out := Invitation{ID: i.ID, Organisation: i.Org, Role: i.Role, Email: i.Email, State: "open", CreatedAt: i.CreatedAt, ExpiresAt: i.ExpiresAt, AcceptedAt: i.AcceptedAt}
	switch {
	case !i.AcceptedAt.IsZero():
		out.State = "accepted"
	case !i.RevokedAt.IsZero():
		out.State = "revoked"
	case !s.opt.Now().Before(i.ExpiresAt):
		out.State = "expired"
	}
	return out
}

func (s *Server) createInvitation(ctx context.Context, who *caller, in *struct{ Body CreateInvitation }) (NewInvitation, error) {
	org, err := s.team(ctx, who, in.Body.Organisation)
	if err != nil {
		return NewInvitation{}, err
	}
	if err := who.mayGive(org, in.Body.Role); err != nil {
		return NewInvitation{}, err
	}
	by := who.key
	if who.user != nil {
		by = who.user.ID
	}
	i, sent, err := s.opt.Accounts.Invite(ctx, org, in.Body.Role, in.Body.Email, by)
	if err != nil {
		return NewInvitation{}, err
	}
	return NewInvitation{s.invitation(i), Link{URL: sent.Link, Mailed: sent.Mailed}}, nil
}

type inRevokeInvitation struct {
	Invitation   string `path:"invitation" maxLength:"64"`
	Organisation string `query:"organisation" maxLength:"64" doc:"The caller's own when absent; for the operator an absent one is the operator."`
}

func (s *Server) revokeInvitation(ctx context.Context, who *caller, in *inRevokeInvitation) error {
	org, err := s.team(ctx, who, in.Organisation)
	if err != nil {
		return err
	}
	if org == "" {
		if err := who.mayGive("", ""); err != nil {
			return err
		}
	}
	return s.opt.Accounts.RevokeInvitation(ctx, org, in.Invitation)
}
