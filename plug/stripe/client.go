package stripe

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"sluice"
)

// maxAnswer bounds the answer of Stripe's that is read, in bytes.
const maxAnswer = 1 << 20

// ours is the metadata by which a notice names our payment.
const ours = "sluice_payment"

// Checkout makes a Checkout Session for the payment, the same one when it is
// asked again. Errors: CodeInvalid when Stripe will not, such as for an amount
// below its least; CodeUnavailable.
func (p *Provider) Checkout(ctx context.Context, pay *sluice.Payment) (string, error) {
	amount, err := minor(pay.Currency, pay.Amount)
	if err != nil {
		return "", err
	}
	form := url.Values{
		"mode":                   {"payment"},
		"client_reference_id":    {pay.ID},
		"metadata[" + ours + "]": {pay.ID},
		"payment_intent_data[metadata][" + ours + "]":   {pay.ID}, // which charges inherit
		"line_items[0][quantity]":                       {"1"},
		"line_items[0][price_data][currency]":           {strings.ToLower(string(pay.Currency))},
		"line_items[0][price_data][unit_amount]":        {strconv.FormatInt(amount, 10)},
		"line_items[0][price_data][product_data][name]": {"Prepaid balance"},
		"adaptive_pricing[enabled]":                     {"false"}, // the customer pays the currency that is bound
		"expires_at":                                    {strconv.FormatInt(pay.ExpiresAt.Unix(), 10)},
		"success_url":                                   {p.opt.ReturnURL},
		"cancel_url":                                    {p.opt.ReturnURL},
	}
	var session struct {
		ID  string `json:"id"`
		URL string `json:"url"`
	}
	if err := p.ask(ctx, http.MethodPost, "/v1/checkout/sessions", "sluice checkout "+pay.ID, form, &session); err != nil {
		return "", fmt.Errorf("making a checkout session for %s: %w", pay.ID, err)
	}
	if u, err := url.Parse(session.URL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", sluice.Errorf(sluice.CodeUnavailable, "Stripe made a checkout without a page.")
	}
	return session.URL, nil
}

// Refund gives back what lies between p.RefundFrom and p.RefundTo. Errors:
// CodeInvalid when Stripe will not; after any other it may be done or not, and
// can be asked for again.
func (p *Provider) Refund(ctx context.Context, pay *sluice.Payment) error {
	more, err := pay.RefundTo.Sub(pay.RefundFrom)
	if err != nil {
		return err
	}
	amount, err := minor(pay.Currency, more)
	if err != nil {
		return err
	}
	form := url.Values{
		"payment_intent": {pay.Reference}, "amount": {strconv.FormatInt(amount, 10)}, "metadata[" + ours + "]": {pay.ID},
	}
	var refund struct {
		Status string `json:"status"`
	}
	key := fmt.Sprintf("sluice refund %s from %s to %s", pay.ID, pay.RefundFrom, pay.RefundTo)
	if err := p.ask(ctx, http.MethodPost, "/v1/refunds", key, form, &refund); err != nil {
		return fmt.Errorf("refunding %s: %w", pay.ID, err)
	}
	if refund.Status == "failed" || refund.Status == "canceled" {
		return sluice.Errorf(sluice.CodeInvalid, "Stripe could not refund the payment: the refund is %s.", refund.Status)
	}
	return nil
}

// paymentOf asks which of our payments a Payment Intent is, "" for none.
func (p *Provider) paymentOf(ctx context.Context, intent string) (string, error) {
	if !strings.HasPrefix(intent, "pi_") || strings.ContainsFunc(intent, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		return "", nil
	}
	var found struct {
		Metadata map[string]string `json:"metadata"`
	}
	if err := p.ask(ctx, http.MethodGet, "/v1/payment_intents/"+intent, "", nil, &found); err != nil {
		return "", fmt.Errorf("looking up %s: %w", intent, err)
	}
	return found.Metadata[ours], nil
}

// ask sends a request and reads the answer into out. A key makes its repetition
// harmless. Errors: CodeInvalid when Stripe says no to what is asked; else
// CodeUnavailable, after which it may be done or not. What Stripe says of itself
// stays in the log.
func (p *Provider) ask(ctx context.Context, method, path, key string, form url.Values, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, p.opt.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+p.opt.Key)
	req.Header.Set("Stripe-Version", Version)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	away := func(err error) error {
		return &sluice.Error{Code: sluice.CodeUnavailable, Message: "Stripe cannot be reached, or does not serve this account. Try again later.", Err: err}
	}
	resp, err := p.http.Do(req)
	if err != nil {
		return away(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return away(err)
	}
	if resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal(body, out); err != nil {
			return away(fmt.Errorf("reading Stripe's answer: %w", err))
		}
		return nil
	}
	var refusal struct {
		Error struct {
			Type, Code, Message string
		}
	}
	_ = json.Unmarshal(body, &refusal) // what is not there stays empty
	said := fmt.Errorf("stripe answered %s: type %q, code %q: %s", resp.Status, refusal.Error.Type, refusal.Error.Code, refusal.Error.Message)
	switch resp.StatusCode {
	case http.StatusBadRequest, http.StatusPaymentRequired, http.StatusNotFound:
		return &sluice.Error{Code: sluice.CodeInvalid, Message: "Stripe refuses this: " + reason(refusal.Error.Code) + ".", Err: said}
	}
	return away(said)
}

// reason writes the code of a refusal in words.
func reason(code string) string {
	if code == "" {
		return "it gives no reason"
	}
	return strings.ReplaceAll(code, "_", " ")
}
