package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice/infer"
)

const (
	suffix  = ".gguf"
	part    = ".part" // behind suffix, while it is being written
	origin  = ".json" // in place of suffix
	longest = 128     // of a name
)

// ErrUnknown is wrapped when the folder has no model of a name.
var ErrUnknown = errors.New("there is no such model in the folder")

// ErrTaken is wrapped when a name is that of another file.
var ErrTaken = errors.New("the folder has a model of this name")

// ErrBusy is wrapped when another process is bringing the model of a name.
var ErrBusy = errors.New("another process is bringing this model: wait for it, or stop it")

// Folder is a folder of models. Its methods may be called from several
// goroutines; other processes may change the folder at any time.
type Folder struct {
	path string

	mu    sync.Mutex
	known map[string]described // by path
}

// described is what was read of a file that has not changed since.
type described struct {
	size     int64
	modified time.Time
	facts    infer.Facts
	err      error
}

// File is a model of the folder.
type File struct {
	Name     string
	Path     string
	Size     int64 // bytes
	Modified time.Time
	Facts    infer.Facts
	Origin   *Origin // nil when it was dropped in
	// Err says why the embedded engine cannot serve it; nil if it looks as if it
	// could. It reads the header only.
	Err error
}

// Open returns the folder at a path, which need not exist yet.
func Open(path string) *Folder { return &Folder{path: path, known: map[string]described{}} }

// Path is where the folder is.
func (f *Folder) Path() string { return f.path }

// Name is what a model in a file of this name is called; "" if it is no model's.
func Name(file string) string {
	stem, is := strings.CutSuffix(strings.ToLower(filepath.Base(file)), suffix)
	if !is {
		return ""
	}
	name := strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '.' || r == '_' || r == '-' {
			return r
		}
		return '-'
	}, stem)
	return strings.Trim(name[:min(len(name), longest)], ".-_")
}

// List returns the models by name, those that cannot be served among them. A
// folder that does not exist has none.
func (f *Folder) List() ([]File, error) {
	entries, err := os.ReadDir(f.path) // by name
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing the models of this machine: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	files, seen := []File{}, map[string]described{}
	for _, e := range entries {
		if name := Name(e.Name()); name != "" {
			file := f.look(name, filepath.Join(f.path, e.Name()), seen)
			if i := slices.IndexFunc(files, func(o File) bool { return o.Name == name }); i >= 0 {
				file.Err = fmt.Errorf("%w: %s is called %s too; rename one", ErrTaken, filepath.Base(files[i].Path), name)
			}
			files = append(files, file)
		}
	}
	f.known = seen // what is gone is forgotten
	slices.SortStableFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return files, nil
}

// look describes a file, from memory if it is the one that was read before.
func (f *Folder) look(name, path string, seen map[string]described) File {
	file := File{Name: name, Path: path}
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a file")
	}
	if err != nil {
		file.Err = fmt.Errorf("looking at a model: %w", err)
		return file
	}
	file.Size, file.Modified = info.Size(), info.ModTime()
	d, there := f.known[path]
	if !there || d.size != file.Size || !d.modified.Equal(file.Modified) || errors.Is(d.err, fs.ErrPermission) {
		d = described{size: file.Size, modified: file.Modified}
		d.facts, d.err = infer.Options{}.ExamineFile(path)
	}
	seen[path] = d
	file.Facts, file.Err = d.facts, d.err
	file.Origin = readOrigin(path, file.Size)
	return file
}

// Find returns the model of a name. Errors: ErrUnknown.
func (f *Folder) Find(name string) (File, error) {
	files, err := f.List()
	if err != nil {
		return File{}, err
	}
	i := slices.IndexFunc(files, func(o File) bool { return o.Name == name })
	if i < 0 {
		return File{}, fmt.Errorf("%w: %q is not in %s", ErrUnknown, name, f.path)
	}
	return files[i], nil
}

// Remove deletes a model and what is said of its origin; where there is only a part
// of it, which nobody writes, the part. A server that serves it goes on until it has
// taken note. Errors: ErrUnknown, ErrBusy.
func (f *Folder) Remove(name string) (File, error) {
	file, err := f.Find(name)
	if errors.Is(err, ErrUnknown) && Name(name+suffix) == name {
		return f.removePart(name, err)
	}
	if err != nil {
		return file, err
	}
	if err := os.Remove(file.Path); err != nil {
		return file, fmt.Errorf("removing a model: %w", err)
	}
	if err := os.Remove(originOf(file.Path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return file, fmt.Errorf("removing a model: %w", err)
	}
	return file, nil
}

// removePart deletes what is there of a model that was never whole, with notes about
// it; without any the error is unknown.
func (f *Folder) removePart(name string, unknown error) (File, error) {
	path := filepath.Join(f.path, name+suffix+part)
	info, err := os.Lstat(path)
	if err != nil {
		return File{}, unknown
	}
	release, err := f.Claim(name)
	if err != nil {
		return File{}, err
	}
	defer release()
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return File{}, fmt.Errorf("removing a part of a model: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), filepath.Base(path)) {
			if err := os.Remove(filepath.Join(f.path, e.Name())); err != nil {
				return File{}, fmt.Errorf("removing a part of a model: %w", err)
			}
		}
	}
	return File{Name: name, Path: path, Size: info.Size(), Modified: info.ModTime()}, nil
}
