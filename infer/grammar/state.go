package grammar

import (
	"fmt"
	"math"
)

// State follows one answer through a grammar. It is not safe for concurrent
// use; a copy made by Clone goes its own way. It is a sample.Mask.
type State struct {
	grammar *Grammar
	at      *state
	ended   bool
	path    []*state // memory of a walk over the vocabulary
	err     error
}

// Start returns the state before the answer's first token.
func (g *Grammar) Start() *State {
	g.mu.Lock()
	defer g.mu.Unlock()
	return &State{grammar: g, at: g.first}
}

// Clone returns a state of its own at the same place.
func (s *State) Clone() *State {
	return &State{grammar: s.grammar, at: s.at, ended: s.ended}
}

// Done reports whether the answer is complete and nothing but its end can
// follow.
func (s *State) Done() bool { return s.ended || s.at.accepts && len(s.at.configs) == 0 }

// MayEnd reports whether the answer is complete as it stands.
func (s *State) MayEnd() bool { return s.ended || s.at.accepts }

// Err returns why Mask gave up, if it did: the schema is too complex. Then no
// token is allowed any longer.
func (s *State) Err() error { return s.err }

// Accept takes the next token. It fails, and changes nothing, when the grammar
// does not allow it.
func (s *State) Accept(token int32) error {
	v := s.grammar.vocabulary
	if token < 0 || int(token) >= v.tokens.Size() {
		return fmt.Errorf("token %d is not in the vocabulary", token)
	}
	if s.ended {
		return fmt.Errorf("token %d follows the end of the answer", token)
	}
	if v.tokens.Ends(token) {
		if !s.at.accepts {
			return fmt.Errorf("token %d ends an answer that is not complete", token)
		}
		s.ended = true
		return nil
	}
	g := s.grammar
	g.mu.Lock()
	defer g.mu.Unlock()
	next := g.fresh(s.at)
	piece := v.tokens.Piece(token)
	if sym, special := g.symbol(token); special {
		next = g.step(next, sym)
	} else {
		for i := 0; i < len(piece) && next != nil; i++ {
			next = g.byte(next, piece[i])
		}
	}
	if next == nil || piece == "" || len(piece) > maxToken {
		return fmt.Errorf("the grammar does not allow token %d (%q) here", token, piece)
	}
	s.at = next
	return nil
}

// symbol returns the symbol of a token that is not text.
func (g *Grammar) symbol(token int32) (symbol, bool) {
	if sym, ok := g.specials[token]; ok {
		return sym, true
	}
	t := g.vocabulary.tokens
	if t.Control(token) {
		return anySpecial, true
	}
	id, ok := t.Special(t.Piece(token))
	return anySpecial, ok && id == token
}

// Allow sets the logits of the tokens that cannot come next to -Inf.
func (s *State) Allow(logits []float32) {
	mask := s.Mask()
	out := float32(math.Inf(-1))
	for i := range logits {
		if mask[i/64]>>(i%64)&1 == 0 {
			logits[i] = out
		}
	}
}

// Mask returns the tokens that can come next, token i as bit i%64 of word
// i/64. It is shared: the caller must not change it.
func (s *State) Mask() []uint64 {
	g := s.grammar
	g.mu.Lock()
	defer g.mu.Unlock()
	s.at = g.fresh(s.at)
	if s.at.mask == nil && !s.ended && s.err == nil {
		g.visits = 0
		s.at.mask = s.compute()
		g.masks += len(s.at.mask) * 8
		if g.visits > maxWork {
			s.err, s.at.mask = errTooComplex, nil // it is not whole
		}
	}
	if s.ended || s.err != nil {
		return make([]uint64, (g.vocabulary.tokens.Size()+63)/64)
	}
	return s.at.mask
}

// compute walks the vocabulary's tree through the automaton. A branch that it
// cannot take is left out with all that hangs on it, and a branch of plain
// bytes is taken whole where these change nothing, as in a string.
func (s *State) compute() []uint64 {
	g, v := s.grammar, s.grammar.vocabulary
	mask := make([]uint64, (v.tokens.Size()+63)/64)
	set := func(id int32) { mask[id/64] |= 1 << (id % 64) }
	if s.path == nil {
		s.path = make([]*state, v.longest+1)
	}
	path := s.path
	path[0] = s.at
	for i := 0; i < len(v.tree) && g.visits <= maxWork; {
		b := &v.tree[i]
		from := path[b.depth]
		next := from.bytes[b.byte]
		if next == nil {
			if next = g.byte(from, b.byte); next == nil {
				i = int(b.skip)
				continue
			}
		}
		path[b.depth+1] = next
		if b.plain && g.loops(next) {
			for _, id := range v.under(b) {
				set(id)
			}
			i = int(b.skip)
			continue
		}
		for _, id := range v.order[b.first:b.ends] {
			set(id)
		}
		i++
	}
	for _, id := range v.specials {
		if sym, _ := g.symbol(id); v.tokens.Piece(id) != "" && g.step(s.at, sym) != nil {
			set(id)
		}
	}
	if s.at.accepts {
		for _, id := range v.ends {
			set(id)
		}
	}
	return mask
}
