package stripe_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/plug/stripe"
	"sluice/plug/stripe/stripetest"
)

func connect(t *testing.T, s *stripetest.Server) *stripe.Provider {
	t.Helper()
	p, err := stripe.New(stripe.Options{Key: stripetest.Key, WebhookSecret: stripetest.Secret, ReturnURL: "https://models.example.com/", URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func order() *sluice.Payment {
	return &sluice.Payment{
		ID: "pay_06f2k8c0q5xg3e8v7m1n4r9t2w", Org: "org_1", Provider: stripe.Name, Currency: "USD", Amount: amount("12.50"),
		ExpiresAt: time.Unix(1_790_000_000, 0), Reference: stripetest.IntentOf("pay_06f2k8c0q5xg3e8v7m1n4r9t2w"),
	}
}

func amount(text string) sluice.Amount {
	a, err := sluice.ParseAmount(text)
	if err != nil {
		panic(err)
	}
	return a
}

// TestNoSecret: nothing starts without its secrets, or with what are none.
func TestNoSecret(t *testing.T) {
	good := stripe.Options{Key: stripetest.Key, WebhookSecret: stripetest.Secret, ReturnURL: "https://models.example.com"}
	if _, err := stripe.New(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*stripe.Options){
		"no key":               func(o *stripe.Options) { o.Key = "" },
		"a publishable key":    func(o *stripe.Options) { o.Key = "pk_test_123" },
		"half a key":           func(o *stripe.Options) { o.Key = "sk_live_" },
		"a key of no mode":     func(o *stripe.Options) { o.Key = "sk_123" },
		"no webhook secret":    func(o *stripe.Options) { o.WebhookSecret = "" },
		"a blank secret":       func(o *stripe.Options) { o.WebhookSecret = strings.Repeat(" ", 40) },
		"only a prefix":        func(o *stripe.Options) { o.WebhookSecret = "whsec_" },
		"a secret with a line": func(o *stripe.Options) { o.WebhookSecret += "\n" },
		"the key as a secret":  func(o *stripe.Options) { o.WebhookSecret = o.Key + o.Key },
		"nowhere to return":    func(o *stripe.Options) { o.ReturnURL = "" },
		"a script":             func(o *stripe.Options) { o.ReturnURL = "javascript:alert(1)" },
		"another scheme":       func(o *stripe.Options) { o.URL = "file:///etc" },
	} {
		o := good
		spoil(&o)
		_, err := stripe.New(o)
		if err == nil {
			t.Errorf("%s is taken", name)
		} else if strings.Contains(err.Error(), stripetest.Secret) || strings.Contains(err.Error(), stripetest.Key) {
			t.Errorf("%s: the error %q shows a secret", name, err)
		}
	}
}

// TestCheckout asks for a session with all that binds the payment, and for the
// same one again.
func TestCheckout(t *testing.T) {
	s := stripetest.New(t)
	p := connect(t, s)
	for range 2 {
		url, err := p.Checkout(t.Context(), order())
		if err != nil || url != "https://checkout.stripe.com/c/pay/cs_test_1" {
			t.Errorf("%q, %v", url, err)
		}
	}
	first := s.Requests[0]
	for name, want := range map[string]string{
		"mode": "payment", "client_reference_id": order().ID, "metadata[sluice_payment]": order().ID,
		"payment_intent_data[metadata][sluice_payment]": order().ID,
		"line_items[0][quantity]":                       "1", "line_items[0][price_data][currency]": "usd",
		"line_items[0][price_data][unit_amount]": "1250", "expires_at": "1790000000", "adaptive_pricing[enabled]": "false",
		"success_url": "https://models.example.com/", "cancel_url": "https://models.example.com/",
	} {
		if got := first.Form.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	h := first.Header
	if h.Get("Stripe-Version") != stripe.Version || h.Get("Content-Type") != "application/x-www-form-urlencoded" ||
		first.IdempotencyKey == "" || s.Requests[1].IdempotencyKey != first.IdempotencyKey {
		t.Errorf("the headers are %v", h)
	}
}

// TestRefund gives back the difference, with a key that is the same for the same two totals.
func TestRefund(t *testing.T) {
	s := stripetest.New(t)
	p := connect(t, s)
	if _, err := p.Checkout(t.Context(), order()); err != nil {
		t.Fatal(err)
	}
	half := order()
	half.RefundTo = amount("5")
	rest := order()
	rest.RefundFrom, rest.RefundTo = amount("5"), amount("12.50")
	for _, o := range []*sluice.Payment{half, half, rest, rest} {
		if err := p.Refund(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	if s.Refunds != 2 {
		t.Errorf("%d refunds were made", s.Refunds)
	}
	if a, b := s.Requests[1].Form, s.Requests[3].Form; a.Get("amount") != "500" || b.Get("amount") != "750" || a.Get("payment_intent") != order().Reference {
		t.Errorf("asked for %v and %v", a, b)
	}
	other := order()
	other.Reference, other.RefundTo = "pi_unknown", amount("1")
	if err := p.Refund(t.Context(), other); sluice.CodeOf(err) != sluice.CodeInvalid {
		t.Errorf("a payment that Stripe does not know: %v", err)
	}
}

// TestRefusals tells what Stripe will not do from what it may have done, and
// shows nobody but the log what Stripe says of itself.
func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		code   sluice.Code
	}{
		"too small":       {400, `{"error":{"type":"invalid_request_error","code":"amount_too_small","message":"inside"}}`, sluice.CodeInvalid},
		"declined":        {402, `{"error":{"type":"card_error","code":"card_declined","message":"inside"}}`, sluice.CodeInvalid},
		"another key":     {401, `{"error":{"type":"invalid_request_error","message":"inside"}}`, sluice.CodeUnavailable},
		"forbidden":       {403, `{"error":{"type":"invalid_request_error","message":"inside"}}`, sluice.CodeUnavailable},
		"at the same key": {409, `{"error":{"type":"idempotency_error","code":"idempotency_key_in_use","message":"inside"}}`, sluice.CodeUnavailable},
		"too many":        {429, `{"error":{"type":"invalid_request_error","code":"rate_limit","message":"inside"}}`, sluice.CodeUnavailable},
		"broken":          {500, `inside`, sluice.CodeUnavailable},
		"no JSON":         {200, `inside`, sluice.CodeUnavailable},
		"a redirect":      {302, ``, sluice.CodeUnavailable},
		"no page":         {200, `{"id":"cs_1"}`, sluice.CodeUnavailable},
		"a script":        {200, `{"id":"cs_1","url":"javascript:alert(1)"}`, sluice.CodeUnavailable},
	} {
		s := stripetest.New(t)
		s.Fail = func(*http.Request) (int, string) { return c.status, c.body }
		_, err := connect(t, s).Checkout(t.Context(), order())
		var e *sluice.Error
		if sluice.CodeOf(err) != c.code || !errors.As(err, &e) || strings.Contains(e.Message, "inside") || strings.Contains(err.Error(), stripetest.Key) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := stripetest.New(t)
	p := connect(t, s)
	s.Fail = func(*http.Request) (int, string) { return 200, `{"id":"re_1","status":"failed"}` }
	o := order()
	o.RefundTo = amount("1")
	if err := p.Refund(t.Context(), o); sluice.CodeOf(err) != sluice.CodeInvalid {
		t.Errorf("a refund that failed: %v", err)
	}
}

// TestAmounts writes amounts as Stripe counts each currency, and none that is
// not whole.
func TestAmounts(t *testing.T) {
	s := stripetest.New(t)
	p := connect(t, s)
	for _, c := range []struct {
		currency sluice.Currency
		amount   string
		units    string // "" when it is refused
	}{
		{"USD", "10", "1000"},
		{"CNY", "0.01", "1"},
		{"USD", "0.001", ""},
		{"USD", "0.000000000001", ""},
		{"USD", "0", ""},
		{"USD", "-1", ""},
		{"JPY", "500", "500"},
		{"JPY", "0.5", ""},
		{"KWD", "5.12", "5120"},
		{"KWD", "5.124", ""},
		{"ISK", "5", "500"},
		{"ISK", "5.5", ""},
		{"UGX", "7", "700"},
	} {
		o := order()
		o.Currency, o.Amount, o.ID = c.currency, amount(c.amount), sluice.NewID(sluice.PrefixPayment, time.Now())
		_, offered := p.Offer(c.currency, o.Amount)
		_, err := p.Checkout(t.Context(), o)
		if c.units == "" {
			if sluice.CodeOf(err) != sluice.CodeInvalid || sluice.CodeOf(offered) != sluice.CodeInvalid {
				t.Errorf("%s %s: %v, %v", c.amount, c.currency, err, offered)
			}
			continue
		}
		if err != nil || offered != nil {
			t.Fatalf("%s %s: %v, %v", c.amount, c.currency, err, offered)
		}
		if got := s.Requests[len(s.Requests)-1].Form.Get("line_items[0][price_data][unit_amount]"); got != c.units {
			t.Errorf("%s %s is sent as %s, want %s", c.amount, c.currency, got, c.units)
		}
	}
}
