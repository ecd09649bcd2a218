package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"sluice"
)

// Subscriptions returns all subscriptions in order of their ids, each with
// what it has used of its quota: a snapshot of length zero before the first use.
func (db *DB) Subscriptions(ctx context.Context) ([]sluice.SubscriptionState, []sluice.QuotaState, error) {
	return readSubscriptions(ctx, db.r)
}

func readSubscriptions(ctx context.Context, q querier) (states []sluice.SubscriptionState, quotas []sluice.QuotaState, err error) {
	scan := func(rows *sql.Rows) (struct{}, error) {
		var s sluice.SubscriptionState
		var u sluice.QuotaState
		var state, snapshot string
		err := rows.Scan(&s.ID, &s.Org, &s.Live, &s.Rev, &state, &u.Rev, &snapshot)
		s.State, u.Subscription, u.Snapshot = json.RawMessage(state), s.ID, json.RawMessage(snapshot)
		states, quotas = append(states, s), append(quotas, u)
		return struct{}{}, err
	}
	if _, err := collect(ctx, q, scan, `SELECT id, org, live, rev, state, quota_rev, quota FROM subscription ORDER BY id`); err != nil {
		return nil, nil, fmt.Errorf("reading subscriptions: %w", err)
	}
	return states, quotas, nil
}

// subscriptionRows are the values of the subscriptions to be written.
func (p *checked) subscriptionRows() (args []any) {
	for _, id := range p.subscriptions.keys {
		s := p.subscriptions.values[id]
		args = append(args, s.ID, s.Org, bit(s.Live), s.Rev, string(s.State))
	}
	return args
}

// quotaRows are the values of the quotas to be written.
func (p *checked) quotaRows() (args []any) {
	for _, id := range p.quotas.keys {
		q := p.quotas.values[id]
		args = append(args, q.Subscription, q.Rev, string(q.Snapshot))
	}
	return args
}
