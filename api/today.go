package api

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	"sluice"
	"sluice/gateway/tally"
	"sluice/store"
)

// TrafficRates is what goes on by the second.
type TrafficRates struct {
	Requests         float64      `json:"requests_per_second"`
	Errors           float64      `json:"errors_per_second"`
	PromptTokens     float64      `json:"prompt_tokens_per_second" doc:"Of requests as they end."`
	CompletionTokens float64      `json:"completion_tokens_per_second"`
	FirstToken       *Percentiles `json:"first_token_ms,omitempty" doc:"Absent without an answer."`
}

// TrafficMinute is what the requests that ended in a minute came to.
type TrafficMinute struct {
	Start            time.Time    `json:"start"`
	Requests         int64        `json:"requests"`
	Errors           int64        `json:"errors"`
	PromptTokens     int64        `json:"prompt_tokens"`
	CompletionTokens int64        `json:"completion_tokens"`
	FirstToken       *Percentiles `json:"first_token_ms,omitempty"`
}

// ModelToday is how a model does.
type ModelToday struct {
	Model  string       `json:"model"`
	Health ModelHealth  `json:"health"`
	Last   TrafficRates `json:"last" doc:"Over the last ten minutes."`
	Faults int64        `json:"faults" doc:"Requests of the last ten minutes that ended for a reason of the service's own."`
}

// EngineToday is how an engine does.
type EngineToday struct {
	ID     string            `json:"id"`
	Name   string            `json:"name"`
	Kind   sluice.EngineKind `json:"kind"`
	Models []string          `json:"models"`
	Label  sluice.Exactness  `json:"label,omitempty" enum:"exact,without_cache,estimated" doc:"What its counts are worth, as its probe found."`
	Status *EngineStatus     `json:"status,omitempty" doc:"Absent while the fleet does not have it."`
}

// Today is what the operator watches.
type Today struct {
	At      time.Time       `json:"at"`
	Since   time.Time       `json:"since" doc:"The beginning of the day, in UTC."`
	Running int64           `json:"running" doc:"Calls under way."`
	Holds   int             `json:"holds" doc:"Calls that hold money."`
	Queued  int             `json:"queued" doc:"Postings that wait for the ledger's writer."`
	Now     TrafficRates    `json:"now" doc:"Over the last minute."`
	Day     UsageFigures    `json:"day" doc:"Since the beginning of the day."`
	Before  UsageFigures    `json:"before" doc:"The day before, up to the same hour."`
	Hours   []UsagePoint    `json:"hours" doc:"Of the day, those with requests."`
	Minutes []TrafficMinute `json:"minutes" doc:"The last hour, oldest first; the last one is not over. Counted since the server started."`
	Models  []ModelToday    `json:"models"`
	Engines []EngineToday   `json:"engines"`
	Money   []MoneyToday    `json:"money" doc:"One for each currency."`
}

// MoneyToday is what calls brought in since the beginning of the day, in one currency.
type MoneyToday struct {
	Currency sluice.Currency `json:"currency" example:"USD"`
	Income   sluice.Amount   `json:"income" example:"120.40" doc:"Billed, less what volume prices gave back and without simulated answers. What plans bring in is in the statement."`
	Cost     *sluice.Amount  `json:"cost,omitempty" example:"81.20" doc:"Of the nodes' schedules until now, to within half a minute; absent when none is known in this currency."`
	Margin   *sluice.Amount  `json:"margin,omitempty" example:"39.20" doc:"Income less cost."`
}

// Traffic is what goes on at the moment.
type Traffic interface {
	Live() tally.Live
	Running() int64

	// LimitUse returns what use is made of the limits of a key or a project.
	LimitUse(id string, limits sluice.Limits) sluice.LimitUse
}

// Costs says what serving cost: zero where nothing is known in the currency.
type Costs interface {
	CostOf(ctx context.Context, since, until time.Time, currency sluice.Currency) (sluice.Amount, error)
}

func (s *Server) registerToday() {
	const tag = "server"
	s.spent.load, s.spent.keep = s.loadSpent, 30*time.Second
	s.watched = newWatched("today", func(ctx context.Context) (any, error) { return s.today(ctx) })
	register(s, route{
		id: "get-today", method: http.MethodGet, path: "/today", tag: tag,
		summary: "Get what goes on: traffic, first tokens, errors, engines, income against cost", roles: operators(),
	}, func(ctx context.Context, _ *caller, _ *struct{}) (*Today, error) { return s.today(ctx) })
	registerEvents(s, route{
		id: "watch-today", method: http.MethodGet, path: "/today/stream", tag: tag,
		summary: "Watch what goes on: as get-today, again and again, as server-sent events named today", roles: operators(),
	}, &s.watched)
}

// today puts together what goes on.
func (s *Server) today(ctx context.Context) (*Today, error) {
	live := s.opt.Traffic.Live()
	t := &Today{
		At: live.At, Since: live.At.Truncate(24 * time.Hour), Running: s.opt.Traffic.Running(), Holds: s.opt.Ledger.Holds(), Queued: s.opt.Ledger.Queued(),
		Now: rates(&live.Last, time.Minute), Minutes: minutes(live.Minutes), Models: []ModelToday{}, Engines: []EngineToday{},
	}
	if err := errors.Join(s.todayUsage(ctx, t), s.todayEngines(ctx, t, live.Models)); err != nil {
		return nil, err
	}
	return t, s.todayMoney(ctx, t)
}

// todayUsage adds up today's hours and, up to the same hour, yesterday's.
func (s *Server) todayUsage(ctx context.Context, t *Today) error {
	rows, err := s.opt.Series.UsageSeries(ctx, store.SeriesQuery{Step: sluice.UsageHour, Since: t.Since.AddDate(0, 0, -1), Until: t.At})
	if err != nil {
		return err
	}
	n := slices.IndexFunc(rows, func(r sluice.UsageRow) bool { return !r.Start.Before(t.Since) })
	if n < 0 {
		n = len(rows)
	}
	var day, before figures
	for i := range rows {
		switch r := &rows[i]; {
		case i >= n:
			err = day.add(r)
		case r.Start.Add(24 * time.Hour).Before(t.At.Truncate(time.Hour)):
			err = before.add(r)
		}
		if err != nil {
			return err
		}
	}
	t.Day, t.Before = day.shown(), before.shown()
	t.Hours, err = points(rows[n:], nil)
	return err
}

// todayEngines tells of engines and of models.
func (s *Server) todayEngines(ctx context.Context, t *Today, last map[string]tally.Window) error {
	engines, err := s.opt.Catalogue.Engines(ctx)
	if err != nil {
		return err
	}
	live := s.live()
	for _, e := range engines {
		shown := EngineToday{ID: e.ID, Name: e.Name, Kind: e.Kind, Models: []string{}, Status: live[e.ID]}
		if p := probeOf(e); p != nil {
			shown.Label = p.Label
		}
		for name := range e.Models {
			shown.Models = append(shown.Models, name)
		}
		slices.Sort(shown.Models)
		t.Engines = append(t.Engines, shown)
	}
	slices.SortFunc(t.Engines, func(a, b EngineToday) int { return cmp.Compare(a.Name, b.Name) })
	health, err := s.modelHealth(ctx, last)
	if err != nil {
		return err
	}
	for name, h := range health {
		w := last[name]
		t.Models = append(t.Models, ModelToday{Model: name, Health: h, Last: rates(&w, 10*time.Minute), Faults: w.Faults})
	}
	slices.SortFunc(t.Models, func(a, b ModelToday) int {
		return cmp.Or(cmp.Compare(b.Last.Requests, a.Last.Requests), cmp.Compare(a.Model, b.Model))
	})
	return nil
}

// todayMoney sets what came in against what was spent.
func (s *Server) todayMoney(ctx context.Context, t *Today) error {
	t.Money = []MoneyToday{}
	costs, err := s.spent.get(ctx, t.At)
	if err != nil {
		return err
	}
	income := map[sluice.Currency]sluice.Amount{}
	for currency := range costs {
		income[currency] = sluice.Amount{}
	}
	for _, c := range t.Day.Charges {
		for _, less := range []sluice.Amount{c.Refund, c.Simulated} {
			if c.Charge, err = c.Charge.Sub(less); err != nil {
				return err
			}
		}
		income[c.Currency] = c.Charge
	}
	for _, currency := range slices.Sorted(maps.Keys(income)) {
		m := MoneyToday{Currency: currency, Income: income[currency]}
		if cost, ok := costs[currency]; ok {
			margin, err := m.Income.Sub(cost)
			if err != nil {
				return err
			}
			m.Cost, m.Margin = &cost, &margin
		}
		t.Money = append(t.Money, m)
	}
	return nil
}

// loadSpent reads what serving cost since the beginning of the day, in the
// currencies that something is sold in, as far as anything is known.
func (s *Server) loadSpent(ctx context.Context) (map[sluice.Currency]sluice.Amount, error) {
	costs := map[sluice.Currency]sluice.Amount{}
	if s.opt.Costs == nil {
		return costs, nil
	}
	books, err := s.opt.Prices.Books(ctx)
	if err != nil {
		return nil, err
	}
	now := s.opt.Now().UTC()
	since := now.Truncate(24 * time.Hour)
	for _, b := range books {
		if _, known := costs[b.Currency]; known || !now.After(since) {
			continue
		}
		cost, err := s.opt.Costs.CostOf(ctx, since, now, b.Currency)
		if err != nil {
			return nil, err
		}
		if cost.Sign() != 0 {
			costs[b.Currency] = cost
		}
	}
	return costs, nil
}

// rates writes a window by the second.
func rates(w *tally.Window, over time.Duration) TrafficRates {
	by := func(n int64) float64 { return float64(n) / over.Seconds() }
	return TrafficRates{
		Requests: by(w.Requests), Errors: by(w.Errors), PromptTokens: by(w.Prompt), CompletionTokens: by(w.Completion), FirstToken: percentiles(&w.TTFT),
	}
}

func minutes(all []tally.Minute) []TrafficMinute {
	shown := make([]TrafficMinute, len(all))
	for i := range all {
		m := &all[i]
		shown[i] = TrafficMinute{
			Start: m.Start, Requests: m.Requests, Errors: m.Errors, PromptTokens: m.Prompt, CompletionTokens: m.Completion, FirstToken: percentiles(&m.TTFT),
		}
	}
	return shown
}
