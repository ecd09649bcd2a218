package grammar

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"sync"
)

const (
	// maxDepth is how deep the stack of rules can grow; a level of a document
	// takes two.
	maxDepth = 200
	// maxConfigs bounds the ways in which a text can be read at the same time.
	// Those beyond are forgotten, so that an ambiguous schema allows less
	// rather than taking time without bound.
	maxConfigs = 500
	// maxVisits bounds the nodes looked at for one symbol, likewise.
	maxVisits = 10 * maxConfigs
	// maxWork bounds the nodes looked at for one mask. A schema that needs more
	// is refused when that shows: it would hold up other answers.
	maxWork = 4_000_000
	// maxStates and maxMasks bound what is remembered; beyond, all is forgotten
	// and found again.
	maxStates = 4096
	maxMasks  = 16 << 20 // bytes
)

// errNothing says that no finite document fits a schema.
var errNothing = errors.New("no finite document fits the schema")

// frame is where a rule that was called returns to. Equal frames are the same
// frame, so that equal stacks are found by comparing pointers.
type frame struct {
	node   int32
	parent *frame
	depth  int32
	id     uint32
}

// config is one way to have read the text so far: a node that takes, and the
// rules that it is inside of.
type config struct {
	node  int32
	stack *frame
}

// state is the set of ways to have read a text. States are shared by all
// texts that come to the same set.
type state struct {
	configs []config
	accepts bool
	round   int // Grammar.round when it was made
	bytes   [256]*state
	dead    [256 / 64]uint64 // bytes that lead nowhere
	mask    []uint64         // tokens that can come next, once it was computed
	loop    truth            // whether all plain bytes lead back here
}

// truth is an answer that may not be known yet.
type truth uint8

const (
	unknown truth = iota
	yes
	no
)

// errTooComplex says that a schema's masks take too long.
var errTooComplex = errors.New("the schema is too complex: finding the tokens that can come next takes too long")

// Grammar is a compiled shape for one vocabulary. It is safe for concurrent
// use; each answer follows it in a State of its own.
type Grammar struct {
	vocabulary *Vocabulary
	nodes      []node
	need       []int32
	specials   map[int32]symbol // by token
	start      int32

	mu     sync.Mutex // guards what follows
	round  int
	first  *state
	states map[string]*state
	frames map[frameKey]*frame
	masks  int // bytes
	visits int // nodes looked at for the present mask
	work   closure
}

type frameKey struct {
	node   int32
	parent *frame
}

// closure is the memory of one step.
type closure struct {
	seen    map[config]struct{}
	todo    []config
	configs []config
	accepts bool
	key     []byte
}

// newGrammar makes the automaton that begins at start ready for a vocabulary.
func newGrammar(b *builder, start int32, v *Vocabulary) (*Grammar, error) {
	if b.err != nil {
		return nil, b.err
	}
	g := &Grammar{vocabulary: v, nodes: b.nodes, need: b.needs(), start: start, specials: map[int32]symbol{}}
	if g.need[start] == math.MaxInt32 {
		return nil, errNothing
	}
	if g.need[start] > maxDepth {
		return nil, errors.New("every document that fits the schema nests deeper than 100")
	}
	for i, name := range b.specials {
		id, _ := v.tokens.Special(name)
		g.specials[id] = firstSpecial + symbol(i)
	}
	g.forget()
	return g, nil
}

// forget drops all states. Those that answers are in stay good, and are taken
// over when they go on.
func (g *Grammar) forget() {
	g.round++
	g.states, g.frames, g.masks = map[string]*state{}, map[frameKey]*frame{}, 0
	g.work.seen = map[config]struct{}{}
	g.begin()
	g.expand(config{g.start, nil})
	g.first = g.end()
}

func (g *Grammar) begin() {
	clear(g.work.seen)
	g.work.configs, g.work.accepts = g.work.configs[:0], false
}

// expand adds the taking nodes that a config comes to without taking anything.
// It follows only ways that can end within maxDepth: so a text that was
// allowed can always be finished.
func (g *Grammar) expand(c config) {
	g.work.todo = append(g.work.todo[:0], c)
	for len(g.work.todo) > 0 {
		c := g.work.todo[len(g.work.todo)-1]
		g.work.todo = g.work.todo[:len(g.work.todo)-1]
		if _, twice := g.work.seen[c]; twice || len(g.work.seen) > maxVisits || g.need[c.node] > maxDepth-c.stack.level() {
			continue
		}
		g.work.seen[c] = struct{}{}
		n := &g.nodes[c.node]
		switch n.kind {
		case kindTake:
			if len(g.work.configs) < maxConfigs {
				g.work.configs = append(g.work.configs, c)
			}
		case kindSplit:
			for _, e := range slices.Backward(n.edges) {
				g.work.todo = append(g.work.todo, config{e.to, c.stack})
			}
		case kindCall:
			stack := c.stack
			if g.nodes[n.next].kind != kindReturn {
				stack = g.frame(n.next, c.stack)
			}
			g.work.todo = append(g.work.todo, config{n.call, stack})
		case kindReturn:
			if c.stack == nil {
				g.work.accepts = true
				continue
			}
			g.work.todo = append(g.work.todo, config{c.stack.node, c.stack.parent})
		}
	}
}

// level is the depth of a stack.
func (f *frame) level() int32 {
	if f == nil {
		return 0
	}
	return f.depth
}

// frame returns the one frame of a return into a stack.
func (g *Grammar) frame(node int32, parent *frame) *frame {
	key := frameKey{node, parent}
	f, ok := g.frames[key]
	if !ok {
		f = &frame{node: node, parent: parent, depth: parent.level() + 1, id: uint32(len(g.frames) + 1)}
		g.frames[key] = f
	}
	return f
}

// end returns the state of what was expanded, nil when that is nothing.
func (g *Grammar) end() *state {
	w := &g.work
	g.visits += len(w.seen)
	if len(w.configs) == 0 && !w.accepts {
		return nil
	}
	slices.SortFunc(w.configs, func(a, b config) int {
		if a.node != b.node {
			return int(a.node) - int(b.node)
		}
		return int(a.stack.number()) - int(b.stack.number())
	})
	w.key = w.key[:0]
	for _, c := range w.configs {
		w.key = binary.LittleEndian.AppendUint32(w.key, uint32(c.node))
		w.key = binary.LittleEndian.AppendUint32(w.key, c.stack.number())
	}
	if w.accepts {
		w.key = append(w.key, 1)
	}
	s, ok := g.states[string(w.key)]
	if !ok {
		s = &state{configs: slices.Clone(w.configs), accepts: w.accepts, round: g.round}
		g.states[string(w.key)] = s
	}
	return s
}

// number tells frames apart, nil included.
func (f *frame) number() uint32 {
	if f == nil {
		return 0
	}
	return f.id
}

// step returns the state behind a symbol, nil when it cannot come.
func (g *Grammar) step(s *state, sym symbol) *state {
	g.begin()
	for _, c := range s.configs {
		for _, e := range g.nodes[c.node].edges {
			if sym >= e.low && sym <= e.high {
				g.expand(config{e.to, c.stack})
			}
		}
	}
	return g.end()
}

// byte returns the state behind a byte, and remembers it.
func (g *Grammar) byte(s *state, b byte) *state {
	if next := s.bytes[b]; next != nil {
		return next
	}
	if s.dead[b/64]>>(b%64)&1 != 0 {
		return nil
	}
	next := g.step(s, symbol(b))
	if next == nil {
		s.dead[b/64] |= 1 << (b % 64)
	}
	s.bytes[b] = next
	return next
}

// fresh makes room, and returns the state as one of the present round.
func (g *Grammar) fresh(s *state) *state {
	if len(g.states) > maxStates || g.masks > maxMasks {
		g.forget()
	}
	if s.round == g.round {
		return s
	}
	g.begin()
	for _, c := range s.configs {
		g.expand(config{c.node, g.adopt(c.stack)})
	}
	g.work.accepts = s.accepts
	return g.end()
}

// adopt returns the present round's frame for one of an earlier round.
func (g *Grammar) adopt(f *frame) *frame {
	if f == nil {
		return nil
	}
	return g.frame(f.node, g.adopt(f.parent))
}

// loops reports whether all plain bytes lead from a state back to it.
func (g *Grammar) loops(s *state) bool {
	if s.loop == unknown {
		s.loop = yes
		for b := byte(' '); b <= '~' && s.loop == yes; b++ {
			if isPlain(b) && g.byte(s, b) != s {
				s.loop = no
			}
		}
	}
	return s.loop == yes
}
