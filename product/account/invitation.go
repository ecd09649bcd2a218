package account

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"sluice"
)

// invitationLife is for how long an invitation can be accepted.
const invitationLife = 3 * 24 * time.Hour

// PathInvitation is the page on which invitations are accepted.
const PathInvitation = "/invitation"

// Sent is a link that was made, and whether it was sent.
type Sent struct {
	Link   string // empty when it was sent: nobody but its receiver is to have it
	Mailed bool
}

// link is the address of a page with a token.
func (s *Service) link(path, token string) string {
	root := ""
	if s.opt.URL != nil {
		root = s.opt.URL()
	}
	return root + path + "?token=" + url.QueryEscape(token)
}

// send mails a link or, where no mail server is known or it refuses, returns it.
func (s *Service) send(ctx context.Context, to, link, subject, text string) Sent {
	if s.opt.Mailer == nil {
		return Sent{Link: link}
	}
	if err := s.opt.Mailer.Mail(ctx, sluice.NewID("mail", s.now()), to, subject, text); err != nil {
		s.opt.Log.WarnContext(ctx, "a mail could not be sent", "error", err)
		return Sent{Link: link}
	}
	return Sent{Mailed: true}
}

// Invite offers a role for an organisation, or for the operator when org is
// empty, to whoever reads the mails of an address. by is who invites. Errors:
// CodeInvalid; CodeNotFound for an unknown organisation; CodeConflict when the
// role is held already.
func (s *Service) Invite(ctx context.Context, org string, role sluice.Role, email, by string) (*sluice.Invitation, Sent, error) {
	email, err := NormaliseEmail(email)
	if err != nil {
		return nil, Sent{}, err
	}
	if !role.For(org) {
		return nil, Sent{}, invalidRole(org)
	}
	u, err := s.opt.Store.UserByEmail(ctx, email)
	if err = unlessGone(err); err != nil {
		return nil, Sent{}, err
	}
	if u != nil && u.RoleFor(org) != "" {
		return nil, Sent{}, sluice.Errorf(sluice.CodeConflict, "%s is there already, as %s: change the role instead.", email, u.RoleFor(org))
	}
	now := s.now()
	token, hash := newToken()
	i := &sluice.Invitation{
		ID: sluice.NewID(sluice.PrefixInvitation, now), Hash: hash, Org: org, Role: role, Email: email, InvitedBy: by, CreatedAt: now, ExpiresAt: now.Add(invitationLife),
	}
	if err := s.opt.Store.CreateInvitation(context.WithoutCancel(ctx), i); err != nil {
		return nil, Sent{}, err
	}
	whose, err := s.orgName(ctx, org)
	if err != nil {
		return nil, Sent{}, err
	}
	link := s.link(PathInvitation, token)
	return i, s.send(ctx, email, link, "An invitation to "+whose, fmt.Sprintf(
		"You are invited to %s, as %s. To accept, open this link. It works once, until %s:\n\n%s\n\nIf you do not know what this is about, ignore it.\n",
		whose, role, i.ExpiresAt.Format("2 January 2006 15:04 MST"), link)), nil
}

// orgName is how an organisation is called in mails and on pages.
func (s *Service) orgName(ctx context.Context, org string) (string, error) {
	if org == "" {
		return "Sluice", nil
	}
	all, err := s.opt.Store.Organisations(ctx)
	if err != nil {
		return "", err
	}
	for _, o := range all {
		if o.ID == org {
			return o.Name, nil
		}
	}
	return org, nil
}

// Invitations returns an organisation's, or the operator's when org is empty:
// at most limit of those after an id.
func (s *Service) Invitations(ctx context.Context, org, after string, limit int) ([]*sluice.Invitation, error) {
	return s.opt.Store.Invitations(ctx, org, after, limit)
}

// RevokeInvitation ends an invitation. Errors: CodeNotFound.
func (s *Service) RevokeInvitation(ctx context.Context, org, id string) error {
	return s.opt.Store.RevokeInvitation(context.WithoutCancel(ctx), org, id, s.now())
}

// Invited is an invitation as its page shows it.
type Invited struct {
	*sluice.Invitation

	Whose string // the organisation's name
	Known bool   // there is a user of the address, who must sign in to accept
}

// Invitation returns what a link invites to. Errors: CodeForbidden when it was
// used or revoked, has expired, or is none.
func (s *Service) Invitation(ctx context.Context, token string) (*Invited, error) {
	over := sluice.Errorf(sluice.CodeForbidden, "This invitation was used already, or it has ended. Ask for another one.")
	i, err := s.opt.Store.InvitationByHash(ctx, sluice.HashKey(token))
	if sluice.CodeOf(err) == sluice.CodeNotFound {
		return nil, over
	}
	if err != nil {
		return nil, err
	}
	if !i.AcceptedAt.IsZero() || !i.RevokedAt.IsZero() || !s.now().Before(i.ExpiresAt) {
		return nil, over
	}
	whose, err := s.orgName(ctx, i.Org)
	if err != nil {
		return nil, err
	}
	_, err = s.opt.Store.UserByEmail(ctx, i.Email)
	if sluice.CodeOf(err) == sluice.CodeNotFound {
		return &Invited{i, whose, false}, nil
	}
	return &Invited{i, whose, true}, err
}

// Accept accepts an invitation as a new user, and signs them in. Where the
// address has a user already, only that user may accept, who is signed in:
// AcceptAs. Errors: those of Invitation; CodeInvalid; CodeConflict.
func (s *Service) Accept(ctx context.Context, token string, in NewUser, from From) (*Entry, error) {
	i, err := s.Invitation(ctx, token)
	if err != nil {
		return nil, err
	}
	if i.Known {
		return nil, sluice.Errorf(sluice.CodeConflict, "There is an account of this address: sign in to accept.")
	}
	in.Email, in.Operator = i.Email, ""
	if err := CheckPassword(in.Email, in.Password); err != nil {
		return nil, err
	}
	u, err := s.draft(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := s.accept(ctx, i.Invitation, u, true, from); err != nil {
		return nil, err
	}
	return s.begin(ctx, u, sluice.SignInLink, from)
}

// AcceptAs accepts an invitation as a user who is signed in. Errors: those of
// Invitation; CodeForbidden when it is for another address.
func (s *Service) AcceptAs(ctx context.Context, token string, v *Visitor, from From) error {
	i, err := s.Invitation(ctx, token)
	if err != nil {
		return err
	}
	if i.Email != v.User.Email {
		return sluice.Errorf(sluice.CodeForbidden, "This invitation is for another address than the one that you are signed in with.")
	}
	return s.accept(ctx, i.Invitation, v.User, false, from)
}

func (s *Service) accept(ctx context.Context, i *sluice.Invitation, u *sluice.User, create bool, from From) error {
	ctx = context.WithoutCancel(ctx)
	s.changing.Lock()
	err := s.opt.Store.AcceptInvitation(ctx, i, u, create, s.now())
	s.changing.Unlock()
	if err != nil {
		return err
	}
	if err := s.opt.Store.UnproveSessions(ctx, u.ID); err != nil {
		return err
	}
	return s.Record(ctx, &sluice.AuditEntry{
		Actor: sluice.ActorUser, ActorID: u.ID, Name: u.Email, Acting: i.Org, Org: i.Org, Action: "accept-invitation", Object: i.ID, Outcome: sluice.AuditDone,
		Address: from.Address, Agent: from.agent(), Detail: fmt.Sprintf(`{"after":{"role":%q}}`, i.Role),
	})
}
