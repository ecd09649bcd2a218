package api

import (
	"context"
	"net/http"
	"time"

	"sluice"
	"sluice/billing/statements"
	"sluice/money/exact"
	"sluice/money/price"
	"sluice/money/whatif"
)

// Questions answers what a past period would have come to. Errors: CodeInvalid,
// CodeNotFound, CodeConflict.
type Questions interface {
	Start(ctx context.Context, w *statements.WhatIf) (*statements.Run, error)
	Run(id string) (*statements.Run, error)
	Cancel(id string) error
}

// AskWhatIf asks what a past period would have come to. What is not said stays as it was.
type AskWhatIf struct {
	Day        string          `json:"day" maxLength:"10" example:"2026-11-21" doc:"By the timezone of the books."`
	Through    string          `json:"through,omitempty" maxLength:"10" doc:"The last day, of several."`
	Currency   sluice.Currency `json:"currency,omitempty" default:"USD" pattern:"^[A-Z]{3}$" patternDescription:"three capital letters (ISO 4217)"`
	Book       string          `json:"price_book,omitempty" maxLength:"64" doc:"The id of a published book that rates all of it, or in_force for those that were."`
	Prices     *PriceList      `json:"prices,omitempty" doc:"A price list that nobody published. Models that are not in it keep the prices that were in force at the end."`
	HitRate    *exact.Number   `json:"hit_rate,omitempty" doc:"The share of fresh and cached prompt tokens that come from the cache, from 0 to 1."`
	Moves      []MoveCalls     `json:"moves,omitempty" maxItems:"64" doc:"Calls that go to other models."`
	Plan       string          `json:"plan,omitempty" maxLength:"64" doc:"The id of a version of a plan that weighs all calls under plans."`
	Elasticity exact.Number    `json:"elasticity,omitzero" doc:"By how many percent demand changes for each percent by which prices rise: at most 0."`
	HourCost   exact.Number    `json:"hour_cost,omitzero" doc:"What an hour of a node costs, as a multiple of what it did."`
	Follows    exact.Number    `json:"cost_follows,omitzero" doc:"The share of the cost that follows demand, from 0 to 1."`
	Prefill    string          `json:"prefill_rate,omitempty" maxLength:"32" doc:"Tokens of prompts that a node reads in a second."`
	Decode     string          `json:"decode_rate,omitempty" maxLength:"32"`
}

// MoveCalls hands calls to another model.
type MoveCalls struct {
	From    string `json:"from" minLength:"1" maxLength:"128"`
	To      string `json:"to" minLength:"1" maxLength:"128"`
	Percent int64  `json:"percent" minimum:"1" maximum:"100"`
}

func (s *Server) registerWhatIf() {
	const tag = "closing"
	register(s, route{
		id: "ask-what-if", method: http.MethodPost, path: "/whatif", tag: tag, status: http.StatusAccepted,
		summary: "Ask what a past period would have come to under other prices, plans, demand, costs or routing", roles: operators(),
	}, func(ctx context.Context, _ *caller, in *struct{ Body AskWhatIf }) (*statements.Run, error) {
		w, err := s.whatIf(&in.Body)
		if err != nil {
			return nil, err
		}
		return s.opt.Statements.Questions.Start(ctx, w)
	})
	register(s, route{
		id: "get-what-if", method: http.MethodGet, path: "/whatif/{question}", tag: tag,
		summary: "Get how far the answer is, or the answer", roles: operators(),
	}, func(_ context.Context, _ *caller, in *inQuestion) (*statements.Run, error) {
		return s.opt.Statements.Questions.Run(in.Question)
	})
	registerEmpty(s, route{
		id: "cancel-what-if", method: http.MethodDelete, path: "/whatif/{question}", tag: tag,
		summary: "Stop answering", roles: operators(),
	}, func(_ context.Context, _ *caller, in *inQuestion) error {
		return s.opt.Statements.Questions.Cancel(in.Question)
	})
}

type inQuestion struct {
	Question string `path:"question" maxLength:"64"`
}

// whatIf reads the question.
func (s *Server) whatIf(in *AskWhatIf) (*statements.WhatIf, error) {
	q, err := (&StatementQuery{Day: in.Day, Through: in.Through, Currency: in.Currency, Prefill: in.Prefill, Decode: in.Decode}).query()
	if err != nil {
		return nil, err
	}
	w := &statements.WhatIf{
		Query: q, Book: in.Book, HitRate: in.HitRate,
		Market: whatif.Market{Elasticity: in.Elasticity, Hour: in.HourCost, Follows: in.Follows},
	}
	for _, m := range in.Moves {
		w.Moves = append(w.Moves, whatif.Move{From: m.From, To: m.To, Percent: m.Percent})
	}
	if in.Plan != "" {
		for _, v := range s.opt.Plans.PlanVersions() {
			if v.ID == in.Plan {
				w.Quota = v.Quota()
			}
		}
		if w.Quota == nil {
			return nil, sluice.Errorf(sluice.CodeNotFound, "There is no version %q of a plan.", in.Plan)
		}
	}
	if p := in.Prices; p != nil {
		d := &price.Draft{Currency: p.Currency, EffectiveAt: time.Unix(0, 0).UTC(), Zone: p.Zone}
		if d.Rules, err = allRules(p.Models); err == nil {
			d.Calendars, err = calendars(p.Calendars)
		}
		if err != nil {
			return nil, err
		}
		w.Prices = d
	}
	return w, nil
}
