package gateway

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

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

// appendAll appends all that r has to dst. More than most bytes are an error.
func appendAll(dst []byte, r io.Reader, most int) ([]byte, error) {
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		switch {
		case len(dst) > most:
			return dst, fmt.Errorf("an answer of more than %d bytes", most)
		case errors.Is(err, io.EOF):
			return dst, nil
		case err != nil:
			return dst, err
		}
	}
}
