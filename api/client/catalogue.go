package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"sluice"
	"sluice/api"
)

// Models lists what is sold, in order of names.
func (c *Client) Models(ctx context.Context, p api.Paging) (api.Page[api.Model], error) {
	return get[api.Page[api.Model]](ctx, c, query("/models", paging(p, nil)))
}

// ModelFiles lists the files in the server's folder of models.
func (c *Client) ModelFiles(ctx context.Context, p api.Paging) (api.Page[api.ModelFile], error) {
	return get[api.Page[api.ModelFile]](ctx, c, query("/model-files", paging(p, nil)))
}

// PutModel adds a model or replaces what is known of it.
func (c *Client) PutModel(ctx context.Context, name string, in api.PutModel) (api.Model, error) {
	return send[api.Model](ctx, c, http.MethodPut, "/models/"+url.PathEscape(name), in)
}

// DeleteModel takes a model off sale.
func (c *Client) DeleteModel(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodDelete, "/models/"+url.PathEscape(name), nil, nil, nil)
}

// Engines lists the engines with their live state, in order of names.
func (c *Client) Engines(ctx context.Context, p api.Paging) (api.Page[api.Engine], error) {
	return get[api.Page[api.Engine]](ctx, c, query("/engines", paging(p, nil)))
}

// PutEngine adds an engine or replaces the one of that name.
func (c *Client) PutEngine(ctx context.Context, name string, in api.PutEngine) (api.Engine, error) {
	return send[api.Engine](ctx, c, http.MethodPut, "/engines/"+url.PathEscape(name), in)
}

// DeleteEngine removes the engine of that name. Its running calls end first.
func (c *Client) DeleteEngine(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodDelete, "/engines/"+url.PathEscape(name), nil, nil, nil)
}

// PriceBooks lists the price books of a currency, or all when it is empty.
func (c *Client) PriceBooks(ctx context.Context, currency sluice.Currency, p api.Paging) (api.Page[api.PriceBook], error) {
	return get[api.Page[api.PriceBook]](ctx, c, query("/price-books", paging(p, map[string]string{"currency": string(currency)})))
}

// PriceBook returns one price book.
func (c *Client) PriceBook(ctx context.Context, id string) (api.PriceBook, error) {
	return get[api.PriceBook](ctx, c, "/price-books/"+url.PathEscape(id))
}

// PublishPriceBook publishes a whole price list.
func (c *Client) PublishPriceBook(ctx context.Context, in api.PublishPriceBook) (api.PriceBook, error) {
	return send[api.PriceBook](ctx, c, http.MethodPost, "/price-books", in)
}

// DraftPriceBook checks a whole price list and tells what it would change.
func (c *Client) DraftPriceBook(ctx context.Context, in api.PriceList) (api.PriceDraft, error) {
	return send[api.PriceDraft](ctx, c, http.MethodPost, "/price-books/draft", in)
}

// Price returns what a model costs at an instant; a zero one is now.
func (c *Client) Price(ctx context.Context, model string, currency sluice.Currency, at time.Time) (api.PriceNow, error) {
	with := map[string]string{"model": model, "currency": string(currency)}
	if !at.IsZero() {
		with["at"] = at.Format(time.RFC3339Nano)
	}
	return get[api.PriceNow](ctx, c, query("/prices", with))
}

// PriceModel prices one model, or tells what that would change.
func (c *Client) PriceModel(ctx context.Context, in api.PriceModel) (api.Repricing, error) {
	return send[api.Repricing](ctx, c, http.MethodPost, "/prices", in)
}

// Apply brings the server to a manifest, or tells what that would change.
func (c *Client) Apply(ctx context.Context, in api.Apply) (api.Applied, error) {
	return send[api.Applied](ctx, c, http.MethodPost, "/apply", in)
}
