package billing

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"sluice"
	"sluice/money/plan"
	"sluice/money/quota"
)

// subscription is a subscription with what was used under it. Guarded by Ledger.mu.
type subscription struct {
	state plan.Subscription
	rev   int64
	busy  bool      // a change of it is on its way
	tried time.Time // when paying it was tried last; zero: not since it was due, or money came in since

	version *plan.Version // of the terms
	use     *quota.State
	useRev  int64
	queue   []*waiter // who wait for what running calls have reserved
}

// usage is what a subscription has used, to be stored.
type usage struct {
	subscription string
	rev          int64
	snapshot     quota.Snapshot
}

// stored writes it for the store.
func (u *usage) stored() sluice.QuotaState {
	return sluice.QuotaState{Subscription: u.subscription, Rev: u.rev, Snapshot: encode(u.snapshot)}
}

// encode writes what always can be written.
func encode(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("billing: " + err.Error())
	}
	return raw
}

// loadPlans reads plans and subscriptions into memory.
func (l *Ledger) loadPlans(ctx context.Context) error {
	versions, err := l.store.PlanVersions(ctx)
	if err != nil {
		return fmt.Errorf("loading plans: %w", err)
	}
	l.UsePlans(versions, nil)
	states, quotas, err := l.store.Subscriptions(ctx)
	if err != nil {
		return fmt.Errorf("loading subscriptions: %w", err)
	}
	for i := range states {
		if err := l.restore(&states[i], &quotas[i]); err != nil {
			return fmt.Errorf("loading subscription %s: %w", states[i].ID, err)
		}
	}
	return nil
}

// UsePlans takes up the versions of plans that are published and the names of
// those whose sales are paused. A version that is known stays as it is.
func (l *Ledger) UsePlans(versions []*plan.Version, paused []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, v := range versions {
		if l.versions[v.ID] == nil {
			l.versions[v.ID] = v
		}
	}
	l.rules.Paused = slices.Clone(paused)
}

// restore takes in a subscription as it was stored. What it used may have been
// stored under the terms before the last change, or before the last period began.
func (l *Ledger) restore(st *sluice.SubscriptionState, used *sluice.QuotaState) error {
	s := &subscription{rev: st.Rev, useRev: used.Rev}
	if err := json.Unmarshal(st.State, &s.state); err != nil {
		return err
	}
	if s.version = l.versions[s.state.Terms.Version]; s.version == nil {
		return fmt.Errorf("its plan's version %s is not there", s.state.Terms.Version)
	}
	s.use = quotaOf(s.version)
	if len(used.Snapshot) > 0 {
		var snap quota.Snapshot
		if err := json.Unmarshal(used.Snapshot, &snap); err != nil {
			return err
		}
		version := l.versions[snap.Quota]
		if version == nil {
			return fmt.Errorf("the version %s of the plan that it used is not there", snap.Quota)
		}
		var err error
		if s.use, err = quota.Restore(version.Quota(), snap); err != nil {
			return err
		}
	}
	return l.adopt(s)
}

// quotaOf returns a version's quota of which nothing was used.
func quotaOf(v *plan.Version) *quota.State {
	return quota.New(v.Quota(), time.Time{}, time.Time{})
}

// adopt makes a subscription known, and its organisation's if it is live.
func (l *Ledger) adopt(s *subscription) error {
	s.align()
	l.subscriptions[s.state.ID] = s
	w, err := l.wallet(s.state.Org, s.state.Terms.Currency)
	if err != nil {
		return err
	}
	if s.state.Status != plan.Cancelled {
		w.plan = s
	} else if w.plan == s {
		w.plan = nil
	}
	return nil
}

// align brings the windows in line with the terms and the period. Who has not
// paid gets no new period.
func (s *subscription) align() {
	if s.use.Quota() != s.version.Quota() {
		s.use.Change(time.Time{}, s.version.Quota())
	}
	if s.state.Paid || s.state.Status == plan.Trialing {
		s.use.SetPeriod(s.state.Period.Start, s.state.Period.End)
	}
}

// used returns what was used, under a new revision, for the writer.
func (s *subscription) used() *usage {
	s.useRev++
	return &usage{s.state.ID, s.useRev, s.use.Snapshot(false)}
}

// Planned reports whether an organisation has a plan.
func (l *Ledger) Planned(org string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.wallets[org]
	return w != nil && w.plan != nil
}

// PlanMeter returns what the windows of an organisation's plan show, with the
// multipliers for a model at the instant; nil when it has no plan.
func (l *Ledger) PlanMeter(org, model string, at time.Time) *sluice.PlanMeter {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.wallets[org]
	if w == nil || w.plan == nil {
		return nil
	}
	return l.meter(w.plan, model, at)
}

// meter reads a subscription's windows.
func (l *Ledger) meter(s *subscription, model string, at time.Time) *sluice.PlanMeter {
	q := s.use.Quota()
	var space [sluice.MaxWindows]quota.Reading
	readings := s.use.Read(space[:0], at)
	m := &sluice.PlanMeter{
		Subscription: s.state.ID, Plan: s.state.Terms.Plan, Version: q.ID(),
		Windows: make([]sluice.PlanWindow, len(readings)),
	}
	for i := range readings {
		r := &readings[i]
		minutes, months := s.length(r.Window)
		m.Windows[i] = sluice.PlanWindow{
			Name: r.Window.Name, Unit: string(r.Window.Unit), Minutes: minutes, Months: months,
			Limit: r.Limit, Used: r.Used, Reserved: r.Reserved, Remaining: r.Remaining, Permille: r.Permille, ResetAt: r.ResetAt,
			Times: q.Times(i, model, at, l.inForce),
		}
	}
	return m
}

// length is how long a window is, in minutes or in months.
func (s *subscription) length(w *quota.Window) (minutes, months int64) {
	const day = 24 * 60
	switch {
	case w.Kind == quota.Period && s.state.Status == plan.Trialing:
		return int64(s.state.Period.End.Sub(s.state.Period.Start) / time.Minute), 0
	case w.Kind == quota.Period:
		return 0, int64(s.state.Terms.Cycle.Months())
	case w.Span == quota.Month:
		return 0, 1
	case w.Span == quota.Week:
		return 7 * day, 0
	case w.Span == quota.Day:
		return day, 0
	}
	return w.Minutes, 0
}
