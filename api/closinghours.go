package api

import (
	"context"
	"net/http"
	"time"

	"sluice/billing/closing"
)

// SealedHours tells where days and their hours stand. Errors: CodeInvalid.
type SealedHours interface {
	Days(ctx context.Context, from, through string) ([]closing.DayState, error)
	DayHours(ctx context.Context, day string) ([]closing.Hour, error)
}

// DaysQuery says which days are listed.
type DaysQuery struct {
	From    string `query:"from" maxLength:"10" example:"2026-11-01" doc:"The first day; when absent, two weeks are listed."`
	Through string `query:"through" maxLength:"10" example:"2026-11-21" doc:"The last day; today when absent."`
	Paging
}

func (s *Server) registerHours() {
	const tag = "closing"
	register(s, route{
		id: "list-days", method: http.MethodGet, path: "/closing/days", tag: tag,
		summary: "List days with their state, the first day first", roles: operators(),
	}, func(ctx context.Context, _ *caller, in *DaysQuery) (Page[closing.DayState], error) {
		days, err := s.opt.SealedHours.Days(ctx, in.From, in.Through)
		return paged(days, func(d closing.DayState) string { return d.Day }, in.Paging), err
	})
	register(s, route{
		id: "list-hours", method: http.MethodGet, path: "/closing/days/{day}/hours", tag: tag,
		summary: "List the hours of a day with their seals", roles: operators(),
	}, func(ctx context.Context, _ *caller, in *struct {
		Day string `path:"day" maxLength:"10" example:"2026-11-21"`
		Paging
	},
	) (Page[closing.Hour], error) {
		hours, err := s.opt.SealedHours.DayHours(ctx, in.Day)
		return paged(hours, func(h closing.Hour) string { return h.Hour.Format(time.RFC3339) }, in.Paging), err
	})
}
