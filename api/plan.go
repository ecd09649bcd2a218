package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"

	"sluice"
	"sluice/money/plan"
	"sluice/money/quota"
)

// PlanVersion is a published version of a plan. It never changes.
type PlanVersion struct {
	ID          string    `json:"id" example:"plan_06f2k8c0q5xg3e8v7m1n4r9t2w"`
	PublishedAt time.Time `json:"published_at"`
	InForce     bool      `json:"in_force" doc:"Whether it is what is sold now."`
	Paused      bool      `json:"paused" doc:"Sales of the plan are paused: no new subscription and no upgrade to it."`
	Hash        string    `json:"hash" doc:"SHA-256 of what it says, in hex."`
	PlanTerms
}

// PlanTerms is what a version of a plan says.
type PlanTerms struct {
	Plan        string                   `json:"plan" yaml:"plan" pattern:"^[a-z0-9][a-z0-9-]{0,31}$" example:"lite" doc:"Short and lower case: status lines show it."`
	Name        string                   `json:"name" yaml:"name" minLength:"1" maxLength:"128" example:"Coding Lite"`
	Rank        int                      `json:"rank" yaml:"rank" minimum:"0" doc:"A change to a higher rank is an upgrade."`
	Currency    sluice.Currency          `json:"currency" yaml:"currency" pattern:"^[A-Z]{3}$" patternDescription:"three capital letters (ISO 4217)" example:"USD"`
	Prices      map[string]sluice.Amount `json:"prices" yaml:"prices" doc:"Of a period, by cycle: month, quarter, year. Those left out are not sold."`
	TrialDays   int                      `json:"trial_days,omitempty" yaml:"trial_days" minimum:"0" maximum:"90"`
	Models      []string                 `json:"models" yaml:"models" minItems:"1" maxItems:"256"`
	Windows     []QuotaWindow            `json:"windows" yaml:"windows" minItems:"1" maxItems:"8" doc:"A call must fit into all of them. Weights are thousandths: 3000 counts threefold."`
	EffectiveAt *time.Time               `json:"effective_at,omitempty" yaml:"effective_at" doc:"It is sold from then until a later version is. Now when absent."`
}

// QuotaWindow is a window of a plan's quota.
type QuotaWindow quota.Window

// PublishPlan asks to publish a version of a plan. Subscriptions keep the
// version that they were sold under.
type PublishPlan struct {
	PlanTerms
	DryRun bool `json:"dry_run,omitempty" doc:"Only tell what would change."`
}

// PublishedPlan is what came of publishing, or would come.
type PublishedPlan struct {
	DryRun  bool         `json:"dry_run"`
	Version PlanVersion  `json:"version"`
	Changes []PlanChange `json:"changes" doc:"Against the version in force. Empty for a plan that is new."`
}

// PlanChange is a member of a plan's terms that differs from the version in force.
type PlanChange struct {
	What   string `json:"what" example:"prices"`
	Before string `json:"before,omitempty" doc:"As JSON."`
	After  string `json:"after,omitempty" doc:"As JSON."`
}

// PlanSales says whether a plan's sales are paused.
type PlanSales struct {
	Paused bool `json:"paused"`
}

// PlanStore keeps versions of plans.
type PlanStore interface {
	PublishPlan(ctx context.Context, v *plan.Version) error
}

// pausedSetting names the setting that holds the plans whose sales are paused,
// as a JSON list of names.
const pausedSetting = "plans_paused"

// PausedPlans returns the names of the plans whose sales are paused.
func PausedPlans(ctx context.Context, settings Settings) ([]string, error) {
	text, err := settings.Setting(ctx, pausedSetting)
	if err != nil || text == "" {
		return nil, err
	}
	var names []string
	if err := json.Unmarshal([]byte(text), &names); err != nil {
		return nil, fmt.Errorf("reading which plans are paused: %w", err)
	}
	return names, nil
}

func (s *Server) registerPlans() {
	const tag = "plans"
	register(s, route{
		id: "list-plans", method: http.MethodGet, path: "/plans", tag: tag,
		summary: "List the versions of all plans", roles: anyone(),
	}, s.listPlans)
	register(s, route{
		id: "publish-plan", method: http.MethodPost, path: "/plans", tag: tag, status: http.StatusCreated,
		summary: "Publish a version of a plan, or see what would change", roles: treasurers(),
	}, s.publishPlan)
	register(s, route{
		id: "pause-plan", method: http.MethodPut, path: "/plans/{plan}/sales", tag: tag,
		summary: "Pause a plan's sales, or take them up again", roles: treasurers(),
	}, s.pausePlan)
}

type inPlans struct{ Paging }

func (s *Server) listPlans(ctx context.Context, _ *caller, in *inPlans) (Page[PlanVersion], error) {
	paused, err := PausedPlans(ctx, s.opt.Settings)
	if err != nil {
		return Page[PlanVersion]{}, err
	}
	var all []PlanVersion
	for _, v := range s.opt.Plans.PlanVersions() {
		all = append(all, s.planVersion(v, paused))
	}
	return paged(all, func(v PlanVersion) string { return v.ID }, in.Paging), nil
}

// planVersion writes a version as it is shown.
func (s *Server) planVersion(v *plan.Version, paused []string) PlanVersion {
	d := v.Draft()
	current := plan.InForce(s.opt.Plans.PlanVersions(), d.Plan, d.Currency, s.opt.Now())
	return PlanVersion{
		ID: v.ID, PublishedAt: v.PublishedAt, InForce: current == v, Paused: slices.Contains(paused, d.Plan), Hash: v.Hash, PlanTerms: PlanTermsOf(d),
	}
}

// PlanTermsOf writes what a version of a plan says.
func PlanTermsOf(d *plan.Draft) PlanTerms {
	t := PlanTerms{
		Plan: d.Plan, Name: d.Name, Rank: d.Rank, Currency: d.Currency, Prices: map[string]sluice.Amount{}, TrialDays: d.TrialDays,
		Models: d.Models, Windows: []QuotaWindow{}, EffectiveAt: &d.EffectiveAt,
	}
	for _, w := range d.Windows {
		t.Windows = append(t.Windows, QuotaWindow(w))
	}
	for cycle, price := range d.Prices {
		t.Prices[string(cycle)] = price
	}
	return t
}

func (s *Server) publishPlan(ctx context.Context, _ *caller, in *struct{ Body PublishPlan }) (PublishedPlan, error) {
	now := s.opt.Now()
	d := plan.Draft{
		Plan: in.Body.Plan, Name: in.Body.Name, Rank: in.Body.Rank, Currency: in.Body.Currency, Prices: map[plan.Cycle]sluice.Amount{},
		TrialDays: in.Body.TrialDays, Models: in.Body.Models, EffectiveAt: now,
	}
	for _, w := range in.Body.Windows {
		d.Windows = append(d.Windows, quota.Window(w))
	}
	for cycle, price := range in.Body.Prices {
		d.Prices[plan.Cycle(cycle)] = price
	}
	if at := in.Body.EffectiveAt; at != nil {
		if at.Before(now) {
			return PublishedPlan{}, &sluice.Error{Code: sluice.CodeInvalid, Param: "effective_at", Message: "A plan cannot take effect in the past."}
		}
		d.EffectiveAt = *at
	}
	v, err := plan.Publish(sluice.NewID(sluice.PrefixPlan, now), d, now, time.LoadLocation)
	if err != nil {
		return PublishedPlan{}, err
	}
	for _, name := range v.Quota().Calendars() {
		if !s.opt.Calendar(name) {
			return PublishedPlan{}, sluice.Errorf(sluice.CodeInvalid, "There is no calendar %q.", name)
		}
	}
	out := PublishedPlan{DryRun: in.Body.DryRun, Changes: []PlanChange{}}
	if before := plan.InForce(s.opt.Plans.PlanVersions(), d.Plan, d.Currency, d.EffectiveAt); before != nil {
		if out.Changes, err = planChanges(before.Draft(), v.Draft()); err != nil {
			return PublishedPlan{}, err
		}
	}
	if !out.DryRun {
		if err := s.change(ctx, func(ctx context.Context) error { return s.opt.PlanStore.PublishPlan(ctx, v) }); err != nil {
			return PublishedPlan{}, err
		}
	}
	paused, err := PausedPlans(ctx, s.opt.Settings)
	out.Version = s.planVersion(v, paused)
	out.Version.InForce = !out.DryRun && !d.EffectiveAt.After(now)
	return out, err
}

// planChanges compares two versions of a plan, member by member.
func planChanges(before, after *plan.Draft) ([]PlanChange, error) {
	members := func(d *plan.Draft) (map[string]json.RawMessage, error) {
		raw, err := json.Marshal(d)
		m := map[string]json.RawMessage{}
		if err == nil {
			err = json.Unmarshal(raw, &m)
		}
		return m, err
	}
	old, err := members(before)
	if err != nil {
		return nil, err
	}
	made, err := members(after)
	if err != nil {
		return nil, err
	}
	changes := []PlanChange{}
	for _, what := range []string{"name", "rank", "prices", "trial_days", "models", "windows"} {
		if !bytes.Equal(old[what], made[what]) {
			changes = append(changes, PlanChange{what, string(old[what]), string(made[what])})
		}
	}
	return changes, nil
}

type inPlanSales struct {
	Plan string `path:"plan" maxLength:"32"`
	Body PlanSales
}

func (s *Server) pausePlan(ctx context.Context, _ *caller, in *inPlanSales) (PlanSales, error) {
	known := slices.ContainsFunc(s.opt.Plans.PlanVersions(), func(v *plan.Version) bool { return v.Draft().Plan == in.Plan })
	if !known {
		return PlanSales{}, sluice.Errorf(sluice.CodeNotFound, "There is no plan %q.", in.Plan)
	}
	err := s.change(ctx, func(ctx context.Context) error {
		paused, err := PausedPlans(ctx, s.opt.Settings)
		if err != nil {
			return err
		}
		paused = slices.DeleteFunc(paused, func(name string) bool { return name == in.Plan })
		if in.Body.Paused {
			paused = append(paused, in.Plan)
		}
		text, err := json.Marshal(paused)
		if err != nil {
			return err
		}
		return s.opt.Settings.PutSetting(ctx, pausedSetting, string(text))
	})
	return in.Body, err
}

// ParsePlan reads a plan from a YAML file, strictly. Amounts are in quotes.
// Errors are CodeInvalid.
func ParsePlan(data []byte) (PublishPlan, error) {
	var in PublishPlan
	var tree any
	err := yaml.Load(data, &tree)
	if err == nil {
		var raw []byte
		if raw, err = json.Marshal(tree); err == nil {
			err = unmarshal(raw, &in)
		}
	}
	if err != nil {
		return in, &sluice.Error{Code: sluice.CodeInvalid, Message: fmt.Sprintf("The plan cannot be read: %v.", err), Err: err}
	}
	return in, nil
}
