package storetest

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice"
	"sluice/money/ledger"
	"sluice/money/plan"
	"sluice/money/quota"
	"sluice/store"
)

func lite(t testing.TB, id string) *plan.Version {
	t.Helper()
	v, err := plan.Publish(id, plan.Draft{
		Plan: "lite", Name: "Lite", Rank: 1, Currency: "USD", Prices: map[plan.Cycle]sluice.Amount{plan.Monthly: {Nano: 3e9}},
		Models: []string{"m"}, Windows: []quota.Window{{Name: "5h", Kind: quota.Anchored, Unit: quota.Prompts, Limit: 120, Minutes: 300}},
	}, start(), time.LoadLocation)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func testPlans(t *testing.T, db *store.DB) {
	v := lite(t, "plan_1")
	if err := db.PublishPlan(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	fails(t, "an id twice", db.PublishPlan(t.Context(), v), sluice.CodeConflict)
	got, err := db.PlanVersions(t.Context())
	if err != nil || len(got) != 1 || got[0].ID != v.ID || got[0].Hash != v.Hash || !cmp.Equal(got[0].Draft(), v.Draft()) {
		t.Errorf("%+v, %v", got, err)
	}
}

// subscribed is a live subscription whose first period is paid, with what it posts.
func subscribed(t testing.TB, id, org string, rev int64) (sluice.SubscriptionState, []sluice.Posting) {
	t.Helper()
	rules := plan.Rules{Zone: time.UTC}
	s, txs, err := rules.Start(id, org, lite(t, "plan_1"), plan.Monthly, false, sluice.AccountPrepaid, start())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return sluice.SubscriptionState{ID: id, Org: org, Rev: rev, Live: true, State: raw}, []sluice.Posting{{Tx: txs[0]}}
}

func testSubscriptions(t *testing.T, db *store.DB) {
	state, postings := subscribed(t, "sub_1", "org_a", 2)
	paid := append([]sluice.Posting{payment("tx_1", "org_a", sluice.Amount{Nano: 5e9})}, postings...)
	write := func(b sluice.Batch) {
		t.Helper()
		if err := db.Commit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	write(sluice.Batch{Postings: paid, Subscriptions: []sluice.SubscriptionState{state}})
	old, quotaAt := state, func(rev int64, snapshot string) sluice.QuotaState {
		return sluice.QuotaState{Subscription: "sub_1", Rev: rev, Snapshot: json.RawMessage(snapshot)}
	}
	old.Rev, old.Live = 1, false
	write(sluice.Batch{Subscriptions: []sluice.SubscriptionState{old}, Quotas: []sluice.QuotaState{quotaAt(5, "5"), quotaAt(7, "7"), quotaAt(6, "6")}})
	write(sluice.Batch{Quotas: []sluice.QuotaState{quotaAt(4, "4")}}) // a replay
	states, quotas, err := db.Subscriptions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]sluice.SubscriptionState{state}, states); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]sluice.QuotaState{quotaAt(7, "7")}, quotas); diff != "" {
		t.Error(diff)
	}
	second, _ := subscribed(t, "sub_2", "org_a", 1)
	if err := db.Commit(t.Context(), sluice.Batch{Subscriptions: []sluice.SubscriptionState{second}}); err == nil {
		t.Error("a second live subscription was taken")
	}
	wantViolations(t, db)
	tx, err := ledger.PlanEarned(sluice.Tx{ID: "tx_2", At: start()}, "org_a", "USD", sluice.Amount{Nano: 1})
	if err != nil {
		t.Fatal(err)
	}
	write(sluice.Batch{Postings: []sluice.Posting{{Tx: tx}}}) // behind the subscription's back
	wantViolations(t, db, "plan_deferred at account org_a deferred USD")
	other, _ := subscribed(t, "sub_3", "org_b", 1)
	write(sluice.Batch{Subscriptions: []sluice.SubscriptionState{other}}) // without its transaction
	wantViolations(t, db, "plan_deferred at account org_a deferred USD", "plan_deferred at account org_b deferred USD")
}

func testPlanCalls(t *testing.T, db *store.DB) {
	books(t, db)
	p := rated("call_a", "org_a", "key_org_a", 10, 20)
	p.Event.Subscription, p.Event.PlanVersion, p.Event.Cost, p.Event.Charge = "sub_1", "plan_1", sluice.Cost{1000, 0, 30_000}, 0
	p.Tx.Entries = nil
	checkpoint := *p.Event
	checkpoint.CallID = "call_b"
	if err := db.Commit(t.Context(), sluice.Batch{Postings: []sluice.Posting{p}, Checkpoints: []sluice.Event{checkpoint}}); err != nil {
		t.Fatal(err)
	}
	events, _, err := db.Events(t.Context(), store.EventQuery{Call: "call_a"})
	if err != nil || len(events) != 1 || !cmp.Equal(events[0], *p.Event) {
		t.Errorf("%+v, %v; want %+v", events, err, *p.Event)
	}
	left, err := db.Checkpoints(t.Context())
	if err != nil || len(left) != 2 || !cmp.Equal(left[0], checkpoint) {
		t.Errorf("%+v, %v", left, err)
	}
	wantViolations(t, db)
	charged := rated("call_c", "org_a", "key_org_a", 10, 20)
	charged.Event.Subscription = "sub_1"
	commit(t, db, charged)
	wantViolations(t, db, "plan_free at tx call_c")
}
