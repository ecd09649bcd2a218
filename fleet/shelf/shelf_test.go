package shelf

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/fleet/folder"
	"sluice/infer"
	"sluice/infer/box"
)

// bench is a shelf on a folder of its own, with a clock that the test sets.
type bench struct {
	*Shelf
	t   *testing.T
	dir string
	now time.Time
}

// newBench returns one; models may take so much memory, zero is any.
func newBench(t *testing.T, memory int64) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir(), now: time.Now().Add(time.Hour)} // what is written now is settled
	b.Shelf = New(Options{
		Folder: folder.Open(b.dir), Infer: infer.Options{Threads: 1, Slots: 2, Cache: 8 << 20}, Memory: memory,
		Now: func() time.Time { return b.now },
	})
	return b
}

func (b *bench) write(name string, data []byte) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), data, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// look looks at the folder and returns its files by their names.
func (b *bench) look() map[string]File {
	b.t.Helper()
	if err := b.Look(); err != nil {
		b.t.Fatal(err)
	}
	files := map[string]File{}
	for _, f := range b.Files() {
		files[f.Name] = f
	}
	return files
}

// ask asks a model and returns the status, the answer or error, and the tokens of the answer.
func ask(h http.Handler, model string) (status int, text string, tokens int64) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/v1/chat/completions", strings.NewReader(fmt.Sprintf(`{"model":%q,"max_tokens":4,"messages":[{"role":"user","content":"Who are you?"}]}`, model))))
	var body struct {
		Choices []struct{ Message struct{ Content string } }
		Usage   struct {
			Completion int64 `json:"completion_tokens"`
		}
		Error struct{ Message string }
	}
	_ = json.Unmarshal(w.Body.Bytes(), &body)
	if len(body.Choices) > 0 {
		return w.Code, body.Choices[0].Message.Content, body.Usage.Completion
	}
	return w.Code, body.Error.Message, 0
}

func get(h http.Handler, path string) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w.Code, w.Body.String()
}

// TestAFile drops a model in, asks it, puts another in its place and removes it.
func TestAFile(t *testing.T) {
	b := newBench(t, 0)
	m := b.Model("Pocket.gguf")
	t.Cleanup(func() { _ = m.Close() })
	b.write("Pocket.gguf", box.File())
	f := b.look()["Pocket.gguf"]
	if f.State != Served || f.Model != "pocket" || f.Loaded || f.Facts == nil || f.Facts.Architecture != "qwen3" || f.Size != int64(len(box.File())) {
		t.Fatalf("%+v", f)
	}
	if code, text := get(m, "/metrics"); code != 200 || !strings.Contains(text, "\nsluice_engine_completion_tokens_total 0\n") || b.look()["Pocket.gguf"].Loaded {
		t.Errorf("its metrics load it: %d %s", code, text)
	}
	status, first, tokens := ask(m, "pocket")
	if status != 200 || tokens != 4 || m.Counted().Completion != 4 {
		t.Fatalf("%d %q, %d tokens; counted %+v", status, first, tokens, m.Counted())
	}
	if f := b.look()["Pocket.gguf"]; !f.Loaded || f.Memory < f.Size {
		t.Errorf("%+v", f)
	}

	// Another file in its place: what is loaded goes on until that has settled.
	b.write("Pocket.gguf", append(box.File(), make([]byte, 32)...))
	if f := b.look()["Pocket.gguf"]; f.State != Changing || !f.Loaded {
		t.Errorf("%+v", f)
	}
	if status, again, _ := ask(m, "pocket"); status != 200 || again != first {
		t.Errorf("while it is replaced: %d %q", status, again)
	}
	if f := b.look()["Pocket.gguf"]; f.State != Served || f.Loaded {
		t.Errorf("%+v", f)
	}
	if status, _, _ := ask(m, "pocket"); status != 200 || m.Counted().Completion != 12 {
		t.Errorf("replaced: %d, counted %+v", status, m.Counted())
	}

	if err := os.Remove(filepath.Join(b.dir, "Pocket.gguf")); err != nil {
		t.Fatal(err)
	}
	if files := b.look(); len(files) != 0 {
		t.Errorf("%+v", files)
	}
	if status, text, _ := ask(m, "pocket"); status != 500 || !strings.Contains(text, "gone") {
		t.Errorf("%d %q", status, text)
	}
	if code, _ := get(m, "/health"); code != 500 {
		t.Errorf("/health answers %d", code)
	}
}

// TestGrowingFile: a file that is being written is left alone, also where it is seen for the first time.
func TestGrowingFile(t *testing.T) {
	b := newBench(t, 0)
	m := b.Model("new.gguf")
	t.Cleanup(func() { _ = m.Close() })
	b.now = time.Now()
	b.write("new.gguf.part", box.File())
	for _, size := range []int{100, 1000, len(box.File())} {
		b.write("new.gguf", box.File()[:size])
		if files := b.look(); files["new.gguf"].State != Changing || len(files) != 1 {
			t.Fatalf("at %d bytes: %+v", size, files)
		}
		if status, text, _ := ask(m, "new"); status != 503 || !strings.Contains(text, "being replaced") {
			t.Errorf("at %d bytes: %d %q", size, status, text)
		}
	}
	if f := b.look()["new.gguf"]; f.State != Served {
		t.Errorf("whole: %+v", f)
	}
	if status, _, _ := ask(m, "new"); status != 200 {
		t.Errorf("whole: %d", status)
	}
}

// TestBadFiles: what cannot be served is listed with its reason, and asking it says so.
func TestBadFiles(t *testing.T) {
	b := newBench(t, 0)
	sound := box.File()
	b.write("cut.gguf", sound[:len(sound)/2])
	b.write("mamba.gguf", []byte(strings.ReplaceAll(string(sound), "qwen3", "mamba")))
	b.write("words.gguf", []byte(strings.Replace(string(sound), "tokenizer.ggml.model", "tokenizer.ggml.madel", 1)))
	b.write("noise.gguf", bytes.Repeat([]byte("noise"), 1000))
	b.write("empty.gguf", nil)
	b.write("twice.gguf", sound)
	b.write("Twice.gguf", sound)
	b.write("notes.txt", sound)
	b.write("closed.gguf", sound)
	if err := os.Mkdir(filepath.Join(b.dir, "folder.gguf"), 0o700); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"lost.gguf": "nowhere", "loop.gguf": "loop.gguf", "device.gguf": "/dev/zero", "linked.gguf": "twice.gguf"} {
		if err := os.Symlink(to, filepath.Join(b.dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{
		"cut.gguf": "tensor", "mamba.gguf": "mamba", "words.gguf": "tokenizer", "noise.gguf": "magic", "empty.gguf": "0 bytes", "twice.gguf": "Twice.gguf is called twice too",
		"folder.gguf": "not a file", "lost.gguf": "no such file", "loop.gguf": "too many", "device.gguf": "not a file", "Twice.gguf": "", "linked.gguf": "", "closed.gguf": "",
	}
	if err := os.Chmod(filepath.Join(b.dir, "closed.gguf"), 0); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() != 0 { // whom nothing is closed to
		want["closed.gguf"] = "permission"
	}
	for range 2 {
		files := b.look()
		if len(files) != len(want) {
			t.Errorf("%d files, want %d", len(files), len(want))
		}
		for name, reason := range want {
			f := files[name]
			if (f.State == Refused) != (reason != "") || !strings.Contains(f.Reason, reason) || strings.Contains(f.Reason, b.dir) {
				t.Errorf("%s: %+v, want %q", name, f, reason)
			}
			if reason == "" {
				continue
			}
			m := b.Model(name)
			if status, text, _ := ask(m, f.Model); status != 500 || text != f.Reason {
				t.Errorf("%s: %d %q", name, status, text)
			}
			_ = m.Close()
		}
	}
	if err := os.Chmod(filepath.Join(b.dir, "closed.gguf"), 0o600); err != nil {
		t.Fatal(err)
	}
	if f := b.look()["closed.gguf"]; f.State != Served {
		t.Errorf("opened again: %+v", f)
	}
}

// TestMemory: models make room for each other, the one that was asked the longest
// ago first; one that answers does not, and one that is too large is refused.
func TestMemory(t *testing.T) {
	facts, err := infer.Options{Threads: 1, Slots: 2}.Examine(box.File())
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, 2*facts.Ample+facts.Ample/2)
	models := map[string]*Model{}
	for _, name := range []string{"a", "b", "c"} {
		b.write(name+".gguf", box.File())
		models[name] = b.Model(name + ".gguf")
	}
	b.look()
	loaded := func() (names string) {
		for _, f := range b.Files() {
			if f.Loaded {
				names += f.Model
			}
		}
		return names
	}
	for _, step := range []struct{ ask, loaded string }{{"a", "a"}, {"b", "ab"}, {"a", "ab"}, {"c", "ac"}, {"b", "bc"}, {"b", "bc"}} {
		b.now = b.now.Add(time.Second)
		if status, text, _ := ask(models[step.ask], step.ask); status != 200 || loaded() != step.loaded {
			t.Fatalf("asking %s: %d %q; loaded are %s, want %s", step.ask, status, text, loaded(), step.loaded)
		}
	}
	busyB, err := b.have(t.Context(), models["b"])
	if err != nil {
		t.Fatal(err)
	}
	busyC, err := b.have(t.Context(), models["c"])
	if err != nil {
		t.Fatal(err)
	}
	status, text, _ := ask(models["a"], "a")
	if status != 503 || !strings.Contains(text, "the model a needs at least") || !strings.Contains(text, "b, which answers now, has") || !strings.Contains(text, "c, which answers now, has") {
		t.Errorf("%d %q", status, text)
	}
	if f := b.look()["a.gguf"]; f.State != Served || f.Reason != text {
		t.Errorf("%+v", f)
	}
	_ = models["c"].Close() // while it answers
	if w := httptest.NewRecorder(); true {
		if busyC.engine.ServeHTTP(w, httptest.NewRequest("GET", "/health", nil)); w.Code != 200 {
			t.Errorf("closed under its caller: %d", w.Code)
		}
	}
	b.giveBack(busyC)
	b.giveBack(busyB)
	if status, _, _ := ask(models["a"], "a"); status != 200 || loaded() != "ab" || b.look()["a.gguf"].Reason != "" {
		t.Errorf("%d; loaded are %s", status, loaded())
	}
	b.o.Memory = facts.Least - 1
	if f := b.look()["a.gguf"]; f.State != Refused || !strings.Contains(f.Reason, "model_memory") {
		t.Errorf("%+v", f)
	}
}

// TestAvailable: what the machine has free bounds what is loaded, and an unknown amount does not.
func TestAvailable(t *testing.T) {
	b := newBench(t, 0)
	free, err := int64(1000), error(nil)
	b.o.Available = func() (int64, error) { return free, err }
	b.write("a.gguf", box.File())
	if f := b.look()["a.gguf"]; f.State != Refused {
		t.Errorf("%+v", f)
	}
	err = os.ErrNotExist
	if f := b.look()["a.gguf"]; f.State != Served {
		t.Errorf("%+v", f)
	}
}

// TestManyAtOnce asks models that do not fit beside each other from many sides,
// while files come and go: each is answered or told that the model is busy.
func TestManyAtOnce(t *testing.T) {
	facts, err := infer.Options{Threads: 1, Slots: 2}.Examine(box.File())
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, facts.Ample+facts.Ample/2)
	var group sync.WaitGroup
	for _, name := range []string{"a", "b"} {
		b.write(name+".gguf", box.File())
		m := b.Model(name + ".gguf")
		t.Cleanup(func() { _ = m.Close() })
		for range 4 {
			group.Go(func() {
				for range 5 {
					if status, text, tokens := ask(m, name); status != 503 && (status != 200 || tokens != 4) {
						t.Errorf("%d %q", status, text)
					}
				}
			})
		}
	}
	for range 5 {
		b.look()
	}
	group.Wait()
	for _, f := range b.Files() {
		if f.State != Served {
			t.Errorf("%+v", f)
		}
	}
}

// TestWhoLeavesWhileOthersLoad gets no model, and keeps none.
func TestWhoLeavesWhileOthersLoad(t *testing.T) {
	b := newBench(t, 0)
	m := b.Model("a.gguf")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.have(ctx, m); !errors.Is(err, context.Canceled) {
		t.Errorf("before the first look: %v", err)
	}
	b.write("a.gguf", box.File())
	b.look()
	b.turn <- struct{}{}
	if _, err := b.have(ctx, m); !errors.Is(err, context.Canceled) {
		t.Errorf("while another is loaded: %v", err)
	}
	<-b.turn
	if f := b.look()["a.gguf"]; f.Loaded {
		t.Errorf("%+v", f)
	}
}
