package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// modelFile is what `sluice model files` says of a file.
type modelFile struct {
	Model, File, State, Reason string
	Priced, Loaded             bool
}

// foundEngine is what `sluice engine list` says of an engine.
type foundEngine struct{ ID, Name, Origin string }

// TestDroppedFile drops a GGUF file into a running server's folder: it answers,
// and is billed, without a word from anybody; also after a restart, by the same
// engine. When it is gone the model is as well.
func TestDroppedFile(t *testing.T) {
	s := start(t, t.TempDir())
	gguf, err := os.ReadFile("../infer/box/tiny-chat-q8_0.gguf")
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(s.data, "models")
	put := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("Pocket.gguf", gguf)
	put("cut.gguf", gguf[:len(gguf)/2])
	put("mamba.gguf", []byte(strings.ReplaceAll(string(gguf), "qwen3", "mamba")))
	put("noise.gguf", []byte("this is no model"))
	put("empty.gguf", nil)
	put("growing.gguf.part", gguf)
	if err := os.Mkdir(filepath.Join(folder, "folder.gguf"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", filepath.Join(folder, "device.gguf")); err != nil {
		t.Fatal(err)
	}
	// until waits for the folder to be as it should.
	until := func(what string, is func(map[string]modelFile) bool) {
		t.Helper()
		var files map[string]modelFile
		for limit := time.Now().Add(time.Minute); time.Now().Before(limit); time.Sleep(200 * time.Millisecond) {
			files = map[string]modelFile{}
			for _, f := range list[modelFile](t, s, "model", "files") {
				files[f.File] = f
			}
			if is(files) {
				return
			}
		}
		t.Fatalf("%s: the folder is still %+v", what, files)
	}
	ask := func(want int) reply {
		t.Helper()
		r := s.post(t, "/v1/chat/completions", s.ready.TrialKey, fmt.Sprintf(question, "pocket"))
		if r.status != want {
			t.Errorf("status %d, want %d: %s", r.status, want, r.body)
		}
		return r
	}
	engine := func() (found foundEngine) {
		t.Helper()
		for _, e := range list[foundEngine](t, s, "engine", "list") {
			if e.Name == "pocket" {
				found = e
			}
		}
		return found
	}

	ask(http.StatusNotFound)
	until("a model and what is none", func(files map[string]modelFile) bool {
		refused := 0
		for _, f := range files {
			if f.State == "refused" && f.Reason != "" {
				refused++
			}
		}
		f := files["Pocket.gguf"]
		return len(files) == 7 && refused == 6 && f.Model == "pocket" && f.State == "served" && f.Priced && engine().ID != ""
	})
	ask(http.StatusOK)
	calls := list[usage](t, s, "usage")
	demo := tariff{input: 100_000, cached: 10_000, output: 400_000}
	if len(calls) != 1 || calls[0].Status != "completed" || calls[0].Simulated || calls[0].Estimated || calls[0].Charge == 0 || calls[0].Charge != demo.charge(calls[0].Tokens) {
		t.Fatalf("usage shows %+v, want one call at the prices of the trial", calls)
	}
	s.checkBooked(t, calls[0])
	before := engine()
	if before.Origin != "models" {
		t.Errorf("the engine is %+v", before)
	}

	s.stop(t)
	s.restart(t)
	ask(http.StatusOK)
	if after := engine(); after != before {
		t.Errorf("after a restart the engine is %+v, it was %+v", after, before)
	}

	// Once the operator has set prices, those of new files are the operator's to set.
	s.run(t, "model", "price", "pocket", "--input", "1", "--output", "2")
	put("later.gguf", gguf)
	until("a model without a price", func(files map[string]modelFile) bool { return files["later.gguf"].State == "served" })
	if r := s.post(t, "/v1/chat/completions", s.ready.TrialKey, fmt.Sprintf(question, "later")); r.status != http.StatusNotFound || !strings.Contains(string(r.body), "price") {
		t.Errorf("without a price: %d %s", r.status, r.body)
	}
	if !strings.Contains(s.log.String(), "sluice model price later --input") {
		t.Error("nobody is told how to price it")
	}

	if err := os.Remove(filepath.Join(folder, "Pocket.gguf")); err != nil {
		t.Fatal(err)
	}
	until("a file that is gone", func(map[string]modelFile) bool { return engine().ID == "" })
	ask(http.StatusNotFound)
	s.verify(t)
}
