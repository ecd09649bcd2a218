package store

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"sluice"
	"sluice/money/plan"
)

// checkPlans checks that versions of plans are as they were published, and
// that every organisation's deferred account holds what the running periods of
// its subscriptions have not earned.
func (v *verifier) checkPlans(ctx context.Context) error {
	versions, broken, err := readPlans(ctx, v.tx)
	if err != nil {
		return err
	}
	for _, b := range broken {
		v.violation(sealed, "plan_version", "%v", b)
	}
	v.PlanVersions = int64(len(versions) + len(broken))
	states, _, err := readSubscriptions(ctx, v.tx)
	if err != nil {
		return err
	}
	v.Subscriptions = int64(len(states))
	deferred := map[sluice.AccountID]sluice.Amount{}
	for i := range states {
		var s plan.Subscription
		err := json.Unmarshal(states[i].State, &s)
		id := sluice.AccountID{Owner: s.Org, Kind: sluice.AccountDeferred, Currency: s.Terms.Currency}
		if err == nil {
			deferred[id], err = deferred[id].Add(s.Deferred())
		}
		if err != nil {
			v.violation(planDeferred, "subscription "+states[i].ID, "%v", err)
		}
	}
	for _, number := range slices.Sorted(maps.Keys(v.accounts)) {
		a := v.accounts[number]
		if a.Kind != sluice.AccountDeferred {
			continue
		}
		if want := deferred[a.AccountID]; a.Balance != want {
			v.violation(planDeferred, a.where(), "has %s, its subscriptions have %s to earn", a.Balance, want)
		}
		delete(deferred, a.AccountID)
	}
	for id, want := range deferred {
		if want.Sign() != 0 {
			v.violation(planDeferred, "account "+id.Owner+" deferred "+string(id.Currency), "is not there: its subscriptions have %s to earn", want)
		}
	}
	return nil
}
