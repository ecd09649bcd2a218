package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"sluice/api"
	"sluice/billing/statements"
)

func ofBar(q *api.BarQuery, tail string, more url.Values) string {
	values := url.Values{"bar": {q.Bar}}
	for name, v := range map[string]string{"cursor": q.Cursor, "customer": more.Get("customer"), "model": more.Get("model")} {
		if v != "" {
			values.Set(name, v)
		}
	}
	if q.Limit > 0 {
		values.Set("limit", strconv.Itoa(q.Limit))
	}
	return ofStatement(q.StatementQuery, tail) + "&" + values.Encode()
}

// OpenBar returns the sums behind a bar of the waterfall.
func (c *Client) OpenBar(ctx context.Context, q api.BarQuery) (api.Page[api.BarPart], error) {
	return get[api.Page[api.BarPart]](ctx, c, ofBar(&q, "/open", nil))
}

// OpenBarCalls returns the calls or transactions of a customer behind a bar.
func (c *Client) OpenBarCalls(ctx context.Context, q api.BarCallsQuery) (api.Page[api.BarCall], error) {
	return get[api.Page[api.BarCall]](ctx, c, ofBar(&q.BarQuery, "/open/calls", url.Values{"customer": {q.Customer}, "model": {q.Model}}))
}

// ReportSegments reports segments over time.
func (c *Client) ReportSegments(ctx context.Context, in api.ReportSegments) (*statements.Segments, error) {
	return send[*statements.Segments](ctx, c, http.MethodPost, "/statements/segments", in)
}
