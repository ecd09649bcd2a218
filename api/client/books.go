package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"sluice/api"
)

// Usage lists the calls of an organisation, those that ended last first.
func (c *Client) Usage(ctx context.Context, org string, q api.UsageQuery) (api.Page[api.Call], error) {
	values := paging(q.Paging, map[string]string{"key": q.Key, "model": q.Model})
	for name, t := range map[string]time.Time{"since": q.Since, "until": q.Until} {
		if !t.IsZero() {
			values[name] = t.UTC().Format(time.RFC3339Nano)
		}
	}
	return get[api.Page[api.Call]](ctx, c, query("/organisations/"+url.PathEscape(org)+"/usage", values))
}

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
