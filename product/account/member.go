package account

import (
	"context"
	"time"

	"sluice"
)

// EditUser changes a user. Errors: those of change; CodeConflict when the
// operator would be left without an owner.
func (s *Service) EditUser(ctx context.Context, id string, change func(*sluice.User) error) (*sluice.User, error) {
	var before, after sluice.User
	err := s.edit(ctx, id, func(u *sluice.User) error {
		before = *u
		if err := change(u); err != nil {
			return err
		}
		var err error
		if u.Name, err = checkName(u.Name); err != nil {
			return err
		}
		after = *u
		return s.keepsOwners(ctx, &before, &after)
	})
	if err != nil {
		return nil, err
	}
	if !after.DisabledAt.IsZero() {
		err = s.EndSessions(ctx, id, "")
	}
	if after.Operator != before.Operator {
		err = s.opt.Store.UnproveSessions(context.WithoutCancel(ctx), id)
	}
	return &after, err
}

// keepsOwners refuses a change of a user that leaves the operator, or an
// organisation, without an owner.
func (s *Service) keepsOwners(ctx context.Context, before, after *sluice.User) error {
	if !before.DisabledAt.IsZero() {
		return nil
	}
	lost := []string{}
	if before.Operator == sluice.RoleOwner && (after.Operator != sluice.RoleOwner || !after.DisabledAt.IsZero()) {
		lost = append(lost, "")
	}
	for _, m := range before.Members {
		if m.Role == sluice.RoleOwner && !after.DisabledAt.IsZero() {
			lost = append(lost, m.Org)
		}
	}
	for _, org := range lost {
		n, err := s.opt.Store.CountOwners(ctx, org)
		if err != nil {
			return err
		}
		if n <= 1 {
			return lastOwner()
		}
	}
	return nil
}

func lastOwner() error {
	return sluice.Errorf(sluice.CodeConflict, "This is the last owner: make somebody else one first.")
}

// SetRole gives a user a role for an organisation, or for the operator when org
// is empty; an empty role takes it away. What the user has open must prove to be
// it again before dangerous acts. Errors: CodeInvalid for a role that there is
// not; CodeNotFound; CodeConflict for the last owner.
func (s *Service) SetRole(ctx context.Context, org, user string, role sluice.Role) (*sluice.User, error) {
	if role != "" && !role.For(org) {
		return nil, invalidRole(org)
	}
	if org == "" {
		return s.EditUser(ctx, user, func(u *sluice.User) error { u.Operator = role; return nil })
	}
	ctx = context.WithoutCancel(ctx)
	s.changing.Lock()
	defer s.changing.Unlock()
	u, err := s.opt.Store.User(ctx, user)
	if err != nil {
		return nil, err
	}
	if u.RoleFor(org) == sluice.RoleOwner && role != sluice.RoleOwner && u.DisabledAt.IsZero() {
		n, err := s.opt.Store.CountOwners(ctx, org)
		if err != nil {
			return nil, err
		}
		if n <= 1 {
			return nil, lastOwner()
		}
	}
	if role == "" {
		err = s.opt.Store.RemoveMember(ctx, org, user)
	} else {
		err = s.opt.Store.PutMember(ctx, sluice.Membership{Org: org, User: user, Role: role, CreatedAt: s.now()})
	}
	if err == nil {
		err = s.opt.Store.UnproveSessions(ctx, user)
	}
	if err != nil {
		return nil, err
	}
	return s.opt.Store.User(ctx, user)
}

func invalidRole(org string) error {
	message := "An organisation's roles are owner, admin, billing, developer and viewer."
	if org == "" {
		message = "The operator's roles are owner, admin, finance and support."
	}
	return &sluice.Error{Code: sluice.CodeInvalid, Param: "role", Message: message}
}

// User returns a user by id or by e-mail address. Errors: CodeNotFound.
func (s *Service) User(ctx context.Context, name string) (*sluice.User, error) {
	if sluice.IsID(name, sluice.PrefixUser) {
		return s.opt.Store.User(ctx, name)
	}
	email, err := NormaliseEmail(name)
	if err != nil {
		return nil, sluice.Errorf(sluice.CodeNotFound, "There is no user %q.", name)
	}
	return s.opt.Store.UserByEmail(ctx, email)
}

// Users returns users in order of their ids: at most limit of those after an
// id, of one organisation's when org is not empty.
func (s *Service) Users(ctx context.Context, org, after string, limit int) ([]*sluice.User, error) {
	return s.opt.Store.Users(ctx, org, after, limit)
}

// Disable ends what a user may do, or lets them in again.
func (s *Service) Disable(ctx context.Context, user string, disabled bool) (*sluice.User, error) {
	return s.EditUser(ctx, user, func(u *sluice.User) error {
		switch {
		case !disabled:
			u.DisabledAt = time.Time{}
		case u.DisabledAt.IsZero():
			u.DisabledAt = s.now()
		}
		return nil
	})
}
