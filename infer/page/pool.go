package page

import "container/list"

// ID is the number of a page, from 0 on.
type ID int32

// Pool is all pages of a cache. It is used by one goroutine at a time.
type Pool struct {
	size  int // tokens a page
	pages []entry
	fresh int        // pages[fresh:] were never used
	empty []ID       // used before, and now holding nothing known
	idle  *list.List // of ID: known, used by no sequence, the longest unused first
	known map[Key]ID
}

// entry is what the pool knows of one page.
type entry struct {
	users int // tables that have it
	known bool
	key   Key           // when known
	idle  *list.Element // when known and without users
}

// NewPool returns a pool of n pages for size tokens each.
func NewPool(n, size int) *Pool {
	return &Pool{size: size, pages: make([]entry, n), idle: list.New(), known: map[Key]ID{}}
}

// Size is the number of tokens of a page.
func (p *Pool) Size() int { return p.size }

// Pages is the number of pages, used or not.
func (p *Pool) Pages() int { return len(p.pages) }

// Free is how many pages can be had for new tokens. Those that are known and
// used by no sequence count: they are forgotten when needed.
func (p *Pool) Free() int { return len(p.pages) - p.fresh + len(p.empty) + p.idle.Len() }

// Known is how many full pages can be found by their content.
func (p *Pool) Known() int { return len(p.known) }

// take gives a page to one user. Memory that was never used goes first, after
// what was used and is empty, so that a known page is forgotten only when all
// memory is in use.
func (p *Pool) take() (ID, bool) {
	var id ID
	switch {
	case len(p.empty) > 0:
		id = p.empty[len(p.empty)-1]
		p.empty = p.empty[:len(p.empty)-1]
	case p.fresh < len(p.pages):
		id = ID(p.fresh)
		p.fresh++
	case p.idle.Len() > 0:
		id = p.idle.Front().Value.(ID)
		p.idle.Remove(p.idle.Front())
		delete(p.known, p.pages[id].key)
		p.pages[id] = entry{}
	default:
		return 0, false
	}
	p.pages[id].users = 1
	return id, true
}

// share gives a known page to one more user.
func (p *Pool) share(id ID) {
	e := &p.pages[id]
	if e.idle != nil {
		p.idle.Remove(e.idle)
		e.idle = nil
	}
	e.users++
}

// drop takes a page from one of its users.
func (p *Pool) drop(id ID) {
	e := &p.pages[id]
	e.users--
	switch {
	case e.users > 0:
	case e.known:
		e.idle = p.idle.PushBack(id)
	default:
		p.empty = append(p.empty, id)
	}
}

// note makes a page known by its key, unless another page is.
func (p *Pool) note(id ID, key Key) {
	if _, taken := p.known[key]; taken {
		return
	}
	p.known[key] = id
	p.pages[id].known, p.pages[id].key = true, key
}
