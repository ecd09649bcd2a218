package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"sluice"
)

// Key is an API key without its secret.
type Key struct {
	ID           string         `json:"id"`
	Organisation string         `json:"organisation,omitempty" doc:"Absent for a key of the operator."`
	Project      string         `json:"project,omitempty"`
	Name         string         `json:"name"`
	Role         sluice.Role    `json:"role" example:"developer"`
	Last4        string         `json:"last4" doc:"The end of the secret."`
	Models       []string       `json:"models" doc:"What it may call; empty is every model."`
	Limits       Limits         `json:"limits"`
	SpendingCap  *sluice.Amount `json:"spending_cap,omitempty" example:"25.00" doc:"The most that it can ever be charged."`
	Spent        sluice.Amount  `json:"spent" example:"1.20" doc:"What it was charged in all."`
	ExpiresAt    time.Time      `json:"expires_at,omitzero"`
	RevokedAt    time.Time      `json:"revoked_at,omitzero"`
	LastUsedAt   time.Time      `json:"last_used_at,omitzero"`
	CreatedAt    time.Time      `json:"created_at"`
}

// NewKey is a key that was just made: the only answer that shows its secret.
type NewKey struct {
	Key
	Secret string `json:"key" example:"sk-…" doc:"The secret. It is shown this once and not kept."`
}

// CreateKey asks for a new key.
type CreateKey struct {
	Organisation string         `json:"organisation,omitempty" doc:"The caller's own when absent; for the operator an absent one makes a key of the operator."`
	Project      string         `json:"project,omitempty" doc:"One of the organisation."`
	Name         string         `json:"name,omitempty" maxLength:"128"`
	Role         sluice.Role    `json:"role,omitempty" enum:"owner,admin,finance,support,billing,developer,viewer" doc:"developer when absent. Of the operator: owner, admin, finance, support; of an organisation: owner, admin, billing, developer, viewer."`
	Models       []string       `json:"models,omitempty" maxItems:"256" doc:"What it may call; empty is every model."`
	Limits       Limits         `json:"limits,omitzero"`
	SpendingCap  *sluice.Amount `json:"spending_cap,omitempty" example:"25.00"`
	ExpiresAt    *time.Time     `json:"expires_at,omitempty"`
}

// UpdateKey changes a key; what is absent stays.
type UpdateKey struct {
	Name          *string        `json:"name,omitempty" maxLength:"128"`
	Models        *[]string      `json:"models,omitempty" maxItems:"256" doc:"Empty is every model."`
	Limits        *ChangeLimits  `json:"limits,omitempty"`
	SpendingCap   *sluice.Amount `json:"spending_cap,omitempty" example:"25.00"`
	NoSpendingCap bool           `json:"no_spending_cap,omitempty" doc:"Lifts the cap."`
	ExpiresAt     *time.Time     `json:"expires_at,omitempty"`
	NoExpiry      bool           `json:"no_expiry,omitempty" doc:"Lifts the expiry."`
}

// Keys keeps API keys. Lists are in order of ids.
type Keys interface {
	Keys(ctx context.Context) ([]*sluice.Key, error)
	CreateKey(ctx context.Context, k *sluice.Key) error
	UpdateKey(ctx context.Context, k *sluice.Key) error
	KeysLastUsed(ctx context.Context) (map[string]time.Time, error)
}

func (s *Server) registerKeys() {
	const tag = "keys"
	register(s, route{
		id: "list-keys", method: http.MethodGet, path: "/keys", tag: tag,
		summary: "List keys, of one organisation or all that the caller may see", roles: adminsAndSupport(),
	}, s.listKeys)
	register(s, route{
		id: "create-key", method: http.MethodPost, path: "/keys", tag: tag, status: http.StatusCreated,
		summary: "Create a key and show its secret, this once", roles: admins(),
	}, s.createKey)
	register(s, route{
		id: "get-key", method: http.MethodGet, path: "/keys/{key}", tag: tag,
		summary: "Get a key", roles: adminsAndSupport(),
	}, s.getKey)
	register(s, route{
		id: "update-key", method: http.MethodPatch, path: "/keys/{key}", tag: tag,
		summary: "Change a key's name, scope, limits, cap or expiry", roles: admins(),
	}, s.updateKey)
	register(s, route{
		id: "revoke-key", method: http.MethodPost, path: "/keys/{key}/revoke", tag: tag,
		summary: "End a key for good", roles: admins(),
	}, s.revokeKey)
}

// inKey is a request about one key.
type inKey struct {
	Key string `path:"key" maxLength:"64"`
}

func (s *Server) listKeys(ctx context.Context, who *caller, in *inTenant) (Page[Key], error) {
	if err := s.checkFilter(ctx, who, in.Organisation); err != nil {
		return Page[Key]{}, err
	}
	keys, err := s.keys(ctx, who)
	if err != nil {
		return Page[Key]{}, err
	}
	used, err := s.opt.Keys.KeysLastUsed(ctx)
	if err != nil {
		return Page[Key]{}, err
	}
	var all []Key
	for _, k := range keys {
		if in.Organisation == "" || k.Org == in.Organisation {
			all = append(all, s.shown(k, used))
		}
	}
	return paged(all, func(k Key) string { return k.ID }, in.Paging), nil
}

func (s *Server) getKey(ctx context.Context, who *caller, in *inKey) (Key, error) {
	k, err := s.key(ctx, who, in.Key)
	if err != nil {
		return Key{}, err
	}
	used, err := s.opt.Keys.KeysLastUsed(ctx)
	return s.shown(k, used), err
}

func (s *Server) createKey(ctx context.Context, who *caller, in *struct{ Body CreateKey }) (NewKey, error) {
	k, err := s.draftKey(ctx, who, &in.Body)
	if err != nil {
		return NewKey{}, err
	}
	secret := sluice.NewSecret()
	k.Hash, k.Last4 = sluice.HashKey(secret), secret[len(secret)-4:]
	if err := s.change(ctx, func(ctx context.Context) error { return s.opt.Keys.CreateKey(ctx, k) }); err != nil {
		return NewKey{}, err
	}
	return NewKey{Key: s.shown(k, nil), Secret: secret}, nil
}

// draftKey checks a request for a key and writes the key without its secret.
func (s *Server) draftKey(ctx context.Context, who *caller, in *CreateKey) (*sluice.Key, error) {
	now := s.opt.Now().UTC()
	k := &sluice.Key{
		ID: sluice.NewID(sluice.PrefixKey, now), Org: cmp.Or(in.Organisation, who.org), Project: in.Project, Name: strings.TrimSpace(in.Name),
		Role: in.Role, Models: in.Models, Limits: sluice.Limits(in.Limits), Cap: in.SpendingCap, CreatedAt: now,
	}
	if in.ExpiresAt != nil {
		k.ExpiresAt = in.ExpiresAt.UTC()
	}
	if k.Org == "" {
		if err := who.mayGive("", k.Role); err != nil {
			return nil, err
		}
		if err := s.proven(who); err != nil {
			return nil, err
		}
		if !k.Role.For("") {
			return nil, &sluice.Error{Code: sluice.CodeInvalid, Param: "organisation", Message: "Name the organisation of the key, or for a key of the operator its role: owner, admin, finance or support."}
		}
		if k.Project != "" {
			return nil, &sluice.Error{Code: sluice.CodeInvalid, Param: "project", Message: "A key of the operator belongs to no project."}
		}
		return k, checkKey(k, now)
	}
	if _, err := s.organisation(ctx, who, k.Org); err != nil {
		return nil, err
	}
	k.Role = cmp.Or(k.Role, sluice.RoleDeveloper)
	if err := who.mayGive(k.Org, k.Role); err != nil {
		return nil, err
	}
	if !k.Role.For(k.Org) {
		return nil, &sluice.Error{Code: sluice.CodeInvalid, Param: "role", Message: fmt.Sprintf("The role %s belongs to the operator: a key of an organisation is owner, admin, billing, developer or viewer.", k.Role)}
	}
	if k.Project != "" {
		p, err := s.project(ctx, who, k.Project)
		if err != nil {
			return nil, err
		}
		if p.Org != k.Org {
			return nil, sluice.Errorf(sluice.CodeNotFound, "There is no project %q in the organisation.", k.Project)
		}
	}
	return k, checkKey(k, now)
}

// checkKey checks what a caller may set. Errors: CodeInvalid.
func checkKey(k *sluice.Key, now time.Time) error {
	invalid := func(param, message string) error {
		return &sluice.Error{Code: sluice.CodeInvalid, Param: param, Message: message}
	}
	if k.Name != "" {
		if _, err := checkName("name", k.Name); err != nil {
			return err
		}
	}
	for _, m := range k.Models {
		if !sluice.ValidModelName(m) {
			return invalid("models", fmt.Sprintf("%q is no name of a model.", m))
		}
	}
	switch {
	case !k.Limits.Valid():
		return invalid("limits", "A limit must not be negative.")
	case k.Cap != nil && k.Cap.Sign() < 0:
		return invalid("spending_cap", "A spending cap must not be negative.")
	case !k.ExpiresAt.IsZero() && !k.ExpiresAt.After(now):
		return invalid("expires_at", "The expiry is not in the future: to end a key now, revoke it.")
	}
	return nil
}

type inUpdateKey struct {
	Key  string `path:"key" maxLength:"64"`
	Body UpdateKey
}

func (s *Server) updateKey(ctx context.Context, who *caller, in *inUpdateKey) (Key, error) {
	b := &in.Body
	if b.NoSpendingCap && b.SpendingCap != nil || b.NoExpiry && b.ExpiresAt != nil {
		return Key{}, sluice.Errorf(sluice.CodeInvalid, "Set a spending cap or an expiry, or lift it: not both.")
	}
	return s.changeKey(ctx, who, in.Key, func(k *sluice.Key) error {
		if b.Name != nil {
			k.Name = strings.TrimSpace(*b.Name)
		}
		set(&k.Models, b.Models)
		b.Limits.apply(&k.Limits)
		if b.SpendingCap != nil || b.NoSpendingCap {
			k.Cap = b.SpendingCap
		}
		earlier := k.ExpiresAt
		if b.NoExpiry {
			k.ExpiresAt = time.Time{}
		}
		if b.ExpiresAt != nil {
			k.ExpiresAt = b.ExpiresAt.UTC()
		}
		checked := *k
		if k.ExpiresAt.Equal(earlier) {
			checked.ExpiresAt = time.Time{} // one that has passed may stay
		}
		return checkKey(&checked, s.opt.Now())
	})
}

func (s *Server) revokeKey(ctx context.Context, who *caller, in *inKey) (Key, error) {
	return s.changeKey(ctx, who, in.Key, func(k *sluice.Key) error {
		if k.RevokedAt.IsZero() {
			k.RevokedAt = s.opt.Now().UTC()
		}
		return nil
	})
}

// changeKey changes a key that the caller may see.
func (s *Server) changeKey(ctx context.Context, who *caller, id string, edit func(*sluice.Key) error) (Key, error) {
	var k *sluice.Key
	err := s.change(ctx, func(ctx context.Context) error {
		var err error
		if k, err = s.key(ctx, who, id); err != nil {
			return err
		}
		if err := who.mayGive(k.Org, k.Role); err != nil {
			return err
		}
		before := s.shown(k, nil)
		if err := edit(k); err != nil {
			return err
		}
		who.changed(before, s.shown(k, nil))
		return s.opt.Keys.UpdateKey(ctx, k)
	})
	if err != nil {
		return Key{}, err
	}
	used, err := s.opt.Keys.KeysLastUsed(ctx)
	return s.shown(k, used), err
}

// keys returns those that the caller may see.
func (s *Server) keys(ctx context.Context, who *caller) ([]*sluice.Key, error) {
	keys, err := s.opt.Keys.Keys(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(keys, func(k *sluice.Key) bool { return !who.sees(k.Org) }), nil
}

// key returns one that the caller may see; any other is CodeNotFound.
func (s *Server) key(ctx context.Context, who *caller, id string) (*sluice.Key, error) {
	keys, err := s.keys(ctx, who)
	if err != nil {
		return nil, err
	}
	k, err := find(keys, "key", id, func(k *sluice.Key) string { return k.ID })
	if err == nil {
		who.about(k.Org)
	}
	return k, err
}

// shown writes a key as it is shown.
func (s *Server) shown(k *sluice.Key, used map[string]time.Time) Key {
	return Key{
		ID: k.ID, Organisation: k.Org, Project: k.Project, Name: k.Name, Role: k.Role, Last4: k.Last4,
		Models: append([]string{}, k.Models...), Limits: Limits(k.Limits), SpendingCap: k.Cap, Spent: s.opt.Ledger.Spent(k.ID),
		ExpiresAt: k.ExpiresAt, RevokedAt: k.RevokedAt, LastUsedAt: used[k.ID], CreatedAt: k.CreatedAt,
	}
}
