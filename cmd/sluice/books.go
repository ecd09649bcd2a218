package main

import (
	"sluice/api"
	"sluice/billing/closing"
	"sluice/billing/statements"
)

// newBooks makes what closes the operator's books and what makes statements of them.
func (s *server) newBooks() {
	s.statements = statements.New(statements.Options{Books: s.store, Nodes: s.store, Kept: s.store, Power: s.store, Engines: s.store.Engines, Now: clock})
	s.closing = closing.New(closing.Options{
		Hours: s.store, Days: s.store, Notes: s.store, Costs: s.statements.Keep, Flush: s.ledger.Flush, Now: clock, Log: s.log,
	})
}

// bookkeeping is the operator's own books, for the management API.
func (s *server) bookkeeping() api.Statements {
	return api.Statements{Maker: s.statements, Nodes: s.statements, Costs: s.statements}
}
