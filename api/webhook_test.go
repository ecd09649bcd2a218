package api_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
)

// webhookRows are the operations of webhooks, for TestRoles. Before each, every
// organisation has one webhook with one delivery that was made.
func webhookRows() map[string]row {
	hooks, deliveries := map[string]string{}, map[string]string{} // by organisation
	before := func(t *testing.T, w *apitest.World) {
		orgs, err := w.Local.Organisations(t.Context(), api.Paging{})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range orgs.Data {
			old, err := w.Local.Webhooks(t.Context(), o.ID, api.Paging{})
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range old.Data {
				if err := w.Local.DeleteWebhook(t.Context(), o.ID, h.ID); err != nil {
					t.Fatal(err)
				}
			}
			h, err := w.Local.CreateWebhook(t.Context(), o.ID, api.CreateWebhook{URL: "https://example.com/", Events: []string{"*"}})
			if err != nil {
				t.Fatal(err)
			}
			d, err := w.Local.TestWebhook(t.Context(), o.ID, h.ID)
			if err != nil || d.State != sluice.DeliveryDelivered {
				t.Fatal(d, err)
			}
			hooks[o.ID], deliveries[o.ID] = h.ID, d.ID
		}
	}
	all := func(tail, body string) func(tenant, int) (string, string) {
		return func(n tenant, _ int) (string, string) { return "/organisations/" + n.org + tail, body }
	}
	one := func(tail, body string) func(tenant, int) (string, string) {
		return func(n tenant, _ int) (string, string) {
			return "/organisations/" + n.org + "/webhooks/" + hooks[n.org] + tail, body
		}
	}
	return map[string]row{
		"list-webhooks":   {"oas/oa", 404, 200, all("/webhooks", ""), nil},
		"create-webhook":  {"oa/oa", 404, 201, all("/webhooks", `{"url":"https://example.com/","events":["*"]}`), before},
		"get-webhook":     {"oas/oa", 404, 200, one("", ""), before},
		"update-webhook":  {"oa/oa", 404, 200, one("", `{"disabled":true}`), before},
		"delete-webhook":  {"oa/oa", 404, 204, one("", ""), before},
		"rotate-webhook":  {"oa/oa", 404, 200, one("/rotate", `{}`), before},
		"test-webhook":    {"oa/oa", 404, 200, one("/test", ""), before},
		"list-deliveries": {"oas/oa", 404, 200, all("/deliveries", ""), nil},
		"redeliver": {"oa/oa", 404, 200, func(n tenant, _ int) (string, string) {
			return "/organisations/" + n.org + "/deliveries/" + deliveries[n.org] + "/redeliver", ""
		}, before},
	}
}

func TestWebhooks(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	org, other := w.Org("a").ID, w.Org("b").ID
	made, err := w.Local.CreateWebhook(ctx, org, api.CreateWebhook{URL: "https://example.com/hook", Events: []string{"budget.*"}, Description: "d"})
	if err != nil || !strings.HasPrefix(made.Secret, "whsec_") || len(made.Secret) != 50 {
		t.Fatalf("%+v, %v", made, err)
	}
	var heads http.Header
	var body []byte
	w.Receiver = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		heads = r.Header.Clone()
		body, _ = io.ReadAll(r.Body)
		rw.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(rw, "no tea\x00")
	})
	tested, err := w.Local.TestWebhook(ctx, org, made.ID)
	if err != nil || tested.State != sluice.DeliveryFailed || tested.Status != http.StatusTeapot || tested.Answer != "no tea " || tested.Event != heads.Get("Webhook-Id") ||
		!strings.Contains(string(body), `"type":"webhook.test"`) || !strings.HasPrefix(heads.Get("Webhook-Signature"), "v1,") {
		t.Errorf("%+v, %v; got %v %s", tested, err, heads, body)
	}
	rotated, err := w.Local.RotateWebhook(ctx, org, made.ID, api.RotateWebhook{})
	if err != nil || rotated.Secret == made.Secret || rotated.OldUntil.Sub(w.Now()).Round(time.Hour) != 24*time.Hour {
		t.Errorf("%+v, %v", rotated, err)
	}
	if _, err := w.Local.TestWebhook(ctx, org, made.ID); err != nil || strings.Count(heads.Get("Webhook-Signature"), "v1,") != 2 {
		t.Errorf("signed %q, %v", heads.Get("Webhook-Signature"), err)
	}
	got, err := w.Local.Webhook(ctx, org, made.ID)
	if err != nil || got.URL != made.URL || got.Description != "d" || got.Disabled {
		t.Errorf("%+v, %v", got, err)
	}
	if _, raw := do(t, w, "GET", "/organisations/"+org+"/webhooks", keyOf(t, w, sluice.RoleOwner), ""); strings.Contains(raw, "whsec") || strings.Contains(raw, "secret\"") {
		t.Errorf("a list shows secrets: %s", raw)
	}
	page, err := w.Local.Deliveries(ctx, org, made.ID, api.Paging{Limit: 1})
	if err != nil || len(page.Data) != 1 || page.Next == "" {
		t.Fatalf("%+v, %v", page, err)
	}
	if page, err = w.Local.Deliveries(ctx, org, "", api.Paging{Cursor: page.Next}); err != nil || len(page.Data) != 1 || page.Data[0].ID != tested.ID || page.Next != "" {
		t.Errorf("%+v, %v", page, err)
	}
	yes := true
	if got, err := w.Local.UpdateWebhook(ctx, org, made.ID, api.UpdateWebhook{Disabled: &yes}); err != nil || !got.Disabled || got.DisabledFor == "" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := w.Local.Redeliver(ctx, org, tested.ID); sluice.CodeOf(err) != sluice.CodeConflict {
		t.Errorf("redelivered to one that is disabled: %v", err)
	}
	for what, err := range map[string]error{
		"another's webhook":  w.Local.DeleteWebhook(ctx, other, made.ID),
		"another's delivery": second(w.Local.Redeliver(ctx, other, tested.ID)),
		"another's test":     second(w.Local.TestWebhook(ctx, other, made.ID)),
	} {
		if sluice.CodeOf(err) != sluice.CodeNotFound {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, in := range map[string]api.CreateWebhook{
		"in the open":          {URL: "http://example.com", Events: []string{"*"}},
		"no URL":               {URL: "x", Events: []string{"*"}},
		"no events":            {URL: "https://example.com"},
		"an event there isn't": {URL: "https://example.com", Events: []string{"batch.complete"}},
	} {
		if _, err := w.Local.CreateWebhook(ctx, org, in); sluice.CodeOf(err) != sluice.CodeInvalid {
			t.Errorf("%s: %v", what, err)
		}
	}
	for i := range 19 {
		if _, err := w.Local.CreateWebhook(ctx, org, api.CreateWebhook{URL: fmt.Sprint("https://example.com/", i), Events: []string{"*"}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Local.CreateWebhook(ctx, org, api.CreateWebhook{URL: "https://example.com", Events: []string{"*"}}); sluice.CodeOf(err) != sluice.CodeConflict {
		t.Errorf("one too many: %v", err)
	}
}
