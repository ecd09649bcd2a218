package account

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"sluice"
)

// NewUser asks for a user.
type NewUser struct {
	Email    string
	Name     string
	Language string
	Operator sluice.Role // empty: none
	Password string      // empty: none yet
}

// draft checks what is asked for, and makes the user without keeping it.
func (s *Service) draft(ctx context.Context, in NewUser) (*sluice.User, error) {
	email, err := NormaliseEmail(in.Email)
	if err != nil {
		return nil, err
	}
	name, err := checkName(in.Name)
	if err != nil {
		return nil, err
	}
	if in.Operator != "" && !in.Operator.For("") {
		return nil, &sluice.Error{Code: sluice.CodeInvalid, Param: "operator_role", Message: "The operator's roles are owner, admin, finance and support."}
	}
	now := s.now()
	u := &sluice.User{ID: sluice.NewID(sluice.PrefixUser, now), Email: email, Name: name, Language: in.Language, Operator: in.Operator, CreatedAt: now}
	if in.Password == "" {
		return u, nil
	}
	if err := CheckPassword(email, in.Password); err != nil {
		return nil, err
	}
	u.PasswordAt = now
	u.Password, err = s.hasher.hash(ctx, in.Password)
	return u, err
}

// checkName returns a name without space around it; it may be empty. Errors: CodeInvalid.
func checkName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if utf8.RuneCountInString(name) > 128 || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", &sluice.Error{Code: sluice.CodeInvalid, Param: "name", Message: "A name has at most 128 characters that can be shown, in one line."}
	}
	return name, nil
}

// CreateUser makes a user. Errors: CodeInvalid; CodeConflict when there is one
// of the address.
func (s *Service) CreateUser(ctx context.Context, in NewUser) (*sluice.User, error) {
	u, err := s.draft(ctx, in)
	if err != nil {
		return nil, err
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	return u, s.opt.Store.CreateUser(context.WithoutCancel(ctx), u)
}
