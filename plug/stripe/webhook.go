package stripe

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sluice"
)

// tolerance is how far a webhook's timestamp may be from our clock.
const tolerance = 5 * time.Minute

// Notice finds out whether a webhook is Stripe's, and what it says of a payment.
// Errors: CodeUnauthenticated for a signature that is missing, wrong or too
// old; CodeInvalid for a body that is none of Stripe's events, or is of the
// other mode (test or live) than the key; CodeUnavailable when Stripe had to be
// asked and did not answer.
func (p *Provider) Notice(ctx context.Context, header http.Header, body []byte, now time.Time) (sluice.Notice, error) {
	if err := p.verify(header, body, now); err != nil {
		return sluice.Notice{}, err
	}
	var e event
	if err := json.Unmarshal(body, &e); err != nil || e.Kind != "event" || e.ID == "" || e.Type == "" {
		return sluice.Notice{}, &sluice.Error{Code: sluice.CodeInvalid, Message: "The webhook is none of Stripe's events.", Err: err}
	}
	n := sluice.Notice{ID: e.ID, Topic: e.Type}
	if !e.known() {
		return n, nil
	}
	var o object
	if err := json.Unmarshal(e.Data.Object, &o); err != nil {
		return sluice.Notice{}, &sluice.Error{Code: sluice.CodeInvalid, Message: "The webhook's object cannot be read.", Err: err}
	}
	if n.Kind = o.says(e.Type); n.Kind == sluice.NoticeOther {
		return n, nil
	}
	if e.Livemode != p.live {
		return sluice.Notice{}, sluice.Errorf(sluice.CodeInvalid, "The webhook %s is of Stripe's other mode: livemode is %t.", e.ID, e.Livemode)
	}
	n.Payment, n.Reference = o.Metadata[ours], o.PaymentIntent
	units := o.AmountTotal // of a session
	switch n.Kind {
	case sluice.NoticeRefunded:
		units = o.AmountRefunded
	case sluice.NoticeDisputed, sluice.NoticeDisputeWon, sluice.NoticeDisputeLost:
		units = o.Amount
		var err error
		if n.Payment, err = p.paymentOf(ctx, o.PaymentIntent); err != nil { // a dispute has no metadata of the payment's
			return sluice.Notice{}, &sluice.Error{Code: sluice.CodeUnavailable, Message: "Stripe must be asked about a dispute, and did not answer.", Err: err}
		}
	default: // of a session
		if n.Payment != o.ClientReferenceID {
			n.Payment = ""
		}
	}
	if !sluice.IsID(n.Payment, sluice.PrefixPayment) { // the account serves others too
		return sluice.Notice{ID: e.ID, Topic: e.Type}, nil
	}
	var err error
	n.Currency = sluice.Currency(strings.ToUpper(o.Currency))
	if n.Amount, err = amountOf(n.Currency, units); err != nil {
		return sluice.Notice{}, err
	}
	return n, nil
}

// event is a webhook: something happened to an object.
type event struct {
	ID       string `json:"id"`
	Kind     string `json:"object"` // "event"
	Type     string `json:"type"`
	Livemode bool   `json:"livemode"`
	Data     struct {
		Object json.RawMessage `json:"object"`
	} `json:"data"`
}

// known reports whether the event's object is one that object describes.
func (e *event) known() bool {
	return strings.HasPrefix(e.Type, "checkout.session.") || strings.HasPrefix(e.Type, "charge.dispute.") || e.Type == "charge.refunded"
}

// object is a Checkout Session, a charge or a dispute, as far as it matters.
type object struct {
	ClientReferenceID string `json:"client_reference_id"` // of a session
	Mode              string `json:"mode"`                // of a session
	PaymentStatus     string `json:"payment_status"`      // of a session
	AmountTotal       int64  `json:"amount_total"`        // of a session

	AmountRefunded int64 `json:"amount_refunded"` // of a charge

	Amount int64  `json:"amount"` // of a dispute
	Status string `json:"status"` // of a dispute

	PaymentIntent string            `json:"payment_intent"`
	Currency      string            `json:"currency"`
	Metadata      map[string]string `json:"metadata"`
}

// says tells what an event says of a payment.
func (o *object) says(topic string) sluice.NoticeKind {
	if strings.HasPrefix(topic, "checkout.session.") && o.Mode != "payment" {
		return sluice.NoticeOther
	}
	switch topic {
	case "checkout.session.completed", "checkout.session.async_payment_succeeded":
		switch o.PaymentStatus {
		case "paid":
			return sluice.NoticePaid
		case "unpaid": // by a method that takes days
			return sluice.NoticePending
		}
	case "checkout.session.async_payment_failed":
		return sluice.NoticeFailed
	case "checkout.session.expired":
		return sluice.NoticeExpired
	case "charge.refunded":
		return sluice.NoticeRefunded
	case "charge.dispute.funds_withdrawn":
		return sluice.NoticeDisputed
	case "charge.dispute.created":
		if !strings.HasPrefix(o.Status, "warning_") { // an inquiry takes no money
			return sluice.NoticeDisputed
		}
	case "charge.dispute.funds_reinstated":
		return sluice.NoticeDisputeWon
	case "charge.dispute.closed":
		switch o.Status {
		case "won":
			return sluice.NoticeDisputeWon
		case "lost":
			return sluice.NoticeDisputeLost
		}
	}
	return sluice.NoticeOther
}

// verify checks the header Stripe-Signature: t=SECONDS and one or more v1=HEX,
// each an HMAC-SHA256, under a secret of the endpoint, of the timestamp, a dot
// and the body. While a secret is exchanged for another there is one for each.
func (p *Provider) verify(header http.Header, body []byte, now time.Time) error {
	refuse := func(why string) error {
		return sluice.Errorf(sluice.CodeUnauthenticated, "The webhook's signature %s.", why)
	}
	values := header.Values("Stripe-Signature")
	if len(values) != 1 {
		return refuse("is missing, or there twice")
	}
	stamp := ""
	var signatures [][]byte
	for part := range strings.SplitSeq(values[0], ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "t":
			if stamp != "" {
				return refuse("has two timestamps")
			}
			stamp = value
		case "v1":
			if sum, err := hex.DecodeString(value); err == nil && len(sum) == sha256.Size {
				signatures = append(signatures, sum)
			}
		}
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || len(signatures) == 0 {
		return refuse("has no timestamp, or no signature of the form v1")
	}
	mac := hmac.New(sha256.New, []byte(p.opt.WebhookSecret))
	_, _ = mac.Write([]byte(stamp + ".")) // a hash takes all
	_, _ = mac.Write(body)
	want, authentic := mac.Sum(nil), false
	for _, sum := range signatures {
		authentic = hmac.Equal(sum, want) || authentic
	}
	if !authentic {
		return refuse("is not made with this endpoint's secret")
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > tolerance || age < -tolerance {
		return refuse("is of another time: it may be sent again by somebody who overheard it, or a clock is wrong")
	}
	return nil
}
