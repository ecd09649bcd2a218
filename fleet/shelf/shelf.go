package shelf

import (
	"cmp"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice/fleet/folder"
	"sluice/infer"
)

// Options say what a Shelf may use.
type Options struct {
	// Folder holds the files.
	Folder *folder.Folder
	// Infer is what a model may use; Memory is the shelf's to set.
	Infer infer.Options
	// Memory is what all models may take together, in bytes; 0 is no bound.
	Memory int64
	// Available is how many bytes of the machine are free; nil is not asked.
	Available func() (int64, error)
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Log is told of models that are loaded and unloaded; default: discarded.
	Log *slog.Logger
}

// Shelf is a folder of models. Its methods are safe for concurrent use.
type Shelf struct {
	o       Options
	looking sync.Mutex    // one look at a time; taken before mu
	turn    chan struct{} // held while a model is loaded: one at a time
	looked  chan struct{} // closed once the folder was looked at

	mu     sync.Mutex
	files  map[string]*file // by their names in the folder
	models []*Model
	loaded []*loaded // those that make room included, until they are gone
}

// New returns a shelf. Nothing is served before the first Look.
func New(o Options) *Shelf {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Shelf{o: o, turn: make(chan struct{}, 1), looked: make(chan struct{}), files: map[string]*file{}}
}

// Path is where the folder is.
func (s *Shelf) Path() string { return s.o.Folder.Path() }

// State is what becomes of a file.
type State string

// The states.
const (
	Changing State = "changing" // it is being written
	Served   State = "served"   // it can be asked
	Refused  State = "refused"  // it cannot, and File.Reason says why
)

// File is a file of the folder as it was last seen.
type File struct {
	Model  string // the name it is served under
	Name   string // in the folder
	Size   int64
	State  State
	Reason string         // why it is refused, or what is wrong with it otherwise; empty when all is well
	Facts  *infer.Facts   // what it says of itself; nil while that is not known
	Origin *folder.Origin // nil when it was put there by hand
	Loaded bool
	Memory int64 // bytes that it takes while it is loaded
}

// Files lists the files in order of their models' names.
func (s *Shelf) Files() []File {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []File
	for _, f := range s.files {
		all = append(all, s.describe(f))
	}
	slices.SortFunc(all, func(a, b File) int {
		return cmp.Or(strings.Compare(a.Model, b.Model), strings.Compare(a.Name, b.Name))
	})
	return all
}

// describe is a file as it is listed. s.mu is held.
func (s *Shelf) describe(f *file) File {
	out := File{Model: f.model, Name: f.name, Size: f.mark.size, State: f.state, Facts: f.facts, Origin: f.origin, Reason: cmp.Or(f.reason, f.trouble)}
	for _, l := range s.loaded {
		if l.file == f.name && !l.leaving {
			out.Loaded, out.Memory = true, out.Memory+l.memory
		}
	}
	return out
}
