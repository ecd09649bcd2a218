package api

import (
	"context"
	"net/http"
	"time"

	"sluice"
	"sluice/store"
)

// Tokens counts tokens by class. The classes are disjoint.
type Tokens struct {
	Input      int64 `json:"input" doc:"Prompt tokens computed afresh."`
	Cached     int64 `json:"cached" doc:"Prompt tokens read from the engine's prefix cache."`
	CacheWrite int64 `json:"cache_write" doc:"Prompt tokens written to a cache that is charged for."`
	Output     int64 `json:"output"`
	Reasoning  int64 `json:"reasoning"`

	CacheWriteHour int64 `json:"cache_write_1h,omitempty" doc:"Prompt tokens written to a cache that keeps them for an hour."`
}

// CallStep is where a call stands in the steps of a price.
type CallStep struct {
	Class  string    `json:"class" example:"input"`
	Period string    `json:"period" example:"month"`
	Start  time.Time `json:"start" doc:"Of the period."`
	Before int64     `json:"before" doc:"What the organisation had used in the period before this call."`
	Units  int64     `json:"units" doc:"What this call used."`
}

// Call is the record of one request that reached an engine.
type Call struct {
	ID           string           `json:"id"`
	Time         time.Time        `json:"time" doc:"When it was admitted."`
	Organisation string           `json:"organisation"`
	Project      string           `json:"project,omitempty"`
	Key          string           `json:"key"`
	Model        string           `json:"model"`
	Engine       string           `json:"engine"`
	Endpoint     string           `json:"endpoint" example:"/v1/chat/completions"`
	Status       sluice.Status    `json:"status" example:"completed"`
	Tokens       Tokens           `json:"tokens"`
	Units        map[string]int64 `json:"units,omitempty" doc:"What it used besides tokens, by class: images, seconds, characters."`
	Batch        bool             `json:"batch,omitempty" doc:"It was rated as part of a batch."`
	ServiceTier  string           `json:"service_tier,omitempty" doc:"The one that the request named; absent for the standard one."`
	Thinking     bool             `json:"thinking,omitempty" doc:"The request turned thinking on."`
	Estimated    bool             `json:"estimated" doc:"Counted here, because the engine did not say."`
	Simulated    bool             `json:"simulated" doc:"A simulator answered: it is no revenue."`
	Currency     sluice.Currency  `json:"currency"`
	List         sluice.Amount    `json:"list" example:"0.0000022" doc:"By the price book."`
	Charge       sluice.Amount    `json:"charge" example:"0.0000022" doc:"What was billed: the list amount, or less when the balance ended before."`
	Refund       *sluice.Amount   `json:"refund,omitempty" doc:"What it gave back of earlier charges of its period, by reaching a step of a volume price."`
	Steps        []CallStep       `json:"steps,omitempty" doc:"Where it stood in its periods, for a price with steps."`
	PriceBook    string           `json:"price_book"`
	EndedAt      time.Time        `json:"ended_at"`
	FirstTokenMS *int64           `json:"first_token_ms,omitempty" doc:"From admission to the first token, in milliseconds; absent without one."`
	DurationMS   int64            `json:"duration_ms" doc:"From admission to the end, in milliseconds."`
	Receipt      string           `json:"receipt" example:"/api/v1/calls/call_06f2k8c0q5xg3e8v7m1n4r9t2w/receipt" doc:"Where its receipt is, which proves how it was booked, once its hour is sealed."`
}

// CallDetail is a call with the transaction that booked it.
type CallDetail struct {
	Call
	Transaction Transaction `json:"transaction"`
}

// UsageFilter selects calls. What is absent selects all.
type UsageFilter struct {
	Since   time.Time     `query:"since" doc:"Calls that ended then or later."`
	Until   time.Time     `query:"until" doc:"Calls that ended before."`
	Project string        `query:"project" maxLength:"64" doc:"A project's id."`
	Key     string        `query:"key" maxLength:"64" doc:"A key's id."`
	Model   string        `query:"model" maxLength:"128"`
	Status  sluice.Status `query:"status" enum:"completed,cancelled,failed,cut_off,recovered" doc:"How the calls ended."`
}

// UsageQuery selects a part of a list of calls.
type UsageQuery struct {
	UsageFilter
	Paging
}

// query asks the store for calls of an organisation.
func (f *UsageFilter) query(org string) store.EventQuery {
	return store.EventQuery{Org: org, Project: f.Project, Key: f.Key, Model: f.Model, Status: f.Status, Since: f.Since, Until: f.Until}
}

// Books are the records of the ledger, for reading.
type Books interface {
	// Events returns usage events, those that ended last first.
	Events(ctx context.Context, q store.EventQuery) (events []sluice.Event, next string, err error)

	// Tx returns one transaction. Errors: CodeNotFound.
	Tx(ctx context.Context, id string) (*sluice.Tx, error)

	// Txs returns an organisation's transactions, the latest first.
	Txs(ctx context.Context, q store.TxQuery) (txs []sluice.Tx, next string, err error)

	// Verify proves the books from their first transaction on.
	Verify(ctx context.Context) (store.Report, error)
}

func (s *Server) registerUsage() {
	register(s, route{
		id: "list-usage", method: http.MethodGet, path: "/organisations/{organisation}/usage", tag: "usage",
		summary: "List an organisation's calls, those that ended last first", roles: anyone(),
	}, s.listUsage)
	register(s, route{
		id: "get-call", method: http.MethodGet, path: "/calls/{call}", tag: "usage",
		summary: "Get a call with the entries that booked it", roles: anyone(),
	}, s.getCall)
	s.registerUsageExport()
	s.registerSeries()
	s.registerLimits()
	s.registerCustomers()
}

type inUsage struct {
	Organisation string `path:"organisation" maxLength:"64"`
	UsageQuery
}

func (s *Server) listUsage(ctx context.Context, who *caller, in *inUsage) (Page[Call], error) {
	o, err := s.organisation(ctx, who, in.Organisation)
	if err != nil {
		return Page[Call]{}, err
	}
	q := in.query(o.ID)
	q.After, q.Limit = in.Cursor, in.limit()
	events, next, err := s.opt.Books.Events(ctx, q)
	if err != nil {
		return Page[Call]{}, err
	}
	page := Page[Call]{Data: make([]Call, len(events)), Next: next}
	for i := range events {
		page.Data[i] = call(&events[i])
	}
	return page, nil
}

type inCall struct {
	Call string `path:"call" maxLength:"64"`
}

// getCall finds a call within what the caller may see: another organisation's
// is not there.
func (s *Server) getCall(ctx context.Context, who *caller, in *inCall) (CallDetail, error) {
	events, _, err := s.opt.Books.Events(ctx, store.EventQuery{Org: who.org, Call: in.Call, Limit: 1})
	if err != nil {
		return CallDetail{}, err
	}
	if len(events) == 0 {
		return CallDetail{}, sluice.Errorf(sluice.CodeNotFound, "There is no call %q.", in.Call)
	}
	tx, err := s.opt.Books.Tx(ctx, in.Call)
	if err != nil {
		return CallDetail{}, err
	}
	return CallDetail{Call: call(&events[0]), Transaction: transaction(tx)}, nil
}

// call writes an event as it is shown.
func call(e *sluice.Event) Call {
	shown := Call{
		ID: e.CallID, Time: e.AdmittedAt, Organisation: e.Org, Project: e.Project, Key: e.Key,
		Model: e.Model, Engine: e.Engine, Endpoint: e.Endpoint, Status: e.Status,
		Tokens: tokens(&e.Usage), Units: units(&e.Usage), Batch: e.Batch, ServiceTier: e.ServiceTier, Thinking: e.Thinking,
		Estimated: e.Estimated, Simulated: e.Simulated,
		Currency: e.Currency, List: e.List.Amount(), Charge: e.Charge.Amount(), PriceBook: e.Book,
		EndedAt: e.EndedAt, DurationMS: e.EndedAt.Sub(e.AdmittedAt).Milliseconds(), Receipt: Prefix + "/calls/" + e.CallID + "/receipt",
	}
	if e.Refund != 0 {
		refund := e.Refund.Amount()
		shown.Refund = &refund
	}
	for _, s := range e.Steps {
		if s.Class != sluice.ClassReturnable {
			shown.Steps = append(shown.Steps, CallStep(s))
		}
	}
	if !e.FirstAt.IsZero() {
		ms := e.FirstAt.Sub(e.AdmittedAt).Milliseconds()
		shown.FirstTokenMS = &ms
	}
	return shown
}

// tokens writes the classes that count tokens.
func tokens(u *sluice.Usage) Tokens {
	return Tokens{
		Input: u[sluice.ClassInput], Cached: u[sluice.ClassCached], CacheWrite: u[sluice.ClassCacheWrite],
		Output: u[sluice.ClassOutput], Reasoning: u[sluice.ClassReasoning], CacheWriteHour: u[sluice.ClassCacheWriteHour],
	}
}

// units writes the other classes, those that there are.
func units(u *sluice.Usage) map[string]int64 {
	var all map[string]int64
	for class, n := range u {
		if c := sluice.Class(class); n != 0 && !c.IsToken() {
			if all == nil {
				all = map[string]int64{}
			}
			all[c.String()] = n
		}
	}
	return all
}
