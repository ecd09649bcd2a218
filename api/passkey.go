package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"sluice"
)

// Passkey is a credential of a user's device.
type Passkey struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
	UsedAt    time.Time `json:"used_at,omitzero"`
}

// PasskeyChallenge is what a browser is to answer.
type PasskeyChallenge struct {
	Options map[string]any `json:"options" doc:"For PublicKeyCredential.parseCreationOptionsFromJSON or parseRequestOptionsFromJSON."`
	Offer   string         `json:"offer" doc:"To be sent with the answer, once; good for 5 minutes."`
}

// AddPasskey is a passkey that a device made.
type AddPasskey struct {
	Offer      string         `json:"offer" maxLength:"16384"`
	Name       string         `json:"name,omitempty" maxLength:"128" doc:"Such as the device's."`
	Credential map[string]any `json:"credential" doc:"What PublicKeyCredential.toJSON() gives."`
}

// RenamePasskey gives a passkey another name.
type RenamePasskey struct {
	Name string `json:"name" minLength:"1" maxLength:"128"`
}

func (s *Server) registerPasskeys() {
	const tag, one = "session", "/session/passkeys/{passkey}"
	register(s, route{id: "list-passkeys", method: http.MethodGet, path: "/session/passkeys", tag: tag, summary: "List one's own passkeys", roles: users()}, s.listPasskeys)
	register(s, route{
		id: "offer-passkey", method: http.MethodPost, path: "/session/passkeys/offer", tag: tag, keyed: true, proof: true,
		summary: "Begin to add a passkey", roles: users(),
	}, s.offerPasskey)
	register(s, route{
		id: "add-passkey", method: http.MethodPost, path: "/session/passkeys", tag: tag, keyed: true, proof: true, status: http.StatusCreated,
		summary: "Add a passkey that the device made", roles: users(),
	}, s.addPasskey)
	registerEmpty(s, route{id: "rename-passkey", method: http.MethodPatch, path: one, tag: tag, summary: "Give a passkey another name", roles: users()}, s.renamePasskey)
	registerEmpty(s, route{
		id: "delete-passkey", method: http.MethodDelete, path: one, tag: tag, proof: true, summary: "Remove a passkey", roles: users(),
	}, s.deletePasskey)
	register(s, route{
		id: "challenge-session", method: http.MethodPost, path: "/session/challenge", tag: tag, keyed: true, reads: true,
		summary: "Begin a proof by passkey; its answer goes to prove-session", roles: users(),
	}, s.challengeSession)
}

func passkey(k *sluice.Passkey) Passkey {
	return Passkey{ID: k.ID, Name: k.Name, CreatedAt: k.CreatedAt, UsedAt: k.UsedAt}
}

func (s *Server) listPasskeys(ctx context.Context, who *caller, in *Paging) (Page[Passkey], error) {
	passkeys, err := s.opt.Accounts.PasskeysOf(ctx, who.user.ID)
	var all []Passkey
	for _, k := range passkeys {
		all = append(all, passkey(k))
	}
	return paged(all, func(k Passkey) string { return k.ID }, *in), err
}

func challengeOf(options json.RawMessage, offer string, err error) (PasskeyChallenge, error) {
	c := PasskeyChallenge{Offer: offer}
	if err == nil {
		err = json.Unmarshal(options, &c.Options)
	}
	return c, err
}

func (s *Server) offerPasskey(ctx context.Context, who *caller, _ *struct{}) (PasskeyChallenge, error) {
	return challengeOf(s.opt.Accounts.OfferPasskey(ctx, who.user))
}

func (s *Server) challengeSession(context.Context, *caller, *struct{}) (PasskeyChallenge, error) {
	return challengeOf(s.opt.Accounts.BeginPasskey())
}

func (s *Server) addPasskey(ctx context.Context, who *caller, in *struct{ Body AddPasskey }) (Passkey, error) {
	answer, err := json.Marshal(in.Body.Credential)
	if err != nil {
		return Passkey{}, err
	}
	k, err := s.opt.Accounts.AddPasskey(ctx, who.user, in.Body.Offer, in.Body.Name, answer)
	if err != nil {
		return Passkey{}, err
	}
	return passkey(k), nil
}

type inPasskey struct {
	Passkey string `path:"passkey" maxLength:"64"`
}

type inRenamePasskey struct {
	Passkey string `path:"passkey" maxLength:"64"`
	Body    RenamePasskey
}

func (s *Server) renamePasskey(ctx context.Context, who *caller, in *inRenamePasskey) error {
	return s.opt.Accounts.RenamePasskey(ctx, who.user.ID, in.Passkey, in.Body.Name)
}

func (s *Server) deletePasskey(ctx context.Context, who *caller, in *inPasskey) error {
	return s.opt.Accounts.RemovePasskey(ctx, who.user.ID, in.Passkey)
}
