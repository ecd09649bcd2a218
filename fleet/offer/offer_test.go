package offer

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice"
)

// stand makes folders of stand-in programs, of which none is ever to run, and
// returns them as $PATH has them.
func stand(t *testing.T, programs ...string) (dir, path string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range programs {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\ntouch "+filepath.Join(dir, "started")+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if _, err := os.Stat(filepath.Join(dir, "started")); err == nil {
			t.Error("a program was started unasked")
		}
	})
	return dir, strings.Join([]string{"", ".", filepath.Join(dir, "none"), dir}, string(os.PathListSeparator))
}

// nobody is an Ollama that does not listen.
const nobody = "http://127.0.0.1:1"

func engine(e sluice.Engine) []*sluice.Engine { return []*sluice.Engine{&e} }

func TestPrograms(t *testing.T) {
	dir, path := stand(t, "llama-server", "ollama")
	_, empty := stand(t)
	llama, ollama := filepath.Join(dir, "llama-server"), filepath.Join(dir, "ollama")
	serve := "sluice engine add ollama --model NAME -- " + ollama + " serve"
	files := []Model{{"a", "/data/models/a.gguf"}, {"b", "/data/my models/b.gguf"}}
	for name, c := range map[string]struct {
		o    Options
		want []string
	}{
		"nothing there":  {Options{Path: empty}, nil},
		"without a file": {Options{Path: path}, []string{"sluice engine add NAME --model NAME -- " + llama + " --model FILE.gguf", serve}},
		"with files": {Options{Path: path, Models: files}, []string{
			"sluice engine add a-llamacpp --model a -- " + llama + " --model /data/models/a.gguf",
			"sluice engine add b-llamacpp --model b -- " + llama + " --model /data/my models/b.gguf", serve,
		}},
		"one is served": {
			Options{Path: path, Models: files, Engines: engine(sluice.Engine{Kind: sluice.EngineProcess, Process: &sluice.Process{Command: []string{llama, "--model", "x"}}, Models: map[string]string{"a": "a"}})},
			[]string{"sluice engine add b-llamacpp --model b -- " + llama + " --model /data/my models/b.gguf", serve},
		},
		"by its file": {
			Options{Path: path, Models: files[:1], Engines: engine(sluice.Engine{Kind: sluice.EngineEmbedded, Origin: sluice.OriginModels, Models: map[string]string{"a": "a"}})},
			[]string{"sluice engine add a-llamacpp --model a -- " + llama + " --model /data/models/a.gguf", serve},
		},
		"all are served": {
			Options{Path: path, Models: files[:1], Engines: engine(sluice.Engine{Kind: sluice.EngineProcess, Process: &sluice.Process{Command: []string{llama}}, Models: map[string]string{"a": "a"}})},
			[]string{serve},
		},
		"ollama is run": {
			Options{Path: path, Engines: engine(sluice.Engine{Kind: sluice.EngineProcess, Process: &sluice.Process{Command: []string{"ollama", "serve"}}})},
			[]string{"sluice engine add NAME --model NAME -- " + llama + " --model FILE.gguf"},
		},
	} {
		c.o.Ollama = nobody
		var got []string
		for _, of := range Find(t.Context(), c.o) {
			for _, words := range of.Commands {
				got = append(got, strings.Join(words, " "))
			}
			if of.Program != llama && of.Program != ollama || of.URL != "" || of.Title == "" {
				t.Errorf("%s: %+v", name, of)
			}
		}
		if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
	for _, name := range []string{"llama-server", "ollama"} { // what cannot be run is no program
		if err := os.Chmod(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := Find(t.Context(), Options{Path: path, Ollama: nobody}); got != nil {
		t.Errorf("files that are no programs: %+v", got)
	}
}

func TestRunningOllama(t *testing.T) {
	tags := `{"models":[{"name":"llama3.2:latest"},{"name":"qwen3:0.6b"},{"name":"bad name"},{"name":"b=c"}]}`
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/version":
			_, _ = io.WriteString(w, `{"version":"0.14.0"}`)
		case "/api/tags":
			_, _ = io.WriteString(w, tags)
		default:
			t.Errorf("it is asked for %s", r.URL.Path)
		}
	}))
	defer s.Close()
	find := func(engines []*sluice.Engine) []Offer {
		return Find(t.Context(), Options{Ollama: s.URL, Engines: engines})
	}
	got := find(nil)
	if len(got) != 1 || got[0].Version != "0.14.0" || got[0].URL != s.URL || got[0].Program != "" ||
		strings.Join(got[0].Commands[0], " ") != "sluice engine add ollama --url "+s.URL+" --driver ollama --model llama3.2=llama3.2:latest --model qwen3:0.6b" {
		t.Errorf("%+v", got)
	}
	if got := find(engine(sluice.Engine{Kind: sluice.EngineHTTP, URL: strings.Replace(s.URL, "127.0.0.1", "localhost", 1) + "/"})); got != nil {
		t.Errorf("attached already: %+v", got)
	}
	tags = `no JSON`
	if got := find(nil); len(got) != 1 || !strings.HasSuffix(strings.Join(got[0].Commands[0], " "), "--model NAME") {
		t.Errorf("without models: %+v", got)
	}
}

// TestSomethingElseListens: what is at Ollama's port and is none is not offered, and does not keep the server.
func TestSomethingElseListens(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"a page":  func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"nothing": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) },
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://192.0.2.1/", http.StatusFound)
		},
		"no answer":  func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"no version": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"version":""}`) },
	} {
		s := httptest.NewServer(h)
		if got := Find(t.Context(), Options{Ollama: s.URL}); got != nil {
			t.Errorf("%s: %+v", name, got)
		}
		s.Close()
	}
}
