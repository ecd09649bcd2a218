package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"sluice"
	"sluice/money/plan"
	"sluice/store"
)

// Customer is an organisation as the operator looks at it.
type Customer struct {
	Organisation
	Balance Balance      `json:"balance"`
	Plan    string       `json:"plan,omitempty" example:"lite" doc:"Of its live subscription."`
	Keys    int          `json:"keys" doc:"That can be used now."`
	LastUse time.Time    `json:"last_used_at,omitzero" doc:"When one of its keys was used last."`
	Usage   UsageFigures `json:"usage" doc:"Of the last 30 days, today included."`
}

type inCustomers struct {
	Name string `query:"name" maxLength:"128" doc:"Only those whose name or id has this in it, in whatever case."`
	Paging
}

func (s *Server) registerCustomers() {
	register(s, route{
		id: "list-customers", method: http.MethodGet, path: "/customers", tag: "organisations",
		summary: "List organisations with their balance, plan and usage", roles: operators(),
	}, s.listCustomers)
}

func (s *Server) listCustomers(ctx context.Context, who *caller, in *inCustomers) (Page[Customer], error) {
	orgs, err := s.organisations(ctx, who)
	if err != nil {
		return Page[Customer]{}, err
	}
	var all []Organisation
	wanted := strings.ToLower(in.Name)
	for _, o := range orgs {
		if strings.Contains(strings.ToLower(o.Name), wanted) || strings.Contains(o.ID, wanted) {
			all = append(all, Organisation(*o))
		}
	}
	part := paged(all, func(o Organisation) string { return o.ID }, in.Paging)
	page := Page[Customer]{Data: make([]Customer, len(part.Data)), Next: part.Next}
	now := s.opt.Now().UTC()
	used, err := s.monthly(ctx, now)
	if err != nil {
		return Page[Customer]{}, err
	}
	keys, err := s.keysOf(ctx, now)
	if err != nil {
		return Page[Customer]{}, err
	}
	for i, o := range part.Data {
		c := Customer{Organisation: o, Usage: at(used, o.ID).shown(), Keys: keys[o.ID].usable, LastUse: keys[o.ID].last}
		if c.Balance, err = s.balance(o.ID, o.Currency); err != nil {
			return Page[Customer]{}, err
		}
		for _, sub := range s.opt.Plans.Subscriptions(o.ID) {
			if sub.Status != plan.Cancelled {
				c.Plan = sub.Terms.Plan
			}
		}
		page.Data[i] = c
	}
	return page, nil
}

// monthly adds up the last 30 days of each organisation.
func (s *Server) monthly(ctx context.Context, now time.Time) (map[string]*figures, error) {
	rows, err := s.opt.Series.UsageSeries(ctx, store.SeriesQuery{Step: sluice.UsageDay, By: store.UsageByOrganisation, Since: now.AddDate(0, 0, -29), Until: now})
	if err != nil {
		return nil, err
	}
	all := map[string]*figures{}
	for i := range rows {
		if err := at(all, rows[i].Org).add(&rows[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// keysInUse is what there is of an organisation's keys.
type keysInUse struct {
	usable int
	last   time.Time
}

func (s *Server) keysOf(ctx context.Context, now time.Time) (map[string]keysInUse, error) {
	keys, err := s.opt.Keys.Keys(ctx)
	if err != nil {
		return nil, err
	}
	used, err := s.opt.Keys.KeysLastUsed(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string]keysInUse{}
	for _, k := range keys {
		u := all[k.Org]
		if k.Usable(now) == nil {
			u.usable++
		}
		if used[k.ID].After(u.last) {
			u.last = used[k.ID]
		}
		all[k.Org] = u
	}
	return all, nil
}
