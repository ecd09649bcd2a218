package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"sluice/api"
)

// Usage lists an organisation's calls, those that ended last first.
func (c *Client) Usage(ctx context.Context, org string, q api.UsageQuery) (api.Page[api.Call], error) {
	return get[api.Page[api.Call]](ctx, c, query("/organisations/"+url.PathEscape(org)+"/usage", paging(q.Paging, usageFilter(&q.UsageFilter))))
}

// ExportUsage writes an organisation's calls to w as CSV.
func (c *Client) ExportUsage(ctx context.Context, org string, q api.UsageFilter, w io.Writer) error {
	return c.download(ctx, query("/organisations/"+url.PathEscape(org)+"/usage.csv", usageFilter(&q)), w)
}

// UsageSeries adds an organisation's usage up by hour or day. by is "model",
// "key", "project" or "" for nothing; project and key are ids, empty for all.
func (c *Client) UsageSeries(ctx context.Context, org string, q api.SeriesQuery, by, project, key string) (api.UsageSeries, error) {
	return get[api.UsageSeries](ctx, c, query("/organisations/"+url.PathEscape(org)+"/usage/series", series(&q, by, project, key)))
}

// ExportUsageSeries writes what UsageSeries adds up to w as CSV.
func (c *Client) ExportUsageSeries(ctx context.Context, org string, q api.SeriesQuery, by, project, key string, w io.Writer) error {
	q.Top = 0
	return c.download(ctx, query("/organisations/"+url.PathEscape(org)+"/usage/series.csv", series(&q, by, project, key)), w)
}

// AllUsageSeries adds everybody's usage up by hour or day. by is "model",
// "organisation" or "" for nothing.
func (c *Client) AllUsageSeries(ctx context.Context, q api.SeriesQuery, by string) (api.UsageSeries, error) {
	return get[api.UsageSeries](ctx, c, query("/usage/series", series(&q, by, "", "")))
}

// ExportAllUsageSeries writes what AllUsageSeries adds up to w as CSV.
func (c *Client) ExportAllUsageSeries(ctx context.Context, q api.SeriesQuery, by string, w io.Writer) error {
	q.Top = 0
	return c.download(ctx, query("/usage/series.csv", series(&q, by, "", "")), w)
}

func usageFilter(f *api.UsageFilter) map[string]string {
	return map[string]string{
		"since": instant(f.Since), "until": instant(f.Until), "project": f.Project, "key": f.Key, "model": f.Model, "status": string(f.Status),
	}
}

func series(q *api.SeriesQuery, by, project, key string) map[string]string {
	values := map[string]string{
		"step": string(q.Step), "since": instant(q.Since), "until": instant(q.Until), "model": q.Model, "by": by, "project": project, "key": key,
	}
	if q.Top != 0 {
		values["top"] = strconv.Itoa(q.Top)
	}
	return values
}

// instant writes a time as a parameter; the zero one is none.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// download writes an answer of any length to w. What w has got of it when an
// error is returned is not the whole.
func (c *Client) download(ctx context.Context, path string, w io.Writer) error {
	resp, err := c.open(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(w, resp.Body); err != nil {
		return unreachable(ctx, err)
	}
	return nil
}
