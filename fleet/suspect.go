package fleet

import (
	"hash/maphash"

	"sluice"
)

// origin tells apart whose call it is and which: the tenant in the upper half,
// the request in the lower one. Zero: nobody's, whose failures are the engine's.
type origin = uint64

const (
	originTenant  = origin(0xffff_ffff_0000_0000)
	originRequest = origin(0x0000_0000_ffff_ffff)
)

// originTail is how much of a prompt's end tells requests apart: a client that
// tries the same one again, or one like it, is one witness.
const originTail = 512

// originOf returns where a call comes from.
func originOf(seed maphash.Seed, req *sluice.RouteRequest) origin {
	if req.Tenant == "" {
		return 0
	}
	tail := req.Prompt[1]
	if len(tail) > originTail {
		tail = tail[len(tail)-originTail:]
	}
	return maphash.String(seed, req.Tenant)&originTenant | (maphash.Bytes(seed, tail)+origin(req.Tokens))&originRequest | 1
}

// suspects are the failures in a row of which it is not known whether the engine
// or the request is at fault: each request once.
type suspects struct {
	n    int
	from [8]origin
}

// add notes a failure, unless the request is known.
func (s suspects) add(from origin) suspects {
	if s.index(from) < 0 && s.n < len(s.from) {
		s.from[s.n] = from
		s.n++
	}
	return s
}

// remove takes a failure back. ok: it was there.
func (s suspects) remove(from origin) (_ suspects, ok bool) {
	i := s.index(from)
	if i < 0 {
		return s, false
	}
	s.n--
	s.from[i] = s.from[s.n]
	return s, true
}

func (s *suspects) index(from origin) int {
	for i, other := range s.from[:s.n] {
		if other == from {
			return i
		}
	}
	return -1
}

// several reports whether they are of more than one tenant.
func (s *suspects) several() bool {
	for _, other := range s.from[:s.n] {
		if other&originTenant != s.from[0]&originTenant {
			return true
		}
	}
	return false
}
