package folder

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Origin says where a model came from.
type Origin struct {
	Endpoint   string    `json:"endpoint,omitempty"`   // of a hub: https://huggingface.co
	Repository string    `json:"repository,omitempty"` // there: ns/name
	Revision   string    `json:"revision,omitempty"`   // the commit
	File       string    `json:"file"`                 // its path in the repository, or on the machine it was imported from
	SHA256     string    `json:"sha256"`               // of all its bytes, in hex, as they were verified
	Size       int64     `json:"size"`                 // bytes
	Added      time.Time `json:"added"`
}

// Part is the path at which a model is written before it is kept. It makes the
// folder.
func (f *Folder) Part(name string) (string, error) {
	if name == "" || Name(name+suffix) != name {
		return "", fmt.Errorf("%q is no name for a model: letters in lower case, digits and . _ - within, at most %d", name, longest)
	}
	if err := os.MkdirAll(f.path, 0o700); err != nil {
		return "", fmt.Errorf("making the folder of models: %w", err)
	}
	return filepath.Join(f.path, name+suffix+part), nil
}

// Keep makes a model of the part of a name, in place of an earlier one: it reads
// the header, waits until all is on the disk, writes down the origin, and only then
// gives the file its name. What is no GGUF file is refused and stays a part; a
// model that the embedded engine does not support is kept, and File.Err says so:
// another engine may serve it. Errors: ErrTaken, when the name stands for a file
// that is spelt otherwise.
func (f *Folder) Keep(name string, from Origin) (File, error) {
	written, err := f.Part(name)
	if err != nil {
		return File{}, err
	}
	path := strings.TrimSuffix(written, part)
	if other, err := f.Find(name); err == nil && other.Path != path {
		return File{}, fmt.Errorf("%w: %s", ErrTaken, filepath.Base(other.Path))
	}
	if err := magic(written); err != nil {
		return File{}, err
	}
	if err := syncFile(written); err != nil {
		return File{}, err
	}
	note, err := json.MarshalIndent(from, "", "  ")
	if err != nil {
		return File{}, fmt.Errorf("writing down a model's origin: %w", err)
	}
	if err := os.WriteFile(originOf(path), append(note, '\n'), 0o600); err != nil {
		return File{}, fmt.Errorf("writing down a model's origin: %w", err)
	}
	if err := syncFile(originOf(path)); err != nil {
		return File{}, err
	}
	if err := os.Rename(written, path); err != nil {
		return File{}, fmt.Errorf("naming a model: %w", err)
	}
	if err := syncFile(f.path); err != nil {
		return File{}, err
	}
	return f.Find(name)
}

// magic refuses what is no GGUF file: a page of HTML, say.
func magic(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("reading a model: %w", err)
	}
	defer file.Close()
	var begin [4]byte
	if _, err := file.ReadAt(begin[:], 0); err != nil || string(begin[:]) != "GGUF" {
		return fmt.Errorf("%s is no GGUF file: it begins with %q", filepath.Base(path), begin)
	}
	return nil
}

// syncFile waits until a file, or what a folder lists, is on the disk.
func syncFile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("writing a model to the disk: %w", err)
	}
	if err := cmp.Or(file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("writing a model to the disk: %w", err)
	}
	return nil
}

func originOf(path string) string {
	return path[:len(path)-len(suffix)] + origin
}

// readOrigin returns what is said of the origin of a file of this size; nil if
// nothing is, it is another file's, or it cannot be read: it is a note, and no
// model depends on it.
func readOrigin(path string, size int64) *Origin {
	data, err := os.ReadFile(originOf(path))
	if err != nil {
		return nil
	}
	var o Origin
	if json.Unmarshal(data, &o) != nil || o.Size != size {
		return nil
	}
	return &o
}
