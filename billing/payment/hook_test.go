//go:build unix

package payment_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice"
	"sluice/billing/payment"
	"sluice/plug/stripe"
	"sluice/plug/stripe/stripetest"
)

// What was done to the payment hooks of others, one test each. Most were
// reported of new-api: free credit with an empty webhook secret and orders that
// another gateway's hook settled (CVE-2026-41432), webhook bodies without a
// bound (CVE-2026-64868).

// TestReplay sends one webhook again: at once, many times, and later, with the
// signature of then and with a new one.
func TestReplay(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		p := r.create(stripe.Name)
		body := paid(p)
		then := stripetest.Sign(body, r.now(), stripetest.Secret)
		for range 3 {
			if got := r.post(stripe.Name, body, then); got != http.StatusOK {
				t.Errorf("the answer is %d", got)
			}
		}
		r.ahead = 6 * time.Minute
		if got := r.post(stripe.Name, body, then); got != http.StatusBadRequest {
			t.Errorf("six minutes later the answer is %d", got)
		}
		r.sends(http.StatusOK, body)
		r.wants("10", "0", 1)
		r.state(p, sluice.PaymentPaid)
	})
}

// TestCrossProviderSettlement has one provider's hook, with its own good
// signature, name another's payment.
func TestCrossProviderSettlement(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		transfer, card := r.create(payment.Manual), r.create(stripe.Name)
		for _, p := range []*sluice.Payment{transfer, card} {
			if got := r.send("other", paid(p)); got != http.StatusOK { // acknowledged: it is none of this hook's
				t.Errorf("the answer is %d", got)
			}
		}
		r.sends(http.StatusOK, paid(transfer))
		r.wants("0", "0", 0)
		r.state(transfer, sluice.PaymentCreated)
		r.state(card, sluice.PaymentCreated)
		if !strings.Contains(r.log.String(), "about no payment of this provider") {
			t.Errorf("the log says nothing of it:\n%s", r.log)
		}
		if got := r.send(payment.Manual, paid(transfer)); got != http.StatusNotFound {
			t.Errorf("transfers have a hook: %d", got)
		}
		if got := r.send("nobody", paid(card)); got != http.StatusNotFound {
			t.Errorf("a provider that is not set up has a hook: %d", got)
		}
	})
}

// TestWrongSignature sends webhooks that Stripe did not sign.
func TestWrongSignature(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		p := r.create(stripe.Name)
		body := paid(p)
		for name, signature := range map[string]string{
			"none":             "",
			"another secret":   stripetest.Sign(body, r.now(), "whsec_another0123456789abcdef0123"),
			"an empty secret":  stripetest.Sign(body, r.now(), ""),
			"no secret at all": stripetest.Sign(body, r.now()),
			"of another body":  stripetest.Sign(refunded(p, 1), r.now(), stripetest.Secret),
			"too old":          stripetest.Sign(body, r.now().Add(-301*time.Second), stripetest.Secret),
			"of the future":    stripetest.Sign(body, r.now().Add(302*time.Second), stripetest.Secret),
		} {
			if got := r.post(stripe.Name, body, signature); got != http.StatusBadRequest {
				t.Errorf("%s: the answer is %d", name, got)
			}
		}
		r.wants("0", "0", 0)
		r.state(p, sluice.PaymentCreated)
	})
}

// TestUnboundedBody sends more than a webhook can be, and checks that it is not
// read to its end.
func TestUnboundedBody(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		hook, _ := r.service.Hook(stripe.Name)
		ask := func(method, media string, body io.Reader) int {
			req := httptest.NewRequest(method, "/", body)
			req.Header.Set("Content-Type", media)
			req.Header.Set("Stripe-Signature", "t=1,v1=00")
			w := httptest.NewRecorder()
			hook.ServeHTTP(w, req)
			return w.Code
		}
		endless := &endless{}
		if got := ask("POST", "application/json", endless); got != http.StatusRequestEntityTooLarge || endless.read > 128<<10 {
			t.Errorf("the answer is %d after %d bytes", got, endless.read)
		}
		for _, c := range []struct {
			method, media string
			body          io.Reader
			want          int
		}{
			{"POST", "application/json", bytes.NewReader(make([]byte, 64<<10)), http.StatusBadRequest},
			{"POST", "application/json", bytes.NewReader(make([]byte, 64<<10+1)), http.StatusRequestEntityTooLarge},
			{"POST", "text/plain", strings.NewReader("{}"), http.StatusUnsupportedMediaType},
			{"POST", "", strings.NewReader("{}"), http.StatusUnsupportedMediaType},
			{"POST", "application/jsonx", strings.NewReader("{}"), http.StatusUnsupportedMediaType},
			{"GET", "application/json", nil, http.StatusMethodNotAllowed},
		} {
			if got := ask(c.method, c.media, c.body); got != c.want {
				t.Errorf("%s of %q: %d, want %d", c.method, c.media, got, c.want)
			}
		}
	})
}

// endless is a body without an end.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	clear(p)
	e.read += len(p)
	return len(p), nil
}

// TestLateEvent: what comes after a refund gives nothing back; what comes after
// the expiry is money that is there.
func TestLateEvent(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		first := r.create(stripe.Name)
		r.sends(http.StatusOK, paid(first), refunded(first, 1000), paid(first))
		r.wants("0", "0", 2)
		r.state(first, sluice.PaymentRefunded)

		late := r.create(stripe.Name)
		r.ahead = 25 * time.Hour
		r.state(late, sluice.PaymentExpired)
		expired := stripetest.Event("checkout.session.expired", stripetest.Session(late.ID, 1000, "usd", "unpaid"))
		r.sends(http.StatusOK, expired)
		r.wants("0", "0", 2)
		r.sends(http.StatusOK, paid(late), expired)
		r.wants("10", "0", 3)
		r.state(late, sluice.PaymentPaid)
		if !strings.Contains(r.log.String(), "paid after its end") {
			t.Errorf("the log says nothing of it:\n%s", r.log)
		}
	})
}

// TestOutOfOrder: a refund and a dispute that are heard of before the payment.
func TestOutOfOrder(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		p := r.create(stripe.Name)
		r.sends(http.StatusOK, refunded(p, 400), refunded(p, 300), disputed(p, "closed", "won"), disputed(p, "created", "needs_response"))
		r.wants("0", "0", 0)
		r.sends(http.StatusOK, paid(p))
		r.wants("6", "0", 1)
		r.state(p, sluice.PaymentPartlyRefunded)
	})
}

// TestOtherAmount: amount, currency and Stripe's own id are those of the
// payment, or nothing happens.
func TestOtherAmount(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		p, other := r.create(stripe.Name), r.create(stripe.Name)
		session := func(units int64, currency string) []byte {
			return stripetest.Event("checkout.session.completed", stripetest.Session(p.ID, units, currency, "paid"))
		}
		r.sends(http.StatusConflict, session(1, "usd"), session(999, "usd"), session(1001, "usd"), session(0, "usd"), session(1000, "cny"), session(1000, "jpy"), session(1000, ""))
		r.sends(http.StatusBadRequest, session(-1000, "usd"))
		r.wants("0", "0", 0)
		r.state(p, sluice.PaymentCreated)

		// One payment at Stripe pays one of ours.
		r.sends(http.StatusOK, paid(p))
		twin := stripetest.Session(other.ID, 1000, "usd", "paid")
		twin["payment_intent"] = stripetest.IntentOf(p.ID)
		again := stripetest.Session(p.ID, 1000, "usd", "paid")
		again["payment_intent"] = "pi_another"
		r.sends(http.StatusConflict, stripetest.Event("checkout.session.completed", twin), stripetest.Event("checkout.session.completed", again), refunded(p, 1001))
		r.wants("10", "0", 1)
		r.state(other, sluice.PaymentCreated)
	})
}

// TestOtherOrganisation: a payment is found only under its own organisation,
// and credits only that.
func TestOtherOrganisation(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		p, transfer := r.create(stripe.Name), r.create(payment.Manual)
		acme, other := r.org, r.organisation("other", "USD")
		_, read := r.service.Payment(t.Context(), other.ID, p.ID)
		_, confirmed := r.service.Confirm(t.Context(), other.ID, transfer.ID, amount("10"), "bank 1")
		_, given := r.service.Refund(t.Context(), other.ID, p.ID, nil)
		for _, err := range []error{read, confirmed, given} {
			if sluice.CodeOf(err) != sluice.CodeNotFound {
				t.Errorf("%v", err)
			}
		}
		if list, err := r.service.Payments(t.Context(), other.ID, "", 10); err != nil || len(list) != 0 {
			t.Errorf("it has %v, %v", list, err)
		}
		r.sends(http.StatusOK, paid(p))
		r.org = other
		r.wants("0", "0", 0)
		r.org = acme
		r.wants("10", "0", 1)
	})
}

// TestTwoWebhooksAtOnce sends one webhook fifty times at once: one booking.
func TestTwoWebhooksAtOnce(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		p := r.create(stripe.Name)
		body := paid(p)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if got := r.send(stripe.Name, body); got != http.StatusOK {
					t.Errorf("the answer is %d", got)
				}
			})
		}
		wg.Wait()
		r.wants("10", "0", 1)
	})
}

// TestWebhookBeforeCheckoutReturned: Stripe tells of the payment before it has
// answered the request that made its page.
func TestWebhookBeforeCheckoutReturned(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.stripe.Before = func(req stripetest.Request) {
			if id := req.Form.Get("client_reference_id"); id != "" {
				r.sends(http.StatusOK, paid(&sluice.Payment{ID: id}))
				r.wants("10", "0", 1)
			}
		}
		p := r.create(stripe.Name)
		r.state(p, sluice.PaymentPaid)
		r.wants("10", "0", 1)
		if p.CheckoutURL == "" || !p.Paid {
			t.Errorf("the payment is %+v", p)
		}
	})
}

// TestCrashBeforeBooking dies at each write between a webhook and its answer.
// The provider sends it again; so does a start without one.
func TestCrashBeforeBooking(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		died := errors.New("the process died")
		total, bookings := 0, 0
		for at := 1; at <= 2; at++ { // the fact with its booking, and the note that it is booked
			for _, resent := range []bool{true, false} {
				p := r.create(stripe.Name)
				writes := 0
				r.flaky.fail = func(*sluice.Payment) error {
					if writes++; writes >= at {
						return died
					}
					return nil
				}
				r.sends(http.StatusServiceUnavailable, paid(p))
				r.flaky.fail = nil
				r.restart()
				if resent {
					r.sends(http.StatusOK, paid(p))
				} else {
					r.must(r.service.Finish(context.Background()))
				}
				if resent || at > 1 { // before the first write nothing is known but to Stripe, which sends it again
					total, bookings = total+10, bookings+1
				}
				r.wants(sluice.Amount{Nano: int64(total) * sluice.NanoPerUnit}.String(), "0", bookings)
			}
		}
		if r.flaky.failed < 4 {
			t.Errorf("%d writes failed", r.flaky.failed)
		}
	})
}

// TestCrashThenAnotherEvent: what comes first after a crash is another notice
// than the one that was cut off. Both are booked.
func TestCrashThenAnotherEvent(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		p := r.create(stripe.Name)
		r.sends(http.StatusOK, paid(p))
		r.flaky.fail = func(p *sluice.Payment) error {
			if p.Booking.Sign() == 0 {
				return errors.New("the process died")
			}
			return nil
		}
		r.sends(http.StatusServiceUnavailable, refunded(p, 300)) // booked, and not noted
		r.flaky.fail = nil
		r.restart()
		r.sends(http.StatusOK, refunded(p, 1000), refunded(p, 300))
		r.wants("0", "0", 3)
	})
}

// TestUnknownEvents are acknowledged and logged, and change nothing.
func TestUnknownEvents(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		p := r.create(stripe.Name)
		r.sends(http.StatusOK,
			stripetest.Event("customer.created", map[string]any{"object": "customer"}),
			stripetest.Event("checkout.session.completed", map[string]any{"object": "checkout.session", "mode": "subscription"}),
			paid(&sluice.Payment{ID: sluice.NewID(sluice.PrefixPayment, time.Now())}),
			stripetest.Event("payment_intent.payment_failed", stripetest.Charge(p.ID, 1000, 0, "usd")))
		r.wants("0", "0", 0)
		if log := r.log.String(); !strings.Contains(log, "customer.created") || !strings.Contains(log, "about no payment") {
			t.Errorf("the log says\n%s", log)
		}
	})
}
