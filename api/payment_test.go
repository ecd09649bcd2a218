package api_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
	"sluice/api/client"
)

// TestPayment follows a bank transfer from the customer's wish to its refund.
func TestPayment(t *testing.T) {
	w := apitest.New(t)
	ctx, org := t.Context(), w.Org("a").ID
	admin, finance := w.Client(w.Key(sluice.RoleAdmin, org).Secret), w.Client(w.Key(sluice.RoleFinance, "").Secret)
	p, err := admin.CreatePayment(ctx, org, api.CreatePayment{Amount: amount(t, "100"), Provider: "manual"})
	if err != nil || !sluice.IsID(p.ID, sluice.PrefixPayment) || p.State != sluice.PaymentCreated || p.Organisation != org ||
		p.Currency != "USD" || p.CheckoutURL != "" || !p.ExpiresAt.After(w.Now()) {
		t.Fatalf("%+v, %v", p, err)
	}
	wantBalance(t, w, org, "0.00")
	for range 2 {
		p, err = finance.ConfirmPayment(ctx, org, p.ID, api.ConfirmPayment{Amount: amount(t, "100.00"), Reference: "line 3"})
		if err != nil || p.State != sluice.PaymentPaid || p.Booked != p.Amount || p.Reference != "line 3" {
			t.Fatalf("%+v, %v", p, err)
		}
		wantBalance(t, w, org, "100.00")
	}
	part := amount(t, "40")
	for range 2 {
		p, err = finance.RefundPayment(ctx, org, p.ID, api.RefundPayment{Total: &part})
		if err != nil || p.State != sluice.PaymentPartlyRefunded || p.Refunded != part {
			t.Fatalf("%+v, %v", p, err)
		}
		wantBalance(t, w, org, "60.00")
	}
	if p, err = finance.RefundPayment(ctx, org, p.ID, api.RefundPayment{}); err != nil || p.State != sluice.PaymentRefunded {
		t.Fatalf("%+v, %v", p, err)
	}
	wantBalance(t, w, org, "0.00")
	if again, err := admin.Payment(ctx, org, p.ID); err != nil || again != p {
		t.Errorf("%+v, %v; want %+v", again, err, p)
	}
}

// TestPaymentRefused: what cannot be asked for, and payments of others.
func TestPaymentRefused(t *testing.T) {
	w := apitest.New(t)
	own, other := newTenant(t, w, "own"), newTenant(t, w, "other")
	owner := keyOf(t, w, sluice.RoleOwner)
	path := "/organisations/" + own.org + "/payments"
	for name, c := range map[string]struct {
		path, body string
		code       sluice.Code
	}{
		"an unknown provider":        {path, `{"amount":"1","provider":"stripe"}`, sluice.CodeInvalid},
		"no amount":                  {path, `{"provider":"manual"}`, sluice.CodeInvalid},
		"nothing":                    {path, `{"amount":"0","provider":"manual"}`, sluice.CodeInvalid},
		"less than nothing":          {path, `{"amount":"-1","provider":"manual"}`, sluice.CodeInvalid},
		"another currency":           {path, `{"amount":"1","provider":"manual","currency":"EUR"}`, sluice.CodeInvalid},
		"another amount":             {path + "/" + own.payment + "/confirm", `{"amount":"1.01","reference":"x"}`, sluice.CodeConflict},
		"no reference":               {path + "/" + own.payment + "/confirm", `{"amount":"1","reference":""}`, sluice.CodeInvalid},
		"more than was paid":         {path + "/" + own.payment + "/refund", `{"total":"1.01"}`, sluice.CodeInvalid},
		"another organisation's":     {path + "/" + other.payment + "/refund", `{}`, sluice.CodeNotFound},
		"another's, to be confirmed": {path + "/" + other.payment + "/confirm", `{"amount":"1.00","reference":"x"}`, sluice.CodeNotFound},
	} {
		resp, body := do(t, w, "POST", c.path, owner, c.body)
		if p := problemOf(t, resp, body); p.Code != string(c.code) {
			t.Errorf("%s: %s, want %s", name, body, c.code)
		}
	}
	if resp, body := do(t, w, "GET", path+"/"+other.payment, own.keys[sluice.RoleAdmin], ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("another's payment under the own organisation: %d %s", resp.StatusCode, body)
	}
}

// TestPaymentPages walks the list.
func TestPaymentPages(t *testing.T) {
	w := apitest.New(t)
	org := w.Org("a").ID
	var want []string
	for range 5 {
		p, err := w.Local.CreatePayment(t.Context(), org, api.CreatePayment{Amount: amount(t, "1"), Provider: "manual"})
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, p.ID)
	}
	for limit := 1; limit <= 6; limit++ {
		got := map[string]bool{}
		for p, err := range client.All(func(cursor string) (api.Page[api.Payment], error) {
			return w.Local.Payments(context.WithoutCancel(t.Context()), org, api.Paging{Cursor: cursor, Limit: limit})
		}) {
			if err != nil || got[p.ID] {
				t.Fatal(p.ID, err)
			}
			got[p.ID] = true
		}
		if len(got) != len(want) {
			t.Errorf("limit %d: %s", limit, fmt.Sprint(got))
		}
	}
}
