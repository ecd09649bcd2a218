package client

import (
	"context"
	"net/http"
	"net/url"

	"sluice/api"
)

// Call returns one call with the entries that booked it.
func (c *Client) Call(ctx context.Context, id string) (api.CallDetail, error) {
	return get[api.CallDetail](ctx, c, "/calls/"+url.PathEscape(id))
}

// VerifyLedger checks every invariant of the ledger.
func (c *Client) VerifyLedger(ctx context.Context) (api.Verification, error) {
	return send[api.Verification](ctx, c, http.MethodPost, "/ledger/verify", nil)
}

// Status returns how the server is doing.
func (c *Client) Status(ctx context.Context) (api.Status, error) {
	return get[api.Status](ctx, c, "/status")
}

// Version returns what runs.
func (c *Client) Version(ctx context.Context) (api.Version, error) {
	return get[api.Version](ctx, c, "/version")
}

// Me returns who the caller is.
func (c *Client) Me(ctx context.Context) (api.Me, error) {
	return get[api.Me](ctx, c, "/me")
}
