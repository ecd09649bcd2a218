package statements

import (
	"context"
	"time"

	"sluice"
	"sluice/money/cost"
	"sluice/money/exact"
	"sluice/money/statement"
)

// Period is a stretch of days that segments are reported of.
type Period struct {
	Name    string `json:"name" minLength:"1" maxLength:"64" example:"2026-H1"`
	Day     string `json:"day" maxLength:"10" example:"2026-01-01" doc:"The first day."`
	Through string `json:"through" maxLength:"10" example:"2026-06-30" doc:"The last day."`
	Against string `json:"against,omitempty" maxLength:"64" doc:"The name of an earlier period that growth is measured against; the one before when absent."`
}

// Segments is what a business reports over time.
type Segments struct {
	Currency sluice.Currency          `json:"currency"`
	Periods  []statement.PeriodReport `json:"periods"`

	// CAGR is the rate at which revenue grew each year from the first period to the
	// last; absent where they are not whole years apart, or there was none.
	CAGR  *exact.Number `json:"cagr,omitempty"`
	Years int           `json:"years,omitempty"`
	Notes []string      `json:"notes"`
}

// Segments reports revenue, gross margin and growth by segment, concentration and
// the share of research over periods. Research and training are no part of the cost
// of revenue. Errors: CodeInvalid.
func (s *Service) Segments(ctx context.Context, currency sluice.Currency, periods []Period) (*Segments, error) {
	out := &Segments{Currency: currency, Notes: []string{}}
	var made []statement.Period
	for i := range periods {
		p := &periods[i]
		in, err := s.Input(ctx, Query{Day: p.Day, Through: p.Through, Currency: currency})
		if err != nil {
			return nil, err
		}
		var research, training exact.Number
		if in.Spent != nil {
			research, training = in.Spent.Total.Expenses[cost.KindResearch], in.Spent.Total.Expenses[cost.KindTraining]
			in.Spent = in.Spent.Without(cost.KindResearch, cost.KindTraining)
		}
		st, err := statement.Make(&in.Input)
		if err != nil {
			return nil, err
		}
		of := statement.PeriodOf(p.Name, st)
		of.Against, of.Research, of.ResearchCompute = p.Against, research.Add(training), training
		made = append(made, of)
		for _, n := range in.Notes {
			out.Notes = append(out.Notes, p.Name+": "+n)
		}
		if in.Spent == nil {
			out.Notes = append(out.Notes, p.Name+": what nodes cost is not known, so that margins are not.")
		}
	}
	var err error
	if out.Periods, err = statement.Over(made); err != nil {
		return nil, err
	}
	first, last := &periods[0], &periods[len(periods)-1]
	if out.Years = yearsBetween(first.Day, last.Day); out.Years > 0 {
		rate, err := statement.CAGR(out.Periods[0].Revenue, out.Periods[len(periods)-1].Revenue, out.Years, 6)
		if err == nil {
			out.CAGR = &rate
		}
	}
	return out, nil
}

// yearsBetween is how many whole years lie between two days; 0 for a part of one.
func yearsBetween(a, b string) int {
	from, err := time.Parse(time.DateOnly, a)
	if err != nil {
		return 0
	}
	to, err := time.Parse(time.DateOnly, b)
	if err != nil {
		return 0
	}
	years := to.Year() - from.Year()
	if years < 1 || !from.AddDate(years, 0, 0).Equal(to) {
		return 0
	}
	return years
}
