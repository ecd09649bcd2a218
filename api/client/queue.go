package client

import (
	"context"

	"sluice/api"
)

// Queues lists what waits for engines, by model and class.
func (c *Client) Queues(ctx context.Context, p api.Paging) (api.Page[api.Queue], error) {
	return get[api.Page[api.Queue]](ctx, c, query("/queues", paging(p, nil)))
}
