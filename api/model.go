package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"sluice"
)

// Model is what is sold.
type Model struct {
	Name          string    `json:"name" example:"glm-4.6"`
	Description   string    `json:"description,omitempty"`
	OwnedBy       string    `json:"owned_by,omitempty"`
	ContextLength int64     `json:"context_length,omitempty" doc:"In tokens; absent when unknown."`
	Aliases       []string  `json:"aliases,omitempty" doc:"Other names that clients may call it by; prices and usage know the model's name only."`
	CreatedAt     time.Time `json:"created_at"`

	Versions  []sluice.ModelVersion `json:"versions,omitempty" doc:"Models that it stands for: each conversation goes to one of them, by weight, and costs what that one costs."`
	Fallbacks []string              `json:"fallbacks,omitempty" doc:"Models that answer in its place, in this order, where none of its engines can."`
	Shadow    *sluice.Shadow        `json:"shadow,omitempty" doc:"A model that is asked the same on the side."`
	Hidden    bool                  `json:"hidden,omitempty" doc:"Neither customers nor everybody see it in lists; who knows its name may call it."`
}

// PutModel adds a model, or replaces what is known of it.
type PutModel struct {
	Description   string `json:"description,omitempty" yaml:"description" maxLength:"4096"`
	OwnedBy       string `json:"owned_by,omitempty" yaml:"owned_by" maxLength:"128"`
	ContextLength int64  `json:"context_length,omitempty" yaml:"context_length" minimum:"0"`

	// Aliases are other names of the model, such as claude-… for clients that list
	// no others. No other model may have them.
	Aliases []string `json:"aliases,omitempty" yaml:"aliases" maxItems:"64"`

	Versions  []sluice.ModelVersion `json:"versions,omitempty" yaml:"versions" maxItems:"16" doc:"Models that it stands for: each conversation goes to one of them, by weight, and costs what that one costs."`
	Fallbacks []string              `json:"fallbacks,omitempty" yaml:"fallbacks" maxItems:"8" doc:"Models that answer in its place, in this order, where none of its engines can before the first byte. A call costs what the model costs that answers it."`
	Shadow    *sluice.Shadow        `json:"shadow,omitempty" yaml:"shadow" doc:"A model that is asked the same on the side. Its answers are metered, billed to the key's organisation, and shown to nobody."`
	Hidden    bool                  `json:"hidden,omitempty" yaml:"hidden" doc:"Leave it out of the lists that customers and everybody see. Who knows its name may call it."`
}

// Catalogue keeps models and engines. Lists are in order of names.
type Catalogue interface {
	Models(ctx context.Context) ([]*sluice.Model, error)
	PutModel(ctx context.Context, m *sluice.Model) error
	DeleteModel(ctx context.Context, name string) error
	Engines(ctx context.Context) ([]*sluice.Engine, error)

	// PutEngine adds an engine or changes the one of that name, which keeps its id.
	PutEngine(ctx context.Context, e *sluice.Engine) (*sluice.Engine, error)
	DeleteEngine(ctx context.Context, name string) error
}

func (s *Server) registerModels() {
	const tag = "models"
	register(s, route{
		id: "list-models", method: http.MethodGet, path: "/models", tag: tag,
		summary: "List what is sold", roles: anyone(),
	}, s.listModels)
	register(s, route{
		id: "get-model", method: http.MethodGet, path: "/models/{model}", tag: tag,
		summary: "Get a model", roles: anyone(),
	}, s.getModel)
	register(s, route{
		id: "put-model", method: http.MethodPut, path: "/models/{model}", tag: tag,
		summary: "Add a model or replace what is known of it", roles: stewards(),
	}, s.putModel)
	registerEmpty(s, route{
		id: "delete-model", method: http.MethodDelete, path: "/models/{model}", tag: tag,
		summary: "Take a model off sale; its prices and its usage stay", roles: stewards(),
	}, s.deleteModel)
}

// inModel is a request about one model.
type inModel struct {
	Model string `path:"model" maxLength:"128"`
}

func (s *Server) listModels(ctx context.Context, who *caller, in *Paging) (Page[Model], error) {
	models, err := s.opt.Catalogue.Models(ctx)
	if err != nil {
		return Page[Model]{}, err
	}
	all := make([]Model, 0, len(models))
	for _, m := range models {
		if !m.Hidden || who.operator() {
			all = append(all, Model(*m))
		}
	}
	return paged(all, func(m Model) string { return m.Name }, *in), nil
}

// getModel shows a model by its name. What is hidden, only the operator sees.
func (s *Server) getModel(ctx context.Context, who *caller, in *inModel) (Model, error) {
	models, err := s.opt.Catalogue.Models(ctx)
	if err != nil {
		return Model{}, err
	}
	if !who.operator() {
		models = slices.DeleteFunc(models, func(m *sluice.Model) bool { return m.Hidden })
	}
	m, err := find(models, "model", in.Model, modelName)
	if err != nil {
		return Model{}, err
	}
	return Model(*m), nil
}

type inPutModel struct {
	Model string `path:"model" maxLength:"128"`
	Body  PutModel
}

func (s *Server) putModel(ctx context.Context, _ *caller, in *inPutModel) (Model, error) {
	m, err := s.draftModel(in.Model, &in.Body)
	if err != nil {
		return Model{}, err
	}
	err = s.change(ctx, func(ctx context.Context) error {
		models, err := s.opt.Catalogue.Models(ctx)
		if err != nil {
			return err
		}
		if old, err := find(models, "model", m.Name, modelName); err == nil {
			m.CreatedAt = old.CreatedAt
		}
		if err := checkAliases(models, []*sluice.Model{m}); err != nil {
			return err
		}
		if err := s.checkTraffic(ctx, models, []*sluice.Model{m}); err != nil {
			return err
		}
		return s.opt.Catalogue.PutModel(ctx, m)
	})
	if err != nil {
		return Model{}, err
	}
	return Model(*m), nil
}

func (s *Server) deleteModel(ctx context.Context, _ *caller, in *inModel) error {
	return s.change(ctx, func(ctx context.Context) error {
		models, err := s.opt.Catalogue.Models(ctx)
		if err != nil {
			return err
		}
		if err := checkUnnamed(models, in.Model); err != nil {
			return err
		}
		return s.opt.Catalogue.DeleteModel(ctx, in.Model)
	})
}

// draftModel checks a model and writes it. Errors: CodeInvalid.
func (s *Server) draftModel(name string, in *PutModel) (*sluice.Model, error) {
	if !sluice.ValidModelName(name) || name == "." || name == ".." { // a URL's path cannot name the two
		return nil, &sluice.Error{
			Code: sluice.CodeInvalid, Param: "model",
			Message: fmt.Sprintf("%q is no name of a model: it needs 1 to 128 printable ASCII characters without spaces, quotes and backslashes.", name),
		}
	}
	if in.ContextLength < 0 {
		return nil, &sluice.Error{Code: sluice.CodeInvalid, Param: "context_length", Message: "A context length must not be negative."}
	}
	for _, a := range in.Aliases {
		if !sluice.ValidModelName(a) || a == name {
			return nil, &sluice.Error{Code: sluice.CodeInvalid, Param: "aliases", Message: fmt.Sprintf("%.128q cannot be an alias of the model %q.", a, name)}
		}
	}
	return &sluice.Model{
		Name: name, Description: in.Description, OwnedBy: in.OwnedBy, ContextLength: in.ContextLength,
		Aliases: slices.Concat(in.Aliases), CreatedAt: s.opt.Now().UTC(),
		Versions: slices.Concat(in.Versions), Fallbacks: slices.Concat(in.Fallbacks), Shadow: in.Shadow, Hidden: in.Hidden,
	}, nil
}

// checkAliases makes sure that no name means two models once some of the models are
// replaced or added. Errors: CodeInvalid.
func checkAliases(models, changed []*sluice.Model) error {
	all := map[string]*sluice.Model{}
	for _, m := range slices.Concat(models, changed) {
		all[m.Name] = m
	}
	owner := map[string]string{} // of each alias
	for _, m := range all {
		for _, a := range m.Aliases {
			other := owner[a]
			if all[a] != nil {
				other = a
			}
			if other != "" {
				return &sluice.Error{
					Code: sluice.CodeInvalid, Param: "aliases",
					Message: fmt.Sprintf("The alias %q of the model %q already means the model %q.", a, max(m.Name, other), min(m.Name, other)),
				}
			}
			owner[a] = m.Name
		}
	}
	return nil
}

func modelName(m *sluice.Model) string { return m.Name }
