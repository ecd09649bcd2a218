package api

import (
	"context"
	"net/http"

	"sluice"
	"sluice/billing/statements"
)

// ReportSegments asks for segments over time.
type ReportSegments struct {
	Currency sluice.Currency     `json:"currency,omitempty" default:"USD" pattern:"^[A-Z]{3}$" patternDescription:"three capital letters (ISO 4217)"`
	Periods  []statements.Period `json:"periods" minItems:"1" maxItems:"24" doc:"In order of time, each at most 366 days."`
}

func (s *Server) registerSegments() {
	register(s, route{
		id: "report-segments", method: http.MethodPost, path: "/statements/segments", tag: "closing",
		summary: "Report revenue, margin and growth by segment over periods, as a prospectus does", roles: operators(),
	}, func(ctx context.Context, _ *caller, in *struct{ Body ReportSegments }) (*statements.Segments, error) {
		return s.opt.Statements.Maker.Segments(ctx, in.Body.Currency, in.Body.Periods)
	})
}
