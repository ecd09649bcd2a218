package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice/plug/stripe/stripetest"
)

// TestStripe takes a payment through a server and Stripe's fake: the page, the
// webhook, the balance, the refund. Neither secret is told anywhere.
func TestStripe(t *testing.T) {
	s := stripetest.New(t)
	for name, value := range map[string]string{
		"KEY": stripetest.Key, "WEBHOOK_SECRET": stripetest.Secret, "URL": s.URL,
	} {
		t.Setenv("SLUICE_STRIPE_"+name, value)
	}
	t.Setenv("SLUICE_PAYMENT_RETURN_URL", "https://models.example.com/balance")
	p, data := launch(t)
	sluiceDo(t, data, "org", "create", "payer", "--currency", "USD")
	said := sluiceDo(t, data, "payment", "create", "25", "--org", "payer", "--provider", "stripe", "--json")
	var made struct {
		ID, State string
		URL       string `json:"checkout_url"`
	}
	if err := json.Unmarshal([]byte(said), &made); err != nil || made.State != "created" || !strings.HasPrefix(made.URL, "https://checkout.stripe.com/") {
		t.Fatalf("%s, %v", said, err)
	}
	if got := s.Requests[0].Form.Get("success_url"); got != "https://models.example.com/balance" {
		t.Errorf("customers come back to %q", got)
	}
	hook := func(body []byte, secret string) int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.ready["url"]+"/hooks/stripe", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json; charset=utf-8")
		req.Header.Set("Stripe-Signature", stripetest.Sign(body, time.Now(), secret))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	balance := func(want string) {
		t.Helper()
		if got := sluiceDo(t, data, "balance", "--org", "payer", "--json"); !strings.Contains(got, `"available":"`+want+`"`) {
			t.Errorf("the balance is %s, want %s", got, want)
		}
	}
	paid := stripetest.Event("checkout.session.completed", stripetest.Session(made.ID, 2500, "usd", "paid"))
	if got := hook(paid, "whsec_forged0123456789abcdef01234"); got != http.StatusBadRequest {
		t.Errorf("a forged webhook: %d", got)
	}
	balance("0.00")
	for range 2 {
		if got := hook(paid, stripetest.Secret); got != http.StatusOK {
			t.Errorf("a webhook: %d", got)
		}
		balance("25.00")
	}
	if got := hook(bytes.Repeat([]byte(" "), 1<<20), stripetest.Secret); got != http.StatusRequestEntityTooLarge {
		t.Errorf("a megabyte: %d", got)
	}
	sluiceDo(t, data, "payment", "refund", made.ID, "--org", "payer", "--total", "10")
	balance("15.00")
	if s.Refunds != 1 {
		t.Errorf("%d refunds were made", s.Refunds)
	}
	sluiceDo(t, data, "ledger", "verify")
	if code := p.end(); code != 0 {
		t.Errorf("the server ended with %d", code)
	}
	if log := p.log.String(); strings.Contains(log, stripetest.Key) || strings.Contains(log, stripetest.Secret) || !strings.Contains(log, "a webhook was refused") {
		t.Errorf("the log says\n%s", log)
	}
}
