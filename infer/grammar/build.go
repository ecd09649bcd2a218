package grammar

import (
	"errors"
	"math"
)

// maxNodes bounds the automaton of one schema.
const maxNodes = 200_000

// errTooLarge says that a schema's automaton is over the bound.
var errTooLarge = errors.New("the schema is too large: its counts, patterns and names need over 200,000 states")

// kind is what a node does.
type kind uint8

const (
	kindSplit  kind = iota // goes to any of its edges' targets, taking nothing
	kindTake               // takes a symbol and goes where its edge says
	kindCall               // goes to call and, when that returns, to next
	kindReturn             // returns to the caller, or accepts
)

// symbol is a byte, or a special token as the builder numbers them: anySpecial
// stands for those that the grammar does not name.
type symbol uint16

const (
	anySpecial   symbol = 256
	firstSpecial symbol = 257
)

// edge leads on; of a split only to is used.
type edge struct {
	low, high symbol
	to        int32
}

// node is a state of the automaton.
type node struct {
	kind       kind
	edges      []edge
	call, next int32
}

// builder makes an automaton. Its parts are built from their end: each method
// takes the node that follows and returns the one that begins.
type builder struct {
	nodes    []node
	specials []string // the special tokens named, by symbol from firstSpecial on
	known    func(string) bool
	shared   map[string]int32 // rules of the language of JSON, by name
	err      error
}

func newBuilder(known func(string) bool) *builder {
	return &builder{known: known, shared: map[string]int32{}}
}

// add appends a node. Over the bound it keeps the error and the first node.
func (b *builder) add(n node) int32 {
	if len(b.nodes) >= maxNodes {
		b.err = errTooLarge
		return 0
	}
	b.nodes = append(b.nodes, n)
	return int32(len(b.nodes) - 1)
}

func (b *builder) finish() int32 { return b.add(node{kind: kindReturn}) }

// either goes to any of the nodes.
func (b *builder) either(to ...int32) int32 {
	if len(to) == 1 {
		return to[0]
	}
	id := b.add(node{kind: kindSplit})
	b.become(id, to...)
	return id
}

// later makes a node whose targets become gives it: for loops and recursion.
func (b *builder) later() int32 { return b.add(node{kind: kindSplit}) }

func (b *builder) become(id int32, to ...int32) {
	if b.err != nil {
		return
	}
	edges := make([]edge, len(to))
	for i, t := range to {
		edges[i].to = t
	}
	b.nodes[id].edges = edges
}

// take takes a byte from low to high.
func (b *builder) take(low, high byte, next int32) int32 {
	return b.add(node{kind: kindTake, edges: []edge{{symbol(low), symbol(high), next}}})
}

// one takes one of the bytes.
func (b *builder) one(bytes string, next int32) int32 {
	edges := make([]edge, len(bytes))
	for i := range len(bytes) {
		edges[i] = edge{symbol(bytes[i]), symbol(bytes[i]), next}
	}
	return b.add(node{kind: kindTake, edges: edges})
}

// literal takes the text.
func (b *builder) literal(text string, next int32) int32 {
	for i := len(text) - 1; i >= 0; i-- {
		next = b.take(text[i], text[i], next)
	}
	return next
}

// call runs a rule: an automaton of its own that ends in a return.
func (b *builder) call(rule, next int32) int32 {
	return b.add(node{kind: kindCall, call: rule, next: next})
}

// repeat takes part from min to max times; max is -1 for any number. It calls
// part for each node that follows.
func (b *builder) repeat(min, max int, next int32, part func(next int32) int32) int32 {
	at := next
	if max < 0 {
		at = b.later()
		b.become(at, next, part(at))
	}
	for i := max; i > min && b.err == nil; i-- {
		at = b.either(next, part(at))
	}
	for i := 0; i < min && b.err == nil; i++ {
		at = part(at)
	}
	return at
}

// rule returns the shared rule of a name, building it when it is first asked
// for.
func (b *builder) rule(name string, build func(end int32) int32) int32 {
	if id, ok := b.shared[name]; ok {
		return id
	}
	id := b.later()
	b.shared[name] = id
	b.become(id, build(b.finish()))
	return id
}

// needs computes for each node how deep the stack must grow until its rule
// returns; math.MaxInt32 for those from which it never does. A node whose need
// falls has those that lead to it looked at again.
func (b *builder) needs() []int32 {
	need := make([]int32, len(b.nodes))
	users := make([][]int32, len(b.nodes))
	todo := make([]int32, 0, len(b.nodes))
	waits := make([]bool, len(b.nodes))
	for i := range b.nodes {
		n, id := &b.nodes[i], int32(i)
		need[i], waits[i] = math.MaxInt32, true
		todo = append(todo, id)
		for _, e := range n.edges {
			users[e.to] = append(users[e.to], id)
		}
		if n.kind == kindCall {
			users[n.call], users[n.next] = append(users[n.call], id), append(users[n.next], id)
		}
	}
	for len(todo) > 0 {
		id := todo[0]
		todo, waits[id] = todo[1:], false
		n := b.need(&b.nodes[id], need)
		if n >= need[id] {
			continue
		}
		need[id] = n
		for _, user := range users[id] {
			if !waits[user] {
				todo, waits[user] = append(todo, user), true
			}
		}
	}
	return need
}

func (b *builder) need(n *node, need []int32) int32 {
	switch n.kind {
	case kindReturn:
		return 0
	case kindCall:
		inner := need[n.call]
		if inner == math.MaxInt32 || b.nodes[n.next].kind == kindReturn {
			return inner // a call in last place needs no room
		}
		return max(inner+1, need[n.next])
	}
	least := int32(math.MaxInt32)
	for _, e := range n.edges {
		least = min(least, need[e.to])
	}
	return least
}
