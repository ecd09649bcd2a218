package kernel

// Ahead is the weights of a job that is to come: each worker's first ones. A
// worker that waits for that job reads them into its cache meanwhile, so that
// memory is not idle while the caller computes what cannot be shared.
type Ahead struct {
	shares [][]byte // of each worker
}

// Most of a second cache is aheadBytes; a worker looks for its job after each
// aheadStep of them, about a tenth of a microsecond.
const (
	aheadBytes = 512 << 10
	aheadStep  = 4 << 10
	cacheLine  = 64
)

// NewAhead returns what is to be read ahead of a MulAll with these matrices.
func (p *Pool) NewAhead(matrices ...Matrix) *Ahead {
	a := &Ahead{make([][]byte, p.threads)}
	var cuts []product
	pieces := 0
	for _, m := range matrices {
		c := p.cut(m.(factor))
		cuts, pieces = append(cuts, c), pieces+c.pieces
	}
	for w := range a.shares {
		i, k := pieces*w/p.threads, 0
		for ; i >= cuts[k].pieces; k++ {
			i -= cuts[k].pieces
		}
		if m, packed := cuts[k].m.(*packedMatrix); packed {
			share := m.data[i*cuts[k].per*m.groupBytes():]
			a.shares[w] = share[:min(len(share), aheadBytes)]
		}
	}
	return a
}

// Expect says which job comes after the next one.
func (p *Pool) Expect(a *Ahead) { p.ahead.Store(a) }

// reader is how far a worker has read ahead.
type reader struct {
	of  *Ahead
	at  int
	sum byte // of what was read, so that it is read
}

// read reads the next step of worker w's share, and reports whether there was one.
func (r *reader) read(a *Ahead, w int) bool {
	if r.of != a {
		r.of, r.at = a, 0
	}
	if a == nil || r.at >= len(a.shares[w]) {
		return false
	}
	step := a.shares[w][r.at:min(r.at+aheadStep, len(a.shares[w]))]
	for i := 0; i < len(step); i += cacheLine {
		r.sum += step[i]
	}
	r.at += aheadStep
	return true
}
