package account

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"sluice"
)

// Passkeys keeps users' passkeys.
type Passkeys interface {
	CreatePasskey(ctx context.Context, p *sluice.Passkey) error
	Passkeys(ctx context.Context, user string) ([]*sluice.Passkey, error)
	UsePasskey(ctx context.Context, id, credential string, at time.Time) error
	RenamePasskey(ctx context.Context, user, id, name string) error
	DeletePasskey(ctx context.Context, user, id string) error
}

// Party makes challenges for passkeys and checks the answers (Web Authentication).
type Party interface {
	BeginCreate(u *sluice.User, have []*sluice.Passkey) (options json.RawMessage, state string, err error)
	FinishCreate(u *sluice.User, have []*sluice.Passkey, state string, answer []byte) (handle []byte, credential string, err error)
	BeginGet() (options json.RawMessage, state string, err error)
	FinishGet(state string, answer []byte, find func(user string) (*sluice.User, []*sluice.Passkey, error)) (u *sluice.User, handle []byte, credential string, err error)
}

const (
	purposeNewPasskey = "new passkey"
	purposePasskey    = "passkey"
	passkeyLife       = 5 * time.Minute
	mostPasskeys      = 20
)

// challenge is what is kept of a challenge until it is answered.
type challenge struct {
	ID    string `json:"id"`
	User  string `json:"user"`
	State string `json:"state"`
}

// HasPasskeys reports whether people can sign in with passkeys.
func (s *Service) HasPasskeys() bool { return s.opt.Party != nil }

func (s *Service) party() (Party, error) {
	if s.opt.Party == nil {
		return nil, sluice.Errorf(sluice.CodeConflict, "There are no passkeys here.")
	}
	return s.opt.Party, nil
}

// once refuses a challenge that was answered before.
func (s *Service) once(c *challenge) error {
	if s.limits.challenge.take(c.ID, s.now()) > 0 {
		return sluice.Errorf(sluice.CodeForbidden, "This took too long, or was begun in another browser. Begin again.")
	}
	return nil
}

// OfferPasskey returns what a browser makes a passkey for the user with, and a
// sealed text for AddPasskey.
func (s *Service) OfferPasskey(ctx context.Context, u *sluice.User) (options json.RawMessage, offer string, err error) {
	p, err := s.party()
	if err != nil {
		return nil, "", err
	}
	have, err := s.opt.Store.Passkeys(ctx, u.ID)
	if err != nil {
		return nil, "", err
	}
	if len(have) >= mostPasskeys {
		return nil, "", sluice.Errorf(sluice.CodeConflict, "There are %d passkeys already: remove one first.", len(have))
	}
	options, state, err := p.BeginCreate(u, have)
	if err != nil {
		return nil, "", err
	}
	offer, err = s.seal(purposeNewPasskey, challenge{sluice.NewID("chal", s.now()), u.ID, state}, passkeyLife)
	return options, offer, err
}

// AddPasskey keeps a passkey that the user's device made for an offer. Errors:
// CodeForbidden, CodeInvalid, CodeConflict.
func (s *Service) AddPasskey(ctx context.Context, u *sluice.User, offer, name string, answer []byte) (*sluice.Passkey, error) {
	p, err := s.party()
	if err != nil {
		return nil, err
	}
	var c challenge
	if err := s.open(purposeNewPasskey, offer, &c); err != nil {
		return nil, err
	}
	if c.User != u.ID {
		return nil, sluice.Errorf(sluice.CodeForbidden, "This was begun by somebody else. Begin again.")
	}
	if err := s.once(&c); err != nil {
		return nil, err
	}
	if name, err = checkName(name); err != nil {
		return nil, err
	}
	have, err := s.opt.Store.Passkeys(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	handle, credential, err := p.FinishCreate(u, have, c.State, answer)
	if err != nil {
		return nil, err
	}
	now := s.now()
	k := &sluice.Passkey{ID: sluice.NewID(sluice.PrefixPasskey, now), User: u.ID, Name: name, Handle: handle, Credential: credential, CreatedAt: now}
	return k, s.opt.Store.CreatePasskey(context.WithoutCancel(ctx), k)
}

// BeginPasskey returns what a browser asks the device's passkeys with, and a
// sealed text for SignInPasskey or ProvePasskey.
func (s *Service) BeginPasskey() (options json.RawMessage, offer string, err error) {
	p, err := s.party()
	if err != nil {
		return nil, "", err
	}
	options, state, err := p.BeginGet()
	if err != nil {
		return nil, "", err
	}
	offer, err = s.seal(purposePasskey, challenge{ID: sluice.NewID("chal", s.now()), State: state}, passkeyLife)
	return options, offer, err
}

// SignInPasskey signs in whose passkey answered. A passkey is both factors: the
// device, and what opens it. Errors: CodeForbidden, CodeRateLimited.
func (s *Service) SignInPasskey(ctx context.Context, offer string, answer []byte, from From) (*Entry, error) {
	if wait := s.limits.address.take(addressGroup(from.Address), s.now()); wait > 0 {
		return nil, waitError(wait)
	}
	u, err := s.answered(ctx, offer, answer)
	if err != nil {
		s.failed(ctx, "", err, from)
		return nil, err
	}
	s.limits.address.giveBack(addressGroup(from.Address))
	return s.begin(ctx, u, sluice.SignInPasskey, from)
}

// ProvePasskey takes the answer of one of the visitor's passkeys as a proof.
// Errors: CodeForbidden.
func (s *Service) ProvePasskey(ctx context.Context, v *Visitor, offer string, answer []byte) (token string, err error) {
	u, err := s.answered(ctx, offer, answer)
	if err != nil {
		return "", err
	}
	if u.ID != v.User.ID {
		return "", sluice.Errorf(sluice.CodeForbidden, "That is somebody else's passkey.")
	}
	return s.proved(ctx, v)
}

// answered checks an answer, and returns whose passkey gave it.
func (s *Service) answered(ctx context.Context, offer string, answer []byte) (*sluice.User, error) {
	p, err := s.party()
	if err != nil {
		return nil, err
	}
	var c challenge
	if err := s.open(purposePasskey, offer, &c); err != nil {
		return nil, err
	}
	if err := s.once(&c); err != nil {
		return nil, err
	}
	var have []*sluice.Passkey
	u, handle, credential, err := p.FinishGet(c.State, answer, func(id string) (*sluice.User, []*sluice.Passkey, error) {
		u, err := s.opt.Store.User(ctx, id)
		if err != nil {
			return nil, nil, err
		}
		have, err = s.opt.Store.Passkeys(ctx, id)
		return u, have, err
	})
	if err != nil {
		return nil, err
	}
	for _, k := range have {
		if bytes.Equal(k.Handle, handle) {
			return u, s.opt.Store.UsePasskey(context.WithoutCancel(ctx), k.ID, credential, s.now())
		}
	}
	return nil, sluice.Errorf(sluice.CodeForbidden, "The passkey was not accepted. Try again.")
}

// PasskeysOf returns a user's passkeys.
func (s *Service) PasskeysOf(ctx context.Context, user string) ([]*sluice.Passkey, error) {
	return s.opt.Store.Passkeys(ctx, user)
}

// RenamePasskey gives a user's passkey another name. Errors: CodeNotFound, CodeInvalid.
func (s *Service) RenamePasskey(ctx context.Context, user, id, name string) error {
	name, err := checkName(name)
	if err != nil {
		return err
	}
	return s.opt.Store.RenamePasskey(context.WithoutCancel(ctx), user, id, name)
}

// RemovePasskey removes a user's passkey. Errors: CodeNotFound.
func (s *Service) RemovePasskey(ctx context.Context, user, id string) error {
	return s.opt.Store.DeletePasskey(context.WithoutCancel(ctx), user, id)
}
