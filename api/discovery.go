package api

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"sluice"
)

// SyncEngines makes the engines of an origin those that were found: new ones are
// added with their models, changed ones changed, others removed, one after the
// other. An engine that an operator has put under the same name stays the
// operator's, and one that is refused does not keep the others out: refused tells of
// all such, err why nothing could be changed.
func (s *Server) SyncEngines(ctx context.Context, origin string, found []sluice.Engine) (refused []error, err error) {
	sound, refused := s.checkFound(origin, found)
	stored, err := s.opt.Catalogue.Engines(ctx)
	if err != nil {
		return nil, err
	}
	if put, gone := drift(origin, stored, sound); len(put)+len(gone) == 0 {
		return refused, nil
	}
	err = s.change(ctx, func(ctx context.Context) error {
		stored, err := s.opt.Catalogue.Engines(ctx)
		if err != nil {
			return err
		}
		put, gone := drift(origin, stored, sound)
		for _, e := range put {
			if err := s.putFound(ctx, e, stored); err != nil {
				refused = append(refused, fmt.Errorf("the engine %q: %w", e.Name, err))
			}
		}
		for _, name := range gone {
			if err := s.opt.Catalogue.DeleteEngine(ctx, name); err != nil {
				return err
			}
		}
		return nil
	})
	return refused, err
}

// checkFound returns the engines that can be one, and why others cannot.
func (s *Server) checkFound(origin string, found []sluice.Engine) (sound []*sluice.Engine, refused []error) {
	for _, e := range found {
		e.Origin = origin
		err := checkEngine(&e)
		for public := range e.Models {
			if _, wrong := s.draftModel(public, &PutModel{}); err == nil {
				err = wrong
			}
		}
		if err != nil {
			refused = append(refused, fmt.Errorf("the engine %q: %w", e.Name, err))
			continue
		}
		sound = append(sound, &e)
	}
	return sound, refused
}

// drift returns the found engines that are not stored as they were found, and
// the names of those of the origin that were not.
func drift(origin string, stored, found []*sluice.Engine) (put []*sluice.Engine, gone []string) {
	there := map[string]*sluice.Engine{}
	for _, e := range stored {
		if e.Origin == origin {
			there[e.Name] = e
		}
	}
	for _, e := range found {
		if old := there[e.Name]; old == nil || old.URL != e.URL || !maps.Equal(old.Models, e.Models) || old.Driver != e.Driver ||
			old.OnLeave != e.OnLeave || old.Concurrent != e.Concurrent {
			put = append(put, e)
		}
		delete(there, e.Name)
	}
	return put, slices.Sorted(maps.Keys(there))
}

// putFound stores an engine that was found.
func (s *Server) putFound(ctx context.Context, e *sluice.Engine, stored []*sluice.Engine) error {
	now := s.opt.Now().UTC()
	e.ID, e.CreatedAt = sluice.NewID(sluice.PrefixEngine, now), now
	old, _ := find(stored, "engine", e.Name, engineName) // nil for a new one
	if old != nil {
		if old.Origin != e.Origin {
			return sluice.Errorf(sluice.CodeConflict, "An engine of an operator has that name: remove it, and this one takes its place.")
		}
		e.ID, e.CreatedAt = old.ID, old.CreatedAt
	}
	_, err := s.storeEngine(ctx, e, old)
	return err
}

// ownEngine checks that an engine is one that operators change: others come and
// go with what they were found by.
func ownEngine(e *sluice.Engine) error {
	if e == nil || e.Origin == "" {
		return nil
	}
	by := "its pod: change what its pod says, or scale its workload"
	if e.Origin == sluice.OriginModels {
		by = "its file in the folder of models: remove or rename the file"
	}
	return sluice.Errorf(sluice.CodeConflict, "The engine %q was found in %s and comes and goes with %s.", e.Name, e.Origin, by)
}
