// Package stripe takes payments through Stripe: it makes Checkout Sessions and
// refunds over Stripe's HTTP API, and reads the webhooks that tell what became
// of them. It is the one package that knows Stripe.
//
// Sources: Stripe's API reference (Checkout Sessions, Refunds, Payment Intents,
// Errors, Idempotent requests), "Receive Stripe events in your webhook
// endpoint" for signatures, and "Supported currencies" for amounts.
package stripe

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sluice"
)

// Name is the provider's name in payments.
const Name = "stripe"

// Version is the version of Stripe's API that requests ask for, whatever the
// account's own is. What is read of webhooks is the same in older and newer ones.
const Version = "2025-08-27.basil"

// DefaultURL is where Stripe's API is.
const DefaultURL = "https://api.stripe.com"

// sessionTime is how long a Checkout Session is open. Stripe allows 30 minutes
// to 24 hours; an hour is left for clocks that differ.
const sessionTime = 23 * time.Hour

// Options are how Stripe is reached. Key, WebhookSecret and ReturnURL are required.
type Options struct {
	Key           string // secret or restricted: sk_… or rk_…
	WebhookSecret string // of the webhook endpoint: whsec_…
	ReturnURL     string // where customers come back to
	URL           string // default DefaultURL
	Transport     http.RoundTripper
}

// Provider is Stripe with one account and one webhook endpoint.
type Provider struct {
	opt  Options
	live bool // the key is not for tests
	http *http.Client
}

// New returns the provider. It refuses to be without one of its secrets: a
// webhook that is checked against nothing is money for everybody.
func New(o Options) (*Provider, error) {
	kind, mode, found := "", "", false
	if parts := strings.SplitN(o.Key, "_", 3); len(parts) == 3 {
		kind, mode, found = parts[0], parts[1], parts[2] != ""
	}
	switch {
	case o.Key == "":
		return nil, errors.New("stripe: no key is given")
	case !found || kind != "sk" && kind != "rk" || mode != "live" && mode != "test":
		return nil, errors.New("stripe: the key is none of Stripe's secret keys: they begin with sk_live_, sk_test_, rk_live_ or rk_test_")
	case o.WebhookSecret == "":
		return nil, errors.New("stripe: no webhook secret is given, so that nobody could tell Stripe's webhooks from forged ones")
	case !strings.HasPrefix(o.WebhookSecret, "whsec_") || len(o.WebhookSecret) < 30 || strings.ContainsAny(o.WebhookSecret, " \t\r\n"):
		return nil, errors.New("stripe: the webhook secret is none of Stripe's: they begin with whsec_ and have at least 30 characters")
	}
	for what, text := range map[string]string{"return URL": o.ReturnURL, "URL": cmp.Or(o.URL, DefaultURL)} {
		if u, err := url.Parse(text); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("stripe: the %s %q does not begin with http:// or https://", what, text)
		}
	}
	o.URL = strings.TrimRight(cmp.Or(o.URL, DefaultURL), "/")
	return &Provider{
		opt: o, live: mode == "live",
		http: &http.Client{
			Timeout: 30 * time.Second, Transport: o.Transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // one would carry the key elsewhere
		},
	}, nil
}

// Offer takes what is whole in the currency's smallest unit.
func (p *Provider) Offer(currency sluice.Currency, amount sluice.Amount) (time.Duration, error) {
	if _, err := minor(currency, amount); err != nil {
		return 0, err
	}
	return sessionTime, nil
}

// unit is how Stripe counts a currency: how many of the smallest units make one,
// and of how many an amount must be a multiple.
func unit(currency sluice.Currency) (perUnit, step int64) {
	switch currency {
	case "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF":
		return 1, 1
	case "ISK", "UGX": // without decimals, written with two
		return 100, 100
	case "BHD", "JOD", "KWD", "OMR", "TND": // the last of three decimals must be zero
		return 1000, 10
	}
	return 100, 1
}

// minor writes an amount in the currency's smallest unit. Errors: CodeInvalid
// when it is not whole, or not positive.
func minor(currency sluice.Currency, amount sluice.Amount) (int64, error) {
	perUnit, step := unit(currency)
	nano := sluice.NanoPerUnit / perUnit
	if amount.Sign() <= 0 || amount.Carry != 0 || amount.Nano%(nano*step) != 0 {
		return 0, &sluice.Error{
			Code: sluice.CodeInvalid, Param: "amount",
			Message: fmt.Sprintf("%s cannot be paid by card: it must be a multiple of %s %s.", amount, sluice.Amount{Nano: nano * step}, currency),
		}
	}
	return amount.Nano / nano, nil
}

// amountOf reads what Stripe writes in the smallest unit. Errors: CodeInvalid.
func amountOf(currency sluice.Currency, units int64) (sluice.Amount, error) {
	perUnit, _ := unit(currency)
	nano := sluice.NanoPerUnit / perUnit
	if units < 0 || units > (1<<63-1)/nano {
		return sluice.Amount{}, sluice.Errorf(sluice.CodeInvalid, "Stripe's amount %d is out of range.", units)
	}
	return sluice.Amount{Nano: units * nano}, nil
}
