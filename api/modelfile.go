package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"sluice"
	"sluice/fleet/folder"
	"sluice/fleet/shelf"
	"sluice/money/price"
)

// ModelFolder is the server's folder of models.
type ModelFolder interface {
	// Files lists the files of the folder, in order of their models' names.
	Files() []shelf.File
}

// ModelFile is a file in the server's folder of models.
type ModelFile struct {
	File          string         `json:"file" example:"qwen3-0.6b.gguf"`
	Model         string         `json:"model" example:"qwen3-0.6b" doc:"The name under which it is served."`
	Size          int64          `json:"size" doc:"In bytes."`
	State         shelf.State    `json:"state" enum:"changing,served,refused" doc:"changing while it is being written; refused where it cannot be served, which reason explains."`
	Reason        string         `json:"reason,omitempty" doc:"Why it is refused, or what is wrong with it otherwise."`
	Name          string         `json:"name,omitempty" doc:"What the file calls its model."`
	Architecture  string         `json:"architecture,omitempty" example:"qwen3"`
	Format        string         `json:"format,omitempty" example:"Q8_0" doc:"Of most of its weights."`
	Parameters    int64          `json:"parameters,omitempty"`
	ContextLength int64          `json:"context_length,omitempty" doc:"Tokens of prompt and answer, as the file says; fewer where memory is short."`
	Embeddings    bool           `json:"embeddings,omitempty" doc:"It gives embeddings, and no answers."`
	Origin        *folder.Origin `json:"origin,omitempty" doc:"Where it was pulled or imported from; absent: it was put there by hand."`
	Priced        bool           `json:"priced" doc:"A price book in force has prices for the model. Without them no call of it is taken."`
	Loaded        bool           `json:"loaded" doc:"It is in memory: a model is loaded when it is first asked."`
	Memory        int64          `json:"memory,omitempty" doc:"Bytes that it takes while it is loaded."`
}

func (s *Server) registerModelFiles() {
	register(s, route{
		id: "list-model-files", method: http.MethodGet, path: "/model-files", tag: "models",
		summary: "List the files in the server's folder of models, and why some are not served", roles: operators(),
	}, s.listModelFiles)
}

func (s *Server) listModelFiles(ctx context.Context, _ *caller, in *Paging) (Page[ModelFile], error) {
	var all []ModelFile
	if s.opt.ModelFolder != nil {
		books, err := s.opt.Prices.Books(ctx)
		if err != nil {
			return Page[ModelFile]{}, err
		}
		priced := s.priced(books)
		for _, f := range s.opt.ModelFolder.Files() {
			all = append(all, modelFile(&f, priced[f.Model]))
		}
	}
	return paged(all, func(f ModelFile) string { return f.File }, *in), nil
}

// priced is which models have a price now, in any currency.
func (s *Server) priced(books []*price.Book) map[string]bool {
	now, found := s.opt.Now(), map[string]bool{}
	for _, b := range books {
		if price.InForce(books, b.Currency, now) == b {
			for _, m := range b.Models() {
				found[m] = true
			}
		}
	}
	return found
}

func modelFile(f *shelf.File, priced bool) ModelFile {
	out := ModelFile{File: f.Name, Model: f.Model, Size: f.Size, State: f.State, Reason: f.Reason, Priced: priced, Loaded: f.Loaded, Memory: f.Memory, Origin: f.Origin}
	if facts := f.Facts; facts != nil {
		out.Name, out.Architecture, out.Format, out.Parameters = facts.Name, facts.Architecture, facts.Format, facts.Parameters
		out.ContextLength, out.Embeddings = int64(facts.Context), facts.Embeds
	}
	return out
}

// ownedByFile is who a model that came with a file is said to be owned by.
const ownedByFile = "local"

// SyncModels makes the engines of the origin OriginModels, and the models that
// they bring, those of the files that were found; of one without facts there stays what is
// there. A name that an operator's engine
// serves, or that means another model, stays as it is: refused tells why, by the
// names of models. A model that nobody has changed goes with its file. For new
// ones prices may return a price book to publish, or nil.
func (s *Server) SyncModels(ctx context.Context, found []shelf.File, prices func(ctx context.Context, models []string) (*price.Book, error)) (refused map[string]error, err error) {
	p, err := s.intendModels(ctx, found, prices)
	if err != nil || p.empty() {
		return p.refused, err
	}
	err = s.change(ctx, func(ctx context.Context) error {
		if p, err = s.intendModels(ctx, found, prices); err != nil {
			return err
		}
		return s.carryOutModels(ctx, &p)
	})
	return p.refused, err
}

// folderIntent is what files that were found come to.
type folderIntent struct {
	stored  []*sluice.Engine // before it
	models  []*sluice.Model  // to put
	put     []*sluice.Engine
	gone    []string // engines
	unsold  []string // models
	book    *price.Book
	refused map[string]error
}

func (p *folderIntent) empty() bool {
	return len(p.models)+len(p.put)+len(p.gone)+len(p.unsold) == 0 && p.book == nil
}

func (s *Server) intendModels(ctx context.Context, found []shelf.File, prices func(context.Context, []string) (*price.Book, error)) (p folderIntent, err error) {
	if p.stored, err = s.opt.Catalogue.Engines(ctx); err != nil {
		return p, err
	}
	models, err := s.opt.Catalogue.Models(ctx)
	if err != nil {
		return p, err
	}
	p.refused = map[string]error{}
	var sound []*sluice.Engine
	var names []string
	for _, f := range found {
		if f.Facts == nil { // it is being written: what there is stays
			if old, err := find(p.stored, "engine", f.Model, engineName); err == nil && old.Origin == sluice.OriginModels {
				sound = append(sound, old)
			}
			continue
		}
		e := &sluice.Engine{
			Name: f.Model, Kind: sluice.EngineEmbedded, URL: sluice.FilePrefix + f.Name, Origin: sluice.OriginModels,
			Models: map[string]string{f.Model: f.Model}, OnLeave: sluice.LeaveCancel,
		}
		if err := nameTaken(e, p.stored, models); err != nil {
			p.refused[f.Model] = err
			continue
		}
		sound, names = append(sound, e), append(names, f.Model)
		if m := s.modelOfFile(&f, p.stored, models); m != nil {
			p.models = append(p.models, m)
		}
	}
	p.put, p.gone = drift(sluice.OriginModels, p.stored, sound)
	for _, name := range p.gone {
		if m, err := find(models, "model", name, modelName); err == nil && leavesWithFile(m, p.stored, models) {
			p.unsold = append(p.unsold, name)
		}
	}
	p.book, err = prices(ctx, names)
	return p, err
}

// nameTaken says why an engine of a file cannot have its name; nil when it can.
func nameTaken(e *sluice.Engine, stored []*sluice.Engine, models []*sluice.Model) error {
	for _, other := range stored {
		if other.Origin == e.Origin {
			continue
		}
		if other.Name == e.Name || other.Models[e.Name] != "" {
			return sluice.Errorf(sluice.CodeConflict, "the engine %s has that name, or serves a model of it: rename the file, or remove the engine", other.Name)
		}
	}
	for _, m := range models {
		if m.Name == e.Name && len(m.Versions) > 0 || slices.Contains(m.Aliases, e.Name) {
			return sluice.Errorf(sluice.CodeConflict, "the name means other models, by the model %s: rename the file", m.Name)
		}
	}
	return nil
}

// modelOfFile is the model to put for a file: a new one with a new engine, or
// one that came with the file and says something else by now; otherwise nil.
func (s *Server) modelOfFile(f *shelf.File, stored []*sluice.Engine, models []*sluice.Model) *sluice.Model {
	m := &sluice.Model{Name: f.Model, Description: shelf.Describe(f.Facts), OwnedBy: ownedByFile, ContextLength: int64(f.Facts.Context), CreatedAt: s.opt.Now().UTC()}
	old, err := find(models, "model", f.Model, modelName)
	if err != nil {
		if _, err := find(stored, "engine", f.Model, engineName); err == nil {
			return nil // it was taken off sale
		}
		return m
	}
	if !cameWithFile(old) || old.Description == m.Description && old.ContextLength == m.ContextLength {
		return nil
	}
	m.CreatedAt = old.CreatedAt
	return m
}

// cameWithFile reports whether a model came with a file and nobody has changed it.
func cameWithFile(m *sluice.Model) bool {
	return m.OwnedBy == ownedByFile && len(m.Aliases)+len(m.Versions)+len(m.Fallbacks) == 0 && m.Shadow == nil && !m.Hidden
}

// leavesWithFile reports whether a model goes with the file that it came with.
func leavesWithFile(m *sluice.Model, stored []*sluice.Engine, models []*sluice.Model) bool {
	served := slices.ContainsFunc(stored, func(e *sluice.Engine) bool { return e.Origin != sluice.OriginModels && e.Models[m.Name] != "" })
	return cameWithFile(m) && !served && checkUnnamed(models, m.Name) == nil
}

// carryOutModels writes what files come to: prices first, so that nothing is
// there without one that could have it.
func (s *Server) carryOutModels(ctx context.Context, p *folderIntent) error {
	if p.book != nil {
		if err := s.opt.Prices.PublishBook(ctx, p.book); err != nil {
			return err
		}
	}
	for _, m := range p.models {
		if err := s.opt.Catalogue.PutModel(ctx, m); err != nil {
			return err
		}
	}
	for _, e := range p.put {
		if err := s.putFound(ctx, e, p.stored); err != nil {
			p.refused[e.Name] = fmt.Errorf("its engine is refused: %w", err)
		}
	}
	for _, name := range p.gone {
		if err := s.opt.Catalogue.DeleteEngine(ctx, name); err != nil {
			return err
		}
	}
	for _, name := range p.unsold {
		if err := s.opt.Catalogue.DeleteModel(ctx, name); err != nil {
			return err
		}
	}
	return nil
}
