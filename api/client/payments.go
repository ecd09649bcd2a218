package client

import (
	"context"
	"net/http"
	"net/url"

	"sluice/api"
)

func paymentsPath(org string) string { return "/organisations/" + url.PathEscape(org) + "/payments" }

func paymentPath(org, id string) string { return paymentsPath(org) + "/" + url.PathEscape(id) }

// Payments lists an organisation's payments, the latest first.
func (c *Client) Payments(ctx context.Context, org string, p api.Paging) (api.Page[api.Payment], error) {
	return get[api.Page[api.Payment]](ctx, c, query(paymentsPath(org), paging(p, nil)))
}

// Payment returns one payment of an organisation.
func (c *Client) Payment(ctx context.Context, org, id string) (api.Payment, error) {
	return get[api.Payment](ctx, c, paymentPath(org, id))
}

// CreatePayment asks for a payment into an organisation's balance.
func (c *Client) CreatePayment(ctx context.Context, org string, in api.CreatePayment) (api.Payment, error) {
	return send[api.Payment](ctx, c, http.MethodPost, paymentsPath(org), in)
}

// ConfirmPayment says that a bank transfer has arrived. The same again changes nothing.
func (c *Client) ConfirmPayment(ctx context.Context, org, id string, in api.ConfirmPayment) (api.Payment, error) {
	return send[api.Payment](ctx, c, http.MethodPost, paymentPath(org, id)+"/confirm", in)
}

// RefundPayment gives money back until the total is given back. The same again
// changes nothing.
func (c *Client) RefundPayment(ctx context.Context, org, id string, in api.RefundPayment) (api.Payment, error) {
	return send[api.Payment](ctx, c, http.MethodPost, paymentPath(org, id)+"/refund", in)
}

// PaymentMethods lists the ways to pay into a balance.
func (c *Client) PaymentMethods(ctx context.Context, p api.Paging) (api.Page[api.PaymentMethod], error) {
	return get[api.Page[api.PaymentMethod]](ctx, c, query("/payment-methods", paging(p, nil)))
}
