package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"sluice/api"
	"sluice/fleet/offer"
)

// engine is the path of something of an engine's.
func engine(name, what string) string { return "/engines/" + url.PathEscape(name) + what }

// Engine returns the engine of that name with its live state.
func (c *Client) Engine(ctx context.Context, name string) (api.Engine, error) {
	return get[api.Engine](ctx, c, engine(name, ""))
}

// StartEngine starts an engine that is a process.
func (c *Client) StartEngine(ctx context.Context, name string) (api.Engine, error) {
	return send[api.Engine](ctx, c, http.MethodPost, engine(name, "/start"), nil)
}

// StopEngine stops an engine that is a process, until it is started again.
func (c *Client) StopEngine(ctx context.Context, name string, in api.EndEngine) (api.Engine, error) {
	return send[api.Engine](ctx, c, http.MethodPost, engine(name, "/stop"), in)
}

// RestartEngine ends an engine that is a process, and starts it again.
func (c *Client) RestartEngine(ctx context.Context, name string, in api.EndEngine) (api.Engine, error) {
	return send[api.Engine](ctx, c, http.MethodPost, engine(name, "/restart"), in)
}

// EngineStarts lists the starts of an engine, the latest first.
func (c *Client) EngineStarts(ctx context.Context, name string, p api.Paging) (api.Page[api.EngineStart], error) {
	return get[api.Page[api.EngineStart]](ctx, c, query(engine(name, "/starts"), paging(p, nil)))
}

// EngineLog returns what an engine wrote behind the line with the number after.
// Where there is nothing yet it waits so long, in whole seconds.
func (c *Client) EngineLog(ctx context.Context, name string, after int64, wait time.Duration) (api.EngineLog, error) {
	return get[api.EngineLog](ctx, c, query(engine(name, "/log"), map[string]string{
		"after": strconv.FormatInt(after, 10), "wait_seconds": strconv.Itoa(int(wait.Seconds())),
	}))
}

// ProbeEngine finds out about an engine again, which takes up to three minutes.
func (c *Client) ProbeEngine(ctx context.Context, name string) (api.Engine, error) {
	return send[api.Engine](ctx, c, http.MethodPost, engine(name, "/probe"), nil)
}

// Chips returns the accelerators of the server's machine.
func (c *Client) Chips(ctx context.Context) (api.Chips, error) {
	return get[api.Chips](ctx, c, "/chips")
}

// EngineOffers lists engines of the server's machine that it could use.
func (c *Client) EngineOffers(ctx context.Context, p api.Paging) (api.Page[offer.Offer], error) {
	return get[api.Page[offer.Offer]](ctx, c, query("/engine-offers", paging(p, nil)))
}
