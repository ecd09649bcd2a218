package shelf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sluice/fleet/folder"
	"sluice/infer"
)

// settled is how long ago a file that is seen for the first time was changed
// last, so that nobody is still writing it. Others are looked at twice.
const settled = 5 * time.Second

// file is a file of the folder.
type file struct {
	name, model string
	mark        mark
	state       State
	reason      string       // why it is refused
	facts       *infer.Facts // nil while it cannot be read
	origin      *folder.Origin
	trouble     string // what became of the last attempt to load it
	broken      bool   // another attempt would fail as well
}

// mark is by what a change of a file is seen.
type mark struct {
	size int64
	at   time.Time
}

// Look reads the folder. What has changed since the last look waits for the
// next one: somebody may be writing it. Errors are those of reading the folder;
// of a single file they are its Reason.
func (s *Shelf) Look() error {
	s.looking.Lock()
	defer s.looking.Unlock()
	list, err := s.o.Folder.List()
	if err != nil {
		return err
	}
	next := make(map[string]*file, len(list))
	for i := range list {
		f := s.see(&list[i])
		next[f.name] = f
	}
	s.take(next)
	return nil
}

// see is what is known of a file after a look at it.
func (s *Shelf) see(found *folder.File) *file {
	f := &file{name: filepath.Base(found.Path), model: found.Name, mark: mark{found.Size, found.Modified}, origin: found.Origin}
	s.mu.Lock()
	known := s.files[f.name]
	s.mu.Unlock()
	writing := s.o.Now().Sub(f.mark.at) < settled
	if known != nil {
		writing = known.mark != f.mark
	}
	switch {
	case writing && !errors.Is(found.Err, folder.ErrTaken):
		f.state = Changing
		if known != nil && known.state != Refused {
			f.facts = known.facts // what is served of it stays meanwhile
		}
	case found.Err != nil:
		f.state, f.reason = Refused, s.about(f.name, found.Err)
	default:
		f.facts = &found.Facts
		s.judge(f)
	}
	return f
}

// judge says whether a file can be served in the memory that there is when
// nothing else is loaded.
func (s *Shelf) judge(f *file) {
	f.state = Served
	s.mu.Lock()
	free := s.left()
	for _, l := range s.loaded {
		free += l.memory
	}
	s.mu.Unlock()
	if f.facts.Least > free {
		f.state = Refused
		f.reason = fmt.Sprintf("it needs at least %s of memory, and models can have %s here (the setting model_memory, or what is free): take a smaller model or one of smaller weights (Q4_K instead of Q8_0), or free memory",
			bytesText(f.facts.Least), bytesText(max(0, free)))
	}
}

// about says what is wrong with a file, without the path to it.
func (s *Shelf) about(name string, err error) string {
	if fault := (*fs.PathError)(nil); errors.As(err, &fault) {
		return fmt.Sprintf("it cannot be read: %v", fault.Err)
	}
	path := filepath.Join(s.o.Folder.Path(), name)
	return strings.ReplaceAll(strings.ReplaceAll(err.Error(), path+": ", ""), path, name)
}

// marked looks at a file.
func (s *Shelf) marked(name string) (mark, error) {
	info, err := os.Stat(filepath.Join(s.o.Folder.Path(), name))
	if err != nil {
		return mark{}, err
	}
	return mark{info.Size(), info.ModTime()}, nil
}

// take puts what a look has found in the place of what was known. What was
// loaded of a file that is another one by now, or gone, ends with its requests.
func (s *Shelf) take(next map[string]*file) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range slices.Clone(s.loaded) {
		if f := next[l.file]; f == nil || f.state != Changing && f.mark != l.mark {
			s.leave(l)
		}
	}
	for name, f := range next {
		if old := s.files[name]; old != nil && old.mark == f.mark {
			f.trouble, f.broken = old.trouble, old.broken
		}
	}
	s.files = next
	if !s.seen() {
		close(s.looked)
	}
}

// bytesText writes a number of bytes for people.
func bytesText(n int64) string {
	if n >= 1e9 {
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}
