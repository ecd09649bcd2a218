package api

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"

	"sluice"
	"sluice/money/price"
)

// Manifest describes models, engines and price lists as they shall be. What
// it does not name stays as it is.
type Manifest struct {
	Models  []ManifestModel  `json:"models,omitempty" yaml:"models" maxItems:"1024"`
	Engines []ManifestEngine `json:"engines,omitempty" yaml:"engines" maxItems:"1024"`
	Prices  []PriceList      `json:"prices,omitempty" yaml:"prices" maxItems:"64" doc:"Whole price lists; one that says what is in force already is not published again."`
}

// ManifestModel is a model in a manifest.
type ManifestModel struct {
	Name     string `json:"name" yaml:"name" minLength:"1" maxLength:"128"`
	PutModel `yaml:",inline"`
}

// ManifestEngine is an engine in a manifest.
type ManifestEngine struct {
	Name      string `json:"name" yaml:"name" minLength:"1" maxLength:"128"`
	PutEngine `yaml:",inline"`
}

// Apply asks to bring the server to a manifest.
type Apply struct {
	Manifest Manifest `json:"manifest"`
	DryRun   bool     `json:"dry_run,omitempty" doc:"Check everything and tell what would change."`
}

// Applied is what applying a manifest changed, or would change.
type Applied struct {
	DryRun  bool            `json:"dry_run"`
	Changes []AppliedChange `json:"changes"`
}

// AppliedChange is what became of one part of a manifest.
type AppliedChange struct {
	Kind   string        `json:"kind" enum:"model,engine,price_book"`
	Name   string        `json:"name" doc:"Of a price book: its currency."`
	Action string        `json:"action" enum:"create,update,unchanged"`
	Prices []PriceChange `json:"prices,omitempty"`
}

// ParseManifest reads a manifest from YAML (or JSON, which is YAML as well).
// Prices and amounts may stand without quotes: their digits are taken as
// written. Unknown and duplicate names are refused. Errors: CodeInvalid.
func ParseManifest(data []byte) (Manifest, error) {
	var m Manifest
	if err := yaml.Load(data, &m, yaml.WithKnownFields()); err != nil {
		return Manifest{}, &sluice.Error{Code: sluice.CodeInvalid, Message: fmt.Sprintf("The manifest cannot be read: %v.", err), Err: err}
	}
	return m, nil
}

func (s *Server) registerApply() {
	register(s, route{
		id: "apply", method: http.MethodPost, path: "/apply", tag: "server",
		summary: "Bring models, engines and price lists to a manifest; all of it is checked before any of it is written", roles: owners(),
	}, s.apply)
}

func (s *Server) apply(ctx context.Context, who *caller, in *struct{ Body Apply }) (Applied, error) {
	if in.Body.DryRun {
		p, err := s.intend(ctx, &in.Body.Manifest)
		return Applied{DryRun: true, Changes: p.changes}, err
	}
	var p intent
	err := s.change(ctx, func(ctx context.Context) (err error) {
		if p, err = s.intend(ctx, &in.Body.Manifest); err != nil {
			return err
		}
		if err := p.checkJumps(); err != nil {
			return err
		}
		for _, e := range p.engines {
			if err := who.mayDefine(e.next, e.old); err != nil {
				return err
			}
		}
		return s.carryOut(ctx, &p)
	})
	return Applied{Changes: p.changes}, err
}

// intent is what a manifest comes to: what to write, and what to tell.
type intent struct {
	models  []*sluice.Model
	engines []enginePut
	books   []*price.Book
	changes []AppliedChange
}

// enginePut is an engine to write, and the one that it replaces or nil.
type enginePut struct{ next, old *sluice.Engine }

// checkJumps refuses price lists that ask for acceptance, which a manifest cannot give.
func (p *intent) checkJumps() error {
	for _, c := range p.changes {
		if far := jumps(c.Prices); c.Action == actionUpdate && len(far) > 0 {
			return sluice.Errorf(sluice.CodeInvalid, "%d prices in %s change by 100 times or more, the first is %s of %s. Publish the list by itself and accept that, if they are right.",
				len(far), c.Name, far[0].Class, far[0].Model)
		}
	}
	return nil
}

// carryOut writes the intent, prices last: what costs nothing yet can be put back.
func (s *Server) carryOut(ctx context.Context, p *intent) error {
	for _, m := range p.models {
		if err := s.opt.Catalogue.PutModel(ctx, m); err != nil {
			return err
		}
	}
	for _, e := range p.engines {
		if _, err := s.storeEngine(ctx, e.next, e.old); err != nil {
			return err
		}
	}
	for _, b := range p.books {
		if err := s.opt.Prices.PublishBook(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// intend checks a whole manifest against what there is. Errors: CodeInvalid.
func (s *Server) intend(ctx context.Context, m *Manifest) (intent, error) {
	p := intent{changes: []AppliedChange{}}
	for _, part := range []func(context.Context, *Manifest, *intent) error{s.planModels, s.planEngines, s.planBooks} {
		if err := part(ctx, m, &p); err != nil {
			return intent{changes: []AppliedChange{}}, err
		}
	}
	if err := s.checkIntendedTraffic(ctx, &p); err != nil {
		return intent{changes: []AppliedChange{}}, err
	}
	return p, nil
}

// checkIntendedTraffic checks where models lead to, once those are there that engines bring.
func (s *Server) checkIntendedTraffic(ctx context.Context, p *intent) error {
	models, err := s.opt.Catalogue.Models(ctx)
	if err != nil {
		return err
	}
	var brought []string
	for _, e := range p.engines {
		brought = slices.AppendSeq(brought, maps.Keys(e.next.Models))
	}
	return s.checkTraffic(ctx, models, p.models, brought...)
}

func (s *Server) planModels(ctx context.Context, m *Manifest, p *intent) error {
	models, err := s.opt.Catalogue.Models(ctx)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for i := range m.Models {
		in := &m.Models[i]
		next, err := s.draftModel(in.Name, &in.PutModel)
		if err != nil {
			return err
		}
		if seen[next.Name] {
			return sluice.Errorf(sluice.CodeInvalid, "The manifest has the model %q twice.", next.Name)
		}
		seen[next.Name] = true
		action := actionCreate
		if old, err := find(models, "model", next.Name, modelName); err == nil {
			action, next.CreatedAt = actionUpdate, old.CreatedAt
			if reflect.DeepEqual(next, old) {
				action = actionUnchanged
			}
		}
		if action != actionUnchanged {
			p.models = append(p.models, next)
		}
		p.changes = append(p.changes, AppliedChange{Kind: "model", Name: next.Name, Action: action})
	}
	return checkAliases(models, p.models)
}

func (s *Server) planEngines(ctx context.Context, m *Manifest, p *intent) error {
	engines, err := s.opt.Catalogue.Engines(ctx)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for i := range m.Engines {
		in := &m.Engines[i]
		old, _ := find(engines, "engine", in.Name, engineName) // nil for a new one
		next, err := s.draftEngine(in.Name, &in.PutEngine, old)
		if err != nil {
			return err
		}
		if seen[next.Name] {
			return sluice.Errorf(sluice.CodeInvalid, "The manifest has the engine %q twice.", next.Name)
		}
		seen[next.Name] = true
		action := actionCreate
		if old != nil {
			action = actionUpdate
			if reflect.DeepEqual(next, old) {
				action = actionUnchanged
			}
		}
		if action != actionUnchanged {
			p.engines = append(p.engines, enginePut{next, old})
		}
		p.changes = append(p.changes, AppliedChange{Kind: "engine", Name: next.Name, Action: action})
	}
	return nil
}

// planBooks finds the price lists that say something new. One that is in force
// at its instant already is left alone, so that a manifest can be applied again.
func (s *Server) planBooks(ctx context.Context, m *Manifest, p *intent) error {
	books, err := s.opt.Prices.Books(ctx)
	if err != nil {
		return err
	}
	type instant struct {
		currency sluice.Currency
		at       time.Time
	}
	seen := map[instant]bool{}
	for i := range m.Prices {
		in := &m.Prices[i]
		next, err := s.draftBook(in)
		if err != nil {
			return err
		}
		place := instant{next.Currency, next.EffectiveAt}
		if in.EffectiveAt == nil {
			place.at = time.Time{} // now
		}
		if seen[place] {
			return sluice.Errorf(sluice.CodeInvalid, "The manifest has two price lists in %s for one instant.", next.Currency)
		}
		seen[place] = true
		change := AppliedChange{Kind: "price_book", Name: string(next.Currency), Action: actionCreate}
		base := price.InForce(append(slices.Clone(books), p.books...), next.Currency, next.EffectiveAt)
		if base != nil {
			change.Action = actionUpdate
		}
		change.Prices = priceChanges(base, next)
		if len(change.Prices) == 0 {
			change.Action = actionUnchanged
		} else {
			if err := checkInstant(next, in.EffectiveAt); err != nil {
				return err
			}
			p.books = append(p.books, next)
		}
		p.changes = append(p.changes, change)
	}
	return nil
}

// What becomes of a part of a manifest.
const (
	actionCreate    = "create"
	actionUpdate    = "update"
	actionUnchanged = "unchanged"
)
