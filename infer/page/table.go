package page

// Table is the pages of one sequence, in the order of its tokens.
type Table struct {
	pool  *Pool
	pages []ID
	full  int // pages whose tokens are all computed, and whose key last is
	last  Key
}

// Match returns how many of the first tokens of a sequence are in known pages,
// and how many of these pages no sequence uses, so that Free counts them.
// At most are looked for: whole pages up to that many tokens.
func (p *Pool) Match(salt string, tokens []int32, most int) (found, idle int) {
	key := Root(salt)
	for found+p.size <= min(most, len(tokens)) {
		key = key.Next(tokens[found : found+p.size])
		id, ok := p.known[key]
		if !ok {
			break
		}
		if p.pages[id].users == 0 {
			idle++
		}
		found += p.size
	}
	return found, idle
}

// Open returns the table of a sequence that begins with tokens. It has the
// known pages of at most the first so many tokens; Computed says how many these
// are.
func (p *Pool) Open(salt string, tokens []int32, most int) *Table {
	t := &Table{pool: p, last: Root(salt)}
	for t.Computed()+p.size <= min(most, len(tokens)) {
		key := t.last.Next(tokens[t.Computed() : t.Computed()+p.size])
		id, ok := p.known[key]
		if !ok {
			break
		}
		p.share(id)
		t.pages, t.full, t.last = append(t.pages, id), t.full+1, key
	}
	return t
}

// Pages are the table's pages; token i of the sequence is in page i/size. The
// slice is valid until the next call of a method.
func (t *Table) Pages() []ID { return t.pages }

// Computed is how many tokens are in pages known to be complete.
func (t *Table) Computed() int { return t.full * t.pool.size }

// Missing is how many pages the table lacks for n tokens.
func (t *Table) Missing(n int) int {
	return max(0, (n+t.pool.size-1)/t.pool.size-len(t.pages))
}

// Grow gives the table pages for n tokens in all. Without enough free pages it
// changes nothing and reports false.
func (t *Table) Grow(n int) bool {
	missing := t.Missing(n)
	if missing > t.pool.Free() {
		return false
	}
	for range missing {
		id, _ := t.pool.take()
		t.pages = append(t.pages, id)
	}
	return true
}

// Fill says that the pages hold these tokens, the sequence's first. Those that
// are full can be shared from now on.
func (t *Table) Fill(tokens []int32) {
	for t.Computed()+t.pool.size <= len(tokens) {
		t.last = t.last.Next(tokens[t.Computed() : t.Computed()+t.pool.size])
		t.pool.note(t.pages[t.full], t.last)
		t.full++
	}
}

// Close gives the pages back. The last ones are forgotten first, when their
// memory is needed: without those before them nobody finds them.
func (t *Table) Close() {
	for i := len(t.pages) - 1; i >= 0; i-- {
		t.pool.drop(t.pages[i])
	}
	t.pages, t.full = nil, 0
}
