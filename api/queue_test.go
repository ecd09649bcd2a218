package api_test

import (
	"testing"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
)

// TestQueueSettings sets what the calls of organisations, projects and keys are to the queue.
func TestQueueSettings(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	org := w.Org("a").ID
	class, weight, free, none := "agent", int64(3), true, int64(0)
	o, err := w.Local.UpdateOrganisation(ctx, org, api.UpdateOrganisation{QueueClass: &class, QueueWeight: &weight})
	if err != nil || o.Queue != (sluice.Queueing{Class: "agent", Weight: 3}) {
		t.Errorf("%+v, %v", o, err)
	}
	// What is absent stays.
	if o, err = w.Local.UpdateOrganisation(ctx, org, api.UpdateOrganisation{QueueFree: &free}); err != nil || o.Queue != (sluice.Queueing{Class: "agent", Weight: 3, Free: true}) {
		t.Errorf("%+v, %v", o, err)
	}
	if page, err := w.Local.Organisations(ctx, api.Paging{}); err != nil || page.Data[0].Queue != o.Queue {
		t.Errorf("%+v, %v", page, err)
	}
	wrong := "first"
	for name, in := range map[string]api.UpdateOrganisation{"class": {QueueClass: &wrong}, "weight": {QueueWeight: &none}} {
		if _, err := w.Local.UpdateOrganisation(ctx, org, in); sluice.CodeOf(err) != sluice.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	p, err := w.Local.CreateProject(ctx, api.CreateProject{Organisation: org, Name: "p", Limits: api.Limits{QueueClass: "batch"}})
	if err != nil || p.Limits.QueueClass != "batch" {
		t.Errorf("%+v, %v", p, err)
	}
	k := w.Key(sluice.RoleDeveloper, org)
	changed, err := w.Local.UpdateKey(ctx, k.ID, api.UpdateKey{Limits: &api.ChangeLimits{QueueClass: &class}})
	if err != nil || changed.Limits.QueueClass != "agent" {
		t.Errorf("%+v, %v", changed, err)
	}
	if queues, err := w.Local.Queues(ctx, api.Paging{}); err != nil || len(queues.Data) != 0 {
		t.Errorf("nothing ever waited: %+v, %v", queues, err)
	}
}
