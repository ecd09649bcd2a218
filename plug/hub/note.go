package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

const noteSuffix = ".state"

// note says which pieces of a file are there, for a run that goes on.
type note struct {
	path string
	kept
}

// kept is a note as it is written.
type kept struct {
	SHA256 string `json:"sha256,omitempty"`
	OID    string `json:"oid,omitempty"`
	Size   int64  `json:"size"`
	Piece  int64  `json:"piece"` // bytes
	Done   []int  `json:"done"`  // pieces, in order
}

// openNote reads the note beside the path that a file is downloaded into, or begins
// one if there is none, or it is another file's or no good. A file that is not as
// long as it will be has lost what the note tells of: length comes before pieces.
func openNote(into string, f File, piece int64) *note {
	path := into + noteSuffix
	fresh := &note{path, kept{SHA256: f.SHA256, OID: f.oid, Size: f.Size, Piece: piece}}
	if info, err := os.Stat(into); err != nil || info.Size() != f.Size {
		return fresh
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return fresh
	}
	old := &note{path: path}
	if json.Unmarshal(data, &old.kept) != nil || old.SHA256 != f.SHA256 || old.OID != f.oid || old.Size != f.Size || old.Piece <= 0 {
		return fresh
	}
	for i, n := range old.Done {
		if n < 0 || n >= old.pieces() || i > 0 && n <= old.Done[i-1] {
			return fresh
		}
	}
	return old
}

func (n *note) pieces() int { return int((n.Size + n.Piece - 1) / n.Piece) }

// span is where a piece begins and ends.
func (n *note) span(i int) (at, end int64) {
	at = int64(i) * n.Piece
	return at, min(at+n.Piece, n.Size)
}

// done is how many bytes are there.
func (n *note) done() int64 {
	var sum int64
	for _, i := range n.Done {
		at, end := n.span(i)
		sum += end - at
	}
	return sum
}

// missing are the pieces that are not there.
func (n *note) missing() []int {
	var list []int
	for i := range n.pieces() {
		if _, there := slices.BinarySearch(n.Done, i); !there {
			list = append(list, i)
		}
	}
	return list
}

// add writes down that a piece is there.
func (n *note) add(i int) error {
	at, there := slices.BinarySearch(n.Done, i)
	if !there {
		n.Done = slices.Insert(n.Done, at, i)
	}
	data, err := json.Marshal(n.kept)
	if err != nil {
		return fmt.Errorf("noting a piece down: %w", err)
	}
	if err := os.WriteFile(n.path+".new", data, 0o600); err != nil {
		return fmt.Errorf("noting a piece down: %w", err)
	}
	if err := os.Rename(n.path+".new", n.path); err != nil {
		return fmt.Errorf("noting a piece down: %w", err)
	}
	return nil
}

// remove takes the note away.
func (n *note) remove() error {
	if err := os.Remove(n.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the note of a download: %w", err)
	}
	return nil
}
