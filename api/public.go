package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"sluice"
	"sluice/money/price"
	"sluice/store"
)

// publicFor is how long what everybody may see is not looked at again.
const publicFor = 10 * time.Second

// Site is what everybody may see of the service, without a key.
type Site struct {
	Name     string `json:"name" maxLength:"64" example:"Acme Models" doc:"What the service is called on its public pages; Sluice when empty."`
	Contact  string `json:"contact,omitempty" maxLength:"256" example:"mailto:help@acme.example" doc:"Where visitors are sent who want an account: an https: or mailto: link."`
	Prices   bool   `json:"prices" doc:"Models and prices are public."`
	Status   bool   `json:"status" doc:"The state of each model, now and on the last 90 days, is public."`
	Rankings bool   `json:"rankings" doc:"The tokens of each model by day are public. Off unless the operator turns it on."`
}

// siteSetting is the name of the setting that holds the Site.
const siteSetting = "site"

// PublicModel is a model that is sold, as everybody may see it.
type PublicModel struct {
	Name          string        `json:"name" example:"glm-4.6"`
	Description   string        `json:"description,omitempty"`
	OwnedBy       string        `json:"owned_by,omitempty"`
	ContextLength int64         `json:"context_length,omitempty" doc:"In tokens; absent when unknown."`
	Aliases       []string      `json:"aliases,omitempty" doc:"Other names that it is called by."`
	Prices        []PublicPrice `json:"prices" doc:"One for each currency."`
}

// PublicPrice is what a model costs in one currency.
type PublicPrice struct {
	Currency  sluice.Currency `json:"currency" example:"USD"`
	Now       PriceNow        `json:"now" doc:"What it costs at the moment, and until when that holds."`
	List      ModelPrices     `json:"list" doc:"All its prices."`
	Calendars []Calendar      `json:"calendars,omitempty" doc:"Those that its prices ask for."`
}

// Rankings is how many tokens models worked on.
type Rankings struct {
	Since time.Time `json:"since" doc:"The first day, in UTC."`
	Until time.Time `json:"until" doc:"The end of the last day. Today is not in it."`
	Data  []Ranked  `json:"data" doc:"The model with the most tokens first."`
}

// Ranked is a model's place in the rankings.
type Ranked struct {
	Model  string  `json:"model"`
	Tokens int64   `json:"tokens" doc:"Of prompts and answers, without simulated ones."`
	Share  float64 `json:"share" example:"0.31" doc:"Of all tokens, 0 to 1."`
	Before int64   `json:"before" doc:"Tokens over the same time before it."`
	Days   []int64 `json:"days" doc:"Tokens of each day, the first day first."`
}

// rankedDays is how many days rankings are over.
const rankedDays = 30

func (s *Server) registerPublic() {
	const tag = "public"
	s.models.load, s.statuses.load, s.ranked.load, s.past.load = s.loadModels, s.loadStatus, s.loadRankings, s.loadPast
	s.models.keep, s.statuses.keep, s.ranked.keep, s.past.keep = publicFor, publicFor, time.Minute, 10*time.Minute
	registerPublic(s, route{
		id: "get-site", method: http.MethodGet, path: "/public/site", tag: tag, summary: "Get what of the service is public",
	}, func(ctx context.Context, _ *struct{}) (Site, error) { return s.Site(ctx) })
	registerPublic(s, route{
		id: "list-public-models", method: http.MethodGet, path: "/public/models", tag: tag, summary: "List models and their prices, with what they cost now",
	}, func(ctx context.Context, in *Paging) (Page[PublicModel], error) {
		models, err := s.PublicModels(ctx)
		return paged(slices.Clone(models), func(m PublicModel) string { return m.Name }, *in), err
	})
	registerPublic(s, route{
		id: "get-public-status", method: http.MethodGet, path: "/public/status", tag: tag, summary: "Get the state of each model, now and on the last 90 days",
	}, func(ctx context.Context, _ *struct{}) (*PublicStatus, error) { return s.PublicStatus(ctx) })
	registerPublic(s, route{
		id: "get-rankings", method: http.MethodGet, path: "/public/rankings", tag: tag, summary: "Get how many tokens each model worked on, by day",
	}, func(ctx context.Context, _ *struct{}) (*Rankings, error) { return s.PublicRankings(ctx) })
	register(s, route{
		id: "put-site", method: http.MethodPut, path: "/site", tag: tag, summary: "Say what of the service is public", roles: stewards(),
	}, s.putSite)
}

// registerPublic adds an operation that is open to everybody, from any page.
func registerPublic[I, O any](s *Server, r route, handle func(context.Context, *I) (O, error)) {
	r.public = true
	add(s, r, func(ctx context.Context, in *I) (*answer[O], error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, err
		}
		return &answer[O]{out}, nil
	})
}

// openToAll lets everybody through, and what is answered be kept for a moment.
func openToAll(ctx huma.Context, next func(huma.Context)) {
	_, w := humago.Unwrap(ctx)
	w.Header().Set("Cache-Control", fmt.Sprintf("public, max-age=%d", publicFor/time.Second))
	w.Header().Set("Access-Control-Allow-Origin", "*")
	next(oneStatus{ctx})
}

// kept is something that is looked at anew once what is known of it is old.
type kept[T any] struct {
	load func(context.Context) (T, error)
	keep time.Duration

	mu    sync.Mutex
	value T
	until time.Time
}

// get returns what is known, after a look where that is old. One looks for all.
func (k *kept[T]) get(ctx context.Context, now time.Time) (T, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now.Before(k.until) && k.until.Sub(now) <= k.keep {
		return k.value, nil
	}
	value, err := k.load(context.WithoutCancel(ctx))
	if err != nil {
		return k.value, err
	}
	k.value, k.until = value, now.Add(k.keep)
	return value, nil
}

// drop makes the next look a fresh one.
func (k *kept[T]) drop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.until = time.Time{}
}

// Site returns what of the service is public.
func (s *Server) Site(ctx context.Context) (Site, error) {
	site := Site{Prices: true, Status: true}
	stored, err := s.opt.Settings.Setting(ctx, siteSetting)
	if err == nil && stored != "" {
		err = json.Unmarshal([]byte(stored), &site)
	}
	if err != nil {
		return Site{}, fmt.Errorf("reading what is public: %w", err)
	}
	site.Name = cmp.Or(site.Name, "Sluice")
	return site, nil
}

func (s *Server) putSite(ctx context.Context, _ *caller, in *struct{ Body Site }) (Site, error) {
	b := in.Body
	if b.Name != "" {
		var err error
		if b.Name, err = checkName("name", b.Name); err != nil {
			return Site{}, err
		}
	}
	if b.Contact != "" && !strings.HasPrefix(b.Contact, "https://") && !strings.HasPrefix(b.Contact, "mailto:") {
		return Site{}, &sluice.Error{Code: sluice.CodeInvalid, Param: "contact", Message: "A contact is a link that begins with https:// or mailto:."}
	}
	text, err := json.Marshal(b)
	if err == nil {
		err = s.opt.Settings.PutSetting(ctx, siteSetting, string(text))
	}
	if err != nil {
		return Site{}, err
	}
	return s.Site(ctx)
}

// notPublic is the error for what the operator does not show.
func notPublic(what string) error {
	return sluice.Errorf(sluice.CodeNotFound, "The operator of this service does not publish %s.", what)
}

// PublicModels returns the models that have a price, by name. Read-only.
// Errors: CodeNotFound where that is not public.
func (s *Server) PublicModels(ctx context.Context) ([]PublicModel, error) {
	if site, err := s.Site(ctx); err != nil || !site.Prices {
		return nil, cmp.Or(err, notPublic("its prices"))
	}
	return s.models.get(ctx, s.opt.Now())
}

func (s *Server) loadModels(ctx context.Context) ([]PublicModel, error) {
	models, err := s.opt.Catalogue.Models(ctx)
	if err != nil {
		return nil, err
	}
	books, err := s.opt.Prices.Books(ctx)
	if err != nil {
		return nil, err
	}
	now := s.opt.Now().UTC()
	prices := map[string][]PublicPrice{}
	for _, b := range books {
		if inForce := price.InForce(books, b.Currency, now); inForce == nil || inForce.ID != b.ID {
			continue
		}
		for _, m := range modelPrices(b.Rules()) {
			p := PublicPrice{Currency: b.Currency, List: m, Now: priceAt(books, b, m.Model, now)}
			p.Now.Book = "" // an operator's own name
			for _, c := range showCalendars(b.Calendars()) {
				if slices.ContainsFunc(m.When, func(w PriceWhen) bool { return w.Calendar == c.Name }) {
					p.Calendars = append(p.Calendars, c)
				}
			}
			prices[m.Model] = append(prices[m.Model], p)
		}
	}
	all := []PublicModel{}
	for _, m := range models {
		if own := prices[m.Name]; len(own) > 0 && !m.Hidden {
			slices.SortFunc(own, func(a, b PublicPrice) int { return cmp.Compare(a.Currency, b.Currency) })
			all = append(all, PublicModel{
				Name: m.Name, Description: m.Description, OwnedBy: m.OwnedBy, ContextLength: m.ContextLength, Aliases: m.Aliases, Prices: own,
			})
		}
	}
	return all, nil
}

// PublicRankings returns how many tokens each model worked on. Read-only.
// Errors: CodeNotFound where that is not public.
func (s *Server) PublicRankings(ctx context.Context) (*Rankings, error) {
	if site, err := s.Site(ctx); err != nil || !site.Rankings {
		return nil, cmp.Or(err, notPublic("rankings"))
	}
	return s.ranked.get(ctx, s.opt.Now())
}

func (s *Server) loadRankings(ctx context.Context) (*Rankings, error) {
	models, err := s.models.get(ctx, s.opt.Now())
	if err != nil {
		return nil, err
	}
	today := s.opt.Now().UTC().Truncate(24 * time.Hour)
	r := &Rankings{Since: today.AddDate(0, 0, -rankedDays), Until: today, Data: []Ranked{}}
	rows, err := s.opt.Series.UsageSeries(ctx, store.SeriesQuery{Step: sluice.UsageDay, By: store.UsageByModel, Since: today.AddDate(0, 0, -2*rankedDays), Until: today})
	if err != nil {
		return nil, err
	}
	var all int64
	ranks := map[string]*Ranked{}
	for _, m := range models {
		ranks[m.Name] = &Ranked{Model: m.Name, Days: make([]int64, rankedDays)}
	}
	for i := range rows {
		row := &rows[i]
		rank, tokens := ranks[row.Model], row.Usage.Total()
		switch {
		case rank == nil || row.Simulated:
		case row.Start.Before(r.Since):
			rank.Before += tokens
		default:
			rank.Days[int(row.Start.Sub(r.Since)/(24*time.Hour))] += tokens
			rank.Tokens += tokens
			all += tokens
		}
	}
	for _, rank := range ranks {
		if rank.Tokens > 0 {
			rank.Share = float64(rank.Tokens) / float64(all)
			r.Data = append(r.Data, *rank)
		}
	}
	slices.SortFunc(r.Data, func(a, b Ranked) int { return cmp.Or(cmp.Compare(b.Tokens, a.Tokens), cmp.Compare(a.Model, b.Model)) })
	return r, nil
}
