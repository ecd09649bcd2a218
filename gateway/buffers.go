package gateway

import "sync"

// buffers lends byte slices, so that a request's copy costs no garbage.
type buffers struct {
	pool sync.Pool
	most int // a slice with more room is not kept
}

// maxKept bounds what is kept of requests: one large prompt must not stay in memory for good.
const maxKept = 1 << 20

// get returns an empty slice with room for at least n bytes.
func (b *buffers) get(n int) []byte {
	if p, ok := b.pool.Get().(*[]byte); ok && cap(*p) >= n {
		return (*p)[:0]
	}
	return make([]byte, 0, max(n, smallRead))
}

// put takes a slice back. The caller must not use it any more.
func (b *buffers) put(s []byte) {
	if cap(s) == 0 || cap(s) > b.most {
		return
	}
	b.pool.Put(&s)
}
