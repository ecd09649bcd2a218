package api

import (
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"sluice"
	"sluice/store"
)

// export is a table that is written while it is read.
type export struct {
	name  string // of the file, without .csv
	write func(ctx context.Context, w *table) error
}

// table writes CSV (RFC 4180), a block at a time.
type table struct {
	csv   *csv.Writer
	flush func() error
	rows  int
}

// flushRows is how many rows are sent together.
const flushRows = 500

// row writes a line.
func (t *table) row(cells ...string) error {
	if err := t.csv.Write(cells); err != nil {
		return err
	}
	if t.rows++; t.rows%flushRows != 0 {
		return nil
	}
	t.csv.Flush()
	return t.flush()
}

// text is a cell that people named: one that a spreadsheet would take for a
// formula begins with an apostrophe.
func text(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

// registerExport adds an operation that answers with a CSV file. What goes wrong
// after its first bytes ends the connection, so that no part is taken for the whole.
func registerExport[I any](s *Server, r route, handle func(context.Context, *caller, *I) (*export, error)) {
	r.content = "text/csv"
	add(s, r, func(ctx context.Context, in *I) (*huma.StreamResponse, error) {
		e, err := handle(ctx, callerOf(ctx), in)
		if err != nil {
			return nil, err
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			_, w := humago.Unwrap(hc)
			w.Header().Set("Content-Type", "text/csv; charset=utf-8")
			w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", e.name+".csv"))
			t := &table{csv: csv.NewWriter(w), flush: http.NewResponseController(w).Flush}
			err := e.write(ctx, t)
			if err == nil {
				t.csv.Flush()
				err = t.csv.Error()
			}
			if err != nil {
				if ctx.Err() == nil {
					s.opt.Log.ErrorContext(ctx, "an export broke off", "operation", r.id, "error", err)
				}
				panic(http.ErrAbortHandler)
			}
		}}, nil
	})
}

func (s *Server) registerUsageExport() {
	registerExport(s, route{
		id: "export-usage", method: http.MethodGet, path: "/organisations/{organisation}/usage.csv", tag: "usage",
		summary: "Get an organisation's calls as CSV, those that ended last first", roles: anyone(),
	}, s.exportUsage)
}

type inUsageExport struct {
	Organisation string `path:"organisation" maxLength:"64"`
	UsageFilter
}

// exportUsage writes an organisation's calls, page by page as they are read.
func (s *Server) exportUsage(ctx context.Context, who *caller, in *inUsageExport) (*export, error) {
	o, err := s.organisation(ctx, who, in.Organisation)
	if err != nil {
		return nil, err
	}
	q := in.query(o.ID)
	q.Limit = 1000
	if q.Until.IsZero() {
		q.Until = s.opt.Now().UTC() // an end, however long it takes to get there
	}
	return &export{name: "calls-" + o.ID, write: func(ctx context.Context, t *table) error {
		err := t.row("id", "time", "ended_at", "project", "key", "model", "engine", "endpoint", "status", "input_tokens", "cached_tokens", "cache_write_tokens",
			"output_tokens", "reasoning_tokens", "currency", "list", "charge", "refund", "first_token_ms", "duration_ms", "estimated", "simulated", "receipt")
		for err == nil {
			var events []sluice.Event
			if events, q.After, err = s.opt.Books.Events(ctx, q); err != nil {
				return err
			}
			for i := range events {
				if err = t.row(callCells(&events[i])...); err != nil {
					return err
				}
			}
			if q.After == "" {
				return nil
			}
		}
		return err
	}}, nil
}

func callCells(e *sluice.Event) []string {
	c := call(e)
	first := ""
	if c.FirstTokenMS != nil {
		first = number(*c.FirstTokenMS)
	}
	return []string{
		c.ID, stamp(c.Time), stamp(c.EndedAt), c.Project, c.Key, text(c.Model), text(c.Engine), c.Endpoint, string(c.Status),
		number(c.Tokens.Input), number(c.Tokens.Cached), number(c.Tokens.CacheWrite + c.Tokens.CacheWriteHour), number(c.Tokens.Output), number(c.Tokens.Reasoning),
		string(c.Currency), c.List.String(), c.Charge.String(), e.Refund.Amount().String(), first, number(c.DurationMS),
		strconv.FormatBool(c.Estimated), strconv.FormatBool(c.Simulated), c.Receipt,
	}
}

// seriesExport writes usage by hours or days, with everything told apart.
func (s *Server) seriesExport(ctx context.Context, q store.SeriesQuery, labels map[string]string) (*export, error) {
	rows, err := s.opt.Series.UsageSeries(ctx, q)
	if err != nil {
		return nil, err
	}
	return &export{name: "usage-by-" + string(q.Step), write: func(_ context.Context, t *table) error {
		err := t.row("start", "name", "label", "currency", "simulated", "requests", "errors", "calls", "input_tokens", "cached_tokens", "cache_write_tokens",
			"output_tokens", "reasoning_tokens", "list", "charge", "refund", "first_token_p50_ms", "first_token_p99_ms")
		for i := range rows {
			if err == nil {
				err = t.row(seriesCells(&rows[i], labels)...)
			}
		}
		return err
	}}, nil
}

func seriesCells(r *sluice.UsageRow, labels map[string]string) []string {
	requests, failed := r.Requests()
	u, name := tokens(&r.Usage), nameIn(r)
	half, most := "", ""
	if p := percentiles(&r.TTFT); p != nil {
		half, most = number(p.P50), number(p.P99)
	}
	return []string{
		stamp(r.Start), text(name), text(labels[name]), string(r.Currency), strconv.FormatBool(r.Simulated), number(requests), number(failed), number(r.Calls),
		number(u.Input), number(u.Cached), number(u.CacheWrite + u.CacheWriteHour), number(u.Output), number(u.Reasoning),
		r.List.String(), r.Charge.String(), r.Refund.String(), half, most,
	}
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
