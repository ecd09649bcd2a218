package grammar

import (
	"cmp"
	"slices"
	"strings"
)

// Tokens is what this package asks of a tokenizer.
type Tokens interface {
	// Size is the number of tokens.
	Size() int
	// Piece is the bytes of a token.
	Piece(id int32) string
	// Special returns the token of a name that is no text.
	Special(name string) (id int32, ok bool)
	// Control reports whether the token has no text.
	Control(id int32) bool
	// Ends reports whether the token ends an answer.
	Ends(id int32) bool
}

// Vocabulary is a tokenizer's tokens as a tree of their bytes, made once for a
// model and shared by its grammars. It is immutable.
type Vocabulary struct {
	tokens   Tokens
	tree     []branch
	same     map[int32][]int32 // tokens with the bytes of an earlier one
	specials []int32           // tokens that are no text and do not end the answer
	ends     []int32
	longest  int
}

// branch is a node of the tree, which lies depth first in a slice.
type branch struct {
	token int32 // the token whose bytes end here, or -1
	skip  int32 // the index behind what hangs on this branch
	depth uint16
	byte  byte
}

// maxToken is the longest token, in bytes, that a grammar lets through.
const maxToken = 1 << 10

// NewVocabulary builds the tree. Tokens of no bytes, and those longer than
// 1,024, are never allowed by a grammar.
func NewVocabulary(tokens Tokens) *Vocabulary {
	v := &Vocabulary{tokens: tokens, same: map[int32][]int32{}}
	type entry struct {
		bytes string
		id    int32
	}
	var list []entry
	for id := range int32(tokens.Size()) {
		piece := tokens.Piece(id)
		named, special := tokens.Special(piece)
		switch {
		case tokens.Ends(id):
			v.ends = append(v.ends, id)
		case tokens.Control(id) || special && named == id:
			v.specials = append(v.specials, id)
		case piece != "" && len(piece) <= maxToken:
			list = append(list, entry{piece, id})
		}
	}
	slices.SortFunc(list, func(a, b entry) int {
		return cmp.Or(strings.Compare(a.bytes, b.bytes), cmp.Compare(a.id, b.id))
	})
	var path []int32 // the branches on the way to the last one
	last, lastID := "", int32(-1)
	for _, e := range list {
		if e.bytes == last {
			v.same[lastID] = append(v.same[lastID], e.id)
			continue
		}
		shared := 0
		for shared < min(len(last), len(e.bytes)) && last[shared] == e.bytes[shared] {
			shared++
		}
		v.close(path[shared:])
		path = path[:shared]
		for i := shared; i < len(e.bytes); i++ {
			path = append(path, int32(len(v.tree)))
			v.tree = append(v.tree, branch{token: -1, depth: uint16(i), byte: e.bytes[i]})
		}
		v.tree[path[len(path)-1]].token = e.id
		v.longest = max(v.longest, len(e.bytes))
		last, lastID = e.bytes, e.id
	}
	v.close(path)
	return v
}

// close ends branches on which nothing more will hang.
func (v *Vocabulary) close(path []int32) {
	for _, i := range path {
		v.tree[i].skip = int32(len(v.tree))
	}
}
