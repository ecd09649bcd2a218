package main

import (
	"context"

	"sluice/api"
)

// loadPlans gives the ledger the plans that are published and those whose
// sales are paused.
func (s *server) loadPlans(ctx context.Context) error {
	versions, err := s.store.PlanVersions(ctx)
	if err != nil {
		return err
	}
	paused, err := api.PausedPlans(ctx, s.store)
	if err != nil {
		return err
	}
	s.ledger.UsePlans(versions, paused)
	return nil
}
