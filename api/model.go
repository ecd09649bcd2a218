package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"sluice"
)

// Model is what is sold.
type Model struct {
	Name          string    `json:"name" example:"glm-4.6"`
	Description   string    `json:"description,omitempty"`
	OwnedBy       string    `json:"owned_by,omitempty"`
	ContextLength int64     `json:"context_length,omitempty" doc:"In tokens; absent when unknown."`
	CreatedAt     time.Time `json:"created_at"`
}

// PutModel adds a model, or replaces what is known of it.
type PutModel struct {
	Description   string `json:"description,omitempty" yaml:"description" maxLength:"4096"`
	OwnedBy       string `json:"owned_by,omitempty" yaml:"owned_by" maxLength:"128"`
	ContextLength int64  `json:"context_length,omitempty" yaml:"context_length" minimum:"0"`
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
		id: "put-model", method: http.MethodPut, path: "/models/{model}", tag: tag,
		summary: "Add a model or replace what is known of it", roles: owners(),
	}, s.putModel)
	registerEmpty(s, route{
		id: "delete-model", method: http.MethodDelete, path: "/models/{model}", tag: tag,
		summary: "Take a model off sale; its prices and its usage stay", roles: owners(),
	}, s.deleteModel)
}

// inModel is a request about one model.
type inModel struct {
	Model string `path:"model" maxLength:"128"`
}

func (s *Server) listModels(ctx context.Context, _ *caller, in *Paging) (Page[Model], error) {
	models, err := s.opt.Catalogue.Models(ctx)
	if err != nil {
		return Page[Model]{}, err
	}
	all := make([]Model, len(models))
	for i, m := range models {
		all[i] = Model(*m)
	}
	return paged(all, func(m Model) string { return m.Name }, *in), nil
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
		return s.opt.Catalogue.PutModel(ctx, m)
	})
	if err != nil {
		return Model{}, err
	}
	return Model(*m), nil
}

func (s *Server) deleteModel(ctx context.Context, _ *caller, in *inModel) error {
	return s.change(ctx, func(ctx context.Context) error { return s.opt.Catalogue.DeleteModel(ctx, in.Model) })
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
	return &sluice.Model{Name: name, Description: in.Description, OwnedBy: in.OwnedBy, ContextLength: in.ContextLength, CreatedAt: s.opt.Now().UTC()}, nil
}

func modelName(m *sluice.Model) string { return m.Name }
