package api

import (
	"context"
	"net/http"
	"time"

	"sluice"
	"sluice/billing/statements"
	"sluice/money/cost"
	"sluice/money/exact"
	"sluice/money/statement"
)

// Statements is the operator's bookkeeping beside what closes it.
type Statements struct {
	Maker StatementMaker
	Nodes Nodes
	Costs PeriodCosts

	Questions   Questions
	Deployments Deployments
	Printer     StatementPrinter
}

// StatementMaker makes the operator's statements. Errors: CodeInvalid, CodeNotFound, CodeConflict.
type StatementMaker interface {
	Statement(ctx context.Context, q statements.Query) (*statement.Statement, error)
	Input(ctx context.Context, q statements.Query) (*statements.Made, error)
	Segments(ctx context.Context, currency sluice.Currency, periods []statements.Period) (*statements.Segments, error)
	Settings(ctx context.Context) (*statements.BookSettings, error)
	PutSettings(ctx context.Context, reference string, rates cost.NodeRates) (*statements.BookSettings, error)
	PutTimezone(ctx context.Context, from, zone string) (*statements.BookSettings, error)
}

// StatementRows is what the statement of a day, or of several, is made of.
type StatementRows struct {
	Day       string               `json:"day" example:"2026-11-21"`
	Zone      string               `json:"timezone" example:"Asia/Shanghai" doc:"By whose clock its days begin."`
	From      time.Time            `json:"from" doc:"The first instant."`
	To        time.Time            `json:"to" doc:"The instant after the last."`
	Currency  sluice.Currency      `json:"currency" example:"USD"`
	Closed    bool                 `json:"closed" doc:"Whether all of it is closed. If not, the hours that are sealed by now are here."`
	Rows      []statement.Row      `json:"rows"`
	Entries   []statement.EntryRow `json:"entries"`
	Reach     statement.Reach      `json:"reach"`
	Spent     *cost.Report         `json:"spent,omitempty" doc:"What nodes were and cost, as far as the server knows."`
	Rates     cost.NodeRates       `json:"rates" doc:"Tokens that a node reads and writes in a second; zero: not known."`
	Reference *statement.Reference `json:"reference,omitempty" doc:"The list prices by which theoretical revenue is counted."`
	Notes     []string             `json:"notes,omitempty"`
}

// StatementQuery says which statement.
type StatementQuery struct {
	Day       string          `path:"day" maxLength:"10" example:"2026-11-21" doc:"By the timezone of the books."`
	Through   string          `query:"through" maxLength:"10" example:"2026-11-30" doc:"The last day, for a statement of several."`
	Currency  sluice.Currency `query:"currency" default:"USD" pattern:"^[A-Z]{3}$" patternDescription:"three capital letters (ISO 4217)"`
	Reference string          `query:"reference" maxLength:"128" doc:"The model at whose list prices theoretical revenue is counted. By default that of the books' settings."`
	Prefill   string          `query:"prefill_rate" maxLength:"32" example:"73700" doc:"Tokens of prompts that a node reads in a second. By default that of the settings."`
	Decode    string          `query:"decode_rate" maxLength:"32" example:"14800" doc:"Tokens of answers that a node writes in a second."`
}

// query reads the question.
func (in *StatementQuery) query() (statements.Query, error) {
	q := statements.Query{Day: in.Day, Through: in.Through, Currency: in.Currency, Reference: in.Reference}
	for _, r := range []struct {
		name, text string
		to         *exact.Number
	}{{"prefill_rate", in.Prefill, &q.Rates.Prefill}, {"decode_rate", in.Decode, &q.Rates.Decode}} {
		if r.text == "" {
			continue
		}
		n, err := exact.Parse(r.text)
		if err != nil || n.Sign() <= 0 {
			return q, &sluice.Error{Code: sluice.CodeInvalid, Param: r.name, Message: "A rate is a number of tokens above zero."}
		}
		*r.to = n
	}
	if (in.Prefill == "") != (in.Decode == "") {
		return q, sluice.Errorf(sluice.CodeInvalid, "prefill_rate and decode_rate go together.")
	}
	return q, nil
}

// PutBookSettings changes what statements are made with where nothing else is said.
type PutBookSettings struct {
	Reference string         `json:"reference,omitempty" maxLength:"128" doc:"The model at whose list prices theoretical revenue is counted."`
	Rates     cost.NodeRates `json:"rates,omitzero" doc:"Tokens that a node reads and writes in a second."`
}

// PutTimezone has the books' days begin by another clock.
type PutTimezone struct {
	From string `json:"from,omitempty" maxLength:"10" example:"2026-12-01" doc:"The first day of the clock; all days when absent, as long as none was closed."`
	Zone string `json:"timezone" minLength:"1" maxLength:"64" example:"Asia/Shanghai"`
}

func (s *Server) registerStatements() {
	const tag = "closing"
	s.registerNodes()
	s.registerWhatIf()
	s.registerOpen()
	s.registerStatementFile()
	s.registerSegments()
	s.registerDeployments()
	register(s, route{
		id: "get-statement", method: http.MethodGet, path: "/statements/{day}", tag: tag,
		summary: "Get the statement of a day, or of several", roles: operators(),
	}, func(ctx context.Context, _ *caller, in *StatementQuery) (*statement.Statement, error) {
		q, err := in.query()
		if err != nil {
			return nil, err
		}
		return s.opt.Statements.Maker.Statement(ctx, q)
	})
	register(s, route{
		id: "get-statement-rows", method: http.MethodGet, path: "/statements/{day}/rows", tag: tag,
		summary: "Get what the statement of a day is made of", roles: operators(),
	}, func(ctx context.Context, _ *caller, in *StatementQuery) (*StatementRows, error) {
		return s.statementRows(ctx, in)
	})
	register(s, route{
		id: "get-book-settings", method: http.MethodGet, path: "/books/settings", tag: tag,
		summary: "Get what statements are made with, and by whose clock days begin", roles: operators(),
	}, func(ctx context.Context, _ *caller, _ *struct{}) (*statements.BookSettings, error) {
		return s.opt.Statements.Maker.Settings(ctx)
	})
	register(s, route{
		id: "put-book-settings", method: http.MethodPut, path: "/books/settings", tag: tag,
		summary: "Change what statements are made with", roles: treasurers(),
	}, func(ctx context.Context, _ *caller, in *struct{ Body PutBookSettings }) (*statements.BookSettings, error) {
		return s.opt.Statements.Maker.PutSettings(ctx, in.Body.Reference, in.Body.Rates)
	})
	register(s, route{
		id: "put-book-timezone", method: http.MethodPut, path: "/books/timezone", tag: tag,
		summary: "Have days begin by another clock, from a day on that was never closed", roles: treasurers(),
	}, func(ctx context.Context, _ *caller, in *struct{ Body PutTimezone }) (*statements.BookSettings, error) {
		return s.opt.Statements.Maker.PutTimezone(ctx, in.Body.From, in.Body.Zone)
	})
}

// Input is what the rows give a statement.
func (r *StatementRows) Input() *statement.Input {
	return &statement.Input{
		Currency: r.Currency, From: r.From, To: r.To, Rows: r.Rows, Entries: r.Entries, Reach: &r.Reach,
		Spent: r.Spent, Rates: r.Rates, Reference: r.Reference, Notes: r.Notes,
	}
}

// statementRows reads what a statement is made of.
func (s *Server) statementRows(ctx context.Context, in *StatementQuery) (*StatementRows, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	m, err := s.opt.Statements.Maker.Input(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &StatementRows{
		Day: in.Day, Zone: m.Zone, From: m.From, To: m.To, Currency: m.Currency, Closed: m.Closed, Rows: m.Rows, Entries: m.Entries, Reach: *m.Reach,
		Spent: m.Spent, Rates: m.Rates, Reference: m.Reference, Notes: m.Notes,
	}
	if out.Rows == nil {
		out.Rows = []statement.Row{}
	}
	return out, nil
}
