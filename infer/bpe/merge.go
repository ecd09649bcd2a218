package bpe

// pair is two neighbouring tokens.
type pair struct{ left, right int32 }

// merge is what a pair becomes, and how early.
type merge struct {
	rank   int32
	joined int32
}

// symbol is a link in the list of a word's current tokens. One that was joined
// into its left neighbour has token -1.
type symbol struct {
	token      int32
	prev, next int32
}

// candidate is a pair that could be joined, as it stood when it was found.
type candidate struct {
	rank  int32
	at    int32 // index of the left symbol
	pair  pair
	token int32 // what the pair becomes
}

// before orders candidates: lowest rank first, then leftmost.
func (c candidate) before(d candidate) bool {
	return c.rank < d.rank || c.rank == d.rank && c.at < d.at
}

// merger joins the tokens of one word after another, reusing its memory. The
// heap keeps a word of n bytes at O(n log n), so that a long word cannot be
// used to waste time.
type merger struct {
	merges  map[pair]merge
	symbols []symbol
	heap    []candidate
}

// join appends to dst the tokens that the word's byte tokens merge into.
func (m *merger) join(dst []int32, word []int32) []int32 {
	m.symbols, m.heap = m.symbols[:0], m.heap[:0]
	for i, token := range word {
		m.symbols = append(m.symbols, symbol{token: token, prev: int32(i) - 1, next: int32(i) + 1})
	}
	for i := range len(word) - 1 {
		m.offer(int32(i))
	}
	for len(m.heap) > 0 {
		c := m.pop()
		left := &m.symbols[c.at]
		if left.token != c.pair.left || int(left.next) >= len(word) {
			continue // joined away since it was found
		}
		right := &m.symbols[left.next]
		if right.token != c.pair.right {
			continue
		}
		left.token, right.token = c.token, -1
		left.next = right.next
		if int(left.next) < len(word) {
			m.symbols[left.next].prev = c.at
			m.offer(c.at)
		}
		if left.prev >= 0 {
			m.offer(left.prev)
		}
	}
	for i := int32(0); int(i) < len(word); i = m.symbols[i].next {
		dst = append(dst, m.symbols[i].token)
	}
	return dst
}

// offer puts the pair that begins at symbol at on the heap, if it can merge.
func (m *merger) offer(at int32) {
	s := m.symbols[at]
	p := pair{s.token, m.symbols[s.next].token}
	if found, ok := m.merges[p]; ok {
		m.push(candidate{rank: found.rank, at: at, pair: p, token: found.joined})
	}
}

func (m *merger) push(c candidate) {
	m.heap = append(m.heap, c)
	i := len(m.heap) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !m.heap[i].before(m.heap[parent]) {
			return
		}
		m.heap[i], m.heap[parent] = m.heap[parent], m.heap[i]
		i = parent
	}
}

func (m *merger) pop() candidate {
	top, last := m.heap[0], len(m.heap)-1
	m.heap[0] = m.heap[last]
	m.heap = m.heap[:last]
	i := 0
	for {
		child := 2*i + 1
		if child >= last {
			return top
		}
		if child+1 < last && m.heap[child+1].before(m.heap[child]) {
			child++
		}
		if !m.heap[child].before(m.heap[i]) {
			return top
		}
		m.heap[i], m.heap[child] = m.heap[child], m.heap[i]
		i = child
	}
}
