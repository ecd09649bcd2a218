package client

import (
	"context"
	"net/http"
	"net/url"

	"sluice/api"
	"sluice/billing/closing"
	"sluice/money/seal"
)

// LedgerHead returns where the chains of seals and closes stand.
func (c *Client) LedgerHead(ctx context.Context) (closing.Head, error) {
	return get[closing.Head](ctx, c, "/ledger/head")
}

// Receipt returns the receipt of a call.
func (c *Client) Receipt(ctx context.Context, call string) (*seal.Receipt, error) {
	return get[*seal.Receipt](ctx, c, "/calls/"+url.PathEscape(call)+"/receipt")
}

func ofDay(day, tail string) string { return "/closing/days/" + url.PathEscape(day) + tail }

// Day returns where a day stands.
func (c *Client) Day(ctx context.Context, day string) (*closing.Day, error) {
	return get[*closing.Day](ctx, c, ofDay(day, ""))
}

// Days lists days with their state.
func (c *Client) Days(ctx context.Context, q api.DaysQuery) (api.Page[closing.DayState], error) {
	return get[api.Page[closing.DayState]](ctx, c, query("/closing/days", paging(q.Paging, map[string]string{"from": q.From, "through": q.Through})))
}

// DayHours lists the hours of a day with their seals.
func (c *Client) DayHours(ctx context.Context, day string, p api.Paging) (api.Page[closing.Hour], error) {
	return get[api.Page[closing.Hour]](ctx, c, query(ofDay(day, "/hours"), paging(p, nil)))
}

// CloseDay closes a day.
func (c *Client) CloseDay(ctx context.Context, day string) (*closing.Day, error) {
	return send[*closing.Day](ctx, c, http.MethodPost, ofDay(day, "/close"), nil)
}

// ReopenDay opens a closed day again.
func (c *Client) ReopenDay(ctx context.Context, day, reason string) (*closing.Day, error) {
	return send[*closing.Day](ctx, c, http.MethodPost, ofDay(day, "/reopen"), api.ReopenDay{Reason: reason})
}

// ExplainDifference says why something on a day does not agree.
func (c *Client) ExplainDifference(ctx context.Context, day, subject, note string) (*closing.Day, error) {
	return send[*closing.Day](ctx, c, http.MethodPost, ofDay(day, "/explanations"), api.ExplainDifference{Subject: subject, Note: note})
}

// PutCounters stores what engines themselves counted.
func (c *Client) PutCounters(ctx context.Context, counters []seal.Counter) error {
	return c.call(ctx, http.MethodPut, "/closing/counters", nil, api.PutCounters{Counters: counters}, nil)
}

// AuditSeals compares what was sealed with what is stored now.
func (c *Client) AuditSeals(ctx context.Context, in api.Audit) (api.Audited, error) {
	return send[api.Audited](ctx, c, http.MethodPost, "/closing/audit", in)
}
