package gateway_test

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"sluice"
	"sluice/gateway"
)

// watched is a fleet that keeps what it was asked last, and a ledger that says who has a plan.
type watched struct {
	gateway.Fleet
	gateway.Ledger
	planned bool
	last    sluice.RouteRequest
}

func (w *watched) Planned(string) bool { return w.planned }

func (w *watched) Route(ctx context.Context, req sluice.RouteRequest) (sluice.Route, error) {
	w.last = req
	return w.Fleet.Route(ctx, req)
}

// The organisation or its plan says which class a call has; its project, its
// key, its client and being an errand lower it, and nothing raises it.
func TestQueueClass(t *testing.T) {
	const batch, agent, interactive = "batch", "agent", "interactive"
	for _, c := range []struct {
		org, project, key, header string
		planned                   bool
		errand                    *gateway.Errand
		want                      sluice.QueueClass
	}{
		{want: sluice.QueueInteractive},
		{planned: true, want: sluice.QueueAgent},
		{planned: true, org: interactive, want: sluice.QueueInteractive},
		{org: agent, want: sluice.QueueAgent},
		{org: agent, key: interactive, project: interactive, header: interactive, want: sluice.QueueAgent},
		{project: agent, want: sluice.QueueAgent},
		{project: agent, key: batch, want: sluice.QueueBatch},
		{key: agent, want: sluice.QueueAgent},
		{header: batch, want: sluice.QueueBatch},
		{org: batch, header: agent, want: sluice.QueueBatch},
		{errand: &gateway.Errand{Key: "key_1"}, want: sluice.QueueAgent},
		{errand: &gateway.Errand{Key: "key_1", Batch: true}, want: sluice.QueueBatch},
	} {
		w := &watched{planned: c.planned}
		r := newRig(t, setup{
			project: &sluice.Project{Limits: sluice.Limits{QueueClass: c.project}}, key: func(k *sluice.Key) { k.Limits.QueueClass = c.key },
			options: gateway.Options{Fleet: w, Ledger: w},
		})
		w.Fleet, w.Ledger = r.fleet, r.ledger
		r.config.Organisations[0].Queue = sluice.Queueing{Class: c.org, Weight: 7}
		r.use()
		ctx := t.Context()
		if c.errand != nil {
			ctx = gateway.WithErrand(ctx, *c.errand)
		}
		req := r.request(ctx, "POST", chatPath, plainCall)
		if c.header != "" {
			req.Header.Set("X-Sluice-Class", c.header)
		}
		answer := httptest.NewRecorder()
		r.gateway.Handler().ServeHTTP(answer, req)
		if answer.Code != 200 || w.last.Class != c.want || w.last.Tenant != "org_1" || w.last.Weight != 7 || w.last.Free || w.last.Output == 0 {
			t.Errorf("%+v: %d, asked %+v", c, answer.Code, w.last)
		}
	}
}

// What brings nothing in is free: by the organisation, by the price, by a simulator. How long
// a call may wait is by its class, and shorter where the client says so.
func TestWaitAndFree(t *testing.T) {
	waits := [sluice.QueueClasses]time.Duration{time.Minute, time.Hour, 2 * time.Hour}
	for name, c := range map[string]struct {
		change  func(*rig)
		headers map[string]string
		free    bool
		wait    time.Duration
	}{
		"paid":                  {wait: time.Minute},
		"a batch":               {headers: map[string]string{"X-Sluice-Class": "batch"}, wait: 2 * time.Hour},
		"an impatient client":   {headers: map[string]string{"X-Sluice-Max-Wait": "2.5"}, wait: 2500 * time.Millisecond},
		"one that is patient":   {headers: map[string]string{"X-Sluice-Max-Wait": "9999"}, wait: time.Minute},
		"an SDK's own timeout":  {headers: map[string]string{"X-Stainless-Timeout": "20"}, wait: 20 * time.Second},
		"an SDK that says none": {headers: map[string]string{"X-Stainless-Timeout": "NOT_GIVEN"}, wait: time.Minute},
		"a trial":               {change: func(r *rig) { r.config.Organisations[0].Queue.Free = true }, free: true, wait: time.Minute},
		"a simulator": {change: func(r *rig) {
			for _, e := range r.config.Engines {
				e.Kind = sluice.EngineSimulated
			}
		}, free: true, wait: time.Minute},
	} {
		w := &watched{}
		r := newRig(t, setup{options: gateway.Options{Fleet: w, Waits: waits}})
		w.Fleet = r.fleet
		if c.change != nil {
			c.change(r)
			r.use()
		}
		req := r.request(t.Context(), "POST", chatPath, plainCall)
		for k, v := range c.headers {
			req.Header.Set(k, v)
		}
		if a := r.do(req); a.StatusCode != 200 || w.last.Free != c.free || w.last.Wait > c.wait || w.last.Wait < c.wait-time.Second {
			t.Errorf("%s: %d, free %t, may wait %v", name, a.StatusCode, w.last.Free, w.last.Wait)
		}
	}
}
