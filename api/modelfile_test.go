package api_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
	"sluice/fleet/shelf"
	"sluice/infer"
	rates "sluice/money/price"
)

// dropped is a file of the folder that can be served.
func dropped(name string) shelf.File {
	return shelf.File{Model: name, Name: name + ".gguf", State: shelf.Served, Facts: &infer.Facts{Architecture: "qwen3", Format: "Q8_0", Parameters: 6e8, Context: 4096}}
}

// TestSyncModels: files are engines and models while they are there; what an
// operator has is left alone, and what an operator has changed stays.
func TestSyncModels(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	var asked []string
	prices := func(_ context.Context, models []string) (*rates.Book, error) { asked = models; return nil, nil }
	sync := func(found ...shelf.File) map[string]error {
		refused, err := w.API.SyncModels(ctx, found, prices)
		if err != nil {
			t.Fatal(err)
		}
		return refused
	}
	there := func() string {
		engines, err := w.Local.Engines(ctx, api.Paging{})
		if err != nil {
			t.Fatal(err)
		}
		models, err := w.Local.Models(ctx, api.Paging{})
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, e := range engines.Data {
			all = append(all, strings.Join([]string{e.Name, string(e.Kind), e.Origin, e.URL, fmt.Sprint(slices.Sorted(maps.Keys(e.Models)))}, " "))
		}
		for _, m := range models.Data {
			all = append(all, fmt.Sprint(m.Name, " ", m.OwnedBy, " ", m.ContextLength))
		}
		return strings.Join(all, "\n")
	}
	check := func(when, want string) {
		t.Helper()
		if got := there(); got != want {
			t.Errorf("%s there are\n%s\nwant\n%s", when, got, want)
		}
	}
	put := func(name string, in api.PutEngine) {
		t.Helper()
		if _, err := w.Local.PutEngine(ctx, name, in); err != nil {
			t.Fatal(err)
		}
	}
	put("own", api.PutEngine{URL: "http://127.0.0.1:1", Models: map[string]string{"taken": ""}})

	// One is new; of others the names are taken, by a model, an engine and an alias.
	if _, err := w.Local.PutModel(ctx, "taken", api.PutModel{Aliases: []string{"other"}}); err != nil {
		t.Fatal(err)
	}
	refused := sync(dropped("a"), dropped("taken"), dropped("own"), dropped("other"), shelf.File{Model: "growing", Name: "growing.gguf", State: shelf.Changing})
	if len(refused) != 3 || refused["taken"] == nil || refused["own"] == nil || refused["other"] == nil || !slices.Equal(asked, []string{"a"}) {
		t.Errorf("refused are %v; prices are asked for %v", refused, asked)
	}
	check("with a file", "a embedded models gguf:a.gguf [a]\nown http  http://127.0.0.1:1/ [taken]\na local 4096\ntaken  0")
	before, err := w.Local.Engine(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}

	// Nothing has changed, one is being replaced, one is another by now: the engine is the same.
	reloads := w.Reloads.Load()
	sync(dropped("a"))
	sync(shelf.File{Model: "a", Name: "a.gguf", State: shelf.Changing})
	if w.Reloads.Load() != reloads {
		t.Error("what was found already is taken up once more")
	}
	longer := dropped("a")
	longer.Facts.Context = 8192
	sync(longer)
	check("with a longer context", "a embedded models gguf:a.gguf [a]\nown http  http://127.0.0.1:1/ [taken]\na local 8192\ntaken  0")
	if after, err := w.Local.Engine(ctx, "a"); err != nil || after.ID != before.ID {
		t.Errorf("the engine has the id %s, it had %s (%v)", after.ID, before.ID, err)
	}

	// It is not an operator's to change, and goes before an operator's for the same model.
	if _, err := w.Local.PutEngine(ctx, "a", api.PutEngine{URL: "http://127.0.0.1:1", Models: map[string]string{"a": ""}}); sluice.CodeOf(err) != sluice.CodeConflict || !strings.Contains(err.Error(), "file") {
		t.Errorf("changing it: %v", err)
	}
	put("faster", api.PutEngine{URL: "http://127.0.0.1:2", Models: map[string]string{"a": ""}})
	if refused := sync(longer); refused["a"] == nil || !strings.Contains(refused["a"].Error(), "faster") {
		t.Errorf("refused are %v", refused)
	}
	check("beside an operator's", "faster http  http://127.0.0.1:2/ [a]\nown http  http://127.0.0.1:1/ [taken]\na local 8192\ntaken  0")
	if err := w.Local.DeleteEngine(ctx, "faster"); err != nil {
		t.Fatal(err)
	}

	// A model that was taken off sale stays off; one that was changed stays when its file goes.
	sync(longer, dropped("b"))
	if err := w.Local.DeleteModel(ctx, "b"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Local.PutModel(ctx, "a", api.PutModel{Description: "ours"}); err != nil {
		t.Fatal(err)
	}
	sync(longer, dropped("b"), dropped("c"))
	check("off sale", "a embedded models gguf:a.gguf [a]\nb embedded models gguf:b.gguf [b]\nc embedded models gguf:c.gguf [c]\nown http  http://127.0.0.1:1/ [taken]\na  0\nc local 4096\ntaken  0")
	sync()
	check("without files", "own http  http://127.0.0.1:1/ [taken]\na  0\ntaken  0")
}

// TestEmbeddedURL: nobody names a file by way of the API.
func TestEmbeddedURL(t *testing.T) {
	w := apitest.New(t)
	_, err := w.Local.PutEngine(t.Context(), "a", api.PutEngine{Kind: sluice.EngineEmbedded, URL: "gguf:a.gguf", Models: map[string]string{"a": ""}})
	if sluice.CodeOf(err) != sluice.CodeInvalid {
		t.Errorf("%v", err)
	}
}
