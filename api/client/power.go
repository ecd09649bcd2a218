package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"sluice/api"
	"sluice/fleet/power"
	"sluice/money/electricity"
)

// Power returns what engines draw now.
func (c *Client) Power(ctx context.Context) (power.SitePower, error) {
	return get[power.SitePower](ctx, c, "/power")
}

// PowerReport returns what engines drew, and what it cost.
func (c *Client) PowerReport(ctx context.Context, q api.PowerReportQuery) (*electricity.Consumption, error) {
	values := url.Values{"day": {q.Day}, "days": {strconv.Itoa(max(q.Days, 1))}}
	if q.Zone != "" {
		values.Set("zone", q.Zone)
	}
	if q.Currency != "" {
		values.Set("currency", string(q.Currency))
	}
	return get[*electricity.Consumption](ctx, c, "/power/report?"+values.Encode())
}

// PowerPrice returns what power costs.
func (c *Client) PowerPrice(ctx context.Context) (api.PowerPrice, error) {
	return get[api.PowerPrice](ctx, c, "/power/price")
}

// PutPowerPrice says what power costs, in place of all that was said before.
func (c *Client) PutPowerPrice(ctx context.Context, in api.PowerPrice) (api.PowerPrice, error) {
	return send[api.PowerPrice](ctx, c, http.MethodPut, "/power/price", in)
}

// PowerLimit returns what the site may draw.
func (c *Client) PowerLimit(ctx context.Context) (api.PowerLimit, error) {
	return get[api.PowerLimit](ctx, c, "/power/limit")
}

// PutPowerLimit says what the site may draw.
func (c *Client) PutPowerLimit(ctx context.Context, in api.PowerLimit) (api.PowerLimit, error) {
	return send[api.PowerLimit](ctx, c, http.MethodPut, "/power/limit", in)
}

// PutPowerSupply says how the power of an engine is known.
func (c *Client) PutPowerSupply(ctx context.Context, engine string, in power.Supply) error {
	return c.call(ctx, http.MethodPut, "/power/engines/"+url.PathEscape(engine), nil, in, nil)
}

// DeletePowerSupply forgets how the power of an engine is known.
func (c *Client) DeletePowerSupply(ctx context.Context, engine string) error {
	return c.call(ctx, http.MethodDelete, "/power/engines/"+url.PathEscape(engine), nil, nil, nil)
}
