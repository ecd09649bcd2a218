package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"sluice/api"
	"sluice/billing/statements"
	"sluice/money/statement"
)

func ofStatement(q api.StatementQuery, tail string) string {
	values := url.Values{"currency": {string(q.Currency)}}
	for name, v := range map[string]string{"reference": q.Reference, "through": q.Through, "prefill_rate": q.Prefill, "decode_rate": q.Decode} {
		if v != "" {
			values.Set(name, v)
		}
	}
	return "/statements/" + url.PathEscape(q.Day) + tail + "?" + values.Encode()
}

// Statement returns the statement of a day, or of several.
func (c *Client) Statement(ctx context.Context, q api.StatementQuery) (*statement.Statement, error) {
	return get[*statement.Statement](ctx, c, ofStatement(q, ""))
}

// StatementRows returns what the statement of a day is made of.
func (c *Client) StatementRows(ctx context.Context, q api.StatementQuery) (*api.StatementRows, error) {
	return get[*api.StatementRows](ctx, c, ofStatement(q, "/rows"))
}

// BookSettings returns what statements are made with.
func (c *Client) BookSettings(ctx context.Context) (*statements.BookSettings, error) {
	return get[*statements.BookSettings](ctx, c, "/books/settings")
}

// PutBookSettings changes what statements are made with.
func (c *Client) PutBookSettings(ctx context.Context, in api.PutBookSettings) (*statements.BookSettings, error) {
	return send[*statements.BookSettings](ctx, c, http.MethodPut, "/books/settings", in)
}

// PutTimezone has the books' days begin by another clock.
func (c *Client) PutTimezone(ctx context.Context, in api.PutTimezone) (*statements.BookSettings, error) {
	return send[*statements.BookSettings](ctx, c, http.MethodPut, "/books/timezone", in)
}

// Nodes returns pools of nodes, their schedule and their costs; a zero bound is the server's.
func (c *Client) Nodes(ctx context.Context, from, to time.Time) (*statement.NodeSchedule, error) {
	values := url.Values{}
	for name, at := range map[string]time.Time{"from": from, "to": to} {
		if !at.IsZero() {
			values.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	return get[*statement.NodeSchedule](ctx, c, "/nodes?"+values.Encode())
}

// ImportNodes imports a file of nodes and costs.
func (c *Client) ImportNodes(ctx context.Context, in api.ImportNodes) (*statement.NodeImport, error) {
	return send[*statement.NodeImport](ctx, c, http.MethodPost, "/nodes/import", in)
}

func ofPool(name string) string { return "/nodes/pools/" + url.PathEscape(name) }

// PutNodePool makes a pool of nodes, or changes it.
func (c *Client) PutNodePool(ctx context.Context, name string, in api.PutNodePool) (*statement.NodePool, error) {
	return send[*statement.NodePool](ctx, c, http.MethodPut, ofPool(name), in)
}

// DeleteNodePool forgets a pool with its schedule.
func (c *Client) DeleteNodePool(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodDelete, ofPool(name), nil, nil, nil)
}

// DeleteNodes takes a period out of the schedule of a pool.
func (c *Client) DeleteNodes(ctx context.Context, name string, from, to time.Time) (*statement.NodeImport, error) {
	values := url.Values{"from": {from.UTC().Format(time.RFC3339Nano)}, "to": {to.UTC().Format(time.RFC3339Nano)}}
	return send[*statement.NodeImport](ctx, c, http.MethodDelete, ofPool(name)+"/schedule?"+values.Encode(), nil)
}

// PlaceEngine says where an engine belongs.
func (c *Client) PlaceEngine(ctx context.Context, engine string, in api.PlaceEngine) (*statement.Placed, error) {
	return send[*statement.Placed](ctx, c, http.MethodPut, "/nodes/engines/"+url.PathEscape(engine), in)
}

// AddCost keeps what is paid for a period.
func (c *Client) AddCost(ctx context.Context, in api.AddCost) (*statement.PeriodCost, error) {
	return send[*statement.PeriodCost](ctx, c, http.MethodPost, "/costs", in)
}

// DeleteCost forgets what was paid for a period.
func (c *Client) DeleteCost(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/costs/"+url.PathEscape(id), nil, nil, nil)
}
