package stripe_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice"
	"sluice/plug/stripe"
	"sluice/plug/stripe/stripetest"
)

// signed is a webhook's headers.
func signed(signature string) http.Header { return http.Header{"Stripe-Signature": {signature}} }

// TestNotice reads each event that says something of a payment.
func TestNotice(t *testing.T) {
	s := stripetest.New(t)
	p := connect(t, s)
	o := order()
	if _, err := p.Checkout(t.Context(), o); err != nil { // Stripe knows the payment for disputes
		t.Fatal(err)
	}
	now := time.Now()
	session := func(status string) map[string]any { return stripetest.Session(o.ID, 1250, "usd", status) }
	foreign := stripetest.Session("order-17", 1250, "usd", "paid")
	foreign["metadata"] = map[string]any{}
	half := session("paid")
	half["metadata"] = map[string]any{"sluice_payment": sluice.NewID(sluice.PrefixPayment, now)}
	subscription := session("paid")
	subscription["mode"] = "subscription"
	elsewhere := stripetest.Charge(o.ID, 1250, 1250, "usd")
	elsewhere["metadata"] = nil
	strange := stripetest.Dispute(o.ID, 1250, "usd", "needs_response")
	strange["payment_intent"] = "pi_1/../../v1/refunds"
	for _, c := range []struct {
		topic string
		body  map[string]any
		kind  sluice.NoticeKind
		size  string
	}{
		{"checkout.session.completed", session("paid"), sluice.NoticePaid, "12.50"},
		{"checkout.session.completed", session("unpaid"), sluice.NoticePending, "12.50"},
		{"checkout.session.completed", session("no_payment_required"), sluice.NoticeOther, ""},
		{"checkout.session.async_payment_succeeded", session("paid"), sluice.NoticePaid, "12.50"},
		{"checkout.session.async_payment_failed", session("unpaid"), sluice.NoticeFailed, "12.50"},
		{"checkout.session.expired", session("unpaid"), sluice.NoticeExpired, "12.50"},
		{"charge.refunded", stripetest.Charge(o.ID, 1250, 300, "usd"), sluice.NoticeRefunded, "3.00"},
		{"charge.dispute.created", stripetest.Dispute(o.ID, 1250, "usd", "needs_response"), sluice.NoticeDisputed, "12.50"},
		{"charge.dispute.created", stripetest.Dispute(o.ID, 1250, "usd", "warning_needs_response"), sluice.NoticeOther, ""},
		{"charge.dispute.funds_withdrawn", stripetest.Dispute(o.ID, 1250, "usd", "needs_response"), sluice.NoticeDisputed, "12.50"},
		{"charge.dispute.funds_reinstated", stripetest.Dispute(o.ID, 1250, "usd", "won"), sluice.NoticeDisputeWon, "12.50"},
		{"charge.dispute.closed", stripetest.Dispute(o.ID, 1250, "usd", "won"), sluice.NoticeDisputeWon, "12.50"},
		{"charge.dispute.closed", stripetest.Dispute(o.ID, 1250, "usd", "lost"), sluice.NoticeDisputeLost, "12.50"},
		{"charge.dispute.closed", stripetest.Dispute(o.ID, 1250, "usd", "warning_closed"), sluice.NoticeOther, ""},
		{"charge.dispute.created", strange, sluice.NoticeOther, ""},
		{"checkout.session.completed", foreign, sluice.NoticeOther, ""},
		{"checkout.session.completed", half, sluice.NoticeOther, ""},
		{"checkout.session.completed", subscription, sluice.NoticeOther, ""},
		{"charge.refunded", elsewhere, sluice.NoticeOther, ""},
		{"customer.created", map[string]any{"object": "customer", "currency": 1, "status": []int{}}, sluice.NoticeOther, ""},
		{"charge.succeeded", stripetest.Charge(o.ID, 1250, 0, "usd"), sluice.NoticeOther, ""},
	} {
		body := stripetest.Event(c.topic, c.body)
		got, err := p.Notice(t.Context(), signed(stripetest.Sign(body, now, stripetest.Secret)), body, now)
		want := sluice.Notice{ID: got.ID, Topic: c.topic}
		if c.kind != sluice.NoticeOther {
			want = sluice.Notice{ID: got.ID, Topic: c.topic, Kind: c.kind, Payment: o.ID, Reference: stripetest.IntentOf(o.ID), Amount: amount(c.size), Currency: "USD"}
		}
		if d := cmp.Diff(want, got); err != nil || got.ID == "" || d != "" {
			t.Errorf("%s %v: %v (-want +got):\n%s", c.topic, c.kind, err, d)
		}
	}
}

// TestWebhookSignature: what is not signed with the endpoint's secret, now, is
// not Stripe's.
func TestWebhookSignature(t *testing.T) {
	p := connect(t, stripetest.New(t))
	now := time.Unix(1_790_000_000, 0)
	body := stripetest.Event("checkout.session.completed", stripetest.Session(order().ID, 1250, "usd", "paid"))
	const other = "whsec_another0123456789abcdef0123"
	good := stripetest.Sign(body, now, stripetest.Secret)
	stamp, sum, _ := strings.Cut(good, ",")
	for name, header := range map[string]http.Header{
		"plain":                     signed(good),
		"with spaces":               signed(stamp + ", " + sum),
		"while secrets change":      signed(stripetest.Sign(body, now, other, stripetest.Secret)),
		"the other order":           signed(sum + "," + stamp),
		"with a scheme of before":   signed(good + ",v0=00"),
		"with a broken one":         signed(stamp + ",v1=zz," + sum),
		"five minutes ago":          signed(stripetest.Sign(body, now.Add(-5*time.Minute), stripetest.Secret)),
		"five minutes ahead of us":  signed(stripetest.Sign(body, now.Add(5*time.Minute), stripetest.Secret)),
		"other headers beside them": {"Stripe-Signature": {good}, "X-Signature": {"t=1,v1=2"}},
	} {
		if n, err := p.Notice(t.Context(), header, body, now); err != nil || n.Kind != sluice.NoticePaid {
			t.Errorf("%s: %+v, %v", name, n, err)
		}
	}
	for name, header := range map[string]http.Header{
		"missing":                      {},
		"empty":                        signed(""),
		"another secret":               signed(stripetest.Sign(body, now, other)),
		"the empty secret":             signed(stripetest.Sign(body, now, "")),
		"only the secret's text":       signed(stripetest.Sign(body, now, strings.TrimPrefix(stripetest.Secret, "whsec_"))),
		"of another body":              signed(stripetest.Sign(append([]byte(" "), body...), now, stripetest.Secret)),
		"too old":                      signed(stripetest.Sign(body, now.Add(-5*time.Minute-time.Second), stripetest.Secret)),
		"too far ahead":                signed(stripetest.Sign(body, now.Add(5*time.Minute+time.Second), stripetest.Secret)),
		"another time than was signed": signed(fmt.Sprintf("t=%d,%s", now.Unix()+1, sum)),
		"two times":                    signed(stamp + "," + good),
		"no time":                      signed(sum),
		"a time that is none":          signed("t=now," + sum),
		"a time beyond all":            signed("t=99999999999999999999," + sum),
		"no signature":                 signed(stamp),
		"an empty signature":           signed(stamp + ",v1="),
		"half a signature":             signed(good[:len(good)-2]),
		"only another scheme":          signed(strings.Replace(good, "v1=", "v0=", 1)),
		"twice":                        {"Stripe-Signature": {good, good}},
	} {
		if n, err := p.Notice(t.Context(), header, body, now); sluice.CodeOf(err) != sluice.CodeUnauthenticated || n != (sluice.Notice{}) {
			t.Errorf("%s: %+v, %v", name, n, err)
		}
	}
}

// TestWebhookBodies: what is signed and makes no sense is refused, and money of
// the test mode is none.
func TestWebhookBodies(t *testing.T) {
	now := time.Now()
	s := stripetest.New(t)
	p := connect(t, s)
	session := func(units int64) []byte {
		return stripetest.Event("checkout.session.completed", stripetest.Session(order().ID, units, "usd", "paid"))
	}
	for name, body := range map[string][]byte{
		"nothing":            nil,
		"no JSON":            []byte("paid"),
		"no event":           []byte(`{"id":"cs_1","object":"checkout.session"}`),
		"no object":          []byte(`{"id":"evt_1","object":"event","type":"charge.refunded"}`),
		"an amount of text":  stripetest.Event("checkout.session.completed", map[string]any{"amount_total": "12.50"}),
		"a negative amount":  session(-1),
		"an amount too much": session(1 << 62),
		"live":               []byte(strings.Replace(string(session(1250)), `"livemode":false,"object":"event"`, `"livemode":true,"object":"event"`, 1)),
	} {
		n, err := p.Notice(t.Context(), signed(stripetest.Sign(body, now, stripetest.Secret)), body, now)
		if sluice.CodeOf(err) != sluice.CodeInvalid || n != (sluice.Notice{}) {
			t.Errorf("%s: %+v, %v", name, n, err)
		}
	}
	live, err := stripe.New(stripe.Options{Key: "rk_live_1", WebhookSecret: stripetest.Secret, ReturnURL: "https://models.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	body := session(1250)
	if _, err := live.Notice(t.Context(), signed(stripetest.Sign(body, now, stripetest.Secret)), body, now); sluice.CodeOf(err) != sluice.CodeInvalid {
		t.Errorf("an event of the test mode for a live key: %v", err)
	}
	s.Fail = func(*http.Request) (int, string) { return 500, "" }
	body = stripetest.Event("charge.dispute.created", stripetest.Dispute(order().ID, 1250, "usd", "needs_response"))
	if _, err := p.Notice(t.Context(), signed(stripetest.Sign(body, now, stripetest.Secret)), body, now); sluice.CodeOf(err) != sluice.CodeUnavailable {
		t.Errorf("a dispute while Stripe does not answer: %v", err)
	}
}

// FuzzNotice: whatever a body and a header are, nothing that is not signed says anything.
func FuzzNotice(f *testing.F) {
	p, err := stripe.New(stripe.Options{Key: stripetest.Key, WebhookSecret: stripetest.Secret, ReturnURL: "https://models.example.com"})
	if err != nil {
		f.Fatal(err)
	}
	body := stripetest.Event("checkout.session.completed", stripetest.Session("pay_1", 1, "usd", "paid"))
	f.Add(stripetest.Sign(body, time.Unix(1, 0), "x"), body)
	f.Add("t=1,v1=", []byte("{}"))
	f.Fuzz(func(t *testing.T, signature string, body []byte) {
		if n, err := p.Notice(t.Context(), signed(signature), body, time.Unix(1, 0)); sluice.CodeOf(err) != sluice.CodeUnauthenticated || n != (sluice.Notice{}) {
			t.Errorf("%+v, %v", n, err)
		}
	})
}
