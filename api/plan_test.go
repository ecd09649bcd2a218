package api_test

import (
	"fmt"
	"testing"
	"time"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
	"sluice/money/plan"
	"sluice/money/quota"
)

// lite is a version of a plan for the model m.
func lite(name string, rank int, price string) api.PublishPlan {
	amount, err := sluice.ParseAmount(price)
	if err != nil {
		panic(err)
	}
	return api.PublishPlan{PlanTerms: api.PlanTerms{
		Plan: name, Name: name, Rank: rank, Currency: "USD", Prices: map[string]sluice.Amount{"month": amount}, TrialDays: 7,
		Models:  []string{"m"},
		Windows: []api.QuotaWindow{{Name: "5h", Kind: quota.Anchored, Unit: quota.Prompts, Limit: 80, Minutes: 300, Weights: []quota.Weight{{Model: "m", Times: 3000}}}},
	}}
}

func publishLite(t *testing.T, w *apitest.World) api.PublishedPlan {
	t.Helper()
	p, err := w.Local.PublishPlan(t.Context(), lite("lite", 1, "3.00"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func subscribe(t *testing.T, w *apitest.World, org string) api.Subscription {
	t.Helper()
	s, err := w.Local.CreateSubscription(t.Context(), api.CreateSubscription{Organisation: org, Plan: "lite"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// planRows are the operations of plans and subscriptions in the matrix of roles.
func planRows() map[string]row {
	one := func(tail, body string) func(tenant, int) (string, string) {
		return func(n tenant, _ int) (string, string) { return "/subscriptions/" + n.subscription + tail, body }
	}
	return map[string]row{
		"list-plans": {"oafs/oabdv", 0, 200, func(tenant, int) (string, string) { return "/plans", "" }, nil},
		"publish-plan": {"of", 0, 201, func(_ tenant, once int) (string, string) {
			return "/plans", fmt.Sprintf(`{"plan":"p%d","name":"P","rank":1,"currency":"USD","prices":{"month":"1.00"},"models":["m"],"windows":[{"name":"5h","kind":"anchored","unit":"prompts","limit":1,"minutes":300}]}`, once)
		}, nil},
		"pause-plan":         {"of", 0, 200, func(tenant, int) (string, string) { return "/plans/lite/sales", `{"paused":false}` }, nil},
		"list-subscriptions": {"oafs/oabdv", 404, 200, func(n tenant, _ int) (string, string) { return "/subscriptions?organisation=" + n.org, "" }, nil},
		"create-subscription": {"of/oab", 404, 409, func(n tenant, _ int) (string, string) { // each has one already
			return "/subscriptions", fmt.Sprintf(`{"organisation":%q,"plan":"lite"}`, n.org)
		}, nil},
		"get-subscription":    {"oafs/oabdv", 404, 200, one("", ""), nil},
		"change-subscription": {"of/oab", 404, 200, one("/change", `{"action":"fall_back"}`), nil},
		"get-quota":           {"oafs/oabdv", 404, 200, one("/quota", ""), nil},
		"reset-quota":         {"o", 404, 204, one("/quota/reset", `{}`), nil},
	}
}

// A subscription's life over the API: what each step costs is in the books.
func TestSubscriptions(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	org := w.Org("a").ID
	if p := publishLite(t, w); len(p.Changes) != 0 || !p.Version.InForce {
		t.Errorf("%+v", p)
	}
	w.Advance(time.Second)
	dear := lite("lite", 1, "4.00")
	dear.DryRun = true
	if p, err := w.Local.PublishPlan(ctx, dear); err != nil || len(p.Changes) != 1 || p.Changes[0].What != "prices" || p.Version.InForce {
		t.Errorf("%+v, %v", p, err)
	}
	strange := lite("lite", 1, "4.00")
	strange.Windows[0].Weights = []quota.Weight{{Model: "m", Calendar: "nowhere", Times: 2000}}
	_, err := w.Local.PublishPlan(ctx, strange)
	wants(t, err, sluice.CodeInvalid)
	if _, err := w.Local.PublishPlan(ctx, lite("pro", 2, "15.00")); err != nil {
		t.Fatal(err)
	}

	_, err = w.Local.CreateSubscription(ctx, api.CreateSubscription{Organisation: org, Plan: "lite"})
	wants(t, err, sluice.CodeInsufficientFunds)
	trial, err := w.Local.CreateSubscription(ctx, api.CreateSubscription{Organisation: org, Plan: "lite", Trial: true})
	if err != nil || trial.Status != plan.Trialing {
		t.Fatalf("%+v, %v", trial, err)
	}
	w.Credit(org, "20.00")
	change := func(in api.ChangeSubscription) api.SubscriptionChange {
		t.Helper()
		c, err := w.Local.ChangeSubscription(ctx, trial.ID, in)
		if err != nil {
			t.Fatalf("%+v: %v", in, err)
		}
		return c
	}
	if _, err := w.Local.PausePlan(ctx, "pro", true); err != nil {
		t.Fatal(err)
	}
	_, err = w.Local.ChangeSubscription(ctx, trial.ID, api.ChangeSubscription{Action: "upgrade", Plan: "pro"})
	wants(t, err, sluice.CodeUnavailable)
	if _, err := w.Local.PausePlan(ctx, "pro", false); err != nil {
		t.Fatal(err)
	}
	c := change(api.ChangeSubscription{Action: "upgrade", Plan: "pro", Preview: true})
	if c.Subscription.Plan != "pro" || len(c.Transactions) != 1 || c.Transactions[0].Kind != sluice.TxPlan {
		t.Errorf("%+v", c)
	}
	if s, err := w.Local.Subscription(ctx, trial.ID); err != nil || s.Plan != "lite" {
		t.Errorf("a preview changed it: %+v, %v", s, err)
	}
	change(api.ChangeSubscription{Action: "upgrade", Plan: "pro"})
	if b, err := w.Local.Balance(ctx, org); err != nil || b.Available.String() != "5.00" {
		t.Errorf("%+v, %v", b, err)
	}
	if c := change(api.ChangeSubscription{Action: "downgrade", Plan: "lite"}); c.Subscription.Next != "lite" {
		t.Errorf("%+v", c)
	}
	if c := change(api.ChangeSubscription{Action: "cancel"}); c.Subscription.EndsAt == nil {
		t.Errorf("%+v", c)
	}
	if c := change(api.ChangeSubscription{Action: "resume"}); c.Subscription.EndsAt != nil || c.Subscription.Next != "" {
		t.Errorf("%+v", c)
	}
	if c := change(api.ChangeSubscription{Action: "fall_back"}); !c.Subscription.FallBack {
		t.Errorf("%+v", c)
	}
	m, err := w.Local.Quota(ctx, trial.ID, "m")
	if err != nil || m.Plan != "pro" || m.Windows[0].Times != 3000 {
		t.Errorf("%+v, %v", m, err)
	}
	if err := w.Local.ResetQuota(ctx, trial.ID, ""); err != nil {
		t.Error(err)
	}
	admin := w.Client(w.Key(sluice.RoleAdmin, org).Secret)
	_, err = admin.ChangeSubscription(ctx, trial.ID, api.ChangeSubscription{Action: "refund"})
	wants(t, err, sluice.CodeForbidden)
	if c := change(api.ChangeSubscription{Action: "refund"}); c.Subscription.Status != plan.Cancelled {
		t.Errorf("%+v", c)
	}
	if b, err := w.Local.Balance(ctx, org); err != nil || b.Available.String() != "20.00" {
		t.Errorf("%+v, %v", b, err)
	}
	_, err = w.Local.Quota(ctx, trial.ID, "m")
	wants(t, err, sluice.CodeConflict)
	_, err = w.Local.CreateSubscription(ctx, api.CreateSubscription{Organisation: org, Plan: "lite", Trial: true})
	wants(t, err, sluice.CodeConflict)
	if v, err := w.Local.VerifyLedger(ctx); err != nil || !v.OK {
		t.Errorf("%+v, %v", v, err)
	}
}

func wants(t *testing.T, err error, code sluice.Code) {
	t.Helper()
	if sluice.CodeOf(err) != code {
		t.Errorf("error %v, want code %s", err, code)
	}
}
