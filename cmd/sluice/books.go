package main

import (
	"context"
	"time"

	"sluice/api"
	"sluice/billing/closing"
	"sluice/billing/statements"
	"sluice/money/whatif"
)

// newBooks makes what closes the operator's books and what makes statements of them.
func (s *server) newBooks() {
	s.statements = statements.New(statements.Options{Books: s.store, Nodes: s.store, Kept: s.store, Power: s.store, Engines: s.store.Engines, Now: clock, Rerate: s.rerate, InForce: s.inForce})
	s.closing = closing.New(closing.Options{
		Hours: s.store, Days: s.store, Notes: s.store, Costs: s.statements.Keep, Flush: s.ledger.Flush, Now: clock, Log: s.log,
	})
}

// bookkeeping is the operator's own books, for the management API.
func (s *server) bookkeeping() api.Statements {
	return api.Statements{Maker: s.statements, Nodes: s.statements, Costs: s.statements, Questions: s.statements}
}

// rerate rates a period again, on all processors.
func (s *server) rerate(ctx context.Context, r *whatif.Rerater, since, until time.Time, progress func(done, total int64)) (whatif.Result, error) {
	return closing.Rerate(ctx, s.store, r, since, until, progress)
}
