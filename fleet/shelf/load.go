package shelf

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"sluice/fleet/embedded"
	"sluice/fleet/folder"
	"sluice/infer"
)

// unbounded is how much memory there is where nobody says: more than any model
// needs, and little enough that sums of it do not overflow.
const unbounded = math.MaxInt64 / 4

// load loads a model, for one request. s.turn is held.
func (s *Shelf) load(m *Model) (*loaded, error) {
	if err := s.fault(m.file); err != nil {
		return nil, err
	}
	s.mu.Lock()
	f, there := s.files[m.file]
	var facts infer.Facts
	var seen mark
	var name string
	ready := there && f.state == Served
	if ready {
		facts, seen, name = *f.facts, f.mark, f.model
	}
	s.mu.Unlock()
	if now, err := s.marked(m.file); !ready || err != nil || now != seen {
		return nil, busyError{fmt.Errorf("the file %s is being replaced", m.file)}
	}
	room, err := s.room(name, &facts)
	if err != nil {
		s.note(m.file, seen, err, false)
		return nil, busyError{err}
	}
	began := s.o.Now()
	l, err := s.open(m, name, &facts, room)
	if err != nil {
		again := errors.Is(err, infer.ErrMemory) // another attempt may find more
		err = errors.New(s.about(m.file, err))
		s.note(m.file, seen, err, !again)
		s.o.Log.Error("a model cannot be loaded", "file", m.file, "error", err)
		return nil, err
	}
	l.mark = seen
	s.o.Log.Info("a model is loaded", "model", name, "file", m.file, "memory", bytesText(l.memory), "took", s.o.Now().Sub(began).String())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear(m.file)
	s.loaded = append(s.loaded, l)
	if m.current = l; !slices.Contains(s.models, m) { // it was closed meanwhile
		l.leaving = true
	}
	return l, nil
}

// open reads a model's file.
func (s *Shelf) open(m *Model, name string, facts *infer.Facts, room int64) (*loaded, error) {
	o := s.o.Infer
	if o.Memory = room; room >= unbounded {
		o.Memory = 0
	}
	path := filepath.Join(s.o.Folder.Path(), m.file)
	cfg := embedded.Config{ID: name, Description: Describe(facts), Counter: &m.counter, Now: s.o.Now}
	l := &loaded{file: m.file, users: 1}
	var err error
	if facts.Embeds {
		if cfg.Encoder, err = o.OpenEncoder(path); err == nil {
			l.memory = cfg.Encoder.Memory()
		}
	} else if cfg.Model, err = o.Open(path); err == nil {
		l.memory = cfg.Model.Memory()
	}
	if err != nil {
		return nil, err
	}
	l.engine, err = embedded.New(cfg)
	return l, err
}

// Describe says in a line what a model is.
func Describe(f *infer.Facts) string {
	what := f.Name
	if what == "" {
		what = "A model"
	}
	kind := f.Architecture
	if f.Embeds {
		kind += ", embeddings"
	}
	return fmt.Sprintf("%s (%s, %s parameters, %s), computed by Sluice's own engine", what, kind, countText(f.Parameters), f.Format)
}

// countText writes a number of parameters as models are called: 596M, 7.6B.
func countText(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1fB", float64(n)/1e9)
	case n >= 1e7:
		return fmt.Sprintf("%.0fM", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1fM", float64(n)/1e6)
}

// room makes room for a model: those that are loaded and idle go, the one whose
// last request was the longest ago first, until there is ample memory. It
// returns how much there is, and fails when that is less than the least.
func (s *Shelf) room(name string, facts *infer.Facts) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		left := s.left()
		if left >= facts.Ample {
			return left, nil
		}
		var oldest *loaded
		for _, l := range s.loaded {
			if l.users == 0 && (oldest == nil || l.used.Before(oldest.used)) {
				oldest = l
			}
		}
		switch {
		case oldest != nil:
			s.o.Log.Info("a model makes room for another", "file", oldest.file, "memory", bytesText(oldest.memory), "for", name)
			s.leave(oldest)
			s.mu.Unlock()
			debug.FreeOSMemory() // so that it is seen as free
			s.mu.Lock()
		case left >= facts.Least:
			return left, nil
		default:
			return 0, s.crowded(name, facts, left)
		}
	}
}

// crowded says why there is no room for a model. s.mu is held.
func (s *Shelf) crowded(name string, facts *infer.Facts, left int64) error {
	var others []string
	for _, l := range s.loaded {
		others = append(others, fmt.Sprintf("%s, which answers now, has %s", folder.Name(l.file), bytesText(l.memory)))
	}
	if others == nil {
		others = []string{"no other model is loaded: free memory"}
	}
	return fmt.Errorf("the model %s needs at least %s of memory and %s are left: %s", name, bytesText(facts.Least), bytesText(max(0, left)), strings.Join(others, "; "))
}

// left is how much memory there is for one more model. s.mu is held.
func (s *Shelf) left() int64 {
	left := int64(unbounded)
	if s.o.Memory > 0 {
		left = s.o.Memory
		for _, l := range s.loaded {
			left -= l.memory
		}
	}
	if s.o.Available != nil {
		if free, err := s.o.Available(); err == nil {
			left = min(left, free)
		}
	}
	return left
}

// leave unloads a model, once nobody uses it. s.mu is held.
func (s *Shelf) leave(l *loaded) {
	l.leaving = true
	for _, m := range s.models {
		if m.current == l {
			m.current = nil
		}
	}
	if l.users > 0 {
		return
	}
	_ = l.engine.Close() // nothing of it is wanted
	l.engine = nil       // which holds the weights
	s.loaded = slices.DeleteFunc(s.loaded, func(other *loaded) bool { return other == l })
}

// note keeps why a file could not be loaded, for as long as it stays the same.
// broken says that another attempt would fail as well.
func (s *Shelf) note(name string, about mark, why error, broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.files[name]; f != nil && f.mark == about {
		f.trouble, f.broken = why.Error(), broken
	}
}

// clear forgets it. s.mu is held.
func (s *Shelf) clear(name string) {
	if f := s.files[name]; f != nil {
		f.trouble, f.broken = "", false
	}
}
