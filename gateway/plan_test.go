package gateway_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/fleet/fleettest"
	"sluice/money/plan"
	"sluice/money/quota"
)

// subscribe sells a plan of the rig's model with the windows to its organisation.
func (r *rig) subscribe(windows ...quota.Window) *plan.Version {
	r.t.Helper()
	v, err := plan.Publish("plan_1", plan.Draft{
		Plan: "lite", Name: "Lite", Rank: 1, Currency: usd, Models: []string{model}, Windows: windows,
		Prices: map[plan.Cycle]sluice.Amount{plan.Monthly: {Nano: 10_000_000}},
	}, time.Now(), time.LoadLocation)
	if err == nil {
		err = r.store.PublishPlan(context.Background(), v)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.ledger.UsePlans([]*plan.Version{v}, nil)
	if _, err := r.ledger.Subscribe(context.Background(), func(rules *plan.Rules) (plan.Subscription, []sluice.Tx, error) {
		return rules.Start("sub_1", "org_1", v, plan.Monthly, false, sluice.AccountPrepaid, time.Now())
	}); err != nil {
		r.t.Fatal(err)
	}
	return v
}

func fiveHours(unit quota.Unit, limit int64, weights ...quota.Weight) quota.Window {
	return quota.Window{Name: "5h", Kind: quota.Anchored, Unit: unit, Limit: limit, Minutes: 300, Weights: weights}
}

// Under a plan a call costs no money. Its answer shows the meter; the call
// after the last is refused as status lines and agents know it.
func TestPlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, setup{})
		v := r.subscribe(fiveHours(quota.Prompts, 6, quota.Weight{Model: model, Times: 3000}),
			quota.Window{Name: "week", Kind: quota.Sliding, Unit: quota.Tokens, Limit: 1_000_000, Minutes: 7 * 24 * 60})
		before, err := r.ledger.Balance("org_1", usd)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			r.engines[0].Next(fleettest.Stream("a", "b").Usage(5, 2, 0))
			a := r.post(chatPath, plainCall)
			if a.StatusCode != 200 {
				t.Fatalf("status %d, body %s", a.StatusCode, a.body)
			}
			for name, want := range map[string]string{
				"X-Sluice-Multiplier":                        "3",
				"X-Codex-Plan-Type":                          "lite",
				"X-Codex-Primary-Window-Minutes":             "300",
				"X-Codex-Primary-Used-Percent":               []string{"0", "50"}[i],
				"Anthropic-Ratelimit-Unified-Status":         "allowed",
				"Anthropic-Ratelimit-Unified-5h-Utilization": []string{"0", "0.5"}[i],
			} {
				if got := a.Header.Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
		}
		r.ended(2)
		for _, ev := range r.events() {
			if ev.Charge != 0 || ev.List == 0 || ev.Subscription != "sub_1" || ev.PlanVersion != v.ID || ev.Cost != (sluice.Cost{3000, 7000}) {
				t.Errorf("%+v", ev)
			}
		}
		if after, err := r.ledger.Balance("org_1", usd); err != nil || after != before {
			t.Errorf("the balance went from %+v to %+v, %v", before, after, err)
		}
		a := r.post(chatPath, plainCall)
		wantError(t, a, 429, sluice.CodeQuotaExhausted)
		if !strings.Contains(a.body, "Usage limit reached for 5 hour. Your limit will reset at 2000-01-01 13:00:00 (UTC+8)") || !strings.Contains(a.body, `"type":"usage_limit_reached"`) || !strings.Contains(a.body, `"resets_at":946702800`) {
			t.Error(a.body)
		}
		if a.Header.Get("Retry-After") != "18000" || a.Header.Get("X-Should-Retry") != "false" || a.Header.Get("Anthropic-Ratelimit-Unified-5h-Status") != "rejected" {
			t.Errorf("%v", a.Header)
		}
		// A tool's result is no prompt.
		r.engines[0].Next(fleettest.Stream("a").Usage(5, 1, 0))
		if a := r.post(chatPath, `{"messages":[{"role":"user","content":"hi"},{"tool_call_id":"x","role":"tool","content":"42"}],"model":"test-model"}`); a.StatusCode != 200 {
			t.Errorf("status %d, body %s", a.StatusCode, a.body)
		}
		wantError(t, r.post(chatPath, strings.Replace(plainCall, model, "unpriced-model", 1)), 404, sluice.CodeModelNotFound)
		time.Sleep(5 * time.Hour)
		r.engines[0].Next(fleettest.Stream("a").Usage(5, 1, 0))
		if a := r.post(chatPath, plainCall); a.StatusCode != 200 {
			t.Errorf("status %d, body %s", a.StatusCode, a.body)
		}
		r.client.CloseIdleConnections()
	})
}

// A stream extends its reservation in tokens, and ends where the window does.
func TestPlanStream(t *testing.T) {
	r := newRig(t, setup{})
	r.gateway.Slice = 4
	r.subscribe(fiveHours(quota.Tokens, 30))
	words := make([]string, 400)
	for i := range words {
		words[i] = "w "
	}
	r.engines[0].Next(fleettest.Stream(words...).Usage(5, 400, 0).Announce())
	a := r.post(chatPath, streamed)
	if a.StatusCode != 200 || !strings.Contains(a.body, `"finish_reason":"length"`) {
		t.Fatalf("status %d, body %s", a.StatusCode, a.body)
	}
	ev := r.event() // what came in one read with the last token that fitted counts as well
	if ev.Status != sluice.StatusCutOff || ev.Cost[0] > 200_000 || ev.Cost[0] < 10_000 || ev.Charge != 0 {
		t.Errorf("%+v", ev)
	}
}

// Status lines ask where Z.ai's clients do; errors come with status 200.
func TestPlanUsage(t *testing.T) {
	r := newRig(t, setup{})
	type answered struct {
		Code    int
		Success bool
		Data    struct {
			Level  string
			Limits []struct{ Number, Remaining int64 }
		}
	}
	ask := func(authorization string) (body answered) {
		t.Helper()
		req := r.request(context.Background(), http.MethodGet, "/api/monitor/usage/quota/limit", "")
		req.Header.Set("Authorization", authorization)
		a := r.do(req)
		if err := json.Unmarshal([]byte(a.body), &body); err != nil || a.StatusCode != 200 {
			t.Fatalf("status %d, body %s, %v", a.StatusCode, a.body, err)
		}
		return body
	}
	if b := ask("sk-wrong"); b.Code != 401 || b.Success {
		t.Errorf("%+v", b)
	}
	if b := ask(r.secret); b.Code != 404 || b.Success {
		t.Errorf("%+v", b)
	}
	r.subscribe(fiveHours(quota.Prompts, 80))
	for _, form := range []string{r.secret, "Bearer " + r.secret} {
		b := ask(form)
		if b.Code != 200 || !b.Success || b.Data.Level != "lite" || len(b.Data.Limits) != 1 || b.Data.Limits[0].Number != 5 || b.Data.Limits[0].Remaining != 80 {
			t.Errorf("%+v", b)
		}
	}
	if a := r.do(r.request(context.Background(), http.MethodGet, "/v1/models/"+model, "")); !strings.Contains(a.body, `"multiplier":"1"`) {
		t.Error(a.body)
	}
}
