package api

import (
	"context"
	"net/http"
	"time"

	"sluice"
)

// Session says who calls, in which role, and what they may do: what a console
// builds its navigation from.
type Session struct {
	Kind      sluice.ActorKind `json:"kind" enum:"user,key,operator" doc:"operator is whoever calls on the server's Unix socket."`
	User      *SessionUser     `json:"user,omitempty" doc:"Who is signed in."`
	Key       string           `json:"key,omitempty" doc:"The key's id."`
	Project   string           `json:"project,omitempty" doc:"The key's."`
	Acting    Position         `json:"acting" doc:"The role that this request was made in."`
	Positions []Position       `json:"positions" doc:"All roles that the caller can act in, the operator's first. A request chooses one by the header Sluice-Organisation."`
	ID        string           `json:"id,omitempty" doc:"The session's."`
	ExpiresAt time.Time        `json:"expires_at,omitzero" doc:"When the session ends, however it is used."`
	Proven    time.Time        `json:"proven_until,omitzero" doc:"Until when dangerous acts need no further proof."`
}

// SessionUser is the user who is signed in.
type SessionUser struct {
	ID           string    `json:"id"`
	Email        string    `json:"email"`
	Name         string    `json:"name,omitempty"`
	Language     string    `json:"language,omitempty" enum:"en,fr,zh" doc:"Absent: as the browser prefers."`
	SecondFactor bool      `json:"second_factor" doc:"Whether a code is asked for beside the password."`
	HasPassword  bool      `json:"has_password"`
	CreatedAt    time.Time `json:"created_at"`
}

// Position is a role and whom it is held for.
type Position struct {
	Organisation string          `json:"organisation,omitempty" doc:"Absent: the operator."`
	Name         string          `json:"name,omitempty" doc:"The organisation's."`
	Currency     sluice.Currency `json:"currency,omitempty" doc:"The organisation's."`
	Role         sluice.Role     `json:"role" doc:"Empty when a user has none yet."`
	Operations   []string        `json:"operations" doc:"The ids of the operations that are open to the role."`
}

func (s *Server) registerSession() {
	const tag = "session"
	register(s, route{
		id: "get-session", method: http.MethodGet, path: "/session", tag: tag,
		summary: "Get who calls, the roles they have and what those may do", roles: anyoneAtAll(),
	}, s.getSession)
	registerEmpty(s, route{
		id: "end-session", method: http.MethodDelete, path: "/session", tag: tag,
		summary: "Sign out", roles: users(),
	}, s.endSession)
}

// anyoneAtAll is for what also users without a role may ask.
func anyoneAtAll() access {
	a := anyone()
	a.self = true
	return a
}

func (s *Server) getSession(ctx context.Context, who *caller, _ *struct{}) (Session, error) {
	orgs, err := s.opt.Tenants.Organisations(ctx)
	if err != nil {
		return Session{}, err
	}
	byID := make(map[string]*sluice.Organisation, len(orgs))
	for _, o := range orgs {
		byID[o.ID] = o
	}
	position := func(org string, role sluice.Role) Position {
		p := Position{Organisation: org, Role: role, Operations: s.open(&caller{role: role, org: org, user: who.user})}
		if o := byID[org]; o != nil {
			p.Name, p.Currency = o.Name, o.Currency
		}
		return p
	}
	out := Session{Kind: sluice.ActorKey, Key: who.key, Project: who.project, Acting: position(who.org, who.role)}
	if who.user == nil {
		if who.local {
			out.Kind = sluice.ActorOperator
		}
		out.Positions = []Position{out.Acting}
		return out, nil
	}
	u := who.user
	out.Kind, out.ID, out.ExpiresAt, out.Proven = sluice.ActorUser, who.session.ID, who.session.ExpiresAt, s.opt.Accounts.ProvenUntil(who.session)
	out.User = &SessionUser{
		ID: u.ID, Email: u.Email, Name: u.Name, Language: u.Language, SecondFactor: u.TOTP != "", HasPassword: u.Password != "", CreatedAt: u.CreatedAt,
	}
	out.Positions = []Position{}
	if u.Operator != "" {
		out.Positions = append(out.Positions, position("", u.Operator))
	}
	for _, m := range u.Members {
		out.Positions = append(out.Positions, position(m.Org, m.Role))
	}
	return out, nil
}

// open lists the operations that are open to a caller.
func (s *Server) open(c *caller) []string {
	ids := []string{}
	for _, r := range s.routes {
		if r.roles.allows(c) || r.roles.self && c.user != nil {
			ids = append(ids, r.id)
		}
	}
	return ids
}

func (s *Server) endSession(ctx context.Context, who *caller, _ *struct{}) error {
	who.cookies("", 0)
	return s.opt.Accounts.EndSession(ctx, who.user.ID, who.session.ID)
}
