package account

import (
	"context"
	"fmt"
	"time"

	"sluice"
)

// resetLife is for how long a link for a new password works.
const resetLife = time.Hour

// PathReset is the page on which a new password is set.
const PathReset = "/reset/new"

// mailsWaiting bounds the mails that are being sent for who forgot a password.
const mailsWaiting = 16

// CanMail reports whether links can be mailed.
func (s *Service) CanMail() bool { return s.opt.Mailer != nil }

// ForgotPassword mails a link for a new password to the user of an address, if
// there is one. Whether there is, neither the answer nor its time tells: the
// work begins after it. Errors: CodeInvalid, CodeRateLimited.
func (s *Service) ForgotPassword(ctx context.Context, email string, from From) error {
	email, err := NormaliseEmail(email)
	if err != nil {
		return err
	}
	now := s.now()
	if wait := s.limits.address.take(addressGroup(from.Address), now); wait > 0 {
		return waitError(wait)
	}
	if s.limits.mail.take(email, now) > 0 || s.opt.Mailer == nil {
		return nil // who floods a mailbox is not told either
	}
	select {
	case s.mailing <- struct{}{}:
	default:
		return waitError(time.Minute)
	}
	ctx = context.WithoutCancel(ctx)
	s.background.Go(func() {
		defer func() { <-s.mailing }()
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		u, err := s.opt.Store.UserByEmail(ctx, email)
		if err == nil && u.DisabledAt.IsZero() {
			_, err = s.NewReset(ctx, u)
		}
		if err = unlessGone(err); err != nil {
			s.opt.Log.WarnContext(ctx, "a link for a new password could not be sent", "error", err)
		}
	})
	return nil
}

// Wait waits for what runs beside requests.
func (s *Service) Wait() { s.background.Wait() }

// NewReset makes a link by which a user sets a new password, once; an earlier
// one ends.
func (s *Service) NewReset(ctx context.Context, u *sluice.User) (Sent, error) {
	now := s.now()
	token, hash := newToken()
	r := &sluice.Reset{Hash: hash, User: u.ID, CreatedAt: now, ExpiresAt: now.Add(resetLife)}
	if err := s.opt.Store.CreateReset(context.WithoutCancel(ctx), r); err != nil {
		return Sent{}, err
	}
	link := s.link(PathReset, token)
	return s.send(ctx, u.Email, link, "A new password for Sluice", fmt.Sprintf(
		"Somebody, probably you, asked for a new password. To set it, open this link. It works once, until %s:\n\n%s\n\nIf it was not you, ignore this: nothing has changed.\n",
		r.ExpiresAt.Format("2 January 2006 15:04 MST"), link)), nil
}

// CheckReset returns whose password a link sets. Errors: CodeForbidden.
func (s *Service) CheckReset(ctx context.Context, token string) (*sluice.User, error) {
	r, err := s.opt.Store.Reset(ctx, sluice.HashKey(token), s.now())
	if sluice.CodeOf(err) == sluice.CodeNotFound {
		return nil, sluice.Errorf(sluice.CodeForbidden, "This link was used already, or it has expired. Ask for another one.")
	}
	if err != nil {
		return nil, err
	}
	return s.opt.Store.User(ctx, r.User)
}

// ResetPassword sets a new password by a link. All of the user's sessions end.
// Where the user has a second factor, the entry is pending: who reads somebody's
// mails does not have their codes. Errors: those of CheckReset; CodeInvalid.
func (s *Service) ResetPassword(ctx context.Context, token, password string, from From) (*Entry, error) {
	u, err := s.CheckReset(ctx, token)
	if err != nil {
		return nil, err
	}
	hash, err := s.newPassword(ctx, u, password)
	if err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx)
	if err := s.opt.Store.UseReset(ctx, sluice.HashKey(token)); err != nil { // of two at once, one
		_, err = s.CheckReset(ctx, token)
		return nil, err
	}
	if u, err = s.setPassword(ctx, u, hash, "reset-password", "", from); err != nil {
		return nil, err
	}
	if u.TOTP != "" {
		text, err := s.seal(purposePending, pending{u.ID, u.PasswordAt}, pendingLife)
		return &Entry{Visitor: Visitor{User: u}, Pending: text}, err
	}
	return s.begin(ctx, u, sluice.SignInLink, from)
}

// newPassword checks and hashes a password that a user chose.
func (s *Service) newPassword(ctx context.Context, u *sluice.User, password string) (string, error) {
	if err := CheckPassword(u.Email, password); err != nil {
		return "", err
	}
	return s.hasher.hash(ctx, password)
}

// setPassword stores a password's hash, ends the user's sessions but one, which
// may be empty, and writes it down.
func (s *Service) setPassword(ctx context.Context, u *sluice.User, hash, action, except string, from From) (*sluice.User, error) {
	err := s.edit(ctx, u.ID, func(fresh *sluice.User) error {
		fresh.Password, fresh.PasswordAt = hash, s.now()
		u = fresh
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := s.EndSessions(ctx, u.ID, except); err != nil {
		return nil, err
	}
	return u, s.told(ctx, u, action, "", from)
}

// ChangePassword sets another password for a visitor who knows the present one,
// or has none yet and proved to be it. Other sessions end, and the visitor's gets
// another token. Errors: CodeUnauthenticated, CodeRateLimited, CodeInvalid.
func (s *Service) ChangePassword(ctx context.Context, v *Visitor, present, next string, from From) (token string, err error) {
	if v.User.Password == "" {
		err = s.Proven(v.Session)
	} else {
		err = s.rightPassword(ctx, v.User, present)
	}
	if err != nil {
		return "", err
	}
	hash, err := s.newPassword(ctx, v.User, next)
	if err != nil {
		return "", err
	}
	ctx = context.WithoutCancel(ctx)
	if _, err := s.setPassword(ctx, v.User, hash, "change-password", v.Session.ID, from); err != nil {
		return "", err
	}
	return s.proved(ctx, v)
}

// rightPassword returns CodeForbidden unless the password is the user's.
func (s *Service) rightPassword(ctx context.Context, u *sluice.User, password string) error {
	if wait := s.limits.code.take(u.ID, s.now()); wait > 0 {
		return waitError(wait)
	}
	ok, _, err := s.hasher.check(ctx, u.Password, password)
	if err != nil {
		return err
	}
	if !ok {
		return sluice.Errorf(sluice.CodeForbidden, "The password is wrong.")
	}
	s.limits.code.giveBack(u.ID)
	return nil
}

// Prove takes a visitor's password or code as a proof that it is them, and
// gives the session another token. Errors: CodeForbidden for a wrong one,
// CodeRateLimited.
func (s *Service) Prove(ctx context.Context, v *Visitor, password, code string) (token string, err error) {
	switch {
	case password != "":
		err = s.rightPassword(ctx, v.User, password)
	case code != "" && v.User.TOTP != "":
		if _, err = s.useCode(ctx, v.User, code); sluice.CodeOf(err) == sluice.CodeUnauthenticated {
			err = sluice.Errorf(sluice.CodeForbidden, "The code is wrong, or it was used already. Codes of the app change every 30 seconds.")
		}
	default:
		err = sluice.Errorf(sluice.CodeInvalid, "Give your password, or a code of your app.")
	}
	if err != nil {
		return "", err
	}
	return s.proved(ctx, v)
}
