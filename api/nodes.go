package api

import (
	"context"
	"net/http"
	"time"

	"sluice"
	"sluice/money/cost"
	"sluice/money/exact"
	"sluice/money/statement"
)

// Nodes keeps the operator's pools of nodes and their schedule. Errors:
// CodeInvalid, CodeNotFound, CodeConflict.
type Nodes interface {
	Schedule(ctx context.Context, since, until time.Time) (*statement.NodeSchedule, error)
	Import(ctx context.Context, file string, currency sluice.Currency, replace bool) (*statement.NodeImport, error)
	PutPool(ctx context.Context, p *statement.NodePool) error
	RemovePool(ctx context.Context, name string) error
	RemoveNodes(ctx context.Context, pool string, from, to time.Time) (*statement.NodeImport, error)
	Place(ctx context.Context, p statement.Placed) (*statement.Placed, error)
}

// PeriodCosts keeps what the operator pays for periods. Errors: CodeInvalid, CodeNotFound.
type PeriodCosts interface {
	AddCost(ctx context.Context, c statement.PeriodCost) (*statement.PeriodCost, error)
	RemoveCost(ctx context.Context, id string) error
}

// NodesQuery says of when.
type NodesQuery struct {
	From time.Time `query:"from" doc:"From this instant on. By default thirty days ago."`
	To   time.Time `query:"to" doc:"Before this instant. By default in a year."`
}

// ImportNodes is a file of nodes and costs.
type ImportNodes struct {
	File     string          `json:"file" minLength:"1" maxLength:"1000000" doc:"CSV with a line of column names, or JSON lines; docs/books.md lists the columns."`
	Currency sluice.Currency `json:"currency,omitempty" default:"USD" pattern:"^[A-Z]{3}$" patternDescription:"three capital letters (ISO 4217)" doc:"Of rows that name none."`
	Replace  bool            `json:"replace,omitempty" doc:"The file's pools lose what they had in its time. Without, what overlaps is refused."`
}

// PutNodePool is a pool of nodes.
type PutNodePool struct {
	Role     cost.Role       `json:"role,omitempty" enum:"prefill,decode" doc:"What its nodes do of a call; both when absent."`
	Chips    int64           `json:"chips" minimum:"1" doc:"Of a node."`
	Price    exact.Number    `json:"price" doc:"Of a chip for an hour: the rent, or the price divided by the hours that it serves."`
	Watts    int64           `json:"watts,omitempty" minimum:"0" doc:"That a node draws, where nothing is measured."`
	Currency sluice.Currency `json:"currency,omitempty" default:"USD" pattern:"^[A-Z]{3}$" patternDescription:"three capital letters (ISO 4217)"`
	Measured bool            `json:"measured,omitempty" doc:"Its nodes are those of its engines, for as long as they are up."`
}

// PlaceEngine says where an engine belongs.
type PlaceEngine struct {
	Pool    string            `json:"pool" maxLength:"128" doc:"Empty: the pool of its own name, which is the default."`
	Segment statement.Segment `json:"segment,omitempty" enum:"api,search" doc:"Of its metered calls."`
	Nodes   exact.Number      `json:"nodes,omitzero" doc:"That it runs on, for a pool that is measured. By default 1."`
}

// AddCost is what is paid for a period.
type AddCost struct {
	Kind     cost.Kind       `json:"kind" enum:"power,bandwidth,people,training,research,other"`
	Pool     string          `json:"pool,omitempty" maxLength:"128" doc:"That it is for; all when absent."`
	From     time.Time       `json:"from"`
	To       time.Time       `json:"to" doc:"Not in it any more. It is spread over the time evenly."`
	Amount   sluice.Amount   `json:"amount"`
	Currency sluice.Currency `json:"currency,omitempty" default:"USD" pattern:"^[A-Z]{3}$" patternDescription:"three capital letters (ISO 4217)"`
}

func (s *Server) registerNodes() {
	const tag = "costs"
	register(s, route{
		id: "get-nodes", method: http.MethodGet, path: "/nodes", tag: tag,
		summary: "Get pools of nodes, their schedule, what is paid for them, and which engines are in them", roles: operators(),
	}, func(ctx context.Context, _ *caller, in *NodesQuery) (*statement.NodeSchedule, error) {
		if in.From.IsZero() {
			in.From = s.opt.Now().AddDate(0, 0, -30)
		}
		if in.To.IsZero() {
			in.To = s.opt.Now().AddDate(1, 0, 0)
		}
		return s.opt.Statements.Nodes.Schedule(ctx, in.From, in.To)
	})
	register(s, route{
		id: "import-nodes", method: http.MethodPost, path: "/nodes/import", tag: tag,
		summary: "Import a file of nodes and costs, whole or not at all", roles: treasurers(),
	}, func(ctx context.Context, _ *caller, in *struct{ Body ImportNodes }) (*statement.NodeImport, error) {
		return s.opt.Statements.Nodes.Import(ctx, in.Body.File, in.Body.Currency, in.Body.Replace)
	})
	register(s, route{
		id: "put-node-pool", method: http.MethodPut, path: "/nodes/pools/{pool}", tag: tag,
		summary: "Make a pool of nodes, or change it", roles: treasurers(),
	}, func(ctx context.Context, _ *caller, in *struct {
		Pool string `path:"pool" maxLength:"128"`
		Body PutNodePool
	},
	) (*statement.NodePool, error) {
		b := &in.Body
		p := &statement.NodePool{Pool: cost.Pool{Name: in.Pool, Role: b.Role, Chips: b.Chips, Price: b.Price, Watts: b.Watts}, Currency: b.Currency, Measured: b.Measured}
		return p, s.opt.Statements.Nodes.PutPool(ctx, p)
	})
	registerEmpty(s, route{
		id: "delete-node-pool", method: http.MethodDelete, path: "/nodes/pools/{pool}", tag: tag,
		summary: "Forget a pool with its schedule", roles: treasurers(),
	}, func(ctx context.Context, _ *caller, in *struct {
		Pool string `path:"pool" maxLength:"128"`
	},
	) error {
		return s.opt.Statements.Nodes.RemovePool(ctx, in.Pool)
	})
	register(s, route{
		id: "delete-nodes", method: http.MethodDelete, path: "/nodes/pools/{pool}/schedule", tag: tag, status: http.StatusOK,
		summary: "Take a period out of the schedule of a pool", roles: treasurers(),
	}, func(ctx context.Context, _ *caller, in *struct {
		Pool string    `path:"pool" maxLength:"128"`
		From time.Time `query:"from" required:"true"`
		To   time.Time `query:"to" required:"true"`
	},
	) (*statement.NodeImport, error) {
		return s.opt.Statements.Nodes.RemoveNodes(ctx, in.Pool, in.From, in.To)
	})
	register(s, route{
		id: "place-engine", method: http.MethodPut, path: "/nodes/engines/{engine}", tag: tag,
		summary: "Say which pool and segment an engine is of", roles: treasurers(),
	}, func(ctx context.Context, _ *caller, in *struct {
		Engine string `path:"engine" maxLength:"128" doc:"Its name."`
		Body   PlaceEngine
	},
	) (*statement.Placed, error) {
		return s.opt.Statements.Nodes.Place(ctx, statement.Placed{Name: in.Engine, Pool: in.Body.Pool, Segment: in.Body.Segment, Nodes: in.Body.Nodes})
	})
	s.registerCosts(tag)
}

func (s *Server) registerCosts(tag string) {
	register(s, route{
		id: "add-cost", method: http.MethodPost, path: "/costs", tag: tag, status: http.StatusCreated,
		summary: "Keep what is paid for a period", roles: treasurers(),
	}, func(ctx context.Context, _ *caller, in *struct{ Body AddCost }) (*statement.PeriodCost, error) {
		b := &in.Body
		return s.opt.Statements.Costs.AddCost(ctx, statement.PeriodCost{Currency: b.Currency, Expense: cost.Expense{Kind: b.Kind, Pool: b.Pool, From: b.From.UTC(), To: b.To.UTC(), Amount: b.Amount}})
	})
	registerEmpty(s, route{
		id: "delete-cost", method: http.MethodDelete, path: "/costs/{cost}", tag: tag,
		summary: "Forget what was paid for a period", roles: treasurers(),
	}, func(ctx context.Context, _ *caller, in *struct {
		Cost string `path:"cost" maxLength:"64"`
	},
	) error {
		return s.opt.Statements.Costs.RemoveCost(ctx, in.Cost)
	})
}
