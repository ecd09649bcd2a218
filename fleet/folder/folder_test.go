package folder

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"sluice/infer/box"
)

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestName(t *testing.T) {
	for file, want := range map[string]string{
		"Qwen3-0.6B-Q8_0.gguf": "qwen3-0.6b-q8_0", "a b.GGUF": "a-b", "dir/x.gguf": "x", "größe.gguf": "gr--e",
		"x.gguf.part": "", "x.json": "", ".gguf": "", "..gguf": "", "-.gguf": "", strings.Repeat("n", 300) + ".gguf": strings.Repeat("n", longest),
	} {
		if got := Name(file); got != want {
			t.Errorf("%q is called %q, want %q", file, got, want)
		}
	}
}

// TestList: what was dropped in is there with its facts, what is no model is not,
// and what cannot be served says why.
func TestList(t *testing.T) {
	dir := t.TempDir()
	whole := box.File()
	write(t, filepath.Join(dir, "Tiny Chat.gguf"), whole)
	write(t, filepath.Join(dir, "cut.gguf"), whole[:len(whole)/2])
	write(t, filepath.Join(dir, "empty.gguf"), nil)
	write(t, filepath.Join(dir, "Empty.gguf"), nil)
	write(t, filepath.Join(dir, "growing.gguf.part"), whole)
	write(t, filepath.Join(dir, "notes.txt"), nil)
	if err := os.Mkdir(filepath.Join(dir, "folder.gguf"), 0o755); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"link.gguf": "Tiny Chat.gguf", "broken.gguf": "nowhere"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	f := Open(dir)
	for range 2 { // the second time from memory
		files, err := f.List()
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, file := range files {
			name := file.Name
			if file.Err != nil {
				name += "!"
			} else if file.Facts.Architecture != "qwen3" || file.Facts.Parameters < 1e6 || file.Size != int64(len(whole)) {
				t.Errorf("%s: %+v", name, file)
			}
			names = append(names, name)
		}
		if got, want := strings.Join(names, " "), "broken! cut! empty! empty! folder! link tiny-chat"; got != want {
			t.Errorf("the folder has %s, want %s", got, want)
		}
	}
	write(t, filepath.Join(dir, "cut.gguf"), whole)
	if file, err := f.Find("cut"); err != nil || file.Err != nil {
		t.Errorf("a file that is whole now: %+v, %v", file, err)
	}
	if files, err := Open(filepath.Join(dir, "none")).List(); err != nil || len(files) != 0 {
		t.Errorf("no folder: %v, %v", files, err)
	}
}

func TestKeepAndRemove(t *testing.T) {
	f := Open(filepath.Join(t.TempDir(), "models"))
	part, err := f.Part("box")
	if err != nil {
		t.Fatal(err)
	}
	write(t, part, []byte("<html>"))
	if _, err := f.Keep("box", Origin{}); err == nil || !strings.Contains(err.Error(), "no GGUF file") {
		t.Errorf("a page of HTML: %v", err)
	}
	from := Origin{Endpoint: "https://hub", Repository: "a/b", Revision: "c0ffee", File: "b.gguf", SHA256: "00", Size: int64(len(box.File())), Added: time.Unix(1e9, 0).UTC()}
	write(t, part, box.File())
	file, err := f.Keep("box", from)
	if err != nil || file.Err != nil || file.Origin == nil || *file.Origin != from {
		t.Fatalf("%+v, %v", file, err)
	}
	if _, err := os.Stat(part); err == nil {
		t.Error("the part is still there")
	}
	write(t, file.Path, append(box.File(), 0)) // by hand
	if file, err := f.Find("box"); err != nil || file.Origin != nil {
		t.Errorf("another file has the origin of the one before: %+v, %v", file.Origin, err)
	}
	if _, err := f.Remove("box"); err != nil {
		t.Error(err)
	}
	if _, err := f.Remove("box"); !errors.Is(err, ErrUnknown) {
		t.Errorf("removing twice: %v", err)
	}
	if entries, _ := os.ReadDir(f.Path()); len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
	write(t, filepath.Join(f.Path(), "Box.gguf"), box.File())
	write(t, part, box.File())
	if _, err := f.Keep("box", from); !errors.Is(err, ErrTaken) {
		t.Errorf("a name that is spelt otherwise: %v", err)
	}
	for _, name := range []string{"", "../x", "a/b", "X", "a b", ".x", "x.", strings.Repeat("n", 300)} {
		if _, err := f.Part(name); err == nil {
			t.Errorf("%q is a name", name)
		}
	}
}

// TestClaim: who brings a model has its part alone; a part that nobody brings any
// more is removed by name.
func TestClaim(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no claims")
	}
	f := Open(filepath.Join(t.TempDir(), "models"))
	release, err := f.Claim("box")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Claim("box"); !errors.Is(err, ErrBusy) {
		t.Errorf("claimed twice: %v", err)
	}
	if _, err := f.Remove("box"); !errors.Is(err, ErrBusy) {
		t.Errorf("removed while it is brought: %v", err)
	}
	other, err := f.Claim("other")
	if err != nil {
		t.Fatal(err)
	}
	other()
	part, err := f.Part("box")
	if err != nil {
		t.Fatal(err)
	}
	write(t, part, box.File())
	write(t, part+".state", []byte("{}"))
	release()
	if _, err := f.Remove("box"); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadDir(f.Path())
	if err != nil || len(entries) != 1 || entries[0].Name() != "other.gguf.part" {
		t.Errorf("left are %v, %v", entries, err)
	}
	for _, name := range []string{"box", "../models/other", ""} {
		if _, err := f.Remove(name); !errors.Is(err, ErrUnknown) {
			t.Errorf("removing %q: %v", name, err)
		}
	}
}
