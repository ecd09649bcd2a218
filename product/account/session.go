package account

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"time"

	"sluice"
)

// proofLife is for how long a user's last proof to be it holds for dangerous acts.
const proofLife = 10 * time.Minute

// touchEvery is how exactly it is known when a session was last seen.
const touchEvery = time.Minute

// newToken returns 256 random bits as text, and their hash.
func newToken() (string, sluice.KeyHash) {
	var b [32]byte
	_, _ = rand.Read(b[:]) // documented never to fail
	token := base64.RawURLEncoding.EncodeToString(b[:])
	return token, sluice.HashKey(token)
}

// Visitor is a user who is signed in.
type Visitor struct {
	User    *sluice.User
	Session *sluice.Session
}

// signedOut is the error for whoever has no session.
func signedOut() error {
	return sluice.Errorf(sluice.CodeUnauthenticated, "You are not signed in, or your session has ended: sign in again.")
}

// Identify returns who has the session with the token. Errors: CodeUnauthenticated.
func (s *Service) Identify(ctx context.Context, token string, from From) (*Visitor, error) {
	session, err := s.opt.Store.SessionByHash(ctx, sluice.HashKey(token))
	if sluice.CodeOf(err) == sluice.CodeNotFound {
		return nil, signedOut()
	}
	if err != nil {
		return nil, err
	}
	now := s.now()
	if s.ended(session, now) {
		return nil, signedOut()
	}
	u, err := s.opt.Store.User(ctx, session.User)
	if err != nil {
		return nil, err
	}
	if !u.DisabledAt.IsZero() {
		return nil, signedOut()
	}
	if now.Sub(session.SeenAt) >= touchEvery {
		session.SeenAt, session.Address = now, from.Address
		if err := s.opt.Store.TouchSession(context.WithoutCancel(ctx), session.ID, now, from.Address); err != nil {
			s.opt.Log.WarnContext(ctx, "it could not be noted that a session is used", "error", err)
		}
	}
	return &Visitor{u, session}, nil
}

// ended reports whether a session's time is over.
func (s *Service) ended(session *sluice.Session, now time.Time) bool {
	return !now.Before(session.ExpiresAt) || now.Sub(session.SeenAt) >= s.opt.SessionIdle
}

// begin signs a user in: always with a new token, whatever the browser had
// before, so that nobody can have it take one that they know.
func (s *Service) begin(ctx context.Context, u *sluice.User, kind sluice.SignInKind, from From) (*Entry, error) {
	if !u.DisabledAt.IsZero() {
		return nil, sluice.Errorf(sluice.CodeForbidden, "This account is disabled. Ask who runs the server.")
	}
	now := s.now()
	token, hash := newToken()
	session := &sluice.Session{
		ID: sluice.NewID("sess", now), Hash: hash, User: u.ID, Kind: kind, Address: from.Address, Agent: from.agent(),
		CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(s.opt.SessionLife), ProvenAt: now,
	}
	if err := s.opt.Store.CreateSession(context.WithoutCancel(ctx), session); err != nil {
		return nil, err
	}
	if err := s.told(ctx, u, actionSignIn, string(kind), from); err != nil {
		return nil, err
	}
	device, err := s.newDevice(u.Email)
	if err != nil {
		return nil, err
	}
	return &Entry{Token: token, Device: device, Visitor: Visitor{u, session}}, nil
}

// ProvenUntil returns until when a session may do dangerous acts without
// another proof.
func (s *Service) ProvenUntil(session *sluice.Session) time.Time {
	if session.ProvenAt.IsZero() {
		return time.Time{}
	}
	return session.ProvenAt.Add(proofLife)
}

// Proven returns CodeProofRequired unless the user proved to be it a moment ago.
func (s *Service) Proven(session *sluice.Session) error {
	if s.now().Before(s.ProvenUntil(session)) {
		return nil
	}
	return sluice.Errorf(sluice.CodeProofRequired, "Prove that it is you, with your password or passkey, and try again.")
}

// proved notes that a visitor proved to be it, and gives the session another token.
func (s *Service) proved(ctx context.Context, v *Visitor) (token string, err error) {
	token, hash := newToken()
	now := s.now()
	if err := s.opt.Store.RotateSession(context.WithoutCancel(ctx), v.Session.ID, v.Session.Hash, hash, now); err != nil {
		return "", signedOut()
	}
	v.Session.Hash, v.Session.ProvenAt = hash, now
	return token, nil
}

// SignOut ends the session with the token; one that there is not has ended.
func (s *Service) SignOut(ctx context.Context, token string) error {
	session, err := s.opt.Store.SessionByHash(ctx, sluice.HashKey(token))
	if err != nil {
		return unlessGone(err)
	}
	return unlessGone(s.opt.Store.EndSession(context.WithoutCancel(ctx), session.User, session.ID))
}

// unlessGone returns nil for an error that says that something is not there.
func unlessGone(err error) error {
	if sluice.CodeOf(err) == sluice.CodeNotFound {
		return nil
	}
	return err
}

// Sessions returns a user's sessions that have not ended, the last seen first.
func (s *Service) Sessions(ctx context.Context, user string) ([]*sluice.Session, error) {
	all, err := s.opt.Store.Sessions(ctx, user)
	if err != nil {
		return nil, err
	}
	now := s.now()
	var live []*sluice.Session
	for _, session := range all {
		if !s.ended(session, now) {
			live = append(live, session)
		}
	}
	return live, nil
}

// EndSession ends one session of a user. Errors: CodeNotFound.
func (s *Service) EndSession(ctx context.Context, user, id string) error {
	return s.opt.Store.EndSession(context.WithoutCancel(ctx), user, id)
}

// EndSessions ends all sessions of a user but one, which may be empty.
func (s *Service) EndSessions(ctx context.Context, user, except string) error {
	return s.opt.Store.EndSessions(context.WithoutCancel(ctx), user, except)
}
