package client

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"sluice/api"
	"sluice/money/invoice"
)

// Billing returns an organisation's data for invoices.
func (c *Client) Billing(ctx context.Context, org string) (api.Billing, error) {
	return get[api.Billing](ctx, c, ofOrg(org, "/billing"))
}

// PutBilling replaces an organisation's data for invoices.
func (c *Client) PutBilling(ctx context.Context, org string, in api.PutBilling) (api.Billing, error) {
	return send[api.Billing](ctx, c, http.MethodPut, ofOrg(org, "/billing"), in)
}

// Seller returns the operator's data for invoices.
func (c *Client) Seller(ctx context.Context) (api.Billing, error) {
	return get[api.Billing](ctx, c, "/seller")
}

// PutSeller replaces the operator's data for invoices.
func (c *Client) PutSeller(ctx context.Context, in api.PutBilling) (api.Billing, error) {
	return send[api.Billing](ctx, c, http.MethodPut, "/seller", in)
}

// Invoices lists an organisation's invoices and corrections in order of their numbers.
func (c *Client) Invoices(ctx context.Context, org string, p api.Paging) (api.Page[api.InvoiceSummary], error) {
	return get[api.Page[api.InvoiceSummary]](ctx, c, query(ofOrg(org, "/invoices"), paging(p, nil)))
}

// IssueInvoice issues the invoice of a month, or returns the one that was issued.
func (c *Client) IssueInvoice(ctx context.Context, org, period string) (*invoice.Invoice, error) {
	return send[*invoice.Invoice](ctx, c, http.MethodPost, ofOrg(org, "/invoices"), api.IssueInvoice{Period: period})
}

// DraftInvoice returns the invoice of a month as it would be issued now.
func (c *Client) DraftInvoice(ctx context.Context, org, period string) (*invoice.Invoice, error) {
	return get[*invoice.Invoice](ctx, c, ofOrg(org, "/invoice-drafts/"+url.PathEscape(period)))
}

// Invoice returns an invoice or a correction.
func (c *Client) Invoice(ctx context.Context, org, number string) (*invoice.Invoice, error) {
	return get[*invoice.Invoice](ctx, c, ofOrg(org, "/invoices/"+url.PathEscape(number)))
}

// CorrectInvoice takes an invoice back and issues its month anew.
func (c *Client) CorrectInvoice(ctx context.Context, org, number, reason string) (api.CorrectedInvoice, error) {
	return send[api.CorrectedInvoice](ctx, c, http.MethodPost, ofOrg(org, "/invoices/"+url.PathEscape(number)+"/correct"), api.CorrectInvoice{Reason: reason})
}

// InvoiceFile writes an invoice or a correction in a format, pdf or csv.
func (c *Client) InvoiceFile(ctx context.Context, w io.Writer, org, number, format string) error {
	return c.file(ctx, w, ofOrg(org, "/invoices/"+url.PathEscape(number)+"/file"), format)
}

// DraftInvoiceFile writes the invoice of a month as it would be issued now.
func (c *Client) DraftInvoiceFile(ctx context.Context, w io.Writer, org, period, format string) error {
	return c.file(ctx, w, ofOrg(org, "/invoice-drafts/"+url.PathEscape(period)+"/file"), format)
}

func ofOrg(org, tail string) string { return "/organisations/" + url.PathEscape(org) + tail }

// file asks for a file.
func (c *Client) file(ctx context.Context, w io.Writer, path, format string) error {
	data, err := c.ask(ctx, http.MethodGet, query(path, map[string]string{"format": format}), nil, nil)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}
