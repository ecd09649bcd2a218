package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"go.yaml.in/yaml/v4"

	"sluice"
	"sluice/fleet/power"
	"sluice/money/electricity"
	"sluice/money/exact"
)

// Power knows what engines draw, and keeps the site within its limit. Errors:
// CodeInvalid, CodeNotFound.
type Power interface {
	Now() power.SitePower
	Report(ctx context.Context, from, to time.Time, zone *time.Location, currency sluice.Currency) (*electricity.Consumption, error)
	Contract() *electricity.Contract
	SetContract(ctx context.Context, c *electricity.Contract) error
	Site() power.Site
	SetSite(ctx context.Context, site power.Site) error
	SetSupply(ctx context.Context, engine string, s *power.Supply) error
}

// PowerPrice is what power costs: the terms in order of time.
type PowerPrice struct {
	Terms []PowerTerms `json:"terms" yaml:"terms" maxItems:"64"`
}

// PowerTerms are what power costs from an instant on, until the next terms.
type PowerTerms struct {
	Since           *time.Time      `json:"since,omitempty" yaml:"since" doc:"From ever when absent; a whole quarter of an hour."`
	Currency        sluice.Currency `json:"currency" yaml:"currency" pattern:"^[A-Z]{3}$" patternDescription:"three capital letters (ISO 4217)" example:"CNY"`
	Price           string          `json:"price" yaml:"price" maxLength:"60" example:"0.62" doc:"Of a kWh, where none of the bands holds."`
	Bands           []PowerBand     `json:"bands,omitempty" yaml:"bands" maxItems:"32" doc:"Hours with a price of their own; the first that holds decides."`
	Contracted      int64           `json:"contracted_kw,omitempty" yaml:"contracted_kw" minimum:"0" maximum:"10000000" doc:"Power that the grid holds ready, in kW."`
	ContractedPrice string          `json:"contracted_price,omitempty" yaml:"contracted_price" maxLength:"60" example:"38" doc:"Of a contracted kW for a month, drawn or not."`
	Overhead        int64           `json:"overhead_percent,omitempty" yaml:"overhead_percent" minimum:"0" maximum:"1000" example:"30" doc:"What cooling and the machines around the chips draw and pay, for each 100 that engines draw."`
}

// PowerBand is a price that holds at certain hours.
type PowerBand struct {
	Name  string          `json:"name" yaml:"name" minLength:"1" maxLength:"64" example:"peak"`
	Price string          `json:"price" yaml:"price" maxLength:"60" example:"1.05" doc:"Of a kWh."`
	Hours CalendarVersion `json:"hours" yaml:"hours" doc:"Arcs begin and end at whole quarters of an hour, by which power is metered."`
}

// PowerLimit is what the site may draw.
type PowerLimit struct {
	Limit int64 `json:"limit_watts" minimum:"0" maximum:"10000000000" doc:"With the overhead; 0 is no limit."`

	Temporary int64      `json:"temporary_watts,omitempty" minimum:"0" maximum:"10000000000" doc:"In its place until an instant, such as when the grid asks for less."`
	Until     *time.Time `json:"until,omitempty"`
}

// PowerReportQuery says which report.
type PowerReportQuery struct {
	Day      string          `query:"day" required:"true" maxLength:"10" example:"2026-11-21" doc:"The first day, by the zone."`
	Days     int             `query:"days" default:"1" minimum:"1" maximum:"31"`
	Zone     string          `query:"zone" default:"UTC" maxLength:"64" example:"Asia/Shanghai"`
	Currency sluice.Currency `query:"currency" pattern:"^$|^[A-Z]{3}$" patternDescription:"three capital letters (ISO 4217)" doc:"That of the price of power when absent."`
}

func (s *Server) registerPower() {
	const tag, price, limit, engine = "power", "/power/price", "/power/limit", "/power/engines/{engine}"
	register(s, route{
		id: "get-power", method: http.MethodGet, path: "/power", tag: tag,
		summary: "Get what engines draw now, what is deferred or parked for it, and the price", roles: operators(),
	}, func(context.Context, *caller, *struct{}) (power.SitePower, error) { return s.opt.Power.Now(), nil })
	register(s, route{
		id: "get-power-report", method: http.MethodGet, path: "/power/report", tag: tag,
		summary: "Get what engines drew by hour, engine and model, and what it cost", roles: operators(),
	}, s.powerReport)
	register(s, route{
		id: "get-power-price", method: http.MethodGet, path: price, tag: tag,
		summary: "Get what power costs", roles: operators(),
	}, func(context.Context, *caller, *struct{}) (PowerPrice, error) {
		return showPowerPrice(s.opt.Power.Contract()), nil
	})
	register(s, route{
		id: "put-power-price", method: http.MethodPut, path: price, tag: tag,
		summary: "Say what power costs, in place of all that was said before", roles: treasurers(),
	}, func(ctx context.Context, _ *caller, in *struct{ Body PowerPrice }) (PowerPrice, error) {
		c, err := in.Body.contract()
		if err == nil {
			err = s.opt.Power.SetContract(ctx, c)
		}
		if err != nil {
			return PowerPrice{}, err
		}
		return showPowerPrice(s.opt.Power.Contract()), nil
	})
	register(s, route{
		id: "get-power-limit", method: http.MethodGet, path: limit, tag: tag,
		summary: "Get what the site may draw", roles: operators(),
	}, func(context.Context, *caller, *struct{}) (PowerLimit, error) {
		return showPowerLimit(s.opt.Power.Site()), nil
	})
	register(s, route{
		id: "put-power-limit", method: http.MethodPut, path: limit, tag: tag,
		summary: "Say what the site may draw: beyond it batches wait, then engines are parked", roles: stewards(),
	}, func(ctx context.Context, _ *caller, in *struct{ Body PowerLimit }) (PowerLimit, error) {
		site := power.Site{Limit: in.Body.Limit, Temporary: in.Body.Temporary}
		if in.Body.Until != nil {
			site.Until = in.Body.Until.UTC()
		}
		if err := s.opt.Power.SetSite(ctx, site); err != nil {
			return PowerLimit{}, err
		}
		return showPowerLimit(s.opt.Power.Site()), nil
	})
	registerEmpty(s, route{
		id: "put-power-supply", method: http.MethodPut, path: engine, tag: tag,
		summary: "Say how the power of an engine is known", roles: stewards(),
	}, func(ctx context.Context, _ *caller, in *struct {
		Engine string `path:"engine" maxLength:"128" doc:"The engine's name."`
		Body   power.Supply
	},
	) error {
		return s.setSupply(ctx, in.Engine, &in.Body)
	})
	registerEmpty(s, route{
		id: "delete-power-supply", method: http.MethodDelete, path: engine, tag: tag,
		summary: "Forget how the power of an engine is known: it is no longer watched", roles: stewards(),
	}, func(ctx context.Context, _ *caller, in *inEngine) error { return s.setSupply(ctx, in.Engine, nil) })
}

func (s *Server) powerReport(ctx context.Context, _ *caller, in *PowerReportQuery) (*electricity.Consumption, error) {
	zone, err := time.LoadLocation(in.Zone)
	if err != nil || in.Zone == "Local" {
		return nil, sluice.Errorf(sluice.CodeInvalid, "%q is no timezone such as Asia/Shanghai.", in.Zone)
	}
	from, err := time.ParseInLocation(time.DateOnly, in.Day, zone)
	if err != nil {
		return nil, sluice.Errorf(sluice.CodeInvalid, "%q is no day such as 2026-11-21.", in.Day)
	}
	return s.opt.Power.Report(ctx, from, from.AddDate(0, 0, in.Days), zone, in.Currency)
}

// setSupply says how the power of the engine of a name is known.
func (s *Server) setSupply(ctx context.Context, name string, supply *power.Supply) error {
	engines, err := s.opt.Catalogue.Engines(ctx)
	if err != nil {
		return err
	}
	for _, e := range engines {
		if e.Name == name {
			return s.opt.Power.SetSupply(ctx, e.ID, supply)
		}
	}
	return sluice.Errorf(sluice.CodeNotFound, "There is no engine %q.", name)
}

// ParsePowerPrice reads a YAML file of what power costs. Unknown names are
// refused. Errors: CodeInvalid.
func ParsePowerPrice(data []byte) (PowerPrice, error) {
	var p PowerPrice
	if err := yaml.Load(data, &p, yaml.WithKnownFields()); err != nil {
		return PowerPrice{}, &sluice.Error{Code: sluice.CodeInvalid, Message: fmt.Sprintf("The price of power cannot be read: %v.", err), Err: err}
	}
	_, err := p.contract()
	return p, err
}

// contract checks the prices and makes a contract of them. Errors: CodeInvalid.
func (p *PowerPrice) contract() (*electricity.Contract, error) {
	var all []electricity.Terms
	for i := range p.Terms {
		t, err := p.Terms[i].terms()
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return electricity.NewContract(all...)
}

func (p *PowerTerms) terms() (electricity.Terms, error) {
	t := electricity.Terms{Currency: p.Currency, Contracted: p.Contracted * 1000, Overhead: p.Overhead}
	if p.Since != nil {
		t.From = p.Since.UTC()
	}
	var err error
	if t.Price, err = exact.Parse(p.Price); err != nil {
		return t, err
	}
	if p.ContractedPrice != "" {
		if t.ContractedPrice, err = exact.Parse(p.ContractedPrice); err != nil {
			return t, err
		}
	}
	for _, b := range p.Bands {
		band := electricity.Band{Name: b.Name}
		if band.Price, err = exact.Parse(b.Price); err != nil {
			return t, err
		}
		hours, err := b.Hours.version()
		if err != nil {
			return t, err
		}
		band.Hours = append(band.Hours, hours)
		t.Bands = append(t.Bands, band)
	}
	return t, nil
}

// showPowerPrice writes prices as they are read.
func showPowerPrice(c *electricity.Contract) PowerPrice {
	shown := PowerPrice{Terms: []PowerTerms{}}
	for _, t := range c.Terms() {
		out := PowerTerms{Currency: t.Currency, Price: t.Price.String(), Contracted: t.Contracted / 1000, Overhead: t.Overhead}
		if !t.From.IsZero() {
			out.Since = &t.From
		}
		if t.ContractedPrice.Sign() > 0 {
			out.ContractedPrice = t.ContractedPrice.String()
		}
		for _, b := range t.Bands {
			out.Bands = append(out.Bands, PowerBand{Name: b.Name, Price: b.Price.String(), Hours: showVersion(b.Hours[0])})
		}
		shown.Terms = append(shown.Terms, out)
	}
	return shown
}

func showPowerLimit(s power.Site) PowerLimit {
	l := PowerLimit{Limit: s.Limit}
	if !s.Until.IsZero() {
		l.Temporary, l.Until = s.Temporary, &s.Until
	}
	return l
}
