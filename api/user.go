package api

import (
	"context"
	"net/http"
	"time"

	"sluice"
	"sluice/product/account"
)

// User is a person who signs in.
type User struct {
	ID           string       `json:"id" example:"user_06f2k8c0q5xg3e8v7m1n4r9t2w"`
	Email        string       `json:"email"`
	Name         string       `json:"name,omitempty"`
	OperatorRole sluice.Role  `json:"operator_role,omitempty" enum:"owner,admin,finance,support" doc:"Absent: none."`
	Memberships  []UserMember `json:"memberships"`
	HasPassword  bool         `json:"has_password"`
	SecondFactor bool         `json:"second_factor"`
	CreatedAt    time.Time    `json:"created_at"`
	SignedInAt   time.Time    `json:"signed_in_at,omitzero"`
	DisabledAt   time.Time    `json:"disabled_at,omitzero"`
}

// UserMember is a user's role in an organisation.
type UserMember struct {
	Organisation string      `json:"organisation"`
	Role         sluice.Role `json:"role"`
}

// CreateUser asks for a user.
type CreateUser struct {
	Email        string      `json:"email" maxLength:"254"`
	Name         string      `json:"name,omitempty" maxLength:"128"`
	OperatorRole sluice.Role `json:"operator_role,omitempty" enum:"owner,admin,finance,support" doc:"Absent: none."`
	Password     string      `json:"password,omitempty" maxLength:"1024" doc:"Absent: the user sets one by the link of reset-user."`
}

// UpdateUser changes a user; what is absent stays.
type UpdateUser struct {
	Name     *string `json:"name,omitempty" maxLength:"128"`
	Disabled *bool   `json:"disabled,omitempty" doc:"true ends the user's sessions and lets nobody in; keys that they made stay."`
}

// Link is a link that was made for somebody.
type Link struct {
	URL    string `json:"url,omitempty" doc:"The link, shown this once; absent when it was sent by e-mail."`
	Mailed bool   `json:"mailed"`
}

func (s *Server) registerUsers() {
	const tag, one = "users", "/users/{user}"
	register(s, route{
		id: "list-users", method: http.MethodGet, path: "/users", tag: tag,
		summary: "List users", roles: operators(),
	}, s.listUsers)
	register(s, route{
		id: "create-user", method: http.MethodPost, path: "/users", tag: tag, status: http.StatusCreated, keyed: true, // a body with a password is not kept
		summary: "Make a user", roles: stewards(), proof: true,
	}, s.createUser)
	register(s, route{id: "get-user", method: http.MethodGet, path: one, tag: tag, summary: "Get a user, by id or e-mail address", roles: operators()}, s.getUser)
	register(s, route{
		id: "update-user", method: http.MethodPatch, path: one, tag: tag,
		summary: "Change a user's name, or disable the user", roles: stewards(), proof: true,
	}, s.updateUser)
	register(s, route{
		id: "reset-user", method: http.MethodPost, path: one + "/reset", tag: tag,
		summary: "Make a link by which a user sets a new password", roles: stewards(), proof: true,
	}, s.resetUser)
	registerEmpty(s, route{
		id: "remove-user-second-factor", method: http.MethodDelete, path: one + "/second-factor", tag: tag,
		summary: "Remove the second factor of a user who has lost it", roles: stewards(), proof: true,
	}, s.removeUserTOTP)
	registerEmpty(s, route{
		id: "sign-user-out", method: http.MethodDelete, path: one + "/sessions", tag: tag,
		summary: "End all sessions of a user", roles: stewards(),
	}, s.signUserOut)
}

// inUser is a request about one user.
type inUser struct {
	User string `path:"user" maxLength:"254" doc:"Id or e-mail address."`
}

func user(u *sluice.User) User {
	out := User{
		ID: u.ID, Email: u.Email, Name: u.Name, OperatorRole: u.Operator, Memberships: []UserMember{}, HasPassword: u.Password != "", SecondFactor: u.TOTP != "",
		CreatedAt: u.CreatedAt, SignedInAt: u.SignedInAt, DisabledAt: u.DisabledAt,
	}
	for _, m := range u.Members {
		out.Memberships = append(out.Memberships, UserMember{m.Org, m.Role})
	}
	return out
}

func (s *Server) listUsers(ctx context.Context, _ *caller, in *Paging) (Page[User], error) {
	users, err := s.opt.Accounts.Users(ctx, "", in.Cursor, in.limit()+1)
	if err != nil {
		return Page[User]{}, err
	}
	all := make([]User, len(users))
	for i, u := range users {
		all[i] = user(u)
	}
	return paged(all, func(u User) string { return u.ID }, *in), nil
}

func (s *Server) createUser(ctx context.Context, who *caller, in *struct{ Body CreateUser }) (User, error) {
	b := &in.Body
	if b.OperatorRole != "" {
		if err := who.mayGive("", b.OperatorRole); err != nil {
			return User{}, err
		}
	}
	u, err := s.opt.Accounts.CreateUser(ctx, account.NewUser{Email: b.Email, Name: b.Name, Operator: b.OperatorRole, Password: b.Password})
	if err != nil {
		return User{}, err
	}
	return user(u), nil
}

func (s *Server) getUser(ctx context.Context, _ *caller, in *inUser) (User, error) {
	u, err := s.opt.Accounts.User(ctx, in.User)
	if err != nil {
		return User{}, err
	}
	return user(u), nil
}

// subordinate returns a user whom the caller may decide over: who has a role for
// the operator is an owner's alone.
func (s *Server) subordinate(ctx context.Context, who *caller, name string) (*sluice.User, error) {
	u, err := s.opt.Accounts.User(ctx, name)
	if err != nil {
		return nil, err
	}
	if u.Operator != "" {
		return u, who.mayGive("", u.Operator)
	}
	return u, nil
}

type inUpdateUser struct {
	User string `path:"user" maxLength:"254"`
	Body UpdateUser
}

func (s *Server) updateUser(ctx context.Context, who *caller, in *inUpdateUser) (User, error) {
	u, err := s.subordinate(ctx, who, in.User)
	if err != nil {
		return User{}, err
	}
	before := user(u)
	if in.Body.Name != nil {
		if u, err = s.opt.Accounts.EditUser(ctx, u.ID, func(u *sluice.User) error { u.Name = *in.Body.Name; return nil }); err != nil {
			return User{}, err
		}
	}
	if in.Body.Disabled != nil {
		if u, err = s.opt.Accounts.Disable(ctx, u.ID, *in.Body.Disabled); err != nil {
			return User{}, err
		}
	}
	who.changed(before, user(u))
	return user(u), nil
}

func (s *Server) resetUser(ctx context.Context, who *caller, in *inUser) (Link, error) {
	u, err := s.subordinate(ctx, who, in.User)
	if err != nil {
		return Link{}, err
	}
	sent, err := s.opt.Accounts.NewReset(ctx, u)
	return Link{URL: sent.Link, Mailed: sent.Mailed}, err
}

func (s *Server) removeUserTOTP(ctx context.Context, who *caller, in *inUser) error {
	u, err := s.subordinate(ctx, who, in.User)
	if err != nil {
		return err
	}
	return s.opt.Accounts.RemoveTOTP(ctx, u.ID)
}

func (s *Server) signUserOut(ctx context.Context, who *caller, in *inUser) error {
	u, err := s.subordinate(ctx, who, in.User)
	if err != nil {
		return err
	}
	return s.opt.Accounts.EndSessions(ctx, u.ID, "")
}
