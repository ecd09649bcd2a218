package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"sluice/api"
)

// Today returns what goes on.
func (c *Client) Today(ctx context.Context) (api.Today, error) {
	return get[api.Today](ctx, c, "/today")
}

// maxEvent bounds one server-sent event, in bytes.
const maxEvent = 8 << 20

// WatchToday hands over what goes on, again and again, until take returns an
// error, which it returns, or the server ends the stream: then it returns io.EOF.
func (c *Client) WatchToday(ctx context.Context, take func(api.Today) error) error {
	resp, err := c.open(ctx, http.MethodGet, "/today/stream", nil, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxEvent)
	for lines.Scan() {
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		if !ok {
			continue
		}
		var t api.Today
		if err := json.Unmarshal(data, &t); err != nil {
			return fmt.Errorf("reading what goes on: %w", err)
		}
		if err := take(t); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil && !errors.Is(err, io.EOF) {
		return unreachable(ctx, err)
	}
	return io.EOF
}

// Customers lists organisations with their balance, plan and usage. name is a
// part of their name or id; empty for all.
func (c *Client) Customers(ctx context.Context, name string, p api.Paging) (api.Page[api.Customer], error) {
	return get[api.Page[api.Customer]](ctx, c, query("/customers", paging(p, map[string]string{"name": name})))
}

// Limits lists the limits of an organisation's projects and keys with the use
// that is made of them now. project is an id; empty for all.
func (c *Client) Limits(ctx context.Context, org, project string, p api.Paging) (api.Page[api.LimitInForce], error) {
	return get[api.Page[api.LimitInForce]](ctx, c, query("/organisations/"+url.PathEscape(org)+"/limits", paging(p, map[string]string{"project": project})))
}

// Site returns what of the service is public. It needs no key, like the three below.
func (c *Client) Site(ctx context.Context) (api.Site, error) {
	return get[api.Site](ctx, c, "/public/site")
}

// PublicModels lists models and what they cost.
func (c *Client) PublicModels(ctx context.Context, p api.Paging) (api.Page[api.PublicModel], error) {
	return get[api.Page[api.PublicModel]](ctx, c, query("/public/models", paging(p, nil)))
}

// PublicStatus returns the state of each model.
func (c *Client) PublicStatus(ctx context.Context) (api.PublicStatus, error) {
	return get[api.PublicStatus](ctx, c, "/public/status")
}

// Rankings returns how many tokens each model worked on.
func (c *Client) Rankings(ctx context.Context) (api.Rankings, error) {
	return get[api.Rankings](ctx, c, "/public/rankings")
}

// PutSite says what of the service is public.
func (c *Client) PutSite(ctx context.Context, in api.Site) (api.Site, error) {
	return send[api.Site](ctx, c, http.MethodPut, "/site", in)
}
