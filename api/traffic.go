package api

import (
	"context"
	"fmt"

	"sluice"
)

// checkTraffic makes sure that versions, fallbacks and shadows lead to models
// that are there, once some of the models are replaced or added, and none in a
// circle. others are names of models that will be there besides. Errors: CodeInvalid.
func (s *Server) checkTraffic(ctx context.Context, models, changed []*sluice.Model, others ...string) error {
	known := map[string]*sluice.Model{}
	for _, name := range others {
		known[name] = &sluice.Model{Name: name}
	}
	for _, m := range models {
		known[m.Name] = m
	}
	for _, m := range changed {
		known[m.Name] = m
	}
	for _, m := range known {
		if err := checkVersions(m, known); err != nil {
			return err
		}
		if err := checkFallbacks(m, known); err != nil {
			return err
		}
	}
	for _, m := range changed {
		if err := s.checkShadow(ctx, m, known); err != nil {
			return err
		}
	}
	return nil
}

func checkVersions(m *sluice.Model, known map[string]*sluice.Model) error {
	seen := map[string]bool{}
	for _, v := range m.Versions {
		if err := checkTarget("versions", m, v.Model, known, seen); err != nil {
			return err
		}
		if v.Weight < 0 || v.Weight > 1_000_000 {
			return &sluice.Error{Code: sluice.CodeInvalid, Param: "versions", Message: fmt.Sprintf("The weight of %q must be between 0 and 1,000,000.", v.Model)}
		}
	}
	if len(m.Versions) > 0 && m.Version(0) == "" {
		return &sluice.Error{Code: sluice.CodeInvalid, Param: "versions", Message: fmt.Sprintf("No version of %q has a weight.", m.Name)}
	}
	return nil
}

func checkFallbacks(m *sluice.Model, known map[string]*sluice.Model) error {
	seen := map[string]bool{}
	for _, f := range m.Fallbacks {
		if err := checkTarget("fallbacks", m, f, known, seen); err != nil {
			return err
		}
	}
	return nil
}

// checkTarget checks a model that another one's calls may go to. It must not
// stand for further ones, so that calls cannot go in circles.
func checkTarget(param string, m *sluice.Model, target string, known map[string]*sluice.Model, seen map[string]bool) error {
	invalid := func(format string, args ...any) error {
		return &sluice.Error{Code: sluice.CodeInvalid, Param: param, Message: fmt.Sprintf(format, args...)}
	}
	to := known[target]
	switch {
	case to == nil:
		return invalid("The model %q names %q, which is no model: add it first, by its name and not by an alias.", m.Name, target)
	case to == m:
		return invalid("The model %q names itself.", m.Name)
	case seen[target]:
		return invalid("The model %q names %q twice.", m.Name, target)
	case len(to.Versions) > 0:
		return invalid("The model %q names %q, which stands for other models itself.", m.Name, target)
	}
	seen[target] = true
	return nil
}

func (s *Server) checkShadow(ctx context.Context, m *sluice.Model, known map[string]*sluice.Model) error {
	if m.Shadow == nil {
		return nil
	}
	if err := checkTarget("shadow", m, m.Shadow.Model, known, map[string]bool{}); err != nil {
		return err
	}
	if m.Shadow.Part < 1 || m.Shadow.Part > 1000 {
		return &sluice.Error{Code: sluice.CodeInvalid, Param: "shadow", Message: "A shadow gets between 1 and 1000 of a thousand calls."}
	}
	keys, err := s.opt.Keys.Keys(ctx)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.ID == m.Shadow.Key && k.Org != "" {
			return nil
		}
	}
	return &sluice.Error{Code: sluice.CodeInvalid, Param: "shadow", Message: fmt.Sprintf("%q is no id of an organisation's API key: shadow calls are metered and billed, and somebody must pay.", m.Shadow.Key)}
}

// checkUnnamed makes sure that no other model leads to one that is to go. Errors: CodeConflict.
func checkUnnamed(models []*sluice.Model, name string) error {
	for _, m := range models {
		named := m.Shadow != nil && m.Shadow.Model == name
		for _, f := range m.Fallbacks {
			named = named || f == name
		}
		for _, v := range m.Versions {
			named = named || v.Model == name
		}
		if named && m.Name != name {
			return sluice.Errorf(sluice.CodeConflict, "Calls of the model %q go to %q: change that first.", m.Name, name)
		}
	}
	return nil
}
