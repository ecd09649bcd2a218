package client

import (
	"context"
	"net/http"
	"net/url"

	"sluice/api"
	"sluice/billing/statements"
)

// AskWhatIf begins to answer what a past period would have come to.
func (c *Client) AskWhatIf(ctx context.Context, in api.AskWhatIf) (*statements.Run, error) {
	return send[*statements.Run](ctx, c, http.MethodPost, "/whatif", in)
}

// WhatIf returns how far an answer is, or the answer.
func (c *Client) WhatIf(ctx context.Context, id string) (*statements.Run, error) {
	return get[*statements.Run](ctx, c, "/whatif/"+url.PathEscape(id))
}

// CancelWhatIf stops answering.
func (c *Client) CancelWhatIf(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/whatif/"+url.PathEscape(id), nil, nil, nil)
}
