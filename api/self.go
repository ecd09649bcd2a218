package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"sluice"
	"sluice/product/account"
)

// SignedIn is one browser that a user is signed in with.
type SignedIn struct {
	ID        string            `json:"id"`
	Current   bool              `json:"current" doc:"This very one."`
	Kind      sluice.SignInKind `json:"kind" doc:"How the user signed in."`
	Address   string            `json:"address"`
	Agent     string            `json:"agent" doc:"The browser, by its own word."`
	CreatedAt time.Time         `json:"created_at"`
	SeenAt    time.Time         `json:"seen_at"`
	ExpiresAt time.Time         `json:"expires_at"`
}

// UpdateSession changes what a user may change of themselves; what is absent stays.
type UpdateSession struct {
	Name     *string `json:"name,omitempty" maxLength:"128"`
	Language *string `json:"language,omitempty" enum:"en,fr,zh," doc:"Empty: as the browser prefers."`
}

// ChangePassword sets another password.
type ChangePassword struct {
	Present  string `json:"present,omitempty" maxLength:"1024" doc:"The password so far; absent where there is none."`
	Password string `json:"password" maxLength:"1024"`
}

// Proof shows that it is the user: by the password, a code or a passkey.
type Proof struct {
	Password string `json:"password,omitempty" maxLength:"1024"`
	Code     string `json:"code,omitempty" maxLength:"64" doc:"Of the authenticator app, or a recovery code."`

	Offer      string         `json:"offer,omitempty" maxLength:"16384" doc:"Of challenge-session, with the answer of a passkey in credential."`
	Credential map[string]any `json:"credential,omitempty"`
}

// SecondFactorOffer is a secret for an authenticator app.
type SecondFactorOffer struct {
	Secret string `json:"secret" doc:"In base 32, for typing."`
	URI    string `json:"uri" example:"otpauth://totp/…" doc:"The same, for a QR code."`
	Offer  string `json:"offer" doc:"To be sent with the first code; good for 15 minutes."`
}

// ConfirmSecondFactor takes up an offered secret.
type ConfirmSecondFactor struct {
	Offer string `json:"offer" maxLength:"4096"`
	Code  string `json:"code" maxLength:"16"`
}

// RecoveryCodes are codes that each work once in place of the app.
type RecoveryCodes struct {
	Codes []string `json:"codes" doc:"Shown this once."`
}

// registerSelf adds what users do about themselves. A body with a password or a
// code is not kept for a repetition, so none takes an idempotency key.
func (s *Server) registerSelf() {
	const tag = "session"
	register(s, route{
		id: "update-session", method: http.MethodPatch, path: "/session", tag: tag, summary: "Change one's own name or language", roles: users(),
	}, s.updateSelf)
	register(s, route{
		id: "prove-session", method: http.MethodPost, path: "/session/proof", tag: tag, keyed: true,
		summary: "Prove to be it, before what asks for a proof", roles: users(),
	}, s.prove)
	registerEmpty(s, route{
		id: "change-password", method: http.MethodPut, path: "/session/password", tag: tag,
		summary: "Set another password; all other sessions end", roles: users(),
	}, s.changePassword)
	register(s, route{
		id: "list-sessions", method: http.MethodGet, path: "/session/browsers", tag: tag,
		summary: "List the browsers that one is signed in with", roles: users(),
	}, s.listSessions)
	registerEmpty(s, route{
		id: "end-other-session", method: http.MethodDelete, path: "/session/browsers/{session}", tag: tag,
		summary: "Sign one browser out", roles: users(),
	}, s.endOtherSession)
	registerEmpty(s, route{
		id: "end-other-sessions", method: http.MethodDelete, path: "/session/browsers", tag: tag,
		summary: "Sign out everywhere but here", roles: users(),
	}, s.endOtherSessions)
	register(s, route{
		id: "offer-second-factor", method: http.MethodPost, path: "/session/second-factor", tag: tag, keyed: true, proof: true,
		summary: "Begin to set up an authenticator app", roles: users(),
	}, s.offerTOTP)
	register(s, route{
		id: "confirm-second-factor", method: http.MethodPut, path: "/session/second-factor", tag: tag, proof: true,
		summary: "Take the authenticator app into use, by its first code; all other sessions end", roles: users(),
	}, s.confirmTOTP)
	registerEmpty(s, route{
		id: "remove-second-factor", method: http.MethodDelete, path: "/session/second-factor", tag: tag, proof: true,
		summary: "Ask for no code any longer", roles: users(),
	}, s.removeTOTP)
	register(s, route{
		id: "new-recovery-codes", method: http.MethodPost, path: "/session/recovery-codes", tag: tag, keyed: true, proof: true,
		summary: "Replace the recovery codes", roles: users(),
	}, s.newRecoveryCodes)
}

// visitorOf is who is signed in.
func visitorOf(who *caller) *account.Visitor {
	return &account.Visitor{User: who.user, Session: who.session}
}

// hold has the browser hold the session's new token.
func (s *Server) hold(who *caller, token string) {
	who.cookies(token, who.session.ExpiresAt.Sub(s.opt.Now()))
}

func (s *Server) updateSelf(ctx context.Context, who *caller, in *struct{ Body UpdateSession }) (Session, error) {
	u, err := s.opt.Accounts.EditUser(ctx, who.user.ID, func(u *sluice.User) error {
		set(&u.Name, in.Body.Name)
		set(&u.Language, in.Body.Language)
		return nil
	})
	if err != nil {
		return Session{}, err
	}
	who.user = u
	return s.getSession(ctx, who, nil)
}

func (s *Server) prove(ctx context.Context, who *caller, in *struct{ Body Proof }) (Session, error) {
	token, err := s.proof(ctx, who, &in.Body)
	if err != nil {
		return Session{}, err
	}
	s.hold(who, token)
	return s.getSession(ctx, who, nil)
}

// proof takes one of the ways to prove to be it.
func (s *Server) proof(ctx context.Context, who *caller, p *Proof) (token string, err error) {
	if p.Offer == "" {
		return s.opt.Accounts.Prove(ctx, visitorOf(who), p.Password, p.Code)
	}
	answer, err := json.Marshal(p.Credential)
	if err != nil {
		return "", err
	}
	return s.opt.Accounts.ProvePasskey(ctx, visitorOf(who), p.Offer, answer)
}

func (s *Server) changePassword(ctx context.Context, who *caller, in *struct{ Body ChangePassword }) error {
	token, err := s.opt.Accounts.ChangePassword(ctx, visitorOf(who), in.Body.Present, in.Body.Password, who.from)
	if err != nil {
		return err
	}
	s.hold(who, token)
	return nil
}

func (s *Server) listSessions(ctx context.Context, who *caller, in *Paging) (Page[SignedIn], error) {
	sessions, err := s.opt.Accounts.Sessions(ctx, who.user.ID)
	if err != nil {
		return Page[SignedIn]{}, err
	}
	var all []SignedIn
	for _, v := range sessions {
		all = append(all, SignedIn{
			ID: v.ID, Current: v.ID == who.session.ID, Kind: v.Kind, Address: v.Address, Agent: v.Agent, CreatedAt: v.CreatedAt, SeenAt: v.SeenAt, ExpiresAt: v.ExpiresAt,
		})
	}
	return paged(all, func(v SignedIn) string { return v.ID }, *in), nil
}

type inSession struct {
	Session string `path:"session" maxLength:"64"`
}

func (s *Server) endOtherSession(ctx context.Context, who *caller, in *inSession) error {
	return s.opt.Accounts.EndSession(ctx, who.user.ID, in.Session)
}

func (s *Server) endOtherSessions(ctx context.Context, who *caller, _ *struct{}) error {
	return s.opt.Accounts.EndSessions(ctx, who.user.ID, who.session.ID)
}

func (s *Server) offerTOTP(_ context.Context, who *caller, _ *struct{}) (SecondFactorOffer, error) {
	o, err := s.opt.Accounts.OfferTOTP(who.user)
	if err != nil {
		return SecondFactorOffer{}, err
	}
	return SecondFactorOffer{Secret: o.Secret, URI: o.URI, Offer: o.Sealed}, nil
}

func (s *Server) confirmTOTP(ctx context.Context, who *caller, in *struct{ Body ConfirmSecondFactor }) (RecoveryCodes, error) {
	codes, token, err := s.opt.Accounts.ConfirmTOTP(ctx, visitorOf(who), in.Body.Offer, in.Body.Code)
	if err != nil {
		return RecoveryCodes{}, err
	}
	s.hold(who, token)
	return RecoveryCodes{codes}, nil
}

func (s *Server) removeTOTP(ctx context.Context, who *caller, _ *struct{}) error {
	return s.opt.Accounts.RemoveTOTP(ctx, who.user.ID)
}

func (s *Server) newRecoveryCodes(ctx context.Context, who *caller, _ *struct{}) (RecoveryCodes, error) {
	codes, err := s.opt.Accounts.NewRecoveryCodes(ctx, who.user)
	return RecoveryCodes{codes}, err
}
