package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice"
	"sluice/api"
	"sluice/fleet/folder"
	"sluice/fleet/process"
	"sluice/fleet/shelf"
	"sluice/infer"
	"sluice/infer/box"
	"sluice/money/price"
)

// modelsLook is the time between two looks at the folder of models.
const modelsLook = 2 * time.Second

// modelFolder is the folder of models, with what the server makes of its files.
type modelFolder struct {
	*shelf.Shelf

	mu      sync.Mutex
	refused map[string]error // by the names of models: of sound files that are not served
}

// newModelFolder makes the folder, where there is none, and the shelf on it.
func (s *server) newModelFolder() error {
	dir := modelsFolder(s.cfg.Data)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the folder of models: %w", err)
	}
	o := shelf.Options{Folder: folder.Open(dir), Infer: infer.Options{Kernel: s.cfg.Kernel}, Memory: s.cfg.ModelMemory, Available: sparedMemory, Now: clock, Log: s.log}
	if o.Memory == 0 {
		o.Memory, _ = sparedMemory() // where that is not known, there is no bound
	}
	s.models = &modelFolder{Shelf: shelf.New(o)}
	return nil
}

// sparedMemory is nine tenths of the memory that is available.
func sparedMemory() (int64, error) {
	free, _, err := process.AvailableMemory()
	return free / 10 * 9, err
}

// Files lists the files of the folder, those that the server does not serve as refused.
func (f *modelFolder) Files() []shelf.File {
	files := f.Shelf.Files()
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range files {
		if err := f.refused[files[i].Model]; err != nil && files[i].State == shelf.Served {
			files[i].State, files[i].Reason = shelf.Refused, sluice.ErrorOf(err).Message
		}
	}
	return files
}

func (f *modelFolder) refuse(why map[string]error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refused = why
}

// fileEngine is the engine of a file in the folder of models.
func (s *server) fileEngine(e *sluice.Engine) (http.Handler, error) {
	file := strings.TrimPrefix(e.URL, sluice.FilePrefix)
	if file != filepath.Base(file) {
		return nil, sluice.Errorf(sluice.CodeInvalid, "the engine %s names no file of the folder of models", e.Name)
	}
	m := s.models.Model(file)
	s.embedded.Store(e.ID, m)
	return m, nil
}

// followModels keeps the engines of the folder of models what its files are,
// until the function that is returned ends it.
func (s *server) followModels(ctx context.Context, management *api.Server) (stop func()) {
	return background(context.WithoutCancel(ctx), func(ctx context.Context) {
		f := follower{s: s, management: management, told: map[string]string{}, reload: -1}
		look := time.NewTicker(modelsLook)
		defer look.Stop()
		for {
			f.look(ctx)
			select {
			case <-ctx.Done():
				return
			case <-look.C:
			}
		}
	})
}

// follower is what was last made of the folder.
type follower struct {
	s          *server
	management *api.Server
	seen       []shelf.File
	reload     int64             // how often the configuration had been taken up
	told       map[string]string // of each file
}

// look takes up what has changed, in the folder or in the configuration beside it.
func (f *follower) look(ctx context.Context) {
	if err := f.s.models.Look(); err != nil {
		f.tell("", "the folder of models cannot be read", "error", err)
		return
	}
	files, reload := f.s.models.Shelf.Files(), f.s.reloads.Load()
	same := func(a, b shelf.File) bool {
		return a.Name == b.Name && a.State == b.State && a.Reason == b.Reason && (a.Facts == b.Facts || a.Facts != nil && b.Facts != nil && *a.Facts == *b.Facts)
	}
	if reload != f.reload || !slices.EqualFunc(files, f.seen, same) {
		found := slices.DeleteFunc(slices.Clone(files), func(file shelf.File) bool { return file.State == shelf.Refused })
		refused, err := f.management.SyncModels(ctx, found, f.s.demoPrices)
		if err == nil {
			f.s.models.refuse(refused)
			err = f.report(ctx, f.s.models.Files())
		}
		if err != nil {
			f.tell("", "the folder of models cannot be taken up", "error", err)
			return
		}
		f.seen, f.reload = files, reload
	}
	f.tell("", "")
}

// report logs what became of each file, once.
func (f *follower) report(ctx context.Context, files []shelf.File) error {
	books, err := f.s.store.Books(ctx)
	if err != nil {
		return err
	}
	there := map[string]bool{"": true}
	for _, file := range files {
		there[file.Name] = true
		switch {
		case file.State == shelf.Refused:
			f.tell(file.Name, "a file in the folder of models cannot be served", "file", file.Name, "reason", file.Reason)
		case file.State == shelf.Served && !pricedNow(books, file.Model):
			f.tell(file.Name, "a model of the folder has no price, and no call of it is taken", "model", file.Model, "file", file.Name, "next", priceIt(file.Model))
		case file.State == shelf.Served:
			f.tell(file.Name, "a model of the folder is served", "model", file.Model, "file", file.Name, "description", shelf.Describe(file.Facts))
		}
	}
	for name := range f.told {
		if !there[name] {
			f.tell(name, "a file is gone from the folder of models", "file", name)
			delete(f.told, name)
		}
	}
	return nil
}

// tell logs something about a file unless it was told last; an empty message is
// that there is nothing to tell.
func (f *follower) tell(file, message string, args ...any) {
	text := message + fmt.Sprint(args...)
	if f.told[file] == text {
		return
	}
	if f.told[file] = text; message != "" {
		f.s.log.Info(message, args...) //nolint:sloglint // each caller's is a constant
	}
}

// pricedNow reports whether a model has a price now, in any currency.
func pricedNow(books []*price.Book, model string) bool {
	now := clock()
	return slices.ContainsFunc(books, func(b *price.Book) bool {
		return price.InForce(books, b.Currency, now) == b && slices.Contains(b.Models(), model)
	})
}

// demoPrices is a book that prices new models of the folder as the model in the
// box is priced for the trial, for as long as there are no prices but those; nil
// otherwise: it is the operator who sets prices.
func (s *server) demoPrices(ctx context.Context, models []string) (*price.Book, error) {
	books, err := s.store.Books(ctx)
	if err != nil {
		return nil, err
	}
	now := clock()
	book := price.InForce(books, "USD", now)
	if book == nil {
		return nil, nil
	}
	theirs := func(b *price.Book) bool { return b.Currency != book.Currency || b.EffectiveAt.After(now) }
	if slices.ContainsFunc(books, theirs) {
		return nil, nil
	}
	priced := book.Models()
	if demo, err := demoBook(priced...); err != nil || !slices.Equal(demo.Rules(), book.Rules()) || !slices.Contains(priced, box.Name) {
		return nil, err
	}
	missing := slices.DeleteFunc(slices.Clone(models), func(m string) bool { return slices.Contains(priced, m) })
	if len(missing) == 0 {
		return nil, nil
	}
	return demoBook(append(priced, missing...)...)
}
