package api

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"sluice"
)

// LimitInForce is the limits of a key or a project, and the use that is made of
// them now. A call has to keep within those of its key and of its project.
type LimitInForce struct {
	ID      string `json:"id" doc:"Of the key or the project."`
	Kind    string `json:"kind" enum:"project,key"`
	Name    string `json:"name"`
	Project string `json:"project,omitempty" doc:"Of a key: the project that it belongs to."`
	Limits  Limits `json:"limits"`

	RequestsLeft    int64     `json:"requests_left" doc:"Of the requests per minute."`
	RequestsResetAt time.Time `json:"requests_reset_at,omitzero" doc:"When all of them are there again; absent when they are."`
	TokensLeft      int64     `json:"tokens_left" doc:"Of the tokens per minute; less than zero when calls used more than was expected."`
	TokensResetAt   time.Time `json:"tokens_reset_at,omitzero"`
	Running         int64     `json:"running" doc:"Calls at once."`

	SpendingCap *sluice.Amount `json:"spending_cap,omitempty" example:"25.00" doc:"Of a key: the most that it can ever be charged."`
	Spent       *sluice.Amount `json:"spent,omitempty" example:"1.20" doc:"Of a key: what it was charged in all."`
}

type inLimits struct {
	Organisation string `path:"organisation" maxLength:"64"`
	Project      string `query:"project" maxLength:"64" doc:"Only this project and its keys."`
	Paging
}

func (s *Server) registerLimits() {
	register(s, route{
		id: "list-limits", method: http.MethodGet, path: "/organisations/{organisation}/limits", tag: "keys",
		summary: "List the limits of projects and usable keys, with the use that is made of them now", roles: anyone(),
	}, s.listLimits)
}

func (s *Server) listLimits(ctx context.Context, who *caller, in *inLimits) (Page[LimitInForce], error) {
	o, err := s.organisation(ctx, who, in.Organisation)
	if err != nil {
		return Page[LimitInForce]{}, err
	}
	projects, err := s.projects(ctx, who)
	if err != nil {
		return Page[LimitInForce]{}, err
	}
	keys, err := s.keys(ctx, who)
	if err != nil {
		return Page[LimitInForce]{}, err
	}
	now := s.opt.Now().UTC()
	var all []LimitInForce
	for _, p := range projects {
		if p.Org == o.ID && (in.Project == "" || p.ID == in.Project) {
			all = append(all, s.limitInForce(LimitInForce{ID: p.ID, Kind: "project", Name: p.Name}, p.Limits, now))
		}
	}
	for _, k := range keys {
		if k.Org == o.ID && (in.Project == "" || k.Project == in.Project) && k.Usable(now) == nil {
			l := s.limitInForce(LimitInForce{ID: k.ID, Kind: "key", Name: k.Name, Project: k.Project, SpendingCap: k.Cap}, k.Limits, now)
			spent := s.opt.Ledger.Spent(k.ID)
			l.Spent = &spent
			all = append(all, l)
		}
	}
	return paged(all, func(l LimitInForce) string { return cmp.Or(map[string]string{"project": "0"}[l.Kind], "1") + l.ID }, in.Paging), nil
}

// limitInForce adds what is known of limits at the moment.
func (s *Server) limitInForce(l LimitInForce, limits sluice.Limits, now time.Time) LimitInForce {
	use := s.opt.Traffic.LimitUse(l.ID, limits)
	l.Limits, l.RequestsLeft, l.TokensLeft, l.Running = Limits(limits), use.RequestsLeft, use.TokensLeft, use.Running
	if use.RequestsReset > 0 {
		l.RequestsResetAt = now.Add(use.RequestsReset)
	}
	if use.TokensReset > 0 {
		l.TokensResetAt = now.Add(use.TokensReset)
	}
	return l
}
