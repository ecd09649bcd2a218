package main

import (
	"context"
	"fmt"
	"time"

	"sluice/api"
	"sluice/money/calendar"
	vendors "sluice/money/catalogue"
)

// calendars returns the calendars that plans may weigh by: those of the
// catalogue in the program.
func calendars() (map[string]*calendar.Calendar, error) {
	published, err := vendors.Published()
	if err != nil {
		return nil, fmt.Errorf("reading the catalogue: %w", err)
	}
	byName := map[string]*calendar.Calendar{}
	for _, v := range published.Vendors {
		for _, c := range v.Calendars {
			byName[c.Name()] = c
		}
	}
	return byName, nil
}

// inForce reports whether a calendar is in force, for plans that weigh by it.
func (s *server) inForce(name string, at time.Time) bool {
	c := s.calendars[name]
	return c != nil && c.Contains(at)
}

// hasCalendar reports whether plans may weigh by a calendar.
func (s *server) hasCalendar(name string) bool { return s.calendars[name] != nil }

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

// renew lets time pass for subscriptions, in the background. The function that
// is returned ends it.
func (s *server) renew(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.ledger.Renew(ctx)
	}()
	return func() { cancel(); <-done }
}
