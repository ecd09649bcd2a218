package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"time"

	"sluice"
)

// setupSetting names the setting that holds the hash of the setup token, in
// hex; it is empty when there is none or it was used.
const setupSetting = "setup_token"

// setupAddress is the one name that wrong setup tokens are counted by.
const setupAddress = "setup"

// NewSetupToken makes the one-time token of the setup page and keeps its hash.
// An earlier token ends. Whoever has it can make one user with the operator's
// role owner, at /setup?token=….
func (s *Service) NewSetupToken(ctx context.Context) (string, error) {
	token := rand.Text()
	hash := sluice.HashKey(token)
	if err := s.opt.Store.PutSetting(ctx, setupSetting, hex.EncodeToString(hash[:])); err != nil {
		return "", fmt.Errorf("keeping the setup token's hash: %w", err)
	}
	return token, nil
}

// CheckSetup reports whether the token is the one that waits. After too many
// wrong ones none is looked at for a while, right or wrong. Errors:
// CodeRateLimited, CodeForbidden.
func (s *Service) CheckSetup(ctx context.Context, token string) error {
	_, err := s.checkSetup(ctx, token)
	return err
}

func (s *Service) checkSetup(ctx context.Context, token string) (hash string, err error) {
	now := s.now()
	if wait := s.limits.setup.take(setupAddress, now); wait > 0 {
		return "", waitError(max(wait, time.Second))
	}
	stored, err := s.opt.Store.Setting(ctx, setupSetting)
	if err != nil {
		return "", err
	}
	given := sluice.HashKey(token)
	if subtle.ConstantTimeCompare([]byte(hex.EncodeToString(given[:])), []byte(stored)) != 1 {
		return "", sluice.Errorf(sluice.CodeForbidden, "This setup link was used already, or it is not the one that the server printed last.")
	}
	s.limits.setup.giveBack(setupAddress)
	return stored, nil
}

// SetUp uses the token up, makes the operator's first owner and signs them in.
// Errors: those of CheckSetup and CreateUser; then the token can be used again.
func (s *Service) SetUp(ctx context.Context, token string, in NewUser, from From) (*Entry, error) {
	if _, err := s.checkSetup(ctx, token); err != nil { // before any work is done for whoever asks
		return nil, err
	}
	if in.Password == "" {
		return nil, CheckPassword(in.Email, "")
	}
	in.Operator = sluice.RoleOwner
	u, err := s.draft(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := s.useSetup(context.WithoutCancel(ctx), token, u); err != nil {
		return nil, err
	}
	return s.begin(ctx, u, sluice.SignInLink, from)
}

// useSetup burns the token and keeps the user: of many who use it at once, one does.
func (s *Service) useSetup(ctx context.Context, token string, u *sluice.User) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	hash, err := s.checkSetup(ctx, token)
	if err != nil {
		return err
	}
	if err := s.opt.Store.PutSetting(ctx, setupSetting, ""); err != nil {
		return err
	}
	if err := s.opt.Store.CreateUser(ctx, u); err != nil {
		if again := s.opt.Store.PutSetting(ctx, setupSetting, hash); again != nil {
			err = fmt.Errorf("%w; keeping the setup token: %w", err, again)
		}
		return err
	}
	return nil
}
