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
	order    []int32 // the tokens in the order of the tree
	specials []int32 // tokens that are no text and do not end the answer
	ends     []int32
	longest  int
}

// branch is a node of the tree, which lies depth first in a slice.
type branch struct {
	skip  int32 // the index behind what hangs on this branch
	first int32 // in order: the first token that ends here or farther on
	ends  int32 // in order: behind the last token that ends here
	depth uint16
	byte  byte
	plain bool // it and all that hangs on it are plain bytes
}

// isPlain reports whether a byte is a character of ASCII that stands for
// itself in a JSON string: what most of a vocabulary is made of.
func isPlain(b byte) bool { return b >= ' ' && b <= '~' && b != '"' && b != '\\' }

// maxToken is the longest token, in bytes, that a grammar lets through.
const maxToken = 1 << 10

// NewVocabulary builds the tree. Tokens of no bytes, and those longer than
// 1,024, are never allowed by a grammar.
func NewVocabulary(tokens Tokens) *Vocabulary {
	v := &Vocabulary{tokens: tokens}
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
	last := ""
	for _, e := range list {
		shared := 0
		for shared < min(len(last), len(e.bytes)) && last[shared] == e.bytes[shared] {
			shared++
		}
		v.close(path, shared)
		path = path[:shared]
		for i := shared; i < len(e.bytes); i++ {
			path = append(path, int32(len(v.tree)))
			n := int32(len(v.order))
			v.tree = append(v.tree, branch{first: n, ends: n, depth: uint16(i), byte: e.bytes[i], plain: isPlain(e.bytes[i])})
		}
		v.order = append(v.order, e.id)
		v.tree[path[len(path)-1]].ends = int32(len(v.order))
		v.longest = max(v.longest, len(e.bytes))
		last = e.bytes
	}
	v.close(path, 0)
	return v
}

// close ends the branches of a path from an index on, on which nothing more
// will hang.
func (v *Vocabulary) close(path []int32, from int) {
	for n := len(path) - 1; n >= from; n-- {
		i := path[n]
		v.tree[i].skip = int32(len(v.tree))
		if n > 0 && !v.tree[i].plain {
			v.tree[path[n-1]].plain = false
		}
	}
}

// under returns the tokens that end at a branch or farther on.
func (v *Vocabulary) under(b *branch) []int32 {
	if int(b.skip) == len(v.tree) {
		return v.order[b.first:]
	}
	return v.order[b.first:v.tree[b.skip].first]
}
