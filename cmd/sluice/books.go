package main

import (
	"context"
	"time"

	"sluice"
	"sluice/api"
	"sluice/billing/closing"
	"sluice/billing/counting"
	"sluice/billing/local"
	"sluice/billing/retention"
	"sluice/billing/statements"
	"sluice/fleet"
	"sluice/fleet/embedded"
	"sluice/money/whatif"
)

// newBooks makes what closes the operator's books and what makes statements of them.
func (s *server) newBooks() {
	s.statements = statements.New(statements.Options{Books: s.store, Nodes: s.store, Kept: s.store, Power: s.store, Engines: s.store.Engines, Now: clock, Rerate: s.rerate, InForce: s.inForce})
	s.counting = counting.New(counting.Options{Store: s.store, Look: s.seenEngines, Now: clock, Log: s.log})
	s.closing = closing.New(closing.Options{
		Hours: s.store, Days: s.store, Notes: s.store, Invoices: s.store, Local: s.store, Events: s.store, Costs: s.statements.Keep, Flush: s.ledger.Flush, Now: clock, Log: s.log,
	})
}

// removeOld removes until ctx ends what is kept for some time only.
func (s *server) removeOld(ctx context.Context) {
	retention.New(retention.Options{Store: s.store, ClosedThrough: s.closing.ClosedThrough, Usage: s.cfg.UsageKeep, Power: s.cfg.PowerKeep, Now: clock, Log: s.log}).Run(ctx)
}

// bookkeeping is the operator's own books, for the management API.
func (s *server) bookkeeping() api.Statements {
	return api.Statements{Maker: s.statements, Nodes: s.statements, Costs: s.statements, Questions: s.statements, Deployments: local.New(local.Options{Store: s.store, Ledger: s.ledger, Now: clock}), Printer: s.printer}
}

// rerate rates a period again, on all processors.
func (s *server) rerate(ctx context.Context, r *whatif.Rerater, since, until time.Time, progress func(done, total int64)) (whatif.Result, error) {
	return closing.Rerate(ctx, s.store, r, since, until, progress)
}

// counter is an engine of this process that counts tokens.
type counter interface{ Counted() embedded.Counts }

// seenEngines is what engines count themselves, and which are up. Simulated ones
// are left out: no answer of theirs is in the books.
func (s *server) seenEngines() []counting.Seen {
	var all []counting.Seen
	for _, e := range s.fleet.Status() {
		if e.Kind == sluice.EngineSimulated {
			continue
		}
		seen := counting.Seen{Engine: e.Name, Up: e.Health == fleet.HealthServing || e.Health == fleet.HealthRecovering || e.Health == fleet.HealthParked}
		if own, ok := s.embedded.Load(e.ID); ok {
			seen.Known, seen.At = true, clock()
			c := own.(counter).Counted()
			seen.Prompt, seen.Completion = c.Prompt, c.Completion
		} else if e.Counted != nil {
			seen.Known, seen.At = true, e.LoadAt
			seen.Prompt, seen.Completion, seen.Fresh = e.Counted.Prompt, e.Counted.Completion, e.Counted.Fresh
		}
		all = append(all, seen)
	}
	return all
}
