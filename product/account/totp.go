package account

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // what RFC 6238 and every app that makes codes use; an HMAC of it is sound
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"

	"sluice"
)

// Codes by time (RFC 6238): six digits of HMAC-SHA-1 over 30-second steps, as
// every authenticator app makes them. A code of the step before or after is
// taken too, since clocks differ.
const (
	totpStep   = 30 * time.Second
	totpDigits = 1_000_000
	totpSlack  = 1 // steps
	totpBytes  = 20
)

const (
	recoveryCodes = 10
	recoveryBytes = 10 // 80 bits, so that a plain SHA-256 of it can be kept
)

const purposeTOTP = "totp"

func base32Text(b []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b)
}

// totpCode computes the code of a time step.
func totpCode(secret []byte, step int64) int {
	mac := hmac.New(sha1.New, secret)
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(step))
	mac.Write(counter[:])
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0x0f
	return int(binary.BigEndian.Uint32(sum[offset:])&0x7fffffff) % totpDigits
}

// matchTOTP returns the time step whose code was given, among those that count
// at the instant and come after the last one that was taken.
func matchTOTP(secret []byte, given string, now time.Time, last int64) (step int64, ok bool) {
	at := now.Unix() / int64(totpStep/time.Second)
	for s := at - totpSlack; s <= at+totpSlack; s++ {
		want := fmt.Sprintf("%06d", totpCode(secret, s))
		if subtle.ConstantTimeCompare([]byte(want), []byte(given)) == 1 && s > last {
			step, ok = s, true
		}
	}
	return step, ok
}

// SignInCode completes an entry that was pending, with a code of the user's app
// or a recovery code. Errors: CodeForbidden when the password must be given
// again; CodeUnauthenticated, CodeRateLimited.
func (s *Service) SignInCode(ctx context.Context, sealed, code string, from From) (*Entry, error) {
	var p pending
	if err := s.open(purposePending, sealed, &p); err != nil {
		return nil, err
	}
	u, err := s.opt.Store.User(ctx, p.User)
	if err != nil || !u.PasswordAt.Equal(p.Password) || u.TOTP == "" {
		return nil, sluice.Errorf(sluice.CodeForbidden, "This took too long, or was begun in another browser. Begin again.")
	}
	kind, err := s.useCode(ctx, u, code)
	if err != nil {
		s.failed(ctx, u.Email, err, from)
		return nil, err
	}
	return s.begin(ctx, u, kind, from)
}

// useCode takes a code of the user's app, or a recovery code, once. Errors:
// CodeUnauthenticated, CodeRateLimited.
func (s *Service) useCode(ctx context.Context, u *sluice.User, code string) (sluice.SignInKind, error) {
	ctx = context.WithoutCancel(ctx)
	if wait := s.limits.code.take(u.ID, s.now()); wait > 0 {
		return "", waitError(wait)
	}
	refused := sluice.Errorf(sluice.CodeUnauthenticated, "The code is wrong, or it was used already. Codes of the app change every 30 seconds.")
	code = strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return -1
		}
		return r
	}, code)
	if len(code) > 6 {
		hash := sluice.HashKey(strings.ToUpper(code))
		if err := s.opt.Store.UseRecoveryCode(ctx, u.ID, hash); err != nil {
			if sluice.CodeOf(err) == sluice.CodeNotFound {
				err = refused
			}
			return "", err
		}
		s.limits.code.giveBack(u.ID)
		return sluice.SignInRecovery, nil
	}
	secret, err := s.totpSecret(u)
	if err != nil {
		return "", err
	}
	step, ok := matchTOTP(secret, code, s.now(), u.TOTPStep)
	if !ok {
		return "", refused
	}
	if err := s.opt.Store.UseTOTPStep(ctx, u.ID, step); err != nil {
		if sluice.CodeOf(err) == sluice.CodeConflict { // another request was faster with the same code
			err = refused
		}
		return "", err
	}
	s.limits.code.giveBack(u.ID)
	return sluice.SignInTOTP, nil
}

func (s *Service) totpSecret(u *sluice.User) ([]byte, error) {
	text, err := s.opt.Sealer.Open(purposeTOTP+" "+u.ID, u.TOTP)
	if err != nil {
		return nil, fmt.Errorf("opening the second factor of %s: %w", u.ID, err)
	}
	return base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(text)
}

// TOTPOffer is a secret that an authenticator app may be given.
type TOTPOffer struct {
	Secret string // in base 32, for typing
	URI    string // the same for a QR code (otpauth:)
	Sealed string // for ConfirmTOTP
}

// totpOffer is what Sealed seals.
type totpOffer struct {
	User   string `json:"user"`
	Secret string `json:"secret"`
}

const (
	purposeOffer = "totp offer"
	offerLife    = 15 * time.Minute
)

// OfferTOTP makes a secret. It counts once ConfirmTOTP has seen a code of it.
func (s *Service) OfferTOTP(u *sluice.User) (*TOTPOffer, error) {
	b := make([]byte, totpBytes)
	_, _ = rand.Read(b) // documented never to fail
	secret := base32Text(b)
	sealed, err := s.seal(purposeOffer, totpOffer{u.ID, secret}, offerLife)
	if err != nil {
		return nil, err
	}
	uri := url.URL{
		Scheme: "otpauth", Host: "totp", Path: "/Sluice:" + u.Email,
		RawQuery: url.Values{"secret": {secret}, "issuer": {"Sluice"}, "algorithm": {"SHA1"}, "digits": {"6"}, "period": {"30"}}.Encode(),
	}
	return &TOTPOffer{Secret: secret, URI: uri.String(), Sealed: sealed}, nil
}

// ConfirmTOTP takes up an offered secret as the user's second factor, and
// returns recovery codes, which are shown this once. The user's other sessions
// end; the one of the visitor gets another token. Errors: CodeForbidden for an
// offer that is too old or another user's, CodeUnauthenticated for a wrong code.
func (s *Service) ConfirmTOTP(ctx context.Context, v *Visitor, offer, code string) (codes []string, token string, err error) {
	var o totpOffer
	if err := s.open(purposeOffer, offer, &o); err != nil {
		return nil, "", err
	}
	if o.User != v.User.ID {
		return nil, "", sluice.Errorf(sluice.CodeForbidden, "This was begun by somebody else. Begin again.")
	}
	if wait := s.limits.code.take(v.User.ID, s.now()); wait > 0 {
		return nil, "", waitError(wait)
	}
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(o.Secret)
	if err != nil {
		return nil, "", fmt.Errorf("reading an offered secret: %w", err)
	}
	step, ok := matchTOTP(secret, strings.ReplaceAll(code, " ", ""), s.now(), 0)
	if !ok {
		return nil, "", sluice.Errorf(sluice.CodeUnauthenticated, "The code is wrong. Look whether the clock of your device is right.")
	}
	s.limits.code.giveBack(v.User.ID)
	ctx = context.WithoutCancel(ctx)
	if codes, err = s.newRecoveryCodes(ctx, v.User.ID); err != nil {
		return nil, "", err
	}
	err = s.edit(ctx, v.User.ID, func(u *sluice.User) error {
		u.TOTP = s.opt.Sealer.Seal(purposeTOTP+" "+u.ID, o.Secret)
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	_ = s.opt.Store.UseTOTPStep(ctx, v.User.ID, step) // that of an earlier secret may be the same step
	if err := s.opt.Store.EndSessions(ctx, v.User.ID, v.Session.ID); err != nil {
		return nil, "", err
	}
	token, err = s.proved(ctx, v)
	return codes, token, err
}

// NewRecoveryCodes replaces a user's recovery codes; they are shown this once.
func (s *Service) NewRecoveryCodes(ctx context.Context, u *sluice.User) ([]string, error) {
	if u.TOTP == "" {
		return nil, sluice.Errorf(sluice.CodeConflict, "Recovery codes go with a second factor: set one up first.")
	}
	return s.newRecoveryCodes(context.WithoutCancel(ctx), u.ID)
}

func (s *Service) newRecoveryCodes(ctx context.Context, user string) ([]string, error) {
	codes := make([]string, recoveryCodes)
	hashes := make([]sluice.KeyHash, recoveryCodes)
	for i := range codes {
		b := make([]byte, recoveryBytes)
		_, _ = rand.Read(b) // documented never to fail
		text := base32Text(b)
		hashes[i] = sluice.HashKey(text)
		text = strings.ToLower(text)
		codes[i] = text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:]
	}
	return codes, s.opt.Store.PutRecoveryCodes(ctx, user, hashes)
}

// RemoveTOTP ends a user's second factor. Who calls has seen a proof.
func (s *Service) RemoveTOTP(ctx context.Context, user string) error {
	ctx = context.WithoutCancel(ctx)
	if err := s.edit(ctx, user, func(u *sluice.User) error { u.TOTP = ""; return nil }); err != nil {
		return err
	}
	return s.opt.Store.PutRecoveryCodes(ctx, user, nil)
}
